// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla::check {

// From now on the first SIGINT or SIGTERM asks the run to stop, so that it removes its keys before
// it ends; a second one ends the process at once, with exit code 130.
void WatchForStop();

// Whether somebody asked. Thread-safe.
[[nodiscard]] bool StopAsked();

}  // namespace tripla::check
