// SPDX-License-Identifier: Apache-2.0
#include "check/run.h"

#include <fmt/core.h>

#include <span>
#include <utility>

#include "base/quantity.h"
#include "check/batch.h"
#include "tripla/operation.h"

namespace tripla::check {
namespace {

// Of one call that removes keys.
constexpr size_t kKeysPerCall = 500;

bool NoAnswer(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
         status.error_code() == grpc::StatusCode::CANCELLED;
}

// 0 stands for what is not advertised.
void Lower(std::optional<uint64_t>& limit, uint64_t advertised) {
  if (advertised != 0) limit = std::min(limit.value_or(advertised), advertised);
}

}  // namespace

Run::Run(Plan plan)
    : plan_(std::move(plan)),
      caller_(std::make_unique<Caller>(plan_.endpoints, plan_.timeout,
                                       std::make_shared<RequestIds>(), traffic_)),
      cleaner_(std::make_unique<Caller>(plan_.endpoints, plan_.timeout, caller_->shared_ids(),
                                        cleaning_)) {}

absl::Status Run::Reach() {
  Limits limits;
  for (size_t i = 0; i < caller_->endpoints(); ++i) {
    const Told<v1::StatusReply> told = caller_->Status(i);
    if (NoAnswer(told.status)) {
      const std::string why = caller_->WhyNotConnected(i);
      return absl::UnavailableError(fmt::format("no answer from {} within {}: {}",
                                                plan_.endpoints[i], DurationText(plan_.timeout),
                                                why.empty() ? TextOf(told.status) : why));
    }
    Lower(limits.data_bytes, told.reply.data_bytes_max());
    Lower(limits.batch_operations, told.reply.batch_operations_max());
    Lower(limits.batch_bytes, told.reply.batch_bytes_max());
  }
  limits_ = limits;
  return absl::OkStatus();
}

void Run::Clear(size_t first) { Clear(keys_.Used(first)); }

void Run::ClearLeft() { Clear(std::exchange(left_, {})); }

void Run::Clear(const std::vector<Key>& keys) {
  const size_t per_call = limits_.OperationsAtMost(kKeysPerCall);
  for (size_t i = 0; i < keys.size(); i += per_call) {
    const auto begin = keys.begin() + static_cast<ptrdiff_t>(i);
    const auto end = keys.begin() + static_cast<ptrdiff_t>(std::min(i + per_call, keys.size()));
    if (Remove({begin, end})) continue;
    // Whoever waited for one call in vain need not wait for all the others.
    left_.insert(left_.end(), begin, keys.end());
    return;
  }
}

bool Run::Remove(const std::vector<Key>& keys) {
  const RequestIds::Lease lease(cleaner_->ids(), keys.size());
  std::vector<Operation> dels;
  for (const Key& key : keys) dels.emplace_back(DelOperation{key});
  const v1::BatchRequest request = MakeBatch(dels, cleaner_->ids(), lease);
  const ToldBatch batch = cleaner_->SettleBatch(request);
  if (batch.ok()) return true;
  why_left_ = TextOf(batch.status);
  if (NoAnswer(batch.status)) return false;
  // Perhaps the replies, which carry what was removed, are too large for one message.
  for (const v1::Operation& del : request.operations()) {
    const ToldReply told = cleaner_->Settle(del);
    why_left_ = TextOf(told.status);
    if (!told.ok()) return false;
  }
  return true;
}

}  // namespace tripla::check
