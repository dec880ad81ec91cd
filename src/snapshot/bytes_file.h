// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "disk/disk.h"

namespace tripla {

// Bytes in memory as a read-only file.
class BytesFile : public File {
 public:
  // `bytes` outlives the file.
  BytesFile(std::string path, std::string_view bytes) : path_(std::move(path)), bytes_(bytes) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* to, size_t size) override {
    if (offset >= bytes_.size()) return 0;
    return bytes_.copy(to, size, offset);
  }
  absl::StatusOr<uint64_t> Size() override { return bytes_.size(); }
  const std::string& path() const override { return path_; }
  void SetPath(std::string path) override { path_ = std::move(path); }

  absl::Status WriteAt(uint64_t, std::string_view) override { return ReadOnly(); }
  absl::Status Sync() override { return ReadOnly(); }
  absl::Status Truncate(uint64_t) override { return ReadOnly(); }
  absl::Status Allocate(uint64_t) override { return ReadOnly(); }

 private:
  static absl::Status ReadOnly() { return absl::InternalError("a file that can only be read"); }

  std::string path_;
  const std::string_view bytes_;
};

}  // namespace tripla
