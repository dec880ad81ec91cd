// SPDX-License-Identifier: Apache-2.0
//
// Every check finds the faults it is there for, and finds none where none are.
#include "check/wrong_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "check/report.h"
#include "check/runner.h"
#include "client/fake_server.h"

namespace tripla::check {
namespace {

using Right = WrongServer::Right;
using Behaviour = WrongServer::Behaviour;

Report RunAgainst(const WrongServer& server, const std::string& command, const std::string& claim) {
  Plan plan{.command = command,
            .endpoints = {server.endpoint()},
            .timeout = std::chrono::seconds(10),
            .seed = 1,
            .entries = 300,
            .clients = 4,
            .duration = std::chrono::milliseconds(500),
            .claim = claim};
  Run run(plan);
  EXPECT_TRUE(run.Reach().ok());
  std::vector<Claim> claims = ClaimsOf(command);
  std::erase_if(claims, [&](const Claim& one) { return !one.name.starts_with(claim); });
  Progress silent(false);
  return RunClaims(run, claims, silent);
}

TEST(RightServer, PassesEverythingAndIsLeftEmpty) {
  WrongServer server;
  const Report report = RunAgainst(server, "all", "");
  EXPECT_EQ(report.exit_code(), ExitCode::kAllHold) << TableText({}, report);
  EXPECT_EQ(server.keys(), 0u);
}

// A fault, and a claim that must notice it.
struct Fault {
  std::string name;
  std::string command;
  std::string claim;
  Behaviour behaviour;
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

// Changes what the server believes it was asked.
template <typename Change>
Behaviour Asked(Change change) {
  return [change](const v1::Operation& request, v1::Reply& reply, const Right& right) {
    v1::Operation other = request;
    change(other);
    return right(other, reply);
  };
}

// Changes what is answered to what was decided rightly.
template <typename Change>
Behaviour Answered(Change change) {
  return [change](const v1::Operation& request, v1::Reply& reply, const Right& right) {
    const grpc::Status status = right(request, reply);
    if (status.ok()) change(request, reply);
    return status;
  };
}

bool Changes(const v1::Operation& request, const v1::Reply& reply) {
  return !request.has_get() && reply.result() == v1::SUCCESS && !reply.replayed();
}

void ForgetId(v1::Operation& request) {
  if (request.has_set()) request.mutable_set()->clear_request_id();
  if (request.has_del()) request.mutable_del()->clear_request_id();
  if (request.has_del_version()) request.mutable_del_version()->clear_request_id();
  if (request.has_test_and_set()) request.mutable_test_and_set()->clear_request_id();
}

std::string KeyBytesOf(const v1::Operation& request) {
  if (request.has_set()) return request.set().key();
  if (request.has_get()) return request.get().key();
  if (request.has_del()) return request.del().key();
  if (request.has_del_version()) return request.del_version().key();
  return request.test_and_set().key();
}

v1::Reply Now(const std::string& key, const Right& right) {
  v1::Operation get;
  get.mutable_get()->set_key(key);
  v1::Reply reply;
  (void)right(get, reply);
  return reply;
}

v1::Reply DelNow(const std::string& key, const Right& right) {
  v1::Operation del;
  del.mutable_del()->set_key(key);
  v1::Reply reply;
  (void)right(del, reply);
  return reply;
}

std::vector<Fault> FaultsOfTheTable() {
  return {
      {"SetOverwrites", "api", "R4.set-present",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         if (request.has_set()) DelNow(request.set().key(), right);
         return right(request, reply);
       }},
      {"SetIsIdempotent", "api", "R4.set-identical",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (request.has_set() && reply.value().data() == request.set().data()) {
           reply.set_result(v1::SUCCESS);
           reply.clear_value();
         }
       })},
      {"SetErrorWithoutTriple", "api", "R4.set-present",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (request.has_set()) reply.clear_value();
       })},
      {"GetOfAbsentShowsAnEmptyTriple", "api", "R5.get-absent",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (request.has_get()) reply.mutable_value();
       })},
      {"EmptyDataIsNull", "api", "R2.empty", Answered([](const v1::Operation&, v1::Reply& reply) {
         if (reply.value().data().empty()) reply.clear_value();
       })},
      {"DelOfAbsentIsErrorNe", "api", "R6.del-absent",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (request.has_del() && reply.result() == v1::ERROR) reply.set_result(v1::ERROR_NE);
       })},
      {"DelHidesWhatItRemoved", "api", "R6.del-present",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (request.has_del()) reply.clear_value();
       })},
      {"DelVersionIgnoresTheVersion", "api", "R7.del-version-differs",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         if (!request.has_del_version()) return right(request, reply);
         reply = DelNow(request.del_version().key(), right);
         return grpc::Status::OK;
       }},
      {"DelVersionOfAbsentIsError", "api", "R7.del-version-absent",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (request.has_del_version() && !reply.has_value()) reply.set_result(v1::ERROR);
       })},
      {"TestAndSetCreates", "api", "R8.test-and-set-absent",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const bool absent = !Now(KeyBytesOf(request), right).has_value();
         if (!request.has_test_and_set() || !absent) return right(request, reply);
         v1::Operation set;
         set.mutable_set()->set_key(request.test_and_set().key());
         return right(set, reply);
       }},
      {"TestAndSetShowsTheNewTriple", "api", "R8.test-and-set-equal",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const grpc::Status status = right(request, reply);
         if (request.has_test_and_set() && reply.result() == v1::SUCCESS) {
           *reply.mutable_value() = Now(request.test_and_set().key(), right).value();
         }
         return status;
       }},
      {"TestAndSetTakesTheValuesVersion", "api", "R8a.value-version",
       Asked([](v1::Operation& request) {
         const auto& write = request.test_and_set();
         if (write.value().version() != 0) {
           request.mutable_test_and_set()->set_version(write.value().version());
         }
       })},
      {"VersionZeroMatchesAll", "api", "R8b.equality-only",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         v1::Operation other = request;
         if (request.has_test_and_set() && request.test_and_set().version() == 0) {
           const v1::Reply now = Now(KeyBytesOf(request), right);
           other.mutable_test_and_set()->set_version(now.value().version());
         }
         return right(other, reply);
       }},
      {"VersionsAreComparedIn32Bits", "api", "R8b.equality-only", Asked([](v1::Operation& request) {
         if (request.has_del_version()) {
           auto& del = *request.mutable_del_version();
           del.set_version(static_cast<int32_t>(del.version()));
         }
       })},
  };
}

std::vector<Fault> FaultsOfValuesAndRevisions() {
  return {
      {"TimestampsLoseTheirUpperHalf", "api", "R3.bit-for-bit", Asked([](v1::Operation& request) {
         if (!request.has_set()) return;
         auto& set = *request.mutable_set();
         set.set_timestamp(static_cast<int32_t>(set.timestamp()));
       })},
      {"LastTimestampWins", "api", "R3.never-compared",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         v1::Operation other = request;
         const v1::Reply now = Now(KeyBytesOf(request), right);
         if (request.has_test_and_set() &&
             now.value().timestamp() > request.test_and_set().value().timestamp()) {
           other.mutable_test_and_set()->set_version(-1);
         }
         return right(other, reply);
       }},
      {"DataEndsAtZero", "api", "R2.any-bytes", Asked([](v1::Operation& request) {
         if (!request.has_set()) return;
         request.mutable_set()->set_data(request.set().data().c_str());
       })},
      {"KeysLoseTheirHead", "api", "R1.", Asked([](v1::Operation& request) {
         const auto cut = [](auto& write) {
           if (write.key().size() > 15) write.set_key("\x01" + write.key().substr(8));
         };
         if (request.has_set()) cut(*request.mutable_set());
         if (request.has_get()) cut(*request.mutable_get());
         if (request.has_del()) cut(*request.mutable_del());
       })},
      {"RedundantSignBytesMakeAnotherKey", "api", "R10.one-integer",
       Asked([](v1::Operation& request) {
         const std::string key = KeyBytesOf(request);
         if (request.has_get() && key.size() > 1 && key[0] == '\0') {
           request.mutable_get()->set_key("\x01" + key);
         }
       })},
      {"AnEmptyKeyIsZero", "api", "R10.empty-key", Asked([](v1::Operation& request) {
         if (request.has_del_version() && request.del_version().key().empty()) {
           request.mutable_del_version()->set_key(std::string(1, '\0'));
         }
       })},
      {"VersionsGoOnAfterADel", "api", "R9.versions-begin-again",
       [removed = std::make_shared<std::set<std::string>>()](const v1::Operation& request,
                                                             v1::Reply& reply, const Right& right) {
         const grpc::Status status = right(request, reply);
         const std::string key = KeyBytesOf(request);
         if (request.has_del() && Changes(request, reply)) removed->insert(key);
         if (removed->contains(key) && request.has_get() && reply.has_value()) {
           reply.mutable_value()->set_version(reply.value().version() + 1);
         }
         if (removed->contains(key) && request.has_test_and_set() && reply.has_value()) {
           reply.mutable_value()->set_version(reply.value().version() + 1);
         }
         return status;
       }},
      {"TheGuardIsIgnored", "api", "R9.guard-notices", Asked([](v1::Operation& request) {
         if (request.has_test_and_set()) request.mutable_test_and_set()->clear_if_revision();
       })},
      {"TheGuardOfDelIsIgnored", "api", "R9.guard-and-version", Asked([](v1::Operation& request) {
         if (request.has_del_version()) request.mutable_del_version()->clear_if_revision();
       })},
      {"AReadShowsTheDatabasesRevision", "api", "R9.revision-of-the-entry",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const grpc::Status status = right(request, reply);
         const v1::Reply absent = Now(std::string(30, '\x55'), right);
         if (request.has_get() && reply.has_value()) reply.set_revision(absent.revision());
         return status;
       }},
      {"AChangeAddsTwo", "api", "R9.every-change-adds-one",
       Answered([](const v1::Operation&, v1::Reply& reply) {
         reply.set_revision(2 * reply.revision());
       })},
      {"RevisionsRepeat", "api", "R9.", Answered([](const v1::Operation&, v1::Reply& reply) {
         reply.set_revision(1 + reply.revision() / 2);
       })},
      {"AnAbsentKeyHasNoRevision", "api", "R6.",
       Answered([](const v1::Operation&, v1::Reply& reply) {
         if (!reply.has_value() && reply.result() != v1::SUCCESS) reply.clear_revision();
       })},
      {"RefusalsHaveNoDetail", "api", "R10.empty-key",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const grpc::Status status = right(request, reply);
         return grpc::Status(status.error_code(), status.error_message());
       }},
      {"NoEntryIsAGrpcError", "api", "R5.get-absent",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const grpc::Status status = right(request, reply);
         if (reply.has_value() || !request.has_get()) return status;
         return grpc::Status(grpc::NOT_FOUND, "no such key");
       }},
      {"ResultsAreLeftOut", "api", "R4.set-absent",
       Answered([](const v1::Operation&, v1::Reply& reply) { reply.clear_result(); })},
      {"EverythingIsReplayed", "api", "R4.set-absent",
       Answered([](const v1::Operation&, v1::Reply& reply) { reply.set_replayed(true); })},
      {"LongKeysAreRefused", "api", "R14.longest-key",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         if (KeyBytesOf(request).size() < 65'000) return right(request, reply);
         return grpc::Status(grpc::RESOURCE_EXHAUSTED, "too long");
       }},
  };
}

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

// A fault of one operation in `n`.
bool Sometimes(int& count, int n) { return ++count % n == 0; }

std::vector<Fault> FaultsOfHistories(const std::string& command, const std::string& claim) {
  return {
      {"StaleReads", command, claim,
       [last = std::make_shared<std::map<std::string, v1::Reply>>(), count = 0](
           const v1::Operation& request, v1::Reply& reply, const Right& right) mutable {
         if (!request.has_get()) {
           (*last)[KeyBytesOf(request)] = Now(KeyBytesOf(request), right);
           return right(request, reply);
         }
         const grpc::Status status = right(request, reply);
         const auto former = last->find(KeyBytesOf(request));
         if (former != last->end() && Sometimes(count, 20)) reply = former->second;
         return status;
       }},
      {"LostUpdates", command, claim,
       [count = 0](const v1::Operation& request, v1::Reply& reply, const Right& right) mutable {
         if (!request.has_test_and_set() || !Sometimes(count, 30)) return right(request, reply);
         const v1::Reply now = Now(KeyBytesOf(request), right);
         if (now.value().version() != request.test_and_set().version())
           return right(request, reply);
         reply = now;
         reply.set_revision(now.revision() + 1);
         return grpc::Status::OK;
       }},
      {"DoubleApplications", command, claim,
       [count = 0](const v1::Operation& request, v1::Reply& reply, const Right& right) mutable {
         const grpc::Status status = right(request, reply);
         if (!status.ok() || !request.has_test_and_set() || !Changes(request, reply) ||
             !Sometimes(count, 30)) {
           return status;
         }
         v1::Operation again = request;
         ForgetId(again);
         again.mutable_test_and_set()->set_version(request.test_and_set().version() + 1);
         again.mutable_test_and_set()->clear_if_revision();
         v1::Reply ignored;
         (void)right(again, ignored);
         return status;
       }},
      {"AcknowledgedWritesAreUndone", command, claim,
       [doomed = std::make_shared<std::deque<std::string>>(), count = 0](
           const v1::Operation& request, v1::Reply& reply, const Right& right) mutable {
         const grpc::Status status = right(request, reply);
         if (request.has_set() && Changes(request, reply) && Sometimes(count, 10)) {
           doomed->push_back(request.set().key());
         } else if (!doomed->empty() && doomed->front() != KeyBytesOf(request)) {
           DelNow(doomed->front(), right);
           doomed->pop_front();
         }
         return status;
       }},
      {"RevisionsThatRepeat", command, claim,
       [count = 0](const v1::Operation& request, v1::Reply& reply, const Right& right) mutable {
         const grpc::Status status = right(request, reply);
         if (Changes(request, reply) && Sometimes(count, 30)) {
           reply.set_revision(reply.revision() - 1);
         }
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

std::vector<Fault> AllFaults() {
  std::vector<Fault> all;
  for (auto part : {FaultsOfTheTable(), FaultsOfValuesAndRevisions(), FaultsOfRequestIds(),
                    FaultsOfHistories("history", "R11.linearizable"),
                    FaultsOfHistories("stress", "R21."), FaultsOfCuts()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

class WrongServers : public testing::TestWithParam<Fault> {};

TEST_P(WrongServers, AreFound) {
  const Fault& fault = GetParam();
  const WrongServer server(fault.behaviour);
  const Report report = RunAgainst(server, fault.command, fault.claim);
  const std::string text = TableText({}, report);
  EXPECT_EQ(report.exit_code(), ExitCode::kClaimFailed) << text;
  const bool noticed = std::ranges::any_of(report.results, [&](const ClaimResult& result) {
    return result.verdict == Verdict::kFails && result.name.starts_with(fault.claim) &&
           !result.mismatches.empty();
  });
  EXPECT_TRUE(noticed) << text;
}

INSTANTIATE_TEST_SUITE_P(Faults, WrongServers, testing::ValuesIn(AllFaults()),
                         [](const testing::TestParamInfo<Fault>& info) {
                           return info.param.command + "_" + info.param.name;
                         });

}  // namespace
}  // namespace tripla::check
