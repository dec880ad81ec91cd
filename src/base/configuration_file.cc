// SPDX-License-Identifier: Apache-2.0
#include "base/configuration_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/status_macros.h"

namespace tripla {
namespace {

constexpr size_t kFileBytesMax = size_t{1} << 20;

absl::Status Unusable(const std::string& path, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("configuration file {}: {}", path, why));
}

absl::Status Misuse(const std::string& why) { return absl::InvalidArgumentError(why); }

constexpr std::string_view kBlanks = " \t";

void SkipBlanks(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
}

// Removes and returns the part of `rest` before the first of `ends`.
std::string_view TakeUntil(std::string_view& rest, std::string_view ends) {
  const std::string_view taken = rest.substr(0, rest.find_first_of(ends));
  rest.remove_prefix(taken.size());
  return taken;
}

bool IsName(std::string_view text) {
  const auto may_be_in_name = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_';
  };
  return !text.empty() && std::ranges::all_of(text, may_be_in_name);
}

bool IsNumber(std::string_view text) {
  const size_t digits = text.find_first_not_of("+-") == 1 ? 1 : 0;
  const size_t point = text.find('.');
  const auto all_digits = [](std::string_view part) {
    return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (point == std::string_view::npos) return all_digits(text.substr(digits));
  return point > digits && all_digits(text.substr(digits, point - digits)) &&
         all_digits(text.substr(point + 1));
}

// '...' is literal; "..." has those escapes of TOML that file names may need.
absl::StatusOr<std::string> TakeQuoted(std::string_view& rest) {
  const char quote = rest.front();
  std::string text;
  for (size_t at = 1; at < rest.size(); ++at) {
    if (rest[at] == quote) {
      rest.remove_prefix(at + 1);
      return text;
    }
    if (quote == '"' && rest[at] == '\\') {
      constexpr std::string_view kEscapes = "\"\\ntr";
      constexpr std::string_view kMeanings = "\"\\\n\t\r";
      const size_t which = ++at < rest.size() ? kEscapes.find(rest[at]) : std::string_view::npos;
      if (which == std::string_view::npos) {
        return Misuse(
            R"(in "..." a backslash stands before ", \, n, t or r; '...' takes it as it is)");
      }
      text += kMeanings[which];
    } else {
      text += rest[at];
    }
  }
  return Misuse("the quotes are not closed");
}

absl::StatusOr<std::string> TakeValue(std::string_view& rest) {
  if (rest.starts_with('"') || rest.starts_with('\'')) return TakeQuoted(rest);
  const std::string_view word = TakeUntil(rest, " \t#");
  if (word == "true") return std::string("on");
  if (word == "false") return std::string("off");
  if (IsNumber(word)) return std::string(word);
  return Misuse(fmt::format("{} is neither a text in quotes nor a number, true or false",
                            word.empty() ? "what stands behind =" : word));
}

// Adds the setting of a line to `texts`, if it has one.
absl::Status ReadLine(std::string_view rest, std::map<std::string, std::string>& texts) {
  SkipBlanks(rest);
  if (rest.empty() || rest.front() == '#') return absl::OkStatus();
  if (rest.front() == '[') return Misuse("there are no sections in this file");
  const std::string name(TakeUntil(rest, " \t=#"));
  SkipBlanks(rest);
  if (!IsName(name) || !rest.starts_with('=')) return Misuse("not of the form name = \"text\"");
  rest.remove_prefix(1);
  SkipBlanks(rest);
  TRIPLA_ASSIGN_OR_RETURN(std::string text, TakeValue(rest));
  SkipBlanks(rest);
  if (!rest.empty() && rest.front() != '#') {
    return Misuse(fmt::format("\"{}\" stands behind the value", rest));
  }
  if (!texts.emplace(name, std::move(text)).second) {
    return Misuse(fmt::format("\"{}\" was given before", name));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadBounded(int file, const std::string& path) {
  struct stat facts {};
  if (fstat(file, &facts) != 0) return Unusable(path, std::strerror(errno));
  if (S_ISDIR(facts.st_mode)) return Unusable(path, "it is a directory");
  if (!S_ISREG(facts.st_mode)) {
    return Unusable(path, "it is a pipe or a device; name a file that holds the settings");
  }
  std::string content;
  std::string chunk(size_t{1} << 16, '\0');
  while (true) {
    const ssize_t got = read(file, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unusable(path, std::strerror(errno));
    if (got == 0) return content;
    content.append(chunk, 0, static_cast<size_t>(got));
    if (content.size() > kFileBytesMax) {
      return Unusable(path, "it is larger than 1 MiB, so it holds no settings; name another file");
    }
  }
}

// A file that never ends, or that waits for somebody to write to it, would hold up the program
// before anything can interrupt it.
absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return Unusable(path, std::strerror(errno));
  absl::StatusOr<std::string> content = ReadBounded(file, path);
  close(file);
  return content;
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ReadConfigurationFile(const std::string& path) {
  if (path.empty()) {
    return Misuse("the name of the configuration file is empty; name a file, or leave it out");
  }
  TRIPLA_ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  std::istringstream lines(content);
  std::map<std::string, std::string> texts;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (const absl::Status read = ReadLine(line, texts); !read.ok()) {
      return Unusable(path, fmt::format("line {}: {}", number, std::string(read.message())));
    }
  }
  return texts;
}

}  // namespace tripla
