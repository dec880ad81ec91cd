// SPDX-License-Identifier: Apache-2.0
#include "check/history_client.h"

#include <fmt/core.h>

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include "check/batch.h"
#include "check/key_state.h"
#include "client/backoff.h"
#include "client/wire.h"

namespace tripla::check {
namespace {

using Clock = std::chrono::steady_clock;
using Applied = Failure::Applied;

constexpr std::chrono::milliseconds kBackoffMin{2};
constexpr std::chrono::milliseconds kBackoffMax{200};

// More of them on one key would cost the judge too much.
constexpr size_t kGivenUpAtOnce = 2;

bool OneIn(int n, std::mt19937_64& chance) { return chance() % static_cast<uint64_t>(n) == 0; }

}  // namespace

HistoryClient::HistoryClient(Trial& trial, int number, HistoryManners manners)
    : trial_(trial), number_(number), manners_(std::move(manners)) {
  Connect();
}

void HistoryClient::Connect() {
  caller_ = std::make_unique<Caller>(manners_.endpoints, manners_.patience, ids_, trial_.traffic());
}

void HistoryClient::Play(const std::vector<Key>& keys, int calls, std::mt19937_64& chance) {
  for (int i = 0; i < calls && !trial_.Over(); ++i) {
    if (keys.size() > 1 && OneIn(10, chance)) {
      CallBatch(keys, chance);
    } else {
      CallOne(Choose(keys, chance), chance);
    }
  }
}

Operation HistoryClient::Choose(const std::vector<Key>& keys, std::mt19937_64& chance) {
  const Key& key = keys[chance() % keys.size()];
  const auto seen = seen_.find(key);
  const bool present = seen != seen_.end() && seen->second.value;
  int64_t version = present ? seen->second.value->version : 1;
  if (OneIn(8, chance)) ++version;
  const uint64_t guard = present && OneIn(4, chance) ? seen->second.revision : 0;
  const auto timestamp = static_cast<int64_t>(chance());
  const std::string data = fmt::format("{}.{}", number_, ++written_);
  switch (chance() % 20) {
    case 0:
    case 1:
      return DelOperation{key};
    case 2:
      return DelVersionOperation{key, version, guard};
    case 3:
    case 4:
    case 5:
    case 6:
      return SetOperation{key, timestamp, data};
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
      return TestAndSetOperation{key, timestamp, data, version, guard};
    default:
      return GetOperation{key};
  }
}

template <typename Send>
auto HistoryClient::Persist(const Send& send, bool may_give_up) {
  decltype(send()) told{.status = {grpc::StatusCode::UNAVAILABLE, "no connection"}};
  told.error.failure = {.code = absl::StatusCode::kUnavailable, .applied = Applied::kNo};
  told.attempts = 0;
  Applied applied = Applied::kNo;  // by any attempt so far
  Backoff backoff(kBackoffMin, kBackoffMax, std::random_device()());
  const Clock::time_point deadline = Clock::now() + trial_.plan().timeout;
  while (Clock::now() < deadline && !trial_.Over()) {
    if (caller_->Connect(manners_.patience)) {
      const int attempts = told.attempts + 1;
      told = send();
      told.attempts = attempts;
      if (told.ok()) break;
      applied = std::max(applied, told.error.failure.applied);
    }
    if (may_give_up && applied == Applied::kUnknown) break;
    Connect();  // what was silent once will not speak again
    std::this_thread::sleep_for(backoff.Next());
  }
  told.error.failure.applied = applied;
  return told;
}

void HistoryClient::CallOne(const Operation& operation, std::mt19937_64& chance) {
  v1::Operation request = ToWire(operation);
  const auto lease = std::make_shared<RequestIds::Lease>(*ids_, 1);
  SetRequestId(request, MakeId(ids_->client(), lease->first(), lease->first_unanswered()));
  const bool may_give_up =
      manners_.gives_up && given_up_.size() < kGivenUpAtOnce && OneIn(2, chance);
  const Clock::time_point began = Clock::now();
  const ToldReply told = Persist([&] { return caller_->Send(request); }, may_give_up);
  if (!told.ok()) return LeaveUnknown({operation}, {request}, lease, began, told, may_give_up);
  const std::optional<Decided> reply = Read(told.reply, !request.has_get() && told.attempts > 1);
  if (!reply) return;
  Record(operation, began, reply);
  if (!request.has_get() && OneIn(10, chance)) SendAgain(operation, request, *reply);
}

void HistoryClient::CallBatch(const std::vector<Key>& keys, std::mt19937_64& chance) {
  std::vector<Operation> operations;
  std::vector<Key> others = keys;
  std::ranges::shuffle(others, chance);
  // Each key once: what a batch promises beyond that is for other claims.
  for (size_t i = 0; i < std::min<size_t>(3, others.size()); ++i) {
    operations.push_back(Choose({others[i]}, chance));
  }
  const auto lease = std::make_shared<RequestIds::Lease>(*ids_, operations.size());
  const v1::BatchRequest request = MakeBatch(operations, *ids_, *lease);
  const Clock::time_point began = Clock::now();
  const ToldBatch told = Persist([&] { return caller_->SendBatch(request); }, false);
  if (!told.ok()) {
    return LeaveUnknown(operations, {request.operations().begin(), request.operations().end()},
                        lease, began, told, false);
  }
  const bool complete = told.reply.replies_size() == request.operations_size();
  if (!trial_.Check(complete, "a batch", "as many replies", "another number of replies")) return;
  for (int i = 0; i < request.operations_size(); ++i) {
    const bool write = !request.operations(i).has_get();
    const auto reply = Read(told.reply.replies(i), write && told.attempts > 1);
    if (!reply) return;
    Record(operations[static_cast<size_t>(i)], began, reply);
  }
}

template <typename Message>
void HistoryClient::LeaveUnknown(const std::vector<Operation>& operations,
                                 const std::vector<v1::Operation>& requests,
                                 const std::shared_ptr<RequestIds::Lease>& lease,
                                 HistoryCall::Time began, const Told<Message>& told,
                                 bool may_give_up) {
  if (told.error.failure.applied == Applied::kUnknown) {
    for (const Operation& operation : operations) Record(operation, began, std::nullopt);
    for (const v1::Operation& request : requests) {
      if (!request.has_get()) given_up_.push_back({request, lease});
    }
  }
  if (may_give_up || trial_.Over()) return;
  trial_.NotDecided("an operation", "a decision", told.status, told.error);
}

std::optional<Decided> HistoryClient::Read(const v1::Reply& message, bool may_be_replayed) {
  std::optional<Decided> reply = FromWire(message);
  if (!trial_.Check(reply && (may_be_replayed || !reply->replayed), "an operation",
                    "a result, and replayed only when sent twice",
                    reply ? TextOf(*reply) : "a reply without a result")) {
    return std::nullopt;
  }
  reply->replayed = false;
  return reply;
}

void HistoryClient::SendAgain(const Operation& operation, const v1::Operation& request,
                              const Decided& first) {
  const ToldReply told = caller_->Send(request);
  if (!told.ok()) return;  // it has been decided; nothing hangs on this
  const std::optional<Decided> again = FromWire(told.reply);
  Decided wanted = first;
  wanted.replayed = true;
  trial_.Check(again == wanted, TextOf(operation) + ", sent again", TextOf(wanted),
               again ? TextOf(*again) : "a reply without a result");
}

void HistoryClient::Record(const Operation& operation, HistoryCall::Time began,
                           std::optional<Decided> reply) {
  HistoryCall call{.client = number_, .operation = operation, .began = began};
  if (reply) {
    call.ended = Clock::now();
    Decided& seen = seen_[KeyOf(operation)] = *reply;
    // What a testAndSet shows is what it replaced.
    const bool replaced = std::holds_alternative<TestAndSetOperation>(operation) &&
                          reply->result == Result::kSuccess && seen.value;
    if (replaced) ++seen.value->version;
    call.reply = std::move(reply);
  }
  history_.push_back(std::move(call));
}

History HistoryClient::TakeHistory() {
  seen_.clear();
  return std::exchange(history_, {});
}

void HistoryClient::SettleGivenUp(Caller& caller) {
  for (const GivenUp& one : std::exchange(given_up_, {})) {
    const ToldReply told = caller.Settle(one.request);
    if (!told.ok()) trial_.NotDecided("a write given up", "a decision", told.status, told.error);
  }
}

}  // namespace tripla::check
