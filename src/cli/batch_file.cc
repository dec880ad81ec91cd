// SPDX-License-Identifier: Apache-2.0
#include "cli/batch_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/status_macros.h"
#include "cli/data_form.h"
#include "cli/line_words.h"
#include "cli/wall_clock.h"

namespace tripla::cli {
namespace {

// Adds what a statement asks for, if anything.
absl::Status AddStatement(const absl::StatusOr<Words>& words, const StatementContext& context,
                          std::vector<Operation>& operations) {
  if (!words.ok()) return words.status();
  if (words->empty()) return absl::OkStatus();
  TRIPLA_ASSIGN_OR_RETURN(Statement statement, ParseStatement(*words, context));
  auto* operation = std::get_if<Operation>(&statement);
  if (operation == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("{} cannot stand in a batch; get, set, del and cas can", (*words)[0]));
  }
  operations.push_back(std::move(*operation));
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadText(const std::string& file, std::istream* standard_input) {
  if (file != "-") return ReadWholeFile(file);
  if (standard_input != nullptr) return ReadWhole(*standard_input);
  return absl::InvalidArgumentError(
      "batch - reads standard input, which holds the commands here; name a file");
}

}  // namespace

absl::StatusOr<std::vector<Operation>> ParseBatch(std::string_view text, const std::string& name,
                                                  const StatementContext& context) {
  std::vector<Operation> operations;
  StatementLines lines;
  while (true) {
    const size_t end = std::min(text.find('\n'), text.size());
    const bool last = end == text.size();
    const auto words = lines.Add(text.substr(0, end));
    absl::Status added = words ? AddStatement(*words, context, operations) : absl::OkStatus();
    if (added.ok() && last) added = lines.End();
    if (!added.ok()) {
      return absl::Status(added.code(),
                          fmt::format("{}, line {}: {}; nothing was sent", name, lines.first_line(),
                                      std::string(added.message())));
    }
    if (last) break;
    text.remove_prefix(end + 1);
  }
  if (operations.empty()) {
    return absl::InvalidArgumentError(fmt::format("{} has no operations", name));
  }
  return operations;
}

absl::StatusOr<std::vector<Operation>> ReadBatchFile(const std::string& file,
                                                     std::istream* standard_input) {
  TRIPLA_ASSIGN_OR_RETURN(const std::string text, ReadText(file, standard_input));
  return ParseBatch(text, file == "-" ? "standard input" : file, {nullptr, UnixMilliseconds});
}

}  // namespace tripla::cli
