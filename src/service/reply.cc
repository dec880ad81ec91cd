// SPDX-License-Identifier: Apache-2.0
#include "service/reply.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "model/limits.h"

namespace tripla {
namespace {

// Says what the first refused operation met; a batch is decided operation by operation, so others
// may have been applied.
absl::Status DescribeRefusal(std::span<const Outcome> outcomes, size_t refused, Applied& applied) {
  const absl::Status error = RefusalError(outcomes[refused].refusal);
  const bool none_applied = std::ranges::all_of(outcomes, [](const Outcome& outcome) {
    return outcome.refusal != Refusal::kNone && AppliedAfter(outcome.refusal) == Applied::kNo;
  });
  applied = none_applied ? Applied::kNo : Applied::kUnknown;
  return absl::Status(
      error.code(), fmt::format("operation {} of the batch: {} (the other operations were decided "
                                "on their own)",
                                refused, std::string(error.message())));
}

}  // namespace

void FillReply(const Outcome& outcome, v1::Reply& reply) {
  reply.set_result(static_cast<v1::Result>(outcome.result));
  reply.set_revision(outcome.revision);
  reply.set_replayed(outcome.replayed);
  if (!outcome.entry) return;
  v1::Triple& value = *reply.mutable_value();
  value.set_version(outcome.entry->version());
  value.set_timestamp(outcome.entry->timestamp());
  const std::string_view data = outcome.entry->data();
  value.set_data(data.data(), data.size());
}

size_t DataBytes(std::span<const Outcome> outcomes) {
  size_t bytes = 0;
  for (const Outcome& outcome : outcomes) {
    if (outcome.entry) bytes += outcome.entry->data().size();
  }
  return bytes;
}

absl::Status FillBatchReply(std::span<const Outcome> outcomes, v1::BatchReply& reply,
                            Applied& applied) {
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].refusal != Refusal::kNone) return DescribeRefusal(outcomes, i, applied);
  }
  const size_t bytes = DataBytes(outcomes);
  if (bytes > limits::kBatchReplyBytesMax) {
    applied = Applied::kUnknown;
    return absl::ResourceExhaustedError(
        fmt::format("the batch was executed, but its replies have {} bytes of data; {} can be sent",
                    bytes, limits::kBatchReplyBytesMax));
  }
  for (const Outcome& outcome : outcomes) FillReply(outcome, *reply.add_replies());
  return absl::OkStatus();
}

}  // namespace tripla
