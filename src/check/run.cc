// SPDX-License-Identifier: Apache-2.0
#include "check/run.h"

#include <fmt/core.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/quantity.h"
#include "base/status_macros.h"
#include "check/batch.h"
#include "tripla/operation.h"

namespace tripla::check {
namespace {

// Of one call that removes keys; small enough for the limits of any server.
constexpr size_t kKeysPerCall = 500;

bool NoAnswer(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
}

absl::Status NotRemoved(size_t keys, const grpc::Status& status) {
  return absl::UnavailableError(
      fmt::format("{} keys of this run may be left: {}", keys, TextOf(status)));
}

}  // namespace

Run::Run(Plan plan)
    : plan_(std::move(plan)),
      caller_(std::make_unique<Caller>(plan_.endpoints, plan_.timeout,
                                       std::make_shared<RequestIds>())) {}

absl::Status Run::Reach() {
  for (size_t i = 0; i < caller_->endpoints(); ++i) {
    const Told<v1::StatusReply> told = caller_->Status(i);
    if (NoAnswer(told.status)) {
      return absl::UnavailableError(fmt::format("no answer from {} within {}: {}",
                                                plan_.endpoints[i], DurationText(plan_.timeout),
                                                TextOf(told.status)));
    }
    const v1::StatusReply& status = told.reply;
    if (status.data_bytes_max() != 0) limits_.data_bytes = status.data_bytes_max();
    if (status.batch_operations_max() != 0) {
      limits_.batch_operations = status.batch_operations_max();
    }
  }
  return absl::OkStatus();
}

absl::Status Run::Clear(size_t first) {
  const std::vector<Key> keys = keys_.Used(first);
  for (size_t i = 0; i < keys.size(); i += kKeysPerCall) {
    const auto end = keys.begin() + static_cast<ptrdiff_t>(std::min(i + kKeysPerCall, keys.size()));
    TRIPLA_RETURN_IF_ERROR(Remove({keys.begin() + static_cast<ptrdiff_t>(i), end}));
  }
  return absl::OkStatus();
}

absl::Status Run::Remove(const std::vector<Key>& keys) {
  const RequestIds::Lease lease(caller_->ids(), keys.size());
  std::vector<Operation> dels;
  for (const Key& key : keys) dels.emplace_back(DelOperation{key});
  const v1::BatchRequest request = MakeBatch(dels, caller_->ids(), lease);
  if (caller_->SettleBatch(request).ok()) return absl::OkStatus();
  // Perhaps the replies, which carry what was removed, are too large for one message.
  for (const v1::Operation& del : request.operations()) {
    const ToldReply told = caller_->Settle(del);
    if (!told.ok()) return NotRemoved(keys.size(), told.status);
  }
  return absl::OkStatus();
}

}  // namespace tripla::check
