// SPDX-License-Identifier: Apache-2.0
#include "client/request_ids.h"

#include <sys/random.h>

#include "base/check.h"
#include "model/limits.h"

namespace tripla {

RequestIds::RequestIds() : client_(limits::kClientIdBytes, '\0') {
  // Two clients of one name would be given each other's answers.
  TRIPLA_CHECK(getentropy(client_.data(), client_.size()) == 0, "the system gives random bytes");
}

RequestIds::Lease::Lease(RequestIds& ids, uint64_t count) : ids_(ids) {
  TRIPLA_CHECK(count > 0, "a lease is known by its first number, which no other may share");
  const MutexLock lock(ids_.mutex_);
  first_ = ids_.next_;
  ids_.next_ += count;
  ids_.outstanding_.insert(first_);
  first_unanswered_ = *ids_.outstanding_.begin();
}

RequestIds::Lease::~Lease() {
  const MutexLock lock(ids_.mutex_);
  ids_.outstanding_.erase(first_);
}

}  // namespace tripla
