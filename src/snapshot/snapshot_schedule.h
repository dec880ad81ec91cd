// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "disk/disk_reserve.h"
#include "log/log.h"
#include "snapshot/image_store.h"
#include "snapshot/scrub.h"
#include "state/state_machine.h"

namespace tripla {

// The thread that writes images (design 7): periodically if anything has changed, when the log has
// outgrown the image, and on request. After each image the log may drop the records that both kept
// images hold.
//
// The pause between two periodic images is at least as long as the last one took, so a short period
// with a large map leaves half of the disk's time to the calls. If an image cannot be written, the
// schedule prints that and tries again; meanwhile the log keeps everything.
//
// An image verifies the map in memory while it is written. When none was written for
// `scrub_interval` the thread verifies the map without one. A pass takes a hundredth of the time
// of this thread, and is given up when an image is due, so that no view is held for long while
// there are writes. If the map was damaged, the process ends (Die).
//
// The thread has a lower priority than others, so that heartbeats and calls go first (C16).
//
// Thread-safety: Request() from any thread; Stop() and the destructor from one.
class SnapshotSchedule {
 public:
  struct Options {
    std::chrono::milliseconds interval{30'000};  // 0: no periodic images
    // An image is due when the log has grown by this, or by the size of the image if that is more.
    uint64_t log_growth_bytes = uint64_t{64} << 20;
    // Each time both are shorter by a part that is drawn at random, up to a half. For replicas,
    // which apply the same at the same time: their images should not all be written at once (C16).
    bool random_times = false;
    std::chrono::milliseconds scrub_interval = std::chrono::hours(24);  // 0: no scrub
  };

  // Receives the image in force, or an error as of ImageStore::Write(), but Unavailable with the
  // reason when stopped or while images are held. Called once, on the schedule's thread, or on the
  // caller's after Stop(); must not block.
  using DoneFn = std::function<void(absl::StatusOr<ImageSummary>)>;

  // Starts the thread. All outlive the schedule.
  SnapshotSchedule(ImageStore& images, const StateMachine& machine, Log& log,
                   const Options& options);
  ~SnapshotSchedule();

  SnapshotSchedule(const SnapshotSchedule&) = delete;
  SnapshotSchedule& operator=(const SnapshotSchedule&) = delete;

  // Requests an image that holds at least everything applied by now. One image serves all requests
  // made before it began; if nothing has changed since the last image, that one is the answer. Does
  // not block.
  void Request(DoneFn done);

  // Makes room when the disk is nearly full: on the schedule's thread it verifies the newest image,
  // then drops the log that this image holds and the older image. If that was done already and
  // `image_fits`, it first writes a newer image. Does not block. Call it as long as the disk is
  // nearly full.
  void MakeRoom(bool image_fits);

  // The image that is being written, or otherwise the next one.
  [[nodiscard]] DiskReserve::NextImage NextImage() const;

  // Abandons an image being written and ends the thread. Idempotent.
  void Stop();

 private:
  void Run();
  // Waits for the period, log growth, a request, a full disk or the stop; returns the requests.
  std::vector<DoneFn> AwaitDue();
  [[nodiscard]] bool LogHasOutgrownImage() const;
  // When the next image is due by its period.
  [[nodiscard]] std::chrono::steady_clock::time_point NextByPeriod() const;
  // Whether something was applied since the image in force.
  [[nodiscard]] bool HasChanged();
  // Verifies some rows of the map in memory, if a pass is due or under way. Returns when to go on.
  std::chrono::steady_clock::time_point ScrubSome();
  absl::StatusOr<ImageSummary> WriteImage();
  // Verifies the newest image, which another replica has refused; replaces it if it is damaged.
  void VerifyDoubted();
  void MakeRoomNow(bool image_fits);
  // Removes everything but the newest image and the log after it.
  absl::Status KeepNewestOnly();

  ImageStore& images_;
  const StateMachine& machine_;
  Log& log_;
  const Options options_;
  std::atomic<bool> abandon_{false};
  std::atomic<uint64_t> log_bytes_in_image_{0};  // when the one being written began; 0: none is
  std::atomic<bool> making_room_{false};         // by an image, until what it replaces is removed
  // The thread's own.
  double part_ = 1;  // of the period and of the growth, until the next image
  uint64_t log_bytes_after_image_;
  std::chrono::steady_clock::duration last_took_{0};
  LogIndex only_image_ = 0;  // the newest one when KeepNewestOnly() was done last
  std::chrono::steady_clock::time_point next_image_for_room_;
  LogIndex failed_image_ = 0;  // the newest one when KeepNewestOnly() failed last
  std::chrono::steady_clock::time_point retry_room_;
  std::string room_failure_;                          // why it failed, as it was said
  std::optional<Scrub> scrub_;                        // the pass that is under way
  std::chrono::steady_clock::time_point next_scrub_;  // of a pass, or of its next slice
  LogIndex scrubbed_behind_ = 0;                      // the newest image when next_scrub_ was set

  Mutex mutex_;
  Condition changed_;
  std::vector<DoneFn> requests_ ABSL_GUARDED_BY(mutex_);
  enum class Room { kEnough, kTight, kTightAndImageFits };
  Room room_ ABSL_GUARDED_BY(mutex_) = Room::kEnough;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tripla
