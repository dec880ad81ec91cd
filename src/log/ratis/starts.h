// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "disk/data_directory.h"

namespace tripla {

// What to do about a replica whose directory is damaged. Not: restore an older copy. That has
// forgotten what the replica has acknowledged since.
inline constexpr char kRebuild[] =
    "empty the directory and rebuild it from the other servers: triplad init --rebuild "
    "(docs/operating.md)";

// One start of a replica's data directory: which one, counted from 0, `triplad init`, and a number
// that was drawn at random for it.
struct Start {
  uint64_t count = 0;
  uint64_t nonce = 0;

  friend bool operator==(const Start&, const Start&) = default;
};

// The starts of one directory, as its server says them: how many there were, and the nonces of the
// last ones, the newest first (nonces[i] is that of start count - i). Not empty.
struct Starts {
  static constexpr size_t kNoncesMax = 16;

  uint64_t count = 0;
  std::vector<uint64_t> nonces;

  [[nodiscard]] Start last() const { return {.count = count, .nonce = nonces.front()}; }
  // After one more start.
  [[nodiscard]] Starts Next(uint64_t nonce) const;

  friend bool operator==(const Starts&, const Starts&) = default;
};

// What a directory with these starts is to a server that knows `known` as its last one.
enum class StartOrder {
  kSame,
  kLater,     // it has been started again
  kOutdated,  // an older copy, or one of two copies: it lacks what the known start may have
              // promised
};
[[nodiscard]] StartOrder Compare(const Starts& said, const Start& known);

// What DIR/starts holds.
struct StartsRecord {
  Starts own;
  std::map<std::string, Start> others;  // the last known start of each other member
  bool said = false;                    // another server may have heard of own's last start
  uint64_t reached = 0;  // after an orderly stop, the last entry of the log; 0: not known
  std::string outdated;  // why this directory must not be started any more; mostly empty

  friend bool operator==(const StartsRecord&, const StartsRecord&) = default;
};

// Makes or replaces DIR/starts; durable on return. Errors: what the disk says; as ReadStarts(). One
// thread.
[[nodiscard]] absl::Status WriteStarts(const DataDirectory& directory, const StartsRecord& record);

// Errors: NotFound; DataLoss when it is damaged; Unimplemented when a newer tripla has written it.
[[nodiscard]] absl::StatusOr<StartsRecord> ReadStarts(const DataDirectory& directory);

// How a replica recognises a directory that went back in time, was copied or runs twice
// (docs/decisions/0022-identity.md): each server counts the starts of its directory, and remembers
// the last start of each other member.
//
//   DIR/starts   two slots of 4 KiB, written in turn and in place, so that a full disk keeps no
//                server from starting; the valid one with the highest N counts. Each is text:
//                "tripla starts, format 1", then a line each: "written N", "own COUNT NONCE…",
//                "member NODE COUNT NONCE" for each other one, perhaps "said", "reached INDEX" and
//                "outdated WHY", and "check" with the XXH3-64 of all before; then line ends
//
// Thread-safety: any thread. Lifetime: the directory outlives it.
class MemberStarts {
 public:
  // Counts a start of this directory; without DIR/starts it is the first. A start of which nobody
  // can have heard is not counted again, so that one who is alone does not use up what shows who he
  // is. Durable on return.
  //
  // Errors: FailedPrecondition when the directory is known to be outdated; as ReadStarts(); what
  // the disk says.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<MemberStarts>> Open(
      const DataDirectory& directory);

  [[nodiscard]] Starts own() const;
  // Nothing when this server has never heard of it.
  [[nodiscard]] std::optional<Start> Known(const std::string& node) const;
  [[nodiscard]] std::map<std::string, Start> others() const;

  // Another member says that these are the starts of its directory. If they are new here, they are
  // remembered durably on return.
  //
  // Errors: FailedPrecondition, with the reason, when the directory is outdated; others when it
  // could not be remembered.
  [[nodiscard]] absl::Status Note(const std::string& node, const Starts& said);

  // Before the own starts are said to another server for the first time. Durable on return.
  [[nodiscard]] absl::Status MarkSaid();

  // The server is about to stop in order, and its log ends with this entry. Durable on return.
  [[nodiscard]] absl::Status MarkReached(uint64_t index);

  // Another member says that this directory is outdated, and why: it cannot be started any more.
  // Durable on return. Errors: what the disk says.
  [[nodiscard]] absl::Status MarkOutdated(const std::string& why);

 private:
  MemberStarts(const DataDirectory& directory, StartsRecord record)
      : directory_(directory), record_(std::move(record)) {}

  absl::Status Write(StartsRecord record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const DataDirectory& directory_;
  mutable Mutex mutex_;
  StartsRecord record_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla
