// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "disk/data_directory.h"
#include "log/ratis/membership.h"
#include "model/log_position.h"
#include "state/state_machine.h"
#include "state/state_summary.h"

namespace tripla {

// All that the data directory of a stopped server holds.
struct StoppedState {
  std::unique_ptr<StateMachine> machine;  // its image and every record of its log after that
  std::optional<Membership> membership;   // of a replica
  LogIndex of_image = 0;                  // the last record that came from the image
};

// Reads it without changing anything. Of a replica it takes every record of the log: also those of
// which this server did not learn that a majority had them.
//
// Errors: as a start of the server.
[[nodiscard]] absl::StatusOr<StoppedState> LoadStoppedState(const DataDirectory& directory);

// What a directory is, whether a server uses it, and how far it knows, for people, a line each.
[[nodiscard]] absl::StatusOr<std::string> InspectText(const DataDirectory& directory);

// What is said of a state with which a cluster begins: the same text for the same state.
[[nodiscard]] std::string OriginText(const StateSummary& summary);

// DataLoss when the directory of a replica that was never started does not hold the state with
// which its cluster is to begin: then `triplad init` was cut off.
[[nodiscard]] absl::Status CheckOrigin(const DataDirectory& directory,
                                       const Membership& membership);

// Writes the state as the image of an empty directory. Errors: what the disk says.
[[nodiscard]] absl::Status WriteFirstImage(const DataDirectory& directory,
                                           const StateMachine& machine);

}  // namespace tripla
