// SPDX-License-Identifier: Apache-2.0
#include "tests/cluster/storm.h"

#include <fmt/chrono.h>
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>
#include <utility>

#include "absl/strings/str_join.h"
#include "tests/harness/clock_rate.h"
#include "tests/harness/dose.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kImageInstalled[] = "it has installed the leader's image";

std::string NodeOf(int server) { return "n" + std::to_string(server + 1); }

double SecondsOf(Storm::Clock::duration span) {
  return std::chrono::duration<double>(span).count();
}

}  // namespace

Storm::Storm(TestCluster& cluster, Network& network,
             const std::vector<std::unique_ptr<SmallDisk>>& disks, uint64_t seed)
    : cluster_(cluster),
      network_(network),
      disks_(disks),
      chance_(seed),
      place_chance_(seed),
      states_(cluster.size(), State::kRuns),
      said_(cluster.size()),
      fills_(cluster.size()),
      slows_(cluster.size()) {}

void Storm::RunUntil(Clock::time_point end, const Density& density) {
  while (Clock::now() < end && !testing::Test::HasFailure()) {
    Draw draw = NextDraw(density);
    const Span gap = draw.gap;
    Begin(std::move(draw));
    const Clock::time_point next = std::min(end, Clock::now() + gap);
    while (Clock::now() < next) {
      Watch();
      std::this_thread::sleep_for(std::min<Clock::duration>(next - Clock::now(), milliseconds(50)));
    }
  }
  Heal();
}

Storm::Draw Storm::NextDraw(const Density& density) {
  Draw draw{.kind = chance_(), .servers = {}, .leader_first = chance_() % 2 == 0};
  for (int i = 0; i < cluster_.size(); ++i) draw.servers.push_back(i);
  for (size_t i = draw.servers.size(); i > 1; --i) {
    std::swap(draw.servers[i - 1], draw.servers[chance_() % i]);
  }
  draw.count = chance_();
  draw.amount = chance_();
  draw.hold = SpanBetween(density.hold_min, density.hold_max);
  draw.gap = SpanBetween(density.gap_min, density.gap_max);
  return draw;
}

Storm::Span Storm::SpanBetween(Span least, Span most) {
  return least + Span(chance_() % static_cast<uint64_t>((most - least).count() + 1));
}

void Storm::Begin(Draw draw) {
  using Fault = void (Storm::*)(const Draw&);
  static constexpr Fault kFaults[] = {&Storm::Kill,      &Storm::Kill,      &Storm::KillForLong,
                                      &Storm::Pause,     &Storm::Pause,     &Storm::Restart,
                                      &Storm::Restart,   &Storm::Split,     &Storm::Split,
                                      &Storm::CutOneWay, &Storm::CutOneWay, &Storm::Flap,
                                      &Storm::FillDisks, &Storm::FillDisks, &Storm::CutClientsOff,
                                      &Storm::SlowLinks, &Storm::SlowLinks, &Storm::Transfer};
  if (draw.leader_first) {
    const auto leader = std::ranges::find(draw.servers, LeaderNow());
    if (leader != draw.servers.end()) std::iter_swap(draw.servers.begin(), leader);
  }
  (this->*kFaults[draw.kind % std::size(kFaults)])(draw);
}

void Storm::Watch() {
  while (!due_.empty() && due_.begin()->first <= Clock::now()) {
    const auto first = due_.begin();
    const std::function<void()> action = std::move(first->second);
    due_.erase(first);
    action();
  }
  for (int i = 0; i < cluster_.size(); ++i) {
    const bool runs = states_[i] == State::kRuns || states_[i] == State::kPaused;
    if (!runs || !cluster_.process(i).HasEnded()) continue;
    ADD_FAILURE() << NodeOf(i) << " has ended by itself:\n" << cluster_.process(i).output();
    Keep(i);
    cluster_.Kill(i);
    states_[i] = State::kDown;
  }
}

// Nothing of a fault is left, whatever its end was to be.
void Storm::Heal() {
  Say("all is healed");
  due_.clear();
  for (auto& [link, count] : cuts_) {
    if (std::exchange(count, 0) > 0) network_.Heal(link.first, link.second);
  }
  for (int i = 0; i < cluster_.size(); ++i) {
    if (std::exchange(slows_[i], 0) > 0) network_.SpeedUp(i);
    if (std::exchange(fills_[i], 0) > 0) disks_[i]->Drain();
    if (states_[i] == State::kPaused) cluster_.Resume(i);
    if (states_[i] == State::kStopping) StopAndStartAgain(i);
    if (states_[i] == State::kDown) Start(i);
    states_[i] = State::kRuns;
  }
  transfers_.clear();
  healed_ = Clock::now();
  for (int i = 0; i < cluster_.size(); ++i) {
    Watch();
    if (testing::Test::HasFailure()) return;
    cluster_.AwaitReady(i);
  }
}

void Storm::Kill(const Draw& draw) {
  const auto size = static_cast<uint64_t>(cluster_.size());
  const uint64_t counts[] = {1, 1, 1, 1, size / 2 + 1, size};
  std::vector<int> servers = draw.servers;
  servers.resize(counts[draw.count % std::size(counts)]);
  Say(fmt::format("kill {} for {}", Names(servers), draw.hold));
  for (const int server : servers) KillFor(server, draw.hold);
}

// Until the log no longer has what it lacks.
void Storm::KillForLong(const Draw& draw) {
  const int server = draw.servers[0];
  Say(fmt::format("kill {} for {}", NodeOf(server), 3 * draw.hold));
  KillFor(server, 3 * draw.hold);
}

void Storm::KillFor(int server, Span hold) {
  if (states_[server] == State::kDown) return;
  Keep(server);
  cluster_.Kill(server);
  states_[server] = State::kDown;
  After(hold, [this, server] {
    if (states_[server] == State::kDown) Start(server);
  });
}

void Storm::Pause(const Draw& draw) {
  std::vector<int> servers = draw.servers;
  servers.resize(1 + draw.count % 3 % servers.size());
  Say(fmt::format("freeze {} for {}", Names(servers), draw.hold));
  for (const int server : servers) {
    if (states_[server] != State::kRuns) continue;
    cluster_.Pause(server);
    states_[server] = State::kPaused;
    After(draw.hold, [this, server] {
      if (states_[server] != State::kPaused) return;
      cluster_.Resume(server);
      states_[server] = State::kRuns;
    });
  }
}

// One server, or all of them in turn.
void Storm::Restart(const Draw& draw) {
  std::vector<int> servers = draw.servers;
  if (draw.count % 2 == 0) servers.resize(1);
  Say(fmt::format("restart {}, one every {}", Names(servers), draw.hold));
  for (size_t i = 0; i < servers.size(); ++i) {
    const int server = servers[i];
    After(i * draw.hold, [this, server] {
      if (states_[server] != State::kRuns) return;
      cluster_.BeginStop(server);
      states_[server] = State::kStopping;
    });
    After((i + 1) * draw.hold, [this, server] {
      if (states_[server] == State::kStopping) StopAndStartAgain(server);
    });
  }
}

void Storm::StopAndStartAgain(int server) {
  Process& process = cluster_.process(server);
  const int code = process.Wait();
  // One that has only just been started ends by the signal itself, before it has said a word.
  const bool had_not_begun = code == -SIGTERM && process.output().empty();
  EXPECT_TRUE(code == 0 || had_not_begun)
      << NodeOf(server) << " does not stop as it should, but with " << code << ":\n"
      << process.output();
  Keep(server);
  cluster_.Kill(server);
  Start(server);
}

// Into two halves, with the clients at either side or at both.
void Storm::Split(const Draw& draw) {
  const size_t first_count = 1 + draw.count % (draw.servers.size() - 1);
  std::vector<int> one(draw.servers.begin(), draw.servers.begin() + first_count);
  std::vector<int> other(draw.servers.begin() + first_count, draw.servers.end());
  const uint64_t clients = draw.amount % 4;
  Say(fmt::format("split {} | {}{} for {}", Names(one), Names(other),
                  clients == 0   ? ", clients at the left"
                  : clients == 1 ? ", clients at the right"
                                 : "",
                  draw.hold));
  if (clients == 0) one.push_back(Network::kClients);
  if (clients == 1) other.push_back(Network::kClients);
  for (const int here : one) {
    for (const int there : other) {
      CutFor(here, there, draw.hold);
      CutFor(there, here, draw.hold);
    }
  }
}

// From one to another, from one to all, or from all to one.
void Storm::CutOneWay(const Draw& draw) {
  const int one = draw.servers[0];
  std::vector<int> others(draw.servers.begin() + 1, draw.servers.end());
  const uint64_t kind = draw.count % 4;
  if (kind < 2) others.resize(1);
  const bool from_one = kind % 2 == 0;
  Say(fmt::format("{} {} {} for {}", NodeOf(one), from_one ? "is not heard by" : "does not hear",
                  Names(others), draw.hold));
  for (const int other : others) {
    from_one ? CutFor(one, other, draw.hold) : CutFor(other, one, draw.hold);
  }
}

void Storm::Flap(const Draw& draw) {
  const int one = draw.servers[0];
  const int other = draw.servers[1];
  const Span period{100 + draw.amount % 900};
  Say(fmt::format("{} and {} lose each other every {} for {}", NodeOf(one), NodeOf(other), period,
                  draw.hold));
  for (Span at{0}; at < draw.hold; at += period) {
    After(at, [this, one, other, period] {
      CutFor(one, other, period / 2);
      CutFor(other, one, period / 2);
    });
  }
}

void Storm::CutClientsOff(const Draw& draw) {
  std::vector<int> servers = draw.servers;
  servers.resize(1 + draw.count % servers.size());
  const uint64_t ways = draw.amount % 3;
  Say(fmt::format("clients {} {} for {}",
                  ways == 0   ? "cannot reach"
                  : ways == 1 ? "do not hear"
                              : "and these do not hear each other:",
                  Names(servers), draw.hold));
  for (const int server : servers) {
    if (ways != 1) CutFor(Network::kClients, server, draw.hold);
    if (ways != 0) CutFor(server, Network::kClients, draw.hold);
  }
}

void Storm::FillDisks(const Draw& draw) {
  static constexpr uint64_t kLeftBytes[] = {0, 64 << 10, 1 << 20, 4 << 20};
  std::vector<int> servers = draw.servers;
  servers.resize(1 + draw.count % servers.size());
  const uint64_t left = kLeftBytes[draw.amount % std::size(kLeftBytes)];
  Say(fmt::format("fill the disks of {} but {} KiB for {}", Names(servers), left >> 10, draw.hold));
  for (const int server : servers) {
    disks_[server]->Fill(left);
    ++fills_[server];
    After(draw.hold, [this, server] {
      if (--fills_[server] == 0) disks_[server]->Drain();
    });
  }
}

void Storm::SlowLinks(const Draw& draw) {
  static constexpr uint64_t kRates[] = {20'000, 100'000, 500'000, 2'000'000};
  std::vector<int> servers = draw.servers;
  servers.resize(1 + draw.count % servers.size());
  const uint64_t rate = kRates[draw.amount % std::size(kRates)];
  Say(fmt::format("{} on {} kB/s for {}", Names(servers), rate / 1000, draw.hold));
  for (const int server : servers) {
    network_.SlowDown(server, rate);
    ++slows_[server];
    After(draw.hold, [this, server] {
      if (--slows_[server] == 0) network_.SpeedUp(server);
    });
  }
}

void Storm::Transfer(const Draw& draw) {
  const std::string node = NodeOf(draw.servers.back());
  Say("transfer to " + node);
  transfers_.push_back(std::make_unique<Process>(
      std::vector<std::string>{ProgramPath("tripla"), "transfer", node, "--endpoints",
                               absl::StrJoin(cluster_.endpoints(), ",")}));
}

void Storm::DrawPlace(int server) {
  ServerPlace& place = cluster_.place(server);
  place.flags.clear();
  place.program.clear();
  const bool newer = place_chance_() % 2 == 0;
  if (newer || level_may_rise_) place.program = TRIPLA_LEVEL_2;
  if (newer && !level_may_rise_) place.flags = {"--level-max", "1"};
  if (place_chance_() % 4 == 0) place.flags.insert(place.flags.end(), {"--read-lease", "off"});
  const auto chosen = static_cast<int64_t>(place_chance_() % (2 * kClockGainsPpmMost + 1));
  const int64_t gains[] = {-kClockGainsPpmMost, kClockGainsPpmMost, chosen - kClockGainsPpmMost};
  place.environment = ClockThatGains(gains[place_chance_() % std::size(gains)], TRIPLA_CLOCK_RATE);
}

void Storm::Start(int server) {
  DrawPlace(server);
  const ServerPlace& place = cluster_.place(server);
  const std::string how = fmt::format(
      "start {}: {} {} {}", NodeOf(server), place.environment.back(),
      std::filesystem::path(place.program).filename().string(), absl::StrJoin(place.flags, " "));
  Say(how);
  said_[server] += fmt::format("-- {:.1f} s: {}\n", SecondsOf(Clock::now() - begin_), how);
  cluster_.Start(server);
  states_[server] = State::kRuns;
}

void Storm::FinishRolling() {
  for (int i = 0; i < cluster_.size(); ++i) {
    const ServerPlace& place = cluster_.place(i);
    const bool held_back = std::ranges::find(place.flags, "--level-max") != place.flags.end();
    if (place.program == TRIPLA_LEVEL_2 && !held_back) continue;
    cluster_.BeginStop(i);
    StopAndStartAgain(i);
    if (testing::Test::HasFailure()) return;
    cluster_.AwaitReady(i);
  }
}

void Storm::Keep(int server) { said_[server] += cluster_.process(server).output(); }

int Storm::ImagesInstalled() const {
  int count = 0;
  for (int i = 0; i < cluster_.size(); ++i) {
    const std::string said = said_[i] + cluster_.process(i).output();
    for (size_t at = said.find(kImageInstalled); at != std::string::npos;
         at = said.find(kImageInstalled, at + 1)) {
      ++count;
    }
  }
  return count;
}

void Storm::SaveEvidence() const {
  namespace fs = std::filesystem;
  const fs::path directory =
      fs::temp_directory_path() / fmt::format("tripla-storm-{}-{}", Seed(), cluster_.size());
  fs::create_directories(directory);
  for (int i = 0; i < cluster_.size(); ++i) {
    const std::string node = NodeOf(i);
    std::ofstream(directory / (node + ".log"))
        << said_[i] << (states_[i] == State::kDown ? "" : cluster_.process(i).output());
    std::error_code error;
    fs::copy(fs::canonical(cluster_.data_dir(i)), directory / node,
             fs::copy_options::recursive | fs::copy_options::overwrite_existing, error);
  }
  std::cout << "what the servers said, and their directories, are in " << directory << std::endl;
}

void Storm::Cut(int from, int to) {
  if (++cuts_[{from, to}] == 1) network_.Cut(from, to);
}

void Storm::Heal(int from, int to) {
  if (--cuts_[{from, to}] == 0) network_.Heal(from, to);
}

void Storm::CutFor(int from, int to, Span hold) {
  Cut(from, to);
  After(hold, [this, from, to] { Heal(from, to); });
}

void Storm::After(Span span, std::function<void()> action) {
  due_.emplace(Clock::now() + span, std::move(action));
}

int Storm::LeaderNow() {
  for (int i = 0; i < cluster_.size(); ++i) {
    if (states_[i] != State::kRuns) continue;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + milliseconds(100));
    v1::StatusReply reply;
    const auto admin = v1::Admin::NewStub(cluster_.channel(i));
    if (admin->Status(&context, {}, &reply).ok() && reply.role() == "leader") return i;
  }
  return -1;
}

void Storm::Say(const std::string& what) const {
  std::cout << fmt::format("{:7.1f} s: {}\n", SecondsOf(Clock::now() - begin_), what) << std::flush;
}

std::string Storm::Names(const std::vector<int>& servers) const {
  return absl::StrJoin(servers, " ",
                       [](std::string* text, int server) { *text += NodeOf(server); });
}

}  // namespace tripla
