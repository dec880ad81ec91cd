// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla {

// Handles the signals of this process (docs/operating.md has the table): those that stop it, those
// that only print a message, and those that are ignored. Call it before any thread is started.
//
// Until StopInOrderFromNowOn() a signal to stop ends the process at once, with exit code 0: the
// next start can handle whatever an interrupted start leaves.
void TakeSignals();

// Call it before the first client is served.
void StopInOrderFromNowOn();

// Waits for a signal to stop. From then on a second SIGTERM or SIGINT ends the process at once
// (exit code 1). On a replica SIGQUIT is left to Java, which lists its threads.
void AwaitStopSignal(bool is_replica);

}  // namespace tripla
