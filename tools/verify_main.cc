// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <variant>

#include "base/diagnostics.h"
#include "base/program.h"
#include "base/usage_error.h"
#include "cli/escape.h"
#include "disk/data_directory.h"
#include "tools/directory_check.h"
#include "tools/directory_dump.h"
#include "tools/report_text.h"

namespace tripla::verify {
namespace {

struct Options {
  std::string directory;
  std::string output = "plain";
  bool dump = false;
};

void Complain(std::string_view message) {
  std::fputs(fmt::format("tripla-verify: {}\n", cli::Escape(message, cli::Keep::kQuotes)).c_str(),
             stderr);
}

std::variant<Options, ExitCode> ParseOptions(int argc, char** argv) {
  Options options;
  CLI::App app(
      "tripla-verify proves every file of a tripla data directory without a server, and says what\n"
      "a start would give. It changes nothing and takes no lock. Of a directory in use verify a\n"
      "copy.\n\n"
      "Exit codes: 0 sound, 10 damaged, 2 usage, 1 anything else (not a tripla directory, a file\n"
      "that cannot be read).",
      "tripla-verify");
  app.set_version_flag("--version", "tripla-verify " TRIPLA_VERSION);
  app.add_option("directory", options.directory, "the data directory, or a copy of one")
      ->type_name("DIR");
  app.add_flag("--dump", options.dump, "print all that can be read, also behind damage");
  app.add_option("-o,--output", options.output, "the format of the report [plain]")
      ->check(CLI::IsMember({"plain", "json"}))
      ->type_name("plain|json");
  try {
    app.parse(argc, argv);
    // Not required(): that would hide an unknown flag.
    if (options.directory.empty()) throw CLI::RequiredError("DIR, the data directory,");
    if (options.dump && options.output != "plain") {
      throw CLI::ValidationError("--dump", "prints plain text only; leave out -o");
    }
  } catch (const CLI::Success& help_or_version) {
    app.exit(help_or_version);
    return ExitCode::kSound;
  } catch (const CLI::ParseError& error) {
    Complain(fmt::format("{}; see tripla-verify --help", UsageErrorText(app, error)));
    return ExitCode::kUsage;
  }
  return options;
}

ExitCode Run(const Options& options) {
  // What the recovery of a start would tell an operator is in the report.
  SetLowestSeverity(Severity::kError);
  const absl::StatusOr<DataDirectory> directory =
      DataDirectory::OpenReadOnly(PosixDisk(), options.directory);
  if (!directory.ok()) {
    const bool damaged = absl::IsDataLoss(directory.status());
    Complain(fmt::format(
        "{}; {}", std::string(directory.status().message()),
        damaged ? "nothing else was looked at" : "name a tripla data directory, or a copy of one"));
    return damaged ? ExitCode::kDamaged : ExitCode::kFailure;
  }
  if (options.dump) DumpDirectory(*directory, stdout);
  const Report report = CheckDirectory(*directory);
  const std::string text = options.output == "json" ? JsonText(report) : PlainText(report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return ExitCodeOf(report);
}

ExitCode Main(int argc, char** argv) {
  const auto parsed = ParseOptions(argc, argv);
  if (const auto* exit_code = std::get_if<ExitCode>(&parsed)) return *exit_code;
  return Run(std::get<Options>(parsed));
}

}  // namespace
}  // namespace tripla::verify

int main(int argc, char** argv) {
  using tripla::verify::ExitCode;
  return tripla::RunProgram("tripla-verify", static_cast<int>(ExitCode::kFailure),
                            [&] { return static_cast<int>(tripla::verify::Main(argc, argv)); });
}
