// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "disk/data_directory.h"
#include "log/local/local_log.h"
#include "snapshot/image_store.h"
#include "state/state_machine.h"

namespace tripla {

// A standalone server after its recovery: everything acknowledged is applied.
struct RecoveredStandalone {
  std::unique_ptr<StateMachine> machine;
  std::unique_ptr<LocalLog> log;  // applies to the machine, which outlives it
  LogIndex of_image = 0;          // the last record that came from the image; the log had the rest
};

// Loads the newest image and opens the log, which applies the records after the image. All
// arguments but `options` outlive the result. Images and log have the same id, which is in the
// extent, or else in the newest image; a new database gets a random one.
//
// Errors: those of ImageStore::Recover(), RecoveredState::CheckLogReached() and LocalLog::Open().
[[nodiscard]] absl::StatusOr<RecoveredStandalone> RecoverStandalone(const DataDirectory& directory,
                                                                    LocalLog::Options options,
                                                                    ImageStore& images);

}  // namespace tripla
