// SPDX-License-Identifier: Apache-2.0
#include "cli/argument_split.h"

#include <algorithm>

#include "cli/verbs.h"

namespace tripla::cli {
namespace {

// Whether `name` behind `verb` is a flag of the verb, rather than of the program.
bool BelongsToVerb(const std::string& verb, const std::string& name) {
  // The program's --version has nothing to say about a verb; del's and cas's is another.
  if (name == "--version") return true;
  const Verb* found = FindVerb(verb);
  return found != nullptr && std::ranges::find(found->flags, name) != found->flags.end();
}

bool AsksForHelp(const std::string& name) { return name == "--help" || name == "-h"; }

}  // namespace

SplitArguments Split(const std::vector<std::string>& arguments,
                     const std::function<FlagKind(const std::string&)>& kind_of) {
  SplitArguments split;
  for (size_t at = 0; at < arguments.size(); ++at) {
    const std::string& argument = arguments[at];
    const bool behind_verb = !split.words.empty();
    if (argument == "--") {
      split.words.insert(split.words.end(),
                         arguments.begin() + static_cast<ptrdiff_t>(at) + (behind_verb ? 0 : 1),
                         arguments.end());
      break;
    }
    const std::string name = argument.substr(0, argument.find('='));
    if (behind_verb && AsksForHelp(argument)) {
      split.words = {"help", split.words[0]};
      break;
    }
    const FlagKind kind =
        behind_verb && BelongsToVerb(split.words[0], name) ? FlagKind::kUnknown : kind_of(name);
    const bool before_verb_flag = !behind_verb && argument.size() > 1 && argument[0] == '-';
    if (kind == FlagKind::kUnknown && !before_verb_flag) {
      split.words.push_back(argument);
      continue;
    }
    split.flags.push_back(argument);
    const bool value_follows = kind == FlagKind::kWithValue && name == argument;
    if (value_follows && at + 1 < arguments.size()) split.flags.push_back(arguments[++at]);
  }
  return split;
}

}  // namespace tripla::cli
