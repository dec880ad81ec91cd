// SPDX-License-Identifier: Apache-2.0
//
// Payloads of log records: what is no batch is refused, and what is one has one encoding only.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "model/batch_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<tripla::Batch> batch = tripla::DecodeBatch(bytes);
  if (!batch.ok()) {
    TRIPLA_CHECK(absl::IsDataLoss(batch.status()) || absl::IsUnimplemented(batch.status()),
                 "nothing else is wrong");
    return 0;
  }
  std::string encoded;
  tripla::EncodeBatch(*batch, encoded);
  TRIPLA_CHECK(encoded == bytes, "a batch has one encoding");
  size_t expected = sizeof(uint32_t);
  for (const tripla::Command& command : batch->commands) expected += tripla::EncodedBytes(command);
  TRIPLA_CHECK(expected == size, "the size is known before");
  return 0;
}
