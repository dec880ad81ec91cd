// SPDX-License-Identifier: Apache-2.0
#include "cli/waiting_note.h"

#include <chrono>
#include <utility>

namespace tripla::cli {

WaitingNote::WaitingNote(Console& console, std::string text)
    : console_(console), text_(std::move(text)), thread_([this] { Wait(); }) {}

WaitingNote::~WaitingNote() {
  {
    const MutexLock lock(mutex_);
    ended_ = true;
  }
  ended_now_.NotifyOne();
  thread_.join();
}

void WaitingNote::Wait() {
  const auto due = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  const MutexLock lock(mutex_);
  while (!ended_ && std::chrono::steady_clock::now() < due) ended_now_.WaitUntil(mutex_, due);
  if (!ended_) console_.Say(text_);
}

}  // namespace tripla::cli
