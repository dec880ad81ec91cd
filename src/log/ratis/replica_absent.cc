// SPDX-License-Identifier: Apache-2.0
// In place of replica.cc when the server is built without Java (TRIPLA_RATIS=OFF).
#include "base/check.h"
#include "log/ratis/replica.h"

namespace tripla {

struct Replica::Bridge {};

absl::StatusOr<std::unique_ptr<Replica>> Replica::Start(const Options& options, ReplicaCallbacks) {
  return absl::UnimplementedError("the data directory is that of replica " +
                                  options.membership.node +
                                  ", but this triplad was built to stand alone (TRIPLA_RATIS=OFF); "
                                  "start it with one that was built for replicas");
}

absl::Status Replica::CheckInstalled() {
  return absl::UnimplementedError(
      "this triplad was built to stand alone (TRIPLA_RATIS=OFF); install one that was built for "
      "replicas");
}

Replica::~Replica() = default;
void Replica::Submit(uint64_t, std::string_view) { TRIPLA_CHECK(false, "there is no replica"); }
void Replica::SubmitLater(uint64_t batch, std::string_view bytes) { Submit(batch, bytes); }
std::optional<LogIndex> Replica::ReadIndex() const { return std::nullopt; }
void Replica::ConfirmReadIndex() {}
void Replica::TellCommitted(LogIndex) {}
bool Replica::Leads() const { return false; }
std::string Replica::Leader() const { return ""; }
Replica::State Replica::GetState() const { return {}; }
Log::MemberStatus Replica::GetMember(const std::string& node) const { return {.node = node}; }
absl::Status Replica::SetImage(const ImageFile&) { return absl::OkStatus(); }
absl::Status Replica::Purge(LogIndex, bool) { return absl::OkStatus(); }
absl::Status Replica::HandOver(const std::string&) { return absl::OkStatus(); }
void Replica::Disconnect(const std::string&) {}
void Replica::Close() {}

}  // namespace tripla
