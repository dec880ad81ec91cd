// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "model/entry.h"
#include "tripla/triple.h"

namespace tripla {

// Why the state machine refused a command. The same on every replica; nothing has changed. On the
// wire these are gRPC errors.
enum class Refusal : uint8_t {
  kNone = 0,
  kVersionExhausted = 1,  // R8b: testAndSet of an entry at version INT64_MAX
  // R13: the id was used for a different request. If that request was decided, the Outcome also
  // holds its answer, with `replayed` set.
  kRequestIdReused = 2,
  kAnswerForgotten = 3,  // R13: the id was decided or given up before; its answer is not kept
  kClientForgotten = 4,  // R13a: it was sent before, and its client may have been forgotten since
};

// The result of one Command, the same on every replica.
struct Outcome {
  Refusal refusal = Refusal::kNone;
  Result result = Result::kSuccess;  // meaningless when refused
  EntryRef entry;                    // v': the stored or removed triple, or none
  // The revision of the last change to the entry: of this write when it succeeded, else of the
  // stored entry; for an absent key the revision of the database that the command saw.
  uint64_t revision = 0;
  bool replayed = false;  // this is the remembered answer to the first request with this id
};

}  // namespace tripla
