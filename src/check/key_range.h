// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "tripla/key.h"

namespace tripla::check {

// The keys of one run: integers that no other client uses, because they begin with 96 random bits.
// It records every key that it gave, so that all can be removed.
//
// The bits do not come from the run's seed: two runs with one seed must not share keys.
//
// Thread-safety: all methods may be called from any thread.
class KeyRange {
 public:
  KeyRange();

  // A key of 20 bytes, positive, never given before.
  Key Next();

  // A relative of a key of Next(): `bytes` must contain that key's bytes, or their complement, so
  // that it is as much alone as that one.
  Key Use(std::string_view bytes);

  // Every key given so far from the number `first` on, in the order they were given.
  [[nodiscard]] std::vector<Key> Used(size_t first = 0) const;
  [[nodiscard]] size_t count() const;

  // "0x4a12…0000 to 0x4a12…03e7": the keys of Next(), for who must look for them. The relatives are
  // around them, or negative.
  [[nodiscard]] std::string ToText() const;

 private:
  [[nodiscard]] std::string Bytes(uint64_t number) const;

  std::string prefix_;
  mutable Mutex mutex_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Key> used_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla::check
