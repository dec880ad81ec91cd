// SPDX-License-Identifier: Apache-2.0
#include "check/run_watch.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>

#include "base/check.h"
#include "cli/stop.h"

namespace tripla::check {

RunWatch::RunWatch(Progress& progress, Traffic& traffic)
    : progress_(progress), traffic_(traffic), end_(eventfd(0, EFD_CLOEXEC)) {
  TRIPLA_CHECK(end_ >= 0, "a file descriptor is free");
  thread_ = std::thread([this] { Watch(); });
}

RunWatch::~RunWatch() {
  const uint64_t one = 1;
  TRIPLA_CHECK(write(end_, &one, sizeof(one)) == sizeof(one), "an event takes its count");
  thread_.join();
  close(end_);
}

void RunWatch::Watch() {
  constexpr int kRedrawMs = 1000;
  std::array<pollfd, 2> watched{pollfd{end_, POLLIN, 0}, pollfd{cli::StopEvent(), POLLIN, 0}};
  while (true) {
    const int ready = poll(watched.data(), watched.size(), kRedrawMs);
    if (watched[0].revents != 0) return;
    if (ready == 0) progress_.Redraw();
    if (watched[1].revents == 0) continue;
    progress_.End();
    std::fputs("tripla-check: cleaning up; again to give up\n", stderr);
    traffic_.Stop();
    watched[1].fd = -1;
  }
}

}  // namespace tripla::check
