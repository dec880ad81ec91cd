// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tripla {

// What scripts/test says to tests that come in two sizes and to those that play with chance. Any
// thread.

// How far apart the cases are that an exhaustive test of one thread takes: each in the release
// build. Under a sanitizer a case costs twenty times as much, and each seventh shows what it looks
// for.
inline constexpr int kCaseStride = TRIPLA_SANITIZED ? 7 : 1;

// True under `scripts/test --long` (TRIPLA_LONG is set).
bool LongDose();

// The seed of this process: TRIPLA_SEED, or chance. Printed at the first call, so that a failure
// can be repeated.
uint64_t Seed();

}  // namespace tripla
