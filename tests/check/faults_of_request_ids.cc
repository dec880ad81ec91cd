// SPDX-License-Identifier: Apache-2.0
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/fake_server.h"
#include "tests/check/fault_forms.h"
#include "tests/check/faults.h"

namespace tripla::check {

using Right = WrongServer::Right;

std::vector<Fault> FaultsOfRequestIds() {
  return {
      {"IdsAreIgnored", "api", "R13.replay", Asked(ForgetId)},
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
}

std::vector<Fault> FaultsOfCuts() {
  return {
      {"ARetryIsAppliedAgain", "cut", "R21.reset-reply", Asked(ForgetId)},
      {"NotAppliedIsALie", "cut", "R21.at-random",
       [count = 0](const v1::Operation& request, v1::Reply& reply, const Right& right) mutable {
         const grpc::Status status = right(request, reply);
         const bool first = Changes(request, reply) && request.test_and_set().has_request_id();
         if (!first || !Sometimes(count, 5)) return status;
         return Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::NO);
       }},
  };
}

}  // namespace tripla::check
