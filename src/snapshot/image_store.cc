// SPDX-License-Identifier: Apache-2.0
#include "snapshot/image_store.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "base/diagnostics.h"
#include "base/status_macros.h"
#include "snapshot/image_format.h"
#include "snapshot/image_writer.h"

namespace tripla {
namespace {

constexpr std::string_view kPartialSuffix = ".partial";

// The bytes freed at a time. To free a whole image at once blocks the log's disk for some 100 ms
// (docs/performance.md).
constexpr uint64_t kRemovedPieceBytes = uint64_t{8} << 20;

uint64_t UnixMilliseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

ImageSummary Describe(const image::Header& header, uint64_t bytes) {
  return {.position = header.summary.position,
          .revision = header.summary.revision,
          .entries = header.summary.keys,
          .bytes = bytes,
          .written_unix_ms = header.written_unix_ms,
          .file = "image/" + image::FileName(header.summary.position.index)};
}

}  // namespace

absl::StatusOr<std::vector<LogIndex>> ImageStore::ListImages() const {
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          directory_.disk().List(directory_.image_path()));
  std::vector<LogIndex> indexes;
  for (const std::string& name : names) {
    if (const std::optional<LogIndex> index = image::ParseFileName(name)) {
      indexes.push_back(*index);
    }
  }
  return indexes;
}

std::string ImageStore::PathOf(LogIndex index) const {
  return directory_.image_path() + "/" + image::FileName(index);
}

void ImageStore::PutInForce(const ImageSummary& info) {
  MutexLock lock(mutex_);
  // A start that passed over a damaged image may write the same index anew.
  if (newest_ && newest_->position.index < info.position.index) older_ = newest_->position.index;
  newest_ = info;
}

absl::StatusOr<RecoveredState> ImageStore::Recover(LogIndex first_log_index) {
  TRIPLA_RETURN_IF_ERROR(RemovePartial());
  return LoadNewest(first_log_index);
}

absl::StatusOr<RecoveredState> ImageStore::LoadNewest(LogIndex first_log_index) {
  TRIPLA_ASSIGN_OR_RETURN(std::vector<LogIndex> images, ListImages());
  RecoveredState recovered;
  for (; !images.empty(); images.pop_back()) {
    const LogIndex older = images.size() > 1 ? images[images.size() - 2] : 0;
    absl::StatusOr<LoadedImage> loaded = Load(images.back());
    if (loaded.ok()) {
      {
        MutexLock lock(mutex_);
        older_ = older;
      }
      PutInForce(Describe(loaded->header, loaded->bytes));
      if (!owner_ && loaded->header.owner != image::Owner()) owner_ = loaded->header.owner;
      recovered.machine = std::move(loaded->machine);
      return recovered;
    }
    if (!absl::IsDataLoss(loaded.status())) return loaded.status();
    TRIPLA_RETURN_IF_ERROR(FallBack(loaded.status(), older, first_log_index));
    if (recovered.log_must_reach != 0) continue;
    recovered.log_must_reach = images.back();
    recovered.damage = std::string(loaded.status().message());
  }
  recovered.machine = std::make_unique<StateMachine>();
  return recovered;
}

absl::Status RecoveredState::CheckLogReached(LogIndex reached) const {
  if (reached >= log_must_reach) return absl::OkStatus();
  return absl::DataLossError(
      fmt::format("the image {}; the log ends with record {} and cannot replace it; restore the "
                  "data directory from a copy, or see what is left with tripla-verify --dump",
                  damage, reached));
}

absl::Status ImageStore::RemovePartial() {
  Disk& disk = directory_.disk();
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(directory_.image_path()));
  for (const std::string_view name : names) {
    if (!name.ends_with(kPartialSuffix)) continue;
    if (!image::ParseFileName(name.substr(0, name.size() - kPartialSuffix.size()))) continue;
    const std::string path = fmt::format("{}/{}", directory_.image_path(), name);
    TRIPLA_RETURN_IF_ERROR(disk.Remove(path));
    Say(Severity::kInfo,
        fmt::format("{}: an image not wholly written, or not wholly removed; removed", path));
  }
  return absl::OkStatus();
}

absl::Status ImageStore::CheckOwner(const image::Header& header, const std::string& path) const {
  if (!owner_ || image::CanBeSame(header.owner, *owner_)) return absl::OkStatus();
  const auto text = [](const image::Owner& owner) {
    return absl::BytesToHexString({reinterpret_cast<const char*>(owner.data()), owner.size()});
  };
  return absl::FailedPreconditionError(
      fmt::format("{} at offset {}: this is an image of database {}, and the directory is of {}; "
                  "move the file to another place",
                  path, header.owner_offset(), text(header.owner), text(*owner_)));
}

absl::StatusOr<LoadedImage> ImageStore::Load(LogIndex index) const {
  TRIPLA_ASSIGN_OR_RETURN(LoadedImage loaded, LoadImage(directory_.disk(), PathOf(index)));
  TRIPLA_RETURN_IF_ERROR(CheckOwner(loaded.header, PathOf(index)));
  const LogIndex held = loaded.header.summary.position.index;
  if (held == index) return loaded;
  // By its name it would count as older or newer than it is.
  return absl::DataLossError(fmt::format(
      "{} at offset 0: it is the image of record {}, not as its name says", PathOf(index), held));
}

// In place of the damaged image, the log must hold everything after the next older one.
absl::Status ImageStore::FallBack(const absl::Status& damage, LogIndex older,
                                  LogIndex first_log_index) const {
  const std::string what(damage.message());
  if (first_log_index == 0 || first_log_index > older + 1) {
    return absl::DataLossError(fmt::format(
        "the image {}; {}; restore the data directory from a copy, or see what is left with "
        "tripla-verify --dump",
        what,
        first_log_index == 0
            ? "there is no log to replace it"
            : fmt::format("the log begins with record {} and cannot replace it", first_log_index)));
  }
  Say(Severity::kWarning,
      fmt::format("the image {}; {} is used instead, and the log, which begins with record {}, is "
                  "to hold all that followed",
                  what, older == 0 ? "the empty state" : PathOf(older), first_log_index));
  return absl::OkStatus();
}

absl::StatusOr<ImageSummary> ImageStore::Write(const StateView& view,
                                               const std::atomic<bool>& abandon) {
  {
    MutexLock lock(mutex_);
    if (held_) return absl::CancelledError("an image of another replica is coming");
    // The view is older than the image of another replica that came meanwhile.
    if (newest_ && newest_->position.index > view.summary().position.index) return *newest_;
    writing_ = true;
  }
  current_bytes_.store(image::BytesOf(view.summary()), std::memory_order_relaxed);
  absl::StatusOr<ImageSummary> info = WriteUnheld(view, abandon);
  current_bytes_.store(0, std::memory_order_relaxed);
  written_bytes_.store(0, std::memory_order_relaxed);
  MutexLock lock(mutex_);
  writing_ = false;
  written_.NotifyAll();
  return info;
}

absl::StatusOr<ImageSummary> ImageStore::WriteUnheld(const StateView& view,
                                                     const std::atomic<bool>& abandon) {
  Disk& disk = directory_.disk();
  const StateSummary& summary = view.summary();
  const std::string path = PathOf(summary.position.index);
  const std::string partial = path + std::string(kPartialSuffix);
  const uint64_t now = UnixMilliseconds();
  if (leave_removals_.load(std::memory_order_relaxed)) RemovePartial().IgnoreError();
  const auto abandoned = [&] { return abandon.load(std::memory_order_relaxed) || held_.load(); };
  const absl::StatusOr<uint64_t> bytes = WriteImage(
      disk, partial, view, {.written_unix_ms = now, .owner = owner_.value_or(image::Owner())},
      abandoned, &written_bytes_);
  absl::Status status = bytes.status();
  if (status.ok()) status = disk.Rename(partial, path);
  if (!status.ok()) {
    disk.Remove(partial).IgnoreError();  // the next start removes it too
    return status;
  }
  TRIPLA_RETURN_IF_ERROR(disk.SyncDirectory(directory_.image_path()));
  const ImageSummary info = Describe({.written_unix_ms = now, .summary = summary}, *bytes);
  PutInForce(info);
  if (absl::Status removed = RemoveAllBut(releasable(), summary.position.index); !removed.ok()) {
    Say(Severity::kWarning, fmt::format("an old image stays: {}", std::string(removed.message())));
  }
  return info;
}

void ImageStore::Hold() {
  MutexLock lock(mutex_);
  held_ = true;
  while (writing_) written_.Wait(mutex_);
}

void ImageStore::Release() {
  MutexLock lock(mutex_);
  held_ = false;
}

absl::StatusOr<std::unique_ptr<StateMachine>> ImageStore::Install(const std::string& path) {
  TRIPLA_ASSIGN_OR_RETURN(LoadedImage loaded, LoadImage(directory_.disk(), path));
  TRIPLA_RETURN_IF_ERROR(CheckOwner(loaded.header, path));
  const LogIndex index = loaded.header.summary.position.index;
  Disk& disk = directory_.disk();
  TRIPLA_RETURN_IF_ERROR(disk.Rename(path, PathOf(index)));
  TRIPLA_RETURN_IF_ERROR(disk.SyncDirectory(directory_.image_path()));
  TRIPLA_RETURN_IF_ERROR(disk.SyncDirectory(path.substr(0, path.rfind('/'))));
  TRIPLA_RETURN_IF_ERROR(RemoveAllBut(index, index));
  MutexLock lock(mutex_);
  older_ = 0;
  newest_ = Describe(loaded.header, loaded.bytes);
  held_ = false;
  return std::move(loaded.machine);
}

absl::Status ImageStore::RemoveAllBut(LogIndex older, LogIndex newest) {
  TRIPLA_RETURN_IF_ERROR(RemovePartial());  // what a removal left that failed
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<LogIndex> images, ListImages());
  for (const LogIndex index : images) {
    if (index == older || index == newest) continue;
    TRIPLA_RETURN_IF_ERROR(RemoveInPieces(index));
  }
  return absl::OkStatus();
}

absl::Status ImageStore::RemoveInPieces(LogIndex index) {
  // Under this name it is not an image, even when part of it has been removed.
  const std::string partial = PathOf(index) + std::string(kPartialSuffix);
  Disk& disk = directory_.disk();
  TRIPLA_RETURN_IF_ERROR(disk.Rename(PathOf(index), partial));
  TRIPLA_RETURN_IF_ERROR(disk.SyncDirectory(directory_.image_path()));
  {
    TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                            disk.Open(partial, OpenMode::kReadWrite));
    TRIPLA_ASSIGN_OR_RETURN(uint64_t bytes, file->Size());
    // A copy made with hard links, or what is being sent to another replica, must stay whole.
    TRIPLA_ASSIGN_OR_RETURN(const uint64_t names, file->Names());
    // A caller that holds images waits for the end of this.
    while (bytes > kRemovedPieceBytes && names == 1 && !held_) {
      if (leave_removals_.load(std::memory_order_relaxed)) return absl::OkStatus();
      bytes -= kRemovedPieceBytes;
      TRIPLA_RETURN_IF_ERROR(file->Truncate(bytes));
      TRIPLA_RETURN_IF_ERROR(file->Sync());
    }
  }
  return disk.Remove(partial);
}

void ImageStore::GiveUp(LogIndex damaged) {
  MutexLock lock(mutex_);
  // Another replica's image may have come meanwhile.
  if (!held_ && newest_ && newest_->position.index == damaged) newest_.reset();
}

absl::StatusOr<LogIndex> ImageStore::ProveNewest() {
  doubted_.store(false);
  const std::optional<ImageSummary> newest = this->newest();
  if (!newest) return absl::FailedPreconditionError("there is no image");
  const LogIndex index = newest->position.index;
  // A crash may have come between its renaming and the sync.
  TRIPLA_RETURN_IF_ERROR(directory_.disk().SyncDirectory(directory_.image_path()));
  TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                          directory_.disk().Open(PathOf(index), OpenMode::kRead));
  TRIPLA_ASSIGN_OR_RETURN(const image::Header header, ProveImage(*file));
  if (header.summary.position.index == index) return index;
  return absl::DataLossError(
      fmt::format("{} at offset 0: it is the image of another record", PathOf(index)));
}

absl::Status ImageStore::RemoveOlder() {
  LogIndex newest = 0;
  {
    MutexLock lock(mutex_);
    if (held_ || !newest_) return absl::OkStatus();
    newest = newest_->position.index;
    older_ = 0;
  }
  return RemoveAllBut(newest, newest);
}

std::optional<ImageSummary> ImageStore::newest() const {
  MutexLock lock(mutex_);
  return newest_;
}

LogIndex ImageStore::releasable() const {
  MutexLock lock(mutex_);
  return older_;
}

}  // namespace tripla
