// SPDX-License-Identifier: Apache-2.0
#include "check/id_client.h"

#include <fmt/core.h>

#include <utility>

#include "client/wire.h"

namespace tripla::check {

IdClient::IdClient(Trial& trial) : trial_(trial), name_(RequestIds().client()) {}

v1::Operation IdClient::Request(const Operation& operation, uint64_t sequence,
                                uint64_t first_unanswered) const {
  v1::Operation request = ToWire(operation);
  SetRequestId(request, MakeId(name_, sequence, first_unanswered));
  return request;
}

std::optional<Decided> IdClient::Tell(const Operation& operation, uint64_t sequence,
                                      uint64_t first_unanswered) const {
  return TellBy(trial_.caller(), operation, sequence, first_unanswered);
}

std::optional<Decided> IdClient::TellBy(Caller& caller, const Operation& operation,
                                        uint64_t sequence, uint64_t first_unanswered) const {
  const std::string what = fmt::format("{} as request {}", TextOf(operation), sequence);
  const ToldReply told = caller.Settle(Request(operation, sequence, first_unanswered));
  if (!told.ok()) {
    trial_.NotDecided(what, "a decision", told.status, told.error);
    return std::nullopt;
  }
  std::optional<Decided> reply = FromWire(told.reply);
  if (!reply) trial_.Fail(what, "a decision", "a reply without a result");
  // The answer to an attempt that was lost on the way is still the first one for us.
  if (reply && told.attempts > 1) reply->replayed = false;
  return reply;
}

bool IdClient::ExpectReplay(const Operation& operation, uint64_t sequence,
                            const Decided& first) const {
  const std::string what = fmt::format("{} as request {}, again", TextOf(operation), sequence);
  const ToldReply told = trial_.caller().Settle(Request(operation, sequence));
  const Decided wanted = Replayed(first);
  if (!told.ok()) {
    trial_.NotDecided(what, TextOf(wanted), told.status, told.error);
    return false;
  }
  const std::optional<Decided> reply = FromWire(told.reply);
  return trial_.Check(reply == wanted, what, TextOf(wanted),
                      reply ? TextOf(*reply) : "a reply without a result");
}

Decided Replayed(Decided first) {
  first.replayed = true;
  return first;
}

}  // namespace tripla::check
