// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "disk/disk.h"

namespace tripla {

// A disk in memory that knows what a power cut leaves of it, and fails when it is told to: for
// tests.
//
//   FaultyDisk disk;
//   disk.CutPowerAt(disk.steps() + 3);  // the third change from now
//   ...                                 // which fails, and so does all that follows
//   disk.Restart(FaultyDisk::Unsynced::kLost);
//
// A step is a call that changes something or makes it durable. What survives a power cut: content
// that was synced, names of which the directory was synced, in full; of the rest nothing, or what
// chance leaves: any sectors of 512 bytes of a file, and the changes of a directory's names up to
// any one of them, in their order, as a journal keeps them.
//
// Thread-safety: all calls from any thread; a File as Disk says.
class FaultyDisk : public Disk {
 public:
  enum class Unsynced {
    kLost,      // all of it
    kByChance,  // another part of it with every Restart()
    kKept,      // none: only the process has ended
  };

  FaultyDisk() : FaultyDisk(/*seed=*/1) {}
  explicit FaultyDisk(uint64_t seed);
  ~FaultyDisk() override;

  // Steps so far.
  [[nodiscard]] uint64_t steps() const;
  // The step of this number, counted from 1, is done by half when it writes content and not at all
  // when it does not; it and all calls after it fail until Restart().
  void CutPowerAt(uint64_t step);
  // The step of this number fails with `status` and changes nothing.
  void FailAt(uint64_t step, absl::Status status);
  // Writes beyond this fail with ResourceExhausted after filling what is left.
  void SetCapacity(uint64_t bytes);
  // The power comes back. Files that were open stay dead, locks are gone.
  void Restart(Unsynced unsynced);

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status CreateDirectory(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  absl::StatusOr<DiskSpace> Space(const std::string& path) override;

 private:
  struct Content;
  class OpenFile;
  class HeldLock;
  using Names = std::map<std::string, std::shared_ptr<Content>>;  // by path; directories have none

  // What a directory's journal will keep: a name bound to a content, or unbound.
  struct NameChange {
    std::string path;
    std::shared_ptr<Content> content;
    enum class Kind { kBind, kUnbind } kind;
  };
  using Journal = std::vector<std::vector<NameChange>>;  // the changes of one step belong together

  // Counts a step; why it must not be done, if so.
  absl::Status Step() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckPower() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Change(const std::string& directory, std::vector<NameChange> changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void ApplyTo(Names& names, const std::vector<NameChange>& changes);
  // Makes the content at most what the capacity allows; false when that is less than asked for.
  bool Grow(std::string& content, uint64_t size) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LoseContent(Content& content, Unsynced unsynced) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  Names names_ ABSL_GUARDED_BY(mutex_);                              // as they are seen
  Names durable_names_ ABSL_GUARDED_BY(mutex_);                      // as they are on the platter
  std::map<std::string, Journal> journals_ ABSL_GUARDED_BY(mutex_);  // by directory
  std::set<std::string> locks_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, absl::Status> failures_ ABSL_GUARDED_BY(mutex_);
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  uint64_t steps_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t power_cut_at_ ABSL_GUARDED_BY(mutex_) = UINT64_MAX;
  uint64_t capacity_ ABSL_GUARDED_BY(mutex_) = UINT64_MAX;
  uint64_t used_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t starts_ ABSL_GUARDED_BY(mutex_) = 0;  // files and locks of an earlier start are dead
};

}  // namespace tripla
