// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "tripla/operation.h"

namespace tripla::cli {

// One thing a person asks for: what a line of the shell, of a script or of a batch file says, or
// the arguments of the program. The grammar is the same everywhere (help.cc shows it).

struct BatchStatement {
  std::string file;  // "-": standard input
};
struct StatusStatement {};
struct HealthStatement {};
struct OutcomeStatement {
  std::string id;  // as Failure::request
};
struct SnapshotStatement {};
struct TransferStatement {
  std::string node;  // or nothing: any other
};
struct HelpStatement {
  std::string verb;  // or nothing
};

using Statement =
    std::variant<Operation, BatchStatement, StatusStatement, HealthStatement, OutcomeStatement,
                 SnapshotStatement, TransferStatement, HelpStatement>;

// Where statements take what their words leave out.
struct StatementContext {
  std::istream* standard_input = nullptr;  // for data "-"; null where it holds the commands
  std::function<int64_t()> now;            // the timestamp when none is given
};

// Reads a statement; `words` is not empty. Keys and numbers are checked, and files of data read,
// before anything is sent.
//
// Errors: InvalidArgument and ResourceExhausted, which say what is wrong and what to write.
[[nodiscard]] absl::StatusOr<Statement> ParseStatement(const std::vector<std::string>& words,
                                                       const StatementContext& context);

}  // namespace tripla::cli
