// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace tripla {

// Lets the syncs of a server and its looks into directories through, or holds them up. One thread.
class Gate {
 public:
  explicit Gate(const std::string& path)
      : path_(path), file_(open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600)) {}
  ~Gate() { close(file_); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  void Close() const { ASSERT_EQ(flock(file_, LOCK_EX), 0); }
  void Open() const { ASSERT_EQ(flock(file_, LOCK_UN), 0); }
  // Of a server whose disk it is for. `bad_disk` is the library that tests/faults/bad_disk.cc
  // makes.
  [[nodiscard]] std::vector<std::string> environment(const std::string& bad_disk) const {
    return {"LD_PRELOAD=" + bad_disk, "BAD_DISK=hold@" + path_};
  }

 private:
  const std::string path_;
  const int file_;
};

}  // namespace tripla
