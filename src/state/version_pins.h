// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <utility>
#include <vector>

#include "state/version.h"

namespace tripla {

// The versions in use: a reader pins the newest version while it reads, a frozen view pins one for
// its lifetime. Objects that a pinned version reaches are not freed.
//
// Thread-safety: Acquire() and the release of a Pin from any thread, without waiting for the
// writer.
class VersionPins {
 public:
  VersionPins() = default;
  ~VersionPins();
  VersionPins(const VersionPins&) = delete;
  VersionPins& operator=(const VersionPins&) = delete;

  // Keeps a version from being freed for the Pin's lifetime. May be destroyed on any thread.
  class Pin {
   public:
    Pin(Pin&& other) noexcept
        : slot_(std::exchange(other.slot_, nullptr)), version_(other.version_) {}
    Pin& operator=(Pin other) noexcept {
      std::swap(slot_, other.slot_);
      std::swap(version_, other.version_);
      return *this;
    }
    ~Pin() {
      if (slot_ != nullptr) slot_->store(nullptr, std::memory_order_release);
    }
    const Version& operator*() const { return *version_; }
    const Version* operator->() const { return version_; }

   private:
    friend class VersionPins;
    Pin(std::atomic<const Version*>* slot, const Version* version)
        : slot_(slot), version_(version) {}
    std::atomic<const Version*>* slot_;
    const Version* version_;
  };

  // Pins the version that `newest` points to. The writer publishes by storing there, with
  // sequential consistency.
  [[nodiscard]] Pin Acquire(const std::atomic<const Version*>& newest);

  // Collects the pinned versions, in any order, possibly repeated. There may be pointers to
  // versions that were freed, which a reader is about to discard: compare them only, do not
  // dereference. The writer calls this after it has published: a version that is not found then,
  // and is not the newest, is never pinned again.
  void Collect(std::vector<const Version*>& pinned) const;

 private:
  static constexpr size_t kSlots = 32;
  struct alignas(64) Slot {
    std::atomic<const Version*> version{nullptr};
  };
  struct Chunk {
    std::array<Slot, kSlots> slots;
    std::atomic<Chunk*> next{nullptr};
  };

  // Claims an idle slot and leaves `version` in it; adds a chunk when all are taken.
  std::atomic<const Version*>& Claim(const Version* version);

  Chunk first_;
};

}  // namespace tripla
