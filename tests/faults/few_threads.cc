// SPDX-License-Identifier: Apache-2.0
// A library to preload into a real program: only the first FEW_THREADS threads can be started, as
// if a limit of the system were reached (ulimit -u does not bind root, so no test can rely on it).
#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) noexcept {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  static const char* const most = std::getenv("FEW_THREADS");
  static std::atomic<int> started{0};
  if (most != nullptr && ++started > std::atoi(most)) return EAGAIN;
  return create(thread, attributes, start, argument);
}
