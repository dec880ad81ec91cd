// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/output_format.h"
#include "client/health.h"
#include "tripla/answer.h"
#include "tripla/server_status.h"

namespace tripla::cli {

// What status prints of one server, with the last line end: a name and a value a line, or one JSON
// object whose integers are strings. It has no table, and kRaw is as kPlain here and below, if
// nothing else is said.
[[nodiscard]] std::string StatusText(const ServerStatus& status, OutputFormat format);
// What status prints of several servers: a row each, at most 80 columns wide, or one JSON object a
// line with "endpoint", and "error" where there is no answer.
[[nodiscard]] std::string StatusOfAllText(const std::vector<EndpointStatus>& servers,
                                          OutputFormat format);
// What health prints: a row a server, or one JSON object a line with "live" and "ready".
[[nodiscard]] std::string HealthText(const std::vector<EndpointHealth>& servers,
                                     OutputFormat format);
// What outcome prints: a line for each operation of the call, a row, or one JSON object a line.
[[nodiscard]] std::string OutcomeText(const std::vector<Resolved>& outcomes, OutputFormat format);
// What transfer prints; kRaw: the name of the leader alone.
[[nodiscard]] std::string LeaderText(const Leader& leader, OutputFormat format,
                                     Destination destination);
// What snapshot prints; kRaw: the name of the image's file alone.
[[nodiscard]] std::string ImageText(const ImageInfo& image, OutputFormat format,
                                    Destination destination);

}  // namespace tripla::cli
