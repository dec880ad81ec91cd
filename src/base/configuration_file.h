// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace tripla {

// Reads the settings of a configuration file: a `name = "text"` a line, as TOML has them, with
// comments behind #. There are no sections and no lists.
//
// Errors: InvalidArgument, which names the file: it cannot be read, a name comes twice, or has
// anything but one text.
[[nodiscard]] absl::StatusOr<std::map<std::string, std::string>> ReadConfigurationFile(
    const std::string& path);

}  // namespace tripla
