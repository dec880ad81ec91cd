// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/diagnostics.h"
#include "log/local/fsync_policy.h"
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
  std::chrono::milliseconds snapshot_interval{30'000};  // 0: no periodic images
  FsyncPolicy fsync;
  bool log = true;
  uint64_t data_bytes_max = limits::kDefaultDataBytesMax;
  std::optional<uint64_t> disk_reserve_bytes;  // nullopt: the default of DiskReserve
  bool reflection = true;
  std::chrono::milliseconds max_connection_age{0};  // 0: no limit
  std::chrono::milliseconds max_connection_age_grace{30'000};
  Severity verbosity = Severity::kInfo;
};

// The options of `triplad init`, which prepares a directory for a replica, once (spec 7).
struct InitOptions {
  std::string data_dir;
  std::string node;
  std::string cluster;
  bool rebuild = false;  // replaces a lost replica, from the others
};

// Reads flags, environment and configuration file, in this order of precedence. Prints help,
// version or a one-line error itself; the exit code is how the process should end then.
[[nodiscard]] std::variant<Options, InitOptions, ExitCode> ParseOptions(int argc, char** argv);

}  // namespace tripla
