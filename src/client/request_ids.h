// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "model/limits.h"

namespace tripla {

// The most ids that one client has open, from the first unanswered one to the newest: as many as a
// Batch needs, and no more than a server of any version remembers (answers_per_client_max).
inline constexpr uint64_t kOutstandingMax = limits::kBatchOperationsMax;

// Numbers the writes of one client, and records which of them may still be sent again (R13).
//
//   RequestIds::Lease lease(ids, 3);   // three writes of one call
//   ... send them as lease.first(), +1, +2, with lease.first_unanswered() ...
//   // after the destructor none of them is sent any more
//
// Thread-safety: all methods may be called from any thread.
class RequestIds {
 public:
  // Draws 16 random bytes from the system as the client's name.
  RequestIds();

  [[nodiscard]] const std::string& client() const { return client_; }

  // Whether the database would remember the answers of `count` more ids besides all outstanding
  // ones.
  [[nodiscard]] bool HasRoomFor(uint64_t count);

  // Ends the keeping of the lease that began with `first`: its writes are no longer asked about.
  void Release(uint64_t first);

  // A run of consecutive sequence numbers, outstanding as long as the Lease lives. `ids` outlives
  // it; `count` is at least 1 (checked).
  class Lease {
   public:
    Lease(RequestIds& ids, uint64_t count);
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    [[nodiscard]] const std::string& client() const { return ids_.client(); }
    [[nodiscard]] uint64_t first() const { return first_; }
    // The lowest id outstanding when the lease began: the server may forget the answers below. It
    // is the same in every attempt, so that all attempts are the same request.
    [[nodiscard]] uint64_t first_unanswered() const { return first_unanswered_; }

    // Keeps the ids outstanding after the lease ends, because the outcome of the writes is unknown
    // and may be asked for later: until Release(), or until newer ids need the room.
    void Keep() { keep_ = true; }

   private:
    RequestIds& ids_;
    uint64_t first_;
    uint64_t first_unanswered_;
    bool keep_ = false;
  };

 private:
  std::string client_;
  Mutex mutex_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
  // The first number of each lease that is alive or was kept.
  std::set<uint64_t> outstanding_ ABSL_GUARDED_BY(mutex_);
  std::set<uint64_t> kept_ ABSL_GUARDED_BY(mutex_);
};

// Request ids for any number of calls at once. One client name is used as long as the database
// remembers all ids outstanding under it. Beyond that another name is used, so that no call has to
// wait for another call's answer (R13a).
//
// Thread-safety: all methods may be called from any thread.
class RequestIdPool {
 public:
  // `count` is between 1 and kOutstandingMax. The pool outlives the lease.
  [[nodiscard]] RequestIds::Lease Take(uint64_t count);

  // As RequestIds::Release(), if `client` is a name of this pool.
  void Release(const std::string& client, uint64_t first);

  // The number of client names.
  [[nodiscard]] size_t clients();

 private:
  Mutex mutex_;
  std::list<RequestIds> clients_ ABSL_GUARDED_BY(mutex_);  // only ever added to
};

}  // namespace tripla
