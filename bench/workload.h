// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "model/command.h"
#include "tripla/key.h"

namespace tripla {

// What all benchmarks and design.md's budgets speak of.
inline constexpr uint64_t kManyKeys = 1'000'000;
inline constexpr size_t kDataBytes = 128;

// The `number`th of a fixed sequence of different keys: 16 bytes each, in no order.
[[nodiscard]] Key KeyOf(uint64_t number);

// A set of KeyOf(number), with kDataBytes.
[[nodiscard]] Command SetOf(uint64_t number);

// Sets of the keys from `first` on.
[[nodiscard]] Batch SetsOf(uint64_t first, size_t count);

}  // namespace tripla
