// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>

#include "base/diagnostics.h"
#include "log/local/fsync_policy.h"
#include "model/level.h"
#include "model/limits.h"
#include "server/exit_code.h"

namespace tripla {

// The options of a server. Each member is a flag of the same name, an environment variable
// TRIPLA_... and a key of the configuration file; server/options.cc describes them.
struct Options {
  std::string data_dir;
  std::string node;         // the replica that data_dir must belong to; empty: any
  std::string listen;       // empty: 127.0.0.1:7420, or the replica's address in the cluster
  std::string raft_listen;  // for a replica's peers; empty: its address in the cluster
  std::chrono::milliseconds snapshot_interval{30'000};                // 0: no periodic images
  std::chrono::milliseconds scrub_interval = std::chrono::hours(24);  // 0: none
  FsyncPolicy fsync;
  bool log = true;
  uint64_t data_bytes_max = limits::kDefaultDataBytesMax;
  std::optional<uint64_t> disk_reserve_bytes;           // nullopt: the default of DiskReserve
  Level level_max = std::numeric_limits<Level>::max();  // higher ones are held back (R28)
  bool reflection = true;
  bool read_lease = true;                           // of a replica
  std::chrono::milliseconds max_connection_age{0};  // 0: no limit
  std::chrono::milliseconds max_connection_age_grace{30'000};
  Severity verbosity = Severity::kInfo;
};

// The options of `triplad init`, which prepares a directory, once (spec 7).
struct InitOptions {
  // How many revisions are skipped: lost servers may have given out some that the source never saw.
  static constexpr uint64_t kRevisionBump = uint64_t{1} << 32;

  std::string data_dir;
  std::string node;  // empty: a server that stands alone
  std::string cluster;
  bool rebuild = false;    // replaces a lost replica, from the others
  std::string from;        // begins with what this directory of a stopped server holds; or empty
  std::string from_image;  // begins with what this image holds; or empty
  uint64_t revision_bump = kRevisionBump;
};

// The options of `triplad inspect`, which prints what a directory is.
struct InspectOptions {
  std::string data_dir;
};

// Reads flags, environment and configuration file, in this order of precedence. Prints help,
// version or a one-line error itself; the exit code is how the process should end then.
[[nodiscard]] std::variant<Options, InitOptions, InspectOptions, ExitCode> ParseOptions(
    int argc, char** argv);

}  // namespace tripla
