// SPDX-License-Identifier: Apache-2.0
//
// What a stranger's client sends as a BatchRequest: what passes the check at the edge keeps every
// promise on which the rooms behind it rely.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "model/batch_codec.h"
#include "model/limits.h"
#include "service/request_check.h"

namespace tripla {
namespace {

constexpr size_t kDataBytesMax = 100;

void CheckCommands(std::vector<Command> commands, const v1::BatchRequest& request) {
  TRIPLA_CHECK(static_cast<int>(commands.size()) == request.operations_size(), "none is left out");
  for (const Command& command : commands) {
    TRIPLA_CHECK(command.data.size() <= kDataBytesMax, "data is within its limit");
    TRIPLA_CHECK(command.key.twos_complement().size() <= limits::kKeyBytesMax, "so is the key");
    TRIPLA_CHECK(!command.request_id || command.request_id->sequence != 0, "sequences begin at 1");
    TRIPLA_CHECK(command.kind != CommandKind::kGet || !command.request_id, "a read has no id");
  }
  const Batch batch{std::move(commands)};
  std::string bytes;
  EncodeBatch(batch, bytes);
  const absl::StatusOr<Batch> decoded = DecodeBatch(bytes);
  TRIPLA_CHECK(decoded.ok() && *decoded == batch, "the log keeps it as it is");
}

}  // namespace
}  // namespace tripla

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tripla::v1::BatchRequest request;
  if (!request.ParseFromArray(data, static_cast<int>(size))) return 0;
  absl::StatusOr<std::vector<tripla::Command>> commands =
      tripla::ToCommands(request, tripla::kDataBytesMax);
  if (commands.ok()) {
    tripla::CheckCommands(*std::move(commands), request);
    return 0;
  }
  TRIPLA_CHECK(
      absl::IsInvalidArgument(commands.status()) || absl::IsResourceExhausted(commands.status()),
      "nothing else is wrong");
  return 0;
}
