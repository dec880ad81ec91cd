// SPDX-License-Identifier: Apache-2.0
#include "check/progress.h"

#include <fmt/core.h>

#include <string>

namespace tripla::check {
namespace {

constexpr size_t kCells = 24;
constexpr const char* kClearLine = "\r\x1b[K";

}  // namespace

void Progress::Begin(const Claim& claim, size_t done, size_t total) {
  if (!shown_) return;
  const size_t full = total == 0 ? 0 : done * kCells / total;
  fmt::print(stderr, "{}[{}{}] {}/{}  {} {}", kClearLine, std::string(full, '#'),
             std::string(kCells - full, '.'), done, total, claim.group, claim.name);
  std::fflush(stderr);
}

void Progress::End() {
  if (!shown_) return;
  fmt::print(stderr, "{}", kClearLine);
  std::fflush(stderr);
}

}  // namespace tripla::check
