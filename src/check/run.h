// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "check/caller.h"
#include "check/key_range.h"
#include "check/plan.h"
#include "check/revision_watch.h"
#include "check/traffic.h"

namespace tripla::check {

// The limits that the servers advertise (R14), of several the lowest. Where in Admin.Status stands
// nowhere in the contract: other servers may say nothing that is understood here.
struct Limits {
  std::optional<uint64_t> data_bytes;
  std::optional<uint64_t> batch_operations;
  std::optional<uint64_t> batch_bytes;

  // So many bytes of data, so many operations of a batch, or fewer where they take no more.
  [[nodiscard]] uint64_t DataAtMost(uint64_t bytes) const {
    return std::min(bytes, data_bytes.value_or(bytes));
  }
  [[nodiscard]] size_t OperationsAtMost(size_t count) const {
    return std::min<uint64_t>(count, batch_operations.value_or(count));
  }
};

// What all claims of one run share: the database under test, and the keys of the run.
//
// Thread-safety: Reach() and what removes keys from one thread; all else from any.
class Run {
 public:
  explicit Run(Plan plan);

  // Asks every endpoint for its status and takes the limits. Errors: Unavailable, which names the
  // endpoint that gave no answer; an error is an answer.
  [[nodiscard]] absl::Status Reach();

  // Removes the keys given from the number `first` on. Those that may be left all the same are
  // kept, to be tried again.
  void Clear(size_t first);
  void ClearLeft();
  // How many may be left, and why the newest of them.
  [[nodiscard]] size_t keys_left() const { return left_.size(); }
  [[nodiscard]] const std::string& why_left() const { return why_left_; }

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] const Limits& limits() const { return limits_; }
  KeyRange& keys() { return keys_; }
  RevisionWatch& revisions() { return revisions_; }
  Caller& caller() { return *caller_; }
  // For what is done when the run was stopped, too.
  Caller& cleaner() { return *cleaner_; }
  Traffic& traffic() { return traffic_; }

 private:
  void Clear(const std::vector<Key>& keys);
  // Whether these were removed, or had not been there.
  [[nodiscard]] bool Remove(const std::vector<Key>& keys);

  const Plan plan_;
  Limits limits_;
  KeyRange keys_;
  RevisionWatch revisions_;
  Traffic traffic_;
  Traffic cleaning_;
  std::unique_ptr<Caller> caller_;
  std::unique_ptr<Caller> cleaner_;
  std::vector<Key> left_;
  std::string why_left_;
};

}  // namespace tripla::check
