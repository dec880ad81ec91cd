// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla::cli {

// For programs that run for a time: from now on the first SIGINT, SIGTERM or SIGHUP asks the run to
// stop, so that it cleans up and reports; a second one ends the process at once, with exit code
// 130. A SIGHUP that was ignored before, as nohup does, stays ignored. Call it once.
void WatchForStop();

// Whether somebody asked. Thread-safe.
[[nodiscard]] bool StopAsked();

// A descriptor for poll() that becomes readable when somebody asks, and stays so; poll() passes
// over it (-1) before WatchForStop().
[[nodiscard]] int StopEvent();

}  // namespace tripla::cli
