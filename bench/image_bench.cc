// SPDX-License-Identifier: Apache-2.0
// Images of 1 M keys: how fast they are written and loaded, and the memory that takes beyond the
// map.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>

#include "base/check.h"
#include "bench/filled_state.h"
#include "bench/process_memory.h"
#include "bench/scratch_directory.h"
#include "snapshot/image_reader.h"
#include "snapshot/image_writer.h"

namespace tripla {
namespace {

const FilledState& Filled() {
  static const FilledState filled;
  return filled;
}

uint64_t Write(const std::string& path) {
  const absl::StatusOr<uint64_t> bytes =
      WriteImage(PosixDisk(), path, Filled().machine().Freeze(), {}, [] { return false; });
  TRIPLA_CHECK(bytes.ok(), "the disk has room");
  return *bytes;
}

// How much more memory than `before` was in use at some time.
double MebibytesAbove(const ResidentMemory& before) {
  const size_t peak = ResidentMemoryOf(getpid()).peak_bytes;
  return static_cast<double>(peak - std::min(peak, before.bytes)) / (1 << 20);
}

// Written and durable.
void WriteImage(benchmark::State& state) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/image";
  (void)Filled();
  ResetPeak();
  const ResidentMemory before = ResidentMemoryOf(getpid());
  int64_t bytes = 0;
  for (auto _ : state) bytes += static_cast<int64_t>(Write(path));
  state.SetBytesProcessed(bytes);
  state.counters["extra_MiB"] = MebibytesAbove(before);
}
BENCHMARK(WriteImage)->UseRealTime()->Iterations(1)->Unit(benchmark::kMillisecond);

// From the page cache, and proved.
void LoadImage(benchmark::State& state) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/image";
  Write(path);
  ResetPeak();
  int64_t bytes = 0;
  double extra_mebibytes = 0;
  for (auto _ : state) {
    const absl::StatusOr<LoadedImage> loaded = LoadImage(PosixDisk(), path);
    TRIPLA_CHECK(loaded.ok(), "what was written can be loaded");
    bytes += static_cast<int64_t>(loaded->bytes);
    extra_mebibytes = MebibytesAbove(ResidentMemoryOf(getpid()));
  }
  state.SetBytesProcessed(bytes);
  state.counters["extra_MiB"] = extra_mebibytes;
}
BENCHMARK(LoadImage)->UseRealTime()->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tripla
