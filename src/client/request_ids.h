// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace tripla {

// Numbers the writes of one client, and knows which of them may still be sent again (R13).
//
//   RequestIds::Lease lease(ids, 3);   // three writes of one call
//   ... send them as lease.first(), +1, +2, with lease.first_unanswered() ...
//   // the destructor says that none of them will be sent any more
//
// Thread-safety: all methods may be called from any thread.
class RequestIds {
 public:
  // Takes 16 random bytes from the system as the client's name.
  RequestIds();

  [[nodiscard]] const std::string& client() const { return client_; }

  // A run of consecutive sequence numbers, outstanding as long as the Lease lives. `ids` outlives
  // it; `count` is at least 1 (checked).
  class Lease {
   public:
    Lease(RequestIds& ids, uint64_t count);
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    [[nodiscard]] uint64_t first() const { return first_; }
    // Below this nothing was outstanding when the lease began: the server may forget it. It stays
    // the same for every attempt, so that they are the same request byte for byte.
    [[nodiscard]] uint64_t first_unanswered() const { return first_unanswered_; }

   private:
    RequestIds& ids_;
    uint64_t first_;
    uint64_t first_unanswered_;
  };

 private:
  std::string client_;
  Mutex mutex_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
  std::set<uint64_t> outstanding_ ABSL_GUARDED_BY(mutex_);  // the first number of each lease
};

}  // namespace tripla
