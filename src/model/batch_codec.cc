// SPDX-License-Identifier: Apache-2.0
#include "model/batch_codec.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "model/level.h"
#include "model/little_endian.h"

namespace tripla {
namespace {

constexpr uint8_t kHasRequestId = 1;
constexpr uint8_t kSentBefore = 8;  // only with kHasRequestId
constexpr uint8_t kShortOfDisk = 16;
constexpr size_t kFixedBytes = 1 + 1 + 4 + 4 + 8 + 8 + 8;
constexpr size_t kRequestIdBytes = sizeof(ClientId) + 8 + 8;

uint8_t FlagsOf(const Command& command) {
  uint8_t flags = command.short_of_disk ? kShortOfDisk : 0;
  if (command.request_id) flags |= kHasRequestId;
  if (command.request_id && command.request_id->sent_before) flags |= kSentBefore;
  return flags;
}

bool IsKnown(uint8_t flags) {
  if ((flags & ~(kHasRequestId | kSentBefore | kShortOfDisk)) != 0) return false;
  return (flags & kSentBefore) == 0 || (flags & kHasRequestId) != 0;
}

bool IsKnown(CommandKind kind) {
  return (kind >= CommandKind::kSet && kind <= CommandKind::kTestAndSet) ||
         kind == CommandKind::kRaiseLevel;
}

void EncodeCommand(const Command& command, std::string& bytes) {
  AppendLittleEndian(bytes, static_cast<uint8_t>(command.kind));
  AppendLittleEndian(bytes, FlagsOf(command));
  AppendLittleEndian(bytes, static_cast<uint32_t>(command.key.ordered_bytes().size()));
  AppendLittleEndian(bytes, static_cast<uint32_t>(command.data.size()));
  AppendLittleEndian(bytes, command.timestamp);
  AppendLittleEndian(bytes, command.version);
  AppendLittleEndian(bytes, command.if_revision);
  if (command.request_id) {
    bytes.append(command.request_id->client.data(), command.request_id->client.size());
    AppendLittleEndian(bytes, command.request_id->sequence);
    AppendLittleEndian(bytes, command.request_id->first_unanswered);
  }
  bytes += command.key.ordered_bytes();
  bytes += command.data;
}

RequestId ReadRequestId(ByteReader& reader) {
  RequestId id;
  const std::string_view client = reader.ReadBytes(id.client.size());
  std::copy(client.begin(), client.end(), id.client.begin());
  id.sequence = reader.Read<uint64_t>();
  id.first_unanswered = reader.Read<uint64_t>();
  return id;
}

absl::StatusOr<Command> DecodeCommand(ByteReader& reader) {
  Command command;
  command.kind = static_cast<CommandKind>(reader.Read<uint8_t>());
  const uint8_t flags = reader.Read<uint8_t>();
  if (!reader.ok()) return absl::DataLossError("a command is cut short");
  if (!IsKnown(command.kind) || !IsKnown(flags)) {
    return absl::UnimplementedError(
        fmt::format("a command of kind {} with flags {} is unknown to this version of the server",
                    static_cast<int>(command.kind), flags));
  }
  const uint32_t key_bytes = reader.Read<uint32_t>();
  const uint32_t data_bytes = reader.Read<uint32_t>();
  command.timestamp = reader.Read<int64_t>();
  command.version = reader.Read<int64_t>();
  command.if_revision = reader.Read<uint64_t>();
  command.short_of_disk = (flags & kShortOfDisk) != 0;
  if ((flags & kHasRequestId) != 0) {
    command.request_id = ReadRequestId(reader);
    command.request_id->sent_before = (flags & kSentBefore) != 0;
  }
  const std::string_view key = reader.ReadBytes(key_bytes);
  const std::string_view data = reader.ReadBytes(data_bytes);
  if (!reader.ok()) return absl::DataLossError("a command is cut short");
  absl::StatusOr<Key> ordered_key = Key::FromOrderedBytes(key);
  if (!ordered_key.ok()) return absl::DataLossError("a command's key is not in ordered form");
  command.key = *std::move(ordered_key);
  command.data.assign(data);
  if (command.kind == CommandKind::kRaiseLevel) {
    TRIPLA_RETURN_IF_ERROR(CheckLevel(static_cast<Level>(command.version)));
  }
  return command;
}

}  // namespace

size_t EncodedBytes(const Command& command) {
  return kFixedBytes + (command.request_id ? kRequestIdBytes : 0) +
         command.key.ordered_bytes().size() + command.data.size();
}

void EncodeBatch(const Batch& batch, std::string& bytes) {
  AppendLittleEndian(bytes, static_cast<uint32_t>(batch.commands.size()));
  for (const Command& command : batch.commands) EncodeCommand(command, bytes);
}

absl::StatusOr<Batch> DecodeBatch(std::string_view bytes) {
  ByteReader reader(bytes);
  const uint32_t count = reader.Read<uint32_t>();
  if (!reader.ok()) return absl::DataLossError("a batch is cut short");
  Batch batch;
  // Reserve no more than the bytes can hold: the count may be damaged.
  batch.commands.reserve(std::min<size_t>(count, reader.rest().size() / kFixedBytes));
  for (uint32_t i = 0; i < count; ++i) {
    TRIPLA_ASSIGN_OR_RETURN(Command command, DecodeCommand(reader));
    batch.commands.push_back(std::move(command));
  }
  if (!reader.rest().empty())
    return absl::DataLossError("a batch has bytes behind its last command");
  return batch;
}

}  // namespace tripla
