// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "check/trial.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla::check {

// Fails the trial unless a call was refused with `code` and, when it could write, with the detail
// that says that it surely had no effect (R12), and of RESOURCE_EXHAUSTED that it is too large.
bool ExpectRefused(Trial& trial, std::string_view what, const grpc::Status& status,
                   const AttemptFailure& error, grpc::StatusCode code, Effect effect);

template <typename Message>
bool ExpectRefused(Trial& trial, std::string_view what, const Told<Message>& told,
                   grpc::StatusCode code, Effect effect = Effect::kWrites) {
  return ExpectRefused(trial, what, told.status, told.error, code, effect);
}

// The same for a batch with `malformed` among good operations: the batch is not decided, so that
// nothing of it may have happened when the refusal says so.
void ExpectBatchRefused(Trial& trial, std::string_view what, const v1::Operation& malformed,
                        grpc::StatusCode code);

// The same for `malformed` in every way it can be sent: alone, with a request id, in a batch.
void ExpectRefusedInEveryWay(Trial& trial, std::string_view what, const v1::Operation& malformed,
                             grpc::StatusCode code);

}  // namespace tripla::check
