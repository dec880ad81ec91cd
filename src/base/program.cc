// SPDX-License-Identifier: Apache-2.0
#include "base/program.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <system_error>

namespace tripla {
namespace {

constexpr char kNoMemory[] =
    "no memory is left; give it more (see ulimit -v and the machine's free memory)";

// Global, because signal and terminate handlers need it.
const char* program_name = "tripla";
int failure_code = 1;

// Uses no memory and no lock: it also runs when memory is used up or a lock is held.
void Write(const char* text) {
  const char* const parts[] = {program_name, ": ", text, "\n"};
  for (const char* part : parts) {
    if (write(STDERR_FILENO, part, std::strlen(part)) < 0) return;
  }
}

// Says `why`, and ends. What is missing is missing to all threads: the first one says it.
[[noreturn]] void EndFor(const char* why) {
  static std::atomic_flag said;
  while (said.test_and_set()) pause();
  Write(why);
  std::_Exit(failure_code);
}

[[noreturn]] void EndWithoutMemory() { EndFor(kNoMemory); }

[[noreturn]] void EndWithoutThread() {
  EndFor("no thread can be started; allow more threads or memory (see ulimit -u and ulimit -v)");
}

// Each open() returns the lowest free number, which is that of the closed stream. The modes make a
// read of 0 and a write to 1 or 2 fail: /dev/null must not look like an empty input or a successful
// output.
void OccupyClosedStreams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    if (open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY) == stream) continue;
    Write("a standard stream is closed and /dev/null cannot be opened in its place; give it one");
    std::_Exit(failure_code);
  }
}

#ifndef TRIPLA_SANITIZED  // the sanitizers' functions cannot be called so early
// Before the libraries are initialised, because gRPC opens a descriptor then.
[[gnu::section(".preinit_array"), gnu::used]] void (*const occupy_at_once)() = &OccupyClosedStreams;
#endif

// For uncaught exceptions of any thread. A failed `new` does not get here: the new handler ends the
// process first, because gRPC would catch the exception and continue in an undefined state.
[[noreturn]] void EndForUncaught() {
  try {
    if (const std::exception_ptr thrown = std::current_exception()) std::rethrow_exception(thrown);
  } catch (const std::system_error& error) {
    // std::thread throws this when it cannot start.
    if (error.code() == std::errc::resource_unavailable_try_again) EndWithoutThread();
    Write(error.what());
  } catch (const std::exception& error) {
    Write(error.what());
  } catch (...) {
    Write("ended by an exception of unknown kind");
  }
  std::abort();
}

// C libraries abort without a message when they get no memory. An attempt to map memory tells
// whether that was the reason; any other abort is a bug and leaves a core dump.
void OnAbort(int signal) {
  constexpr size_t kAskedBytes = size_t{32} << 20;
  void* const memory =
      mmap(nullptr, kAskedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED && errno == ENOMEM) EndWithoutMemory();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// gRPC aborts for any other value.
void CheckPollStrategy() {
  const char* value = std::getenv("GRPC_POLL_STRATEGY");
  if (value == nullptr) return;
  for (const char* known : {"", "all", "epoll1", "poll"}) {
    if (std::strcmp(value, known) == 0) return;
  }
  EndFor("GRPC_POLL_STRATEGY is set to something that gRPC does not know; unset it, or use epoll1");
}

bool OutputArrived() {
  const bool by_stream = std::cout.flush().good();
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && by_stream;
}

}  // namespace

int RunProgram(const char* name, int failure, const std::function<int()>& work) {
  program_name = name;
  failure_code = failure;
  OccupyClosedStreams();
  std::signal(SIGXFSZ, SIG_IGN);
  std::set_new_handler(&EndWithoutMemory);
  std::set_terminate(&EndForUncaught);
  std::signal(SIGABRT, &OnAbort);
  CheckPollStrategy();
  const int exit_code = work();
  if (OutputArrived()) return exit_code;
  Write(
      "standard output cannot be written, and what was to be printed is lost; what was done stays "
      "done");
  return failure;
}

}  // namespace tripla

#ifndef TRIPLA_SANITIZED  // whose own stands here
// In place of the C library's, for all libraries of this process. gRPC looks at no refusal: without
// its threads no deadline ever passes, and its calls wait for ever.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) noexcept {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  const int error = create(thread, attributes, start, argument);
  if (error == EAGAIN) tripla::EndWithoutThread();
  return error;
}
#endif
