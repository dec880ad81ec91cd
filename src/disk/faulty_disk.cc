// SPDX-License-Identifier: Apache-2.0
#include "disk/faulty_disk.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/status_macros.h"

namespace tripla {
namespace {

constexpr size_t kSectorBytes = 512;

std::string ParentOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool IsRoot(const std::string& path) { return path == "/" || path == "."; }

absl::Status NotFound(std::string_view operation, const std::string& path) {
  return absl::NotFoundError(fmt::format("{} {}: no such file", operation, path));
}
absl::Status NoSpace(const std::string& path) {
  return absl::ResourceExhaustedError(fmt::format("write {}: no space left on device", path));
}

}  // namespace

struct FaultyDisk::Content {
  std::string seen;
  std::string durable;
};

class FaultyDisk::OpenFile : public File {
 public:
  OpenFile(FaultyDisk& disk, std::string path, std::shared_ptr<Content> content, OpenMode mode,
           uint64_t start)
      : disk_(disk),
        path_(std::move(path)),
        content_(std::move(content)),
        mode_(mode),
        start_(start) {}

  absl::Status WriteAt(uint64_t offset, std::string_view bytes) override {
    MutexLock lock(disk_.mutex_);
    const bool powered = CheckAlive().ok();
    const absl::Status step = Step();
    const bool cut_now = powered && !disk_.CheckPower().ok();
    if (!step.ok() && !cut_now) return step;
    if (cut_now) bytes = bytes.substr(0, bytes.size() / 2);
    const bool fits = offset + bytes.size() <= content_->seen.size() ||
                      disk_.Grow(content_->seen, offset + bytes.size());
    if (!fits && content_->seen.size() <= offset) return NoSpace(path_);
    const uint64_t room = std::min<uint64_t>(bytes.size(), content_->seen.size() - offset);
    content_->seen.replace(offset, room, bytes.substr(0, room));
    if (!step.ok()) return step;
    return fits ? absl::OkStatus() : NoSpace(path_);
  }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* to, size_t size) override {
    MutexLock lock(disk_.mutex_);
    TRIPLA_RETURN_IF_ERROR(CheckAlive());
    return offset < content_->seen.size() ? content_->seen.copy(to, size, offset) : 0;
  }

  absl::Status Sync() override {
    MutexLock lock(disk_.mutex_);
    TRIPLA_RETURN_IF_ERROR(Step());
    content_->durable = content_->seen;
    return absl::OkStatus();
  }

  absl::Status Truncate(uint64_t size) override {
    MutexLock lock(disk_.mutex_);
    TRIPLA_RETURN_IF_ERROR(Step());
    if (size > content_->seen.size()) {
      return disk_.Grow(content_->seen, size) ? absl::OkStatus() : NoSpace(path_);
    }
    disk_.used_ -= content_->seen.size() - size;
    content_->seen.resize(size);
    return absl::OkStatus();
  }

  absl::Status Allocate(uint64_t size) override {
    MutexLock lock(disk_.mutex_);
    TRIPLA_RETURN_IF_ERROR(Step());
    const bool fits = size <= content_->seen.size() || disk_.Grow(content_->seen, size);
    return fits ? absl::OkStatus() : NoSpace(path_);
  }

  absl::StatusOr<uint64_t> Size() override {
    MutexLock lock(disk_.mutex_);
    TRIPLA_RETURN_IF_ERROR(CheckAlive());
    return content_->seen.size();
  }

  const std::string& path() const override { return path_; }
  void SetPath(std::string path) override { path_ = std::move(path); }

 private:
  absl::Status CheckAlive() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_.mutex_) {
    if (start_ != disk_.starts_) return absl::InternalError("opened before the power was cut");
    return disk_.CheckPower();
  }
  absl::Status Step() ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk_.mutex_) {
    TRIPLA_RETURN_IF_ERROR(CheckAlive());
    if (mode_ == OpenMode::kRead) return absl::InternalError("opened for reading: " + path_);
    return disk_.Step();
  }

  FaultyDisk& disk_;
  std::string path_;
  const std::shared_ptr<Content> content_;
  const OpenMode mode_;
  const uint64_t start_;
};

class FaultyDisk::HeldLock : public FileLock {
 public:
  HeldLock(FaultyDisk& disk, std::string path, uint64_t start)
      : disk_(disk), path_(std::move(path)), start_(start) {}
  ~HeldLock() override {
    MutexLock lock(disk_.mutex_);
    if (start_ == disk_.starts_) disk_.locks_.erase(path_);
  }

 private:
  FaultyDisk& disk_;
  const std::string path_;
  const uint64_t start_;
};

FaultyDisk::FaultyDisk(uint64_t seed) : random_(seed) {}
FaultyDisk::~FaultyDisk() = default;

uint64_t FaultyDisk::steps() const {
  MutexLock lock(mutex_);
  return steps_;
}

void FaultyDisk::CutPowerAt(uint64_t step) {
  MutexLock lock(mutex_);
  power_cut_at_ = step;
}

void FaultyDisk::FailAt(uint64_t step, absl::Status status) {
  MutexLock lock(mutex_);
  failures_[step] = std::move(status);
}

void FaultyDisk::SetCapacity(uint64_t bytes) {
  MutexLock lock(mutex_);
  capacity_ = bytes;
}

void FaultyDisk::Restart(Unsynced unsynced) {
  MutexLock lock(mutex_);
  power_cut_at_ = UINT64_MAX;
  ++starts_;
  locks_.clear();
  for (const auto& [directory, journal] : journals_) {
    size_t kept = 0;
    if (unsynced == Unsynced::kByChance) kept = random_() % (journal.size() + 1);
    if (unsynced == Unsynced::kKept) kept = journal.size();
    for (size_t i = 0; i < kept; ++i) ApplyTo(durable_names_, journal[i]);
  }
  journals_.clear();
  names_ = durable_names_;
  used_ = 0;
  for (const auto& [path, content] : names_) {
    if (content == nullptr) continue;
    LoseContent(*content, unsynced);
    used_ += content->seen.size();
  }
}

void FaultyDisk::LoseContent(Content& content, Unsynced unsynced) {
  if (unsynced == Unsynced::kByChance) {
    if (random_() % 2 == 0) content.durable.resize(content.seen.size());
    for (size_t at = 0; at < std::min(content.seen.size(), content.durable.size());
         at += kSectorBytes) {
      if (random_() % 2 == 0) continue;
      const size_t size = std::min(kSectorBytes, content.durable.size() - at);
      content.durable.replace(at, size, content.seen, at, size);
    }
  }
  if (unsynced == Unsynced::kKept) content.durable = content.seen;
  content.seen = content.durable;
}

absl::Status FaultyDisk::CheckPower() const {
  return steps_ < power_cut_at_ ? absl::OkStatus() : absl::InternalError("the power is cut");
}

absl::Status FaultyDisk::Step() {
  TRIPLA_RETURN_IF_ERROR(CheckPower());
  ++steps_;
  TRIPLA_RETURN_IF_ERROR(CheckPower());
  const auto failure = failures_.find(steps_);
  return failure == failures_.end() ? absl::OkStatus() : failure->second;
}

bool FaultyDisk::Grow(std::string& content, uint64_t size) {
  const uint64_t wanted = size - content.size();
  const uint64_t room = capacity_ > used_ ? capacity_ - used_ : 0;
  const uint64_t given = std::min(wanted, room);
  content.resize(content.size() + given);
  used_ += given;
  return given == wanted;
}

void FaultyDisk::ApplyTo(Names& names, const std::vector<NameChange>& changes) {
  for (const NameChange& change : changes) {
    if (change.kind == NameChange::Kind::kBind) {
      names[change.path] = change.content;
    } else {
      names.erase(change.path);
    }
  }
}

void FaultyDisk::Change(const std::string& directory, std::vector<NameChange> changes) {
  ApplyTo(names_, changes);
  journals_[directory].push_back(std::move(changes));
}

absl::StatusOr<std::unique_ptr<File>> FaultyDisk::Open(const std::string& path, OpenMode mode) {
  MutexLock lock(mutex_);
  TRIPLA_RETURN_IF_ERROR(CheckPower());
  const auto found = names_.find(path);
  if (mode != OpenMode::kCreateFresh) {
    if (found == names_.end()) return NotFound("open", path);
    if (found->second == nullptr) return absl::InternalError("open " + path + ": a directory");
    return std::make_unique<OpenFile>(*this, path, found->second, mode, starts_);
  }
  if (found != names_.end()) return absl::AlreadyExistsError("open " + path + ": it exists");
  TRIPLA_RETURN_IF_ERROR(Step());
  auto content = std::make_shared<Content>();
  Change(ParentOf(path), {{path, content, NameChange::Kind::kBind}});
  return std::make_unique<OpenFile>(*this, path, std::move(content), mode, starts_);
}

absl::Status FaultyDisk::Rename(const std::string& from, const std::string& to) {
  MutexLock lock(mutex_);
  TRIPLA_RETURN_IF_ERROR(Step());
  const auto found = names_.find(from);
  if (found == names_.end()) return NotFound("rename", from);
  if (const auto target = names_.find(to); target != names_.end() && target->second != nullptr) {
    used_ -= target->second->seen.size();
  }
  Change(ParentOf(from), {{to, found->second, NameChange::Kind::kBind},
                          {from, nullptr, NameChange::Kind::kUnbind}});
  return absl::OkStatus();
}

absl::Status FaultyDisk::Remove(const std::string& path) {
  MutexLock lock(mutex_);
  TRIPLA_RETURN_IF_ERROR(Step());
  const auto found = names_.find(path);
  if (found == names_.end() || found->second == nullptr) return NotFound("remove", path);
  used_ -= found->second->seen.size();
  Change(ParentOf(path), {{path, nullptr, NameChange::Kind::kUnbind}});
  return absl::OkStatus();
}

absl::Status FaultyDisk::CreateDirectory(const std::string& path) {
  MutexLock lock(mutex_);
  if (names_.contains(path) || IsRoot(path)) return absl::AlreadyExistsError(path + " exists");
  const std::string parent = ParentOf(path);
  if (!IsRoot(parent) && !names_.contains(parent)) return NotFound("create directory", path);
  TRIPLA_RETURN_IF_ERROR(Step());
  Change(parent, {{path, nullptr, NameChange::Kind::kBind}});
  return absl::OkStatus();
}

absl::Status FaultyDisk::SyncDirectory(const std::string& path) {
  MutexLock lock(mutex_);
  TRIPLA_RETURN_IF_ERROR(Step());
  if (!IsRoot(path) && !names_.contains(path)) return NotFound("fsync directory", path);
  for (const auto& changes : journals_[path]) ApplyTo(durable_names_, changes);
  journals_.erase(path);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> FaultyDisk::List(const std::string& path) {
  MutexLock lock(mutex_);
  TRIPLA_RETURN_IF_ERROR(CheckPower());
  if (!IsRoot(path) && !names_.contains(path)) return NotFound("list", path);
  std::vector<std::string> listed;
  for (const auto& [name, content] : names_) {
    if (ParentOf(name) == path) listed.push_back(name.substr(name.find_last_of('/') + 1));
  }
  return listed;
}

absl::StatusOr<std::unique_ptr<FileLock>> FaultyDisk::Lock(const std::string& path) {
  MutexLock lock(mutex_);
  TRIPLA_RETURN_IF_ERROR(CheckPower());
  if (!names_.contains(path)) {
    TRIPLA_RETURN_IF_ERROR(Step());
    Change(ParentOf(path), {{path, std::make_shared<Content>(), NameChange::Kind::kBind}});
  }
  if (!locks_.insert(path).second) {
    return absl::FailedPreconditionError(path + " is held by another process");
  }
  return std::make_unique<HeldLock>(*this, path, starts_);
}

absl::StatusOr<DiskSpace> FaultyDisk::Space(const std::string&) {
  MutexLock lock(mutex_);
  TRIPLA_RETURN_IF_ERROR(CheckPower());
  return DiskSpace{.free_bytes = capacity_ > used_ ? capacity_ - used_ : 0,
                   .total_bytes = capacity_};
}

}  // namespace tripla
