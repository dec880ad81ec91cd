// SPDX-License-Identifier: Apache-2.0
#include "fuzz/option_program.h"

#include <sanitizer/common_interface_defs.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "base/check.h"

namespace tripla {

MemoryFile::MemoryFile(std::string_view content) : fd_(memfd_create("tripla", MFD_CLOEXEC)) {
  const auto size = static_cast<ssize_t>(content.size());
  TRIPLA_CHECK(fd_ >= 0 && write(fd_, content.data(), content.size()) == size, "memory takes it");
}

MemoryFile::~MemoryFile() { close(fd_); }

std::string MemoryFile::path() const { return "/proc/self/fd/" + std::to_string(fd_); }

std::string MemoryFile::Content() const {
  std::string content(static_cast<size_t>(lseek(fd_, 0, SEEK_END)), '\0');
  const ssize_t read = pread(fd_, content.data(), content.size(), 0);
  TRIPLA_CHECK(read == static_cast<ssize_t>(content.size()), "memory gives it back");
  return content;
}

std::string CaptureStandardError(const std::function<void()>& act) {
  static const int real = [] {
    const int fd = dup(STDERR_FILENO);
    __sanitizer_set_report_fd(reinterpret_cast<void*>(static_cast<intptr_t>(fd)));
    return fd;
  }();
  const MemoryFile captured("");
  dup2(captured.fd(), STDERR_FILENO);
  act();
  std::fflush(stderr);
  dup2(real, STDERR_FILENO);
  return captured.Content();
}

bool IsOneLine(std::string_view text) {
  if (!text.ends_with('\n')) return false;
  text.remove_suffix(1);
  return !text.empty() && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

}  // namespace tripla
