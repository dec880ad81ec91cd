// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace tripla {

// Stands before a server of this machine and passes on what each connection brings, so many bytes a
// second at most; answers go back at full speed.
//
// Thread-safety: one thread.
class SlowProxy {
 public:
  SlowProxy(int port, int server_port, uint64_t bytes_a_second);
  // Ends all connections.
  ~SlowProxy();
  SlowProxy(const SlowProxy&) = delete;
  SlowProxy& operator=(const SlowProxy&) = delete;

  // From now on, also of the connections that are there.
  void SetRate(uint64_t bytes_a_second) { bytes_a_second_ = bytes_a_second; }

 private:
  void Accept();
  // Both end when one of the two sides has ended.
  void PassSlowly(int from, int to) const;
  void Pass(int from, int to) const;
  int Keep(int descriptor);

  const int server_port_;
  std::atomic<uint64_t> bytes_a_second_;
  std::atomic<bool> stopped_{false};
  Mutex mutex_;
  std::list<int> descriptors_ ABSL_GUARDED_BY(mutex_);
  std::list<std::thread> links_;
  int listener_;
  std::thread acceptor_;
};

}  // namespace tripla
