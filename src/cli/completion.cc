// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "cli/escape.h"
#include "cli/verbs.h"

namespace tripla::cli {
namespace {

constexpr std::array<std::string_view, 4> kFormats{"plain", "json", "table", "raw"};
constexpr std::array<std::string_view, 2> kSwitch{"on", "off"};
constexpr std::array<std::string_view, 4> kBackslashes{"\\o", "\\timing", "\\q", "\\?"};

std::string_view FirstWord(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line.substr(0, line.find_first_of(" \t"));
}

// The files whose path begins with `start`, in the order of their names; a directory ends with /.
// Names that would need quotes are left out.
std::vector<std::string> Files(std::string_view start) {
  const std::string directory(start.substr(0, start.rfind('/') + 1));  // npos + 1 is 0
  std::error_code failed;
  std::filesystem::directory_iterator entry(directory.empty() ? "." : directory, failed);
  std::vector<std::string> files;
  for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    const bool hidden = name.starts_with('.') && !start.substr(directory.size()).starts_with('.');
    if (hidden || !IsText(name) || name.find_first_of(" \t\r\n'\"") != name.npos) continue;
    std::error_code ignored;
    files.push_back(directory + name + (entry->is_directory(ignored) ? "/" : ""));
  }
  std::ranges::sort(files);
  return files;
}

// All that fits in that place, however the word begins.
std::vector<std::string> Candidates(std::string_view line) {
  std::vector<std::string> candidates;
  const std::string_view first = FirstWord(line);
  const bool in_first_word = first.data() == LastWord(line).data();
  if (in_first_word || first == "help") {
    for (const Verb& verb : Verbs()) candidates.emplace_back(verb.name);
  }
  if (in_first_word) {
    candidates.insert(candidates.end(), kBackslashes.begin(), kBackslashes.end());
  } else if (first == "\\o") {
    candidates.assign(kFormats.begin(), kFormats.end());
  } else if (first == "\\timing") {
    candidates.assign(kSwitch.begin(), kSwitch.end());
  } else if (const Verb* verb = FindVerb(first)) {
    candidates.insert(candidates.end(), verb->flags.begin(), verb->flags.end());
    const std::string_view word = LastWord(line);
    if (word.starts_with('@')) {
      for (const std::string& file : Files(word.substr(1))) candidates.push_back("@" + file);
    } else if (verb->name == "batch") {
      for (const std::string& file : Files(word)) candidates.push_back(file);
    }
  }
  return candidates;
}

}  // namespace

std::string_view LastWord(std::string_view line) {
  return line.substr(line.find_last_of(" \t") + 1);  // npos + 1 is 0
}

std::vector<std::string> Completions(std::string_view line) {
  std::vector<std::string> fitting = Candidates(line);
  const std::string_view word = LastWord(line);
  std::erase_if(fitting, [&](const std::string& each) { return !each.starts_with(word); });
  return fitting;
}

std::string CommonStart(const std::vector<std::string>& words) {
  if (words.empty()) return "";
  std::string common = words[0];
  for (const std::string& word : words) {
    const auto [end, ignored] = std::ranges::mismatch(common, word);
    common.erase(end, common.end());
  }
  return common;
}

}  // namespace tripla::cli
