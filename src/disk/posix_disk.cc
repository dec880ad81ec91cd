// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/status_macros.h"
#include "disk/disk.h"

namespace tripla {
namespace {

// What to do about an error that ends once the resource is free again.
std::string_view AdviceOf(int error) {
  switch (error) {
    case ENOSPC:
      return " (free space on that disk)";
    case EDQUOT:
      return " (free space, or raise that quota)";
    case EMFILE:
      return " (the server's descriptors are used up: raise its limit, ulimit -n, or close "
             "connections)";
    case ENFILE:
      return " (the machine's descriptors are used up: raise fs.file-max)";
    case ENOMEM:
      return " (free memory on the machine)";
    case EFBIG:
      return " (raise the server's limit of file sizes, ulimit -f, or use a file system that takes "
             "larger files)";
    default:
      return "";
  }
}

// The system's error of an operation on a path.
absl::Status SystemError(int error, std::string_view operation, std::string_view path) {
  const std::string message =
      fmt::format("{} {}: {}{}", operation, path, std::strerror(error), AdviceOf(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFBIG:
      return absl::ResourceExhaustedError(message);
    case ENOENT:
      return absl::NotFoundError(message);
    case EEXIST:
      return absl::AlreadyExistsError(message);
    default:
      return absl::InternalError(message);
  }
}

// Closes a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::StatusOr<Descriptor> OpenDescriptor(const std::string& path, int flags) {
  int fd;
  do {
    // The open of a FIFO would wait for its other end; O_NONBLOCK changes nothing for regular
    // files.
    fd = open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0600);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return SystemError(errno, "open", path);
  return Descriptor(fd);
}

// Whether `path` names the open file. Also true when that cannot be determined now: no access to a
// parent, or a network file system that does not answer.
bool LeadsTo(const std::string& path, const Descriptor& descriptor) {
  struct stat named {};
  struct stat held {};
  if (stat(path.c_str(), &named) != 0) return errno != ENOENT && errno != ENOTDIR;
  if (fstat(descriptor.get(), &held) != 0) return true;
  return named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

absl::Status CheckRegular(const Descriptor& descriptor, const std::string& path) {
  struct stat status {};
  if (fstat(descriptor.get(), &status) != 0) return SystemError(errno, "stat", path);
  if (S_ISREG(status.st_mode)) return absl::OkStatus();
  return absl::InternalError(fmt::format("open {}: not a regular file", path));
}

class PosixFile : public File {
 public:
  PosixFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  absl::Status WriteAt(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = pwrite(fd(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return SystemError(errno, "write", path_);
      bytes.remove_prefix(count);
      offset += count;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* to, size_t size) override {
    size_t done = 0;
    while (done < size) {
      const ssize_t count = pread(fd(), to + done, size - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return SystemError(errno, "read", path_);
      if (count == 0) break;
      done += count;
    }
    return done;
  }

  absl::Status Sync() override {
    // Never repeated, not even after EINTR: after a failure the kernel may have dropped the pages,
    // and a second fsync would still succeed.
    if (fdatasync(fd()) != 0) return SystemError(errno, "fdatasync", path_);
    return absl::OkStatus();
  }

  absl::Status Truncate(uint64_t size) override {
    int result;
    do {
      result = ftruncate(fd(), static_cast<off_t>(size));
    } while (result != 0 && errno == EINTR);
    return result == 0 ? absl::OkStatus() : SystemError(errno, "truncate", path_);
  }

  absl::Status Allocate(uint64_t size) override {
    // posix_fallocate writes zeros if the file system does not support fallocate.
    int error;
    do {
      error = posix_fallocate(fd(), 0, static_cast<off_t>(size));
    } while (error == EINTR);
    return error == 0 ? absl::OkStatus() : SystemError(error, "allocate", path_);
  }

  absl::StatusOr<uint64_t> Size() override {
    struct stat status {};
    if (fstat(fd(), &status) != 0) return SystemError(errno, "stat", path_);
    return static_cast<uint64_t>(status.st_size);
  }

  const std::string& path() const override { return path_; }
  bool IsInPlace() const override { return LeadsTo(path_, descriptor_); }

  absl::StatusOr<uint64_t> Names() const override {
    struct stat status {};
    if (fstat(fd(), &status) != 0) return SystemError(errno, "stat", path_);
    return uint64_t{status.st_nlink};
  }

  void SetPath(std::string path) override { path_ = std::move(path); }

 private:
  int fd() const { return descriptor_.get(); }

  Descriptor descriptor_;
  std::string path_;
};

// A lock of flock() belongs to the open file, so it ends with the process. One of fcntl() would
// also end when another descriptor of the file is closed.
class PosixLock : public FileLock {
 public:
  PosixLock(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  bool IsInPlace() const override { return LeadsTo(path_, descriptor_); }

 private:
  Descriptor descriptor_;
  std::string path_;
};

// Reads the holder of a lock from /proc/locks: "1: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF".
std::string HolderBySystem(const Descriptor& lock) {
  struct stat status {};
  if (fstat(lock.get(), &status) != 0) return "";
  const std::string place =
      fmt::format("{:02x}:{:02x}:{}", major(status.st_dev), minor(status.st_dev), status.st_ino);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    std::string number, kind, advisory, access, process, where;
    words >> number >> kind >> advisory >> access >> process >> where;
    if (kind == "FLOCK" && where == place && process != "0") return process;
  }
  return "";
}

std::string HolderOf(const Descriptor& lock) {
  std::string holder = HolderBySystem(lock);
  if (holder.empty()) {
    char text[32] = {};
    const ssize_t count = pread(lock.get(), text, sizeof(text) - 1, 0);  // of a directory: none
    const std::string_view written(text, count > 0 ? count : 0);
    holder = written.substr(0, written.find('\n'));
  }
  return holder.empty() ? "another process" : "process " + holder;
}

// Some network file systems cannot lock directories; there only the file DIR/lock is locked.
bool CannotBeLocked(int error) {
  return error == EBADF || error == EINVAL || error == EOPNOTSUPP || error == ENOLCK;
}

// Overwrites the former id in place: to free the file's block first would need a new one, which a
// full disk may not have.
absl::Status SayHolder(const Descriptor& lock, const std::string& path) {
  const std::string holder = std::to_string(getpid()) + "\n";
  const ssize_t count = pwrite(lock.get(), holder.data(), holder.size(), 0);
  if (count >= 0 && ftruncate(lock.get(), count) == 0) return absl::OkStatus();
  // Only a message is less precise without it, and a server must start on a full disk.
  if (errno == ENOSPC || errno == EDQUOT) return absl::OkStatus();
  return SystemError(errno, "write", path);
}

class OperatingSystemDisk : public Disk {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    int flags = O_RDONLY;
    if (mode == OpenMode::kReadWrite) flags = O_RDWR;
    if (mode == OpenMode::kCreateFresh) flags = O_RDWR | O_CREAT | O_EXCL;
    TRIPLA_ASSIGN_OR_RETURN(Descriptor descriptor, OpenDescriptor(path, flags));
    TRIPLA_RETURN_IF_ERROR(CheckRegular(descriptor, path));
    return std::make_unique<PosixFile>(std::move(descriptor), path);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) != 0) return SystemError(errno, "rename", from);
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return SystemError(errno, "remove", path);
    return absl::OkStatus();
  }

  absl::Status CreateDirectory(const std::string& path) override {
    if (mkdir(path.c_str(), 0700) != 0) return SystemError(errno, "create directory", path);
    return absl::OkStatus();
  }

  absl::Status SyncDirectory(const std::string& path) override {
    TRIPLA_ASSIGN_OR_RETURN(const Descriptor directory,
                            OpenDescriptor(path, O_RDONLY | O_DIRECTORY));
    if (fsync(directory.get()) == 0) return absl::OkStatus();
    // Also for lack of space: it is not known what part of the directory is on the disk.
    return absl::InternalError(SystemError(errno, "fsync directory", path).message());
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), &closedir);
    if (directory == nullptr) return SystemError(errno, "list", path);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(directory.get())) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    if (errno != 0) return SystemError(errno, "list", path);
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    struct stat status {};
    const bool is_directory = stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    const int flags = is_directory ? O_RDONLY | O_DIRECTORY : O_RDWR | O_CREAT;
    while (true) {
      TRIPLA_ASSIGN_OR_RETURN(Descriptor descriptor, OpenDescriptor(path, flags));
      if (!is_directory) TRIPLA_RETURN_IF_ERROR(CheckRegular(descriptor, path));
      if (flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (is_directory && CannotBeLocked(errno)) {
          return absl::UnimplementedError(
              fmt::format("{} is on a file system that locks no "
                          "directories",
                          path));
        }
        if (errno != EWOULDBLOCK) return SystemError(errno, "lock", path);
        return absl::FailedPreconditionError(
            fmt::format("{} is held by {}: end that one first, or name another data directory",
                        path, HolderOf(descriptor)));
      }
      // Between the two calls the file may have been removed or replaced; then the lock is useless.
      if (!LeadsTo(path, descriptor)) continue;
      if (!is_directory) TRIPLA_RETURN_IF_ERROR(SayHolder(descriptor, path));
      return std::make_unique<PosixLock>(std::move(descriptor), path);
    }
  }

  absl::StatusOr<DiskSpace> Space(const std::string& path) override {
    struct statvfs status {};
    struct stat file {};
    if (statvfs(path.c_str(), &status) != 0) return SystemError(errno, "statvfs", path);
    if (stat(path.c_str(), &file) != 0) return SystemError(errno, "stat", path);
    return DiskSpace{.free_bytes = uint64_t{status.f_bavail} * status.f_frsize,
                     .total_bytes = uint64_t{status.f_blocks} * status.f_frsize,
                     .file_system = file.st_dev};
  }
};

}  // namespace

Disk& PosixDisk() {
  static OperatingSystemDisk disk;
  return disk;
}

}  // namespace tripla
