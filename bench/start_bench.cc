// SPDX-License-Identifier: Apache-2.0
// From starting triplad to "ready", with 1 M keys in its data directory.
#include <benchmark/benchmark.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>

#include "base/check.h"
#include "bench/process_memory.h"
#include "bench/scratch_directory.h"
#include "bench/workload.h"
#include "log/local/local_log.h"
#include "snapshot/image_store.h"
#include "state/state_machine.h"

namespace tripla {
namespace {

constexpr size_t kBatchCommands = 64;

// Makes a data directory with kManyKeys keys: all in the log, of which an image holds the first
// `imaged`.
void MakeData(const std::string& path, uint64_t imaged) {
  absl::StatusOr<DataDirectory> directory = DataDirectory::Open(PosixDisk(), path);
  TRIPLA_CHECK(directory.ok(), "an empty directory can be made ready");
  StateMachine machine;
  auto log = LocalLog::Open(
      *directory, {.fsync = {.mode = FsyncPolicy::Mode::kNever}}, {},
      [&](LogPosition position, const Batch& batch) { return machine.Apply(position, batch); });
  TRIPLA_CHECK(log.ok(), "an empty log opens");
  ImageStore images(*directory);
  const std::atomic<bool> never_abandoned{false};
  for (uint64_t number = 0; number < kManyKeys; number += kBatchCommands) {
    (*log)->Submit(SetsOf(number, kBatchCommands), [](const auto&) {});
    if (number + kBatchCommands != imaged) continue;
    TRIPLA_CHECK(images.Write(machine.Freeze(), never_abandoned).ok(), "the disk has room");
    // As if an older image held the same.
    TRIPLA_CHECK((*log)->ReleasePrefix((*log)->GetStats().last.index, Log::Release::kUsual).ok(),
                 "old segments go");
  }
}

// A triplad on a free port.
class Server {
 public:
  // Returns when it is ready.
  explicit Server(const std::string& data_dir) {
    int ends[2];
    TRIPLA_CHECK(pipe(ends) == 0, "a pipe for the server's messages");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    std::string argv[] = {TRIPLAD, "--data-dir=" + data_dir, "--listen=127.0.0.1:0"};
    char* arguments[] = {argv[0].data(), argv[1].data(), argv[2].data(), nullptr};
    TRIPLA_CHECK(posix_spawn(&process_, TRIPLAD, &actions, nullptr, arguments, environ) == 0,
                 "triplad starts");
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    AwaitReady(ends[0]);
    close(ends[0]);
  }
  // Not asked to stop: what it would write then is of no interest.
  ~Server() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] ResidentMemory memory() const { return ResidentMemoryOf(process_); }

 private:
  static void AwaitReady(int messages) {
    std::string said;
    char piece[512];
    while (said.find("ready on") == std::string::npos) {
      const ssize_t count = read(messages, piece, sizeof(piece));
      TRIPLA_CHECK(count > 0, "triplad becomes ready");
      said.append(piece, count);
    }
  }

  pid_t process_ = -1;
};

void Start(benchmark::State& state, uint64_t imaged) {
  const ScratchDirectory scratch;
  MakeData(scratch.path() + "/data", imaged);
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    const Server server(scratch.path() + "/data");
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    state.SetIterationTime(took.count());
    const ResidentMemory memory = server.memory();
    state.counters["MiB"] = static_cast<double>(memory.bytes) / (1 << 20);
    state.counters["peak_MiB"] = static_cast<double>(memory.peak_bytes) / (1 << 20);
  }
}

void StartFromImage(benchmark::State& state) { Start(state, kManyKeys); }
BENCHMARK(StartFromImage)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);

// The usual case: 800,000 keys in the image, 200,000 behind it in the log.
void StartFromImageAndLog(benchmark::State& state) { Start(state, 800'000); }
BENCHMARK(StartFromImageAndLog)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);

// No image yet.
void StartFromLog(benchmark::State& state) { Start(state, 0); }
BENCHMARK(StartFromLog)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tripla
