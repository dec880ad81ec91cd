// SPDX-License-Identifier: Apache-2.0
#include "check/cut_attempt.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_join.h"
#include "client/wire.h"

namespace tripla::check {
namespace {

using Applied = Failure::Applied;

std::string TextOf(const Cut& cut) {
  static constexpr std::array kKinds = {"reset", "silence", "half-open", "trickle"};
  return fmt::format("{} after {} bytes of the {}", kKinds[static_cast<size_t>(cut.kind)],
                     cut.after_bytes,
                     cut.direction == Direction::kRequest ? "requests" : "replies");
}

const char* NameOf(CutTold told) {
  static constexpr std::array kNames = {"not applied", "unknown", "decided"};
  return kNames[static_cast<size_t>(told)];
}

// One write and one cut, step by step.
class CutCheck {
 public:
  CutCheck(Trial& trial, const Operation& write, const KeyState& before, std::string what)
      : trial_(trial),
        write_(write),
        what_(std::move(what)),
        wanted_(Predict(before, write)),
        unapplied_(Predict(before, GetOperation{KeyOf(write)})),
        lease_(trial.caller().ids(), 1),
        request_(ToWire(write)) {
    const RequestIds& ids = trial.caller().ids();
    SetRequestId(request_, MakeId(ids.client(), lease_.first(), lease_.first_unanswered()));
    const KeyState after = Step(before, write, nullptr).value();
    applied_ = Predict(after, GetOperation{KeyOf(write)});
  }

  // Over the connection that is cut.
  CutTold Send(Caller& through, std::chrono::milliseconds patience) {
    // What was never connected never left; gRPC itself would not tell (client/client.cc).
    if (!through.Connect(patience)) return told_ = CutTold::kNotApplied;
    const ToldReply told = through.Send(request_, patience);
    if (told.ok()) {
      reply_ = FromWire(told.reply);
      Check(reply_ && wanted_.Agrees(*reply_) && !reply_->replayed, "the answer", wanted_.ToText(),
            reply_);
      return told_ = CutTold::kDecided;
    }
    const bool surely = told.error.failure.applied == Applied::kNo;
    return told_ = surely ? CutTold::kNotApplied : CutTold::kUnknown;
  }

  // What the entry shows at once, over a connection that works.
  void CheckTruth() {
    const std::optional<Decided> seen = Ask(ToWire(GetOperation{KeyOf(write_)}), "a get");
    if (!seen) return;
    const bool applied = applied_.Agrees(*seen);
    const bool unapplied = unapplied_.Agrees(*seen);
    if (told_ == CutTold::kDecided) {
      Check(applied && ShowsRevision(*seen), "told decided; a get", applied_.ToText(), seen);
    } else if (told_ == CutTold::kNotApplied) {
      Check(unapplied, "told not applied; a get", unapplied_.ToText(), seen);
    } else {
      Check(applied || unapplied, "told unknown; a get",
            fmt::format("{}\nor {}", applied_.ToText(), unapplied_.ToText()), seen);
      must_replay_ = applied && !unapplied;
    }
  }

  void CheckRetries() {
    for (const char* when : {"sent again", "and once more"}) {
      if (trial_.Over()) return;
      const std::optional<Decided> again = Ask(request_, when);
      if (!again) return;
      const bool first_time = !again->replayed;
      const bool may_be_first = told_ != CutTold::kDecided && !must_replay_;
      Check(wanted_.Agrees(*again) && (!first_time || may_be_first), when,
            wanted_.ToText() + (may_be_first ? "" : " replayed"), again);
      Check(!reply_ || reply_->revision == again->revision, when, "the answer as before", again);
      if (told_ == CutTold::kNotApplied && !must_replay_) {
        Check(first_time, std::string("told not applied; ") + when, "an answer that is no replay",
              again);
      }
      reply_ = again;
      must_replay_ = true;
    }
    const std::optional<Decided> end = Ask(ToWire(GetOperation{KeyOf(write_)}), "a get at last");
    if (end)
      Check(applied_.Agrees(*end) && ShowsRevision(*end), "a get at last", applied_.ToText(), end);
  }

 private:
  // An entry that the write left tells the write's revision.
  [[nodiscard]] bool ShowsRevision(const Decided& seen) const {
    return !reply_ || !seen.value || seen.revision == reply_->revision;
  }

  std::optional<Decided> Ask(const v1::Operation& request, const std::string& when) {
    const ToldReply told = trial_.caller().Settle(request);
    std::optional<Decided> reply;
    if (told.ok()) reply = FromWire(told.reply);
    if (!told.ok()) {
      trial_.NotDecided(fmt::format("{}: {}", what_, when), "a decision", told.status, told.error);
    } else if (!reply) {
      Check(false, when, "a decision", reply);
    }
    return reply;
  }

  void Check(bool holds, std::string_view when, const std::string& expected,
             const std::optional<Decided>& got) {
    if (holds) return;
    trial_.Fail(fmt::format("{}: {}", what_, when), expected,
                got ? check::TextOf(*got) : "a reply without a result");
  }

  Trial& trial_;
  const Operation& write_;
  const std::string what_;
  const Prediction wanted_;     // the answer of the write
  const Prediction unapplied_;  // what a get shows without it
  Prediction applied_;          // and with it
  const RequestIds::Lease lease_;
  v1::Operation request_;
  CutTold told_ = CutTold::kUnknown;
  std::optional<Decided> reply_;  // the newest answer to the write
  bool must_replay_ = false;      // it is known to have happened
};

}  // namespace

void CutTally::Add(uint64_t number, CutTold told) {
  const MutexLock lock(mutex_);
  told_[number] = told;
}

std::string CutTally::ToText() const {
  const MutexLock lock(mutex_);
  const auto count = [this](CutTold wanted) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return std::ranges::count_if(told_, [wanted](const auto& one) { return one.second == wanted; });
  };
  return fmt::format("{} cuts: {} not applied, {} unknown, {} decided", told_.size(),
                     count(CutTold::kNotApplied), count(CutTold::kUnknown),
                     count(CutTold::kDecided));
}

std::vector<CutRun> CutTally::Runs() const {
  const MutexLock lock(mutex_);
  std::vector<CutRun> runs;
  for (const auto& [number, told] : told_) {
    if (!runs.empty() && runs.back().told == NameOf(told) && runs.back().to + 1 == number) {
      runs.back().to = number;
    } else {
      runs.push_back({number, number, NameOf(told)});
    }
  }
  return runs;
}

std::string TextOf(const std::vector<CutRun>& runs) {
  std::vector<std::string> parts;
  for (const CutRun& run : runs) {
    parts.push_back(run.from == run.to ? fmt::format("{} {}", run.from, run.told)
                                       : fmt::format("{}-{} {}", run.from, run.to, run.told));
  }
  return absl::StrJoin(parts, ", ");
}

CutTold CheckCut(Trial& trial, const Operation& write, const KeyState& before,
                 const std::string& endpoint, const Cut& cut, std::chrono::milliseconds patience) {
  CutCheck check(trial, write, before, TextOf(write) + ", " + TextOf(cut));
  CutTold told = CutTold::kUnknown;
  {
    CutProxy proxy(endpoint, CutOnce(cut));
    Caller through({proxy.endpoint()}, patience, trial.caller().shared_ids(), trial.traffic());
    told = check.Send(through, patience);
    check.CheckTruth();
  }
  check.CheckRetries();
  return told;
}

}  // namespace tripla::check
