// SPDX-License-Identifier: Apache-2.0
#include "load/options.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "base/quantity.h"
#include "base/usage_error.h"
#include "cli/connection.h"
#include "cli/escape.h"
#include "model/limits.h"

namespace tripla::load {
namespace {

constexpr int kInFlightMax = 100'000;
constexpr int kConnectionsMax = 10'000;
constexpr int kThreadsMax = 1000;
constexpr uint64_t kKeysMax = 1'000'000'000;
constexpr double kRateMax = 1e7;

// Throws what CLI11 throws.
template <typename T>
T ValueOr(const absl::StatusOr<T>& parsed, const std::string& flag) {
  if (!parsed.ok()) throw CLI::ValidationError(flag, std::string(parsed.status().message()));
  return *parsed;
}

std::chrono::milliseconds ParseTime(const std::string& text, const std::string& flag, int least) {
  constexpr std::chrono::hours kMost{24 * 365};
  const std::chrono::milliseconds time = ValueOr(ParseDuration(text), flag);
  if (time.count() >= least && time <= kMost) return time;
  throw CLI::ValidationError(
      flag, fmt::format("\"{}\" is out of range; from {}ms to a year", text, least));
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
  void AddVerbs();
  void AddConnection();
  void AddAmounts();
  void AddTimes();
  void AddOutput();
  template <typename T>
  void AddNumber(const std::string& flag, T& value, T least, T most, const std::string& help);
  void AddText(const std::string& flags, const std::string& type, const std::string& help,
               const std::string& environment, const std::function<void(const std::string&)>& set);
  // Names a variable after a flag: --in-flight, TRIPLA_BENCH_IN_FLIGHT.
  static std::string Variable(const std::string& flag);

  Options options_;
  std::string verbs_;  // "set, get"
  std::optional<uint64_t> keys_;
  CLI::App app_{
      "tripla-bench measures how many calls a tripla database answers and how long each takes.\n"
      "It leaves the entries that it creates behind: use a server of its own.",
      "tripla-bench"};
};

OptionReader::OptionReader() {
  AddVerbs();
  AddConnection();
  AddAmounts();
  AddTimes();
  AddOutput();
  app_.set_version_flag("--version", "tripla-bench " TRIPLA_VERSION);
  app_.footer(
      "\nEach flag is also an environment variable, named in brackets: flag > environment > "
      "default.\n\n"
      "Examples:\n"
      "  tripla-bench null                      the most that any server could do here\n"
      "  tripla-bench set --in-flight 256       as fast as it can\n"
      "  tripla-bench mixed --rate 20000        latency at a rate that the server does not choose\n"
      "  tripla-bench set --keys 1000000        fills a database\n\n"
      "Exit codes: 0 measured, 2 usage, 6 no answer from a server, 130 interrupted.");
}

void OptionReader::AddVerbs() {
  static constexpr std::pair<const char*, std::pair<Verb, const char*>> kVerbs[] = {
      {"set", {Verb::kSet, "each call creates an entry"}},
      {"get", {Verb::kGet, "each call reads an entry by chance"}},
      {"cas", {Verb::kCas, "each call changes an entry (testAndSet)"}},
      {"mixed", {Verb::kMixed, "get and cas in turn"}},
      {"batch", {Verb::kBatch, "each call creates many entries"}},
      {"null", {Verb::kNull, "each call does nothing, on a server of its own: the ceiling"}},
  };
  app_.require_subcommand(0, 1);  // one; what is missing is said below
  for (const auto& [name, verb] : kVerbs) {
    CLI::App* command = app_.add_subcommand(name, verb.second);
    command->fallthrough();
    verbs_ += (verbs_.empty() ? "" : ", ") + std::string(name);
    command->callback([this, name = name, verb = verb.first] {
      options_.plan.verb = verb;
      options_.plan.verb_name = name;
    });
  }
}

std::string OptionReader::Variable(const std::string& flag) {
  std::string name = "TRIPLA_BENCH_";
  for (const char c : flag.substr(2)) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

template <typename T>
void OptionReader::AddNumber(const std::string& flag, T& value, T least, T most,
                             const std::string& help) {
  app_.add_option(flag, value, help)
      ->type_name("N")
      ->check(CLI::Range(least, most))
      ->envname(Variable(flag));
}

void OptionReader::AddText(const std::string& flags, const std::string& type,
                           const std::string& help, const std::string& environment,
                           const std::function<void(const std::string&)>& set) {
  app_.add_option_function<std::string>(flags, set, help)->type_name(type)->envname(environment);
}

void OptionReader::AddConnection() {
  static const std::map<std::string, Api> kApis = {{"tripla", Api::kTripla}, {"etcd", Api::kEtcd}};
  Plan& plan = options_.plan;
  AddText(cli::kEndpointsFlags, cli::kEndpointsType, "the servers, 127.0.0.1:7420 by default",
          cli::kEndpointsVariable, [&plan](const std::string& text) {
            plan.endpoints = ValueOr(cli::ParseEndpoints(text), "--endpoints");
          });
  AddNumber("--connections", plan.connections, 1, kConnectionsMax, "4 by default");
  AddNumber("--threads", plan.threads, 1, kThreadsMax, "that make the calls, 1 by default");
  AddText("--timeout", "DURATION", "time for one call, 5s by default", cli::kTimeoutVariable,
          [&plan](const std::string& text) {
            plan.timeout = ValueOr(cli::ParseTimeout(text), "--timeout");
          });
  app_.add_option("--api", plan.api,
                  "whose calls to make, tripla's by default; of etcd's there are set (Put) and "
                  "get (Range)")
      ->type_name("tripla|etcd")
      ->transform(CLI::CheckedTransformer(kApis).description(""))
      ->envname(Variable("--api"));
}

void OptionReader::AddAmounts() {
  Plan& plan = options_.plan;
  AddNumber("--in-flight", plan.in_flight, 1, kInFlightMax,
            "calls at once, 64 by default; with --rate the most there may be");
  AddText("--value-bytes", "SIZE", "data of an entry, 128 by default", Variable("--value-bytes"),
          [&plan](const std::string& text) {
            plan.value_bytes = ValueOr(ParseByteSize(text), "--value-bytes");
            if (plan.value_bytes > limits::kDataBytesMaxCeiling) {
              throw CLI::ValidationError("--value-bytes", "512MiB at most");
            }
          });
  app_.add_option("--keys", keys_,
                  "entries that get, cas and mixed choose from and create before, 100000 by "
                  "default; set and batch end when they have created so many, without a warm-up")
      ->type_name("N")
      ->check(CLI::Range(uint64_t{1}, kKeysMax))
      ->envname(Variable("--keys"));
  AddNumber("--batch-operations", plan.batch_operations, size_t{1}, limits::kBatchOperationsMax,
            "of one batch call, 100 by default");
  app_.add_flag("--request-ids", plan.request_ids,
                "writes carry ids, so that each happens once however often it is sent")
      ->envname(Variable("--request-ids"));
  static const std::map<std::string, bool> kStale = {{"linearizable", false}, {"stale", true}};
  app_.add_option("--consistency", plan.stale,
                  "of reads, linearizable by default; stale is what the asked replica has, which "
                  "etcd calls serializable")
      ->type_name("linearizable|stale")
      ->transform(CLI::CheckedTransformer(kStale).description(""))
      ->envname(Variable("--consistency"));
}

void OptionReader::AddTimes() {
  Plan& plan = options_.plan;
  AddNumber("--rate", plan.rate, 0.0, kRateMax,
            "calls a second, begun whether or not others are answered (open loop, Poisson; latency "
            "counts from when a call was due); 0, the default: as many as are answered");
  AddText("--duration", "DURATION", "of what is measured, 10s by default", Variable("--duration"),
          [&plan](const std::string& text) { plan.duration = ParseTime(text, "--duration", 1); });
  AddText("--warm-up", "DURATION", "before that, 1s by default", Variable("--warm-up"),
          [&plan](const std::string& text) { plan.warm_up = ParseTime(text, "--warm-up", 0); });
}

void OptionReader::AddOutput() {
  static const std::map<std::string, ReportFormat> kFormats = {{"table", ReportFormat::kTable},
                                                               {"json", ReportFormat::kJson}};
  app_.add_option("-o,--output", options_.format, "how the figures are printed, table by default")
      ->type_name("table|json")
      ->transform(CLI::CheckedTransformer(kFormats).description(""))
      ->envname(Variable("--output"));
  app_.add_option("--timeline", options_.plan.timeline_file,
                  "writes latency over time to this file, as CSV")
      ->type_name("FILE")
      ->envname(Variable("--timeline"));
}

Options OptionReader::Read(const std::vector<std::string>& arguments) {
  std::string wrong = "a verb is missing";
  try {
    app_.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // as CLI11 wants
  } catch (const CLI::ExtrasError& error) {
    if (!app_.get_subcommands().empty()) throw;
    wrong = error.what();
  }
  if (app_.get_subcommands().empty()) {
    throw CLI::ValidationError(wrong + "; the verbs are " + verbs_);
  }
  // CLI11 has read the first of the two variables, if it is set.
  const cli::EnvironmentText environment = cli::EndpointsInEnvironment();
  if (environment.variable == cli::kServerVariable && app_.count("--endpoints") == 0) {
    options_.plan.endpoints = ValueOr(cli::ParseEndpoints(environment.text), environment.variable);
  }
  Plan& plan = options_.plan;
  if (plan.api == Api::kEtcd && plan.verb != Verb::kSet && plan.verb != Verb::kGet) {
    throw CLI::ValidationError("--api", "etcd has only set and get here");
  }
  plan.connections = std::min(plan.connections, plan.in_flight);
  plan.threads = std::min(plan.threads, plan.connections);
  const bool creates = plan.verb == Verb::kSet || plan.verb == Verb::kBatch;
  if (keys_) (creates ? plan.fresh_keys : plan.keys) = *keys_;
  if (plan.fresh_keys != 0) plan.warm_up = {};
  if (plan.verb == Verb::kCas || plan.verb == Verb::kMixed) {
    if (plan.keys < static_cast<uint64_t>(plan.in_flight)) {
      throw CLI::ValidationError("--keys",
                                 "each call in flight needs a key to itself: as many as "
                                 "--in-flight, or more");
    }
  }
  return std::move(options_);
}

}  // namespace

std::variant<Options, ExitCode> ParseOptions(const std::vector<std::string>& arguments) {
  OptionReader reader;
  try {
    return reader.Read(arguments);
  } catch (const CLI::Success& help_or_version) {
    reader.Exit(help_or_version);  // prints
    return ExitCode::kMeasured;
  } catch (const CLI::ParseError& error) {
    std::fputs(fmt::format("tripla-bench: {}; tripla-bench --help shows verbs and flags\n",
                           cli::Escape(reader.TextOf(error), cli::Keep::kQuotes))
                   .c_str(),
               stderr);
    return ExitCode::kUsage;
  }
}

}  // namespace tripla::load
