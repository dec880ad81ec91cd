// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "disk/disk.h"

namespace tripla {

// The one directory that holds everything a server must not lose:
//
//   DIR/format   one line, "tripla data directory, format 1"; written last when DIR is made ready
//   DIR/lock     locked by the server that uses DIR; holds its process id
//   DIR/log/     segments of the operation log (log/local/wal_format.h)
//   DIR/image/   images of the map, finished and partial (snapshot/image_format.h)
//
//   absl::StatusOr<DataDirectory> directory = DataDirectory::Open(PosixDisk(), "/var/lib/tripla");
//
// A DataDirectory from Open() holds the lock until it is destroyed.
//
// Thread-safety: const after Open(): any thread. Lifetime: the Disk outlives it.
class DataDirectory {
 public:
  // Locks the directory for this process. One that is missing or empty is made ready, with the
  // parents it needs; all of it is durable on return.
  //
  // Errors; each message says what, why and what to do:
  //   FailedPrecondition  another process uses it; or it is not empty and no tripla directory
  //   Unimplemented       a newer tripla has written it
  //   DataLoss            a part of it is missing, or `format` is unreadable
  //   ResourceExhausted   no space to make it ready
  //   Internal            any other failure of the disk: a file in its place, permission denied …
  [[nodiscard]] static absl::StatusOr<DataDirectory> Open(Disk& disk, std::string path);

  // Looks at a directory, perhaps a copy of one in use, without the lock and without writing to it.
  //
  // Errors: as Open(), and NotFound when there is no such directory.
  [[nodiscard]] static absl::StatusOr<DataDirectory> OpenReadOnly(Disk& disk, std::string path);

  DataDirectory(DataDirectory&&) noexcept = default;
  DataDirectory& operator=(DataDirectory&&) noexcept = default;

  [[nodiscard]] Disk& disk() const { return *disk_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& log_path() const { return log_path_; }
  [[nodiscard]] const std::string& image_path() const { return image_path_; }

 private:
  DataDirectory(Disk& disk, std::string path);

  // Open() without the advice in its errors.
  static absl::StatusOr<DataDirectory> OpenLocked(Disk& disk, std::string path);
  // Creates what a new directory lacks, `format` last: a crash before that leaves one that is made
  // ready by the next start.
  absl::Status MakeReady();
  absl::Status CheckFormat() const;
  [[nodiscard]] std::string format_path() const { return path_ + "/format"; }

  Disk* disk_;
  std::string path_;
  std::string log_path_;
  std::string image_path_;
  std::unique_ptr<FileLock> lock_;  // null when read-only
};

}  // namespace tripla
