// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "health/health.pb.h"
#include "rpc/methods.h"

namespace tripla::rpc {

// The standard health service (grpc.health.v1), with Watch.
//
// Thread-safety: any thread.
class HealthService {
 public:
  HealthService();

  // Adds its methods. It outlives the server.
  void AddTo(Methods& methods);

  // Says whether `service` is serving, to those who ask and to those who watch. "" is the server,
  // and is serving from the beginning.
  void Set(const std::string& service, bool serving);

  // Ends all watches, so that a stop need not wait for them; new ones end at once.
  void EndWatches();

 private:
  using ServingStatus = grpc::health::v1::HealthCheckResponse::ServingStatus;
  // A client that watches. One that reads slowly gets only what is true then.
  struct Watcher {
    CallPtr call;
    std::string service;
    int sent = -1;      // the status of the last answer
    bool busy = false;  // that answer is not under way yet
    std::optional<Status> end;
  };

  void Check(const CallPtr& call, const std::string& service);
  void Watch(const CallPtr& call, const std::string& service);
  // Ends a watch, once its answer is under way.
  void End(const std::shared_ptr<Watcher>& watcher, const Status& status);
  // Sends the status to those who do not know it.
  void Tell(std::list<std::shared_ptr<Watcher>> watchers);

  Mutex mutex_;
  std::map<std::string, bool> serving_ ABSL_GUARDED_BY(mutex_);
  std::list<std::shared_ptr<Watcher>> watchers_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tripla::rpc
