// SPDX-License-Identifier: Apache-2.0
#include "bench/filled_state.h"

#include "bench/process_memory.h"

namespace tripla {

FilledState::FilledState() {
  constexpr size_t kBatch = 64;
  static_assert(kManyKeys % kBatch == 0);
  const size_t before = HeapBytes();
  for (uint64_t number = 0; number < kManyKeys; number += kBatch) Apply(SetsOf(number, kBatch));
  heap_bytes_per_key_ = static_cast<double>(HeapBytes() - before) / kManyKeys;
  for (uint64_t number = 0; number < kManyKeys; ++number) keys_.push_back(KeyOf(number));
}

}  // namespace tripla
