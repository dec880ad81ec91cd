// SPDX-License-Identifier: Apache-2.0
//
// The configuration file of tripla: every file gives options within their limits, or one line that
// says why not and the exit code of a usage error.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/check.h"
#include "cli/options.h"
#include "fuzz/option_program.h"

namespace tripla::cli {
namespace {

struct Outcome {
  std::variant<Options, ExitCode> parsed;
  std::string said;
};

Outcome Parse(const std::vector<std::string>& arguments) {
  Outcome outcome;
  outcome.said = CaptureStandardError([&] { outcome.parsed = ParseOptions(arguments); });
  return outcome;
}

void CheckRefusal(const Outcome& outcome) {
  const auto* exit_code = std::get_if<ExitCode>(&outcome.parsed);
  TRIPLA_CHECK(exit_code != nullptr && *exit_code == ExitCode::kUsage,
               "a bad file is a usage error");
  TRIPLA_CHECK(IsOneLine(outcome.said), "it is said in one line");
  TRIPLA_CHECK(outcome.said.starts_with("tripla: "), "by whom is said");
}

void CheckFile(const std::string& path) {
  const Outcome alone = Parse({"--config", path, "get", "1"});
  if (const auto* options = std::get_if<Options>(&alone.parsed)) {
    TRIPLA_CHECK(alone.said.empty(), "nothing is wrong");
    TRIPLA_CHECK(options->words == (std::vector<std::string>{"get", "1"}), "the verb stays");
    TRIPLA_CHECK(!options->connection.endpoints.empty(), "there is a server to ask");
    TRIPLA_CHECK(options->connection.timeout.count() >= 1 &&
                     options->connection.timeout <= std::chrono::hours(24),
                 "the timeout has limits");
  } else {
    CheckRefusal(alone);
  }
  const Outcome overruled = Parse(
      {"--config", path, "--server", "h:1", "--timeout", "7s", "-o", "raw", "--strict", "status"});
  if (const auto* options = std::get_if<Options>(&overruled.parsed)) {
    TRIPLA_CHECK(options->connection.endpoints == std::vector<std::string>{"h:1"} &&
                     options->connection.timeout.count() == 7000 &&
                     options->settings.format == OutputFormat::kRaw &&
                     options->settings.verdict == Settings::Verdict::kStrict,
                 "a flag beats the file");
  } else {
    CheckRefusal(overruled);
    TRIPLA_CHECK(!std::holds_alternative<Options>(alone.parsed), "a flag makes no file bad");
  }
}

}  // namespace
}  // namespace tripla::cli

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const tripla::MemoryFile file({reinterpret_cast<const char*>(data), size});
  tripla::cli::CheckFile(file.path());
  return 0;
}
