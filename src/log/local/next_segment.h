// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "disk/data_directory.h"
#include "disk/disk.h"

namespace tripla {

// Makes the next segment of the log before it is needed, on its own thread: DIR/log/next.wal, of
// full size, all zero, on disk. Otherwise the log would wait for it, as long as for fifty durable
// writes (docs/performance.md). The file is not part of the log before the log has renamed it; a
// start removes a file that was left.
//
// Thread-safety: Begin() and RetryLater() from any thread; Take() and Stop() from one at a time.
class NextSegment {
 public:
  // Whether the file system may be asked for this many bytes; an empty function: always.
  using RoomFn = std::function<absl::Status(uint64_t bytes)>;

  struct Options {
    uint64_t segment_bytes = 0;
    bool ahead = true;  // false: Begin() and RetryLater() do nothing, for tests that count steps
    RoomFn room;        // for one made ahead; callers of Take() check the room first
    std::function<void()> retry;  // see RetryLater(); may call Take()
  };

  // A file of `capacity` zero bytes under the name of path().
  struct Made {
    std::unique_ptr<File> file;
    uint64_t capacity = 0;
  };

  // `directory` outlives it.
  NextSegment(const DataDirectory& directory, const Options& options);
  ~NextSegment();

  NextSegment(const NextSegment&) = delete;
  NextSegment& operator=(const NextSegment&) = delete;

  // Requests a segment in the background, unless there is one. Cheap. A failure is printed, and
  // tried again each second.
  void Begin();

  // Returns the segment that was made, or makes one now, of at least `capacity` bytes. Do not call
  // Begin() before it has been renamed.
  //
  // Errors: ResourceExhausted when there is no room or no descriptor: nothing has changed, and the
  // next call tries again; other errors of the disk.
  [[nodiscard]] absl::StatusOr<Made> Take(uint64_t capacity);

  // The bytes of the segment that was made and not taken yet; 0: there is none. Waits for one that
  // is being made.
  [[nodiscard]] uint64_t made_bytes();

  // Calls Options::retry in a second, on this object's thread.
  void RetryLater();

  [[nodiscard]] const std::string& path() const { return path_; }

  // Ends the thread and removes the file. Idempotent.
  void Stop();

 private:
  void Run();
  // Waits a second; false once stopped.
  bool AwaitNextTry();
  void MakeAhead();
  void StartThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Waits until no other thread makes a segment, and marks one as being made.
  void Occupy() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Makes or enlarges `made`, which is empty after a failure.
  absl::Status Make(std::optional<Made>& made, uint64_t capacity);
  absl::Status Extend(Made& made, uint64_t capacity);

  const DataDirectory& directory_;
  const Options options_;
  const std::string path_;
  mutable Mutex mutex_;
  Condition changed_;
  std::optional<Made> made_ ABSL_GUARDED_BY(mutex_);
  uint64_t wanted_ ABSL_GUARDED_BY(mutex_) = 0;  // bytes of the one to make; 0: none
  bool making_ ABSL_GUARDED_BY(mutex_) = false;
  bool retry_ ABSL_GUARDED_BY(mutex_) = false;
  bool failing_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // started when first needed
};

}  // namespace tripla
