// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tripla {

// A number from the system's random source, for identities that must not come twice. Any thread.
[[nodiscard]] uint64_t RandomNumber();

}  // namespace tripla
