// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "disk/faulty_disk.h"

namespace tripla {

// A FaultyDisk for code that ends the process when its disk fails: after the power cut, writes seem
// to succeed, so that the test process survives. Answers given after the cut count as never sent.
class UnnoticedPowerCut : public Disk {
 public:
  explicit UnnoticedPowerCut(FaultyDisk& disk) : disk_(disk) {}

  [[nodiscard]] bool cut() const { return !disk_.Space("/").ok(); }

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    absl::StatusOr<std::unique_ptr<File>> opened = disk_.Open(path, mode);
    if (!opened.ok() && !cut()) return opened.status();
    return std::make_unique<SeemingFile>(*this, path, opened.ok() ? *std::move(opened) : nullptr);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return Seeming(disk_.Rename(from, to));
  }
  absl::Status Remove(const std::string& path) override { return Seeming(disk_.Remove(path)); }
  absl::Status CreateDirectory(const std::string& path) override {
    return Seeming(disk_.CreateDirectory(path));
  }
  absl::Status SyncDirectory(const std::string& path) override {
    return Seeming(disk_.SyncDirectory(path));
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) override {
    return disk_.List(path);
  }
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    return disk_.Lock(path);
  }
  absl::StatusOr<DiskSpace> Space(const std::string& path) override { return disk_.Space(path); }

 private:
  class SeemingFile : public File {
   public:
    SeemingFile(const UnnoticedPowerCut& disk, std::string path, std::unique_ptr<File> file)
        : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}

    absl::Status WriteAt(uint64_t offset, std::string_view bytes) override {
      return file_ ? disk_.Seeming(file_->WriteAt(offset, bytes)) : absl::OkStatus();
    }
    absl::Status Sync() override { return file_ ? disk_.Seeming(file_->Sync()) : absl::OkStatus(); }
    absl::Status Truncate(uint64_t size) override {
      return file_ ? disk_.Seeming(file_->Truncate(size)) : absl::OkStatus();
    }
    absl::Status Allocate(uint64_t size) override {
      return file_ ? disk_.Seeming(file_->Allocate(size)) : absl::OkStatus();
    }
    absl::StatusOr<size_t> ReadAt(uint64_t offset, char* to, size_t size) override {
      if (file_ == nullptr) return absl::InternalError("the power is cut");
      return file_->ReadAt(offset, to, size);
    }
    absl::StatusOr<uint64_t> Size() override {
      if (file_ == nullptr) return absl::InternalError("the power is cut");
      return file_->Size();
    }
    const std::string& path() const override { return path_; }
    void SetPath(std::string path) override {
      path_ = path;
      if (file_ != nullptr) file_->SetPath(std::move(path));
    }

   private:
    const UnnoticedPowerCut& disk_;
    std::string path_;
    const std::unique_ptr<File> file_;
  };

  absl::Status Seeming(absl::Status status) const { return cut() ? absl::OkStatus() : status; }

  FaultyDisk& disk_;
};

}  // namespace tripla
