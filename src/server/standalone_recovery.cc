// SPDX-License-Identifier: Apache-2.0
#include "server/standalone_recovery.h"

#include <optional>
#include <utility>

#include "base/random_number.h"
#include "base/status_macros.h"
#include "log/local/log_extent.h"
#include "log/local/log_replay.h"
#include "log/local/wal_format.h"
#include "snapshot/image_format.h"

namespace tripla {

absl::StatusOr<RecoveredStandalone> RecoverStandalone(const DataDirectory& directory,
                                                      LocalLog::Options options,
                                                      ImageStore& images) {
  TRIPLA_ASSIGN_OR_RETURN(const std::optional<Extent> extent, LogExtent::Read(directory));
  if (extent) images.SetOwner(image::OwnerOfLog(extent->log_id));
  TRIPLA_ASSIGN_OR_RETURN(const LogIndex first_log_index, FirstLogIndex(directory));
  TRIPLA_ASSIGN_OR_RETURN(RecoveredState recovered, images.Recover(first_log_index));
  options.new_log_id = images.owner() ? image::LogIdOf(*images.owner()) : RandomNumber();
  images.SetOwner(image::OwnerOfLog(options.new_log_id));
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
