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
#include "base/thread_name.h"

namespace tripla {

namespace {

// A follower that lives answers a heartbeat every 500 ms.
constexpr std::chrono::milliseconds kSilenceMax{2000};

// After a transfer until the new leader is known.
constexpr std::chrono::milliseconds kLeaderPatience{2000};
constexpr std::chrono::milliseconds kLookPeriod{10};

absl::Status ShuttingDown() { return absl::UnavailableError("the server is shutting down"); }

}  // namespace

LeadershipTransfer::LeadershipTransfer(const Membership& membership, RatisLog& log, PeerLink& peers)
    : membership_(membership), log_(log), peers_(peers), thread_([this] { Run(); }) {}

LeadershipTransfer::~LeadershipTransfer() { Stop(); }

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
  bool stopped = false;
  {
    MutexLock lock(mutex_);
    stopped = stopped_;
    if (!stopped && !is_busy_) {
      is_busy_ = true;
      request_ = {node, std::move(done)};
      return changed_.NotifyAll();
    }
  }
  done(stopped ? ShuttingDown()
               : absl::FailedPreconditionError("another transfer is under way; ask again"));
}

std::optional<LeadershipTransfer::Request> LeadershipTransfer::AwaitRequest() {
  MutexLock lock(mutex_);
  while (!stopped_ && !request_) changed_.Wait(mutex_);
  return std::exchange(request_, std::nullopt);
}

void LeadershipTransfer::Run() {
  NameThread("transfer");
  while (const std::optional<Request> request = AwaitRequest()) {
    const absl::StatusOr<Log::Leadership> leadership =
        IsStopped() ? ShuttingDown() : HandOver(request->node);
    {
      MutexLock lock(mutex_);
      is_busy_ = false;
    }
    request->done(leadership);
  }
}

bool LeadershipTransfer::IsStopped() {
  MutexLock lock(mutex_);
  return stopped_;
}

bool LeadershipTransfer::WaitsUntil(Clock::time_point deadline) {
  std::this_thread::sleep_for(kLookPeriod);
  return Clock::now() < deadline && !IsStopped();
}

void LeadershipTransfer::Stop() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
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

absl::Status LeadershipTransfer::AwaitOwnReadiness() {
  const Clock::time_point deadline = Clock::now() + kLeaderPatience;
  const auto is_beginning = [&] {
    return !log_.Leads() && log_.GetLeadership().leader == membership_.node;
  };
  while (is_beginning() && WaitsUntil(deadline)) {
  }
  return log_.Leads() ? absl::OkStatus() : absl::UnavailableError("this server does not lead");
}

Log::Leadership LeadershipTransfer::AwaitSuccessor() {
  const Clock::time_point deadline = Clock::now() + kLeaderPatience;
  Log::Leadership leadership = log_.GetLeadership();
  const auto leads_another = [&] {
    return !leadership.leader.empty() && leadership.leader != membership_.node;
  };
  while (!leads_another() && WaitsUntil(deadline)) leadership = log_.GetLeadership();
  while (leads_another() && !CanRead() && WaitsUntil(deadline)) {
  }
  return leadership;
}

absl::StatusOr<Log::Leadership> LeadershipTransfer::HandOver(const std::string& node) {
  TRIPLA_RETURN_IF_ERROR(AwaitOwnReadiness());
  if (node == membership_.node) return log_.GetLeadership();
  TRIPLA_RETURN_IF_ERROR(CheckIsHeard(node));
  if (const absl::Status done = log_.HandOver(node, "another was asked for"); !done.ok()) {
    return absl::FailedPreconditionError(
        fmt::format("{} leads on: {}", membership_.node, std::string(done.message())));
  }
  const Log::Leadership leadership = AwaitSuccessor();
  if (leadership.leader.empty()) {
    return absl::UnavailableError("the servers have not chosen a leader yet");
  }
  if (node.empty() ? leadership.leader != membership_.node : leadership.leader == node) {
    return leadership;
  }
  return absl::FailedPreconditionError(fmt::format(
      "{} leads now: it was chosen, not {}", leadership.leader, node.empty() ? "another" : node));
}

}  // namespace tripla
