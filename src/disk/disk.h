// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tripla {

// One open file.
//
// Thread-safety: calls on one File must not overlap, except ReadAt() with ReadAt().
// Errors of all calls: ResourceExhausted when a resource is used up that may be free again later:
// space, quota, descriptors, memory, or the file size limit (ENOSPC, EDQUOT, EMFILE, ENFILE,
// ENOMEM, EFBIG); Internal for every other failure. Messages name the operation, the path and the
// system error, and say what to do when a resource is used up.
class File {
 public:
  virtual ~File() = default;

  // Writes all of `bytes` at `offset`, or fails with part of them written.
  [[nodiscard]] virtual absl::Status WriteAt(uint64_t offset, std::string_view bytes) = 0;

  // Reads up to `size` bytes at `offset` into `to`; fewer only at the end of the file.
  [[nodiscard]] virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, char* to, size_t size) = 0;

  // Makes content, and the size if it changed, durable (fdatasync). After a failure the content on
  // disk is unknown; a second call that succeeds proves nothing.
  [[nodiscard]] virtual absl::Status Sync() = 0;

  // Makes the file `size` bytes long; new bytes read as zero.
  [[nodiscard]] virtual absl::Status Truncate(uint64_t size) = 0;

  // Makes the file at least `size` bytes long, as Truncate() does, and reserves its disk space, so
  // that later writes inside it do not fail for lack of space (on file systems that overwrite in
  // place). After ResourceExhausted the file may be longer than before.
  [[nodiscard]] virtual absl::Status Allocate(uint64_t size) = 0;

  [[nodiscard]] virtual absl::StatusOr<uint64_t> Size() = 0;

  [[nodiscard]] virtual const std::string& path() const = 0;

  // Whether path() still names this file, which may have been removed, moved or replaced. Any
  // thread.
  [[nodiscard]] virtual bool IsInPlace() const { return true; }

  // The number of names (hard links) of this file; 0 when it was removed.
  [[nodiscard]] virtual absl::StatusOr<uint64_t> Names() const { return 1; }

  // Sets the new name of an open file that was renamed, for messages.
  virtual void SetPath(std::string path) = 0;
};

// The space of a file system.
struct DiskSpace {
  uint64_t free_bytes = 0;   // available to an ordinary user
  uint64_t total_bytes = 0;  // used and free
  uint64_t file_system = 0;  // equal for two paths on the same one
};

enum class OpenMode {
  kRead,         // must exist
  kReadWrite,    // must exist
  kCreateFresh,  // must not exist
};

// Holds a lock until it is destroyed.
class FileLock {
 public:
  virtual ~FileLock() = default;

  // Whether the path still names the locked file, which may have been removed, moved or replaced.
  [[nodiscard]] virtual bool IsInPlace() const { return true; }
};

// The interface to the file system, with which tests simulate failed writes, full disks and power
// cuts. PosixDisk() is the real one.
//
// Thread-safety: all calls from any thread. Errors: as File, and NotFound for a path that does not
// exist, AlreadyExists for one that should not.
class Disk {
 public:
  virtual ~Disk() = default;

  // Opens a regular file; for anything else the error is Internal. The File may outlive its name.
  [[nodiscard]] virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                                                   OpenMode mode) = 0;

  // Renames a file on the same file system and replaces one that has the new name. At every moment,
  // also after a power cut, `to` is one of the two, whole. A rename into another directory is
  // durable when both directories are synced.
  [[nodiscard]] virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;

  // Removes a file, not a directory.
  [[nodiscard]] virtual absl::Status Remove(const std::string& path) = 0;

  // Its parent must exist. Only the owner has access to it (R16a), as to files that Open() makes.
  [[nodiscard]] virtual absl::Status CreateDirectory(const std::string& path) = 0;

  // Makes creations, renames and removals in a directory durable; until then a power cut may undo
  // any of them.
  //
  // Errors: ResourceExhausted only when there was no descriptor to begin with: then it may be
  // called again. A failed fsync is always Internal.
  [[nodiscard]] virtual absl::Status SyncDirectory(const std::string& path) = 0;

  // The names in a directory, sorted, without "." and "..".
  [[nodiscard]] virtual absl::StatusOr<std::vector<std::string>> List(const std::string& path) = 0;

  // Takes an exclusive lock on the file or directory at `path`. A directory itself is locked, so it
  // is locked under any name, also after it was moved. A missing file is created, and the id of
  // this process is written into it if there is room. The system drops the lock when the process
  // ends, in whatever way.
  //
  // Additional errors: FailedPrecondition when another process, or another FileLock of this one,
  // holds it; the message says which process.
  [[nodiscard]] virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;

  // The space of the file system that holds `path`, which may be a link to another one.
  [[nodiscard]] virtual absl::StatusOr<DiskSpace> Space(const std::string& path) = 0;
};

// The operating system's file system. Lives as long as the process.
[[nodiscard]] Disk& PosixDisk();

}  // namespace tripla
