// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

namespace tripla::load {

// Keys of 16 bytes, numbered from 0, in no order: as the two's complement of positive integers they
// are canonical (R10), and as bytes they are as good for any other database.
class Keys {
 public:
  // The same for every run with values of this size, so that a later run finds what is there.
  static Keys Lasting(uint64_t value_bytes);
  // Keys that were not used before.
  static Keys Fresh();

  // Writes key `number` into `key`.
  void Write(uint64_t number, std::string& key) const;

 private:
  explicit Keys(uint64_t range) : range_(range) {}
  uint64_t range_;
};

// Hands out the numbers from 0 to `count`, exclusive, each once. Thread-safe.
class Numbers {
 public:
  explicit Numbers(uint64_t count) : count_(count) {}
  std::optional<uint64_t> Take() {
    const uint64_t number = next_.fetch_add(1, std::memory_order_relaxed);
    if (number >= count_) return std::nullopt;
    return number;
  }

 private:
  const uint64_t count_;
  std::atomic<uint64_t> next_{0};
};

}  // namespace tripla::load
