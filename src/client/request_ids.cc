// SPDX-License-Identifier: Apache-2.0
#include "client/request_ids.h"

#include <sys/random.h>

#include <algorithm>

#include "base/check.h"

namespace tripla {

RequestIds::RequestIds() : client_(limits::kClientIdBytes, '\0') {
  // Two clients with the same name would get each other's answers.
  TRIPLA_CHECK(getentropy(client_.data(), client_.size()) == 0, "the system gives random bytes");
}

bool RequestIds::HasRoomFor(uint64_t count) {
  const MutexLock lock(mutex_);
  return outstanding_.empty() || next_ + count - *outstanding_.begin() <= kOutstandingMax;
}

void RequestIds::Release(uint64_t first) {
  const MutexLock lock(mutex_);
  kept_.erase(first);
}

RequestIds::Lease::Lease(RequestIds& ids, uint64_t count) : ids_(ids) {
  TRIPLA_CHECK(count > 0, "a lease is known by its first number, which no other may share");
  const MutexLock lock(ids_.mutex_);
  first_ = ids_.next_;
  ids_.next_ += count;
  ids_.outstanding_.insert(first_);
  // Drop kept leases until the outstanding ones fit.
  std::set<uint64_t>& kept = ids_.kept_;
  while (!kept.empty() && ids_.next_ - *kept.begin() > kOutstandingMax) {
    kept.erase(kept.begin());
  }
  first_unanswered_ = *ids_.outstanding_.begin();
  if (!kept.empty()) first_unanswered_ = std::min(first_unanswered_, *kept.begin());
}

RequestIds::Lease::~Lease() {
  const MutexLock lock(ids_.mutex_);
  ids_.outstanding_.erase(first_);
  if (keep_) ids_.kept_.insert(first_);
}

RequestIds::Lease RequestIdPool::Take(uint64_t count) {
  const MutexLock lock(mutex_);
  for (RequestIds& ids : clients_) {
    if (ids.HasRoomFor(count)) return RequestIds::Lease(ids, count);
  }
  return RequestIds::Lease(clients_.emplace_back(), count);
}

void RequestIdPool::Release(const std::string& client, uint64_t first) {
  const MutexLock lock(mutex_);
  for (RequestIds& ids : clients_) {
    if (ids.client() == client) ids.Release(first);
  }
}

size_t RequestIdPool::clients() {
  const MutexLock lock(mutex_);
  return clients_.size();
}

}  // namespace tripla
