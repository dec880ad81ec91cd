// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace tripla {

// Reads the settings of a configuration file, a subset of TOML: one `name = value` a line, with
// comments after #. A value is a quoted text; a number, returned as written; or true or false,
// returned as "on" and "off", the values of switches elsewhere. There are no sections and no lists.
//
// Errors: InvalidArgument, which names the file and the line: the file cannot be read, is not a
// regular file or is larger than 1 MiB, a name comes twice, or a line has another form.
[[nodiscard]] absl::StatusOr<std::map<std::string, std::string>> ReadConfigurationFile(
    const std::string& path);

}  // namespace tripla
