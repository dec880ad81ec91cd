// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "check/key_state.h"
#include "check/trial.h"

namespace tripla::check {

// A client that chooses its request ids by hand, to say the same thing twice (R13). Its name is 16
// random bytes.
//
// Thread-safety: the const methods may be called from any thread.
class IdClient {
 public:
  explicit IdClient(Trial& trial);

  // Sends `operation` as number `sequence`. nullopt when it was not decided: the trial has failed.
  std::optional<Decided> Tell(const Operation& operation, uint64_t sequence,
                              uint64_t first_unanswered = 1) const;
  std::optional<Decided> TellBy(Caller& caller, const Operation& operation, uint64_t sequence,
                                uint64_t first_unanswered = 1) const;

  // Sends it again, and fails the trial unless it is told `first` again, as a replay.
  bool ExpectReplay(const Operation& operation, uint64_t sequence, const Decided& first) const;

  // The same as a request, not sent yet.
  [[nodiscard]] v1::Operation Request(const Operation& operation, uint64_t sequence,
                                      uint64_t first_unanswered = 1) const;

 private:
  Trial& trial_;
  const std::string name_;
};

// `first` as it is told again.
[[nodiscard]] Decided Replayed(Decided first);

}  // namespace tripla::check
