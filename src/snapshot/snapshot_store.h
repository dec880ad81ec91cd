// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "disk/data_directory.h"
#include "model/log_position.h"
#include "snapshot/image_info.h"
#include "state/state_machine.h"
#include "state/state_view.h"

namespace tripla {

// The images of one data directory: which are in force, which is loaded, which go.
//
//   SnapshotStore images(directory);
//   TRIPLA_ASSIGN_OR_RETURN(machine, images.LoadNewest(first_index_of_the_log));
//   ... replay the log behind machine->GetSummary().position ...
//   TRIPLA_RETURN_IF_ERROR(images.CheckRecovered(machine->GetSummary().position));
//   ...
//   TRIPLA_ASSIGN_OR_RETURN(ImageInfo image, images.Write(machine->Freeze(), abandon));
//   log.ReleasePrefix(images.released());
//
// The last two images are kept, and the log behind the older of them: so one damaged image loses
// nothing, as long as the log is whole.
//
// Thread-safety: newest() and released() from any thread; the rest from one thread at a time.
// Blocking: all but newest() and released() wait for the disk.
// Lifetime: `directory` outlives the store and is held by no other process.
class SnapshotStore {
 public:
  explicit SnapshotStore(const DataDirectory& directory);

  SnapshotStore(const SnapshotStore&) = delete;
  SnapshotStore& operator=(const SnapshotStore&) = delete;

  // Removes what unfinished images left, then loads the newest image; without any, the empty state.
  // To be called once, before all else.
  //
  // `log_first` is the index of the oldest batch in the log, 0 when there is no log to go by. A
  // damaged image is passed over, with a warning, only when the log still holds everything behind
  // the next older one (or, without one, everything).
  //
  // Errors: DataLoss, naming file and offset, when the newest image is damaged and the log does not
  // reach back far enough; Unimplemented when a newer tripla has written it; what the disk says.
  [[nodiscard]] absl::StatusOr<std::unique_ptr<StateMachine>> LoadNewest(LogIndex log_first);

  // Proves, after the log was replayed, that it also went on as far as the images that were passed
  // over as damaged. Errors: DataLoss.
  [[nodiscard]] absl::Status CheckRecovered(LogPosition position) const;

  // Writes an image of `view` and puts it in force: it is durable on return, and the oldest of more
  // than two is gone. Ends early, with Cancelled, once `abandon` is true. Whatever happens, the
  // images in force stay so, and nothing unfinished stays behind when it can be removed.
  //
  // Errors: ResourceExhausted for want of space, Internal for any other failure of the disk; both
  // name path and cause, and it may be tried again. Cancelled.
  [[nodiscard]] absl::StatusOr<ImageInfo> Write(const StateView& view,
                                                const std::atomic<bool>& abandon);

  // The newest image in force, or nothing.
  [[nodiscard]] std::optional<ImageInfo> newest() const;

  // The log up to here, inclusive, is in both kept images: it may go. 0 while there is only one.
  [[nodiscard]] LogIndex released() const;

 private:
  absl::Status RemovePartialFiles();
  // Images by their names alone, oldest first.
  absl::StatusOr<std::vector<LogIndex>> ListIndices() const;
  // Takes over what was found good at the start.
  absl::Status Adopt(const std::vector<LogIndex>& indices);
  // Removes every image that is neither of the two to keep.
  void RemoveOld();
  [[nodiscard]] std::string PathOf(LogIndex index) const;

  const DataDirectory& directory_;
  LogIndex passed_over_ = 0;  // highest index of an image passed over as damaged

  mutable Mutex mutex_;
  std::optional<ImageInfo> newest_ ABSL_GUARDED_BY(mutex_);
  std::optional<LogIndex> older_ ABSL_GUARDED_BY(mutex_);  // index of the one before
};

}  // namespace tripla
