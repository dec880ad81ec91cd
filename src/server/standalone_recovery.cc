// SPDX-License-Identifier: Apache-2.0
#include "server/standalone_recovery.h"

#include <utility>

#include "base/status_macros.h"
#include "log/local/log_replay.h"

namespace tripla {

absl::StatusOr<RecoveredStandalone> RecoverStandalone(const DataDirectory& directory,
                                                      const LocalLog::Options& options,
                                                      ImageStore& images) {
  TRIPLA_ASSIGN_OR_RETURN(const LogIndex first_log_index, FirstLogIndex(directory));
  TRIPLA_ASSIGN_OR_RETURN(RecoveredState recovered, images.Recover(first_log_index));
  StateMachine& machine = *recovered.machine;
  const LogPosition of_image = machine.GetSummary().position;
  TRIPLA_ASSIGN_OR_RETURN(std::unique_ptr<LocalLog> log,
                          LocalLog::Open(directory, options, of_image,
                                         [&machine](LogPosition position, const Batch& batch) {
                                           return machine.Apply(position, batch);
                                         }));
  TRIPLA_RETURN_IF_ERROR(recovered.CheckLogReached(machine.GetSummary().position.index));
  return RecoveredStandalone{
      .machine = std::move(recovered.machine), .log = std::move(log), .of_image = of_image.index};
}

}  // namespace tripla
