// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla {

// Makes SIGTERM and SIGINT wait for AwaitStopSignal() in this thread and in all that start after
// it. To be called before any thread is started. SIGPIPE is ignored from here on.
void HoldStopSignals();

// Waits for SIGTERM or SIGINT. From then on a second one ends the process at once (exit code 1).
void AwaitStopSignal();

}  // namespace tripla
