// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "tests/harness/process.h"

namespace tripla {

// A file system of its own, of a few megabytes in memory, that can be filled and made read-only.
// Only the calling thread and the processes it starts see it.
//
//   SmallDisk disk(64 << 20);
//   ASSERT_TRUE(disk.mounted()) << disk.why_not();
//
// Thread-safety: one thread; the first one of a process that is not root before it has any other.
class SmallDisk {
 public:
  explicit SmallDisk(uint64_t bytes);
  ~SmallDisk();

  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  // False when this machine lets nobody mount who is not root, not even in a namespace of users.
  bool mounted() const { return why_not_.empty(); }
  const std::string& why_not() const { return why_not_; }
  const std::string& path() const { return directory_.path(); }

  // Takes all free space but `left_bytes`, until Drain().
  void Fill(uint64_t left_bytes) const;
  void Drain() const;

  void MakeReadOnly() const;

 private:
  TemporaryDirectory directory_;
  std::string why_not_;
};

}  // namespace tripla
