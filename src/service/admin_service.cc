// SPDX-License-Identifier: Apache-2.0
#include "service/admin_service.h"

#include <algorithm>
#include <optional>
#include <string>

#include "model/limits.h"
#include "service/status_mapping.h"
#include "service/transfer_answer.h"
#include "state/session_bounds.h"

namespace tripla {

AdminService::AdminService(const Parts& parts, size_t data_bytes_max)
    : parts_(parts), data_bytes_max_(data_bytes_max) {}

void AdminService::AddTo(rpc::Methods& methods) {
  const auto& service = *v1::StatusRequest::descriptor()->file()->FindServiceByName("Admin");
  methods.Add<v1::StatusRequest>(
      service, "Status",
      [this](const rpc::CallPtr& call, const v1::StatusRequest&) { call->Reply(Status()); },
      RefusedRead);
  methods.Add<v1::SnapshotRequest>(
      service, "Snapshot",
      [this](const rpc::CallPtr& call, const v1::SnapshotRequest&) { Snapshot(call); },
      RefusedRead);
  methods.Add<v1::TransferRequest>(
      service, "Transfer",
      [this](const rpc::CallPtr& call, const v1::TransferRequest& request) {
        Transfer(call, request.node());
      },
      RefusedRead);
}

v1::StatusReply AdminService::Status() const {
  using std::chrono::milliseconds;
  v1::StatusReply reply;
  reply.set_software_version(TRIPLA_VERSION);
  const auto uptime = std::chrono::steady_clock::now() - start_;
  reply.set_uptime_ms(std::chrono::duration_cast<milliseconds>(uptime).count());
  FillState(reply);
  FillLeadership(reply);
  FillMembers(reply);
  FillLimits(reply);
  FillDisk(reply);
  const absl::Status ready = parts_.ready();
  reply.set_ready(ready.ok());
  if (!ready.ok()) reply.set_not_ready(std::string(ready.message()));
  return reply;
}

void AdminService::Snapshot(const rpc::CallPtr& call) {
  parts_.snapshots.Request([call](absl::StatusOr<ImageSummary> image) {
    if (!image.ok()) {
      if (absl::IsResourceExhausted(image.status())) AddPushback(*call, NoRoom::ReadOnly());
      return call->Finish(ReadError(image.status(), NoRoom::ReadOnly()));
    }
    v1::SnapshotReply reply;
    reply.set_log_index(image->position.index);
    reply.set_revision(image->revision);
    reply.set_entries(image->entries);
    reply.set_bytes(image->bytes);
    reply.set_file(image->file);
    call->Reply(reply);
  });
}

void AdminService::Transfer(const rpc::CallPtr& call, const std::string& node) {
  const Log::LeadershipFn answer = AnswerTransfer<v1::TransferReply>(call);
  if (parts_.transfer != nullptr) return parts_.transfer(node, answer);
  answer(
      absl::FailedPreconditionError("this server stands alone: there is no other that could lead"));
}

void AdminService::FillState(v1::StatusReply& reply) const {
  const StateSummary summary = parts_.machine.GetSummary();
  reply.set_revision(summary.revision);
  reply.set_keys(summary.keys);
  reply.set_state_hash(summary.hash.data(), summary.hash.size());
  reply.set_held_bytes(summary.payload_bytes);
  reply.set_sessions(summary.sessions);
  reply.set_answers(summary.answers);
  reply.set_log_index(summary.position.index);
  reply.set_level(summary.level);
  reply.set_level_held_back(parts_.level_held_back());
}

void AdminService::FillLeadership(v1::StatusReply& reply) const {
  const Log::Leadership leadership = parts_.log.GetLeadership();
  reply.set_node(leadership.node);
  reply.set_cluster(leadership.cluster);
  reply.set_role(leadership.role);
  reply.set_leader(leadership.leader);
  reply.set_leader_endpoint(leadership.leader_endpoint);
  reply.set_term(leadership.term);
  if (const std::optional<bool> has_lease = parts_.log.HasLease()) reply.set_has_lease(*has_lease);
  if (const auto by_lease = parts_.log.ReadsByLease()) reply.set_read_lease(*by_lease);
}

void AdminService::FillMembers(v1::StatusReply& reply) const {
  for (const Log::MemberStatus& from : parts_.log.GetOtherMembers()) {
    v1::MemberStatus& to = *reply.add_members();
    to.set_node(from.node);
    if (from.silence) to.set_silence_ms(from.silence->count());
    to.set_trouble(from.trouble);
    if (from.acknowledged) to.set_log_index(*from.acknowledged);
    if (!from.image) continue;
    to.mutable_image()->set_log_index(from.image->index);
    to.mutable_image()->set_bytes(from.image->bytes);
    to.mutable_image()->set_percent(from.image->percent);
    to.mutable_image()->set_attempt(from.image->attempt);
    to.mutable_image()->set_trouble(from.image->trouble);
  }
}

void AdminService::FillLimits(v1::StatusReply& reply) const {
  reply.set_key_bytes_max(limits::kKeyBytesMax);
  reply.set_data_bytes_max(data_bytes_max_);
  reply.set_batch_operations_max(limits::kBatchOperationsMax);
  reply.set_batch_bytes_max(limits::kBatchBytesMax);
  reply.set_answers_per_client_max(SessionBounds().answers_per_client);
}

void AdminService::FillDisk(v1::StatusReply& reply) const {
  const Log::Stats log = parts_.log.GetStats();
  reply.set_durability(log.durability);
  reply.set_log_bytes(log.bytes);
  absl::Status room;
  // First, because it names all disks that are full, this server's among them.
  if (parts_.cluster_room != nullptr) room = parts_.cluster_room->Check(ClusterRoom::Write::kAdds);
  room.Update(parts_.disk_reserve.Check());
  reply.set_writable(room.ok() && log.refusal.empty());
  if (!reply.writable()) {
    reply.set_write_refusal(log.refusal.empty() ? std::string(room.message()) : log.refusal);
  }
  const uint64_t largest = std::max<uint64_t>(limits::kBatchBytesMax, data_bytes_max_);
  reply.set_write_bytes_max(
      reply.writable() ? std::min(largest, parts_.disk_reserve.write_bytes_max()) : 0);
  reply.set_disk_free_bytes(parts_.disk_reserve.free_bytes());
  const std::optional<ImageSummary> image = parts_.images.newest();
  if (!image) return;
  reply.set_image_log_index(image->position.index);
  reply.set_image_bytes(image->bytes);
  reply.set_image_unix_ms(image->written_unix_ms);
}

}  // namespace tripla
