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

// Adds what a line asks for, if anything.
absl::Status AddLine(std::string_view line, const StatementContext& context,
                     std::vector<Operation>& operations) {
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> words, SplitLine(line));
  if (words.empty()) return absl::OkStatus();
  TRIPLA_ASSIGN_OR_RETURN(Statement statement, ParseStatement(words, context));
  auto* operation = std::get_if<Operation>(&statement);
  if (operation == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("{} cannot stand in a batch; get, set, del and cas can", words[0]));
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
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const absl::Status added = AddLine(text.substr(0, end), context, operations);
    if (!added.ok()) {
      return absl::Status(added.code(), fmt::format("{}, line {}: {}; nothing was sent", name,
                                                    number, std::string(added.message())));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
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
