// SPDX-License-Identifier: Apache-2.0
#include "client/health.h"

#include <grpc/support/time.h>
#include <grpcpp/client_context.h>

#include <future>
#include <memory>

#include "client/connection.h"
#include "health/health.grpc.pb.h"

namespace tripla {
namespace {

using grpc::health::v1::HealthCheckResponse;

// The names of the server's health service: the process, and the service for calls.
constexpr const char* kProcess = "";
constexpr const char* kCalls = "tripla.v1.KeyValue";

// gRPC's messages begin with addresses; the reason follows the last colon.
std::string ReasonIn(const std::string& message) {
  const size_t colon = message.rfind(": ");
  return colon == std::string::npos ? message : message.substr(colon + 2);
}

EndpointHealth Ask(const std::string& endpoint, gpr_timespec deadline) {
  EndpointHealth health{.endpoint = endpoint};
  const auto stub = grpc::health::v1::Health::NewStub(OpenChannel(endpoint));
  for (const char* service : {kProcess, kCalls}) {
    grpc::ClientContext context;
    context.set_deadline(deadline);
    grpc::health::v1::HealthCheckRequest request;
    HealthCheckResponse response;
    request.set_service(service);
    const grpc::Status status = stub->Check(&context, request, &response);
    if (!status.ok() && health.state == EndpointHealth::State::kDown) {
      health.why = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED
                       ? "no answer"
                       : ReasonIn(status.error_message());
    }
    if (!status.ok() || response.status() != HealthCheckResponse::SERVING) return health;
    health.state = service == kCalls ? EndpointHealth::State::kReady : EndpointHealth::State::kLive;
  }
  return health;
}

}  // namespace

std::vector<EndpointHealth> HealthOf(const std::vector<std::string>& endpoints,
                                     std::chrono::milliseconds patience) {
  const gpr_timespec deadline =
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                   gpr_time_from_millis(static_cast<int64_t>(patience.count()), GPR_TIMESPAN));
  std::vector<std::future<EndpointHealth>> asked;
  for (const std::string& endpoint : endpoints) {
    asked.push_back(std::async(std::launch::async, Ask, endpoint, deadline));
  }
  std::vector<EndpointHealth> answers;
  for (auto& one : asked) answers.push_back(one.get());
  return answers;
}

}  // namespace tripla
