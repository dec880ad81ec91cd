// SPDX-License-Identifier: Apache-2.0
#include "base/descriptors.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <vector>

namespace tripla {

absl::Status CheckDescriptors(int needed) {
  std::vector<int> opened;
  // The limit alone does not tell how many are open, nor which of them lie above it.
  while (opened.size() < static_cast<size_t>(needed)) {
    const int one = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    if (one < 0) break;
    opened.push_back(one);
  }
  for (const int one : opened) close(one);
  if (opened.size() == static_cast<size_t>(needed)) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      fmt::format("too few file descriptors: {} can be opened, and {} are needed; raise the limit "
                  "(ulimit -n) or let fewer be inherited",
                  opened.size(), needed));
}

}  // namespace tripla
