// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "disk/data_directory.h"
#include "log/log.h"
#include "log/ratis/applied_index.h"
#include "log/ratis/membership.h"
#include "log/ratis/read_rounds.h"
#include "log/ratis/replica.h"
#include "log/ratis/submissions.h"

namespace tripla {

// The log of a cluster (R25-R27): a batch gets its place from the leader, through Apache Ratis, and
// is applied here once a majority of the replicas has it on disk. Images go to replicas that lag
// too far behind for the log.
//
// The indexes of the log are Ratis's. An index that holds no batch, but a note of Ratis's about a
// leader or the members, is applied as an empty batch. Index 0 never holds a batch.
//
// Thread-safety: as Log. Batches are applied on a thread of Ratis's.
class RatisLog : public Log {
 public:
  // What the rooms around the log do for it.
  struct Hooks {
    ApplyFn apply;
    std::function<std::optional<ImageFile>()> newest_image;  // in force
    std::function<bool(uint64_t bytes)> has_room;            // as ReplicaCallbacks
    // Whether the log took entries a moment ago; must not block.
    std::function<bool()> takes_entries;
    // Why this server, which is elected, cannot begin to lead; empty when that is not so, or not
    // known. Must not block.
    std::function<std::string()> why_not_begun;
    // As ReplicaCallbacks; install() ends the process when the image, which was verified while it
    // came, cannot be read any more.
    std::function<void()> hold_images;
    std::function<void()> release_images;
    std::function<ImageFile()> install;
    std::function<absl::Status(const ImagePiece&)> check_piece;
    std::function<void()> image_refused;
    std::function<Levels()> levels;  // as ReplicaCallbacks
    // Asks the leader, which serves at `endpoint`, for ConfirmReadIndex(). Must not block.
    std::function<void(const std::string& endpoint, Proof, ReadRounds::AnswerFn)> ask_leader;
  };

  struct Settings {
    size_t command_bytes_max = 0;  // when encoded; larger ones must not be submitted
    // The same of any server of the cluster: what this one must be able to take and pass on.
    size_t command_bytes_max_anywhere = 0;
    std::string listen;  // HOST:PORT for the others; empty: where the cluster knows it
    // Whether a leader trusts its lease when it is read. Else it asks the others each time.
    bool read_lease = true;
  };

  // Starts the replica that `directory` belongs to behind the image in force, which is applied.
  //
  // `directory` and `starts` outlive the log. Errors: as Replica::Start().
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<RatisLog>> Open(
      const DataDirectory& directory, const Membership& membership, MemberStarts& starts,
      const Settings& settings, Hooks hooks);

  ~RatisLog() override;

  void Submit(Batch batch, DoneFn done) override;
  [[nodiscard]] bool Leads() const override;
  [[nodiscard]] Leadership GetLeadership() const override;
  [[nodiscard]] std::optional<bool> HasLease() const override;
  [[nodiscard]] std::optional<bool> ReadsByLease() const override { return read_lease_; }
  [[nodiscard]] std::vector<MemberStatus> GetOtherMembers() const override;
  void AwaitReadable(ReadableFn done) override;
  // Java compiles what it runs often. A leader submits no-op entries until they get no quicker.
  void WarmUp() override;
  [[nodiscard]] absl::Status ReleasePrefix(LogIndex through, Release release) override;
  [[nodiscard]] Stats GetStats() const override;
  [[nodiscard]] uint64_t LookUpBytes() const override;
  void BeginStop() override;
  // Transfers leadership if this node leads, and answers all calls that wait. Idempotent.
  void Stop() override;
  // If this node leads, transfers leadership to `successor`, for the reason `why`, at most once in
  // five seconds. One thread at a time; takes a second or two.
  void TransferLeadership(const std::string& successor, std::string_view why);
  // If this node leads, transfers leadership to `successor`, empty: to any, for the reason `why`.
  // Errors: Unavailable when it leads on. Takes a second or two, and as long again for each caller
  // before.
  [[nodiscard]] absl::Status HandOver(const std::string& successor, std::string_view why);
  // Says it when this leader's lease has run out for long, and when it is back. One thread.
  void WatchLease();

  // The highest term and the last place that this replica knows. Unavailable while it replaces one
  // that was lost and its log does not hold yet what that one's held.
  [[nodiscard]] absl::StatusOr<LogPosition> KnownState() const;

  // As MemberStarts::Note(), but a failed disk ends the process.
  [[nodiscard]] absl::Status NoteStarts(const std::string& node, const Starts& said);

  // As Replica::Disconnect().
  void Disconnect(const std::string& node) { replica_->Disconnect(node); }

  // On the leader: the place that a read begun before this call must see, wherever it is done, once
  // it is sure that no other leads. Unavailable elsewhere, or when it cannot be made sure.
  void ConfirmReadIndex(Proof proof, ReadRounds::AnswerFn answer);

 private:
  RatisLog(const DataDirectory& directory, const Membership& membership, MemberStarts& starts,
           const Settings& settings, Hooks hooks);

  ReplicaCallbacks Callbacks();
  // Gives Ratis one entry's worth of commands.
  void SubmitEntry(Batch batch, bool urgent, DoneFn done);
  void Apply(LogPosition position, const Batch& batch, const DoneFn& done);
  void ApplyBytes(LogPosition position, std::string_view bytes);
  // Where the log ends, for the next start.
  void NoteReached();
  void EndAsOutdated(const std::string& why);
  void Fail(uint64_t number, bool appended, const std::string& why);
  // Submits an entry without commands. Answers with an index that covers everything committed
  // before the call.
  void SubmitNoOp(ReadRounds::AnswerFn answer);
  // How long a few of them take, one after the other; nothing when one fails.
  std::optional<std::chrono::nanoseconds> TimeOfNoOps();
  // Asks the followers whether this node still leads.
  void AskFollowers(ReadRounds::AnswerFn answer);
  void AnswerFollowersAsked(std::optional<LogIndex> index);
  // Calls `done` once the entry at `index` is applied; with Unavailable at once if this follower
  // lacks it and has no room for it.
  void AwaitApplied(LogIndex index, ReadableFn done);
  void AskWhoeverLeads(ReadRounds::AnswerFn answer);
  // Why no read can be made sure: `usual`, unless this server knows more.
  [[nodiscard]] absl::Status WhyNotReadable(const absl::Status& usual) const;
  // Whether it replaces a lost replica and its log does not hold yet what that one's held.
  [[nodiscard]] bool IsBeingRebuilt(LogIndex last) const { return last < membership_.votes_from; }

  const DataDirectory& directory_;
  const Membership membership_;
  MemberStarts& starts_;
  const size_t entry_bytes_max_;
  const bool read_lease_;
  const Hooks hooks_;
  Submissions submissions_;
  AppliedIndex applied_;
  ReadRounds reads_here_;  // of this server's clients
  ReadRounds no_ops_;      // confirm by an entry that it leads: its lease has run out
  ReadRounds ack_rounds_;  // confirm it by acknowledgements: --read-lease off
  Mutex hand_over_;        // held during one
  Mutex mutex_;
  ReadRounds::AnswerFn followers_asked_ ABSL_GUARDED_BY(mutex_);  // of the round under way
  std::unique_ptr<Replica> replica_;
  mutable std::atomic<uint64_t> bytes_{0};  // as the last LookUpBytes() found it
  std::chrono::steady_clock::time_point next_hand_over_;
  // Of WatchLease().
  std::optional<std::chrono::steady_clock::time_point> lease_seen_;  // while this node leads
  bool lease_missed_ = false;
  bool stopped_ = false;
};

}  // namespace tripla
