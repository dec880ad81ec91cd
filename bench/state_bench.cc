// SPDX-License-Identifier: Apache-2.0
// The state machine at 1 M keys (design 3): how fast it applies and reads, what it holds.
#include <benchmark/benchmark.h>

#include <atomic>
#include <thread>

#include "bench/filled_state.h"

namespace tripla {
namespace {

// Of one repetition; they are made before the clock runs.
constexpr size_t kCommands = 192'000;

// One for all benchmarks: making it takes seconds.
FilledState& Filled() {
  static FilledState filled;
  return filled;
}

Command DelOf(uint64_t number) { return {.kind = CommandKind::kDel, .key = KeyOf(number)}; }

// As a client sends it: with a request id, and word that all answers before it have come.
Command IdentifiedSetOf(uint64_t number) {
  constexpr uint64_t kClients = 64;
  Command command = SetOf(number);
  const uint64_t sequence = number / kClients;
  command.request_id = RequestId{.sequence = sequence, .first_unanswered = sequence};
  command.request_id->client[0] = static_cast<char>(number % kClients);
  return command;
}

using Make = Command (*)(uint64_t number);

std::vector<Batch> Batches(Make make, uint64_t first, size_t batch_commands) {
  std::vector<Batch> batches(kCommands / batch_commands);
  for (Batch& batch : batches) {
    for (size_t i = 0; i < batch_commands; ++i) batch.commands.push_back(make(first++));
  }
  return batches;
}

// Sets of fresh keys in batches of range(0), then, unmeasured, their removal.
void ApplySets(benchmark::State& state, Make make) {
  static uint64_t first = kManyKeys;  // never used again: request ids would be replays
  const auto batch_commands = static_cast<size_t>(state.range(0));
  FilledState& filled = Filled();
  const std::vector<Batch> sets = Batches(make, first, batch_commands);
  size_t next = 0;
  for (auto _ : state) filled.Apply(sets[next++]);
  state.SetItemsProcessed(static_cast<int64_t>(next * batch_commands));
  for (const Batch& batch : Batches(&DelOf, first, batch_commands)) filled.Apply(batch);
  first += kCommands;
}

void Set(benchmark::State& state) { ApplySets(state, &SetOf); }
BENCHMARK(Set)->Arg(1)->Iterations(kCommands);
BENCHMARK(Set)->Arg(64)->Iterations(kCommands / 64);

void SetWithRequestId(benchmark::State& state) { ApplySets(state, &IdentifiedSetOf); }
BENCHMARK(SetWithRequestId)->Arg(1)->Iterations(kCommands);
BENCHMARK(SetWithRequestId)->Arg(64)->Iterations(kCommands / 64);

// While a view is held, as an image being written holds one.
void SetWhileFrozen(benchmark::State& state) {
  const StateView view = Filled().machine().Freeze();
  ApplySets(state, &SetOf);
}
BENCHMARK(SetWhileFrozen)->Arg(64)->Iterations(kCommands / 64);

// Each key once, in no order.
void Get(benchmark::State& state) {
  const FilledState& filled = Filled();
  size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(filled.machine().Get(filled.keys()[next++]));
  state.SetItemsProcessed(static_cast<int64_t>(next));
}
BENCHMARK(Get)->Iterations(kManyKeys);

// While another thread writes as fast as it can.
void GetWhileWriting(benchmark::State& state) {
  FilledState& filled = Filled();
  const std::vector<Batch> sets = Batches(&SetOf, kManyKeys, 64);
  const std::vector<Batch> dels = Batches(&DelOf, kManyKeys, 64);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) {
      for (const Batch& batch : sets) filled.Apply(batch);
      for (const Batch& batch : dels) filled.Apply(batch);
    }
  });
  Get(state);
  stop = true;
  writer.join();
}
BENCHMARK(GetWhileWriting)->Iterations(kManyKeys);

void Freeze(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Filled().machine().Freeze());
}
BENCHMARK(Freeze);

// Not the time but the counters tell: bytes from malloc for each key, and of these beyond the key
// and its data.
void Memory(benchmark::State& state) {
  const double bytes = Filled().heap_bytes_per_key();
  for (auto _ : state) benchmark::DoNotOptimize(bytes);
  const auto payload = static_cast<double>(Filled().machine().GetSummary().payload_bytes);
  state.counters["bytes_per_key"] = bytes;
  state.counters["overhead_per_key"] = bytes - payload / kManyKeys;
}
BENCHMARK(Memory)->Iterations(1);

}  // namespace
}  // namespace tripla
