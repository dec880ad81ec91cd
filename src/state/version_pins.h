// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <utility>
#include <vector>

#include "state/version.h"

namespace tripla {

// Which versions are in use: a reader pins the newest one while it looks at it, a frozen view pins
// one for as long as it lives. What a pinned version reaches is not freed.
//
// Thread-safety: Acquire() and the release of a Pin from any thread, without waiting for the
// writer.
class VersionPins {
 public:
  VersionPins() = default;
  ~VersionPins();
  VersionPins(const VersionPins&) = delete;
  VersionPins& operator=(const VersionPins&) = delete;

  // Keeps one version from being freed until it is destroyed, on any thread.
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

  // Pins what `newest` points to. The writer publishes by storing there, with sequential
  // consistency.
  [[nodiscard]] Pin Acquire(const std::atomic<const Version*>& newest);

  // The versions pinned now, in no order, perhaps with repetitions, and perhaps with pointers to
  // versions long gone, which a reader is about to discard: compare, do not follow. Called by the
  // writer after it has published: a version not found then, and not the newest, is never pinned
  // again.
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
