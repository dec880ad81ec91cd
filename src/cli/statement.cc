// SPDX-License-Identifier: Apache-2.0
#include "cli/statement.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "base/status_macros.h"
#include "cli/data_form.h"
#include "cli/numbers.h"
#include "cli/spelling.h"
#include "cli/verbs.h"

namespace tripla::cli {
namespace {

// The words of a statement behind its verb, sorted.
struct Arguments {
  std::vector<std::string> words;
  std::map<std::string, std::string, std::less<>> flags;  // "--version" -> "3"
};

absl::Status Misuse(const Verb& verb, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("{}; usage: {}", why, verb.usage));
}

// What to say of a flag of the program, which has no place in a statement; empty when it is none.
std::string WhyNotHere(std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  const bool format = name == "-o" || name == "--output";
  const bool others = name == "-e" || name == "--endpoints" || name == "--server" ||
                      name == "--timeout" || name == "--strict" || name == "--config";
  if (!format && !others) return "";
  return fmt::format("{} is a flag of the program, not of a statement: {}", name,
                     format ? "\\o plain|json|table|raw changes the format here"
                            : "give it where you start tripla");
}

// Takes the flag at `at` and moves `at` to its last word.
absl::Status TakeFlag(const Verb& verb, const std::vector<std::string>& words, size_t& at,
                      Arguments& arguments) {
  const std::string& word = words[at];
  const size_t equals = word.find('=');
  const std::string name = word.substr(0, equals);
  if (std::ranges::find(verb.flags, name) == verb.flags.end()) {
    if (const std::string why = WhyNotHere(name); !why.empty()) return Misuse(verb, why);
    const std::string_view meant = NearestOf(name, verb.flags);
    return Misuse(verb, fmt::format("{} has no flag {}; {}", verb.name, name,
                                    meant.empty() ? "data that begins with -- stands behind --"
                                                  : fmt::format("did you mean {}?", meant)));
  }
  if (equals == std::string::npos && at + 1 == words.size()) {
    return Misuse(verb, fmt::format("{} needs a value", name));
  }
  std::string value = equals == std::string::npos ? words[++at] : word.substr(equals + 1);
  if (!arguments.flags.emplace(name, std::move(value)).second) {
    return Misuse(verb, fmt::format("{} is given twice", name));
  }
  return absl::OkStatus();
}

// Words that begin with one hyphen are no flags: negative keys, and "-" for standard input.
absl::StatusOr<Arguments> Sort(const Verb& verb, const std::vector<std::string>& words) {
  Arguments arguments;
  bool flags_ended = false;
  for (size_t at = 1; at < words.size(); ++at) {
    const std::string& word = words[at];
    if (flags_ended || !word.starts_with("--")) {
      arguments.words.push_back(word);
    } else if (word == "--") {
      flags_ended = true;
    } else {
      TRIPLA_RETURN_IF_ERROR(TakeFlag(verb, words, at, arguments));
    }
  }
  if (arguments.words.size() < verb.least_words) {
    return Misuse(verb, fmt::format("{} needs more", verb.name));
  }
  if (arguments.words.size() > verb.most_words) {
    for (size_t at = verb.most_words; at < arguments.words.size(); ++at) {
      const std::string why = flags_ended ? "" : WhyNotHere(arguments.words[at]);
      if (!why.empty()) return Misuse(verb, why);
    }
    return Misuse(verb, fmt::format("\"{}\" is too much; data with blanks needs quotes around all "
                                    "of it: '...'",
                                    arguments.words[verb.most_words]));
  }
  return arguments;
}

std::optional<std::string_view> FlagOf(const Arguments& arguments, std::string_view name) {
  const auto found = arguments.flags.find(name);
  if (found == arguments.flags.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<int64_t> TimestampOf(const Arguments& arguments, const StatementContext& context) {
  const std::optional<std::string_view> text = FlagOf(arguments, "--timestamp");
  return text ? ParseSigned(*text, "--timestamp") : context.now();
}

absl::StatusOr<uint64_t> IfRevisionOf(const Arguments& arguments) {
  const std::optional<std::string_view> text = FlagOf(arguments, "--if-revision");
  return text ? ParseUnsigned(*text, "--if-revision") : 0;
}

absl::StatusOr<Operation> ParseSet(const Arguments& arguments, const StatementContext& context) {
  SetOperation set;
  TRIPLA_ASSIGN_OR_RETURN(set.key, Key::Parse(arguments.words[0]));
  TRIPLA_ASSIGN_OR_RETURN(set.timestamp, TimestampOf(arguments, context));
  TRIPLA_ASSIGN_OR_RETURN(set.data, ReadData(arguments.words[1], context.standard_input));
  return set;
}

absl::StatusOr<Operation> ParseDel(const Verb& verb, const Arguments& arguments) {
  TRIPLA_ASSIGN_OR_RETURN(Key key, Key::Parse(arguments.words[0]));
  const std::optional<std::string_view> version = FlagOf(arguments, "--version");
  if (!version) {
    if (FlagOf(arguments, "--if-revision")) return Misuse(verb, "--if-revision needs --version");
    return DelOperation{std::move(key)};
  }
  DelVersionOperation del{.key = std::move(key)};
  TRIPLA_ASSIGN_OR_RETURN(del.version, ParseSigned(*version, "--version"));
  TRIPLA_ASSIGN_OR_RETURN(del.if_revision, IfRevisionOf(arguments));
  return del;
}

absl::StatusOr<Operation> ParseCas(const Verb& verb, const Arguments& arguments,
                                   const StatementContext& context) {
  TestAndSetOperation cas;
  TRIPLA_ASSIGN_OR_RETURN(cas.key, Key::Parse(arguments.words[0]));
  const std::optional<std::string_view> version = FlagOf(arguments, "--version");
  if (!version) return Misuse(verb, "cas needs the --version that must be there");
  TRIPLA_ASSIGN_OR_RETURN(cas.version, ParseSigned(*version, "--version"));
  TRIPLA_ASSIGN_OR_RETURN(cas.if_revision, IfRevisionOf(arguments));
  TRIPLA_ASSIGN_OR_RETURN(cas.timestamp, TimestampOf(arguments, context));
  TRIPLA_ASSIGN_OR_RETURN(cas.data, ReadData(arguments.words[1], context.standard_input));
  return cas;
}

absl::StatusOr<Operation> ParseGet(const Verb& verb, const Arguments& arguments) {
  GetOperation get;
  TRIPLA_ASSIGN_OR_RETURN(get.key, Key::Parse(arguments.words[0]));
  const std::string_view consistency = FlagOf(arguments, "--consistency").value_or("linearizable");
  if (consistency == "stale") {
    get.consistency = Consistency::kStale;
  } else if (consistency != "linearizable") {
    return Misuse(verb,
                  fmt::format("\"{}\" is no consistency; linearizable or stale", consistency));
  }
  return get;
}

absl::StatusOr<const Verb*> VerbOf(std::string_view word) {
  if (const Verb* verb = FindVerb(word)) return verb;
  if (const std::string why = WhyNotHere(word); !why.empty()) {
    return absl::InvalidArgumentError(why);
  }
  if (const std::string_view meant = VerbMeantBy(word); !meant.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is no verb; did you mean {}?", word, FindVerb(meant)->usage));
  }
  std::string names;
  for (const Verb& verb : Verbs()) names += fmt::format(" {}", verb.name);
  return absl::InvalidArgumentError(fmt::format("\"{}\" is no verb; there are:{}", word, names));
}

}  // namespace

absl::StatusOr<Statement> ParseStatement(const std::vector<std::string>& words,
                                         const StatementContext& context) {
  TRIPLA_ASSIGN_OR_RETURN(const Verb* verb, VerbOf(words[0]));
  TRIPLA_ASSIGN_OR_RETURN(const Arguments arguments, Sort(*verb, words));
  if (verb->name == "get") return ParseGet(*verb, arguments);
  if (verb->name == "set") return ParseSet(arguments, context);
  if (verb->name == "del") return ParseDel(*verb, arguments);
  if (verb->name == "cas") return ParseCas(*verb, arguments, context);
  if (verb->name == "batch") return BatchStatement{arguments.words[0]};
  if (verb->name == "status") return StatusStatement{};
  if (verb->name == "health") return HealthStatement{};
  if (verb->name == "outcome") return OutcomeStatement{arguments.words[0]};
  if (verb->name == "snapshot") return SnapshotStatement{};
  const std::string word = arguments.words.empty() ? "" : arguments.words[0];
  if (verb->name == "transfer" && word.empty() && !arguments.words.empty()) {
    return Misuse(*verb, "the name of the server is empty; leave it out to let any other lead");
  }
  if (verb->name == "transfer") return TransferStatement{word};
  if (word.empty()) return HelpStatement{};
  TRIPLA_ASSIGN_OR_RETURN(verb, VerbOf(word));
  return HelpStatement{std::string(verb->name)};
}

}  // namespace tripla::cli
