// SPDX-License-Identifier: Apache-2.0
#include "server/grpc_messages.h"

#include <fmt/core.h>
#include <grpc/support/log.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace tripla {
namespace {

constexpr std::array<std::string_view, 4> kEndsOfAccepting = {
    "Failed accept4", "Failed getsockname", "Failed getpeername", "Invalid address"};
constexpr std::array<std::string_view, 2> kEndsOfProcess = {"assertion failed", "UNREACHABLE CODE"};

template <size_t kCount>
bool BeginsWithOneOf(std::string_view message, const std::array<std::string_view, kCount>& starts) {
  return std::ranges::any_of(starts, [&](auto start) { return message.starts_with(start); });
}

void Tell(gpr_log_func_args* arguments) {
  const GrpcMessage message = ReadGrpcMessage(arguments->message, arguments->file, arguments->line);
  if (message.no_thread) Die(message.text);
  Say(message.severity, message.text);
}

}  // namespace

GrpcMessage ReadGrpcMessage(std::string_view message, std::string_view file, int line) {
  const std::string text = fmt::format("grpc: {} ({}:{})", message, file, line);
  const bool of_listener = file.find("tcp_server") != std::string_view::npos ||
                           file.find("listener") != std::string_view::npos;
  if (of_listener && BeginsWithOneOf(message, kEndsOfAccepting)) {
    return {.severity = Severity::kError,
            .text = fmt::format(
                "no client can connect any more; connected clients are still served. Start the "
                "server again, with a higher limit of descriptors if these were used up (ulimit "
                "-Hn): {}",
                text)};
  }
  // gRPC prints this at most once a second.
  if (of_listener && message.starts_with("Dropped >=")) {
    return {.severity = Severity::kWarning,
            .text = fmt::format("clients are refused while requests use all the memory allowed for "
                                "them; let clients send less at a time: {}",
                                text)};
  }
  if (!BeginsWithOneOf(message, kEndsOfProcess)) return {.text = text};
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

void TellGrpcMessages() { gpr_set_log_function(&Tell); }

}  // namespace tripla
