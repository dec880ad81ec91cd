// SPDX-License-Identifier: Apache-2.0
#include "bench/scratch_directory.h"

#include <cstdlib>
#include <filesystem>

#include "base/check.h"

namespace tripla {

ScratchDirectory::ScratchDirectory() {
  const char* parent = std::getenv("TMPDIR");
  // Not /tmp, which may be memory.
  path_ = std::string(parent != nullptr ? parent : "/var/tmp") + "/tripla-bench-XXXXXX";
  TRIPLA_CHECK(mkdtemp(path_.data()) != nullptr, "a directory to measure in");
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace tripla
