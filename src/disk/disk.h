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
// Errors of all calls: ResourceExhausted when something is used up that may be free again later:
// space or quota, descriptors, memory, or the size that a file may have (ENOSPC, EDQUOT, EMFILE,
// ENFILE, ENOMEM, EFBIG); Internal for every other failure. Messages name the operation, the path
// and the system error, and what to do when something is used up.
class File {
 public:
  virtual ~File() = default;

  // Writes all of `bytes` at `offset`, or fails with part of them written.
  [[nodiscard]] virtual absl::Status WriteAt(uint64_t offset, std::string_view bytes) = 0;

  // Reads up to `size` bytes at `offset` into `to`; fewer only at the end of the file.
  [[nodiscard]] virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, char* to, size_t size) = 0;

  // Makes content, and the size if it changed, durable (fdatasync). After a failure the content on
  // disk is unknown: never call it again and go on.
  [[nodiscard]] virtual absl::Status Sync() = 0;

  // Makes the file `size` bytes long; new bytes read as zero.
  [[nodiscard]] virtual absl::Status Truncate(uint64_t size) = 0;

  // Makes the file at least `size` bytes long, as Truncate() does, and reserves the disk space of
  // all of it: writes inside it later do not fail for want of space (on file systems that overwrite
  // in place). After ResourceExhausted the file may be longer than it was.
  [[nodiscard]] virtual absl::Status Allocate(uint64_t size) = 0;

  [[nodiscard]] virtual absl::StatusOr<uint64_t> Size() = 0;

  [[nodiscard]] virtual const std::string& path() const = 0;

  // Whether path() still leads to this file: it may have been removed, moved or replaced. Any
  // thread.
  [[nodiscard]] virtual bool IsInPlace() const { return true; }

  // How many names (hard links) lead to this file; 0 when it was removed.
  [[nodiscard]] virtual absl::StatusOr<uint64_t> Names() const { return 1; }

  // Tells an open file the name that it has been given, for messages about it.
  virtual void SetPath(std::string path) = 0;
};

// What there is to say about a file system.
struct DiskSpace {
  uint64_t free_bytes = 0;   // that an ordinary user may still write
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

  // Whether the path that was locked still leads to what is locked: it may have been removed, moved
  // or replaced meanwhile.
  [[nodiscard]] virtual bool IsInPlace() const { return true; }
};

// The file system as the database uses it: the seam at which tests make writes fail, disks fill and
// power go. PosixDisk() is the real one.
//
// Thread-safety: all calls from any thread. Errors: as File, and NotFound for a path that does not
// exist, AlreadyExists for one that should not.
class Disk {
 public:
  virtual ~Disk() = default;

  // Opens a regular file; anything else there is Internal. The File may outlive its name.
  [[nodiscard]] virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path,
                                                                   OpenMode mode) = 0;

  // Gives the file another name on the same file system, in place of one that has it already: at
  // every moment, also after a power cut, `to` is the one or the other, whole. Into another
  // directory it is durable when both directories are synced.
  [[nodiscard]] virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;

  // Removes a file, no directory.
  [[nodiscard]] virtual absl::Status Remove(const std::string& path) = 0;

  // Its parent must exist. Nobody but the owner may enter it (R16a); so it is with files that
  // Open() makes.
  [[nodiscard]] virtual absl::Status CreateDirectory(const std::string& path) = 0;

  // Makes creations, renames and removals in a directory durable; before it any of them may be
  // undone by a power cut.
  //
  // Errors: ResourceExhausted only when nothing was begun, for want of a descriptor: it may be
  // called again. A failed fsync is always Internal.
  [[nodiscard]] virtual absl::Status SyncDirectory(const std::string& path) = 0;

  // The names in a directory, sorted, without "." and "..".
  [[nodiscard]] virtual absl::StatusOr<std::vector<std::string>> List(const std::string& path) = 0;

  // Takes the exclusive lock on what `path` leads to. A directory is locked itself, so whoever
  // reaches it by another name, or after it was moved, finds it locked. A file is created when
  // missing, and this process's id is written into it, if there is room for that. The system drops
  // the lock when the process ends, however it ends.
  //
  // Errors besides the above: FailedPrecondition when another process, or another FileLock of this
  // one, holds it; the message says which process.
  [[nodiscard]] virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;

  // Of the file system that holds `path`, which may be a link to another one.
  [[nodiscard]] virtual absl::StatusOr<DiskSpace> Space(const std::string& path) = 0;
};

// The operating system's file system. Lives as long as the process.
[[nodiscard]] Disk& PosixDisk();

}  // namespace tripla
