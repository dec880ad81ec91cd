// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "absl/status/statusor.h"

namespace tripla::cli {

enum class OutputFormat {
  kPlain,  // a line for a person
  kJson,   // an object a line
  kTable,  // columns under a header
  kRaw,    // the data alone, byte for byte
};

// Where output goes.
enum class Destination { kTerminal, kPipe };

// Errors: InvalidArgument, which names the formats.
[[nodiscard]] absl::StatusOr<OutputFormat> ParseOutputFormat(std::string_view name);

}  // namespace tripla::cli
