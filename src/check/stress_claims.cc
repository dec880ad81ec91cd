// SPDX-License-Identifier: Apache-2.0
#include "check/stress_claims.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string>

#include "check/racers.h"
#include "check/sole_client.h"

namespace tripla::check {
namespace {

using Clock = std::chrono::steady_clock;

// Most data is small; one in a hundred is large enough for many packets.
std::string RandomData(std::mt19937_64& chance, const Limits& limits) {
  const uint64_t most = limits.DataAtMost(chance() % 100 == 0 ? 64 << 10 : 200);
  std::string data(chance() % (most + 1), '\0');
  std::ranges::generate(data, [&] { return static_cast<char>(chance()); });
  return data;
}

// All entries go through one step after the other. In each step an entry is another client's, so
// that what one has written another must see.
class Entries {
 public:
  explicit Entries(Trial& trial) : trial_(trial), entries_(trial.plan().entries) {
    for (int i = 0; i < trial.plan().clients; ++i) callers_.push_back(trial.NewCaller());
  }

  static constexpr uint64_t kSteps = 7;

  // What a client does to one entry; it knows the state of the entry's key.
  using Action = std::function<Operation(const Key&, const KeyState&, std::mt19937_64&)>;

  void Step(std::string_view name, const Action& action) {
    if (trial_.Over()) return;
    const Clock::time_point begin = Clock::now();
    const uint64_t done_before = done_;
    AtOnce(static_cast<int>(callers_.size()), [&](int client) { Work(client, action); });
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    // Fewer than there are entries when it was stopped.
    figures_ += fmt::format("{} {} {:.0f}/s", figures_.empty() ? ":" : ",", name,
                            static_cast<double>(done_ - done_before) / seconds);
    ++steps_;
    trial_.SetFigures(
        fmt::format("{} entries, {} clients{}", begun_.load(), callers_.size(), figures_));
  }

 private:
  struct Entry {
    Key key;
    KeyState state;
  };

  void Work(int number, const Action& action) {
    SoleClient client(trial_, *callers_[static_cast<size_t>(number)]);
    const size_t clients = callers_.size();
    std::mt19937_64 chance = trial_.Chance(steps_ * clients + static_cast<size_t>(number));
    for (size_t i = (static_cast<size_t>(number) + steps_) % clients;
         i < entries_.size() && !trial_.Over(); i += clients) {
      Entry& entry = entries_[i];
      // Not all at the beginning: a run that is stopped has only these to remove.
      if (steps_ == 0) {
        entry.key = trial_.NewKey();
        ++begun_;
      }
      client.state(entry.key) = std::move(entry.state);
      client.Do(action(entry.key, client.state(entry.key), chance));
      entry.state = client.Take(entry.key);
      const uint64_t done = ++done_;
      trial_.Advance(static_cast<double>(done) / static_cast<double>(kSteps * entries_.size()));
    }
  }

  Trial& trial_;
  std::vector<Entry> entries_;
  std::vector<std::unique_ptr<Caller>> callers_;
  size_t steps_ = 0;
  std::atomic<uint64_t> begun_{0};  // entries
  std::atomic<uint64_t> done_{0};   // calls
  std::string figures_;
};

void InsertUpdateReadDelete(Trial& trial) {
  const Limits& limits = trial.limits();
  const auto set = [&](const Key& key, const KeyState&, std::mt19937_64& chance) -> Operation {
    return SetOperation{key, static_cast<int64_t>(chance()), RandomData(chance, limits)};
  };
  const auto update = [&](const Key& key, const KeyState& state, auto& chance) -> Operation {
    return TestAndSetOperation{key, static_cast<int64_t>(chance()), RandomData(chance, limits),
                               state.stored->version, chance() % 2 == 0 ? state.revision : 0};
  };
  const auto read = [](const Key& key, const KeyState&, std::mt19937_64&) -> Operation {
    return GetOperation{key};
  };
  const auto remove = [](const Key& key, const KeyState& state, auto& chance) -> Operation {
    if (chance() % 2 == 0) return DelOperation{key};
    return DelVersionOperation{key, state.stored->version};
  };
  Entries entries(trial);
  entries.Step("insert", set);
  entries.Step("update", update);
  entries.Step("read", read);
  entries.Step("update again", update);
  entries.Step("read", read);
  entries.Step("delete", remove);
  entries.Step("read", read);
}

// Any operation, rightly guarded or not.
Operation RandomOperation(const Key& key, const KeyState& state, std::mt19937_64& chance,
                          const Limits& limits) {
  const int64_t version = state.stored ? state.stored->version : 1;
  const int64_t guess =
      chance() % 4 == 0 ? version + static_cast<int64_t>(chance() % 5) - 2 : version;
  const uint64_t guard = chance() % 4 == 0 ? state.revision + chance() % 2 : 0;
  const auto timestamp = static_cast<int64_t>(chance());
  switch (chance() % 10) {
    case 0:
      return DelOperation{key};
    case 1:
      return DelVersionOperation{key, guess, guard};
    case 2:
    case 3:
    case 4:
      return SetOperation{key, timestamp, RandomData(chance, limits)};
    case 5:
    case 6:
      return GetOperation{key};
    default:
      return TestAndSetOperation{key, timestamp, RandomData(chance, limits), guess, guard};
  }
}

// One client of the random mix: returns how many operations it did.
uint64_t Mix(Trial& trial, int number, Clock::time_point begin, Clock::time_point end) {
  constexpr size_t kKeys = 20;
  const Limits& limits = trial.limits();
  std::mt19937_64 chance = trial.Chance(static_cast<uint64_t>(number));
  const std::unique_ptr<Caller> caller = trial.NewCaller();
  SoleClient alone(trial, *caller);
  std::vector<Key> keys;
  for (size_t i = 0; i < kKeys; ++i) keys.push_back(trial.NewKey());
  uint64_t done = 0;
  while (!trial.Over() && Clock::now() < end) {
    std::vector<Operation> operations;
    const size_t size = chance() % 5 == 0 ? 1 + chance() % 10 : 1;
    for (size_t i = 0; i < size; ++i) {
      const Key& key = keys[chance() % keys.size()];
      operations.push_back(RandomOperation(key, alone.state(key), chance, limits));
    }
    if (size == 1) {
      alone.Do(operations[0]);
    } else {
      alone.Batch(operations);
    }
    done += size;
    trial.Advance(ShareOf(Clock::now() - begin, end - begin));
  }
  for (const Key& key : keys) {
    if (!trial.Over()) alone.Do(GetOperation{key});
  }
  return done;
}

void RandomMix(Trial& trial) {
  const Clock::time_point begin = Clock::now();
  std::atomic<uint64_t> done{0};
  AtOnce(trial.plan().clients,
         [&](int number) { done += Mix(trial, number, begin, begin + trial.plan().duration); });
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  trial.SetFigures(fmt::format("{} operations, {} clients: {:.0f}/s", done.load(),
                               trial.plan().clients, static_cast<double>(done) / seconds));
}

}  // namespace

std::vector<Claim> StressClaims() {
  return {
      {"stress", "R21.entries",
       "entries inserted, updated, read and deleted by many clients are what they must be",
       InsertUpdateReadDelete},
      {"stress", "R21.random-mix", "any mix of operations and batches answers as the contract says",
       RandomMix},
  };
}

}  // namespace tripla::check
