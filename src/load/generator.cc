// SPDX-License-Identifier: Apache-2.0
#include "load/generator.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "cli/stop.h"
#include "client/connection.h"
#include "load/run.h"

namespace tripla::load {
namespace {

using std::chrono::system_clock;

// False when it does not come in time, or when somebody asks the run to stop.
bool AwaitConnection(grpc::Channel& channel, system_clock::time_point deadline) {
  constexpr std::chrono::milliseconds kLook{100};
  while (!channel.WaitForConnected(std::min(deadline, system_clock::now() + kLook))) {
    if (cli::StopAsked() || system_clock::now() >= deadline) return false;
  }
  return true;
}

}  // namespace

Generator::Generator(const Plan& plan) : plan_(plan) {
  for (int i = 0; i < plan.connections; ++i) {
    channels_.push_back(OpenChannel(plan.endpoints[i % plan.endpoints.size()]));
    stubs_.push_back(std::make_unique<grpc::GenericStub>(channels_.back()));
  }
}

absl::Status Generator::Connect() {
  const auto deadline = system_clock::now() + plan_.timeout;
  for (size_t i = 0; i < channels_.size(); ++i) {
    if (AwaitConnection(*channels_[i], deadline)) continue;
    return absl::UnavailableError(fmt::format("no connection to {}: {}",
                                              plan_.endpoints[i % plan_.endpoints.size()],
                                              WhyNotConnected(channels_[i])));
  }
  return absl::OkStatus();
}

Measurement Generator::Run(Workload& workload, const Period& period, const ProgressFn& progress) {
  load::Run run(plan_, stubs_, workload, period);
  return run.Measure(progress);
}

}  // namespace tripla::load
