// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/workload.h"
#include "state/state_machine.h"

namespace tripla {

// A state machine that was given kManyKeys keys, one batch of 64 after the other in no order of
// their keys, and what it takes to go on.
class FilledState {
 public:
  FilledState();

  void Apply(const Batch& batch) { machine_.Apply({.index = ++last_index_}, batch); }

  [[nodiscard]] const StateMachine& machine() const { return machine_; }

  // KeyOf() of each number below kManyKeys.
  [[nodiscard]] const std::vector<Key>& keys() const { return keys_; }

  // Bytes that the machine took from malloc, with malloc's own share, for each key.
  [[nodiscard]] double heap_bytes_per_key() const { return heap_bytes_per_key_; }

 private:
  StateMachine machine_;
  LogIndex last_index_ = 0;
  std::vector<Key> keys_;
  double heap_bytes_per_key_ = 0;
};

}  // namespace tripla
