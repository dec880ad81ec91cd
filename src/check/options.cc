// SPDX-License-Identifier: Apache-2.0
#include "check/options.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <limits>
#include <optional>
#include <random>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "base/quantity.h"
#include "base/usage_error.h"
#include "check/claim.h"
#include "cli/connection.h"
#include "cli/escape.h"

namespace tripla::check {
namespace {

constexpr int kClientsMax = 1000;
constexpr int kKeysMax = 10'000;
constexpr uint64_t kEntriesMax = 100'000'000;

// Throws what CLI11 throws.
template <typename T>
T ValueOr(const absl::StatusOr<T>& parsed, const std::string& flag) {
  if (!parsed.ok()) throw CLI::ValidationError(flag, std::string(parsed.status().message()));
  return *parsed;
}

std::chrono::milliseconds ParseTime(const std::string& text, const std::string& flag) {
  constexpr std::chrono::hours kMost{24 * 365};
  const std::chrono::milliseconds time = ValueOr(ParseDuration(text), flag);
  if (time.count() >= 1 && time <= kMost) return time;
  throw CLI::ValidationError(flag, fmt::format("\"{}\" is out of range; from 1ms on", text));
}

// CLI11 would take -1 as the highest number, and 2^64 as another.
uint64_t ParseSeed(const std::string& text) {
  uint64_t seed = 0;
  if (absl::SimpleAtoi(text, &seed) && absl::ascii_isdigit(text.front())) return seed;
  throw CLI::ValidationError("--seed", fmt::format("\"{}\" is no seed; from 0 to {}", text,
                                                   std::numeric_limits<uint64_t>::max()));
}

ReportFormat ParseFormat(const std::string& text) {
  if (text == "table") return ReportFormat::kTable;
  if (text == "json") return ReportFormat::kJson;
  throw CLI::ValidationError(
      "--output", fmt::format("\"{}\" is no output format; there are table and json", text));
}

// Reads all that the program is told, into an Options.
class OptionReader {
 public:
  OptionReader();
  OptionReader(const OptionReader&) = delete;

  // Throws what CLI11 throws.
  Options Read(const std::vector<std::string>& arguments);
  int Exit(const CLI::ParseError& error) { return app_.exit(error); }
  std::string TextOf(const CLI::ParseError& error) const { return UsageErrorText(app_, error); }

 private:
  void AddCommands();
  void AddConnection();
  void AddAmounts();
  void AddOutput();
  CLI::Option* AddText(const std::string& flags, const std::string& type, const std::string& help,
                       const std::string& environment,
                       const std::function<void(const std::string&)>& set);

  Options options_;
  std::string commands_;  // "all, api"
  std::optional<uint64_t> seed_;
  CLI::App app_{
      "tripla-check finds out whether a tripla database keeps its contract. It works in a\n"
      "range of random keys that nobody else uses and removes them when it ends, so that\n"
      "it may run against a server in use, and any number of times at once.",
      "tripla-check"};
};

OptionReader::OptionReader() {
  AddCommands();
  AddConnection();
  AddAmounts();
  AddOutput();
  app_.set_version_flag("--version", "tripla-check " TRIPLA_VERSION);
  app_.footer(
      "\nEach flag is also an environment variable, named in brackets: flag > environment > "
      "default.\n\n"
      "Examples:\n"
      "  tripla-check all\n"
      "  tripla-check all --endpoints db1:7420,db2:7420,db3:7420 --junit check.xml\n"
      "  tripla-check stress --entries 100000 --clients 32 --duration 10m\n"
      "  tripla-check api --claim R8\n\n"
      "Exit codes: 0 all claims hold, 1 a claim fails, 2 usage, 6 no answer from a server,\n"
      "130 interrupted.");
}

void OptionReader::AddCommands() {
  static constexpr std::pair<const char*, const char*> kCommands[] = {
      {"all", "everything below; less than a minute"},
      {"api", "every operation with every result"},
      {"stress", "many entries by many clients: insert, update, read, verify, delete"},
      {"cut", "connections that are cut in the middle, at every byte"},
      {"history", "clients that meet on few keys: what they were told is linearizable"},
  };
  app_.require_subcommand(0, 1);  // one; what is missing is said below
  for (const auto& [name, help] : kCommands) {
    CLI::App* command = app_.add_subcommand(name, help);
    command->fallthrough();
    commands_ += (commands_.empty() ? "" : ", ") + std::string(name);
    command->callback([this, name = name] { options_.plan.command = name; });
  }
}

CLI::Option* OptionReader::AddText(const std::string& flags, const std::string& type,
                                   const std::string& help, const std::string& environment,
                                   const std::function<void(const std::string&)>& set) {
  CLI::Option* option = app_.add_option_function<std::string>(flags, set, help);
  return option->type_name(type)->envname(environment);
}

void OptionReader::AddConnection() {
  Plan& plan = options_.plan;
  AddText(cli::kEndpointsFlags, cli::kEndpointsType,
          "the servers, 127.0.0.1:7420 by default; of replicas name all", cli::kEndpointsVariable,
          [&plan](const std::string& text) {
            plan.endpoints = ValueOr(cli::ParseEndpoints(text), "--endpoints");
          });
  AddText("--timeout", "DURATION", "time for one call, with all its attempts, 5s by default",
          cli::kTimeoutVariable, [&plan](const std::string& text) {
            plan.timeout = ValueOr(cli::ParseTimeout(text), "--timeout");
          });
}

void OptionReader::AddAmounts() {
  Plan& plan = options_.plan;
  AddText("--seed", "N", "repeats the choices of a former run; random by default",
          "TRIPLA_CHECK_SEED", [this](const std::string& text) { seed_ = ParseSeed(text); });
  app_.add_option("--claim", plan.claim, "only claims whose name begins so: R8, R4.set-absent")
      ->type_name("NAME")
      ->envname("TRIPLA_CHECK_CLAIM");
  app_.add_option("--entries", plan.entries, "entries of the stress, 1000 by default")
      ->type_name("N")
      ->check(CLI::Range(uint64_t{1}, kEntriesMax))
      ->envname("TRIPLA_CHECK_ENTRIES");
  app_.add_option("--clients", plan.clients, "clients at once, 8 by default")
      ->type_name("N")
      ->check(CLI::Range(1, kClientsMax))
      ->envname("TRIPLA_CHECK_CLIENTS");
  app_.add_option("--keys", plan.keys, "keys that the clients of a history share, 3 by default")
      ->type_name("N")
      ->check(CLI::Range(1, kKeysMax))
      ->envname("TRIPLA_CHECK_KEYS");
  AddText("--duration", "DURATION", "of each check that goes on for a time, 3s by default",
          "TRIPLA_CHECK_DURATION",
          [&plan](const std::string& text) { plan.duration = ParseTime(text, "--duration"); });
}

void OptionReader::AddOutput() {
  AddText("-o,--output", "table|json", "how the claims are printed, table by default",
          "TRIPLA_CHECK_OUTPUT",
          [this](const std::string& text) { options_.format = ParseFormat(text); });
  app_.add_option("--junit", options_.junit_file, "writes them to this file too, as JUnit does")
      ->type_name("FILE")
      ->envname("TRIPLA_CHECK_JUNIT");
  app_.add_flag("--list", options_.list, "says what would be checked, and ends");
}

Options OptionReader::Read(const std::vector<std::string>& arguments) {
  std::string wrong = "a command is missing";
  try {
    app_.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // as CLI11 wants
  } catch (const CLI::ExtrasError& error) {
    if (!app_.get_subcommands().empty() || app_.count("--list") != 0) throw;
    wrong = error.what();
  }
  // --list alone lists the claims of all commands.
  if (app_.get_subcommands().empty() && app_.count("--list") == 0) {
    throw CLI::ValidationError(wrong + "; the commands are " + commands_);
  }
  // CLI11 has read the first of the two variables, if it is set.
  const cli::EnvironmentText environment = cli::EndpointsInEnvironment();
  if (environment.variable == cli::kServerVariable && app_.count("--endpoints") == 0) {
    options_.plan.endpoints = ValueOr(cli::ParseEndpoints(environment.text), environment.variable);
  }
  const Plan& plan = options_.plan;
  if (ClaimsOf(plan).empty()) {
    throw CLI::ValidationError(
        "--claim", fmt::format("no claim of {} begins with \"{}\"; tripla-check {} --list "
                               "shows them",
                               plan.command, plan.claim, plan.command));
  }
  options_.plan.seed = seed_ ? *seed_ : std::random_device()();
  return std::move(options_);
}

}  // namespace

std::variant<Options, ExitCode> ParseOptions(const std::vector<std::string>& arguments) {
  OptionReader reader;
  try {
    return reader.Read(arguments);
  } catch (const CLI::Success& help_or_version) {
    reader.Exit(help_or_version);  // prints
    return ExitCode::kAllHold;
  } catch (const CLI::ParseError& error) {
    std::fputs(fmt::format("tripla-check: {}; tripla-check --help shows commands and flags\n",
                           cli::Escape(reader.TextOf(error), cli::Keep::kQuotes))
                   .c_str(),
               stderr);
    return ExitCode::kUsage;
  }
}

}  // namespace tripla::check
