// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "model/limits.h"
#include "service/request_check.h"
#include "state/state_machine.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla {

// The database as it must be: what its clients were answered for, executed once more in memory, in
// the order of the revisions. So a server that has lost, doubled, invented or reordered anything
// since its beginning has another hash, request ids included.
//
// Thread-safety: one thread.
class Twin {
 public:
  // Takes down an operation that was answered with SUCCESS and this revision (R9).
  void Take(uint64_t revision, v1::Operation operation) {
    EXPECT_TRUE(executed_.emplace(revision, std::move(operation)).second)
        << "two changes have revision " << revision;
  }
  // The same for one that was sent again, after all of the others were executed.
  void TakeAgain(uint64_t revision, v1::Operation operation) {
    sent_again_.emplace_back(revision, std::move(operation));
  }

  // Executes what was taken down. Each change must have added one to the revision, and nobody else
  // have made any.
  void CatchUp() {
    for (auto& [revision, operation] : executed_) Execute(revision, operation);
    for (auto& [revision, operation] : sent_again_) Execute(revision, operation);
    executed_.clear();
    sent_again_.clear();
  }

  // What a server must say of its state.
  [[nodiscard]] std::string Text() const {
    const StateSummary summary = machine_.GetSummary();
    const std::string hash(summary.hash.begin(), summary.hash.end());
    return Text(summary.revision, summary.keys, summary.payload_bytes, summary.sessions,
                summary.answers, hash);
  }
  [[nodiscard]] static std::string Text(const v1::StatusReply& status) {
    return Text(status.revision(), status.keys(), status.held_bytes(), status.sessions(),
                status.answers(), status.state_hash());
  }

 private:
  static std::string Text(uint64_t revision, uint64_t keys, uint64_t bytes, uint64_t sessions,
                          uint64_t answers, const std::string& hash) {
    return absl::StrCat("revision ", revision, ", ", keys, " keys, ", bytes, " bytes, ", sessions,
                        " sessions, ", answers, " answers, hash ", absl::BytesToHexString(hash));
  }

  void Execute(uint64_t revision, const v1::Operation& operation) {
    v1::BatchRequest request;
    *request.add_operations() = operation;
    const uint64_t next = machine_.GetSummary().position.index + 1;
    const std::vector<Outcome> outcomes = machine_.Apply(
        {.index = next}, {ToCommands(request, limits::kDataBytesMaxCeiling).value()});
    ASSERT_EQ(outcomes[0].result, Result::kSuccess) << operation.ShortDebugString().substr(0, 300);
    ASSERT_EQ(outcomes[0].revision, revision) << "a change that nobody made, or one too few";
  }

  StateMachine machine_;
  std::map<uint64_t, v1::Operation> executed_;  // by revision
  std::vector<std::pair<uint64_t, v1::Operation>> sent_again_;
};

}  // namespace tripla
