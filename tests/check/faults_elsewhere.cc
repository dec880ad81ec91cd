// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <vector>

#include "client/fake_server.h"
#include "tests/check/fault_forms.h"
#include "tests/check/faults.h"

namespace tripla::check {

using Elsewhere = WrongServer::Elsewhere;
using Right = WrongServer::Right;

namespace {

constexpr std::chrono::milliseconds kSoon{300};

// The id of a write that no right server takes.
bool HasMalformedId(const v1::Operation& request) {
  const auto malformed = [](const auto& write) {
    return write.has_request_id() &&
           (write.request_id().client().size() != 16 || write.request_id().sequence() == 0);
  };
  return malformed(request.set()) || malformed(request.del()) || malformed(request.del_version()) ||
         malformed(request.test_and_set());
}

// Changes each operation of a batch, and none that comes alone.
template <typename Change>
Elsewhere InBatches(Change change) {
  return {.asked = [change](v1::BatchRequest& request) {
    for (v1::Operation& operation : *request.mutable_operations()) change(operation);
  }};
}

}  // namespace

std::vector<Fault> FaultsOfRaces() {
  return {
      {"TwoTestAndSetsWin", "api", "R11.one-test-and-set-wins",
       [](const v1::Operation& request, v1::Reply& reply, const Right& right) {
         const grpc::Status status = right(request, reply);
         const bool lost = request.has_test_and_set() && reply.result() == v1::ERROR_WV;
         if (!lost || reply.value().version() != 2) return status;
         reply.set_result(v1::SUCCESS);
         *reply.mutable_value() = v1::Triple();
         reply.mutable_value()->set_version(1);
         reply.mutable_value()->set_data("start");
         reply.set_revision(reply.revision() + 1);
         return status;
       }},
      {"TwoSetsWin", "api", "R11.one-set-wins",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (!request.has_set() || reply.result() != v1::ERROR) return;
         reply.set_result(v1::SUCCESS);
         reply.clear_value();
         reply.set_revision(reply.revision() + 1);
       })},
      {"TwoDelsWin", "api", "R11.one-del-wins",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (!request.has_del() || reply.result() != v1::ERROR) return;
         reply.set_result(v1::SUCCESS);
         reply.mutable_value()->set_version(1);
         reply.mutable_value()->set_timestamp(7);
         reply.mutable_value()->set_data("start");
         reply.set_revision(reply.revision() + 1);
       })},
      {"LostUpdates", "api", "R11.no-update-is-lost",
       [count = 0](const v1::Operation& request, v1::Reply& reply, const Right& right) mutable {
         const v1::Reply now = Now(KeyBytesOf(request), right);
         const bool applies = request.has_test_and_set() &&
                              now.value().version() == request.test_and_set().version();
         if (!applies || !Sometimes(count, 30)) return right(request, reply);
         reply = now;
         reply.set_revision(now.revision() + 1);
         return grpc::Status::OK;
       }},
  };
}

std::vector<Fault> FaultsOfBatches() {
  return {
      {"ABatchEndsAtARefusal", "api", "R12.batch-in-order", nullptr,
       Elsewhere{.batch =
                     [](v1::BatchReply& reply) {
                       bool refused = false;
                       for (v1::Reply& one : *reply.mutable_replies()) {
                         if (refused) one = v1::Reply();
                         refused = refused || one.result() != v1::SUCCESS;
                       }
                     }}},
      {"ABatchOfReadsShowsTheFirstForAll", "api", "R12.batch-of-reads", nullptr,
       Elsewhere{.batch =
                     [](v1::BatchReply& reply) {
                       if (reply.replies_size() < 50 || !reply.replies(0).has_value()) return;
                       for (v1::Reply& one : *reply.mutable_replies()) one = reply.replies(0);
                     }}},
      {"AnEmptyBatchIsDecided", "api", "R12.empty-batch", nullptr,
       Elsewhere{.asked =
                     [](v1::BatchRequest& request) {
                       if (!request.operations().empty()) return;
                       request.add_operations()->mutable_get()->set_key("x");
                     }}},
      {"MalformedOperationsAreLeftOut", "api", "R12.malformed-batch", nullptr,
       Elsewhere{.asked =
                     [](v1::BatchRequest& request) {
                       auto& all = *request.mutable_operations();
                       const auto malformed = [](const v1::Operation& one) {
                         return KeyBytesOf(one).empty();
                       };
                       all.erase(std::remove_if(all.begin(), all.end(), malformed), all.end());
                     }}},
      {"BatchRepliesAreSwapped", "api", "R12.batch-replies", nullptr,
       Elsewhere{.batch =
                     [](v1::BatchReply& reply) {
                       const int last = reply.replies_size() - 1;
                       if (last > 0) reply.mutable_replies()->SwapElements(last - 1, last);
                     }}},
      {"BatchesLackTheirLastReply", "api", "R12.batch-replies", nullptr,
       Elsewhere{.batch =
                     [](v1::BatchReply& reply) {
                       if (reply.replies_size() > 1) reply.mutable_replies()->RemoveLast();
                     }}},
  };
}

std::vector<Fault> FaultsOfLimits() {
  return {
      {"MalformedIdsAreIgnored", "api", "R13.malformed-id", Asked([](v1::Operation& request) {
         if (HasMalformedId(request)) ForgetId(request);
       })},
      {"MalformedIdsAreIgnoredInBatches", "api", "R13.malformed-id", nullptr,
       InBatches([](v1::Operation& request) {
         if (HasMalformedId(request)) ForgetId(request);
       })},
      {"LongKeysAreCut", "api", "R14.key-too-long", Asked([](v1::Operation& request) {
         if (KeyBytesOf(request).size() > 65'536 && request.has_get()) {
           request.mutable_get()->mutable_key()->resize(65'536);
         }
       })},
      {"LongKeysAreCutInBatches", "api", "R14.key-too-long", nullptr,
       InBatches([](v1::Operation& request) {
         if (KeyBytesOf(request).size() > 65'536 && request.has_del()) {
           request.mutable_del()->mutable_key()->resize(65'536);
         }
       })},
      {"LargeDataIsCutInBatches", "api", "R14.data-too-large", nullptr,
       InBatches([](v1::Operation& request) {
         if (request.set().data().size() > size_t{1} << 20) {
           request.mutable_set()->mutable_data()->resize(size_t{1} << 20);
         }
       })},
      {"StatusAdvertisesShorterKeys", "api", "R14.advertised", nullptr,
       Elsewhere{.status = [](v1::StatusReply& reply) { reply.set_key_bytes_max(1024); }}},
      {"StatusAdvertisesSmallerBatchesThanAreTaken", "api", "R14.batch-too-large", nullptr,
       Elsewhere{.status = [](v1::StatusReply& reply) { reply.set_batch_bytes_max(1 << 20); }}},
      {"StatusAdvertisesLessThanIsTaken", "api", "R14.data-too-large", nullptr,
       Elsewhere{.status =
                     [](v1::StatusReply& reply) {
                       reply.set_data_bytes_max(reply.data_bytes_max() - 1);
                     }}},
      {"StatusAdvertisesMoreThanIsTaken", "api", "R14.longest-batch", nullptr,
       Elsewhere{.status =
                     [](v1::StatusReply& reply) {
                       reply.set_batch_operations_max(reply.batch_operations_max() + 1);
                     }}},
  };
}

std::vector<Fault> FaultsOfAdmin() {
  return {
      {"ThereAreNoImages", "api", "R16.image", nullptr,
       Elsewhere{.image = {grpc::StatusCode::UNIMPLEMENTED, "no images here"}}},
      {"ItIsNeverReady", "api", "R15.health", nullptr, Elsewhere{.ready = false}, kSoon},
      {"StatusIsNeverReady", "api", "R15.health", nullptr,
       Elsewhere{.status = [](v1::StatusReply& reply) { reply.clear_ready(); }}, kSoon},
      {"StaleReadsShowWhatWasNeverThere", "api", "R25.stale-read",
       Answered([](const v1::Operation& request, v1::Reply& reply) {
         if (request.get().consistency() == v1::STALE) reply.mutable_value()->set_data("c");
       })},
      {"StatusIsAheadOfTheRevision", "api", "R14.status", nullptr,
       Elsewhere{
           .status =
               [](v1::StatusReply& reply) { reply.set_revision(reply.revision() + 1'000'000); }}},
      {"StatusCountsTooFewKeys", "api", "R14.status", nullptr,
       Elsewhere{.status = [](v1::StatusReply& reply) { reply.set_keys(1); }}},
      {"StatusCountsTooManyKeys", "api", "R14.status", nullptr,
       Elsewhere{.status =
                     [](v1::StatusReply& reply) {
                       reply.set_keys(reply.keys() + reply.revision() + 1);
                     }}},
      {"TheStateHashNeverChanges", "api", "R14.status", nullptr,
       Elsewhere{
           .status = [](v1::StatusReply& reply) { reply.set_state_hash(std::string(16, 'h')); }}},
  };
}

}  // namespace tripla::check
