// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tripla::cli {

// Which servers a program talks to, and for how long it tries. All programs are told so by the same
// flags and variables.
struct Connection {
  std::vector<std::string> endpoints{"127.0.0.1:7420"};
  std::chrono::milliseconds timeout{5000};  // of one call with all its attempts
};

// As CLI11 takes them: --server is what the flag was called first, and stays.
inline constexpr const char* kEndpointsFlags = "-e,--endpoints,--server";
inline constexpr const char* kEndpointsType = "HOST:PORT,...";

// The variables that name the servers; of two that are set the first counts.
inline constexpr const char* kEndpointsVariable = "TRIPLA_ENDPOINTS";
inline constexpr const char* kServerVariable = "TRIPLA_SERVER";
inline constexpr const char* kTimeoutVariable = "TRIPLA_TIMEOUT";

// Reads HOST:PORT, or several with commas between. Errors: InvalidArgument, which shows the form.
[[nodiscard]] absl::StatusOr<std::vector<std::string>> ParseEndpoints(const std::string& text);

// Reads the time for a call. Errors: InvalidArgument when it is no duration, or not from 1ms to
// 24h.
[[nodiscard]] absl::StatusOr<std::chrono::milliseconds> ParseTimeout(std::string_view text);

// What the environment says, and which variable says it.
struct EnvironmentText {
  std::string variable;
  std::string text;  // empty: neither is set
};
[[nodiscard]] EnvironmentText EndpointsInEnvironment();

}  // namespace tripla::cli
