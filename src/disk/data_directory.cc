// SPDX-License-Identifier: Apache-2.0
#include "disk/data_directory.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/diagnostics.h"
#include "base/status_macros.h"
#include "disk/replace_file.h"

namespace tripla {
namespace {

constexpr std::string_view kFormatLine = "tripla data directory, format 1\n";
constexpr std::string_view kFormatStart = "tripla data directory, format ";
constexpr size_t kFormatBytesMax = 128;

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kRetryPeriod{20};  // from one try for a lock to the next

std::string ParentOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Creates a directory unless it exists, and makes its name durable.
absl::Status Ensure(Disk& disk, const std::string& path) {
  const absl::Status created = disk.CreateDirectory(path);
  if (absl::IsAlreadyExists(created)) return absl::OkStatus();
  TRIPLA_RETURN_IF_ERROR(created);
  return disk.SyncDirectory(ParentOf(path));
}

absl::Status EnsureWithParents(Disk& disk, const std::string& path) {
  const absl::Status ensured = Ensure(disk, path);
  if (!absl::IsNotFound(ensured) || ParentOf(path) == path) return ensured;
  TRIPLA_RETURN_IF_ERROR(EnsureWithParents(disk, ParentOf(path)));
  return Ensure(disk, path);
}

absl::StatusOr<std::string> ReadSmallFile(Disk& disk, const std::string& path) {
  TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, disk.Open(path, OpenMode::kRead));
  std::string content(kFormatBytesMax, '\0');
  TRIPLA_ASSIGN_OR_RETURN(const size_t size, file->ReadAt(0, content.data(), content.size()));
  content.resize(size);
  return content;
}

// The process that holds the directory, or held it last, according to its lock file, or "".
std::string FormerHolder(Disk& disk, const std::string& lock_path) {
  const absl::StatusOr<std::string> text = ReadSmallFile(disk, lock_path);
  if (!text.ok()) return "";
  const std::string process = text->substr(0, text->find('\n'));
  const bool digits = process.find_first_not_of("0123456789") == std::string::npos;
  return digits ? process : "";
}

// Whether a process is ending: its memory is freed first, while its files, locks and ports are
// still open.
bool IsEnding(const std::string& process) {
  std::ifstream command("/proc/" + process + "/cmdline");
  std::ifstream status("/proc/" + process + "/stat");
  std::string stat;
  if (!command || command.peek() != std::ifstream::traits_type::eof()) return false;
  if (!std::getline(status, stat)) return false;
  // "4711 (name) S 2 …": state and parent. A zombie has nothing open any more. The children of
  // process 2 are kernel threads, which have no memory either.
  const size_t name_end = stat.rfind(") ");
  if (name_end == std::string::npos || name_end + 4 >= stat.size()) return false;
  const char state = stat[name_end + 2];
  const bool is_kernels = process == "2" || stat.compare(name_end + 3, 3, " 2 ") == 0;
  return state != 'Z' && state != 'X' && !is_kernels;
}

void AwaitEnd(const std::string& process, Clock::time_point deadline) {
  if (process.empty()) return;
  while (IsEnding(process) && Clock::now() < deadline) std::this_thread::sleep_for(kRetryPeriod);
}

absl::StatusOr<std::unique_ptr<FileLock>> AwaitLock(Disk& disk, const std::string& path,
                                                    Clock::time_point deadline) {
  for (bool said = false;; said = true) {
    absl::StatusOr<std::unique_ptr<FileLock>> lock = disk.Lock(path);
    if (!absl::IsFailedPrecondition(lock.status()) || Clock::now() >= deadline) return lock;
    if (!said) {
      const std::string held(lock.status().message());
      const auto left = std::chrono::ceil<std::chrono::seconds>(deadline - Clock::now());
      Say(Severity::kInfo, fmt::format("{}; waiting up to {} s for it to end",
                                       held.substr(0, held.find(": ")), left.count()));
    }
    std::this_thread::sleep_for(kRetryPeriod);
  }
}

bool HasFormat(const std::vector<std::string>& names) {
  return std::ranges::find(names, "format") != names.end();
}

// Whether there are only the files of an interrupted first start.
bool IsUnfinished(const std::vector<std::string>& names) {
  static const std::set<std::string> kUnfinished = {"format.partial", "image", "lock", "log"};
  return std::ranges::all_of(names, [](const auto& name) { return kUnfinished.contains(name); });
}

absl::Status NotOurs(const std::string& path) {
  return absl::FailedPreconditionError(fmt::format(
      "{} is not empty and not a tripla data directory; name another one, or an empty one", path));
}

// For a directory without `format`: one that never took a write is empty.
absl::Status CheckIsEmpty(Disk& disk, const std::string& part, const std::string& format_path) {
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(part));
  if (names.empty()) return absl::OkStatus();
  return absl::DataLossError(fmt::format(
      "{} holds data but {} is missing: a copy without it? Put the file back from where the "
      "copy came from",
      part, format_path));
}

// Adds advice to errors of the system.
absl::Status WithAdvice(const absl::Status& status) {
  if (!absl::IsInternal(status) && !absl::IsNotFound(status)) return status;
  return absl::Status(status.code(),
                      fmt::format("{}; the server makes and writes files there: give it the right "
                                  "to, or name another data directory",
                                  std::string(status.message())));
}

}  // namespace

DataDirectory::DataDirectory(Disk& disk, std::string path)
    : disk_(&disk),
      path_(std::move(path)),
      log_path_(path_ + "/log"),
      image_path_(path_ + "/image") {}

absl::StatusOr<DataDirectory> DataDirectory::Open(Disk& disk, std::string path,
                                                  std::chrono::milliseconds patience) {
  absl::StatusOr<DataDirectory> opened = OpenLocked(disk, std::move(path), patience);
  if (!opened.ok()) return WithAdvice(opened.status());
  return opened;
}

absl::StatusOr<DataDirectory> DataDirectory::OpenLocked(Disk& disk, std::string path,
                                                        std::chrono::milliseconds patience) {
  const Clock::time_point deadline = Clock::now() + patience;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  TRIPLA_RETURN_IF_ERROR(EnsureWithParents(disk, path));
  DataDirectory directory(disk, std::move(path));
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> found, disk.List(directory.path_));
  if (!HasFormat(found) && !IsUnfinished(found)) {
    TRIPLA_RETURN_IF_ERROR(directory.CheckHoldsNothing());
    return NotOurs(directory.path_);
  }
  const std::string former = patience.count() == 0 ? "" : FormerHolder(disk, directory.lock_path());
  TRIPLA_RETURN_IF_ERROR(directory.LockDirectories({directory.path_}, deadline));
  // Versions before this one lock nothing else.
  TRIPLA_ASSIGN_OR_RETURN(directory.lock_, AwaitLock(disk, directory.lock_path(), deadline));
  AwaitEnd(former, deadline);
  // Read again: before this process had the lock, another one may have made the directory ready.
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(directory.path_));
  if (!HasFormat(names)) TRIPLA_RETURN_IF_ERROR(directory.MakeReady());
  TRIPLA_RETURN_IF_ERROR(directory.CheckFormat());
  // Each of these may be a link to a directory that another data directory links to as well.
  TRIPLA_RETURN_IF_ERROR(
      directory.LockDirectories({directory.log_path_, directory.image_path_}, deadline));
  return directory;
}

absl::Status DataDirectory::LockDirectories(const std::vector<std::string>& paths,
                                            Clock::time_point deadline) {
  for (const std::string& path : paths) {
    absl::StatusOr<std::unique_ptr<FileLock>> lock = AwaitLock(*disk_, path, deadline);
    if (absl::IsUnimplemented(lock.status())) {
      Say(Severity::kWarning, fmt::format("{}; never remove {} while a server runs: it is all that "
                                          "keeps a second one away",
                                          std::string(lock.status().message()), lock_path()));
      continue;
    }
    TRIPLA_RETURN_IF_ERROR(lock.status());
    directory_locks_.push_back(*std::move(lock));
  }
  return absl::OkStatus();
}

absl::Status DataDirectory::CheckHold() {
  for (const std::unique_ptr<FileLock>& lock : directory_locks_) {
    if (lock->IsInPlace()) continue;
    return absl::FailedPreconditionError(fmt::format(
        "{0}, or its log or image, was moved, removed or replaced while this server uses it, and "
        "what is written now could go into another directory; put it back, or start a server on "
        "the place where it is now",
        path_));
  }
  if (lock_->IsInPlace()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<FileLock>> lock = disk_->Lock(lock_path());
  if (absl::IsFailedPrecondition(lock.status())) return lock.status();
  if (!lock.ok()) return absl::OkStatus();  // a full disk, say: the next look tries again
  lock_ = *std::move(lock);
  Say(Severity::kWarning,
      fmt::format("{} was removed or replaced while this server runs; it is there again. Leave it "
                  "alone: it names the process that uses the directory",
                  lock_path()));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<File>> DataDirectory::OpenForWriting(const std::string& path) const {
  TRIPLA_ASSIGN_OR_RETURN(std::unique_ptr<File> file, disk_->Open(path, OpenMode::kReadWrite));
  TRIPLA_ASSIGN_OR_RETURN(const uint64_t names, file->Names());
  if (names <= 1) return file;
  return absl::FailedPreconditionError(
      fmt::format("{0} has {1} names: {2} was copied with hard links, and two servers would write "
                  "one file; make a copy with files of its own (cp -a {2} NEW) and start on that",
                  path, names, path_));
}

absl::StatusOr<DataDirectory> DataDirectory::OpenReadOnly(Disk& disk, std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  DataDirectory directory(disk, std::move(path));
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(directory.path_));
  if (!HasFormat(names)) {
    TRIPLA_RETURN_IF_ERROR(directory.CheckHoldsNothing());
    return absl::FailedPreconditionError(fmt::format(
        "{} is not a tripla data directory: it has no file \"format\"", directory.path_));
  }
  TRIPLA_RETURN_IF_ERROR(directory.CheckFormat());
  return directory;
}

absl::Status DataDirectory::CheckHoldsNothing() const {
  for (const std::string& part : {log_path_, image_path_}) {
    const absl::Status empty = CheckIsEmpty(*disk_, part, format_path());
    if (absl::IsDataLoss(empty)) return empty;
  }
  return absl::OkStatus();
}

absl::Status DataDirectory::MakeReady() {
  for (const std::string& part : {log_path_, image_path_}) {
    TRIPLA_RETURN_IF_ERROR(Ensure(*disk_, part));
    TRIPLA_RETURN_IF_ERROR(CheckIsEmpty(*disk_, part, format_path()));
  }
  return ReplaceFile(*disk_, format_path(), kFormatLine);
}

absl::Status DataDirectory::CheckFormat() const {
  TRIPLA_ASSIGN_OR_RETURN(const std::string line, ReadSmallFile(*disk_, format_path()));
  if (line != kFormatLine) {
    if (line.starts_with(kFormatStart)) {
      return absl::UnimplementedError(
          fmt::format("{} says \"{}\"; this version reads format 1: use the newer one",
                      format_path(), line.substr(0, line.find('\n'))));
    }
    return absl::DataLossError(
        fmt::format("{} does not say what it should (offset 0): the directory is damaged or not "
                    "tripla's",
                    format_path()));
  }
  for (const std::string& part : {log_path_, image_path_}) {
    if (const absl::Status listed = disk_->List(part).status(); !listed.ok()) {
      if (!absl::IsNotFound(listed)) return listed;
      return absl::DataLossError(fmt::format(
          "{} is missing: part of the data is gone; restore the whole directory from a copy",
          part));
    }
  }
  return absl::OkStatus();
}

}  // namespace tripla
