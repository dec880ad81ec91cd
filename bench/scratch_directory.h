// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace tripla {

// A directory on the disk to be measured, below $TMPDIR or /var/tmp; removed with all it holds.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace tripla
