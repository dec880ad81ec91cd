// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <thread>

#include "tripla/client.h"

namespace tripla::cli {

// Keeps SIGINT for an InterruptWatch, in this thread and all that are started after it. To be
// called before any thread is.
void HoldInterrupts();

// Turns Ctrl-C into what it should do at that moment: it cancels the calls that run; when none does
// it ends the program with exit code 130, or is told to a shell.
//
// Thread-safety: none. Lifetime: `client` outlives it. One at a time in a process.
class InterruptWatch {
 public:
  enum class WhenIdle { kEndProgram, kTell };

  InterruptWatch(Client& client, WhenIdle when_idle);
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  // A file descriptor that becomes readable when an interrupt is told; reading 8 bytes clears it.
  [[nodiscard]] int told() const { return told_; }

 private:
  void Watch();
  void OnInterrupt();

  Client& client_;
  const WhenIdle when_idle_;
  int signals_;
  int told_;
  int stop_;
  std::thread thread_;
};

}  // namespace tripla::cli
