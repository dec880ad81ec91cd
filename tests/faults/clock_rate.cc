// SPDX-License-Identifier: Apache-2.0
// A library to preload into a real server: its monotonic clock runs fast or slow, as if the crystal
// of its machine did. The clock that people read is left alone.
//
//   LD_PRELOAD=libtripla_clock_rate.so CLOCK_GAINS_PPM=25000 triplad --data-dir D …
//
// CLOCK_GAINS_PPM  how many microseconds the clock gains each second; it loses with a minus
//
// Waits until a moment of that clock end at that moment: this is how Java and std::chrono wait.
// Waits for a length of time, as in poll(), take that time of the true clock.
#include <dlfcn.h>
#include <pthread.h>
#include <time.h>

#include <array>
#include <cstdint>
#include <cstdlib>

namespace {

constexpr int64_t kNanos = 1'000'000'000;
// Nanoseconds of years, times a million.
__extension__ using Wide = __int128;
constexpr Wide kMillion = 1'000'000;
constexpr int64_t kForeverSeconds = 1'000'000'000;  // what waits this long has no end
// In pthread_cond_t, of glibc since 2.25: the condition's timed waits are by CLOCK_MONOTONIC.
constexpr unsigned kConditionIsMonotonic = 2;

template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int64_t NanosOf(const timespec& time) { return time.tv_sec * kNanos + time.tv_nsec; }
timespec TimeOf(int64_t nanos) { return {nanos / kNanos, nanos % kNanos}; }

int TrueTime(clockid_t clock, timespec* now) {
  static auto* const next = Next<int(clockid_t, timespec*)>("clock_gettime");
  return next(clock, now);
}

bool IsMonotonic(clockid_t clock) {
  return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
         clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME;
}

// A clock that was right when the process began.
class Clock {
 public:
  explicit Clock(clockid_t clock) {
    timespec now{};
    TrueTime(clock, &now);
    begin_ = NanosOf(now);
  }

  int64_t Shown(int64_t nanos) const {
    return begin_ + static_cast<int64_t>((nanos - begin_) * (kMillion + gain_ppm_) / kMillion);
  }
  // Rounded up: a wait must not end before the clock shows its end.
  int64_t True(int64_t shown) const {
    return begin_ + 1 + static_cast<int64_t>((shown - begin_) * kMillion / (kMillion + gain_ppm_));
  }

  static const Clock& Of(clockid_t clock) {
    static const std::array<Clock, CLOCK_BOOTTIME + 1> clocks = {
        Clock(0), Clock(1), Clock(2), Clock(3), Clock(4), Clock(5), Clock(6), Clock(7)};
    return clocks.at(static_cast<size_t>(clock));
  }

 private:
  inline static const int64_t gain_ppm_ = [] {
    const char* const given = std::getenv("CLOCK_GAINS_PPM");
    return given == nullptr ? int64_t{0} : std::strtoll(given, nullptr, 10);
  }();
  int64_t begin_ = 0;
};

timespec TrueEnd(clockid_t clock, const timespec& end) {
  const bool converted = IsMonotonic(clock) && end.tv_sec < kForeverSeconds;
  return converted ? TimeOf(Clock::Of(clock).True(NanosOf(end))) : end;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const int result = TrueTime(clock, now);
  if (result == 0 && IsMonotonic(clock)) *now = TimeOf(Clock::Of(clock).Shown(NanosOf(*now)));
  return result;
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* end) {
  static auto* const next =
      Next<int(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*)>(
          "pthread_cond_clockwait");
  const timespec true_end = TrueEnd(clock, *end);
  return next(condition, mutex, clock, &true_end);
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* end) {
  const bool monotonic = (condition->__data.__wrefs & kConditionIsMonotonic) != 0;
  return pthread_cond_clockwait(condition, mutex, monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME,
                                end);
}

int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock, const timespec* end) noexcept {
  static auto* const next =
      Next<int(pthread_mutex_t*, clockid_t, const timespec*)>("pthread_mutex_clocklock");
  const timespec true_end = TrueEnd(clock, *end);
  return next(mutex, clock, &true_end);
}

int clock_nanosleep(clockid_t clock, int flags, const timespec* time, timespec* left) {
  static auto* const next =
      Next<int(clockid_t, int, const timespec*, timespec*)>("clock_nanosleep");
  const timespec true_time = (flags & TIMER_ABSTIME) != 0 ? TrueEnd(clock, *time) : *time;
  return next(clock, flags, &true_time, left);
}

}  // extern "C"
