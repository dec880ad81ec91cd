// SPDX-License-Identifier: Apache-2.0
#include "load/generator.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "client/connection.h"
#include "load/run.h"

namespace tripla::load {

Generator::Generator(const Plan& plan) : plan_(plan) {
  for (int i = 0; i < plan.connections; ++i) {
    channels_.push_back(OpenChannel(plan.endpoints[i % plan.endpoints.size()]));
    stubs_.push_back(std::make_unique<grpc::GenericStub>(channels_.back()));
  }
}

absl::Status Generator::Connect() {
  const auto deadline = std::chrono::system_clock::now() + plan_.timeout;
  for (size_t i = 0; i < channels_.size(); ++i) {
    if (channels_[i]->WaitForConnected(deadline)) continue;
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
