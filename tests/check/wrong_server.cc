// SPDX-License-Identifier: Apache-2.0
#include "tests/check/wrong_server.h"

#include <fmt/core.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <utility>

#include "base/check.h"
#include "model/limits.h"
#include "service/reply.h"
#include "service/request_check.h"
#include "service/status_mapping.h"

namespace tripla::check {
namespace {

// The real one is tried elsewhere; here data that must pass through one process twice is smaller.
constexpr size_t kDataBytesMax = size_t{1} << 20;

absl::StatusOr<std::vector<Command>> CommandsOf(const v1::Operation& request) {
  v1::BatchRequest batch;
  *batch.add_operations() = request;
  return ToCommands(batch, kDataBytesMax);
}

grpc::Status ToGrpc(const rpc::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code), status.message, status.details};
}

grpc::Status Refuse(const absl::Status& error) {
  return ToGrpc(WriteError(error, Applied::kNo, NoRoom::TooLarge()));
}

}  // namespace

WrongServer::WrongServer(Behaviour behaviour, Elsewhere elsewhere)
    : behaviour_(std::move(behaviour)), elsewhere_(std::move(elsewhere)) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(static_cast<v1::KeyValue::Service*>(this));
  builder.RegisterService(static_cast<v1::Admin::Service*>(this));
  builder.SetMaxReceiveMessageSize(-1);
  server_ = builder.BuildAndStart();
  TRIPLA_CHECK(server_ != nullptr && port_ != 0, "the wrong server listens");
  server_->GetHealthCheckService()->SetServingStatus("tripla.v1.KeyValue", elsewhere_.ready);
}

WrongServer::~WrongServer() { server_->Shutdown(std::chrono::system_clock::now()); }

std::string WrongServer::endpoint() const { return fmt::format("127.0.0.1:{}", port_); }

uint64_t WrongServer::keys() {
  const MutexLock lock(mutex_);
  return machine_.GetSummary().keys;
}

grpc::Status WrongServer::Execute(const v1::Operation& request, v1::Reply& reply) {
  absl::StatusOr<std::vector<Command>> commands = CommandsOf(request);
  if (!commands.ok()) return Refuse(commands.status());
  const LogPosition position{.index = machine_.GetSummary().position.index + 1};
  const std::vector<Outcome> outcomes = machine_.Apply(position, {*std::move(commands)});
  if (outcomes[0].refusal != Refusal::kNone) {
    return ToGrpc(RefusedWrite(outcomes[0]));
  }
  reply.Clear();
  FillReply(outcomes[0], WithoutData(request), reply);
  return grpc::Status::OK;
}

grpc::Status WrongServer::Answer(const v1::Operation& request, v1::Reply& reply) {
  const MutexLock lock(mutex_);
  return AnswerLocked(request, reply);
}

grpc::Status WrongServer::AnswerLocked(const v1::Operation& request, v1::Reply& reply) {
  // The analysis of locks does not look into functions that are passed on.
  const Right right = [this](const v1::Operation& operation, v1::Reply& answer)
                          ABSL_NO_THREAD_SAFETY_ANALYSIS { return Execute(operation, answer); };
  return behaviour_ ? behaviour_(request, reply, right) : right(request, reply);
}

grpc::Status WrongServer::Set(grpc::ServerContext* /*context*/, const v1::SetRequest* request,
                              v1::Reply* reply) {
  v1::Operation operation;
  *operation.mutable_set() = *request;
  return Answer(operation, *reply);
}

grpc::Status WrongServer::Get(grpc::ServerContext* /*context*/, const v1::GetRequest* request,
                              v1::Reply* reply) {
  v1::Operation operation;
  *operation.mutable_get() = *request;
  return Answer(operation, *reply);
}

grpc::Status WrongServer::Del(grpc::ServerContext* /*context*/, const v1::DelRequest* request,
                              v1::Reply* reply) {
  v1::Operation operation;
  *operation.mutable_del() = *request;
  return Answer(operation, *reply);
}

grpc::Status WrongServer::DelVersion(grpc::ServerContext* /*context*/,
                                     const v1::DelVersionRequest* request, v1::Reply* reply) {
  v1::Operation operation;
  *operation.mutable_del_version() = *request;
  return Answer(operation, *reply);
}

grpc::Status WrongServer::TestAndSet(grpc::ServerContext* /*context*/,
                                     const v1::TestAndSetRequest* request, v1::Reply* reply) {
  v1::Operation operation;
  *operation.mutable_test_and_set() = *request;
  return Answer(operation, *reply);
}

grpc::Status WrongServer::Batch(grpc::ServerContext* /*context*/, const v1::BatchRequest* request,
                                v1::BatchReply* reply) {
  v1::BatchRequest asked = *request;
  if (elsewhere_.asked) elsewhere_.asked(asked);
  const auto commands = ToCommands(asked, kDataBytesMax);
  if (!commands.ok()) return Refuse(commands.status());
  const MutexLock lock(mutex_);  // other calls see all of the batch or nothing
  for (const v1::Operation& operation : asked.operations()) {
    const grpc::Status status = AnswerLocked(operation, *reply->add_replies());
    if (!status.ok()) return status;
  }
  if (elsewhere_.batch) elsewhere_.batch(*reply);
  return grpc::Status::OK;
}

grpc::Status WrongServer::Status(grpc::ServerContext* /*context*/,
                                 const v1::StatusRequest* /*request*/, v1::StatusReply* reply) {
  const MutexLock lock(mutex_);
  const StateSummary summary = machine_.GetSummary();
  reply->set_role("standalone");
  reply->set_revision(summary.revision);
  reply->set_keys(summary.keys);
  reply->set_state_hash(summary.hash.data(), summary.hash.size());
  reply->set_key_bytes_max(limits::kKeyBytesMax);
  reply->set_data_bytes_max(kDataBytesMax);
  reply->set_batch_operations_max(limits::kBatchOperationsMax);
  reply->set_batch_bytes_max(limits::kBatchBytesMax);
  reply->set_ready(elsewhere_.ready);
  if (elsewhere_.status) elsewhere_.status(*reply);
  return grpc::Status::OK;
}

grpc::Status WrongServer::Snapshot(grpc::ServerContext* /*context*/,
                                   const v1::SnapshotRequest* /*request*/,
                                   v1::SnapshotReply* /*reply*/) {
  return elsewhere_.image;
}

}  // namespace tripla::check
