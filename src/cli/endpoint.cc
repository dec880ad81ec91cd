// SPDX-License-Identifier: Apache-2.0
#include "cli/endpoint.h"

#include <fmt/core.h>

#include "cli/escape.h"

namespace tripla::cli {

absl::StatusOr<std::string> ParseEndpoint(const std::string& text) {
  const size_t colon = text.rfind(':');
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  const bool digits = !port.empty() && port.size() <= 5 &&
                      port.find_first_not_of("0123456789") == std::string::npos;
  const bool port_good = digits && std::stoi(port) >= 1 && std::stoi(port) <= 65535;
  if (!port_good || colon == 0 || !IsText(text) || text.find_first_of(" \t\n/") != text.npos) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is not HOST:PORT; write 127.0.0.1:7420 or [::1]:7420", text));
  }
  return text;
}

}  // namespace tripla::cli
