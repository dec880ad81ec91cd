// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef __SANITIZE_THREAD__
extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}
#endif

namespace tripla {

// Tell the thread sanitizer what it does not see: Debian builds gRPC without it, so it misses that
// a thread which is handed an object by gRPC runs after the one that handed it over. Without the
// sanitizer they do nothing.

// Before `object` is handed over.
inline void ThreadSanitizerRelease([[maybe_unused]] void* object) {
#ifdef __SANITIZE_THREAD__
  __tsan_release(object);
#endif
}

// Once it has been handed over to this thread.
inline void ThreadSanitizerAcquire([[maybe_unused]] void* object) {
#ifdef __SANITIZE_THREAD__
  __tsan_acquire(object);
#endif
}

}  // namespace tripla
