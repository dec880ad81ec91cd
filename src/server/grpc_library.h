// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/diagnostics.h"

namespace tripla {

// The gRPC library, with which a replica calls the others. Clients are served without it.

// A message of it as operators see it.
struct GrpcMessage {
  Severity severity = Severity::kDebug;
  std::string text;
  bool no_thread = false;  // gRPC is about to abort because it got no thread
};

// Translates a message of gRPC 1.51. Most of them do not concern operators, whatever their
// severity; that of a failed assertion, after which gRPC aborts, becomes an error that says what it
// means and what to do.
[[nodiscard]] GrpcMessage ReadGrpcMessage(std::string_view message, std::string_view file,
                                          int line);

// Sets it up for this process, before its first use. From then on its messages are printed as
// ReadGrpcMessage() translates them.
void PrepareGrpc();

}  // namespace tripla
