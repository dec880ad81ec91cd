// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "disk/data_directory.h"
#include "model/log_position.h"
#include "snapshot/image_reader.h"
#include "state/state_machine.h"
#include "state/state_view.h"

namespace tripla {

// An image in force.
struct ImageSummary {
  LogPosition position;  // it holds every batch up to this one, inclusive
  uint64_t revision = 0;
  uint64_t entries = 0;
  uint64_t bytes = 0;
  uint64_t written_unix_ms = 0;
  std::string file;  // its name inside the data directory: "image/….image"
};

// The result of recovery from the images.
struct RecoveredState {
  std::unique_ptr<StateMachine> machine;  // empty when there is no image
  // The log must reach this index, because a damaged image that was not used held it. 0 when there
  // was none.
  LogIndex log_must_reach = 0;
  std::string damage;  // of that image: where and what

  // Call this after the log was applied up to record `reached`. DataLoss, naming file and offset,
  // when that is not far enough.
  [[nodiscard]] absl::Status CheckLogReached(LogIndex reached) const;
};

// The images of one data directory: writes them whole or not at all (R16), keeps the last two, and
// loads the newest at the start.
//
// Thread-safety: Recover() or LoadNewest() first; Write() from one thread, Install() from one after
// Hold(); the rest from any.
class ImageStore {
 public:
  // `directory` outlives the store.
  explicit ImageStore(const DataDirectory& directory) : directory_(directory) {}

  // Says whose images these are; from now on others are refused. If it was not called before
  // Recover(), the newest image decides. Call it from the thread of Recover(), before others write.
  void SetOwner(const image::Owner& owner) { owner_ = owner; }
  // Nothing if nobody has said it and there is no image that does.
  [[nodiscard]] const std::optional<image::Owner>& owner() const { return owner_; }

  // Removes partial images, then loads like LoadNewest().
  [[nodiscard]] absl::StatusOr<RecoveredState> Recover(LogIndex first_log_index);

  // Loads the newest image and changes nothing. If it is damaged, the older image, or the empty
  // state, is used with a warning, but only if the log reaches back to it, so that nothing can be
  // lost. The log begins with record `first_log_index` (0: there is no log).
  //
  // Errors, naming file and offset: DataLoss when the newest image is damaged and cannot be
  // replaced; FailedPrecondition when it is another owner's; Unimplemented for a later format;
  // errors of the disk.
  [[nodiscard]] absl::StatusOr<RecoveredState> LoadNewest(LogIndex first_log_index);

  // Lists the images by the last record that each holds, oldest first. Reads names only.
  [[nodiscard]] absl::StatusOr<std::vector<LogIndex>> ListImages() const;

  // Reads an image and checks that it matches its name. Errors: as LoadImage(); FailedPrecondition
  // when it is another owner's.
  [[nodiscard]] absl::StatusOr<LoadedImage> Load(LogIndex index) const;

  [[nodiscard]] std::string PathOf(LogIndex index) const;

  // Writes a view as an image and puts it in force: partial file, fsync, rename, fsync of the
  // directory. Then removes images older than the last two. When it fails the old images stay in
  // force. A partial file may be left, which the next start removes; or, if only the sync of the
  // name failed, the whole image, which the next start may load.
  //
  // Errors: ResourceExhausted when there is no space; Cancelled once `abandon` is true, or while
  // images are held; DataLoss when the view is not what its summary says: memory is damaged, and
  // the process must end; Internal.
  [[nodiscard]] absl::StatusOr<ImageSummary> Write(const StateView& view,
                                                   const std::atomic<bool>& abandon);

  // Ends the piecewise removal of old images early, for a stop; from any thread. The rest is
  // removed by the next start, or by a later Write(), which may need the room.
  void LeaveRemovals() { leave_removals_.store(true, std::memory_order_relaxed); }

  // Prepares for an image of another replica (R27). When it returns no Write() is running, and none
  // succeeds until Install(), or Release() if nothing is installed.
  void Hold();
  void Release();

  // Puts a file from another replica in force, replacing all images, and loads it. `path` is on the
  // same file system; the file is moved, not copied.
  //
  // Errors: as Load(); errors of the disk. The former images are still there, unless their removal
  // failed.
  [[nodiscard]] absl::StatusOr<std::unique_ptr<StateMachine>> Install(const std::string& path);

  // FailedPrecondition when an image with this header is surely another owner's; `path` is for the
  // message.
  [[nodiscard]] absl::Status CheckOwner(const image::Header& header, const std::string& path) const;

  // Another replica has refused the newest image: it is to be verified. From any thread.
  void Doubt() { doubted_.store(true); }
  [[nodiscard]] bool doubted() const { return doubted_.load(); }

  // The newest image is damaged, if it is still this one: until another is written there is none
  // that counts as one of the two, and that one may be of the same state.
  void GiveUp(LogIndex damaged);

  // Reads the newest image and verifies every block; no doubt is left then. Returns the last record
  // it holds.
  //
  // Errors: FailedPrecondition when there is none, or images are held; as LoadImage().
  [[nodiscard]] absl::StatusOr<LogIndex> ProveNewest();

  // Removes all images but the newest, which must have been verified: the log before it is gone.
  [[nodiscard]] absl::Status RemoveOlder();

  // The size that the image has which is being written, until older ones have been removed; 0 when
  // none is.
  [[nodiscard]] uint64_t current_bytes() const {
    return current_bytes_.load(std::memory_order_relaxed);
  }

  // How many of them are written.
  [[nodiscard]] uint64_t written_bytes() const {
    return written_bytes_.load(std::memory_order_relaxed);
  }

  // The newest image in force.
  [[nodiscard]] std::optional<ImageSummary> newest() const;

  // The records up to this one are in both kept images, so the log may drop them. 0 while there are
  // not two.
  [[nodiscard]] LogIndex releasable() const;

 private:
  absl::Status RemovePartial();
  // Warns that `older` is used instead of a damaged image, or returns an error.
  absl::Status FallBack(const absl::Status& damage, LogIndex older, LogIndex first_log_index) const;
  absl::StatusOr<ImageSummary> WriteUnheld(const StateView& view, const std::atomic<bool>& abandon);
  // Also removes a damaged image that was not used: the next start must not rely on it.
  absl::Status RemoveAllBut(LogIndex older, LogIndex newest);
  absl::Status RemoveInPieces(LogIndex index);
  void PutInForce(const ImageSummary& info);

  const DataDirectory& directory_;
  std::optional<image::Owner> owner_;
  mutable Mutex mutex_;
  std::optional<ImageSummary> newest_ ABSL_GUARDED_BY(mutex_);
  LogIndex older_ ABSL_GUARDED_BY(mutex_) = 0;  // index of the image before the newest; 0: none
  std::atomic<bool> held_{false};
  std::atomic<bool> doubted_{false};
  std::atomic<bool> leave_removals_{false};
  std::atomic<uint64_t> current_bytes_{0};
  std::atomic<uint64_t> written_bytes_{0};
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  Condition written_;
};

}  // namespace tripla
