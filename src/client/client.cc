// SPDX-License-Identifier: Apache-2.0
#include "tripla/client.h"

#include <utility>

#include "client/core.h"
#include "client/request_text.h"

namespace tripla {

Client::Client(ClientOptions options) : core_(std::make_unique<Core>(std::move(options))) {}
Client::~Client() = default;

Answer<Decided> Client::Execute(const Operation& operation, CallOptions options) {
  Core::CallInProgress call(*core_, options);
  return core_->Execute(call, operation);
}

Answer<std::vector<Decided>> Client::Batch(const std::vector<Operation>& operations,
                                           CallOptions options) {
  Core::CallInProgress call(*core_, options);
  return core_->Batch(call, operations);
}

Answer<Updated> Client::Update(Key key, const UpdateFunction& decide, CallOptions options) {
  options.without_data = false;  // after a lost race `decide` needs the stored data
  Core::CallInProgress call(*core_, options);
  return core_->Update(call, key, decide);
}

Answer<std::vector<Resolved>> Client::Resolve(const std::string& request, CallOptions options) {
  const std::optional<RequestRange> range = ParseRequestRange(request);
  if (!range) {
    return Failure{absl::StatusCode::kInvalidArgument,
                   "not a request id: the form is 32 hexadecimal digits, \"-\", and a number or "
                   "two numbers with \"..\" between them",
                   Failure::Applied::kNo, std::nullopt};
  }
  Core::CallInProgress call(*core_, options);
  return core_->Resolve(call, *range);
}

Answer<ServerStatus> Client::Status(CallOptions options) {
  Core::CallInProgress call(*core_, options);
  return core_->Status(call);
}

std::vector<EndpointStatus> Client::StatusOfAll() { return core_->StatusOfAll(); }

Answer<ImageInfo> Client::Snapshot(CallOptions options) {
  Core::CallInProgress call(*core_, options);
  return core_->Snapshot(call);
}

Answer<Leader> Client::Transfer(const std::string& node, CallOptions options) {
  Core::CallInProgress call(*core_, options);
  return core_->Transfer(call, node);
}

size_t Client::CancelCalls() { return core_->CancelCalls(); }

}  // namespace tripla
