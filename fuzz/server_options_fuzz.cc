// SPDX-License-Identifier: Apache-2.0
//
// The configuration file of triplad: every file gives options within their limits, or one line that
// says why not and the exit code of a usage error.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/check.h"
#include "fuzz/option_program.h"
#include "server/options.h"

namespace tripla {
namespace {

using Parsed = std::variant<Options, InitOptions, InspectOptions, ExitCode>;

struct Outcome {
  Parsed parsed;
  std::string said;
};

Outcome Parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "triplad");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  Outcome outcome;
  outcome.said = CaptureStandardError(
      [&] { outcome.parsed = ParseOptions(static_cast<int>(argv.size()), argv.data()); });
  return outcome;
}

void CheckWithinLimits(const Options& options) {
  TRIPLA_CHECK(!options.data_dir.empty(), "a server has a directory");
  TRIPLA_CHECK(
      options.data_bytes_max >= 1 && options.data_bytes_max <= limits::kDataBytesMaxCeiling,
      "the data's limit has limits");
  const auto interval = options.snapshot_interval.count();
  TRIPLA_CHECK(interval == 0 || (interval >= 10 && interval <= int64_t{24} * 366 * 3600 * 1000),
               "the period has limits");
  TRIPLA_CHECK(options.listen.empty() || options.listen.find(':') != std::string::npos,
               "an endpoint has a port");
}

void CheckRefusal(const Outcome& outcome) {
  const auto* exit_code = std::get_if<ExitCode>(&outcome.parsed);
  TRIPLA_CHECK(exit_code != nullptr && *exit_code == ExitCode::kUsage,
               "a bad file is a usage error");
  TRIPLA_CHECK(IsOneLine(outcome.said), "it is said in one line");
  TRIPLA_CHECK(outcome.said.starts_with("triplad: "), "by whom is said");
}

void CheckFile(const std::string& path) {
  const Outcome alone = Parse({"--config", path, "--data-dir", "d"});
  if (const auto* options = std::get_if<Options>(&alone.parsed)) {
    TRIPLA_CHECK(alone.said.empty(), "nothing is wrong");
    TRIPLA_CHECK(options->data_dir == "d", "a flag beats the file");
    CheckWithinLimits(*options);
  } else {
    CheckRefusal(alone);
  }
  const Outcome overruled = Parse({"--config",
                                   path,
                                   "--data-dir",
                                   "d",
                                   "--node",
                                   "n",
                                   "--fsync",
                                   "never",
                                   "--log",
                                   "off",
                                   "--snapshot-interval",
                                   "7s",
                                   "--disk-reserve",
                                   "1MiB",
                                   "--listen",
                                   "h:1",
                                   "--data-bytes-max",
                                   "5B",
                                   "--reflection",
                                   "off",
                                   "--verbosity",
                                   "error"});
  if (const auto* options = std::get_if<Options>(&overruled.parsed)) {
    TRIPLA_CHECK(options->listen == "h:1" && options->data_bytes_max == 5 && !options->log &&
                     !options->reflection && options->snapshot_interval.count() == 7000,
                 "a flag beats the file");
  } else {
    CheckRefusal(overruled);
    TRIPLA_CHECK(!std::holds_alternative<Options>(alone.parsed), "a flag makes no file bad");
  }
}

}  // namespace
}  // namespace tripla

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const tripla::MemoryFile file({reinterpret_cast<const char*>(data), size});
  tripla::CheckFile(file.path());
  return 0;
}
