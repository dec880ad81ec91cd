// SPDX-License-Identifier: Apache-2.0
#include "server/options.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "base/configuration_file.h"
#include "base/diagnostics.h"
#include "base/quantity.h"
#include "base/usage_error.h"

namespace tripla {
namespace {

// Longer periods are surely mistakes; shorter ones would write images without pause.
constexpr std::chrono::milliseconds kSnapshotIntervalMin{10};
constexpr std::chrono::seconds kScrubIntervalMin{1};
constexpr std::chrono::hours kIntervalMax{24 * 366};

// With a shorter age clients would mostly connect; gRPC allows 24 days at most.
constexpr std::chrono::seconds kConnectionAgeMin{1};
constexpr std::chrono::hours kConnectionAgeMax{24 * 7};

// "--snapshot-interval" is TRIPLA_SNAPSHOT_INTERVAL in the environment.
std::string EnvironmentName(std::string_view flag) {
  std::string name = "TRIPLA_";
  for (const char c : flag.substr(2)) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

// Adds a flag whose text `read` turns into a value or refuses with a reason.
CLI::Option* AddFlag(CLI::App& app, const std::string& flag, const std::string& help,
                     const std::string& type,
                     std::function<absl::Status(const std::string&)> read) {
  CLI::Option* option = app.add_option_function<std::string>(
      flag,
      [flag, read = std::move(read)](const std::string& text) {
        const absl::Status status = read(text);
        if (status.ok()) return;
        const std::string variable = EnvironmentName(flag);
        const char* value = std::getenv(variable.c_str());
        const bool from_variable = value != nullptr && text == value;
        throw CLI::ValidationError(from_variable ? variable : flag, std::string(status.message()));
      },
      help);
  return option->type_name(type)->envname(EnvironmentName(flag));
}

absl::Status ReadSwitch(const std::string& text, bool& value) {
  if (text != "on" && text != "off") {
    return absl::InvalidArgumentError(fmt::format("\"{}\" is neither on nor off", text));
  }
  value = text == "on";
  return absl::OkStatus();
}

absl::Status ReadListen(const std::string& text, std::string& value) {
  const size_t colon = text.rfind(':');
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  const bool digits = !port.empty() && port.size() <= 5 &&
                      port.find_first_not_of("0123456789") == std::string::npos;
  if (colon == 0 || !digits || std::stoi(port) > 65535) {
    return absl::InvalidArgumentError(fmt::format(
        "\"{}\" is not HOST:PORT; write 127.0.0.1:7420, [::1]:7420, or port 0 for a free one",
        text));
  }
  value = text;
  return absl::OkStatus();
}

// For a period of which 0 means that there is none.
absl::Status ReadInterval(const std::string& text, std::chrono::milliseconds least,
                          std::string_view least_text, std::chrono::milliseconds& value) {
  const absl::StatusOr<std::chrono::milliseconds> interval = ParseDuration(text);
  if (!interval.ok()) return interval.status();
  if (interval->count() != 0 && (*interval < least || *interval > kIntervalMax)) {
    return absl::InvalidArgumentError(fmt::format(
        "\"{}\" is out of range; from {} to a year, or 0 for none by period", text, least_text));
  }
  value = *interval;
  return absl::OkStatus();
}

absl::Status ReadConnectionAge(const std::string& text, std::chrono::milliseconds& value) {
  const absl::StatusOr<std::chrono::milliseconds> age = ParseDuration(text);
  if (!age.ok()) return age.status();
  if (age->count() != 0 && (*age < kConnectionAgeMin || *age > kConnectionAgeMax)) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is out of range; from 1s to a week, or 0 for none", text));
  }
  value = *age;
  return absl::OkStatus();
}

absl::Status ReadSize(const std::string& text, uint64_t least, uint64_t most, uint64_t& value) {
  const absl::StatusOr<uint64_t> size = ParseByteSize(text);
  if (!size.ok()) return size.status();
  if (*size < least || *size > most) {
    return absl::InvalidArgumentError(fmt::format("\"{}\" is out of range; from {} to {}", text,
                                                  ByteSizeText(least), ByteSizeText(most)));
  }
  value = *size;
  return absl::OkStatus();
}

absl::Status ReadLevel(const std::string& text, Level& value) {
  if (absl::SimpleAtoi(text, &value) && value >= kFirstLevel) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("\"{}\" is no level; levels are numbers from {} on", text, kFirstLevel));
}

absl::Status ReadVerbosity(const std::string& text, Severity& value) {
  if (text == "debug") {
    value = Severity::kDebug;
  } else if (text == "info") {
    value = Severity::kInfo;
  } else if (text == "warning") {
    value = Severity::kWarning;
  } else if (text == "error") {
    value = Severity::kError;
  } else {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is not one of debug, info, warning and error", text));
  }
  return absl::OkStatus();
}

void AddStorageFlags(CLI::App& app, Options& options) {
  AddFlag(app, "--data-dir", "the directory that holds everything; made when missing", "DIR",
          [&](const std::string& text) {
            options.data_dir = text;
            return text.empty() ? absl::InvalidArgumentError("the name is empty")
                                : absl::OkStatus();
          });
  AddFlag(app, "--node",
          "refuse to start unless the directory is this replica's (see triplad init)", "ID",
          [&](const std::string& text) {
            options.node = text;
            return absl::OkStatus();
          });
  AddFlag(app, "--fsync",
          "when a write is made durable: always (before its answer), interval:DURATION, or never "
          "(the system decides; a power cut loses seconds) [always]",
          "POLICY", [&](const std::string& text) {
            absl::StatusOr<FsyncPolicy> policy = ParseFsyncPolicy(text);
            if (policy.ok()) options.fsync = *policy;
            return policy.status();
          });
  AddFlag(app, "--log",
          "keep an operation log; off keeps images only, so a crash loses what came "
          "after the last one [on]",
          "on|off", [&](const std::string& text) { return ReadSwitch(text, options.log); });
  AddFlag(
      app, "--level-max",
      fmt::format("hold back what a version after the one of level N brings, so that all servers "
                  "may return to that; this version knows {} [no limit]",
                  LevelsText(kLowestLevel, kHighestLevel)),
      "N", [&](const std::string& text) { return ReadLevel(text, options.level_max); });
  AddFlag(app, "--snapshot-interval",
          "time between images when anything changed; 0 for none by period [30s]", "DURATION",
          [&](const std::string& text) {
            return ReadInterval(text, kSnapshotIntervalMin, "10ms", options.snapshot_interval);
          });
  AddFlag(app, "--scrub-interval",
          "time after which the map in memory is verified though no image was written, which "
          "verifies it too; 0 for never [24h]",
          "DURATION", [&](const std::string& text) {
            return ReadInterval(text, kScrubIntervalMin, "1s", options.scrub_interval);
          });
  AddFlag(app, "--disk-reserve",
          "free space, beside that for the next image, below which writes are refused [16MiB, a "
          "sixteenth of a disk below 256 MiB]",
          "SIZE", [&](const std::string& text) {
            return ReadSize(text, 0, uint64_t{1} << 50, options.disk_reserve_bytes.emplace());
          });
}

void AddServingFlags(CLI::App& app, Options& options) {
  AddFlag(app, "--listen",
          "where to serve; port 0 takes a free one and says it [127.0.0.1:7420; a replica: where "
          "its cluster knows it]",
          "HOST:PORT", [&](const std::string& text) { return ReadListen(text, options.listen); });
  AddFlag(app, "--raft-listen",
          "where a replica takes the connections of the other servers [where its cluster knows it]",
          "HOST:PORT",
          [&](const std::string& text) { return ReadListen(text, options.raft_listen); });
  AddFlag(app, "--data-bytes-max", "size limit of one value's data [16MiB]", "SIZE",
          [&](const std::string& text) {
            return ReadSize(text, 1, limits::kDataBytesMaxCeiling, options.data_bytes_max);
          });
  AddFlag(app, "--reflection", "let tools ask the server for its API [on]", "on|off",
          [&](const std::string& text) { return ReadSwitch(text, options.reflection); });
  AddFlag(app, "--read-lease",
          "let a leader answer reads while a majority has promised to elect no other; off makes it "
          "ask\nthem each time, for machines that are suspended or whose clocks cannot be trusted "
          "[on]",
          "on|off", [&](const std::string& text) { return ReadSwitch(text, options.read_lease); });
  AddFlag(app, "--max-connection-age",
          "ask clients after about this long to connect anew, so that a balancer can spread them; "
          "0 for never [0]",
          "DURATION", [&](const std::string& text) {
            return ReadConnectionAge(text, options.max_connection_age);
          });
  AddFlag(app, "--max-connection-age-grace",
          "how long calls may go on after that before they are cut off; 0 for no end [30s]",
          "DURATION", [&](const std::string& text) {
            return ReadConnectionAge(text, options.max_connection_age_grace);
          });
  AddFlag(app, "--verbosity", "the least severe messages to print [info]",
          "debug|info|warning|error",
          [&](const std::string& text) { return ReadVerbosity(text, options.verbosity); });
}

CLI::App* AddInit(CLI::App& app, InitOptions& init) {
  CLI::App* command = app.add_subcommand(
      "init",
      "prepares an empty directory for one replica of a cluster, once; afterwards\n"
      "triplad --data-dir DIR starts it. Every server gets the same --cluster:\n"
      "  triplad init --data-dir d1 --node n1 \\\n"
      "    --cluster 'n1=a:7420/a:7520,n2=b:7420/b:7520,n3=c:7420/c:7520'\n"
      "With --from or --from-image and without --node and --cluster the directory is that of a\n"
      "server that stands alone");
  command->add_option("--data-dir", init.data_dir, "the directory; made when missing")
      ->required()
      ->type_name("DIR")
      ->envname("TRIPLA_DATA_DIR");
  command->add_option("--node", init.node, "which of the servers this one is")
      ->type_name("ID")
      ->envname("TRIPLA_NODE");
  command
      ->add_option(
          "--cluster", init.cluster,
          "all servers, each with where it serves clients and where it speaks to the others")
      ->type_name("ID=HOST:PORT/HOST:PORT,...")
      ->envname("TRIPLA_CLUSTER");
  command->add_flag("--rebuild", init.rebuild,
                    "begins in place of a server that was lost, from the others, most of which\n"
                    "must be up; the others refuse the lost one from then on");
  CLI::Option* from = command
                          ->add_option("--from", init.from,
                                       "begins with all that the directory of a stopped server "
                                       "holds, of one that\nstood alone or of a replica")
                          ->type_name("DIR");
  command->add_option("--from-image", init.from_image, "begins with what an image holds")
      ->type_name("FILE")
      ->excludes(from);
  command
      ->add_option("--revision-bump", init.revision_bump,
                   "with --from or --from-image: how many revisions are skipped, so that none is\n"
                   "given out twice that the source does not know of [4294967296]")
      ->type_name("N");
  return command;
}

// The rules between the options of init.
void CheckInit(const InitOptions& init) {
  const bool begins_with_data = !init.from.empty() || !init.from_image.empty();
  if (begins_with_data && init.rebuild) {
    throw CLI::ValidationError("--rebuild takes the data from the other servers: leave out --from");
  }
  if (init.node.empty() != init.cluster.empty()) {
    throw CLI::ValidationError("--node and --cluster come together");
  }
  if (init.revision_bump != InitOptions::kRevisionBump && !begins_with_data) {
    throw CLI::ValidationError("--revision-bump comes with --from or --from-image");
  }
  if (init.node.empty() && !begins_with_data) {
    throw CLI::ValidationError(
        "--node and --cluster are missing: say which server of which cluster this is");
  }
}

CLI::App* AddInspect(CLI::App& app, InspectOptions& inspect) {
  CLI::App* command = app.add_subcommand(
      "inspect", "prints what the directory of a stopped server is, and how far it knows");
  command->add_option("DIR", inspect.data_dir, "the directory")->required()->type_name("");
  return command;
}

// Sets options from the file that neither a flag nor the environment has set. CLI11's own
// set_config() would let the file override the environment.
void UseConfigurationFile(CLI::App& app, const std::string& path) {
  const auto texts = ReadConfigurationFile(path);
  if (!texts.ok()) throw CLI::ConfigError(std::string(texts.status().message()));
  for (const auto& [name, text] : *texts) {
    CLI::Option* option = app.get_option_no_throw("--" + name);
    if (option == nullptr || option->get_envname().empty() || name == "config") {
      throw CLI::ConfigError(fmt::format("{}: \"{}\" is not an option", path, name));
    }
    if (option->count() != 0) continue;
    option->add_result(text);
    try {
      option->run_callback();
    } catch (const CLI::ParseError& error) {
      throw CLI::ConfigError(fmt::format("{}: {}", path, error.what()));
    }
  }
}

}  // namespace

std::variant<Options, InitOptions, InspectOptions, ExitCode> ParseOptions(int argc, char** argv) {
  Options options;
  InitOptions init;
  InspectOptions inspect;
  CLI::App app(
      "triplad serves a tripla database: a map from integers to (version, timestamp, data).\n"
      "Each option is also an environment variable (--data-dir: TRIPLA_DATA_DIR) and a key of the\n"
      "configuration file (data-dir = \"...\"): flag > environment > file > default.",
      "triplad");
  app.set_version_flag("--version", "triplad " TRIPLA_VERSION);
  std::string configuration;
  AddStorageFlags(app, options);
  AddServingFlags(app, options);
  app.add_option("--config", configuration, "configuration file (TOML)")
      ->envname("TRIPLA_CONFIG")
      ->type_name("FILE");
  CLI::App* init_command = AddInit(app, init);
  CLI::App* inspect_command = AddInspect(app, inspect);
  try {
    app.parse(argc, argv);
    if (init_command->parsed()) {
      CheckInit(init);
      return init;
    }
    if (inspect_command->parsed()) return inspect;
    if (app.count("--config") != 0) UseConfigurationFile(app, configuration);
    if (options.data_dir.empty()) {
      throw CLI::ParseError("--data-dir is missing: name the directory that holds the data",
                            CLI::ExitCodes::RequiredError);
    }
  } catch (const CLI::Success& help_or_version) {
    app.exit(help_or_version);  // prints
    return ExitCode::kDone;
  } catch (const CLI::ParseError& error) {
    std::fputs(
        fmt::format("triplad: {}; see triplad --help\n", EscapeControls(UsageErrorText(app, error)))
            .c_str(),
        stderr);
    return ExitCode::kUsage;
  }
  return options;
}

}  // namespace tripla
