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

namespace {

constexpr std::chrono::milliseconds kSoon{300};

}  // namespace

std::vector<Fault> FaultsOfValues() {
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
      {"KeysLoseTheirHead", "api", "R1.one-bit", Asked([](v1::Operation& request) {
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
  };
}

std::vector<Fault> FaultsOfForms() {
  return {
      {"AMissingValueIsEmpty", "api", "R12.value-required", Asked([](v1::Operation& request) {
         if (request.has_test_and_set()) request.mutable_test_and_set()->mutable_value();
       })},
      {"AnyConsistencyIsLinearizable", "api", "R12.unknown-consistency",
       Asked([](v1::Operation& request) {
         if (request.has_get()) request.mutable_get()->clear_consistency();
       })},
      {"TooLargeHasNoReason", "api", "R14.key-too-long",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const grpc::Status status = right(request, reply);
         if (status.error_code() != grpc::RESOURCE_EXHAUSTED) return status;
         return Refused(status.error_code(), v1::Undecided::NO);
       }},
      {"AnEmptyKeyIsZero", "api", "R10.empty-key", Asked([](v1::Operation& request) {
         if (request.has_del_version() && request.del_version().key().empty()) {
           request.mutable_del_version()->set_key(std::string(1, '\0'));
         }
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
      {"DataOfAPageLosesItsEnd", "api", "R2.sizes", Asked([](v1::Operation& request) {
         if (request.has_set() && request.set().data().size() >= 4096) {
           request.mutable_set()->mutable_data()->pop_back();
         }
       })},
      {"TwoBytesOfZeroAreNotZero", "api", "R10.small-integers",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (KeyBytesOf(request) == std::string(2, '\0')) reply.mutable_value()->set_version(1);
       })},
      {"AnEmptyKeyIsUnavailable",
       "api",
       "R10.empty-key",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         if (!KeyBytesOf(request).empty()) return right(request, reply);
         return Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::NO);
       },
       {},
       kSoon},
      {"AnAbsentKeyIsUnavailable",
       "api",
       "R5.get-absent",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const grpc::Status status = right(request, reply);
         if (!status.ok() || !request.has_get() || reply.has_value()) return status;
         return Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::NO);
       },
       {},
       kSoon},
      {"LongKeysAreRefused", "api", "R14.longest-key",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         if (KeyBytesOf(request).size() < 65'000) return right(request, reply);
         return grpc::Status(grpc::RESOURCE_EXHAUSTED, "too long");
       }},
  };
}

std::vector<Fault> FaultsOfLeftOutData() {
  return {
      {"WithoutDataIsIgnored", "api", "R12b.without-data",
       Asked([](v1::Operation& request) { SetWithoutData(request, false); })},
      {"WithoutDataLosesTheTimestamp", "api", "R12b.without-data",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (request.del().without_data()) reply.mutable_value()->clear_timestamp();
       })},
      {"OneWithoutDataIsAllWithoutData", "api", "R12b.in-batches",
       [without = false](const v1::Operation& request, v1::Reply& reply,
                         const Right& right) mutable {
         without = without || request.set().without_data();
         v1::Operation other = request;
         if (without) SetWithoutData(other, true);
         return right(other, reply);
       }},
      {"AReplayObeysTheFirstRequest", "api", "R12b.replays",
       [first = std::make_shared<std::map<uint64_t, bool>>()](
           const v1::Operation& request, v1::Reply& reply, const Right& right) {
         v1::Operation other = request;
         if (request.del().has_request_id()) {
           const auto [known, inserted] =
               first->emplace(request.del().request_id().sequence(), request.del().without_data());
           SetWithoutData(other, known->second);
         }
         return right(other, reply);
       }},
  };
}

std::vector<Fault> FaultsOfRevisions() {
  return {
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
      {"AGuardOnAnAbsentKeyIsAWrongVersion", "api", "R9.guard-absent",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (request.del_version().if_revision() != 0 && reply.result() == v1::ERROR_NE) {
           reply.set_result(v1::ERROR_WV);
         }
       })},
      {"TheGuardIsIgnored", "api", "R9.guard-notices-a-new-entry",
       Asked([](v1::Operation& request) {
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
  };
}

}  // namespace tripla::check
