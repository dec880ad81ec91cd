// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <istream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/statement.h"
#include "tripla/operation.h"

namespace tripla::cli {

// Reads the operations of a batch: one get, set, del or cas a line, comments and empty lines aside.
// `file` "-" is `standard_input`, null where that is taken.
//
// Errors: InvalidArgument, which names file and line; nothing has been sent then.
[[nodiscard]] absl::StatusOr<std::vector<Operation>> ReadBatchFile(const std::string& file,
                                                                   std::istream* standard_input);

// The same of text in memory; `name` stands for the file in errors.
[[nodiscard]] absl::StatusOr<std::vector<Operation>> ParseBatch(std::string_view text,
                                                                const std::string& name,
                                                                const StatementContext& context);

}  // namespace tripla::cli
