// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "rpc/health_service.h"
#include "rpc/methods.h"
#include "rpc/rpc_server.h"
#include "server/options.h"
#include "server/readiness.h"

namespace tripla {

// Serves methods at one address, with the health service and, if options say so, reflection beside
// them. What this server allows its clients is here.
//
// Thread-safety: SetReady() from any thread, the rest from one.
class Transport {
 public:
  // It listens when this returns; the health service says "not serving". What `add` adds outlives
  // it.
  //
  // Errors: Unavailable when it cannot listen, with the reason and what to do.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Transport>> Start(
      const Options& options, const std::function<void(rpc::Methods&)>& add);

  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // HOST:PORT; for port 0 with the port that was chosen.
  [[nodiscard]] const std::string& address() const { return address_; }

  // What the health service says of kReadinessService.
  void SetReady(bool ready) { health_.Set(kReadinessService, ready); }

  // Refuses new calls and ends those in flight: replies have a second to reach their clients. On
  // return no call is left. Once.
  void Stop();

 private:
  Transport() = default;

  std::string address_;
  rpc::Methods methods_;
  rpc::HealthService health_;
  std::unique_ptr<rpc::RpcServer> server_;
};

// Whether a server could listen on `address` (HOST:PORT) now.
//
// Errors: as Transport::Start().
[[nodiscard]] absl::Status CheckListening(const std::string& address);

}  // namespace tripla
