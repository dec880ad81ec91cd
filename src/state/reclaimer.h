// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "state/node_pool.h"
#include "state/version_pins.h"

namespace tripla {

// Publishes versions and frees what no version in use reaches any more.
//
// What the writer takes out of a tree in the making of version d, and which came in with version b,
// is reached by the versions from b to d - 1. It waits for the newest pinned one of those, and is
// looked at again when that pin is gone. Each publication looks at a bounded number, so a long view
// that ends does not stop the writer.
//
// Thread-safety: Pin() from any thread; the rest is the writer's.
class Reclaimer {
 public:
  explicit Reclaimer(std::unique_ptr<Version> first);
  // Frees everything retired. No pin may be left.
  ~Reclaimer();
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  [[nodiscard]] VersionPins::Pin Pin() { return pins_.Acquire(newest_); }

  // The writer's own look at the newest version.
  [[nodiscard]] const Version& newest() const { return *live_.back(); }

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

  // Objects and versions not yet freed, the newest version not counted. For tests.
  [[nodiscard]] size_t waiting() const;

 private:
  struct Retired {
    const void* object;
    FreeFn free;  // null for a node
    uint64_t birth;
    uint64_t death : 63;  // number of the first version that does not reach it
    uint64_t birth_is_revision : 1;
  };

  // Forgets versions which nobody pins, and lets what waited for them be looked at again.
  void ForgetUnpinnedVersions();
  void Examine(const Retired& retired);
  void Free(const Retired& retired);

  NodePool nodes_;
  VersionPins pins_;
  std::atomic<const Version*> newest_;
  // In the order of their numbers, the newest last; all but it were pinned at the last publication.
  std::vector<std::unique_ptr<const Version>> live_;
  std::deque<Retired> unexamined_;
  std::map<uint64_t, std::vector<Retired>> held_;  // by the number of the pinned version
  std::vector<std::vector<Retired>> released_;     // once held, to be looked at again
  std::vector<const Version*> pinned_;             // scratch space
};

}  // namespace tripla
