// SPDX-License-Identifier: Apache-2.0
#include "state/reclaimer.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/check.h"

namespace tripla {
namespace {

// The number of waiting objects that a publication examines, in addition to twice as many as it
// retired.
constexpr size_t kExaminedMin = 64;
// The number of objects that Reclaim() examines before it lets the writer continue.
constexpr size_t kExaminedAtOnce = 256;

// Frees the memory that a large batch needed.
template <typename T>
void GiveBack(std::vector<T>& scratch) {
  constexpr size_t kKept = size_t{1} << 16;
  if (scratch.capacity() > kKept) std::vector<T>().swap(scratch);
}

}  // namespace

Reclaimer::Reclaimer(std::unique_ptr<Version> first) : newest_(first.get()) {
  live_.push_back(std::move(first));
}

Reclaimer::~Reclaimer() {
  const MutexLock lock(mutex_);
  pinned_.clear();
  pins_.Collect(pinned_);
  TRIPLA_CHECK(pinned_.empty(), "a view outlives its state machine");
  std::ranges::for_each(unexamined_, &Free);
  for (const auto& [number, held] : held_) std::ranges::for_each(held, &Free);
  for (const auto& released : released_) std::ranges::for_each(released, &Free);
}

void Reclaimer::Retire(const TreeNode* node) {
  Retire(node, nullptr, Birth::kVersion, node->birth);
}

void Reclaimer::Retire(const void* row, FreeFn free, Birth kind, uint64_t birth) {
  unexamined_.push_back({row, free, birth, newest().number + 1, kind == Birth::kRevision});
}

void Reclaimer::Publish(std::unique_ptr<Version> version) {
  version->number = newest().number + 1;
  {
    const MutexLock lock(mutex_);
    newest_.store(version.get(), std::memory_order_seq_cst);
    live_.push_back(std::move(version));
    ForgetUnpinnedVersions();
    for (const Retired& retired : unexamined_) Examine(retired, dead_);
    TakeReleased(kExaminedMin + 2 * unexamined_.size(), dead_);
  }
  unexamined_.clear();
  for (const Retired& retired : dead_) {
    if (retired.free == nullptr) {
      nodes_.Give(static_cast<const TreeNode*>(retired.object));
    } else {
      Free(retired);
    }
  }
  dead_.clear();
  GiveBack(unexamined_);
  GiveBack(dead_);
}

void Reclaimer::Reclaim() {
  std::vector<Retired> dead;
  bool more = true;
  while (more) {
    {
      const MutexLock lock(mutex_);
      ForgetUnpinnedVersions();
      TakeReleased(kExaminedAtOnce, dead);
      more = !released_.empty();
    }
    std::ranges::for_each(dead, &Free);
    dead.clear();
  }
}

void Reclaimer::TakeReleased(size_t count, std::vector<Retired>& dead) {
  for (; count > 0 && !released_.empty(); --count) {
    const Retired retired = released_.back().back();
    released_.back().pop_back();
    if (released_.back().empty()) released_.pop_back();
    Examine(retired, dead);
  }
}

void Reclaimer::ForgetUnpinnedVersions() {
  pinned_.clear();
  pins_.Collect(pinned_);
  // Captured, because clang does not see inside the lambda that the mutex is held.
  const auto is_pinned = [pinned =
                              std::span(pinned_)](const std::unique_ptr<const Version>& version) {
    return std::ranges::find(pinned, version.get()) != pinned.end();
  };
  const auto unpinned = std::stable_partition(live_.begin(), live_.end() - 1, is_pinned);
  for (auto version = unpinned; version != live_.end() - 1; ++version) {
    const auto held = held_.find((*version)->number);
    if (held == held_.end()) continue;
    released_.push_back(std::move(held->second));
    held_.erase(held);
  }
  live_.erase(unpinned, live_.end() - 1);
}

const Version* Reclaimer::LastThatReaches(const Retired& retired) const {
  // The newest version in use from before the object was removed.
  const auto later = std::ranges::lower_bound(
      live_, uint64_t{retired.death}, {},
      [](const std::unique_ptr<const Version>& version) { return version->number; });
  if (later == live_.begin()) return nullptr;
  const Version& version = **std::prev(later);
  const uint64_t reached = retired.birth_is_revision ? version.summary.revision : version.number;
  return reached >= retired.birth ? &version : nullptr;
}

void Reclaimer::Examine(const Retired& retired, std::vector<Retired>& dead) {
  if (const Version* version = LastThatReaches(retired)) {
    held_[version->number].push_back(retired);
  } else {
    dead.push_back(retired);
  }
}

void Reclaimer::Free(const Retired& retired) {
  if (retired.free == nullptr) {
    delete static_cast<const TreeNode*>(retired.object);
  } else {
    retired.free(retired.object);
  }
}

size_t Reclaimer::waiting() const {
  const MutexLock lock(mutex_);
  size_t count = unexamined_.size() + live_.size() - 1;
  for (const auto& [number, held] : held_) count += held.size();
  for (const auto& released : released_) count += released.size();
  return count;
}

void Reclaimer::CheckInvariants() const {
  const MutexLock lock(mutex_);
  TRIPLA_CHECK(live_.back().get() == newest_.load(), "the newest version is the last one");
  for (size_t i = 1; i < live_.size(); ++i) {
    TRIPLA_CHECK(live_[i - 1]->number < live_[i]->number, "versions are in order");
  }
  for (const auto& [number, held] : held_) {
    TRIPLA_CHECK(!held.empty(), "only versions for which something waits are listed");
    for (const Retired& retired : held) {
      const Version* version = LastThatReaches(retired);
      TRIPLA_CHECK(version != nullptr && version->number == number,
                   "what waits is reached by the version it waits for, and by none after it");
    }
  }
  for (const auto& released : released_) {
    TRIPLA_CHECK(!released.empty(), "what was released is taken from the end");
  }
}

}  // namespace tripla
