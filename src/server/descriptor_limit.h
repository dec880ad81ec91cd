// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tripla {

// The descriptors that a server needs before its first client. Measured: 11, without an image being
// written.
inline constexpr int kDescriptorsLeast = 24;

// The limit of open descriptors of this process. Each connection takes one.
struct DescriptorLimit {
  uint64_t most = 0;
  uint64_t raised_from = 0;  // equal to `most` when it was not raised
};

// Raises the soft limit to the hard one. A shell's soft limit is for programs that use select(),
// often 1024; a server needs more.
DescriptorLimit RaiseDescriptorLimit();

// Prints the limit, as a warning if it is small.
void Say(const DescriptorLimit& limit);

}  // namespace tripla
