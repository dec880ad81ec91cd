// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

namespace tripla::check {

// Calls `race(0)` to `race(count - 1)` at once, each on a thread of its own, and waits for all.
void AtOnce(int count, const std::function<void(int)>& race);

}  // namespace tripla::check
