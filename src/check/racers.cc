// SPDX-License-Identifier: Apache-2.0
#include "check/racers.h"

#include <latch>
#include <thread>
#include <vector>

namespace tripla::check {

void AtOnce(int count, const std::function<void(int)>& race) {
  std::latch start(count);
  std::vector<std::jthread> racers;
  racers.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    racers.emplace_back([&race, &start, i] {
      start.arrive_and_wait();
      race(i);
    });
  }
}

}  // namespace tripla::check
