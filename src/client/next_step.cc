// SPDX-License-Identifier: Apache-2.0
#include "client/next_step.h"

#include <algorithm>

namespace tripla {
namespace {

// An attempt that begins later may end without an answer. Then nobody knows whether a write was
// applied, nor why the server has refused it until then.
constexpr std::chrono::milliseconds kLastAttempt{200};

}  // namespace

Step NextStep(const RetryState& state, const AttemptFailure& failed) {
  Step step;
  step.elsewhere = state.servers > 1 && failed.worth_asking_another;
  const bool applied = failed.failure.applied == Failure::Applied::kYes;
  if (applied || (!failed.worth_retrying && !step.elsewhere)) return step;
  step.wait = state.backoff;
  if (failed.failure.retry_after) {
    step.wait = std::max<std::chrono::microseconds>(step.wait, *failed.failure.retry_after);
  }
  // To wait past the deadline would only delay the failure.
  const bool is_refused = failed.failure.reason != Failure::Reason::kNone;
  step.again = step.wait + (is_refused ? kLastAttempt : kLastAttempt.zero()) < state.left;
  return step;
}

}  // namespace tripla
