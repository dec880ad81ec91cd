// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "model/log_position.h"
#include "service/unsent_replies.h"
#include "tripla/internal/peer.grpc.pb.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {

// How a replica reaches the one that leads: it passes writes on, so that they join the leader's
// batches, and answers its own clients with what comes back.
//
// Thread-safety: any thread; never blocks. Lifetime: outlives the calls it has taken.
class LeaderLink {
 public:
  // Whether the call was passed on by another replica, and so must not be once more.
  [[nodiscard]] static bool IsPassedOn(const grpc::CallbackServerContext& context);

  // Passes a write on to the server at `endpoint`, within its deadline, and ends it with the
  // answer. Request: what v1::KeyValue takes. `request` and `reply` are the call's.
  template <typename Request, typename Reply>
  void PassOn(const std::string& endpoint, PendingCall& call, const Request& request, Reply& reply);

  // Gives up what was passed on and not answered, and what will be: whether it was applied is not
  // known. The server is shutting down.
  void Stop();

  // Asks the server at `endpoint` for Peer.ReadIndex.
  void AskReadIndex(const std::string& endpoint,
                    std::function<void(const absl::StatusOr<LogIndex>&)> answer);

 private:
  // A connection and what is called over it.
  struct Server {
    explicit Server(const std::string& endpoint);
    std::shared_ptr<grpc::Channel> channel;
    v1::KeyValue::Stub key_value;
    internal::Peer::Stub peer;
  };

  Server& To(const std::string& endpoint);
  // False when it is too late to send anything.
  [[nodiscard]] bool Begin(const std::shared_ptr<grpc::ClientContext>& call);
  void End(const std::shared_ptr<grpc::ClientContext>& call);

  Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<std::shared_ptr<grpc::ClientContext>> passed_on_ ABSL_GUARDED_BY(mutex_);
  // Never forgotten: there are as many as the cluster has members.
  std::map<std::string, std::unique_ptr<Server>> servers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla
