// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/small_disk.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/check.h"

namespace tripla {
namespace {

std::string FillerPath(const std::string& directory) { return directory + "/filler"; }

bool Write(const char* path, const std::string& text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  return written;
}

// What is mounted must be seen by nobody else. Who is not root becomes it in a namespace of users
// of its own, where one may mount; that works as long as this process has a single thread.
bool EnterMountNamespace() {
  if (geteuid() == 0) return unshare(CLONE_NEWNS) == 0;
  const std::string user = "0 " + std::to_string(geteuid()) + " 1";
  const std::string group = "0 " + std::to_string(getegid()) + " 1";
  return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && Write("/proc/self/uid_map", user) &&
         Write("/proc/self/setgroups", "deny") && Write("/proc/self/gid_map", group);
}

}  // namespace

SmallDisk::SmallDisk(uint64_t bytes) {
  const std::string size = "size=" + std::to_string(bytes);
  const bool done = EnterMountNamespace() &&
                    mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                    mount("tmpfs", path().c_str(), "tmpfs", 0, size.c_str()) == 0;
  if (!done) why_not_ = std::string("cannot mount a small disk: ") + std::strerror(errno);
}

SmallDisk::~SmallDisk() {
  // The processes of a failed test may still hold it; the mount goes with the last of them.
  if (mounted()) umount2(path().c_str(), MNT_DETACH);
}

void SmallDisk::Fill(uint64_t left_bytes) const {
  const int file = open(FillerPath(path()).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  TRIPLA_CHECK(file >= 0, "cannot make the filler file");
  int error = ENOSPC;
  while (error == ENOSPC) {  // somebody else has written since the look
    struct statvfs info;
    TRIPLA_CHECK(statvfs(path().c_str(), &info) == 0, "statvfs of a mounted directory");
    const uint64_t free_bytes = info.f_bavail * info.f_frsize;
    if (free_bytes <= left_bytes) break;
    error = posix_fallocate(file, 0, static_cast<off_t>(free_bytes - left_bytes));
  }
  TRIPLA_CHECK(error == 0 || error == ENOSPC, "cannot fill the disk");
  close(file);
}

void SmallDisk::Drain() const { std::filesystem::remove(FillerPath(path())); }

void SmallDisk::MakeReadOnly() const {
  TRIPLA_CHECK(mount(nullptr, path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0,
               "cannot remount read-only");
}

}  // namespace tripla
