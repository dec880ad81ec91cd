// SPDX-License-Identifier: Apache-2.0
#include "server/descriptor_limit.h"

#include <fmt/core.h>
#include <sys/resource.h>

#include <string>

#include "base/diagnostics.h"

namespace tripla {
namespace {

// With fewer, a few thousand clients leave no room for others.
constexpr uint64_t kSmall = 4096;

}  // namespace

DescriptorLimit RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  DescriptorLimit descriptors{.most = limit.rlim_cur, .raised_from = limit.rlim_cur};
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) descriptors.most = limit.rlim_max;
  return descriptors;
}

void Say(const DescriptorLimit& limit) {
  std::string text = fmt::format("descriptors: {} at most", limit.most);
  if (limit.raised_from != limit.most) text += fmt::format(" (raised from {})", limit.raised_from);
  if (limit.most >= kSmall) return Say(Severity::kInfo, text);
  Say(Severity::kWarning,
      fmt::format("{}; each connection takes one, and once they are used up further clients are "
                  "refused until others go. Raise the hard limit (ulimit -Hn, or LimitNOFILE= of "
                  "systemd)",
                  text));
}

}  // namespace tripla
