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

// A disk in memory for tests, which simulates power cuts and fails on demand.
//
//   FaultyDisk disk;
//   disk.CutPowerAt(disk.steps() + 3);  // the third change from now
//   ...                                 // it fails, and so do all later calls
//   disk.Restart(FaultyDisk::Unsynced::kLost);
//
// A step is a call that changes something or makes it durable. Synced content and the names in
// synced directories survive a power cut in full. Of the rest nothing survives, or a random part:
// any sectors of 512 bytes of a file, and the first changes of a directory's names in their order,
// as with a journal.
//
// Thread-safety: all calls from any thread; those of a File as in disk.h.
class FaultyDisk : public Disk {
 public:
  enum class Unsynced {
    kLost,      // all of it is lost
    kByChance,  // a random part is lost, another one with every Restart()
    kKept,      // nothing is lost: only the process has ended
  };

  FaultyDisk() : FaultyDisk(/*seed=*/1) {}
  explicit FaultyDisk(uint64_t seed);
  ~FaultyDisk() override;

  // Steps so far.
  [[nodiscard]] uint64_t steps() const;
  // Cuts the power at the step with this number, counted from 1. If it writes content, half of that
  // is written; otherwise nothing is done. It and all later calls fail until Restart().
  void CutPowerAt(uint64_t step);
  // Makes the step with this number fail with `status` and change nothing.
  void FailAt(uint64_t step, absl::Status status);
  // Writes beyond this capacity fail with ResourceExhausted after filling the rest.
  void SetCapacity(uint64_t bytes);
  // Switches the power on again. Files that were open stay unusable, locks are gone.
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

  // A change in a directory's journal: a name is bound to a content, or unbound.
  struct NameChange {
    std::string path;
    std::shared_ptr<Content> content;
    enum class Kind { kBind, kUnbind } kind;
  };
  using Journal = std::vector<std::vector<NameChange>>;  // the changes of one step belong together

  // Counts a step; returns an error if it must fail.
  absl::Status Step() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckPower() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Change(const std::string& directory, std::vector<NameChange> changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void ApplyTo(Names& names, const std::vector<NameChange>& changes);
  // Grows the content as far as the capacity allows; false when that is less than asked for.
  bool Grow(std::string& content, uint64_t size) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LoseContent(Content& content, Unsynced unsynced) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  Names names_ ABSL_GUARDED_BY(mutex_);                              // as programs see them
  Names durable_names_ ABSL_GUARDED_BY(mutex_);                      // as a power cut leaves them
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
