// SPDX-License-Identifier: Apache-2.0
#include "service/reply.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "service/request_check.h"

namespace tripla {
namespace {

// Whether the write has changed something, or may have under the same request id earlier.
bool MayHaveChanged(const Outcome& outcome) {
  if (outcome.refusal != Refusal::kNone) return AppliedAfter(outcome.refusal) != Applied::kNo;
  return outcome.result == Result::kSuccess;
}

absl::Status DescribeRefusal(std::span<const Outcome> outcomes, size_t refused) {
  const absl::Status error = RefusalError(outcomes[refused].refusal);
  return absl::Status(
      error.code(), fmt::format("operation {} of the batch: {} (the other operations were decided "
                                "on their own)",
                                refused, std::string(error.message())));
}

}  // namespace

void FillReply(const Outcome& outcome, bool without_data, v1::Reply& reply) {
  reply.set_result(static_cast<v1::Result>(outcome.result));
  reply.set_revision(outcome.revision);
  reply.set_replayed(outcome.replayed);
  if (!outcome.entry) return;
  v1::Triple& value = *reply.mutable_value();
  value.set_version(outcome.entry->version());
  value.set_timestamp(outcome.entry->timestamp());
  if (without_data) return;
  const std::string_view data = outcome.entry->data();
  value.set_data(data.data(), data.size());
}

size_t DataBytes(const Outcome& outcome, bool without_data) {
  return outcome.entry && !without_data ? outcome.entry->data().size() : 0;
}

size_t DataBytes(const DecidedBatch& batch) {
  size_t bytes = 0;
  for (size_t i = 0; i < batch.outcomes.size(); ++i) {
    const v1::Operation& operation = batch.request.operations(static_cast<int>(i));
    bytes += DataBytes(batch.outcomes[i], WithoutData(operation));
  }
  return bytes;
}

void FillReply(const DecidedBatch& batch, v1::BatchReply& reply) {
  for (size_t i = 0; i < batch.outcomes.size(); ++i) {
    const v1::Operation& operation = batch.request.operations(static_cast<int>(i));
    FillReply(batch.outcomes[i], WithoutData(operation), *reply.add_replies());
  }
}

void FillReplyWithoutData(const DecidedBatch& batch, v1::BatchReply& reply) {
  for (const Outcome& outcome : batch.outcomes) FillReply(outcome, true, *reply.add_replies());
}

absl::Status FindRefusal(const DecidedBatch& batch, Applied& applied) {
  const auto refused = std::ranges::find_if(
      batch.outcomes, [](const Outcome& outcome) { return outcome.refusal != Refusal::kNone; });
  if (refused == batch.outcomes.end()) return absl::OkStatus();
  // A batch is decided operation by operation, so others may have been applied.
  applied = HasChanged(batch) ? Applied::kUnknown : Applied::kNo;
  return DescribeRefusal(batch.outcomes, refused - batch.outcomes.begin());
}

bool HasChanged(const DecidedBatch& batch) {
  for (size_t i = 0; i < batch.outcomes.size(); ++i) {
    const bool reads = batch.request.operations(static_cast<int>(i)).has_get();
    if (!reads && MayHaveChanged(batch.outcomes[i])) return true;
  }
  return false;
}

}  // namespace tripla
