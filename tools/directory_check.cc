// SPDX-License-Identifier: Apache-2.0
#include "tools/directory_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "base/status_macros.h"
#include "log/local/log_replay.h"
#include "log/local/segment_scan.h"
#include "log/ratis/membership.h"
#include "log/ratis/starts.h"
#include "snapshot/image_format.h"
#include "snapshot/image_reader.h"
#include "snapshot/image_store.h"
#include "tools/record_salvage.h"

namespace tripla::verify {
namespace {

constexpr std::string_view kPartialSuffix = ".partial";

std::string TextOf(const absl::Status& status) { return std::string(status.message()); }

std::string TextOf(const StateHash& hash) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

std::string Plural(uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// Which records a segment holds: "records 1 to 812, 820 to 900".
class RecordRanges {
 public:
  void Add(LogIndex index) {
    if (!ranges_.empty() && ranges_.back().second + 1 == index) {
      ranges_.back().second = index;
    } else {
      ranges_.emplace_back(index, index);
    }
  }

  std::string Text() const {
    std::string text;
    for (const auto& [first, last] : ranges_) {
      text += text.empty() ? "records " : ", ";
      text += first == last ? std::to_string(first) : fmt::format("{} to {}", first, last);
    }
    return text.empty() ? "no record" : text;
  }

 private:
  std::vector<std::pair<LogIndex, LogIndex>> ranges_;
};

// How many entries of a damaged image can still be read.
uint64_t CountReadableEntries(Disk& disk, const std::string& path) {
  const absl::StatusOr<std::unique_ptr<File>> file = disk.Open(path, OpenMode::kRead);
  if (!file.ok()) return 0;
  uint64_t entries = 0;
  const ImageRows rows{
      .entry = [&](const EntryRef&) { return ++entries, absl::OkStatus(); },
      .session = [](const SessionRow&) { return absl::OkStatus(); },
      .answer = [](const AnswerRow&) { return absl::OkStatus(); },
      .run = [](const DecidedRun&) { return absl::OkStatus(); },
      .end = [](const image::Header&) { return absl::OkStatus(); },
      .damaged_block = [](uint64_t, const absl::Status&) { return absl::OkStatus(); }};
  ReadImage(**file, rows).status().IgnoreError();
  return entries;
}

class Check {
 public:
  explicit Check(const DataDirectory& directory)
      : directory_(directory),
        disk_(directory.disk()),
        images_(directory),
        membership_(ReadMembership(directory)) {}

  Report Run() {
    CheckTop();
    CheckReplica();
    if (IsStandalone() && extent_) images_.SetOwner(image::OwnerOfLog(extent_->log_id));
    CheckImages();
    CheckLog();
    report_.start = TryStart();
    CompareImagesWithLog();
    std::ranges::stable_sort(report_.files, {}, &FileReport::name);
    return std::move(report_);
  }

 private:
  FileReport& Add(const std::string& name, FileCondition condition = FileCondition::kSound) {
    FileReport& file = report_.files.emplace_back(FileReport{.name = name, .condition = condition});
    const std::string path = directory_.path() + "/" + name;
    const absl::StatusOr<std::unique_ptr<File>> opened = disk_.Open(path, OpenMode::kRead);
    if (!opened.ok()) return file;  // whoever reads its content will say so
    if (const absl::StatusOr<uint64_t> size = (*opened)->Size(); size.ok()) file.bytes = *size;
    return file;
  }

  static void Fail(FileReport& file, const absl::Status& status) {
    const bool damaged = absl::IsDataLoss(status) || absl::IsFailedPrecondition(status);
    file.condition = damaged ? FileCondition::kDamaged : FileCondition::kUnreadable;
    file.remark = TextOf(status);
    if (absl::IsNotFound(status)) {
      file.remark += ": it went away while it was read, so a server is at work here; verify a copy";
    }
  }

  std::vector<std::string> List(const std::string& path) {
    absl::StatusOr<std::vector<std::string>> names = disk_.List(path);
    if (names.ok()) return *std::move(names);
    Fail(report_.files.emplace_back(FileReport{.name = path}), names.status());
    return {};
  }

  void CheckTop() {
    for (const std::string& name : List(directory_.path())) {
      if (name == "log" || name == "image" || name == "replica") continue;
      if (name == LogExtent::kFileName) {
        CheckExtent();
        continue;
      }
      if (name == "starts") {
        CheckStarts();
        continue;
      }
      static const std::set<std::string> kOurs = {
          "format",          "lock",
          "format.partial",  "starts.partial",
          "replica.partial", std::string(LogExtent::kFileName) + ".partial"};
      const bool ours = kOurs.contains(name);
      FileReport& file = Add(name, ours ? FileCondition::kSound : FileCondition::kForeign);
      if (name == "format") file.holds = "format 1";  // proved when the directory was opened
      if (name == "lock") file.holds = "process id of the last server";
    }
  }

  void CheckStarts() {
    FileReport& file = Add("starts");
    const absl::StatusOr<StartsRecord> starts = ReadStarts(directory_);
    if (!starts.ok()) return Fail(file, starts.status());
    file.holds = fmt::format("start {}, and the last of {}", starts->own.count,
                             Plural(starts->others.size(), "other server", "other servers"));
    if (starts->outdated.empty()) return;
    in_the_way_ = absl::FailedPreconditionError(
        fmt::format("{} must not be started any more: {}", directory_.path(), starts->outdated));
    Fail(file, in_the_way_);
  }

  void CheckExtent() {
    FileReport& file = Add(LogExtent::kFileName);
    const absl::StatusOr<std::optional<Extent>> extent = LogExtent::Read(directory_);
    if (!extent.ok()) return Fail(file, extent.status());
    if (!*extent) return;  // removed meanwhile
    extent_ = **extent;
    file.holds = extent_->log_on ? fmt::format("records up to {} must be there", extent_->reached)
                                 : fmt::format("the log is off since record {}", extent_->reached);
  }

  bool IsStandalone() const { return membership_.ok() && !*membership_; }
  bool IsOfRatis(std::string_view name) const {
    return membership_.ok() && *membership_ && name == (*membership_)->cluster;
  }

  void CheckReplica() {
    if (IsStandalone()) return;
    FileReport& file = Add("replica");
    if (!membership_.ok()) return Fail(file, membership_.status());
    const Membership& membership = **membership_;
    file.holds =
        fmt::format("node {} of {} members, {}", membership.node, membership.members.size(),
                    membership.is_formed() ? "cluster " + membership.cluster
                                           : "whose cluster is not formed yet");
    if (membership.is_formed()) images_.SetOwner(image::OwnerOfCluster(membership.cluster));
  }

  // What is neither an image nor a segment: unfinished ones, which a start removes, and others.
  void AddOther(const std::string& name, bool unfinished) {
    FileReport& file = Add(name, unfinished ? FileCondition::kExpected : FileCondition::kForeign);
    const std::string path = directory_.path() + "/" + name;
    const bool removed_at_start = unfinished && (IsStandalone() || name.starts_with("image/"));
    if (removed_at_start && disk_.List(path).ok()) {
      in_the_way_ = absl::InternalError(
          fmt::format("{}: a directory is in the place of a file; remove it", path));
      return Fail(file, in_the_way_);
    }
    file.remark = fmt::format("{}: {}", path,
                              unfinished ? "was not finished and never counted; a start removes it"
                                         : "none of tripla's files; a start ignores it");
  }

  void CheckImages() {
    for (const std::string& name : List(directory_.image_path())) {
      const std::string full_name = "image/" + name;
      if (const std::optional<LogIndex> index = image::ParseFileName(name)) {
        CheckImage(Add(full_name), *index);
        continue;
      }
      const std::string_view stem = std::string_view(name).substr(
          0, name.ends_with(kPartialSuffix) ? name.size() - kPartialSuffix.size() : 0);
      AddOther(full_name, image::ParseFileName(stem).has_value());
    }
  }

  void CheckImage(FileReport& file, LogIndex index) {
    const absl::StatusOr<LoadedImage> loaded = images_.Load(index);
    if (loaded.ok()) {
      const StateSummary& summary = loaded->header.summary;
      file.holds =
          fmt::format("{}, revision {}, {}", Plural(summary.keys, "entry", "entries"),
                      summary.revision, Plural(summary.answers, "request id", "request ids"));
      sound_images_[index] = loaded->header;
      return;
    }
    Fail(file, loaded.status());
    if (absl::IsDataLoss(loaded.status())) {
      const uint64_t readable = CountReadableEntries(disk_, images_.PathOf(index));
      file.holds = Plural(readable, "entry", "entries") + " can be read";
    }
  }

  void CheckLog() {
    for (const std::string& name : List(directory_.log_path())) {
      if (IsOfRatis(name)) {
        report_.files.push_back({.name = "log/" + name,
                                 .holds = "the log of Apache Ratis",
                                 .condition = FileCondition::kNotLookedAt});
      } else if (name == "room-for-votes" && membership_.ok() && *membership_) {
        Add("log/" + name).holds = "room for a term and a vote on a full disk";
      } else if (!wal::ParseSegmentName(name)) {
        AddOther("log/" + name, wal::IsUnusedSegmentName(name));
      }
    }
    absl::StatusOr<std::vector<SegmentFile>> segments = ListSegments(directory_);
    if (!segments.ok()) return;  // said above
    for (size_t i = 0; i < segments->size(); ++i) {
      SegmentFile& segment = (*segments)[i];
      const bool last = i + 1 == segments->size();
      CheckSegment(Add("log/" + wal::SegmentName(segment.first_index)), segment,
                   last ? nullptr : &(*segments)[i + 1]);
    }
  }

  void CheckSegment(FileReport& file, SegmentFile& segment, const SegmentFile* next) {
    RecordRanges records;
    const auto note = [&](LogIndex index, const Batch&, const std::string&, uint64_t) {
      return records.Add(index), absl::OkStatus();
    };
    const absl::StatusOr<SegmentEnd> end =
        ReplaySegment(directory_, extent_, segment, next, 0, note);
    if (!end.ok()) {
      Fail(file, end.status());
      if (!absl::IsDataLoss(end.status())) return;
      records = ReadableRecords(segment);
    } else if (!end->clean) {
      file.condition = FileCondition::kExpected;
      file.remark = fmt::format(
          "{} at offset {}: record {} is torn ({}); it was not durable, and a start drops it",
          segment.path, end->offset, end->next_index,
          end->torn.empty() ? "its beginning was not written" : end->torn);
    }
    file.holds = records.Text();
  }

  RecordRanges ReadableRecords(const SegmentFile& file) {
    RecordRanges records;
    const auto segment = ReadSegment(disk_, file.path, file.first_index);
    if (!segment.ok()) return records;
    const auto note = [&](LogIndex index, std::string_view, uint64_t) {
      return records.Add(index), absl::OkStatus();
    };
    ReadPastDamage(*segment, note, [](const absl::Status&) {});
    return records;
  }

  absl::StatusOr<Start> TryStart() {
    TRIPLA_RETURN_IF_ERROR(membership_.status());
    TRIPLA_RETURN_IF_ERROR(in_the_way_);
    if (!IsStandalone()) return TryReplicaStart();
    TRIPLA_ASSIGN_OR_RETURN(const LogIndex first, FirstLogIndex(directory_));
    TRIPLA_ASSIGN_OR_RETURN(const RecoveredState recovered, images_.LoadNewest(first));
    StateMachine& machine = *recovered.machine;
    const LogIndex image = machine.GetSummary().position.index;
    const auto apply = [&](LogIndex index, const Batch& batch, const std::string&, uint64_t) {
      machine.Apply({.index = index}, batch);
      return absl::OkStatus();
    };
    TRIPLA_RETURN_IF_ERROR(ReplayLog(directory_, image, apply).status());
    const StateSummary state = machine.GetSummary();
    TRIPLA_RETURN_IF_ERROR(recovered.CheckLogReached(state.position.index));
    return Start{.state = state, .image = image};
  }

  absl::StatusOr<Start> TryReplicaStart() {
    // As if the log of Apache Ratis reached back to the first record: any image may be passed over.
    TRIPLA_ASSIGN_OR_RETURN(const RecoveredState recovered, images_.LoadNewest(1));
    const StateSummary state = recovered.machine->GetSummary();
    return Start{.state = state, .image = state.position.index, .of_replica = true};
  }

  // Applies the log from the oldest sound state it can follow, and looks at each image's place
  // whether the image holds that state.
  void CompareImagesWithLog() {
    const absl::StatusOr<LogIndex> first = FirstLogIndex(directory_);
    if (!first.ok() || *first == 0 || sound_images_.empty()) return;
    LogIndex base = 0;
    if (*first > 1) {
      const auto oldest = sound_images_.lower_bound(*first - 1);
      if (oldest == sound_images_.end()) return;
      base = oldest->first;
    }
    // Former versions kept request ids by other rules (R13a): what they decided is not replayed.
    for (const auto& [index, header] : sound_images_) {
      if (header.format == 1) base = std::max(base, index);
    }
    const LogIndex newest = sound_images_.rbegin()->first;
    if (base == newest) return;
    std::unique_ptr<StateMachine> machine = std::make_unique<StateMachine>();
    if (base != 0) {
      absl::StatusOr<LoadedImage> loaded = images_.Load(base);
      if (!loaded.ok()) return;
      machine = std::move(loaded->machine);
    }
    const auto apply = [&](LogIndex index, const Batch& batch, const std::string&, uint64_t) {
      machine->Apply({.index = index}, batch);
      Compare(index, machine->GetSummary().hash);
      return index < newest ? absl::OkStatus() : absl::CancelledError("all images were compared");
    };
    // Damage was found before.
    ReplayLog(directory_, base, apply).status().IgnoreError();
  }

  void Compare(LogIndex index, const StateHash& hash) {
    const auto found = sound_images_.find(index);
    if (found == sound_images_.end() || found->second.summary.hash == hash) return;
    const std::string name = "image/" + image::FileName(index);
    const auto file = std::ranges::find(report_.files, name, &FileReport::name);
    file->condition = FileCondition::kDamaged;
    file->remark = fmt::format(
        "{}/{} at offset {}: its state hash is {}, but the log gives {}; a start does not notice",
        directory_.path(), name, found->second.hash_offset(), TextOf(found->second.summary.hash),
        TextOf(hash));
  }

  const DataDirectory& directory_;
  Disk& disk_;
  ImageStore images_;
  absl::StatusOr<std::optional<Membership>> membership_;
  Report report_{.start = absl::UnknownError("not tried")};
  absl::Status in_the_way_;
  std::optional<Extent> extent_;
  std::map<LogIndex, image::Header> sound_images_;
};

}  // namespace

std::string_view NameOf(FileCondition condition) {
  switch (condition) {
    case FileCondition::kSound:
      return "sound";
    case FileCondition::kExpected:
      return "torn or unfinished";
    case FileCondition::kNotLookedAt:
      return "not looked at";
    case FileCondition::kForeign:
      return "not tripla's";
    case FileCondition::kUnreadable:
      return "unreadable";
    case FileCondition::kDamaged:
      return "damaged";
  }
  return "damaged";
}

Report CheckDirectory(const DataDirectory& directory) { return Check(directory).Run(); }

}  // namespace tripla::verify
