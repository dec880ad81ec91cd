// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/fake_server.h"
#include "tests/check/fault_forms.h"
#include "tests/check/faults.h"

namespace tripla::check {

using Right = WrongServer::Right;

namespace {

// What depends on how much has been done before.
std::vector<Fault> FaultsOfLongRuns() {
  return {
      {"ReadsAreStaleAfterAThousandOperations",
       "stress",
       "R21.random-mix",
       [last = std::make_shared<std::map<std::string, v1::Reply>>(), operations = 0, count = 0](
           const v1::Operation& request, v1::Reply& reply, const Right& right) mutable {
         ++operations;
         if (!request.has_get()) {
           (*last)[KeyBytesOf(request)] = Now(KeyBytesOf(request), right);
           return right(request, reply);
         }
         const grpc::Status status = right(request, reply);
         const auto former = last->find(KeyBytesOf(request));
         if (operations > 1000 && former != last->end() && Sometimes(count, 20)) {
           reply = former->second;
         }
         return status;
       },
       {},
       std::chrono::milliseconds(10'000),
       5},  // a run of a busy machine may end before the thousandth
      {"AnswersAreForgottenAfterFiftyMore", "api", "R13.",
       [seen = std::make_shared<std::map<std::string, uint64_t>>()](
           const v1::Operation& request, v1::Reply& reply, const Right& right) {
         v1::Operation other = request;
         if (request.test_and_set().has_request_id()) {
           auto& id = *other.mutable_test_and_set()->mutable_request_id();
           uint64_t& newest = (*seen)[id.client()];
           newest = std::max(newest, id.sequence());
           if (newest > 50 + id.first_unanswered()) id.set_first_unanswered(newest - 50);
         }
         return right(other, reply);
       }},
  };
}

std::vector<Fault> FaultsOfAnswers() {
  return {
      {"AnAbsentKeysRevisionIsBeyondTheDatabases", "history", "R11.linearizable",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (request.has_get() && !reply.has_value()) reply.set_revision(reply.revision() + 7);
       })},
      {"TestAndSetOfAbsentIsError", "api", "R8.test-and-set-absent",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (request.has_test_and_set() && reply.result() == v1::ERROR_NE) {
           reply.set_result(v1::ERROR);
         }
       })},
      {"DelVersionHidesWhatItRemoved", "api", "R7.del-version-equal",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (request.has_del_version() && reply.result() == v1::SUCCESS) reply.clear_value();
       })},
      {"WrongVersionHidesTheEntry", "api", "R7.del-version-differs",
       Answered([](const v1::Operation&, v1::Reply& reply) {
         if (reply.result() == v1::ERROR_WV) reply.clear_value();
       })},
      {"ARefusedSetShowsTheDatabasesRevision", "api", "R9.",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const grpc::Status status = right(request, reply);
         if (request.has_set() && reply.result() == v1::ERROR) {
           reply.set_revision(Now(std::string(30, '\x55'), right).revision());
         }
         return status;
       }},
      {"ReplaysShowTheRevisionOfNow", "api", "R13.",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const grpc::Status status = right(request, reply);
         if (reply.replayed()) reply.set_revision(Now(std::string(30, '\x55'), right).revision());
         return status;
       }},
      {"AnotherTimestampIsNoOtherBody", "api", "R13.other-body",
       [seen = std::make_shared<std::map<std::string, int64_t>>()](
           const v1::Operation& request, v1::Reply& reply, const Right& right) {
         if (!request.set().has_request_id()) return right(request, reply);
         const std::string id = request.set().request_id().client() +
                                std::to_string(request.set().request_id().sequence());
         v1::Operation other = request;
         other.mutable_set()->set_timestamp(
             seen->emplace(id, request.set().timestamp()).first->second);
         return right(other, reply);
       }},
      {"LargeDataIsRefusedWithoutDetail", "api", "R14.data-too-large",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const grpc::Status status = right(request, reply);
         if (status.error_code() != grpc::RESOURCE_EXHAUSTED) return status;
         return grpc::Status(status.error_code(), status.error_message());
       }},
      {"ARefusalIsUnknownThoughNothingHappened", "api", "R10.empty-key",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const grpc::Status status = right(request, reply);
         if (status.error_code() != grpc::INVALID_ARGUMENT) return status;
         return Refused(status.error_code(), v1::Undecided::UNKNOWN);
       }},
  };
}

std::vector<Fault> FaultsOfRareValues() {
  return {
      {"TimestampsAreClampedAtZero", "api", "R3.bit-for-bit", Asked([](v1::Operation& request) {
         if (request.has_set() && request.set().timestamp() < 0) {
           request.mutable_set()->set_timestamp(0);
         }
       })},
      {"TheLowestTimestampIsTakenForNone", "api", "R3.bit-for-bit",
       Asked([](v1::Operation& request) {
         if (request.test_and_set().value().timestamp() == std::numeric_limits<int64_t>::min()) {
           request.mutable_test_and_set()->mutable_value()->clear_timestamp();
         }
       })},
      {"LargeDataLosesItsEnd", "api", "R14.largest-data", Asked([](v1::Operation& request) {
         if (request.has_set() && request.set().data().size() > 100'000) {
           request.mutable_set()->mutable_data()->pop_back();
         }
       })},
      {"NegativeKeysAreTheirAmount", "api", "R1.any-size", Asked([](v1::Operation& request) {
         const auto amount = [](auto& operation) {
           std::string key = operation.key();
           if (key.empty() || (key[0] & 0x80) == 0) return;
           bool carry = true;
           for (auto byte = key.rbegin(); byte != key.rend(); ++byte) {
             *byte = static_cast<char>(~*byte + (carry ? 1 : 0));
             carry = carry && *byte == 0;
           }
           operation.set_key(std::string(1, '\0') + key);
         };
         if (request.has_set()) amount(*request.mutable_set());
         if (request.has_get()) amount(*request.mutable_get());
         if (request.has_del()) amount(*request.mutable_del());
         if (request.has_del_version()) amount(*request.mutable_del_version());
         if (request.has_test_and_set()) amount(*request.mutable_test_and_set());
       })},
  };
}

}  // namespace

std::vector<Fault> FaultsThoughtOfLater() {
  std::vector<Fault> all;
  for (const auto& part : {FaultsOfLongRuns(), FaultsOfAnswers(), FaultsOfRareValues()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace tripla::check
