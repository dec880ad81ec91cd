// SPDX-License-Identifier: Apache-2.0
#include "load/run.h"

#include <grpc/support/time.h>
#include <sys/resource.h>

#include <algorithm>
#include <random>
#include <utility>

#include "cli/stop.h"

namespace tripla::load {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTellPeriod{200};

struct OwnCost {
  double cpu_microseconds;
  double switches;
};

OwnCost CostSoFar() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto microseconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return {microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
          static_cast<double>(usage.ru_nvcsw + usage.ru_nivcsw)};
}

struct SteadyClock {
  static TimePoint Now() { return steady_clock::now(); }
  static void SleepUntil(TimePoint time) { std::this_thread::sleep_until(time); }
};

}  // namespace

Run::Run(const Plan& plan, const std::vector<std::unique_ptr<grpc::GenericStub>>& stubs,
         Workload& workload, const Period& period)
    : plan_(plan), workload_(workload), period_(period), slots_(plan.in_flight) {
  for (int i = 0; i < plan.threads; ++i) lanes_.push_back(std::make_unique<Lane>());
  for (size_t i = 0; i < slots_.size(); ++i) {
    const size_t connection = i % stubs.size();
    slots_[i].number = static_cast<int>(i);
    slots_[i].stub = stubs[connection].get();
    // A connection belongs to one thread: two would wait for each other.
    slots_[i].lane = lanes_[connection % lanes_.size()].get();
  }
}

Measurement Run::Measure(const Generator::ProgressFn& progress) {
  const OwnCost before = CostSoFar();
  begin_ = steady_clock::now();
  measured_from_ = begin_ + period_.warm_up;
  end_ = period_.duration.count() == 0 ? TimePoint::max() : measured_from_ + period_.duration;
  for (const auto& lane : lanes_) lane->thread = std::thread([&] { Serve(*lane); });
  std::thread pacer;
  if (is_open()) {
    for (Slot& slot : slots_) Rest(slot);
    pacer = std::thread([this] { BeginWhenDue(); });
  } else {
    for (Slot& slot : slots_) Continue(slot, steady_clock::now());
  }
  AwaitEnd(progress);
  if (pacer.joinable()) pacer.join();
  {
    MutexLock lock(mutex_);
    while (resting_.size() < slots_.size()) all_rest_.Wait(mutex_);
  }
  const TimePoint ended = std::clamp(steady_clock::now(), measured_from_, end_);
  Measurement found{.measured = ended - measured_from_, .never_begun = never_begun_};
  for (const auto& lane : lanes_) {
    lane->queue.Shutdown();
    lane->thread.join();
    found.tally.Merge(lane->tally);
  }
  const OwnCost after = CostSoFar();
  const auto calls = static_cast<double>(std::max<uint64_t>(found.tally.calls, 1));
  found.cpu_microseconds = (after.cpu_microseconds - before.cpu_microseconds) / calls;
  found.switches = (after.switches - before.switches) / calls;
  return found;
}

bool Run::Begin(Slot& slot, TimePoint start) {
  std::optional<Request> request = workload_.Next(slot.number);
  if (!request) return false;
  slot.start = start;
  slot.effect = request->effect;
  slot.context.emplace();
  slot.context->set_deadline(gpr_time_add(
      gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(plan_.timeout.count(), GPR_TIMESPAN)));
  slot.context->set_wait_for_ready(true);  // a server that is gone is asked no faster than this
  slot.call = slot.stub->PrepareUnaryCall(&*slot.context, *request->method, request->message,
                                          &slot.lane->queue);
  slot.call->StartCall();
  slot.call->Finish(&slot.reply, &slot.status, &slot);
  return true;
}

void Run::Continue(Slot& slot, TimePoint now) {
  if (now >= end_ || over_.load(std::memory_order_relaxed) || !Begin(slot, now)) Rest(slot);
}

void Run::Rest(Slot& slot) {
  MutexLock lock(mutex_);
  resting_.push_back(&slot);
  slot_rests_.NotifyOne();
  if (resting_.size() == slots_.size()) all_rest_.NotifyOne();
}

void Run::Serve(Lane& lane) {
  void* tag = nullptr;
  bool ok = false;
  while (lane.queue.Next(&tag, &ok)) {
    Slot& slot = *static_cast<Slot*>(tag);
    const TimePoint now = steady_clock::now();
    Account(slot, now);
    if (is_open()) {
      Rest(slot);
    } else {
      Continue(slot, now);
    }
  }
}

void Run::Account(Slot& slot, TimePoint end) {
  Tally& tally = slot.lane->tally;
  slot.lane->answered.store(++tally.calls, std::memory_order_relaxed);
  Results results;
  if (slot.status.ok()) {
    workload_.Judge(slot.number, slot.reply, results);
    tally.results.Add(results);
  } else {
    AccountFailure(slot);
  }
  const bool measured =
      is_open() ? slot.start >= measured_from_ : end >= measured_from_ && end < end_;
  if (!measured) return;
  tally.measured_operations += results.operations();
  tally.latency.Record(end - slot.start);
  if (plan_.timeline_file.empty()) return;
  const auto slice = static_cast<size_t>((end - measured_from_) / kSlice);
  if (slice >= tally.timeline.size()) tally.timeline.resize(slice + 1);
  tally.timeline[slice].Record(end - slot.start);
}

void Run::AccountFailure(Slot& slot) {
  Tally& tally = slot.lane->tally;
  const AttemptFailure failure = ReadFailure(slot.status, *slot.context, slot.effect);
  ++(failure.failure.applied == Failure::Applied::kNo ? tally.errors : tally.unknown);
  ++tally.error_texts[failure.failure.message];
  slot.lane->failed.store(tally.errors + tally.unknown, std::memory_order_relaxed);
}

void Run::BeginWhenDue() {
  SteadyClock clock;
  bool exhausted = false;
  const auto begin = [&](TimePoint intended) {
    Slot* slot = AwaitFreeSlot();
    if (slot == nullptr) return false;
    exhausted = !Begin(*slot, intended);
    if (exhausted) Rest(*slot);
    return !exhausted;
  };
  const uint64_t never_begun =
      Pace(Arrivals(period_.rate, begin_, std::random_device()()), clock, end_, begin);
  never_begun_ = exhausted ? 0 : never_begun;
}

Run::Slot* Run::AwaitFreeSlot() {
  MutexLock lock(mutex_);
  while (resting_.empty() && !over_) slot_rests_.Wait(mutex_);
  if (over_) return nullptr;
  Slot* slot = resting_.back();
  resting_.pop_back();
  return slot;
}

void Run::AwaitEnd(const Generator::ProgressFn& progress) {
  MutexLock lock(mutex_);
  while (steady_clock::now() < end_ && !cli::StopAsked()) {
    if (!is_open() && resting_.size() == slots_.size()) break;
    all_rest_.WaitUntil(mutex_, std::min(end_, steady_clock::now() + kTellPeriod));
    if (steady_clock::now() < told_ + kTellPeriod) continue;
    told_ = steady_clock::now();
    Tell(progress);
  }
  over_ = true;
  slot_rests_.NotifyOne();
}

void Run::Tell(const Generator::ProgressFn& progress) {
  uint64_t answered = 0;
  uint64_t failed = 0;
  for (const auto& lane : lanes_) {
    answered += lane->answered.load(std::memory_order_relaxed);
    failed += lane->failed.load(std::memory_order_relaxed);
  }
  progress(steady_clock::now() - begin_, answered, failed);
}

}  // namespace tripla::load
