// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace tripla {

// Reads the settings of a configuration file, a part of TOML: one `name = value` a line, with
// comments behind #. A value is a text in quotes, a number, which is given as it stands there, or
// true or false, which are given as "on" and "off", as switches are called everywhere else. There
// are no sections and no lists.
//
// Errors: InvalidArgument, which names the file, and the line: it cannot be read, is no regular
// file or larger than 1 MiB, a name comes twice, or a line is anything else.
[[nodiscard]] absl::StatusOr<std::map<std::string, std::string>> ReadConfigurationFile(
    const std::string& path);

}  // namespace tripla
