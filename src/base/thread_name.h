// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla {

// Names the calling thread, so that `top -H` and a debugger show what it is for; 15 characters are
// kept (pthread_setname_np(3)). ARCHITECTURE.md lists the threads.
void NameThread(const char* name);

}  // namespace tripla
