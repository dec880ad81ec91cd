// SPDX-License-Identifier: Apache-2.0
#include "bench/process_memory.h"

#include <fmt/core.h>
#include <malloc.h>

#include <fstream>
#include <string>

#include "base/check.h"

namespace tripla {

size_t HeapBytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

ResidentMemory ResidentMemoryOf(pid_t process) {
  std::ifstream status(fmt::format("/proc/{}/status", process));
  ResidentMemory memory;
  std::string name;
  size_t kibibytes = 0;
  std::string rest;
  while (status >> name) {
    if (name == "VmHWM:" && status >> kibibytes) memory.peak_bytes = kibibytes << 10;
    if (name == "VmRSS:" && status >> kibibytes) memory.bytes = kibibytes << 10;
    std::getline(status, rest);
  }
  TRIPLA_CHECK(memory.bytes != 0, "a running process has memory");
  return memory;
}

void ResetPeak() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << 5;  // proc(5): resets VmHWM
}

}  // namespace tripla
