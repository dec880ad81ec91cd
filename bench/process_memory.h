// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace tripla {

// Bytes this process has from malloc, malloc's own share included.
[[nodiscard]] size_t HeapBytes();

// Memory of a process that lies in RAM, now and at most since its start or ResetPeak().
struct ResidentMemory {
  size_t bytes = 0;
  size_t peak_bytes = 0;
};
[[nodiscard]] ResidentMemory ResidentMemoryOf(pid_t process);

// Gives freed memory back to the system, and lets this process's peak begin at what is left.
void ResetPeak();

}  // namespace tripla
