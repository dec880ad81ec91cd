// SPDX-License-Identifier: Apache-2.0
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/check/fault_forms.h"
#include "tests/check/faults.h"

namespace tripla::check {

using Right = WrongServer::Right;

std::vector<Fault> FaultsNowAndThen(const std::string& command, const std::string& claim) {
  std::vector<Fault> faults = {
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
  // On a machine so busy that all calls of a history overlap, few of them can be told to be wrong.
  for (Fault& fault : faults) fault.runs_at_most = 5;
  return faults;
}

}  // namespace tripla::check
