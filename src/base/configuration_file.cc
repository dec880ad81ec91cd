// SPDX-License-Identifier: Apache-2.0
#include "base/configuration_file.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace tripla {
namespace {

absl::Status Unusable(const std::string& path, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("configuration file {}: {}", path, why));
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ReadConfigurationFile(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return Unusable(path, "it is a directory");
  std::ifstream file(path);
  if (!file) return Unusable(path, std::strerror(errno));
  std::map<std::string, std::string> texts;
  for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(file)) {
    if (!item.parents.empty()) {
      return Unusable(path, fmt::format("there are no sections, such as \"{}\", in this file",
                                        item.parents.front()));
    }
    if (item.inputs.size() != 1 || !texts.emplace(item.name, item.inputs[0]).second) {
      return Unusable(path, fmt::format("\"{}\" takes one text, once", item.name));
    }
  }
  return texts;
}

}  // namespace tripla
