// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/vote.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/strings/numbers.h"
#include "base/status_macros.h"

namespace tripla {
namespace {

// Two short lines and a date.
constexpr size_t kFileBytesMax = 4096;

// The value in a line "KEY=VALUE".
std::optional<std::string> ValueOf(std::string_view key, const std::string& text) {
  const std::string begin = fmt::format("\n{}=", key);
  const size_t at = ("\n" + text).find(begin);
  if (at == std::string::npos) return std::nullopt;
  const size_t from = at + begin.size() - 1;
  return text.substr(from, text.find('\n', from) - from);
}

bool IsNodeId(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

absl::StatusOr<Vote> ReadVote(const DataDirectory& directory, const Membership& membership) {
  const std::string path = RatisLogPath(directory, membership) + "/raft-meta";
  const absl::StatusOr<std::unique_ptr<File>> file = directory.disk().Open(path, OpenMode::kRead);
  if (absl::IsNotFound(file.status())) {
    return absl::NotFoundError(fmt::format("{} is missing", path));
  }
  TRIPLA_RETURN_IF_ERROR(file.status());
  std::string text(kFileBytesMax, '\0');
  TRIPLA_ASSIGN_OR_RETURN(const size_t size, (*file)->ReadAt(0, text.data(), text.size()));
  text.resize(size);
  const std::optional<std::string> term = ValueOf("term", text);
  const std::optional<std::string> voted_for = ValueOf("votedFor", text);
  Vote vote;
  if (!term || !absl::SimpleAtoi(*term, &vote.term)) {
    return absl::DataLossError(fmt::format("{} is damaged: it holds no term", path));
  }
  if (!voted_for || !IsNodeId(*voted_for)) {
    return absl::DataLossError(fmt::format("{} is damaged: it holds no vote", path));
  }
  vote.voted_for = *voted_for;
  return vote;
}

}  // namespace tripla
