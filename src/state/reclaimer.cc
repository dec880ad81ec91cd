// SPDX-License-Identifier: Apache-2.0
#include "state/reclaimer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace tripla {
namespace {

// How much of a long view's backlog one publication looks at. More than a small batch retires, so
// the backlog shrinks.
constexpr size_t kExaminedPerPublication = 64;

}  // namespace

Reclaimer::Reclaimer(std::unique_ptr<Version> first) : newest_(first.get()) {
  live_.push_back(std::move(first));
}

Reclaimer::~Reclaimer() {
  pinned_.clear();
  pins_.Collect(pinned_);
  TRIPLA_CHECK(pinned_.empty(), "a view outlives its state machine");
  const auto free = [this](const Retired& retired) { Free(retired); };
  std::ranges::for_each(unexamined_, free);
  for (const auto& [number, held] : held_) std::ranges::for_each(held, free);
  for (const auto& released : released_) std::ranges::for_each(released, free);
}

void Reclaimer::Retire(const TreeNode* node) {
  Retire(node, nullptr, Birth::kVersion, node->birth);
}

void Reclaimer::Retire(const void* row, FreeFn free, Birth kind, uint64_t birth) {
  unexamined_.push_back({row, free, birth, newest().number + 1, kind == Birth::kRevision});
}

void Reclaimer::Publish(std::unique_ptr<Version> version) {
  version->number = newest().number + 1;
  newest_.store(version.get(), std::memory_order_seq_cst);
  live_.push_back(std::move(version));
  ForgetUnpinnedVersions();
  while (!unexamined_.empty()) {
    Examine(unexamined_.front());
    unexamined_.pop_front();
  }
  for (size_t i = 0; i < kExaminedPerPublication && !released_.empty(); ++i) {
    const Retired retired = released_.back().back();
    released_.back().pop_back();
    if (released_.back().empty()) released_.pop_back();
    Examine(retired);
  }
}

void Reclaimer::ForgetUnpinnedVersions() {
  pinned_.clear();
  pins_.Collect(pinned_);
  const auto is_pinned = [this](const std::unique_ptr<const Version>& version) {
    return std::ranges::find(pinned_, version.get()) != pinned_.end();
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

void Reclaimer::Examine(const Retired& retired) {
  // The newest version in use that came before the object's death.
  auto later = std::ranges::lower_bound(
      live_.begin(), live_.end(), uint64_t{retired.death}, {},
      [](const std::unique_ptr<const Version>& version) { return version->number; });
  if (later != live_.begin()) {
    const Version& version = **std::prev(later);
    const uint64_t reached = retired.birth_is_revision ? version.summary.revision : version.number;
    if (reached >= retired.birth) {
      held_[version.number].push_back(retired);
      return;
    }
  }
  Free(retired);
}

void Reclaimer::Free(const Retired& retired) {
  if (retired.free == nullptr) {
    nodes_.Give(static_cast<const TreeNode*>(retired.object));
  } else {
    retired.free(retired.object);
  }
}

size_t Reclaimer::waiting() const {
  size_t count = unexamined_.size() + live_.size() - 1;
  for (const auto& [number, held] : held_) count += held.size();
  for (const auto& released : released_) count += released.size();
  return count;
}

}  // namespace tripla
