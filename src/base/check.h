// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla {

// Prints "file:line: check failed: expression: why" to standard error and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* expression, const char* why);

}  // namespace tripla

// Aborts the process when an invariant of the program is broken, in release builds too: to continue
// with wrong data could lose an acknowledged write. Never for bad input; that is a Status.
#define TRIPLA_CHECK(condition, why)                              \
  do {                                                            \
    if (!(condition)) [[unlikely]] {                              \
      ::tripla::CheckFailed(__FILE__, __LINE__, #condition, why); \
    }                                                             \
  } while (false)
