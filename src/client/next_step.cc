// SPDX-License-Identifier: Apache-2.0
#include "client/next_step.h"

#include <algorithm>

namespace tripla {

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
  step.again = step.wait < state.left;
  return step;
}

}  // namespace tripla
