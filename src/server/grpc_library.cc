// SPDX-License-Identifier: Apache-2.0
#include "server/grpc_library.h"

#include <fmt/core.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>

#include <algorithm>
#include <array>

#include "absl/synchronization/mutex.h"

namespace tripla {
namespace {

constexpr std::array<std::string_view, 2> kEndsOfProcess = {"assertion failed", "UNREACHABLE CODE"};

bool EndsProcess(std::string_view message) {
  return std::ranges::any_of(kEndsOfProcess,
                             [&](auto start) { return message.starts_with(start); });
}

void Tell(gpr_log_func_args* arguments) {
  const GrpcMessage message = ReadGrpcMessage(arguments->message, arguments->file, arguments->line);
  if (message.no_thread) Die(message.text);
  Say(message.severity, message.text);
}

}  // namespace

GrpcMessage ReadGrpcMessage(std::string_view message, std::string_view file, int line) {
  const std::string text = fmt::format("grpc: {} ({}:{})", message, file, line);
  if (!EndsProcess(message)) return {.text = text};
  // gRPC asserts worker->created() for each thread that it has just started.
  if (message.find("created()") != std::string_view::npos) {
    return {.severity = Severity::kError,
            .text = fmt::format("no thread can be started; allow more threads or memory (see "
                                "ulimit -u and ulimit -v): {}",
                                text),
            .no_thread = true};
  }
  return {
      .severity = Severity::kError,
      .text = fmt::format("a bug in the gRPC library ends this process; acknowledged writes are "
                          "kept as --fsync says. Start it again: {}",
                          text)};
}

void PrepareGrpc() {
  gpr_set_log_function(&Tell);
  // There is no grpc_shutdown(): it may wait ten seconds for an idle polling thread.
  grpc_init();
  // gRPC uses Abseil's mutexes, and Debian builds these with deadlock detection: 7 % of a call.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace tripla
