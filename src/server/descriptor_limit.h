// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tripla {

// What a server needs before its first client: 11 were measured, without an image being written.
inline constexpr int kDescriptorsLeast = 24;

// How many descriptors this process may have open. Each connection takes one.
struct DescriptorLimit {
  uint64_t most = 0;
  uint64_t raised_from = 0;  // equal to `most` when it was not raised
};

// Raises the soft limit to the hard one. A shell's soft limit is for programs that use select(),
// often 1024; a server needs more.
DescriptorLimit RaiseDescriptorLimit();

// Tells operators the limit, and warns of a small one.
void Say(const DescriptorLimit& limit);

}  // namespace tripla
