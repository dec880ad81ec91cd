// SPDX-License-Identifier: Apache-2.0
#include "rpc/health_service.h"

#include <fmt/core.h>

#include <utility>
#include <vector>

namespace tripla::rpc {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

HealthService::HealthService() { serving_[""] = true; }

void HealthService::AddTo(Methods& methods) {
  const auto& service = *HealthCheckRequest::descriptor()->file()->FindServiceByName("Health");
  methods.Add<HealthCheckRequest>(service, "Check", [this](CallPtr call, HealthCheckRequest asks) {
    Check(call, asks.service());
  });
  methods.Add<HealthCheckRequest>(service, "Watch", [this](CallPtr call, HealthCheckRequest asks) {
    Watch(call, asks.service());
  });
}

void HealthService::Set(const std::string& service, bool serving) {
  std::list<std::shared_ptr<Watcher>> watchers;
  {
    MutexLock lock(mutex_);
    serving_[service] = serving;
    watchers = watchers_;
  }
  Tell(std::move(watchers));
}

void HealthService::EndWatches() {
  std::list<std::shared_ptr<Watcher>> watchers;
  {
    MutexLock lock(mutex_);
    ended_ = true;
    watchers = watchers_;
  }
  for (const auto& watcher : watchers) {
    End(watcher, {absl::StatusCode::kUnavailable, "the server stops"});
  }
}

void HealthService::Check(const CallPtr& call, const std::string& service) {
  HealthCheckResponse response;
  {
    MutexLock lock(mutex_);
    const auto known = serving_.find(service);
    if (known != serving_.end()) {
      response.set_status(known->second ? HealthCheckResponse::SERVING
                                        : HealthCheckResponse::NOT_SERVING);
    }
  }
  if (response.status() != HealthCheckResponse::UNKNOWN) return call->Reply(response);
  call->Finish({absl::StatusCode::kNotFound,
                fmt::format("this server has no service \"{}\" whose health it knows", service)});
}

void HealthService::Watch(const CallPtr& call, const std::string& service) {
  const auto watcher = std::make_shared<Watcher>(Watcher{.call = call, .service = service});
  bool ended = false;
  {
    MutexLock lock(mutex_);
    ended = ended_;
    watchers_.push_back(watcher);
  }
  if (ended) return End(watcher, {absl::StatusCode::kUnavailable, "the server stops"});
  call->OnCancel([this, watcher] { End(watcher, {absl::StatusCode::kCancelled, ""}); });
  Tell({watcher});
}

void HealthService::End(const std::shared_ptr<Watcher>& watcher, const Status& status) {
  {
    MutexLock lock(mutex_);
    if (std::erase(watchers_, watcher) == 0) return;
    watcher->end = status;
    if (watcher->busy) return;
  }
  watcher->call->Finish(status);
}

void HealthService::Tell(std::list<std::shared_ptr<Watcher>> watchers) {
  for (const std::shared_ptr<Watcher>& watcher : watchers) {
    HealthCheckResponse response;
    {
      MutexLock lock(mutex_);
      const auto known = serving_.find(watcher->service);
      response.set_status(known == serving_.end() ? HealthCheckResponse::SERVICE_UNKNOWN
                          : known->second         ? HealthCheckResponse::SERVING
                                                  : HealthCheckResponse::NOT_SERVING);
      if (watcher->busy || watcher->end || watcher->sent == response.status()) continue;
      watcher->busy = true;
      watcher->sent = response.status();
    }
    watcher->call->Write(response, [this, watcher](bool) {
      std::optional<Status> end;
      {
        MutexLock lock(mutex_);
        watcher->busy = false;
        end = watcher->end;
      }
      if (end) return watcher->call->Finish(*end);
      Tell({watcher});
    });
  }
}

}  // namespace tripla::rpc
