// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/diagnostics.h"

namespace tripla {

// How a message of the gRPC library is told to operators.
struct GrpcMessage {
  Severity severity = Severity::kDebug;
  std::string text;
  bool no_thread = false;  // gRPC is about to abort because it got no thread
};

// Most of what gRPC 1.51 prints is no news for operators, whatever severity it gives it. The
// exceptions are the messages after which it does not serve any more: it stops accepting at the
// first error of accept4() or getsockname() (tcp_server_posix.cc), and aborts after a failed
// assertion. These are errors, and say what they mean and what to do.
[[nodiscard]] GrpcMessage ReadGrpcMessage(std::string_view message, std::string_view file,
                                          int line);

// From here on the messages of the gRPC library are told as ReadGrpcMessage() says.
void TellGrpcMessages();

}  // namespace tripla
