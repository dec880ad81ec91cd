// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "state/node_pool.h"
#include "state/version_pins.h"

namespace tripla {

// Publishes versions, and frees objects (nodes and rows) that no version in use reaches any more.
//
// An object that was added for version b and removed for version d is reached by the versions from
// b to d - 1. It waits for the newest pinned version of these, and is examined again when that pin
// is gone. Each publication examines a few more than twice as many objects as it retired. So the
// end of a long-lived view does not stop the writer, and the objects that it held are freed within
// half as many writes as came during its life. Reclaim() does the same while nothing is written.
//
// Thread-safety: Pin() and Reclaim() from any thread; the rest is the writer's.
class Reclaimer {
 public:
  explicit Reclaimer(std::unique_ptr<Version> first);
  // Frees everything retired. No pin may be left.
  ~Reclaimer();
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  [[nodiscard]] VersionPins::Pin Pin() { return pins_.Acquire(newest_); }

  // The newest version, for the writer.
  [[nodiscard]] const Version& newest() const { return *newest_.load(std::memory_order_relaxed); }

  // The unit of an object's `birth`.
  enum class Birth : uint8_t { kVersion, kRevision };

  using FreeFn = void (*)(const void*);

  // Takes a node or a row that the next version no longer reaches.
  void Retire(const TreeNode* node);
  void Retire(const void* row, FreeFn free, Birth kind, uint64_t birth);

  // The node pool of all published trees.
  [[nodiscard]] NodePool& nodes() { return nodes_; }

  // Makes `version` the newest, numbered one higher than the last.
  void Publish(std::unique_ptr<Version> version);

  // Frees all objects that no longer wait for a view. Delays the writer for a moment at most.
  void Reclaim();

  // Objects and versions not yet freed, the newest version not counted. For tests.
  [[nodiscard]] size_t waiting() const;

  // Aborts unless every waiting object is reached by the pinned version it waits for. Takes time in
  // proportion to their number.
  void CheckInvariants() const;

 private:
  struct Retired {
    const void* object;
    FreeFn free;  // null for a node
    uint64_t birth;
    uint64_t death : 63;  // number of the first version that does not reach it
    uint64_t birth_is_revision : 1;
  };

  // Removes versions that are not pinned, and marks their waiting objects for a new examination.
  void ForgetUnpinnedVersions() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Examines at most `count` released objects and moves those that may be freed to `dead`.
  void TakeReleased(size_t count, std::vector<Retired>& dead) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The newest live version that reaches it, or null.
  [[nodiscard]] const Version* LastThatReaches(const Retired& retired) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Makes an object wait for a version, or moves it to `dead`.
  void Examine(const Retired& retired, std::vector<Retired>& dead)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void Free(const Retired& retired);

  NodePool nodes_;
  VersionPins pins_;
  std::atomic<const Version*> newest_;
  std::vector<Retired> unexamined_;  // the writer's
  std::vector<Retired> dead_;        // the writer's scratch space
  mutable Mutex mutex_;  // held while versions are added and removed, not while objects are freed
  // In the order of their numbers, the newest last; all others were pinned when last examined.
  std::vector<std::unique_ptr<const Version>> live_ ABSL_GUARDED_BY(mutex_);
  // By the number of the pinned version.
  std::map<uint64_t, std::vector<Retired>> held_ ABSL_GUARDED_BY(mutex_);
  // Objects that no longer wait, to be examined again.
  std::vector<std::vector<Retired>> released_ ABSL_GUARDED_BY(mutex_);
  std::vector<const Version*> pinned_ ABSL_GUARDED_BY(mutex_);  // scratch space
};

}  // namespace tripla
