// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "load/measurement.h"
#include "load/plan.h"
#include "load/workload.h"

namespace tripla::load {

// How long calls are made. A zero duration: until the workload has no more.
struct Period {
  std::chrono::milliseconds warm_up{0};
  std::chrono::milliseconds duration{0};
  double rate = 0;  // calls a second in an open loop; 0: a closed loop
};

// Makes calls over a number of connections, each its own, and keeps a number of them in flight.
// Requests and replies are bytes to gRPC, so one generator serves every API alike.
//
// Thread-safety: none; Run() uses threads of its own.
class Generator {
 public:
  // How far a run is: how long it goes on, calls answered, calls failed.
  using ProgressFn = std::function<void(std::chrono::duration<double>, uint64_t, uint64_t)>;

  explicit Generator(const Plan& plan);

  // Waits until every connection stands. Errors: Unavailable, which names the server and why.
  [[nodiscard]] absl::Status Connect();

  // Makes the calls of `workload`. Ends early when somebody asks the program to stop; all that was
  // begun is answered before it returns. `progress` is called a few times a second.
  Measurement Run(Workload& workload, const Period& period, const ProgressFn& progress);

 private:
  const Plan plan_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
};

}  // namespace tripla::load
