// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace tripla::rpc {

class EventLoop;

// A descriptor with what waits for its events: a listener or a connection. The loop owns it and
// calls it on its thread.
class EventSource {
 public:
  using Clock = std::chrono::steady_clock;

  EventSource() = default;
  virtual ~EventSource() = default;
  EventSource(const EventSource&) = delete;
  EventSource& operator=(const EventSource&) = delete;

  [[nodiscard]] virtual int fd() const = 0;
  // Some of the events that it waits for have come (epoll_wait(2)).
  virtual void OnReady(uint32_t events) = 0;
  // A time has come that it asked for.
  virtual void OnTime() = 0;
  // The end of a turn for which it has asked.
  virtual void OnTurnEnd() = 0;
  // The loop stops. It removes itself, by `deadline` at the latest.
  virtual void OnStop(Clock::time_point deadline) = 0;

 private:
  friend class EventLoop;

  std::list<std::unique_ptr<EventSource>>::iterator place_;
  uint32_t events_ = 0;
  Clock::time_point time_ = Clock::time_point::max();
  bool asks_turn_end_ = false;
  bool rests_ = false;
  bool removed_ = false;
};

// A thread that serves many sources. In each turn it serves those that are ready, runs what other
// threads have posted, and lets sources send at once what has come together in the turn.
//
// Thread-safety: Post() and Stop() from any thread, the rest on its own.
class EventLoop {
 public:
  using Clock = EventSource::Clock;

  // Errors: ResourceExhausted when the system has no descriptor or thread for it.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<EventLoop>> Start();

  // Requires that it was stopped and has ended.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs `work` on its thread, in the order of the posts. Never blocks.
  void Post(std::function<void()> work);
  [[nodiscard]] bool IsHere() const { return std::this_thread::get_id() == thread_id_.load(); }

  // Takes a source that waits for these events (EPOLLIN ...).
  void Add(std::unique_ptr<EventSource> source, uint32_t events);
  void SetEvents(EventSource& source, uint32_t events);
  // Serves it no more, and destroys it at the end of the turn.
  void Remove(EventSource& source);
  // Calls its OnTime() at `when` or before.
  void WakeAt(EventSource& source, Clock::time_point when);
  void AskTurnEnd(EventSource& source);
  // Serves it only when it is the turn of those that rest: one of them in each turn. For sources
  // whose events are much work, so that others are served in between, however many these are.
  void Rest(EventSource& source);

  // The time at which the turn began to run.
  [[nodiscard]] Clock::time_point now() const { return now_; }
  // Space for what a source reads within one call, and for what it sends.
  static constexpr size_t kInputBytes = size_t{16} << 10;
  using Input = std::array<char, kInputBytes>;
  [[nodiscard]] Input& input() { return input_; }
  [[nodiscard]] std::string& scratch() { return scratch_; }

  // A handler that will end its call later: the loop does not end before.
  void Hold() { ++held_; }
  void Release() { --held_; }

  // Stops all sources, and takes no new ones. Idempotent.
  void Stop(Clock::time_point deadline);
  // Waits for its end: the last source is gone and nothing is held.
  void Join();

 private:
  EventLoop(int epoll_fd, int wake_fd);

  void Run();
  void StopHere(Clock::time_point deadline);
  [[nodiscard]] int WaitMs();
  void RunPosts();
  void ServeResting();
  void RunTimes();
  void EndTurn();

  const int epoll_fd_;
  const int wake_fd_;
  std::list<std::unique_ptr<EventSource>> sources_;
  std::list<std::unique_ptr<EventSource>> removed_;  // until the end of the turn
  std::set<std::pair<Clock::time_point, EventSource*>> times_;
  std::vector<EventSource*> turn_ends_;
  std::deque<EventSource*> resting_;
  Clock::time_point now_ = Clock::now();
  Input input_;
  std::string scratch_;
  int held_ = 0;
  bool stopping_ = false;
  Clock::time_point stop_deadline_;

  Mutex mutex_;
  std::vector<std::function<void()>> posts_ ABSL_GUARDED_BY(mutex_);
  bool sleeping_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<std::thread::id> thread_id_;
  std::thread thread_;
};

}  // namespace tripla::rpc
