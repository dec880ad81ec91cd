// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/ratis_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/diagnostics.h"
#include "base/status_macros.h"
#include "log/ratis/segments.h"
#include "log/ratis/split_batch.h"
#include "model/batch_codec.h"
#include "model/limits.h"

namespace tripla {
namespace {

// What Ratis and the codec add to the commands of an entry.
constexpr size_t kEntryOverheadBytes = 4096;

// How long a stop waits for what was submitted. By then a leader without a majority has stepped
// down.
constexpr std::chrono::seconds kStopPatience{3};

// Between two attempts to transfer leadership.
constexpr std::chrono::seconds kHandOverPause{5};

// After a transfer that no server has confirmed.
constexpr std::chrono::milliseconds kSuccessorPatience{2000};

// Before it is said that the lease has run out. A lost message is made good sooner.
constexpr std::chrono::milliseconds kLeasePatience{500};

constexpr std::chrono::milliseconds kWarmUpTime{800};
constexpr int kNoOpsInARound = 50;

absl::Status NoLeader() {
  return absl::UnavailableError(
      "no leader is known: there is none while no majority of the servers is up and connected");
}

absl::Status NotLeader() { return absl::UnavailableError("this server does not lead"); }

}  // namespace

absl::StatusOr<std::unique_ptr<RatisLog>> RatisLog::Open(const DataDirectory& directory,
                                                         const Membership& membership,
                                                         MemberStarts& starts,
                                                         const Settings& settings, Hooks hooks) {
  std::unique_ptr<RatisLog> log(
      new RatisLog(directory, membership, starts, settings, std::move(hooks)));
  const std::optional<ImageFile> image = log->hooks_.newest_image();
  if (image) log->applied_.Advance(image->position.index);
  TRIPLA_ASSIGN_OR_RETURN(
      log->replica_,
      Replica::Start(
          {.membership = membership,
           .starts = starts.own(),
           .listen = settings.listen.empty() ? membership.self().raft_endpoint : settings.listen,
           .log_directory = directory.log_path(),
           .image = image,
           .entry_bytes_max = settings.command_bytes_max_anywhere + kEntryOverheadBytes,
           .own_entry_bytes_max = log->entry_bytes_max_ + kEntryOverheadBytes},
          log->Callbacks()));
  return log;
}

RatisLog::RatisLog(const DataDirectory& directory, const Membership& membership,
                   MemberStarts& starts, const Settings& settings, Hooks hooks)
    : directory_(directory),
      membership_(membership),
      starts_(starts),
      entry_bytes_max_(std::max(limits::kLogBatchBytesMax, settings.command_bytes_max)),
      read_lease_(settings.read_lease),
      hooks_(std::move(hooks)),
      reads_here_([this](ReadRounds::AnswerFn answer) { AskWhoeverLeads(std::move(answer)); }),
      no_ops_([this](ReadRounds::AnswerFn answer) { SubmitNoOp(std::move(answer)); }),
      ack_rounds_([this](ReadRounds::AnswerFn answer) { AskFollowers(std::move(answer)); }) {}

RatisLog::~RatisLog() { Stop(); }

ReplicaCallbacks RatisLog::Callbacks() {
  return {
      .apply_submitted =
          [this](uint64_t number, LogPosition position) {
            std::optional<Submissions::Submission> submission = submissions_.Take(number);
            if (!submission) return false;
            Apply(position, submission->batch, submission->done);
            return true;
          },
      .apply = [this](LogPosition position,
                      std::string_view bytes) { ApplyBytes(position, bytes); },
      .skip = [this](LogPosition position) { Apply(position, {}, nullptr); },
      .failed = [this](uint64_t number, bool appended,
                       const std::string& why) { Fail(number, appended, why); },
      .confirmed = [this](std::optional<LogIndex> index) { AnswerFollowersAsked(index); },
      .has_room = hooks_.has_room,
      .hold_images = hooks_.hold_images,
      .release_images = hooks_.release_images,
      .install =
          [this] {
            ImageFile image = hooks_.install();
            applied_.Advance(image.position.index);
            return image;
          },
      .check_piece = hooks_.check_piece,
      .image_refused = hooks_.image_refused,
      .note_starts = [this](const std::string& node,
                            const Starts& said) { return NoteStarts(node, said); },
      .mark_said = [this] { return starts_.MarkSaid(); },
      .levels = hooks_.levels,
      .end_as_outdated = [this](const std::string& why) { EndAsOutdated(why); },
  };
}

void RatisLog::Submit(Batch batch, DoneFn done) {
  std::vector<Batch> parts = SplitBatch(std::move(batch), entry_bytes_max_);
  if (parts.size() == 1) return SubmitEntry(std::move(parts[0]), /*urgent=*/false, std::move(done));
  SubmitInTurn(
      std::move(parts),
      [this](Batch part, bool first, DoneFn part_done) {
        // The later ones are submitted by the thread that applies, which must not wait.
        SubmitEntry(std::move(part), /*urgent=*/!first, std::move(part_done));
      },
      std::move(done));
}

void RatisLog::SubmitEntry(Batch batch, bool urgent, DoneFn done) {
  std::string bytes;
  EncodeBatch(batch, bytes);
  Submissions::Submission submission{
      .batch = std::move(batch), .bytes = bytes.size(), .done = std::move(done)};
  const std::optional<uint64_t> number = submissions_.Add(submission, urgent);
  if (!number) return submission.done(absl::UnavailableError("the server is shutting down"));
  if (urgent) return replica_->SubmitLater(*number, bytes);
  replica_->Submit(*number, bytes);
}

void RatisLog::Apply(LogPosition position, const Batch& batch, const DoneFn& done) {
  if (position.index == 0) {
    TRIPLA_CHECK(batch.commands.empty(), "the first entry of a log in Ratis names the members");
    return;
  }
  std::vector<Outcome> outcomes = hooks_.apply(position, batch);
  applied_.Advance(position.index);
  if (done) done(std::move(outcomes));
}

void RatisLog::ApplyBytes(LogPosition position, std::string_view bytes) {
  const absl::StatusOr<Batch> batch = DecodeBatch(bytes);
  if (!batch.ok()) {
    Die(fmt::format("entry {} of the log cannot be applied: {}", position.index,
                    std::string(batch.status().message())));
  }
  Apply(position, *batch, nullptr);
}

absl::Status RatisLog::NoteStarts(const std::string& node, const Starts& said) {
  absl::Status noted = starts_.Note(node, said);
  if (absl::IsInternal(noted)) Die(std::string(noted.message()));
  return noted;
}

void RatisLog::EndAsOutdated(const std::string& why) {
  const std::string advice = fmt::format(
      "{}; it may have forgotten votes and records that {} has promised to keep; if another server "
      "runs as {}, this one must not; otherwise {}",
      why, membership_.node, membership_.node, kRebuild);
  const absl::Status marked = starts_.MarkOutdated(advice);
  Die(marked.ok() ? advice : fmt::format("{} ({})", advice, std::string(marked.message())));
}

void RatisLog::Fail(uint64_t number, bool appended, const std::string& why) {
  const std::optional<Submissions::Submission> submission = submissions_.Take(number);
  if (!submission) return;
  submission->done(appended ? absl::UnknownError(fmt::format(
                                  "whether it was applied is not known: {}; ask again", why))
                            : absl::UnavailableError(why));
}

bool RatisLog::Leads() const { return replica_->Leads(); }

Log::Leadership RatisLog::GetLeadership() const {
  const Replica::State state = replica_->GetState();
  Leadership leadership{.node = membership_.node,
                        .cluster = membership_.cluster,
                        .role = state.role,
                        .leader = replica_->Leader(),
                        .term = state.term};
  if (const Member* leader = membership_.Find(leadership.leader)) {
    leadership.leader_endpoint = leader->client_endpoint;
  }
  return leadership;
}

std::optional<bool> RatisLog::HasLease() const {
  if (!read_lease_ || !Leads()) return std::nullopt;
  return replica_->ReadIndex().has_value();
}

std::vector<Log::MemberStatus> RatisLog::GetOtherMembers() const {
  std::vector<MemberStatus> members;
  for (const auto& member : membership_.members) {
    if (member.node != membership_.node) members.push_back(replica_->GetMember(member.node));
  }
  return members;
}

void RatisLog::AwaitReadable(ReadableFn done) {
  if (read_lease_) {
    if (const std::optional<LogIndex> index = replica_->ReadIndex()) {
      return applied_.Await(*index, std::move(done));
    }
  }
  reads_here_.Await([this, done = std::move(done)](const absl::StatusOr<LogIndex>& index) {
    if (!index.ok()) return done(index.status());
    AwaitApplied(*index, done);
  });
}

void RatisLog::AwaitApplied(LogIndex index, ReadableFn done) {
  // It would wait until somebody makes room, and others can answer now.
  if (applied_.get() < index && !Leads() && !hooks_.takes_entries()) {
    return done(absl::UnavailableError(
        "this server's disk is full, so it lacks the newest writes; ask another one, and free "
        "space here"));
  }
  applied_.Await(index, std::move(done));
}

void RatisLog::ConfirmReadIndex(Proof proof, ReadRounds::AnswerFn answer) {
  const bool by_lease = read_lease_ && proof != Proof::kEntry;
  if (const auto index = by_lease ? replica_->ReadIndex() : std::nullopt) {
    replica_->TellCommitted(*index);
    return answer(*index);
  }
  if (!Leads()) return answer(WhyNotReadable(NotLeader()));
  const bool by_entry = read_lease_ || proof == Proof::kEntry;
  (by_entry ? no_ops_ : ack_rounds_).Await(std::move(answer));
}

void RatisLog::AskFollowers(ReadRounds::AnswerFn answer) {
  {
    MutexLock lock(mutex_);
    followers_asked_ = std::move(answer);
  }
  replica_->ConfirmReadIndex();
}

void RatisLog::AnswerFollowersAsked(std::optional<LogIndex> index) {
  ReadRounds::AnswerFn answer;
  {
    MutexLock lock(mutex_);
    answer = std::exchange(followers_asked_, nullptr);
  }
  if (!answer) return;
  if (!index) return answer(NotLeader());
  replica_->TellCommitted(*index);
  answer(*index);
}

absl::StatusOr<LogPosition> RatisLog::KnownState() const {
  const Replica::State state = replica_->GetState();
  if (!IsBeingRebuilt(state.last)) return LogPosition{.term = state.term, .index = state.last};
  return absl::UnavailableError(fmt::format("{} is being rebuilt itself", membership_.node));
}

void RatisLog::SubmitNoOp(ReadRounds::AnswerFn answer) {
  SubmitEntry({}, /*urgent=*/true,
              [this, answer = std::move(answer)](const absl::StatusOr<std::vector<Outcome>>& done) {
                if (!done.ok()) return answer(absl::UnavailableError(done.status().message()));
                const LogIndex index = applied_.get();
                replica_->TellCommitted(index);
                answer(index);
              });
}

std::optional<std::chrono::nanoseconds> RatisLog::TimeOfNoOps() {
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < kNoOpsInARound; ++i) {
    const auto ordered = std::make_shared<std::promise<bool>>();
    SubmitNoOp(
        [ordered](const absl::StatusOr<LogIndex>& index) { ordered->set_value(index.ok()); });
    std::future<bool> done = ordered->get_future();
    // The warm-up must end though the disk or the majority hangs.
    if (done.wait_for(kWarmUpTime) != std::future_status::ready || !done.get()) return std::nullopt;
  }
  return std::chrono::steady_clock::now() - begun;
}

void RatisLog::WarmUp() {
  if (!Leads()) return;
  const auto end = std::chrono::steady_clock::now() + kWarmUpTime;
  std::optional<std::chrono::nanoseconds> before;
  int rounds_without_gain = 0;
  while (rounds_without_gain < 3 && std::chrono::steady_clock::now() < end) {
    const std::optional<std::chrono::nanoseconds> now = TimeOfNoOps();
    if (!now) return;
    const bool gained = !before || *now < *before * 9 / 10;
    rounds_without_gain = gained ? 0 : rounds_without_gain + 1;
    before = before ? std::min(*before, *now) : *now;
  }
}

void RatisLog::AskWhoeverLeads(ReadRounds::AnswerFn answer) {
  if (Leads()) return ConfirmReadIndex(Proof::kUsual, std::move(answer));
  const Member* leader = membership_.Find(replica_->Leader());
  if (leader == nullptr || leader->node == membership_.node) {
    return answer(WhyNotReadable(NoLeader()));
  }
  // The leader assumes that this log has the records of the lost replica's, until the next entry
  // does not fit. Without writes there is no next entry, so this asks for one.
  const bool rebuilt = membership_.votes_from != 0 && IsBeingRebuilt(replica_->GetState().last);
  hooks_.ask_leader(leader->client_endpoint, rebuilt ? Proof::kEntry : Proof::kUsual,
                    std::move(answer));
}

absl::Status RatisLog::WhyNotReadable(const absl::Status& usual) const {
  if (std::string why = hooks_.why_not_begun(); !why.empty()) return absl::UnavailableError(why);
  if (hooks_.takes_entries()) return usual;
  return absl::UnavailableError(fmt::format(
      "{}; this server's disk is full, so it lets others stand for election first; free space "
      "there",
      std::string(usual.message())));
}

absl::Status RatisLog::ReleasePrefix(LogIndex through, Release release) {
  if (const std::optional<ImageFile> image = hooks_.newest_image()) {
    TRIPLA_RETURN_IF_ERROR(replica_->SetImage(*image));
  }
  return through == 0 ? absl::OkStatus() : replica_->Purge(through, release == Release::kAll);
}

Log::Stats RatisLog::GetStats() const {
  const Replica::State state = replica_->GetState();
  return {.last = {.term = state.term, .index = state.last},
          .first = state.first,
          .bytes = bytes_.load(std::memory_order_relaxed),
          .durability = "replicated, fsync always"};
}

uint64_t RatisLog::LookUpBytes() const {
  namespace fs = std::filesystem;
  uint64_t sum = 0;
  std::error_code ignored;  // files come and go
  fs::directory_iterator file(RatisLogPath(directory_, membership_), ignored);
  for (; file != fs::directory_iterator(); file.increment(ignored)) {
    const uint64_t bytes = file->file_size(ignored);
    if (!ignored) sum += bytes;
  }
  bytes_.store(sum, std::memory_order_relaxed);
  return sum;
}

absl::Status RatisLog::HandOver(const std::string& successor, std::string_view why) {
  MutexLock lock(hand_over_);
  const absl::Status status = replica_->HandOver(successor);
  // The others may elect one yet: each keeps its promise to this leader for a second.
  const auto chosen_by = std::chrono::steady_clock::now() + kSuccessorPatience;
  while (!status.ok() && Leads() && std::chrono::steady_clock::now() < chosen_by) {
    std::this_thread::sleep_for(kSuccessorPatience / 20);
  }
  if (!status.ok() && Leads()) return absl::UnavailableError(status.message());
  Say(Severity::kInfo, fmt::format("this node leads no more: {}", why));
  return absl::OkStatus();
}

void RatisLog::TransferLeadership(const std::string& successor, std::string_view why) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_hand_over_ || !Leads()) return;
  next_hand_over_ = now + kHandOverPause;
  const absl::Status status = HandOver(successor, why);
  if (status.ok()) return;
  Say(Severity::kWarning,
      fmt::format("this node should not lead ({}), but {}", why, std::string(status.message())));
}

void RatisLog::WatchLease() {
  const auto now = std::chrono::steady_clock::now();
  if (!Leads()) {
    lease_seen_.reset();
    lease_missed_ = false;
  } else if (replica_->ReadIndex()) {  // also where reads do not go by it
    lease_seen_ = now;
    if (std::exchange(lease_missed_, false)) {
      Say(Severity::kInfo, "a majority follows this leader again");
    }
  } else if (lease_seen_ && !lease_missed_ && now - *lease_seen_ > kLeasePatience) {
    lease_missed_ = true;
    Say(Severity::kWarning,
        "this leader's lease has run out: no majority has answered it lately, so another may lead; "
        "reads and writes wait for a majority");
  }
}

void RatisLog::NoteReached() {
  const absl::StatusOr<LogIndex> last = LastIndexInSegments(directory_, membership_);
  const absl::Status marked = last.ok() ? starts_.MarkReached(*last) : last.status();
  if (marked.ok()) return;
  Say(Severity::kWarning,
      fmt::format("the next start cannot tell whether all of the log is there: {}",
                  std::string(marked.message())));
}

void RatisLog::BeginStop() {
  submissions_.SetWaitDeadline(std::chrono::steady_clock::now() + kStopPatience);
}

void RatisLog::Stop() {
  if (std::exchange(stopped_, true)) return;
  submissions_.Stop(std::chrono::steady_clock::now() + kStopPatience);
  if (replica_ != nullptr) {
    // Else the others would wait for an election.
    if (absl::Status status = replica_->HandOver(""); !status.ok()) {
      Say(Severity::kInfo,
          fmt::format("leadership was not handed over: {}", std::string(status.message())));
    }
    replica_->Close();
    NoteReached();
  }
  for (auto& [number, submission] : submissions_.TakeAll()) {
    submission.done(absl::UnknownError("the server is shutting down; ask again"));
  }
  reads_here_.Stop();
  no_ops_.Stop();
  ack_rounds_.Stop();
  applied_.Stop();
}

}  // namespace tripla
