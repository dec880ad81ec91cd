// SPDX-License-Identifier: Apache-2.0
#include "service/request_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/status_macros.h"

namespace tripla {
namespace {

absl::Status CheckDataSize(const std::string& data, size_t data_bytes_max) {
  if (data.size() <= data_bytes_max) return absl::OkStatus();
  return absl::ResourceExhaustedError(fmt::format(
      "the data has {} bytes; this server takes {} at most", data.size(), data_bytes_max));
}

// Reads a request's id, if it has one.
template <typename Request>
absl::StatusOr<std::optional<RequestId>> ToRequestId(const Request& request) {
  if (!request.has_request_id()) return std::nullopt;
  const v1::RequestId& from = request.request_id();
  if (from.client().size() != limits::kClientIdBytes) {
    return absl::InvalidArgumentError(fmt::format("request_id.client must have {} bytes, not {}",
                                                  limits::kClientIdBytes, from.client().size()));
  }
  if (from.sequence() == 0) {
    return absl::InvalidArgumentError("request_id.sequence must be 1 or more");
  }
  RequestId id{.sequence = from.sequence(),
               .first_unanswered = from.first_unanswered(),
               .sent_before = from.attempt() > 1};
  std::copy(from.client().begin(), from.client().end(), id.client.begin());
  return id;
}

// Reads the parts of every write: kind, key and id.
template <typename Request>
absl::StatusOr<Command> ToWrite(CommandKind kind, const Request& request) {
  Command command{.kind = kind};
  TRIPLA_ASSIGN_OR_RETURN(command.key, Key::FromTwosComplement(request.key()));
  TRIPLA_ASSIGN_OR_RETURN(command.request_id, ToRequestId(request));
  return command;
}

absl::StatusOr<Command> OperationToCommand(const v1::Operation& operation, size_t data_bytes_max) {
  switch (operation.operation_case()) {
    case v1::Operation::kSet:
      return ToCommand(operation.set(), data_bytes_max);
    case v1::Operation::kGet:
      return ToCommand(operation.get());
    case v1::Operation::kDel:
      return ToCommand(operation.del());
    case v1::Operation::kDelVersion:
      return ToCommand(operation.del_version());
    case v1::Operation::kTestAndSet:
      return ToCommand(operation.test_and_set(), data_bytes_max);
    case v1::Operation::OPERATION_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "the operation is not set, or of a kind that this server does not know");
}

}  // namespace

absl::StatusOr<Command> ToCommand(const v1::SetRequest& request, size_t data_bytes_max) {
  TRIPLA_RETURN_IF_ERROR(CheckDataSize(request.data(), data_bytes_max));
  TRIPLA_ASSIGN_OR_RETURN(Command command, ToWrite(CommandKind::kSet, request));
  command.timestamp = request.timestamp();
  command.data = request.data();
  return command;
}

absl::StatusOr<Command> ToCommand(const v1::GetRequest& request) {
  Command command{.kind = CommandKind::kGet};
  TRIPLA_ASSIGN_OR_RETURN(command.key, Key::FromTwosComplement(request.key()));
  if (!v1::Consistency_IsValid(request.consistency())) {
    return absl::InvalidArgumentError(
        fmt::format("consistency {} is unknown to this server; LINEARIZABLE is 0 and STALE is 1",
                    static_cast<int>(request.consistency())));
  }
  return command;
}

absl::StatusOr<Command> ToCommand(const v1::DelRequest& request) {
  return ToWrite(CommandKind::kDel, request);
}

absl::StatusOr<Command> ToCommand(const v1::DelVersionRequest& request) {
  TRIPLA_ASSIGN_OR_RETURN(Command command, ToWrite(CommandKind::kDelVersion, request));
  command.version = request.version();
  command.if_revision = request.if_revision();
  return command;
}

absl::StatusOr<Command> ToCommand(const v1::TestAndSetRequest& request, size_t data_bytes_max) {
  TRIPLA_RETURN_IF_ERROR(CheckDataSize(request.value().data(), data_bytes_max));
  TRIPLA_ASSIGN_OR_RETURN(Command command, ToWrite(CommandKind::kTestAndSet, request));
  if (!request.has_value()) {
    return absl::InvalidArgumentError(
        "testAndSet needs a value; one without data is a value with empty data, and del removes "
        "the "
        "entry");
  }
  command.timestamp = request.value().timestamp();
  command.version = request.version();
  command.if_revision = request.if_revision();
  command.data = request.value().data();
  return command;
}

bool WithoutData(const v1::Operation& operation) {
  switch (operation.operation_case()) {
    case v1::Operation::kSet:
      return operation.set().without_data();
    case v1::Operation::kDel:
      return operation.del().without_data();
    case v1::Operation::kDelVersion:
      return operation.del_version().without_data();
    case v1::Operation::kTestAndSet:
      return operation.test_and_set().without_data();
    case v1::Operation::kGet:
    case v1::Operation::OPERATION_NOT_SET:
      break;
  }
  return false;
}

absl::StatusOr<std::vector<Command>> ToCommands(const v1::BatchRequest& request,
                                                size_t data_bytes_max) {
  if (request.operations().empty()) {
    return absl::InvalidArgumentError("the batch has no operations");
  }
  const size_t count = request.operations().size();
  if (count > limits::kBatchOperationsMax) {
    return absl::ResourceExhaustedError(
        fmt::format("the batch has {} operations; this server takes {} at most: divide it", count,
                    limits::kBatchOperationsMax));
  }
  std::vector<Command> commands;
  commands.reserve(count);
  size_t bytes = 0;
  for (const v1::Operation& operation : request.operations()) {
    absl::StatusOr<Command> command = OperationToCommand(operation, data_bytes_max);
    if (!command.ok()) {
      return absl::Status(command.status().code(),
                          fmt::format("operation {} of the batch: {}", commands.size(),
                                      std::string(command.status().message())));
    }
    bytes += command->key.ordered_bytes().size() + command->data.size();
    if (bytes > limits::kBatchBytesMax) {
      return absl::ResourceExhaustedError(fmt::format(
          "the keys and data of the batch have more than {} bytes, the limit: divide it",
          limits::kBatchBytesMax));
    }
    commands.push_back(*std::move(command));
  }
  return commands;
}

}  // namespace tripla
