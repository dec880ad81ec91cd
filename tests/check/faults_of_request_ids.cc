// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "check/caller.h"
#include "client/fake_server.h"
#include "client/wire.h"
#include "tests/check/fault_forms.h"
#include "tests/check/faults.h"

namespace tripla::check {

using Right = WrongServer::Right;

namespace {

// Changes what the server believes a request's id to be.
template <typename Change>
WrongServer::Behaviour WithIds(Change change) {
  return Asked([change](v1::Operation& request) {
    const v1::RequestId* id = RequestIdOf(request);
    if (id == nullptr) return;
    v1::RequestId other = *id;
    change(other);
    SetRequestId(request, other);
  });
}

// R13a: what is new, and what was sent before.
std::vector<Fault> FaultsOfAttempts() {
  return {
      // S11: to forget the answers beyond a bound, it takes all below them for forgotten.
      {"AnswersBeyondABoundForgetWhatNeverCame", "api", "R13a.never-came",
       [newest = std::make_shared<std::map<std::string, uint64_t>>()](
           const v1::Operation& request, v1::Reply& reply, const Right& right) {
         constexpr uint64_t kRemembered = 10'000;
         const v1::RequestId* id = RequestIdOf(request);
         if (id == nullptr) return right(request, reply);
         uint64_t& highest = (*newest)[id->client()];
         highest = std::max(highest, id->sequence());
         if (id->sequence() + kRemembered > highest) return right(request, reply);
         return Refused(grpc::StatusCode::FAILED_PRECONDITION, v1::Undecided::UNKNOWN);
       }},
      {"AttemptsAreOtherRequests", "api", "R13a.attempt", WithIds([](v1::RequestId& id) {
         if (id.attempt() > 1) id.set_sequence(id.sequence() + (uint64_t{id.attempt()} << 32));
       })},
      {"AttemptsAreClientsOfTheirOwn", "api", "R13a.attempt", WithIds([](v1::RequestId& id) {
         (*id.mutable_client())[0] = static_cast<char>((*id.mutable_client())[0] + id.attempt());
       })},
      {"WhatWasSentBeforeIsNotAnswered", "api", "R13a.attempt",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const v1::RequestId* id = RequestIdOf(request);
         if (id == nullptr || id->attempt() <= 1) return right(request, reply);
         return Refused(grpc::StatusCode::FAILED_PRECONDITION, v1::Undecided::UNKNOWN);
       }},
  };
}

}  // namespace

std::vector<Fault> FaultsOfRequestIds() {
  std::vector<Fault> faults = FaultsOfAttempts();
  const std::vector<Fault> others = {
      {"IdsAreIgnored", "api", "R13.replay", Asked(ForgetId)},
      {"IdsAreIgnored", "api", "R13.replay-elsewhere", Asked(ForgetId)},
      {"IdsAreIgnored", "api", "R13.replay-in-batch", Asked(ForgetId)},
      {"IdsAreIgnored", "api", "R13.received", Asked(ForgetId)},
      {"IdsAreIgnored", "api", "R13.at-once", Asked(ForgetId)},
      {"ANewIdForgetsTheOthers", "api", "R13.not-received", Asked([](v1::Operation& request) {
         if (!request.del_version().has_request_id()) return;
         auto& id = *request.mutable_del_version()->mutable_request_id();
         id.set_first_unanswered(id.sequence());
       })},
      {"IdsOfClientsAreMixed", "api", "R13.clients", Asked([](v1::Operation& request) {
         if (request.test_and_set().has_request_id()) {
           request.mutable_test_and_set()->mutable_request_id()->set_client("0123456789abcdef");
         }
       })},
      {"OnlyTheNewestIdIsRemembered", "api", "R13.any-order", Asked([](v1::Operation& request) {
         if (!request.test_and_set().has_request_id()) return;
         auto& id = *request.mutable_test_and_set()->mutable_request_id();
         id.set_first_unanswered(id.sequence());
       })},
      {"ReplaysAreNotMarked", "api", "R13.replay",
       Answered([](const v1::Operation&, v1::Reply& reply) { reply.clear_replayed(); })},
      {"ReplaysLoseTheirTriple", "api", "R13.replay",
       Answered([](const v1::Operation&, v1::Reply& reply) {
         if (reply.replayed()) reply.clear_value();
       })},
      {"RefusedWritesAreNotRemembered", "api", "R13.replay",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         v1::Operation other = request;
         const bool refused = request.has_set() && Now(request.set().key(), right).has_value();
         if (refused) ForgetId(other);
         return right(other, reply);
       }},
      {"AnotherBodyIsReplayed", "api", "R13.other-body",
       [seen = std::make_shared<std::map<std::string, v1::Reply>>()](
           const v1::Operation& request, v1::Reply& reply, const Right& right) {
         if (!request.set().has_request_id()) return right(request, reply);
         const std::string id = request.set().request_id().client() +
                                std::to_string(request.set().request_id().sequence());
         if (const auto found = seen->find(id); found != seen->end()) {
           reply = found->second;
           reply.set_replayed(true);
           return grpc::Status::OK;
         }
         const grpc::Status status = right(request, reply);
         if (status.ok()) (*seen)[id] = reply;
         return status;
       }},
  };
  faults.insert(faults.end(), others.begin(), others.end());
  return faults;
}

namespace {

// Something is changed, and the client told that surely nothing was.
WrongServer::Behaviour Lies(grpc::StatusCode code) {
  return [code, count = 0](const v1::Operation& request, v1::Reply& reply,
                           const Right& right) mutable {
    const grpc::Status status = right(request, reply);
    const bool first = Changes(request, reply) && request.test_and_set().has_request_id();
    if (!first || !Sometimes(count, 5)) return status;
    return Refused(code, v1::Undecided::NO);
  };
}

}  // namespace

std::vector<Fault> FaultsOfCuts() {
  std::vector<Fault> faults = {
      {"NotAppliedIsALie", "cut", "R21.at-random", Lies(grpc::StatusCode::UNAVAILABLE)},
      {"NotAppliedIsALie", "cut", "R21.client-library", Lies(grpc::StatusCode::RESOURCE_EXHAUSTED)},
      {"TestAndSetIsLost", "cut", "R21.trickle",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         if (!request.has_test_and_set()) return right(request, reply);
         reply = Now(KeyBytesOf(request), right);
         reply.set_revision(reply.revision() + 1);
         return grpc::Status::OK;
       }},
      {"AReadShowsWhatNobodyWrote", "cut", "R21.nobody-there",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (request.has_get() && reply.has_value()) reply.mutable_value()->set_version(2);
       })},
  };
  for (const char* claim : {"R21.reset-request", "R21.reset-reply", "R21.silence-request",
                            "R21.silence-reply", "R21.half-open-request", "R21.half-open-reply"}) {
    faults.push_back({"ARetryIsAppliedAgain", "cut", claim, Asked(ForgetId)});
  }
  return faults;
}

}  // namespace tripla::check
