// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "model/entry.h"
#include "tripla/triple.h"

namespace tripla {

// Why the state machine did not decide a command although it reached it. The same on every replica;
// nothing has changed. On the wire these are gRPC errors.
enum class Refusal : uint8_t {
  kNone = 0,
  kVersionExhausted = 1,  // R8b: testAndSet of an entry at version INT64_MAX
  // R13: the id was used for a request with another body. If that one was decided, the Outcome is
  // its answer besides, with `replayed` set.
  kRequestIdReused = 2,
  kAnswerForgotten = 3,  // R13: the id was decided or given up before; its answer is not kept
  kClientForgotten = 4,  // R13a: it was sent before, and its client was forgotten since, perhaps
};

// What became of one Command: the answer of the data model, the same on every replica.
struct Outcome {
  Refusal refusal = Refusal::kNone;
  Result result = Result::kSuccess;  // meaningless when refused
  EntryRef entry;                    // v': the stored or removed triple, or none
  // Of the last change to the entry the outcome reports: of this write when it succeeded, else of
  // the stored entry; for an absent key the revision of the database that the command saw.
  uint64_t revision = 0;
  bool replayed = false;  // an answer remembered from the first time this request id came
};

}  // namespace tripla
