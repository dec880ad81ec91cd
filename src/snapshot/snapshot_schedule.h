// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "disk/disk_reserve.h"
#include "log/log.h"
#include "snapshot/image_store.h"
#include "state/state_machine.h"

namespace tripla {

// The thread that writes images (design 7): by period if anything has changed, when the log has
// outgrown the image, and on request. After each image the log may forget what both kept ones hold.
//
// Two images by period lie at least as far apart as the last one took, so a short period on a large
// map leaves half of the disk to the calls. An image that cannot be written is said and tried
// again; the database goes on without it, and the log keeps everything.
//
// Thread-safety: Request() from any thread; Stop() and the destructor from one.
class SnapshotSchedule {
 public:
  struct Options {
    std::chrono::milliseconds interval{30'000};  // 0: never by period
    // An image is due when the log has grown by this, or by the size of the image if that is more.
    uint64_t log_growth_bytes = uint64_t{64} << 20;
  };

  // Takes the image in force, or why there is none: as ImageStore::Write(), but Unavailable, with
  // the reason, when stopped or while images are held. Called once, on the schedule's thread, or on
  // the caller's after Stop(); must not block.
  using DoneFn = std::function<void(absl::StatusOr<ImageSummary>)>;

  // Starts the thread. All outlive the schedule.
  SnapshotSchedule(ImageStore& images, const StateMachine& machine, Log& log,
                   const Options& options);
  ~SnapshotSchedule();

  SnapshotSchedule(const SnapshotSchedule&) = delete;
  SnapshotSchedule& operator=(const SnapshotSchedule&) = delete;

  // Asks for an image that holds at least all that has been applied by now. One image answers all
  // who asked before it began; if nothing has changed since the last, that one answers. Does not
  // block.
  void Request(DoneFn done);

  // The disk is nearly full: soon lets the log forget what the newest image holds and removes the
  // older image, once the newest was read and proved; where that has been done already, and
  // `image_fits`, writes an image of what is newer first. Does not block. To be called as long as
  // it is so.
  void MakeRoom(bool image_fits);

  // The image that is being written, or else the next one.
  [[nodiscard]] DiskReserve::NextImage NextImage() const;

  // Abandons an image being written and ends the thread. Idempotent.
  void Stop();

 private:
  void Run();
  // Waits for the period, log growth, a request, a full disk or the stop, and takes the requests.
  std::vector<DoneFn> AwaitDue();
  [[nodiscard]] bool LogHasOutgrownImage() const;
  // Whether something was applied since the image in force.
  [[nodiscard]] bool HasChanged();
  absl::StatusOr<ImageSummary> WriteImage();
  void MakeRoomNow(bool image_fits);
  // Forgets all but the newest image and what follows it.
  absl::Status KeepNewestOnly();

  ImageStore& images_;
  const StateMachine& machine_;
  Log& log_;
  const Options options_;
  std::atomic<bool> abandon_{false};
  std::atomic<uint64_t> log_bytes_in_image_{0};  // when the one being written began; 0: none is
  std::atomic<bool> making_room_{false};         // an image was written for it, and older files go
  // The thread's own.
  uint64_t log_bytes_after_image_;
  std::chrono::steady_clock::duration last_took_{0};
  LogIndex only_image_ = 0;  // the newest one when KeepNewestOnly() was done last
  std::chrono::steady_clock::time_point next_image_for_room_;
  LogIndex failed_image_ = 0;  // the newest one when KeepNewestOnly() failed last
  std::chrono::steady_clock::time_point retry_room_;
  std::string room_failure_;  // why it failed, as it was said

  Mutex mutex_;
  Condition changed_;
  std::vector<DoneFn> requests_ ABSL_GUARDED_BY(mutex_);
  enum class Room { kEnough, kTight, kTightAndImageFits };
  Room room_ ABSL_GUARDED_BY(mutex_) = Room::kEnough;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tripla
