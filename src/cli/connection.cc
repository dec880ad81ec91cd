// SPDX-License-Identifier: Apache-2.0
#include "cli/connection.h"

#include <fmt/core.h>

#include <cstdlib>

#include "absl/strings/str_split.h"
#include "base/quantity.h"
#include "base/status_macros.h"
#include "cli/escape.h"

namespace tripla::cli {
namespace {

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

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseEndpoints(const std::string& text) {
  std::vector<std::string> endpoints;
  for (const std::string& one : std::vector<std::string>(absl::StrSplit(text, ','))) {
    TRIPLA_ASSIGN_OR_RETURN(std::string endpoint, ParseEndpoint(one));
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

absl::StatusOr<std::chrono::milliseconds> ParseTimeout(std::string_view text) {
  constexpr std::chrono::hours kMost{24};
  TRIPLA_ASSIGN_OR_RETURN(const std::chrono::milliseconds timeout, ParseDuration(text));
  if (timeout.count() < 1 || timeout > kMost) {
    return absl::InvalidArgumentError(fmt::format("\"{}\" is out of range; from 1ms to 24h", text));
  }
  return timeout;
}

EnvironmentText EndpointsInEnvironment() {
  for (const char* variable : {kEndpointsVariable, kServerVariable}) {
    const char* text = std::getenv(variable);
    if (text != nullptr && *text != '\0') return {variable, text};
  }
  return {};
}

}  // namespace tripla::cli
