// SPDX-License-Identifier: Apache-2.0
#include "server/leadership_transfer.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace tripla {

namespace {

using Clock = std::chrono::steady_clock;

// A follower that lives answers a heartbeat every 500 ms.
constexpr std::chrono::milliseconds kSilenceMax{2000};

// After a transfer until the new leader is known.
constexpr std::chrono::milliseconds kLeaderPatience{2000};
constexpr std::chrono::milliseconds kLookPeriod{10};

absl::Status ShuttingDown() { return absl::UnavailableError("the server is shutting down"); }

}  // namespace

LeadershipTransfer::LeadershipTransfer(const Membership& membership, RatisLog& log, PeerLink& peers)
    : membership_(membership), log_(log), peers_(peers) {}

absl::Status LeadershipTransfer::CheckIsMember(const std::string& node) const {
  if (node.empty() || membership_.Find(node) != nullptr) return absl::OkStatus();
  const std::string members =
      absl::StrJoin(membership_.members, ", ",
                    [](std::string* text, const Member& member) { text->append(member.node); });
  return absl::InvalidArgumentError(
      fmt::format("\"{}\" is no member of this cluster; its members are {}", node, members));
}

void LeadershipTransfer::Ask(const std::string& node, DoneFn done) {
  if (const absl::Status status = CheckIsMember(node); !status.ok()) return done(status);
  const Log::Leadership leadership = log_.GetLeadership();
  if (leadership.leader.empty()) {
    return done(absl::UnavailableError("no leader is known, so none can be asked to hand over"));
  }
  if (leadership.leader == membership_.node) return AskHere(node, std::move(done));
  peers_.AskTransfer(
      leadership.leader_endpoint, membership_.cluster, node,
      [done = std::move(done)](const absl::StatusOr<internal::TransferReply>& reply) {
        if (!reply.ok()) return done(reply.status());
        done(Log::Leadership{.leader = reply->leader(),
                             .leader_endpoint = reply->leader_endpoint(),
                             .term = reply->term()});
      });
}

void LeadershipTransfer::AskHere(const std::string& node, DoneFn done) {
  if (const absl::Status status = CheckIsMember(node); !status.ok()) return done(status);
  {
    MutexLock lock(mutex_);
    if (!stopped_) return requests_.push_back({node, std::move(done)});
  }
  done(ShuttingDown());
}

void LeadershipTransfer::ServeRequests() {
  std::vector<Request> requests;
  {
    MutexLock lock(mutex_);
    requests.swap(requests_);
  }
  for (const Request& request : requests) request.done(HandOver(request.node));
}

void LeadershipTransfer::Stop() {
  std::vector<Request> requests;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    requests.swap(requests_);
  }
  for (const Request& request : requests) request.done(ShuttingDown());
}

absl::Status LeadershipTransfer::CheckIsHeard(const std::string& node) const {
  for (const Log::MemberStatus& member : log_.GetOtherMembers()) {
    if (member.node != node || (member.silence && *member.silence <= kSilenceMax)) continue;
    return absl::FailedPreconditionError(
        fmt::format("{} cannot lead now: {} has not heard from it {}{}{}", node, membership_.node,
                    member.silence ? fmt::format("for {} ms", member.silence->count())
                                   : fmt::format("since {} was started", membership_.node),
                    member.trouble.empty() ? "" : ": ", member.trouble));
  }
  return absl::OkStatus();
}

bool LeadershipTransfer::CanRead() {
  const auto answered = std::make_shared<std::promise<bool>>();
  log_.AwaitReadable([answered](const absl::Status& status) { answered->set_value(status.ok()); });
  std::future<bool> answer = answered->get_future();
  return answer.wait_for(kLeaderPatience) == std::future_status::ready && answer.get();
}

absl::StatusOr<Log::Leadership> LeadershipTransfer::HandOver(const std::string& node) {
  const Clock::time_point ready_by = Clock::now() + kLeaderPatience;
  while (!log_.Leads() && log_.GetLeadership().leader == membership_.node &&
         Clock::now() < ready_by) {
    std::this_thread::sleep_for(kLookPeriod);  // it was elected just now
  }
  if (!log_.Leads()) return absl::UnavailableError("this server does not lead");
  if (node == membership_.node) return log_.GetLeadership();
  TRIPLA_RETURN_IF_ERROR(CheckIsHeard(node));
  if (const absl::Status done = log_.HandOver(node, "another was asked for"); !done.ok()) {
    return absl::FailedPreconditionError(
        fmt::format("{} leads on: {}", membership_.node, std::string(done.message())));
  }
  const Clock::time_point deadline = Clock::now() + kLeaderPatience;
  Log::Leadership leadership = log_.GetLeadership();
  while ((leadership.leader.empty() || leadership.leader == membership_.node) &&
         Clock::now() < deadline) {
    std::this_thread::sleep_for(kLookPeriod);
    leadership = log_.GetLeadership();
  }
  if (node.empty() ? !leadership.leader.empty() : leadership.leader == node) {
    while (!CanRead() && Clock::now() < deadline) std::this_thread::sleep_for(kLookPeriod);
    return leadership;
  }
  if (leadership.leader.empty()) {
    return absl::UnavailableError("the servers have not chosen a leader yet");
  }
  return absl::FailedPreconditionError(
      fmt::format("{} leads now: it was chosen, not {}", leadership.leader, node));
}

}  // namespace tripla
