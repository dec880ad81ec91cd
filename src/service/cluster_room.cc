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
  if (!sources_.leads()) {
    next_question_ = {};
    refusing_ = false;
    MutexLock lock(mutex_);
    known_.clear();
    full_since_.reset();
    adds_ = removes_ = absl::OkStatus();
    return;
  }
  Note(node_, sources_.own());
  if (sources_.now() >= next_question_) {
    next_question_ = sources_.now() + kPeriod;
    for (const std::string& other : others_) {
      sources_.ask(other, [this, other](const absl::StatusOr<internal::LogStateReply>& state) {
        if (state.ok()) Note(other, *state);
      });
    }
  }
  absl::Status adds;
  {
    MutexLock lock(mutex_);
    adds = adds_ = Judge(Write::kAdds);
    removes_ = Judge(Write::kRemoves);
  }
  if (refusing_ == !adds.ok()) return;
  refusing_ = !adds.ok();
  Say(refusing_ ? Severity::kError : Severity::kInfo,
      refusing_ ? fmt::format("{}; reads go on", std::string(adds.message()))
                : "a majority of the servers has room on its disks: writes are taken again");
}

void ClusterRoom::Note(const std::string& node, const internal::LogStateReply& state) {
  Known known{.adds = !state.disk_full() && !state.takes_no_entries(),
              .removes = !state.takes_no_entries(),
              .text = state.room(),
              .last = state.last_index(),
              .until = sources_.now() + kTrust};
  MutexLock lock(mutex_);
  if (node == node_ && known.adds) full_since_.reset();
  if (node == node_ && !known.adds && !full_since_) full_since_ = sources_.now();
  known_[node] = std::move(known);
}

bool ClusterRoom::IsKnown(const std::string& node) const {
  const auto found = known_.find(node);
  return found != known_.end() && found->second.until > sources_.now();
}

absl::Status ClusterRoom::Judge(Write write) const {
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
  if (!full || enough) return absl::OkStatus();
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
    lacking.push_back(fmt::format("{} has none ({})", node, known.text));
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
    if (!known.adds || known.until < *full_since_ + kPeriod + kTrust) continue;
    ++with_room;
    if (known.last >= last) successor = other;
  }
  return with_room >= majority() ? successor : "";
}

}  // namespace tripla
