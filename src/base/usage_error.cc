// SPDX-License-Identifier: Apache-2.0
#include "base/usage_error.h"

#include <fmt/core.h>

#include <string_view>

namespace tripla {
namespace {

// The option of `app`, or of the subcommand that was given, which was given more often than once
// though it takes one value; null when there is none.
const CLI::Option* GivenTwice(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() > 1 && option->get_items_expected_max() == 1) return option;
  }
  for (const CLI::App* command : app.get_subcommands()) {
    if (const CLI::Option* option = GivenTwice(*command)) return option;
  }
  return nullptr;
}

}  // namespace

std::string UsageErrorText(const CLI::App& app, const CLI::ParseError& error) {
  const std::string text = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) == nullptr) return text;
  if (const CLI::Option* option = GivenTwice(app)) {
    const std::string type = option->get_type_name();
    const bool is_list = type.ends_with(",...");
    return fmt::format("{} is given {} times; give it once{}", option->get_name(), option->count(),
                       is_list ? ", with commas between: " + type : "");
  }
  // "--timeout: 1 required DURATION missing"
  constexpr std::string_view kRequired = ": 1 required ";
  constexpr std::string_view kMissing = " missing";
  const size_t required = text.find(kRequired);
  if (required == std::string::npos || !text.ends_with(kMissing)) return text;
  const size_t type = required + kRequired.size();
  return fmt::format("{} needs a value: {}", text.substr(0, required),
                     text.substr(type, text.size() - kMissing.size() - type));
}

}  // namespace tripla
