// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "check/trial.h"

namespace tripla::check {

// How long a client waits for an answer that may never come: several times as long as a write over
// a new connection takes now, and at least `least`. So a slow server is not taken for a silent one.
[[nodiscard]] std::chrono::milliseconds PatienceWith(Trial& trial, std::chrono::milliseconds least);

}  // namespace tripla::check
