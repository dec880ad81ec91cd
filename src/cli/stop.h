// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla::cli {

// For programs that run for a time: from now on the first SIGINT or SIGTERM asks the run to stop,
// so that it cleans up and reports; a second one ends the process at once, with exit code 130.
void WatchForStop();

// Whether somebody asked. Thread-safe.
[[nodiscard]] bool StopAsked();

}  // namespace tripla::cli
