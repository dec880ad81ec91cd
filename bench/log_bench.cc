// SPDX-License-Identifier: Apache-2.0
// The local log: how many commands it takes when it does not wait for the disk, and how long one
// durable record takes. raw_sync_bench.cc has what the disk itself needs.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "base/check.h"
#include "bench/scratch_directory.h"
#include "bench/workload.h"
#include "log/local/local_log.h"

namespace tripla {
namespace {

// A log in a directory of its own that applies nothing.
class LogUnderTest {
 public:
  explicit LogUnderTest(FsyncPolicy::Mode mode, bool prepare_ahead = true) {
    absl::StatusOr<DataDirectory> opened = DataDirectory::Open(PosixDisk(), scratch_.path() + "/d");
    TRIPLA_CHECK(opened.ok(), "an empty directory can be made ready");
    directory_ = std::make_unique<DataDirectory>(*std::move(opened));
    absl::StatusOr<std::unique_ptr<LocalLog>> log =
        LocalLog::Open(*directory_, {.fsync = {.mode = mode}, .prepare_ahead = prepare_ahead}, {},
                       [](LogPosition, const Batch&) { return std::vector<Outcome>(); });
    TRIPLA_CHECK(log.ok(), "an empty log opens");
    log_ = *std::move(log);
  }

  void Submit(Batch batch) {
    log_->Submit(std::move(batch), [](const absl::StatusOr<std::vector<Outcome>>& outcomes) {
      TRIPLA_CHECK(outcomes.ok(), "the disk has room");
    });
  }

  // As after an image: what is measured should not fill the disk.
  void Release() {
    TRIPLA_CHECK(log_->ReleasePrefix(log_->GetStats().last.index, Log::Release::kUsual).ok(),
                 "old segments go");
  }

 private:
  ScratchDirectory scratch_;
  std::unique_ptr<DataDirectory> directory_;
  std::unique_ptr<LocalLog> log_;
};

// Real time: making a new segment waits for the disk even then.
void AppendWithoutSync(benchmark::State& state) {
  constexpr size_t kCommands = 64;
  constexpr size_t kReleasePeriod = 10'000;
  LogUnderTest log(FsyncPolicy::Mode::kNever);
  const Batch batch = SetsOf(0, kCommands);
  size_t submitted = 0;
  for (auto _ : state) {
    log.Submit(batch);
    if (++submitted % kReleasePeriod == 0) log.Release();
  }
  state.SetItemsProcessed(static_cast<int64_t>(submitted * kCommands));
}
BENCHMARK(AppendWithoutSync)->UseRealTime()->Iterations(20'000);

void AppendDurably(benchmark::State& state) {
  LogUnderTest log(FsyncPolicy::Mode::kAlways);
  const Batch batch = SetsOf(0, static_cast<size_t>(state.range(0)));
  for (auto _ : state) log.Submit(batch);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(AppendDurably)->UseRealTime()->Arg(1)->Arg(64)->Iterations(2000);

// How long single appends take when the log changes segments, with the next one made ahead (1) or
// when it is needed (0).
void AppendOverSegments(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  constexpr size_t kDataBytes = size_t{64} << 10;
  LogUnderTest log(FsyncPolicy::Mode::kAlways, state.range(0) != 0);
  Batch batch = SetsOf(0, 1);
  batch.commands[0].data = std::string(kDataBytes, 'x');
  std::vector<double> ms;
  for (auto _ : state) {
    const Clock::time_point start = Clock::now();
    log.Submit(batch);
    ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    if (ms.size() % 1000 == 0) log.Release();
  }
  std::ranges::sort(ms);
  const auto at = [&](double part) {
    return ms[static_cast<size_t>(part * static_cast<double>(ms.size() - 1))];
  };
  state.counters["p50_ms"] = at(0.5);
  state.counters["p99.9_ms"] = at(0.999);
  state.counters["max_ms"] = ms.back();
}
BENCHMARK(AppendOverSegments)->UseRealTime()->Arg(0)->Arg(1)->Iterations(5000);

}  // namespace
}  // namespace tripla
