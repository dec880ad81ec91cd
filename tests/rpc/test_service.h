// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "rpc/methods.h"
#include "testing/testing.pb.h"

namespace tripla {

// grpc.testing.TestService, as gRPC's interoperability tests describe it.
//
// A call with the metadata "x-test-elsewhere: MS" is answered by another thread, after so many
// milliseconds; one with "x-test-details" by an error with these details.
//
// Thread-safety: that of handlers. It outlives its server.
class TestService {
 public:
  explicit TestService(rpc::Methods& methods);
  ~TestService();

  // How many calls were cancelled while they waited for another thread.
  [[nodiscard]] int cancelled();
  // How many calls wait for it.
  [[nodiscard]] int waiting();
  // Lets it answer all of them now.
  void AnswerAll();

 private:
  using Clock = std::chrono::steady_clock;
  struct Answers;

  void Unary(const rpc::CallPtr& call, const grpc::testing::SimpleRequest& request);
  void SendNext(const std::shared_ptr<Answers>& answers);
  void Duplex(const rpc::CallPtr& call);

  // Runs `work` on the other thread.
  void Later(Clock::duration delay, std::function<void()> work);
  void Run();

  Mutex mutex_;
  Condition changed_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  int cancelled_ ABSL_GUARDED_BY(mutex_) = 0;
  std::multimap<Clock::time_point, std::function<void()>> later_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace tripla
