// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "check/caller.h"
#include "check/key_state.h"
#include "check/trial.h"

namespace tripla::check {

// How an operation is sent; the contract asks for the same answer each way.
enum class Way {
  kPlain,   // as a call of its own, without a request id
  kWithId,  // the same with one
  kBatch,   // as the only operation of a batch
};

// A client that alone uses its keys and sends one call after the other, so that it knows what each
// reply must be: result, triple, revision and `replayed`. What differs fails the trial.
//
// Thread-safety: none; a thread has its own.
class SoleClient {
 public:
  // Both outlive it.
  SoleClient(Trial& trial, Caller& caller, Way way = Way::kWithId)
      : trial_(trial), caller_(caller), way_(way) {}

  // Sends, and checks the reply. nullopt when it was not decided, or was wrong.
  std::optional<Decided> Do(const Operation& operation);

  // The same for a request that says `operation` in bytes of the caller's choice.
  std::optional<Decided> Do(const Operation& operation, v1::Operation request);

  // The same, and besides the answer must be this one, written out by hand.
  std::optional<Decided> Expect(const Operation& operation, Result result,
                                const std::optional<Triple>& value);
  std::optional<Decided> Expect(const Operation& operation, v1::Operation request, Result result,
                                const std::optional<Triple>& value);

  // All in one call. Returns the replies; empty when the batch was not decided, or was wrong.
  std::vector<Decided> Batch(std::span<const Operation> operations);

  [[nodiscard]] const Limits& limits() const { return trial_.limits(); }

  // What the key holds, by all that was answered. An entry is absent at first.
  KeyState& state(const Key& key) { return states_[key]; }
  // The same, and the client knows nothing of the key any more.
  KeyState Take(const Key& key);

 private:
  ToldReply Send(const v1::Operation& request);
  std::optional<Decided> Judge(const Operation& operation, const ToldReply& told,
                               const RevisionWatch::Asked& asked);
  bool JudgeReply(const Operation& operation, const Decided& reply, int attempts);
  // Executed in their order: a later operation of a batch knows no less than an earlier one.
  bool JudgeOrder(std::span<const Operation> operations, const std::vector<Decided>& replies);

  Trial& trial_;
  Caller& caller_;
  const Way way_;
  std::map<Key, KeyState> states_;
};

}  // namespace tripla::check
