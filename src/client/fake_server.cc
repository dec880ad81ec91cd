// SPDX-License-Identifier: Apache-2.0
#include "client/fake_server.h"

#include <fmt/core.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <thread>
#include <utility>

#include "base/check.h"
#include "tripla/v1/rpc_status.pb.h"

namespace tripla {

grpc::Status Refused(grpc::StatusCode code, v1::Undecided::Applied applied,
                     const std::string& leader_endpoint) {
  v1::Undecided undecided;
  undecided.set_applied(applied);
  undecided.set_leader_endpoint(leader_endpoint);
  v1::RpcStatus detailed;
  detailed.set_code(code);
  detailed.add_details()->PackFrom(undecided);
  return {code, "refused", detailed.SerializeAsString()};
}

void AwaitCancelled(const grpc::ServerContext& context) {
  // A synchronous handler can only look.
  while (!context.IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

FakeServer::OnOperation FakeServer::Hang() {
  return [](grpc::ServerContext& context, const v1::Operation&, v1::Reply&, int) -> grpc::Status {
    AwaitCancelled(context);
    return grpc::Status::CANCELLED;
  };
}

FakeServer::FakeServer(OnOperation on_operation, int port)
    : on_operation_(std::move(on_operation)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(fmt::format("127.0.0.1:{}", port), grpc::InsecureServerCredentials(),
                           &port_);
  builder.RegisterService(static_cast<v1::KeyValue::Service*>(this));
  builder.RegisterService(static_cast<v1::Admin::Service*>(this));
  builder.SetMaxReceiveMessageSize(-1);
  server_ = builder.BuildAndStart();
  TRIPLA_CHECK(server_ != nullptr && port_ != 0, "the fake server listens");
}

void FakeServer::Stop() {
  if (server_ == nullptr) return;
  // With a deadline of now, running calls are cut off.
  server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

std::string FakeServer::endpoint() const { return fmt::format("127.0.0.1:{}", port_); }

std::vector<v1::Operation> FakeServer::received() {
  const MutexLock lock(mutex_);
  return received_;
}

grpc::Status FakeServer::Answer(grpc::ServerContext& context, const v1::Operation& request,
                                v1::Reply& reply) {
  const MutexLock lock(mutex_);
  received_.push_back(request);
  return on_operation_(context, request, reply, attempts_++);
}

grpc::Status FakeServer::Set(grpc::ServerContext* context, const v1::SetRequest* request,
                             v1::Reply* reply) {
  v1::Operation operation;
  *operation.mutable_set() = *request;
  return Answer(*context, operation, *reply);
}

grpc::Status FakeServer::Get(grpc::ServerContext* context, const v1::GetRequest* request,
                             v1::Reply* reply) {
  v1::Operation operation;
  *operation.mutable_get() = *request;
  return Answer(*context, operation, *reply);
}

grpc::Status FakeServer::Del(grpc::ServerContext* context, const v1::DelRequest* request,
                             v1::Reply* reply) {
  v1::Operation operation;
  *operation.mutable_del() = *request;
  return Answer(*context, operation, *reply);
}

grpc::Status FakeServer::DelVersion(grpc::ServerContext* context,
                                    const v1::DelVersionRequest* request, v1::Reply* reply) {
  v1::Operation operation;
  *operation.mutable_del_version() = *request;
  return Answer(*context, operation, *reply);
}

grpc::Status FakeServer::TestAndSet(grpc::ServerContext* context,
                                    const v1::TestAndSetRequest* request, v1::Reply* reply) {
  v1::Operation operation;
  *operation.mutable_test_and_set() = *request;
  return Answer(*context, operation, *reply);
}

grpc::Status FakeServer::Batch(grpc::ServerContext* context, const v1::BatchRequest* request,
                               v1::BatchReply* reply) {
  for (const v1::Operation& operation : request->operations()) {
    const grpc::Status status = Answer(*context, operation, *reply->add_replies());
    if (!status.ok()) return status;
  }
  return grpc::Status::OK;
}

grpc::Status FakeServer::Status(grpc::ServerContext* /*context*/,
                                const v1::StatusRequest* /*request*/, v1::StatusReply* reply) {
  reply->set_node("fake");
  reply->set_role("standalone");
  return grpc::Status::OK;
}

grpc::Status FakeServer::Snapshot(grpc::ServerContext* /*context*/,
                                  const v1::SnapshotRequest* /*request*/,
                                  v1::SnapshotReply* reply) {
  reply->set_file("snapshot.0_1");
  reply->set_entries(1);
  return grpc::Status::OK;
}

}  // namespace tripla
