// SPDX-License-Identifier: Apache-2.0
#include "cli/output_format.h"

#include <fmt/core.h>

namespace tripla::cli {

absl::StatusOr<OutputFormat> ParseOutputFormat(std::string_view name) {
  if (name == "plain") return OutputFormat::kPlain;
  if (name == "json") return OutputFormat::kJson;
  if (name == "table") return OutputFormat::kTable;
  if (name == "raw") return OutputFormat::kRaw;
  return absl::InvalidArgumentError(
      fmt::format("\"{}\" is no output format; there are plain, json, table and raw", name));
}

}  // namespace tripla::cli
