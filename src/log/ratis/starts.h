// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "disk/data_directory.h"

namespace tripla {

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
  std::string outdated;  // why this directory must not be started any more; mostly empty

  friend bool operator==(const StartsRecord&, const StartsRecord&) = default;
};

// Makes or replaces DIR/starts; durable on return once the directory is synced.
[[nodiscard]] absl::Status WriteStarts(const DataDirectory& directory, const StartsRecord& record);

// Errors: NotFound; DataLoss when it is damaged; Unimplemented when a newer tripla has written it.
[[nodiscard]] absl::StatusOr<StartsRecord> ReadStarts(const DataDirectory& directory);

// How a replica recognises a directory that went back in time, was copied or runs twice
// (docs/decisions/0022-identity.md): each server counts the starts of its directory, and remembers
// the last start of each other member.
//
//   DIR/starts   two slots of 4 KiB that are written in turn, in place, so that a full disk does
//   not
//                keep a server from starting. Each is text: "tripla starts, format 1", "written N",
//                "own COUNT NONCE…", a line "member NODE COUNT NONCE" for each other one, perhaps
//                "outdated WHY", and "check" with the XXH3-64 of all before; then line ends.
//                The valid slot with the highest N counts
//
// Thread-safety: any thread. Lifetime: the directory outlives it.
class MemberStarts {
 public:
  // Counts a start of this directory; without DIR/starts it is the first. It is durable on return.
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

  // Another member says that this directory is outdated. It cannot be started any more.
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
