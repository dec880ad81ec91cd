// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/status.h"

namespace tripla {

// Proves that this process can open `needed` more file descriptors at once. Libraries abort when
// they get none, so a program asks before it begins.
//
// Errors: ResourceExhausted, which says how many there are and how to get more.
[[nodiscard]] absl::Status CheckDescriptors(int needed);

}  // namespace tripla
