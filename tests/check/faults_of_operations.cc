// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "tests/check/fault_forms.h"
#include "tests/check/faults.h"

namespace tripla::check {

using Right = WrongServer::Right;

std::vector<Fault> FaultsOfPlainOperations() {
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
      {"SetShowsTheFirstVersion", "api", "R4.set-present-later",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (request.has_set() && reply.has_value()) reply.mutable_value()->set_version(1);
       })},
      {"AReadRemoves", "api", "R5.get-present",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const grpc::Status status = right(request, reply);
         if (request.has_get()) DelNow(request.get().key(), right);
         return status;
       }},
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
  };
}

std::vector<Fault> FaultsOfVersions() {
  return {
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
  };
}

std::vector<Fault> FaultsOfTestAndSet() {
  return {
      {"TestAndSetCreates", "api", "R8.test-and-set-absent",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const bool absent = !Now(KeyBytesOf(request), right).has_value();
         if (!request.has_test_and_set() || !absent) return right(request, reply);
         v1::Operation set;
         set.mutable_set()->set_key(request.test_and_set().key());
         return right(set, reply);
       }},
      {"TestAndSetIgnoresTheVersion", "api", "R8.test-and-set-differs",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         v1::Operation other = request;
         if (request.has_test_and_set()) {
           const v1::Reply now = Now(KeyBytesOf(request), right);
           other.mutable_test_and_set()->set_version(now.value().version());
         }
         return right(other, reply);
       }},
      {"TestAndSetOfTheSameChangesNothing", "api", "R8.test-and-set-identical",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const v1::Reply now = Now(KeyBytesOf(request), right);
         const auto& value = request.test_and_set().value();
         const bool same = now.has_value() && now.value().data() == value.data() &&
                           now.value().timestamp() == value.timestamp();
         if (!request.has_test_and_set() || !same) return right(request, reply);
         reply = now;
         return grpc::Status::OK;
       }},
      {"VersionsAreOneByte", "api", "R8.versions-count",
       Answered([](const v1::Operation&, v1::Reply& reply) {
         if (reply.has_value()) reply.mutable_value()->set_version(reply.value().version() & 0xff);
       })},
      {"TestAndSetShowsTheNewTriple", "api", "R8.test-and-set-equal",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const grpc::Status status = right(request, reply);
         if (request.has_test_and_set() && reply.result() == v1::SUCCESS) {
           *reply.mutable_value() = Now(request.test_and_set().key(), right).value();
         }
         return status;
       }},
      {"TestAndSetTakesTheValuesVersion", "api", "R8a.value-version-ignored",
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

}  // namespace tripla::check
