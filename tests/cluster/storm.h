// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/harness/network.h"
#include "tests/harness/small_disk.h"
#include "tests/harness/test_cluster.h"

namespace tripla {

// Faults of every kind, drawn at random, several at a time: servers that are killed, frozen and
// restarted, with another version and another clock; links that are cut, one way or both, flap or
// are slow; full disks; leadership that is moved.
//
// The same seed draws the same faults. What they meet depends on time: one of a server that is down
// already does nothing.
//
// Thread-safety: one thread.
class Storm {
 public:
  using Clock = std::chrono::steady_clock;
  using Span = std::chrono::milliseconds;
  // Two clocks are at most 5 % apart.
  static constexpr int64_t kClockGainsPpmMost = 25'000;

  // How dense it is. A fault begins `gap` after the last one, and lasts for `hold`; each is drawn
  // between the least and the most.
  struct Density {
    Span gap_min, gap_max;
    Span hold_min, hold_max;
  };

  // Server i of the cluster is on machine i, and has disk i for itself.
  Storm(TestCluster& cluster, Network& network,
        const std::vector<std::unique_ptr<SmallDisk>>& disks, uint64_t seed);

  // Makes trouble until `end`, then heals all: every server runs and hears all others.
  void RunUntil(Clock::time_point end, const Density& density);

  // From now on servers start with the version that knows the next level.
  void LetLevelRise() { level_may_rise_ = true; }
  // Restarts those that have not done so, one after the other.
  void FinishRolling();

  // When the last fault was healed.
  [[nodiscard]] Clock::time_point healed() const { return healed_; }

  // Prints it with the time since the beginning.
  void Say(const std::string& what) const;
  // How many images followers have installed so far.
  [[nodiscard]] int ImagesInstalled() const;
  // All that the servers have said, and their directories, in a new directory that stays.
  void SaveEvidence() const;

 private:
  enum class State { kRuns, kPaused, kStopping, kDown };
  // A fault as it was drawn, before it is known what it meets.
  struct Draw {
    uint64_t kind = 0;
    std::vector<int> servers;  // all of them, in the order in which they are taken
    bool leader_first = false;
    uint64_t count = 0;  // of servers or of times, from 0 on; cut to what the fault can use
    uint64_t amount = 0;
    Span hold{0};
    Span gap{0};
  };

  Draw NextDraw(const Density& density);
  Span SpanBetween(Span least, Span most);
  void Begin(Draw draw);
  // Ends what is due, and looks whether a server has ended by itself.
  void Watch();
  void Heal();

  void Kill(const Draw& draw);
  void KillForLong(const Draw& draw);
  void Pause(const Draw& draw);
  void Restart(const Draw& draw);
  void Split(const Draw& draw);
  void CutOneWay(const Draw& draw);
  void Flap(const Draw& draw);
  void CutClientsOff(const Draw& draw);
  void FillDisks(const Draw& draw);
  void SlowLinks(const Draw& draw);
  void Transfer(const Draw& draw);

  // How a server starts next: its version, clock and lease are drawn anew.
  void DrawPlace(int server);
  void KillFor(int server, Span hold);
  void StopAndStartAgain(int server);
  void Start(int server);
  void Keep(int server);
  // Cuts and heals are counted, so that one fault does not heal what another has cut.
  void Cut(int from, int to);
  void Heal(int from, int to);
  void CutFor(int from, int to, Span hold);
  // After this time, unless all was healed before.
  void After(Span span, std::function<void()> action);
  // Who leads, as far as can be found out at once; -1 if not.
  int LeaderNow();
  [[nodiscard]] std::string Names(const std::vector<int>& servers) const;

  TestCluster& cluster_;
  Network& network_;
  const std::vector<std::unique_ptr<SmallDisk>>& disks_;
  // How servers start is drawn apart: how often they do depends on time.
  std::mt19937_64 chance_;
  std::mt19937_64 place_chance_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point healed_ = begin_;
  bool level_may_rise_ = false;
  std::multimap<Clock::time_point, std::function<void()>> due_;
  std::vector<State> states_;
  std::vector<std::string> said_;  // by the processes of a server that have ended
  std::map<std::pair<int, int>, int> cuts_;
  std::vector<int> fills_;
  std::vector<int> slows_;
  std::vector<std::unique_ptr<Process>> transfers_;
};

}  // namespace tripla
