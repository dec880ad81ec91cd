// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "base/configuration_file.h"
#include "base/usage_error.h"
#include "cli/argument_split.h"
#include "cli/connection.h"
#include "cli/escape.h"
#include "cli/help.h"

namespace tripla::cli {
namespace {

// What sets an option: one text from the command line, the environment or the file.
struct Setting {
  std::string name;   // "timeout": flag --timeout, TRIPLA_TIMEOUT, timeout = "..."
  std::string alias;  // another name for it in the file and the environment, or empty
  std::function<absl::Status(const std::string&)> set;
  CLI::Option* flag = nullptr;
};

template <typename T>
absl::Status Assign(absl::StatusOr<T> parsed, T& target) {
  if (parsed.ok()) target = *std::move(parsed);
  return parsed.status();
}

absl::Status SetStrict(const std::string& text, Settings::Verdict& verdict) {
  if (text != "on" && text != "off") {
    return absl::InvalidArgumentError(fmt::format("\"{}\" is neither on nor off", text));
  }
  verdict = text == "on" ? Settings::Verdict::kStrict : Settings::Verdict::kDecided;
  return absl::OkStatus();
}

std::string VariableOf(std::string_view setting) {
  std::string name = "TRIPLA_";
  for (const char c : setting) {
    name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

EnvironmentText InEnvironment(const Setting& setting) {
  if (!setting.alias.empty()) return EndpointsInEnvironment();
  const std::string variable = VariableOf(setting.name);
  const char* text = std::getenv(variable.c_str());
  return {variable, text == nullptr ? "" : text};
}

// `from` says where the text was found.
void Apply(const Setting& setting, const std::string& text, const std::string& from) {
  const absl::Status status = setting.set(text);
  if (!status.ok()) throw CLI::ValidationError(from, std::string(status.message()));
}

// CLI11's own help knows nothing of verbs.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override {
    return "\nUsage: tripla [FLAGS] [VERB ...]\n";
  }
};

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
  void AddSetting(const std::string& flags, Setting setting, const std::string& help,
                  const std::string& type, std::function<absl::Status(const std::string&)> set);
  [[nodiscard]] FlagKind KindOf(const std::string& flag) const;
  [[nodiscard]] std::map<std::string, std::string> ReadFile() const;

  Options options_;
  CLI::App app_{
      "tripla reads and writes a tripla database: a map from integers to (version,\n"
      "timestamp, data). Without a statement it is a shell; when standard input is no\n"
      "terminal it runs what stands there as a script.",
      "tripla"};
  std::optional<std::string> file_;
  std::vector<Setting> settings_;
};

OptionReader::OptionReader() {
  app_.formatter(std::make_shared<HelpFormatter>());
  app_.footer(
      "\nEach flag is also an environment variable, named in brackets, and a key of the\n"
      "configuration file (endpoints = \"db:7420\"): flag > environment > file > default.\n\n" +
      ProgramHelpText());
  app_.set_version_flag("--version", "tripla " TRIPLA_VERSION);
  Connection& connection = options_.connection;
  AddSetting(
      kEndpointsFlags, {.name = "endpoints", .alias = "server"},
      "the server to ask, or all of a cluster with commas between, 127.0.0.1:7420 by default",
      kEndpointsType, [&connection](const std::string& text) {
        return Assign(ParseEndpoints(text), connection.endpoints);
      });
  AddSetting("--timeout", {.name = "timeout"},
             "time for one call, with all its attempts, 5s by default", "DURATION",
             [&connection](const std::string& text) {
               return Assign(ParseTimeout(text), connection.timeout);
             });
  AddSetting("-o,--output", {.name = "output"}, "how answers are printed, plain by default",
             "plain|json|table|raw", [this](const std::string& text) {
               return Assign(ParseOutputFormat(text), options_.settings.format);
             });
  const auto set_strict = [this](const std::string& text) {
    return SetStrict(text, options_.settings.verdict);
  };
  CLI::Option* strict = app_.add_flag_callback(
      "--strict", [set_strict] { (void)set_strict("on"); },
      "end a script or a batch as its first answer that is not SUCCESS [TRIPLA_STRICT=on|off]");
  settings_.push_back({.name = "strict", .set = set_strict, .flag = strict});
  // Not TRIPLA_CONFIG: that is the server's, whose file has other keys.
  app_.add_option("--config", file_,
                  "configuration file (TOML), ~/.config/tripla/config.toml by default "
                  "[TRIPLA_CLIENT_CONFIG]")
      ->type_name("FILE");
}

void OptionReader::AddSetting(const std::string& flags, Setting setting, const std::string& help,
                              const std::string& type,
                              std::function<absl::Status(const std::string&)> set) {
  setting.set = std::move(set);
  setting.flag = app_.add_option_function<std::string>(
      flags, [setting](const std::string& text) { Apply(setting, text, "--" + setting.name); },
      fmt::format("{} [{}]", help, VariableOf(setting.name)));
  setting.flag->type_name(type);
  settings_.push_back(setting);
}

FlagKind OptionReader::KindOf(const std::string& flag) const {
  if (flag.size() < 2 || flag[0] != '-') return FlagKind::kUnknown;
  const CLI::Option* option = app_.get_option_no_throw(flag);
  if (option == nullptr) return FlagKind::kUnknown;
  return option->get_items_expected_max() == 0 ? FlagKind::kAlone : FlagKind::kWithValue;
}

// The default path of the configuration; empty when there is no home directory.
std::filesystem::path DefaultConfigurationFile() {
  if (const char* config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config == '/') {
    return std::filesystem::path(config) / "tripla" / "config.toml";
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/') return {};
  return std::filesystem::path(home) / ".config" / "tripla" / "config.toml";
}

// The configuration file that somebody named, if anybody did.
std::optional<std::filesystem::path> NamedFile(const std::optional<std::string>& flag) {
  if (flag) return *flag;
  const char* variable = std::getenv("TRIPLA_CLIENT_CONFIG");
  if (variable == nullptr || *variable == '\0') return std::nullopt;
  return variable;
}

std::map<std::string, std::string> OptionReader::ReadFile() const {
  const std::optional<std::filesystem::path> named = NamedFile(file_);
  const std::filesystem::path path = named.value_or(DefaultConfigurationFile());
  std::error_code ignored;
  if (!named && !std::filesystem::exists(path, ignored)) return {};
  const auto texts = ReadConfigurationFile(path.string());
  if (!texts.ok()) throw CLI::ConfigError(std::string(texts.status().message()));
  for (const auto& [name, text] : *texts) {
    const bool known = std::ranges::any_of(settings_, [&name = name](const Setting& setting) {
      return name == setting.name || name == setting.alias;
    });
    if (!known) {
      throw CLI::ConfigError(
          fmt::format("{}: \"{}\" is no setting; there are endpoints, timeout, output and strict",
                      path.string(), name));
    }
  }
  if (texts->contains("endpoints") && texts->contains("server")) {
    throw CLI::ConfigError(
        fmt::format("{}: endpoints and server are the same setting; give one", path.string()));
  }
  return *texts;
}

Options OptionReader::Read(const std::vector<std::string>& arguments) {
  SplitArguments split = Split(arguments, [this](const std::string& flag) { return KindOf(flag); });
  std::vector<std::string> reversed(split.flags.rbegin(), split.flags.rend());  // as CLI11 wants
  app_.parse(std::move(reversed));
  const std::map<std::string, std::string> file = ReadFile();
  // Not CLI11's own reading of environment and file: that lets the file win over the environment.
  for (const Setting& setting : settings_) {
    if (setting.flag->count() != 0) continue;
    const EnvironmentText environment = InEnvironment(setting);
    auto in_file = file.find(setting.name);
    if (in_file == file.end()) in_file = file.find(setting.alias);
    if (!environment.text.empty()) {
      Apply(setting, environment.text, environment.variable);
    } else if (in_file != file.end()) {
      Apply(setting, in_file->second, "configuration file, " + in_file->first);
    }
  }
  options_.words = std::move(split.words);
  return std::move(options_);
}

}  // namespace

std::variant<Options, ExitCode> ParseOptions(const std::vector<std::string>& arguments) {
  OptionReader reader;
  try {
    return reader.Read(arguments);
  } catch (const CLI::Success& help_or_version) {
    reader.Exit(help_or_version);  // prints
    return ExitCode::kSuccess;
  } catch (const CLI::ParseError& error) {
    std::fputs(fmt::format("tripla: {}; tripla --help shows the flags\n",
                           Escape(reader.TextOf(error), Keep::kQuotes))
                   .c_str(),
               stderr);
    return ExitCode::kUsage;
  }
}

}  // namespace tripla::cli
