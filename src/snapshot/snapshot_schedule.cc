// SPDX-License-Identifier: Apache-2.0
#include "snapshot/snapshot_schedule.h"

#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/diagnostics.h"
#include "base/random_number.h"
#include "base/status_macros.h"
#include "base/thread_name.h"
#include "snapshot/image_format.h"

namespace tripla {
namespace {

using std::chrono::steady_clock;

// The period of checks of the log's size.
constexpr std::chrono::milliseconds kGrowthPeriod{250};

// The least time between two images that make room.
constexpr std::chrono::seconds kImagesForRoomPeriod{1};
constexpr std::chrono::seconds kRetryRoomPeriod{1};

// How long a scrub pauses for the time it has taken: so it costs 1 % of a core.
constexpr int kScrubPause = 99;

// Linux has it for each thread. A lower priority may always be asked for.
constexpr int kNiceness = 5;

void LowerPriority() {
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNiceness);
}

double DrawUpToHalf() {
  return static_cast<double>(RandomNumber() >> 12) / static_cast<double>(uint64_t{1} << 53);
}

absl::Status ShuttingDown() {
  return absl::UnavailableError(
      "the server is stopping and writes no image; ask again once it runs");
}

absl::Status AnothersImageComes() {
  return absl::UnavailableError(
      "this server is about to take the image of another replica, and writes none of its own until "
      "then; ask again");
}

}  // namespace

SnapshotSchedule::SnapshotSchedule(ImageStore& images, const StateMachine& machine, Log& log,
                                   const Options& options)
    : images_(images),
      machine_(machine),
      log_(log),
      options_(options),
      log_bytes_after_image_(log.GetStats().bytes),
      next_scrub_(steady_clock::now() + options.scrub_interval),
      thread_([this] { Run(); }) {}

SnapshotSchedule::~SnapshotSchedule() { Stop(); }

void SnapshotSchedule::Request(DoneFn done) {
  {
    MutexLock lock(mutex_);
    if (!stopped_) {
      requests_.push_back(std::move(done));
      changed_.NotifyAll();
      return;
    }
  }
  done(ShuttingDown());
}

void SnapshotSchedule::Stop() {
  abandon_.store(true, std::memory_order_relaxed);
  images_.LeaveRemovals();
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void SnapshotSchedule::Run() {
  NameThread("snapshots");
  LowerPriority();
  while (!abandon_.load(std::memory_order_relaxed)) {
    const std::vector<DoneFn> requests = AwaitDue();
    if (images_.doubted()) VerifyDoubted();
    Room room = Room::kEnough;
    {
      MutexLock lock(mutex_);
      room = std::exchange(room_, Room::kEnough);
    }
    if (room != Room::kEnough && requests.empty()) {
      MakeRoomNow(room == Room::kTightAndImageFits);
      continue;
    }
    if (requests.empty() && !HasChanged()) continue;
    const steady_clock::time_point start = steady_clock::now();
    const absl::StatusOr<ImageSummary> info =
        abandon_.load(std::memory_order_relaxed) ? ShuttingDown() : WriteImage();
    log_bytes_in_image_.store(0, std::memory_order_relaxed);
    last_took_ = steady_clock::now() - start;
    for (const DoneFn& done : requests) done(info);
  }
  std::vector<DoneFn> late;
  {
    MutexLock lock(mutex_);
    late.swap(requests_);
  }
  for (const DoneFn& done : late) done(ShuttingDown());
}

steady_clock::time_point SnapshotSchedule::NextByPeriod() const {
  if (options_.interval.count() == 0) return steady_clock::time_point::max();
  const std::chrono::duration<double> period(options_.interval * part_);
  return steady_clock::now() +
         std::max(std::chrono::duration_cast<steady_clock::duration>(period), last_took_);
}

std::vector<SnapshotSchedule::DoneFn> SnapshotSchedule::AwaitDue() {
  if (options_.random_times) part_ = 1 - DrawUpToHalf();
  const steady_clock::time_point due = NextByPeriod();
  while (true) {
    // Checked without the mutex: a replica reads a directory for it, and Request() must not
    // wait.
    const bool outgrown = LogHasOutgrownImage();
    const steady_clock::time_point next_scrub = ScrubSome();
    MutexLock lock(mutex_);
    if (outgrown || stopped_ || images_.doubted() || !requests_.empty() || room_ != Room::kEnough ||
        steady_clock::now() >= due) {
      return std::exchange(requests_, {});
    }
    changed_.WaitUntil(mutex_, std::min({due, next_scrub, steady_clock::now() + kGrowthPeriod}));
  }
}

void SnapshotSchedule::VerifyDoubted() {
  const std::optional<ImageSummary> doubted = images_.newest();
  const absl::StatusOr<LogIndex> proved = images_.ProveNewest();
  if (proved.ok()) {
    return Say(Severity::kWarning,
               fmt::format("another replica has refused an image of this server, but the image of "
                           "record {} is good here: test the other's memory, and the network",
                           *proved));
  }
  const std::string why(proved.status().message());
  if (!absl::IsDataLoss(proved.status())) {
    return Say(Severity::kWarning,
               fmt::format("another replica has refused an image of this server, and it could not "
                           "be verified: {}",
                           why));
  }
  Say(Severity::kError, fmt::format("{}; it is replaced by a new image; test this disk", why));
  if (doubted) images_.GiveUp(doubted->position.index);
  WriteImage().IgnoreError();  // says it; the next period tries again
}

void SnapshotSchedule::MakeRoom(bool image_fits) {
  MutexLock lock(mutex_);
  room_ = image_fits ? Room::kTightAndImageFits : Room::kTight;
  changed_.NotifyAll();
}

void SnapshotSchedule::MakeRoomNow(bool image_fits) {
  const std::optional<ImageSummary> newest = images_.newest();
  const LogIndex index = newest ? newest->position.index : 0;
  // If the other files could not be removed, this is tried again each second, and at once after a
  // new image.
  const bool failed = index == failed_image_ && steady_clock::now() < retry_room_;
  const bool done = index == 0 || index == only_image_ || failed;
  if (done && image_fits && steady_clock::now() >= next_image_for_room_ && HasChanged()) {
    const steady_clock::time_point start = steady_clock::now();
    making_room_.store(true, std::memory_order_relaxed);
    const bool written = WriteImage().ok();
    last_took_ = steady_clock::now() - start;
    // Leaves half of the disk's time to the calls.
    next_image_for_room_ =
        steady_clock::now() + std::max<steady_clock::duration>(kImagesForRoomPeriod, last_took_);
    if (!written) {
      making_room_.store(false, std::memory_order_relaxed);
      log_bytes_in_image_.store(0, std::memory_order_relaxed);
      return;
    }
  } else if (done) {
    return;
  }
  const absl::Status kept = KeepNewestOnly();
  making_room_.store(false, std::memory_order_relaxed);
  log_bytes_in_image_.store(0, std::memory_order_relaxed);
  if (kept.ok()) return;
  failed_image_ = images_.newest() ? images_.newest()->position.index : 0;
  retry_room_ = steady_clock::now() + kRetryRoomPeriod;
  const std::string why(kept.message());
  if (std::exchange(room_failure_, why) == why) return;  // said before
  Say(Severity::kWarning,
      fmt::format("no room could be made on the disk that is nearly full: {}", why));
}

absl::Status SnapshotSchedule::KeepNewestOnly() {
  TRIPLA_ASSIGN_OR_RETURN(const LogIndex newest, images_.ProveNewest());
  // First, because the log may need room for a new segment before it can drop a large one.
  TRIPLA_RETURN_IF_ERROR(images_.RemoveOlder());
  TRIPLA_RETURN_IF_ERROR(log_.ReleasePrefix(newest, Log::Release::kAll));
  log_bytes_after_image_ = log_.LookUpBytes();
  only_image_ = newest;
  room_failure_.clear();
  Say(Severity::kDebug,
      fmt::format("the disk is nearly full: only the image of record {} and the log behind it are "
                  "kept",
                  newest));
  return absl::OkStatus();
}

DiskReserve::NextImage SnapshotSchedule::NextImage() const {
  const StateSummary summary = machine_.GetSummary();
  const uint64_t needed = image::BytesOf(summary);
  // Of one begun before removals, which make the map smaller but not that image.
  const uint64_t current = images_.current_bytes();
  const uint64_t written = images_.written_bytes();
  const bool makes_room = making_room_.load(std::memory_order_relaxed);
  const std::optional<ImageSummary> newest = images_.newest();
  const uint64_t stands = newest ? newest->bytes : 0;
  const uint64_t in_image = log_bytes_in_image_.load(std::memory_order_relaxed);
  const uint64_t log_bytes = log_.LookUpBytes();  // each time, because the status shows it
  const uint64_t goes = stands + (in_image != 0 ? in_image : log_bytes);
  const uint64_t image = std::max(needed, current);
  return {.bytes_left = image - std::min(image, written),
          .growth = needed - std::min(needed, goes),
          .growth_on_own_disk = needed - std::min(needed, stands),
          .answer_bytes = summary.answer_bytes,
          // Also before its first block, which does no harm.
          .replaces = written == 0 && makes_room,
          .under_way = current != 0 || makes_room};
}

bool SnapshotSchedule::HasChanged() {
  const std::optional<ImageSummary> newest = images_.newest();
  const LogPosition in_force = newest ? newest->position : LogPosition{};
  if (machine_.GetSummary().position != in_force) return true;
  log_bytes_after_image_ = log_.LookUpBytes();  // whatever grew there, an image would not help
  return false;
}

bool SnapshotSchedule::LogHasOutgrownImage() const {
  const std::optional<ImageSummary> newest = images_.newest();
  const uint64_t allowed = std::max(options_.log_growth_bytes, newest ? newest->bytes : 0);
  return log_.LookUpBytes() >
         log_bytes_after_image_ + static_cast<uint64_t>(static_cast<double>(allowed) * part_);
}

steady_clock::time_point SnapshotSchedule::ScrubSome() {
  if (options_.scrub_interval.count() == 0) return steady_clock::time_point::max();
  const std::optional<ImageSummary> newest = images_.newest();
  const LogIndex index = newest ? newest->position.index : 0;
  const steady_clock::time_point start = steady_clock::now();
  // All was verified when this image was written, or when it came from another replica.
  if (std::exchange(scrubbed_behind_, index) != index) {
    scrub_.reset();
    next_scrub_ = start + options_.scrub_interval;
  }
  if (start < next_scrub_) return next_scrub_;
  if (!scrub_) scrub_.emplace(machine_.Freeze());
  const absl::StatusOr<bool> done = scrub_->Step();
  if (!done.ok()) Die(std::string(done.status().message()));
  const steady_clock::time_point end = steady_clock::now();
  if (*done) {
    scrub_.reset();
    next_scrub_ = end + options_.scrub_interval;
    Say(Severity::kDebug, "the map in memory was verified: it is not damaged");
  } else {
    next_scrub_ = end + kScrubPause * (end - start);
  }
  return next_scrub_;
}

absl::StatusOr<ImageSummary> SnapshotSchedule::WriteImage() {
  log_bytes_in_image_.store(log_.LookUpBytes(), std::memory_order_relaxed);
  const StateView view = machine_.Freeze();
  const std::optional<ImageSummary> newest = images_.newest();
  if (newest && newest->position == view.summary().position) return *newest;
  scrub_.reset();  // the image verifies the same
  absl::StatusOr<ImageSummary> info = images_.Write(view, abandon_);
  if (!info.ok()) {
    if (absl::IsDataLoss(info.status())) Die(std::string(info.status().message()));
    log_bytes_after_image_ = log_.LookUpBytes();  // no second try before it has grown again
    if (absl::IsCancelled(info.status())) {
      return abandon_.load(std::memory_order_relaxed) ? ShuttingDown() : AnothersImageComes();
    }
    Say(Severity::kError, fmt::format("no image was written, the old ones stay in force: {}",
                                      std::string(info.status().message())));
    return info;
  }
  Say(Severity::kDebug,
      fmt::format("{}: {} entries, {} bytes", info->file, info->entries, info->bytes));
  if (absl::Status released = log_.ReleasePrefix(images_.releasable(), Log::Release::kUsual);
      !released.ok()) {
    Say(Severity::kWarning,
        fmt::format("an old part of the log stays: {}", std::string(released.message())));
  }
  log_bytes_after_image_ = log_.LookUpBytes();
  return info;
}

}  // namespace tripla
