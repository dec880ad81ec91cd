// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/diagnostics.h"

namespace tripla {

// A message of the gRPC library as operators see it.
struct GrpcMessage {
  Severity severity = Severity::kDebug;
  std::string text;
  bool no_thread = false;  // gRPC is about to abort because it got no thread
};

// Translates a message of gRPC 1.51. Most of them do not concern operators, whatever their
// severity. The exceptions are messages after which gRPC does not serve any more: it stops
// accepting at the first error of accept4() or getsockname() (tcp_server_posix.cc), and aborts
// after a failed assertion. These become errors that say what they mean and what to do.
[[nodiscard]] GrpcMessage ReadGrpcMessage(std::string_view message, std::string_view file,
                                          int line);

// From now on prints the messages of the gRPC library as ReadGrpcMessage() translates them.
void TellGrpcMessages();

}  // namespace tripla
