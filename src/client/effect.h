// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tripla/operation.h"

namespace tripla {

// Whether a call can change anything.
enum class Effect { kReads, kWrites };

[[nodiscard]] Effect EffectOf(const Operation& operation);

// kWrites if any of them writes.
[[nodiscard]] Effect EffectOf(const std::vector<Operation>& operations);

}  // namespace tripla
