// SPDX-License-Identifier: Apache-2.0
#include "base/thread_name.h"

#include <pthread.h>

namespace tripla {

void NameThread(const char* name) { (void)pthread_setname_np(pthread_self(), name); }

}  // namespace tripla
