// SPDX-License-Identifier: Apache-2.0
#include "service/cluster_room.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "base/diagnostics.h"

namespace tripla {

ClusterRoom::ClusterRoom(std::string node, std::vector<std::string> others, Sources sources)
    : node_(std::move(node)), others_(std::move(others)), sources_(std::move(sources)) {}

void ClusterRoom::Look() {
  const Lead lead = sources_.lead();
  if (lead == Lead::kNo) return Forget();
  if (lead == Lead::kYes) elected_.reset();
  if (lead == Lead::kElected && !elected_) elected_ = sources_.now();
  Note(node_, sources_.own());
  if (sources_.now() >= next_question_) {
    next_question_ = sources_.now() + kPeriod;
    for (const std::string& other : others_) {
      sources_.ask(other, [this, other](const absl::StatusOr<internal::LogStateReply>& state) {
        if (state.ok()) Note(other, *state);
      });
    }
  }
  if (elected_ && sources_.now() - *elected_ < kBegin) return;
  absl::Status adds;
  {
    MutexLock lock(mutex_);
    removes_ = Judge(lead, Write::kRemoves);
    // Its advice is to remove something.
    adds = adds_ = removes_.ok() ? Judge(lead, Write::kAdds) : removes_;
  }
  Print(lead, adds);
}

void ClusterRoom::Forget() {
  next_question_ = {};
  elected_.reset();
  printed_ = Printed::kNothing;
  MutexLock lock(mutex_);
  known_.clear();
  full_since_.reset();
  adds_ = removes_ = absl::OkStatus();
}

void ClusterRoom::Print(Lead lead, const absl::Status& adds) {
  const Printed now = adds.ok()                ? Printed::kNothing
                      : lead == Lead::kElected ? Printed::kCannotBegin
                                               : Printed::kRefuses;
  const Printed before = std::exchange(printed_, now);
  if (now == before) return;
  const std::string why(adds.message());
  if (now == Printed::kNothing) {
    Say(Severity::kInfo, "a majority of the servers has room on its disks: writes are taken again");
  } else {
    Say(Severity::kError, now == Printed::kRefuses ? why + "; reads go on" : why);
  }
}

void ClusterRoom::Note(const std::string& node, const internal::LogStateReply& state) {
  Known known{.adds = !state.disk_full() && !state.takes_no_entries(),
              .removes = !state.takes_no_entries(),
              .text = state.room(),
              .last = state.last_index(),
              .said = sources_.now()};
  MutexLock lock(mutex_);
  if (node == node_ && known.adds) full_since_.reset();
  if (node == node_ && !known.adds && !full_since_) full_since_ = sources_.now();
  known_[node] = std::move(known);
}

bool ClusterRoom::IsKnown(const std::string& node) const {
  const auto found = known_.find(node);
  return found != known_.end() && sources_.now() - found->second.said < kTrust;
}

bool ClusterRoom::HasRoom(Write write) const {
  size_t with_room = 0;
  bool full = false;
  for (const auto& [node, known] : known_) {
    if (!IsKnown(node)) continue;
    const bool takes = write == Write::kAdds ? known.adds : known.removes;
    with_room += takes ? 1 : 0;
    full = full || !takes;
  }
  // What the leader's own disk does not take, nobody commits.
  const auto own = known_.find(node_);
  const bool enough = with_room >= majority() && (own == known_.end() || own->second.removes);
  return !full || enough;
}

absl::Status ClusterRoom::Judge(Lead lead, Write write) const {
  if (lead == Lead::kElected) {
    if (HasRoom(Write::kRemoves)) return absl::OkStatus();
    return absl::ResourceExhaustedError(fmt::format(
        "{} is elected and leads once the first record of its term is on the disks of {} of the {} "
        "servers, its own among them, but {}: all writes are refused, and only stale reads are "
        "answered, until there is room; free space there, and try again",
        node_, majority(), others_.size() + 1, Lacking(Write::kRemoves)));
  }
  if (HasRoom(write)) return absl::OkStatus();
  return absl::ResourceExhaustedError(fmt::format(
      "a write needs room on the disks of {} of the {} servers, its leader's among them, but {}: "
      "{} until there is room; {}free space there, and try again",
      majority(), others_.size() + 1, Lacking(write),
      write == Write::kAdds ? "writes that make the map larger are refused"
                            : "all writes are refused",
      write == Write::kAdds ? "delete entries, or " : ""));
}

std::string ClusterRoom::Lacking(Write write) const {
  std::vector<std::string> lacking;
  for (const auto& [node, known] : known_) {
    if (!IsKnown(node) || (write == Write::kAdds ? known.adds : known.removes)) continue;
    const auto age = std::chrono::floor<std::chrono::seconds>(sources_.now() - known.said);
    lacking.push_back(fmt::format("{} has none ({}{})", node, known.text,
                                  age.count() == 0 ? "" : fmt::format(", {} s ago", age.count())));
  }
  for (const std::string& other : others_) {
    if (!IsKnown(other)) lacking.push_back(other + " does not answer");
  }
  return absl::StrJoin(lacking, ", ");
}

absl::Status ClusterRoom::Check(Write write) const {
  MutexLock lock(mutex_);
  return write == Write::kAdds ? adds_ : removes_;
}

std::string ClusterRoom::Successor() const {
  MutexLock lock(mutex_);
  if (!full_since_) return "";
  const LogIndex last = known_.at(node_).last;
  std::string successor;
  size_t with_room = 0;
  for (const std::string& other : others_) {
    if (!IsKnown(other)) continue;
    const Known& known = known_.at(other);
    if (!known.adds || known.said < *full_since_ + kPeriod) continue;
    ++with_room;
    if (known.last >= last) successor = other;
  }
  return with_room >= majority() ? successor : "";
}

}  // namespace tripla
