// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "check/caller.h"
#include "check/key_range.h"
#include "check/plan.h"
#include "check/revision_watch.h"

namespace tripla::check {

// The limits of the server (R14): what it advertises, or else what the specification says.
struct Limits {
  uint64_t data_bytes = uint64_t{16} << 20;
  uint64_t batch_operations = 1000;
};

// What all claims of one run share: the database under test, and the keys of the run.
//
// Thread-safety: Clear() from one thread; all else from any.
class Run {
 public:
  explicit Run(Plan plan);

  // Asks every endpoint for its status and takes the limits. Errors: Unavailable, which names the
  // endpoint that gave no answer; an error is an answer.
  [[nodiscard]] absl::Status Reach();

  // Removes the keys given from the number `first` on. Errors: Unavailable when some may be left.
  [[nodiscard]] absl::Status Clear(size_t first);

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] const Limits& limits() const { return limits_; }
  KeyRange& keys() { return keys_; }
  RevisionWatch& revisions() { return revisions_; }
  Caller& caller() { return *caller_; }

 private:
  [[nodiscard]] absl::Status Remove(const std::vector<Key>& keys);

  const Plan plan_;
  Limits limits_;
  KeyRange keys_;
  RevisionWatch revisions_;
  std::unique_ptr<Caller> caller_;
};

}  // namespace tripla::check
