// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <utility>

#include "client/core.h"
#include "client/wire.h"

namespace tripla {
namespace {

// A write that never changes anything: no entry has this version and this revision.
v1::Operation Probe(const std::string& client, uint64_t sequence) {
  v1::Operation probe = ToWire(DelVersionOperation{Key(), std::numeric_limits<int64_t>::min(),
                                                   std::numeric_limits<uint64_t>::max()});
  v1::RequestId id;
  id.set_client(client);
  id.set_sequence(sequence);
  SetRequestId(probe, id);
  SetWithoutData(probe);
  return probe;
}

// The id was used for another request; `first` is the answer to it.
Resolved FromFirstAnswer(const std::optional<v1::Reply>& first) {
  if (first && first->result() == v1::RESULT_UNSPECIFIED) return {Resolved::Kind::kNotApplied};
  Resolved resolved{Resolved::Kind::kDecided};
  if (first) resolved.decided = FromWire(*first);
  return resolved;
}

}  // namespace

// Sends a write that changes nothing under the same request id. If this one is executed, the
// earlier write was not and never will be, because the id now belongs to this one
// (docs/decisions/0017-resolving-a-write.md).
Answer<Resolved> Client::Core::ResolveOne(CallInProgress& call, const std::string& client,
                                          uint64_t sequence) {
  v1::Operation probe = Probe(client, sequence);
  v1::Reply reply;
  const std::optional<AttemptFailure> failed =
      Send(call, Effect::kWrites,
           [&](const Server& server, grpc::ClientContext& context, uint32_t attempt) {
             // The id was sent before, with the earlier write.
             SetAttempt(probe, attempt + 1);
             return server.key_value->DelVersion(&context, probe.del_version(), &reply);
           });
  if (!failed) return Resolved{Resolved::Kind::kNotApplied};
  Failure failure = failed->failure;
  // Both codes have these meanings only if the server itself sent them.
  if (failure.code == absl::StatusCode::kInvalidArgument &&
      failed->applied == Failure::Applied::kNo) {
    return FromFirstAnswer(failed->first_answer);
  }
  if (failure.code == absl::StatusCode::kFailedPrecondition &&
      failed->applied == Failure::Applied::kUnknown) {
    return Resolved{Resolved::Kind::kForgotten};
  }
  failure.applied = Failure::Applied::kNo;
  return failure;
}

Answer<std::vector<Resolved>> Client::Core::Resolve(CallInProgress& call,
                                                    const RequestRange& request) {
  std::vector<Resolved> all;
  for (uint64_t i = 0; i < request.count; ++i) {
    call.Renew();
    Answer<Resolved> one = ResolveOne(call, request.client, request.first + i);
    if (!one.ok()) return one.failure();
    all.push_back(*one);
  }
  ids_.Release(request.client, request.first);
  return all;
}

}  // namespace tripla
