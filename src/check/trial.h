// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "check/claim.h"
#include "check/progress.h"
#include "check/run.h"

namespace tripla::check {

// One claim being tried: where its evidence is collected.
//
// Thread-safety: all methods may be called from any thread.
class Trial {
 public:
  // All outlive it.
  Trial(Run& run, const Claim& claim, Progress& progress)
      : run_(run), claim_(claim), progress_(progress) {}

  Key NewKey() { return run_.keys().Next(); }
  KeyRange& keys() { return run_.keys(); }
  [[nodiscard]] const Plan& plan() const { return run_.plan(); }
  [[nodiscard]] const Limits& limits() const { return run_.limits(); }
  RevisionWatch& revisions() { return run_.revisions(); }
  // The caller that all claims share.
  Caller& caller() { return run_.caller(); }
  Traffic& traffic() { return run_.traffic(); }
  // A client of its own.
  [[nodiscard]] std::unique_ptr<Caller> NewCaller() const;
  // More connections of the client that all claims share.
  [[nodiscard]] std::unique_ptr<Caller> NewConnections();

  // Chance that the run's seed repeats; another one for each `stream`, for example each client.
  [[nodiscard]] std::mt19937_64 Chance(uint64_t stream) const;

  // The claim fails.
  void Fail(std::string_view what, std::string_view expected, std::string_view got);
  // Fails unless `holds`, and returns `holds`.
  bool Check(bool holds, std::string_view what, std::string_view expected, std::string_view got);
  // The claim can be found neither true nor false.
  void LeaveOpen(std::string_view because);
  // It, or a part of it, cannot be tried with this server.
  void NotTried(std::string_view because);
  // A call was not decided where it should have been: the claim fails, or is open as long as the
  // reason may lie elsewhere; then the traffic of the run is paused.
  void NotDecided(std::string_view what, std::string_view expected, const grpc::Status& status,
                  const AttemptFailure& error);

  void SetFigures(std::string_view figures);
  void SetCuts(std::vector<CutRun> cuts);
  // So much is done, from 0 to 1: for who waits.
  void Advance(double fraction) { progress_.Advance(fraction); }

  // Whether there is nothing more to find out: it failed, or is open, or somebody asked to stop.
  [[nodiscard]] bool Over() const;

  [[nodiscard]] ClaimResult Result() const;

 private:
  Run& run_;
  const Claim& claim_;
  Progress& progress_;
  mutable Mutex mutex_;
  ClaimResult result_ ABSL_GUARDED_BY(mutex_);  // but for what the claim itself says
};

}  // namespace tripla::check
