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

// Publishes versions and frees what no version in use reaches any more.
//
// What the writer takes out of a tree in the making of version d, and which came in with version b,
// is reached by the versions from b to d - 1. It waits for the newest pinned one of those, and is
// looked at again when that pin is gone. Each publication looks at a few more than twice as many as
// were retired for it: so a long view that ends does not stop the writer, and what it held is gone
// after half the writes that came meanwhile. Reclaim() does the same while nothing is written.
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

  // The writer's own look at the newest version.
  [[nodiscard]] const Version& newest() const { return *newest_.load(std::memory_order_relaxed); }

  // What `birth` counts.
  enum class Birth : uint8_t { kVersion, kRevision };

  using FreeFn = void (*)(const void*);

  // Hands over a node or a row that the next version no longer reaches.
  void Retire(const TreeNode* node);
  void Retire(const void* row, FreeFn free, Birth kind, uint64_t birth);

  // Of all trees that this publishes.
  [[nodiscard]] NodePool& nodes() { return nodes_; }

  // Makes `version` the newest, numbered one higher than the last.
  void Publish(std::unique_ptr<Version> version);

  // Frees all that waits for no view any more. Holds the writer up for a moment at most.
  void Reclaim();

  // Objects and versions not yet freed, the newest version not counted. For tests.
  [[nodiscard]] size_t waiting() const;

  // Dies unless everything that waits is reached by the pinned version it waits for. Takes time for
  // all that waits.
  void CheckInvariants() const;

 private:
  struct Retired {
    const void* object;
    FreeFn free;  // null for a node
    uint64_t birth;
    uint64_t death : 63;  // number of the first version that does not reach it
    uint64_t birth_is_revision : 1;
  };

  // Forgets versions which nobody pins, and lets what waited for them be looked at again.
  void ForgetUnpinnedVersions() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Moves what may be freed to `dead`, of at most `count` released objects.
  void TakeReleased(size_t count, std::vector<Retired>& dead) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The newest live version that reaches it, or null.
  [[nodiscard]] const Version* LastThatReaches(const Retired& retired) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Lets it wait for a version, or moves it to `dead`.
  void Examine(const Retired& retired, std::vector<Retired>& dead)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void Free(const Retired& retired);

  NodePool nodes_;
  VersionPins pins_;
  std::atomic<const Version*> newest_;
  std::vector<Retired> unexamined_;  // the writer's
  std::vector<Retired> dead_;        // the writer's scratch space
  mutable Mutex mutex_;  // held while versions come and go, never while objects are freed
  // In the order of their numbers, the newest last; all but it were pinned when last looked at.
  std::vector<std::unique_ptr<const Version>> live_ ABSL_GUARDED_BY(mutex_);
  // By the number of the pinned version.
  std::map<uint64_t, std::vector<Retired>> held_ ABSL_GUARDED_BY(mutex_);
  // Once held, to be looked at again.
  std::vector<std::vector<Retired>> released_ ABSL_GUARDED_BY(mutex_);
  std::vector<const Version*> pinned_ ABSL_GUARDED_BY(mutex_);  // scratch space
};

}  // namespace tripla
