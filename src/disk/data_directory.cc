// SPDX-License-Identifier: Apache-2.0
#include "disk/data_directory.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status_macros.h"

namespace tripla {
namespace {

constexpr std::string_view kFormatLine = "tripla data directory, format 1\n";
constexpr std::string_view kFormatStart = "tripla data directory, format ";
constexpr size_t kFormatBytesMax = 128;

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

absl::Status WriteDurably(Disk& disk, const std::string& path, std::string_view content) {
  const std::string partial = path + ".partial";
  if (absl::Status removed = disk.Remove(partial); !removed.ok() && !absl::IsNotFound(removed)) {
    return removed;
  }
  TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                          disk.Open(partial, OpenMode::kCreateFresh));
  TRIPLA_RETURN_IF_ERROR(file->WriteAt(0, content));
  TRIPLA_RETURN_IF_ERROR(file->Sync());
  TRIPLA_RETURN_IF_ERROR(disk.Rename(partial, path));
  return disk.SyncDirectory(ParentOf(path));
}

bool HasFormat(const std::vector<std::string>& names) {
  return std::ranges::find(names, "format") != names.end();
}

// Whether there is nothing but what a first start leaves when it is cut off.
bool IsUnfinished(const std::vector<std::string>& names) {
  static const std::set<std::string> kUnfinished = {"format.partial", "image", "lock", "log"};
  return std::ranges::all_of(names, [](const auto& name) { return kUnfinished.contains(name); });
}

absl::Status NotOurs(const std::string& path) {
  return absl::FailedPreconditionError(fmt::format(
      "{} is not empty and no tripla data directory; name another one, or an empty one", path));
}

// `format` is missing: what never took a write holds nothing.
absl::Status CheckIsEmpty(Disk& disk, const std::string& part, const std::string& format_path) {
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(part));
  if (names.empty()) return absl::OkStatus();
  return absl::DataLossError(fmt::format(
      "{} holds data but {} is missing: a copy without it? Put the file back from where the "
      "copy came from",
      part, format_path));
}

// Says what next where the system said no.
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

absl::StatusOr<DataDirectory> DataDirectory::Open(Disk& disk, std::string path) {
  absl::StatusOr<DataDirectory> opened = OpenLocked(disk, std::move(path));
  if (!opened.ok()) return WithAdvice(opened.status());
  return opened;
}

absl::StatusOr<DataDirectory> DataDirectory::OpenLocked(Disk& disk, std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  TRIPLA_RETURN_IF_ERROR(EnsureWithParents(disk, path));
  DataDirectory directory(disk, std::move(path));
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> found, disk.List(directory.path_));
  if (!HasFormat(found) && !IsUnfinished(found)) return NotOurs(directory.path_);
  TRIPLA_ASSIGN_OR_RETURN(directory.lock_, disk.Lock(directory.path_ + "/lock"));
  // Looked at again: until the lock was ours, another process may have made it ready.
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(directory.path_));
  if (!HasFormat(names)) TRIPLA_RETURN_IF_ERROR(directory.MakeReady());
  TRIPLA_RETURN_IF_ERROR(directory.CheckFormat());
  return directory;
}

absl::StatusOr<DataDirectory> DataDirectory::OpenReadOnly(Disk& disk, std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  DataDirectory directory(disk, std::move(path));
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(directory.path_));
  if (!HasFormat(names)) {
    for (const std::string& part : {directory.log_path_, directory.image_path_}) {
      const absl::Status empty = CheckIsEmpty(disk, part, directory.format_path());
      if (absl::IsDataLoss(empty)) return empty;
    }
    return absl::FailedPreconditionError(
        fmt::format("{} is no tripla data directory: it has no file \"format\"", directory.path_));
  }
  TRIPLA_RETURN_IF_ERROR(directory.CheckFormat());
  return directory;
}

absl::Status DataDirectory::MakeReady() {
  for (const std::string& part : {log_path_, image_path_}) {
    TRIPLA_RETURN_IF_ERROR(Ensure(*disk_, part));
    TRIPLA_RETURN_IF_ERROR(CheckIsEmpty(*disk_, part, format_path()));
  }
  return WriteDurably(*disk_, format_path(), kFormatLine);
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
