// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "disk/disk.h"

namespace tripla {

// The directory that holds everything a server must not lose:
//
//   DIR/format   one line, "tripla data directory, format 1"; written last when DIR is made ready
//   DIR/lock     holds the process id of the server that uses DIR. The server locks it, and also
//                DIR, DIR/log and DIR/image themselves, so that no two servers use one of these
//                through different names or after the file was removed
//   DIR/log/     segments of the operation log (log/local/wal_format.h)
//   DIR/image/   images of the map, finished and partial (snapshot/image_format.h)
//
//   absl::StatusOr<DataDirectory> directory = DataDirectory::Open(PosixDisk(), "/var/lib/tripla");
//
// A DataDirectory from Open() holds the lock until it is destroyed.
//
// Thread-safety: CheckHold() from one thread; the const calls from any. Lifetime: the Disk outlives
// it.
class DataDirectory {
 public:
  // Locks the directory for this process. A missing or empty one is made ready, with its parents;
  // all of it is durable on return. If another process holds it, waits for up to `patience` and
  // prints that once, because after kill -9 the system takes seconds to end a large process. Also
  // waits until an ending holder has ended, so that its ports are free too.
  //
  // Errors; each message says what, why and what to do:
  //   FailedPrecondition  another process uses it; or it is not empty and not a tripla directory
  //   Unimplemented       a newer tripla has written it
  //   DataLoss            a part of it is missing, or `format` is unreadable
  //   ResourceExhausted   no space to make it ready
  //   Internal            any other failure of the disk: a file in its place, permission denied …
  [[nodiscard]] static absl::StatusOr<DataDirectory> Open(
      Disk& disk, std::string path,
      std::chrono::milliseconds patience = std::chrono::milliseconds(0));

  // Opens a directory, perhaps a copy of one in use, without locking it or writing to it.
  //
  // Errors: as Open(), and NotFound when there is no such directory.
  [[nodiscard]] static absl::StatusOr<DataDirectory> OpenReadOnly(Disk& disk, std::string path);

  DataDirectory(DataDirectory&&) noexcept = default;
  DataDirectory& operator=(DataDirectory&&) noexcept = default;

  // Checks that the directory is still where it was locked; to be called periodically. A DIR/lock
  // that was removed or replaced is made and locked again, with a warning.
  //
  // Errors: FailedPrecondition when DIR, or its log or image, was moved, removed or replaced, or
  // another process holds DIR/lock. Later writes of this process may go into another directory.
  [[nodiscard]] absl::Status CheckHold();

  // Opens a file of the directory to write it in place.
  //
  // Errors: FailedPrecondition when the file has a second name (a hard link): the directory was
  // copied with links, and writes would change the copy too; those of Disk::Open().
  [[nodiscard]] absl::StatusOr<std::unique_ptr<File>> OpenForWriting(const std::string& path) const;

  [[nodiscard]] Disk& disk() const { return *disk_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& log_path() const { return log_path_; }
  [[nodiscard]] const std::string& image_path() const { return image_path_; }

 private:
  DataDirectory(Disk& disk, std::string path);

  // Open() without the advice in its errors.
  static absl::StatusOr<DataDirectory> OpenLocked(Disk& disk, std::string path,
                                                  std::chrono::milliseconds patience);
  absl::Status LockDirectories(const std::vector<std::string>& paths,
                               std::chrono::steady_clock::time_point deadline);
  // Creates the missing parts of a new directory, `format` last, so that the next start continues
  // after a crash.
  absl::Status MakeReady();
  absl::Status CheckFormat() const;
  // For a directory without `format`. Errors: DataLoss when there is data.
  absl::Status CheckHoldsNothing() const;
  [[nodiscard]] std::string format_path() const { return path_ + "/format"; }
  [[nodiscard]] std::string lock_path() const { return path_ + "/lock"; }

  Disk* disk_;
  std::string path_;
  std::string log_path_;
  std::string image_path_;
  // All empty when read-only.
  std::vector<std::unique_ptr<FileLock>> directory_locks_;  // DIR, DIR/log, DIR/image
  std::unique_ptr<FileLock> lock_;                          // DIR/lock
};

}  // namespace tripla
