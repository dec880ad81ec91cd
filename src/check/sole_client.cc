// SPDX-License-Identifier: Apache-2.0
#include "check/sole_client.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "check/batch.h"
#include "client/wire.h"

namespace tripla::check {
namespace {

std::optional<std::string> CheckRevision(const RevisionWatch::Asked& asked,
                                         const Operation& operation, const Decided& reply) {
  if (IsChange(operation, reply)) return asked.Change(reply.revision);
  if (!reply.value) return asked.Absent(reply.revision);
  asked.Stored(reply.revision);
  return std::nullopt;
}

}  // namespace

std::optional<Decided> SoleClient::Do(const Operation& operation) {
  return Do(operation, ToWire(operation));
}

std::optional<Decided> SoleClient::Do(const Operation& operation, v1::Operation request) {
  const RevisionWatch::Asked asked(trial_.revisions());
  if (way_ == Way::kPlain || request.has_get()) return Judge(operation, Send(request), asked);
  const RequestIds::Lease lease(caller_.ids(), 1);
  SetRequestId(request, MakeId(caller_.ids().client(), lease.first(), lease.first_unanswered()));
  return Judge(operation, Send(request), asked);
}

std::optional<Decided> SoleClient::Expect(const Operation& operation, Result result,
                                          const std::optional<Triple>& value) {
  return Expect(operation, ToWire(operation), result, value);
}

std::optional<Decided> SoleClient::Expect(const Operation& operation, v1::Operation request,
                                          Result result, const std::optional<Triple>& value) {
  const std::optional<Decided> reply = Do(operation, std::move(request));
  if (!reply) return std::nullopt;
  const Decided wanted{.result = result, .value = value, .revision = reply->revision};
  const bool holds = reply->result == result && reply->value == value;
  trial_.Check(holds, TextOf(operation), TextOf(wanted), TextOf(*reply));
  return holds ? reply : std::nullopt;
}

KeyState SoleClient::Take(const Key& key) {
  const auto found = states_.find(key);
  if (found == states_.end()) return {};
  KeyState state = std::move(found->second);
  states_.erase(found);
  return state;
}

ToldReply SoleClient::Send(const v1::Operation& request) {
  if (way_ != Way::kBatch) return caller_.Settle(request);
  v1::BatchRequest batch;
  *batch.add_operations() = request;
  ToldBatch told = caller_.SettleBatch(batch);
  ToldReply one{.status = told.status, .error = told.error, .attempts = told.attempts};
  if (!told.ok()) return one;
  // A reply of no kind is told for a batch that answers another number of operations than one.
  if (told.reply.replies_size() == 1) one.reply = told.reply.replies(0);
  return one;
}

std::optional<Decided> SoleClient::Judge(const Operation& operation, const ToldReply& told,
                                         const RevisionWatch::Asked& asked) {
  KeyState& state = states_[KeyOf(operation)];
  const std::string expected = state.known ? Predict(state, operation).ToText() : "a decision";
  if (!told.ok()) {
    trial_.NotDecided(TextOf(operation), expected, told.status, told.error);
    state.known = false;
    return std::nullopt;
  }
  const std::optional<Decided> reply = FromWire(told.reply);
  if (!reply) {
    trial_.Fail(TextOf(operation), expected, "a reply without a result");
    state.known = false;
    return std::nullopt;
  }
  if (!JudgeReply(operation, *reply, told.attempts)) return std::nullopt;
  const std::optional<std::string> wrong = CheckRevision(asked, operation, *reply);
  if (!wrong) return reply;
  trial_.Fail(TextOf(operation), "a revision that fits all replies before", *wrong);
  return std::nullopt;
}

bool SoleClient::JudgeReply(const Operation& operation, const Decided& reply, int attempts) {
  KeyState& state = states_[KeyOf(operation)];
  const std::string expected = state.known ? Predict(state, operation).ToText() : "a decision";
  const std::optional<KeyState> after = Step(state, operation, &reply);
  // Only a call that was sent again may be told the answer of an earlier attempt.
  const bool replayed_rightly =
      !reply.replayed || (attempts > 1 && !std::holds_alternative<GetOperation>(operation));
  if (after && replayed_rightly) {
    state = *after;
    return true;
  }
  trial_.Fail(TextOf(operation), expected, TextOf(reply));
  state = {.known = false};
  return false;
}

std::vector<Decided> SoleClient::Batch(std::span<const Operation> operations) {
  const RevisionWatch::Asked asked(trial_.revisions());
  const RequestIds::Lease lease(caller_.ids(), operations.size());
  const ToldBatch told = caller_.SettleBatch(MakeBatch(operations, caller_.ids(), lease));
  const std::string what = fmt::format("a batch of {} operations", operations.size());
  const std::string expected = fmt::format("{} replies", operations.size());
  const auto count = static_cast<size_t>(told.reply.replies_size());
  if (!told.ok() || count != operations.size()) {
    for (const Operation& operation : operations) states_[KeyOf(operation)].known = false;
    if (told.ok())
      trial_.Fail(what, expected, fmt::format("{} replies", count));
    else
      trial_.NotDecided(what, expected, told.status, told.error);
    return {};
  }
  std::vector<Decided> replies;
  for (size_t i = 0; i < count; ++i) {
    const ToldReply one{.reply = told.reply.replies(static_cast<int>(i)),
                        .attempts = told.attempts};
    std::optional<Decided> reply = Judge(operations[i], one, asked);
    if (!reply) return {};
    replies.push_back(*std::move(reply));
  }
  if (!JudgeOrder(operations, replies)) return {};
  return replies;
}

bool SoleClient::JudgeOrder(std::span<const Operation> operations,
                            const std::vector<Decided>& replies) {
  uint64_t told_before = 0;
  for (size_t i = 0; i < replies.size(); ++i) {
    const bool change = IsChange(operations[i], replies[i]);
    const bool absent = !change && !replies[i].value;
    if (!change && !absent) continue;
    const uint64_t least = change ? told_before + 1 : told_before;
    if (!trial_.Check(replies[i].revision >= least,
                      fmt::format("number {} of a batch: {}", i, TextOf(operations[i])),
                      fmt::format("a revision of {} or above", least), TextOf(replies[i]))) {
      return false;
    }
    told_before = replies[i].revision;
  }
  return true;
}

}  // namespace tripla::check
