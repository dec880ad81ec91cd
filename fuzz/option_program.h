// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace tripla {

// A file in memory, and its path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] std::string path() const;
  [[nodiscard]] std::string Content() const;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  const int fd_;
};

// What `act` writes to standard error.
[[nodiscard]] std::string CaptureStandardError(const std::function<void()>& act);

// Whether a terminal can show `text`, which is one line.
[[nodiscard]] bool IsOneLine(std::string_view text);

}  // namespace tripla
