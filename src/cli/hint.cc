// SPDX-License-Identifier: Apache-2.0
#include "cli/hint.h"

#include <fmt/core.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <variant>

namespace tripla::cli {
namespace {

std::string ShortKey(const Operation& operation) {
  constexpr size_t kKeyCharactersMax = 40;
  const std::string key = std::visit([](const auto& each) { return each.key.ToText(); }, operation);
  return key.size() <= kKeyCharactersMax ? key : key.substr(0, kKeyCharactersMax) + "...";
}

// Of an operation that wanted to find `version`; `again` is what would act on what is there now.
std::string WrongVersionText(const std::string& key, int64_t version, uint64_t if_revision,
                             const Decided& found, const std::string& again) {
  if (found.value->version == version) {
    return fmt::format(
        "hint: {} has version {}, but its revision is {}, not {}: it was removed and "
        "set again",
        key, version, found.revision, if_revision);
  }
  return fmt::format(
      "hint: {} has version {}, not {}; to act on what it holds now: {} --version {}", key,
      found.value->version, version, again, found.value->version);
}

}  // namespace

std::string HintText(const Operation& operation, const Decided& decided) {
  const std::string key = ShortKey(operation);
  if (decided.result == Result::kError && std::holds_alternative<SetOperation>(operation) &&
      decided.value) {
    return fmt::format("hint: {} is present; cas replaces it: cas {} DATA --version {}", key, key,
                       decided.value->version);
  }
  const auto* cas = std::get_if<TestAndSetOperation>(&operation);
  if (decided.result == Result::kNoEntry && cas != nullptr) {
    return fmt::format("hint: {} is absent; set creates it: set {} DATA", key, key);
  }
  if (decided.result == Result::kWrongVersion && decided.value) {
    if (cas != nullptr)
      return WrongVersionText(key, cas->version, cas->if_revision, decided,
                              fmt::format("cas {} DATA", key));
    if (const auto* del = std::get_if<DelVersionOperation>(&operation)) {
      return WrongVersionText(key, del->version, del->if_revision, decided,
                              fmt::format("del {}", key));
    }
  }
  return "";
}

std::string NameOfOperation(const Operation& operation) {
  constexpr std::array<std::string_view, 5> kVerbs{"set", "get", "del", "del", "cas"};
  static_assert(std::variant_size_v<Operation> == kVerbs.size(), "in the variant's order");
  return fmt::format("{} {}", kVerbs[operation.index()], ShortKey(operation));
}

}  // namespace tripla::cli
