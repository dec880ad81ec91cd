// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "disk/data_directory.h"
#include "model/log_position.h"
#include "state/state_summary.h"

namespace tripla::verify {

enum class FileCondition {
  kSound,
  kExpected,     // what a crash, or a server at work, leaves: a torn end, an unfinished file
  kNotLookedAt,  // Apache Ratis's
  kForeign,      // none of tripla's files, and ignored
  kUnreadable,   // the system does not let us read it, or a newer tripla has written it
  kDamaged,
};

// "sound", "torn or unfinished", "not looked at", "not tripla's", "unreadable", "damaged".
[[nodiscard]] std::string_view NameOf(FileCondition condition);

// What there is to say about one file of a data directory.
struct FileReport {
  std::string name;  // inside the directory: "log/00000000000000000001.wal"
  uint64_t bytes = 0;
  std::string holds;  // for people: "records 1 to 812"
  FileCondition condition = FileCondition::kSound;
  std::string remark;  // what, where and why, when it is not simply sound
};

// The state that a start would serve; of a replica, the one it would begin with: what follows is in
// the log of Apache Ratis.
struct Start {
  StateSummary state;
  LogIndex image = 0;  // it begins with the image of this record; 0: with the empty state
  bool of_replica = false;
};

struct Report {
  std::vector<FileReport> files;
  absl::StatusOr<Start> start;  // or why a start would refuse the directory
};

// Proves every file of a data directory, each by itself and all together, and goes on behind
// damage. What a start would give is found out with the code of a start. Besides, each image is
// compared with the state that the log gives at its place, as far as the log reaches back.
//
// Changes nothing. The directory may be a copy of one in use. Memory: one state and one segment.
[[nodiscard]] Report CheckDirectory(const DataDirectory& directory);

}  // namespace tripla::verify
