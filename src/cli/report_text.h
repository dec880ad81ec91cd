// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/output_format.h"
#include "client/health.h"
#include "tripla/answer.h"
#include "tripla/server_status.h"

namespace tripla::cli {

// What status and snapshot print, with the last line end: a name and a value a line, or one JSON
// object whose integers are strings. kTable and kRaw are as kPlain, if nothing else is said.
[[nodiscard]] std::string StatusText(const ServerStatus& status, OutputFormat format);
// What status prints of several servers: a row each, at most 80 columns wide, or one JSON object a
// line with "endpoint", and "error" where there is no answer.
[[nodiscard]] std::string StatusOfAllText(const std::vector<EndpointStatus>& servers,
                                          OutputFormat format);
// What health prints: a row a server, or one JSON object a line with "live" and "ready".
[[nodiscard]] std::string HealthText(const std::vector<EndpointHealth>& servers,
                                     OutputFormat format);
// What outcome prints: a line for each operation of the call, or one JSON object a line.
[[nodiscard]] std::string OutcomeText(const std::vector<Resolved>& outcomes, OutputFormat format);
// What transfer prints; kRaw: the name of the leader alone, without a line end.
[[nodiscard]] std::string LeaderText(const Leader& leader, OutputFormat format);
[[nodiscard]] std::string ImageText(const ImageInfo& image, OutputFormat format);

}  // namespace tripla::cli
