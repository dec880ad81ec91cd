// SPDX-License-Identifier: Apache-2.0
#include "state/version_pins.h"

#include <functional>
#include <thread>

namespace tripla {
namespace {

// The slot at which this thread begins its search, different for each thread so that they do not
// share cache lines.
size_t FirstSlot() {
  static thread_local const size_t first = std::hash<std::thread::id>()(std::this_thread::get_id());
  return first;
}

}  // namespace

VersionPins::~VersionPins() {
  Chunk* chunk = first_.next.load(std::memory_order_acquire);
  while (chunk != nullptr) {
    Chunk* next = chunk->next.load(std::memory_order_acquire);
    delete chunk;
    chunk = next;
  }
}

VersionPins::Pin VersionPins::Acquire(const std::atomic<const Version*>& newest) {
  const Version* version = newest.load(std::memory_order_seq_cst);
  std::atomic<const Version*>& slot = Claim(version);
  while (true) {
    // Store, then load again: either the writer, which publishes before it collects, sees this pin,
    // or this thread sees the newer version. The pointer is not dereferenced before that.
    slot.store(version, std::memory_order_seq_cst);
    const Version* now = newest.load(std::memory_order_seq_cst);
    if (now == version) return Pin(&slot, version);
    version = now;
  }
}

std::atomic<const Version*>& VersionPins::Claim(const Version* version) {
  const size_t first = FirstSlot();
  for (Chunk* chunk = &first_;;) {
    for (size_t i = 0; i < kSlots; ++i) {
      std::atomic<const Version*>& slot = chunk->slots[(first + i) % kSlots].version;
      const Version* idle = nullptr;
      if (slot.load(std::memory_order_relaxed) == nullptr &&
          slot.compare_exchange_strong(idle, version, std::memory_order_seq_cst)) {
        return slot;
      }
    }
    Chunk* next = chunk->next.load(std::memory_order_acquire);
    if (next == nullptr) {
      auto* added = new Chunk();
      if (chunk->next.compare_exchange_strong(next, added, std::memory_order_acq_rel)) {
        next = added;
      } else {
        delete added;
      }
    }
    chunk = next;
  }
}

void VersionPins::Collect(std::vector<const Version*>& pinned) const {
  for (const Chunk* chunk = &first_; chunk != nullptr;
       chunk = chunk->next.load(std::memory_order_acquire)) {
    for (const Slot& slot : chunk->slots) {
      const Version* version = slot.version.load(std::memory_order_seq_cst);
      if (version != nullptr) pinned.push_back(version);
    }
  }
}

}  // namespace tripla
