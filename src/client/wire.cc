// SPDX-License-Identifier: Apache-2.0
#include "client/wire.h"

#include <string>
#include <utility>
#include <variant>

namespace tripla {
namespace {

void Fill(v1::Operation& wire, const SetOperation& from) {
  v1::SetRequest& to = *wire.mutable_set();
  to.set_key(std::string(from.key.twos_complement()));
  to.set_timestamp(from.timestamp);
  to.set_data(from.data);
}

void Fill(v1::Operation& wire, const GetOperation& from) {
  v1::GetRequest& to = *wire.mutable_get();
  to.set_key(std::string(from.key.twos_complement()));
  if (from.consistency == Consistency::kStale) to.set_consistency(v1::STALE);
}

void Fill(v1::Operation& wire, const DelOperation& from) {
  wire.mutable_del()->set_key(std::string(from.key.twos_complement()));
}

void Fill(v1::Operation& wire, const DelVersionOperation& from) {
  v1::DelVersionRequest& to = *wire.mutable_del_version();
  to.set_key(std::string(from.key.twos_complement()));
  to.set_version(from.version);
  to.set_if_revision(from.if_revision);
}

void Fill(v1::Operation& wire, const TestAndSetOperation& from) {
  v1::TestAndSetRequest& to = *wire.mutable_test_and_set();
  to.set_key(std::string(from.key.twos_complement()));
  to.mutable_value()->set_timestamp(from.timestamp);
  to.mutable_value()->set_data(from.data);
  to.set_version(from.version);
  to.set_if_revision(from.if_revision);
}

std::optional<Result> FromWire(v1::Result result) {
  switch (result) {
    case v1::SUCCESS:
      return Result::kSuccess;
    case v1::ERROR:
      return Result::kError;
    case v1::ERROR_NE:
      return Result::kNoEntry;
    case v1::ERROR_WV:
      return Result::kWrongVersion;
    default:
      return std::nullopt;
  }
}

// Calls `visit` with the request of a write; does nothing for a read.
template <typename Visit>
void VisitWrite(v1::Operation& operation, const Visit& visit) {
  switch (operation.operation_case()) {
    case v1::Operation::kSet:
      return visit(*operation.mutable_set());
    case v1::Operation::kDel:
      return visit(*operation.mutable_del());
    case v1::Operation::kDelVersion:
      return visit(*operation.mutable_del_version());
    case v1::Operation::kTestAndSet:
      return visit(*operation.mutable_test_and_set());
    case v1::Operation::kGet:
    case v1::Operation::OPERATION_NOT_SET:
      break;
  }
}

}  // namespace

v1::Operation ToWire(const Operation& operation) {
  v1::Operation wire;
  std::visit([&](const auto& from) { Fill(wire, from); }, operation);
  return wire;
}

void SetRequestId(v1::Operation& operation, const v1::RequestId& id) {
  VisitWrite(operation, [&](auto& write) { *write.mutable_request_id() = id; });
}

void SetAttempt(v1::Operation& operation, uint32_t attempt) {
  VisitWrite(operation, [&](auto& write) { write.mutable_request_id()->set_attempt(attempt); });
}

void SetWithoutData(v1::Operation& operation) {
  VisitWrite(operation, [](auto& write) { write.set_without_data(true); });
}

std::optional<Decided> FromWire(v1::Reply reply) {
  const std::optional<Result> result = FromWire(reply.result());
  if (!result.has_value()) return std::nullopt;
  Decided decided{.result = *result, .revision = reply.revision(), .replayed = reply.replayed()};
  if (reply.has_value()) {
    v1::Triple& value = *reply.mutable_value();
    decided.value = Triple{value.version(), value.timestamp(), std::move(*value.mutable_data())};
  }
  return decided;
}

MemberStatus FromWire(const v1::MemberStatus& from) {
  MemberStatus member{.node = from.node(), .trouble = from.trouble()};
  if (from.has_silence_ms()) member.silence_ms = from.silence_ms();
  if (from.has_log_index()) member.log_index = from.log_index();
  if (from.has_image()) {
    member.image = {.log_index = from.image().log_index(),
                    .bytes = from.image().bytes(),
                    .percent = from.image().percent(),
                    .attempt = from.image().attempt(),
                    .trouble = from.image().trouble()};
  }
  return member;
}

ServerStatus FromWire(const v1::StatusReply& reply) {
  ServerStatus status{
      .node = reply.node(),
      .role = reply.role(),
      .leader = reply.leader(),
      .leader_endpoint = reply.leader_endpoint(),
      .term = reply.term(),
      .revision = reply.revision(),
      .keys = reply.keys(),
      .state_hash = reply.state_hash(),
      .software_version = reply.software_version(),
      .uptime_ms = reply.uptime_ms(),
      .durability = reply.durability(),
      .writable = reply.writable(),
      .key_bytes_max = reply.key_bytes_max(),
      .data_bytes_max = reply.data_bytes_max(),
      .batch_operations_max = reply.batch_operations_max(),
      .batch_bytes_max = reply.batch_bytes_max(),
      .held_bytes = reply.held_bytes(),
      .sessions = reply.sessions(),
      .answers = reply.answers(),
      .log_index = reply.log_index(),
      .log_bytes = reply.log_bytes(),
      .image_log_index = reply.image_log_index(),
      .image_bytes = reply.image_bytes(),
      .image_unix_ms = reply.image_unix_ms(),
      .disk_free_bytes = reply.disk_free_bytes(),
      .ready = reply.ready(),
      .answers_per_client_max = reply.answers_per_client_max(),
      .write_refusal = reply.write_refusal(),
      .cluster = reply.cluster(),
      .level = reply.level(),
      .level_held_back = reply.level_held_back(),
      .not_ready = reply.not_ready(),
  };
  if (reply.has_write_bytes_max()) status.write_bytes_max = reply.write_bytes_max();
  if (reply.has_has_lease()) status.has_lease = reply.has_lease();
  if (reply.has_read_lease()) status.read_lease = reply.read_lease();
  for (const v1::MemberStatus& member : reply.members()) {
    status.members.push_back(FromWire(member));
  }
  return status;
}

Leader FromWire(const v1::TransferReply& reply) {
  return {.node = reply.leader(), .endpoint = reply.leader_endpoint(), .term = reply.term()};
}

ImageInfo FromWire(const v1::SnapshotReply& reply) {
  return {.log_index = reply.log_index(),
          .revision = reply.revision(),
          .entries = reply.entries(),
          .bytes = reply.bytes(),
          .file = reply.file()};
}

}  // namespace tripla
