// SPDX-License-Identifier: Apache-2.0
#include "rpc/event_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/thread_name.h"

namespace tripla::rpc {

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Start() {
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event wake{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (epoll_fd < 0 || wake_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &wake) != 0) {
    const std::string why = std::strerror(errno);
    if (epoll_fd >= 0) close(epoll_fd);
    if (wake_fd >= 0) close(wake_fd);
    return absl::ResourceExhaustedError("cannot wait for connections: " + why);
  }
  std::unique_ptr<EventLoop> loop(new EventLoop(epoll_fd, wake_fd));
  loop->thread_ = std::thread([raw = loop.get()] { raw->Run(); });
  return loop;
}

EventLoop::EventLoop(int epoll_fd, int wake_fd) : epoll_fd_(epoll_fd), wake_fd_(wake_fd) {}

EventLoop::~EventLoop() {
  TRIPLA_CHECK(!thread_.joinable(), "a loop must be stopped before it is destroyed");
  close(epoll_fd_);
  close(wake_fd_);
}

void EventLoop::Post(std::function<void()> work) {
  bool wake = false;
  {
    MutexLock lock(mutex_);
    posts_.push_back(std::move(work));
    wake = std::exchange(sleeping_, false);
  }
  if (!wake) return;
  const uint64_t one = 1;
  TRIPLA_CHECK(write(wake_fd_, &one, sizeof(one)) == sizeof(one), "its counter has room");
}

void EventLoop::Add(std::unique_ptr<EventSource> source, uint32_t events) {
  EventSource& added = *source;
  added.place_ = sources_.insert(sources_.end(), std::move(source));
  added.events_ = events;
  epoll_event event{.events = events, .data = {.ptr = &added}};
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, added.fd(), &event) != 0) return Remove(added);
  if (stopping_) added.OnStop(stop_deadline_);
}

void EventLoop::SetEvents(EventSource& source, uint32_t events) {
  if (source.events_ == events || source.removed_) return;
  source.events_ = events;
  // While it rests nothing wakes it, or the loop would never sleep.
  epoll_event event{.events = source.rests_ ? 0 : events, .data = {.ptr = &source}};
  TRIPLA_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, source.fd(), &event) == 0, "it was added");
}

void EventLoop::Remove(EventSource& source) {
  if (std::exchange(source.removed_, true)) return;
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, source.fd(), nullptr);
  times_.erase({source.time_, &source});
  std::erase(turn_ends_, &source);
  std::erase(resting_, &source);
  removed_.splice(removed_.end(), sources_, source.place_);
}

void EventLoop::WakeAt(EventSource& source, Clock::time_point when) {
  if (when >= source.time_ || source.removed_) return;
  times_.erase({source.time_, &source});
  source.time_ = when;
  times_.emplace(when, &source);
}

void EventLoop::AskTurnEnd(EventSource& source) {
  if (source.removed_ || std::exchange(source.asks_turn_end_, true)) return;
  turn_ends_.push_back(&source);
}

void EventLoop::Rest(EventSource& source) {
  if (source.removed_ || std::exchange(source.rests_, true)) return;
  resting_.push_back(&source);
  epoll_event event{.events = 0, .data = {.ptr = &source}};
  TRIPLA_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, source.fd(), &event) == 0, "it was added");
}

void EventLoop::Stop(Clock::time_point deadline) {
  Post([this, deadline] { StopHere(deadline); });
}

void EventLoop::StopHere(Clock::time_point deadline) {
  if (std::exchange(stopping_, true)) return;
  stop_deadline_ = deadline;
  for (auto source = sources_.begin(); source != sources_.end();) {
    // It may remove itself.
    (*source++)->OnStop(deadline);
  }
}

void EventLoop::Join() {
  if (thread_.joinable()) thread_.join();
}

void EventLoop::Run() {
  NameThread("event-loop");
  thread_id_ = std::this_thread::get_id();
  constexpr int kEventsMax = 256;
  std::array<epoll_event, kEventsMax> events;
  while (!stopping_ || !sources_.empty() || held_ > 0) {
    const int count = epoll_wait(epoll_fd_, events.data(), kEventsMax, WaitMs());
    now_ = Clock::now();
    for (int i = 0; i < count; ++i) {
      auto* const source = static_cast<EventSource*>(events[i].data.ptr);
      if (source == nullptr) {
        uint64_t posts = 0;
        (void)!read(wake_fd_, &posts, sizeof(posts));
      } else if (!source->removed_) {
        source->OnReady(events[i].events);
      }
    }
    RunPosts();
    ServeResting();
    RunTimes();
    EndTurn();
  }
}

int EventLoop::WaitMs() {
  if (!turn_ends_.empty() || !resting_.empty()) return 0;
  int wait_ms = -1;
  if (!times_.empty()) {
    const auto left = times_.begin()->first - Clock::now();
    // Rounded up, or the loop would turn until the millisecond is over.
    wait_ms = static_cast<int>(
        std::clamp<int64_t>(std::chrono::ceil<std::chrono::milliseconds>(left).count(), 0, 60'000));
  }
  MutexLock lock(mutex_);
  sleeping_ = posts_.empty();
  return sleeping_ ? wait_ms : 0;
}

void EventLoop::RunPosts() {
  std::vector<std::function<void()>> posts;
  {
    MutexLock lock(mutex_);
    sleeping_ = false;
    posts.swap(posts_);
  }
  for (const std::function<void()>& work : posts) work();
}

void EventLoop::ServeResting() {
  if (resting_.empty()) return;
  EventSource& source = *resting_.front();
  resting_.pop_front();
  source.rests_ = false;
  const uint32_t events = std::exchange(source.events_, 0);
  SetEvents(source, events);
  // Whether it is ready shows in its own call, which does not block.
  source.OnReady(events & EPOLLIN);
}

void EventLoop::RunTimes() {
  while (!times_.empty() && times_.begin()->first <= now_) {
    EventSource& source = *times_.begin()->second;
    times_.erase(times_.begin());
    source.time_ = Clock::time_point::max();
    source.OnTime();
  }
}

void EventLoop::EndTurn() {
  // Those that ask again do so for the next turn. Removals change the list, so it is walked by
  // number.
  const std::vector<EventSource*> asked = std::exchange(turn_ends_, {});
  for (EventSource* const source : asked) {
    if (source->removed_) continue;
    source->asks_turn_end_ = false;
    source->OnTurnEnd();
  }
  removed_.clear();
}

}  // namespace tripla::rpc
