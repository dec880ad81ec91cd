// SPDX-License-Identifier: Apache-2.0
#include "service/key_value_service.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "model/batch_codec.h"
#include "model/limits.h"
#include "service/reply.h"
#include "service/request_check.h"
#include "service/status_mapping.h"

namespace tripla {
namespace {

// Ends a call for which the batcher or the log returned an error.
void FailUndecided(PendingCall& call, const absl::Status& error, const NoRoom& no_room) {
  // UNAVAILABLE makes clients ask again; the details say that the outcome is unknown.
  const bool unknown = absl::IsUnknown(error);
  call.FailWrite(unknown ? absl::UnavailableError(error.message()) : error,
                 unknown ? Applied::kUnknown : Applied::kNo, no_room);
}

void Answer(PendingCall& call, const Outcome& outcome) {
  v1::Reply reply;
  FillReply(outcome, call.without_data(), reply);
  call.Succeed(reply);
}

// Ends a write that was decided and whose answer has waited too long for room.
void FailDecided(PendingCall& call, const Outcome& outcome, const absl::Status& no_room) {
  if (outcome.result != Result::kSuccess) {
    return call.FailWrite(no_room, Applied::kNo, call.NoRoomForReply());
  }
  v1::Reply reply;
  FillReply(outcome, true, reply);
  call.FailApplied(std::string(no_room.message()), reply);
}

void AnswerWrite(const PendingCallPtr& call, Outcome outcome) {
  if (outcome.refusal != Refusal::kNone) return call->Finish(RefusedWrite(outcome));
  const size_t bytes = DataBytes(outcome, call->without_data());
  if (call->HasRoomFor(bytes)) return Answer(*call, outcome);
  call->AwaitRoom(bytes, bytes, [call, outcome = std::move(outcome)](const absl::Status& room) {
    if (!room.ok()) return FailDecided(*call, outcome, room);
    Answer(*call, outcome);
  });
}

absl::Status ReplyTooLarge(size_t bytes) {
  return absl::ResourceExhaustedError(
      fmt::format("the replies of the batch have {} bytes of data; {} can be sent: divide it, or "
                  "ask for answers without data",
                  bytes, limits::kBatchReplyBytesMax));
}

// Ends a Batch that was executed and whose reply cannot be given.
void FailDecided(PendingCall& call, const DecidedBatch& batch, const absl::Status& why,
                 const NoRoom& no_room) {
  if (!HasChanged(batch)) return call.FailWrite(why, Applied::kNo, no_room);
  v1::BatchReply reply;
  FillReplyWithoutData(batch, reply);
  call.FailApplied(std::string(why.message()), reply);
}

void Answer(PendingCall& call, const DecidedBatch& batch) {
  v1::BatchReply reply;
  FillReply(batch, reply);
  call.Succeed(reply);
}

void AnswerBatch(const PendingCallPtr& call, const std::shared_ptr<const v1::BatchRequest>& request,
                 std::span<Outcome> outcomes) {
  const DecidedBatch batch{*request, outcomes};
  Applied applied = Applied::kUnknown;
  if (const absl::Status refusal = FindRefusal(batch, applied); !refusal.ok()) {
    return call->Finish(WriteError(refusal, applied));
  }
  const size_t bytes = DataBytes(batch);
  if (bytes > limits::kBatchReplyBytesMax) {
    return FailDecided(*call, batch, ReplyTooLarge(bytes), NoRoom::TooLarge());
  }
  if (call->HasRoomFor(bytes)) return Answer(*call, batch);
  const auto kept = std::make_shared<std::vector<Outcome>>(
      std::make_move_iterator(outcomes.begin()), std::make_move_iterator(outcomes.end()));
  const size_t held_bytes = request->ByteSizeLong() + bytes + kept->size() * sizeof(Outcome);
  call->AwaitRoom(bytes, held_bytes, [call, request, kept](const absl::Status& room) {
    const DecidedBatch decided{*request, *kept};
    if (!room.ok()) return FailDecided(*call, decided, room, call->NoRoomForReply());
    Answer(*call, decided);
  });
}

// What the disk needs room for. Removals need none: they make the next image smaller.
uint64_t AddedBytes(const std::vector<Command>& commands) {
  uint64_t bytes = 0;
  for (const Command& command : commands) {
    const bool adds = command.kind == CommandKind::kSet || command.kind == CommandKind::kTestAndSet;
    if (adds) bytes += EncodedBytes(command);
  }
  return bytes;
}

bool OnlyReads(const v1::BatchRequest& request) {
  return std::ranges::all_of(request.operations(),
                             [](const v1::Operation& operation) { return operation.has_get(); });
}

bool OnlyStaleReads(const v1::BatchRequest& request) {
  return std::ranges::all_of(request.operations(), [](const v1::Operation& operation) {
    return operation.has_get() && operation.get().consistency() == v1::STALE;
  });
}

}  // namespace

KeyValueService::KeyValueService(const Parts& parts, size_t data_bytes_max,
                                 const UnsentReplies::Times& reply_times)
    : parts_(parts), data_bytes_max_(data_bytes_max), unsent_replies_(reply_times) {}

void KeyValueService::AddTo(rpc::Methods& methods) {
  using rpc::CallPtr;
  const auto& service = *v1::SetRequest::descriptor()->file()->FindServiceByName("KeyValue");
  methods.Add<v1::SetRequest>(
      service, "Set",
      [this](CallPtr call, v1::SetRequest request) {
        absl::StatusOr<Command> command = ToCommand(request, data_bytes_max_);
        Write(std::move(call), std::move(request), std::move(command));
      },
      RefusedUnread);
  methods.Add<v1::GetRequest>(
      service, "Get",
      [this](CallPtr call, const v1::GetRequest& request) { Get(std::move(call), request); },
      RefusedUnread);
  methods.Add<v1::DelRequest>(
      service, "Del",
      [this](CallPtr call, v1::DelRequest request) {
        absl::StatusOr<Command> command = ToCommand(request);
        Write(std::move(call), std::move(request), std::move(command));
      },
      RefusedUnread);
  methods.Add<v1::DelVersionRequest>(
      service, "DelVersion",
      [this](CallPtr call, v1::DelVersionRequest request) {
        absl::StatusOr<Command> command = ToCommand(request);
        Write(std::move(call), std::move(request), std::move(command));
      },
      RefusedUnread);
  methods.Add<v1::TestAndSetRequest>(
      service, "TestAndSet",
      [this](CallPtr call, v1::TestAndSetRequest request) {
        absl::StatusOr<Command> command = ToCommand(request, data_bytes_max_);
        Write(std::move(call), std::move(request), std::move(command));
      },
      RefusedUnread);
  methods.Add<v1::BatchRequest>(
      service, "Batch",
      [this](CallPtr call, v1::BatchRequest request) {
        Batch(std::move(call), std::move(request));
      },
      RefusedUnread);
}

void KeyValueService::Get(rpc::CallPtr call, const v1::GetRequest& request) {
  const auto pending = std::make_shared<PendingCall>(std::move(call), unsent_replies_);
  absl::StatusOr<Command> get = ToCommand(request);
  if (!get.ok()) return pending->FailRead(get.status(), NoRoom::TooLarge());
  Read(request.consistency() == v1::STALE,
       [this, pending, key = std::move(get->key)](const absl::Status& readable) {
         if (!readable.ok()) return pending->FailRead(readable, NoRoom::Overloaded());
         AnswerGet(pending, key);
       });
}

void KeyValueService::AnswerGet(const PendingCallPtr& call, const Key& key) {
  const Outcome outcome = parts_.machine.Get(key);
  const size_t bytes = DataBytes(outcome, false);
  if (call->HasRoomFor(bytes)) return Answer(*call, outcome);
  // Reads again later, so that a waiting call does not keep an old entry in memory.
  call->AwaitRoom(bytes, key.ordered_bytes().size(), [this, call, key](const absl::Status& room) {
    if (!room.ok()) return call->FailRead(room, call->NoRoomForReply());
    AnswerGet(call, key);
  });
}

void KeyValueService::AnswerGets(const PendingCallPtr& call, const BatchRequestPtr& request,
                                 const std::vector<Command>& gets) {
  const StateView view = parts_.machine.Freeze();
  std::vector<Outcome> outcomes;
  outcomes.reserve(gets.size());
  for (const Command& get : gets) outcomes.push_back(view.Get(get.key));
  const DecidedBatch batch{*request, outcomes};
  const size_t bytes = DataBytes(batch);
  if (bytes > limits::kBatchReplyBytesMax) {
    return call->FailRead(ReplyTooLarge(bytes), NoRoom::TooLarge());
  }
  if (call->HasRoomFor(bytes)) return Answer(*call, batch);
  call->AwaitRoom(bytes, 2 * request->ByteSizeLong(),
                  [this, call, request, gets](const absl::Status& room) {
                    if (!room.ok()) return call->FailRead(room, call->NoRoomForReply());
                    AnswerGets(call, request, gets);
                  });
}

void KeyValueService::Read(bool stale, Log::ReadableFn answer) {
  if (stale) return answer(absl::OkStatus());
  parts_.log.AwaitReadable(std::move(answer));
}

void KeyValueService::Batch(rpc::CallPtr call, v1::BatchRequest request) {
  const auto pending = std::make_shared<PendingCall>(std::move(call), unsent_replies_);
  absl::StatusOr<std::vector<Command>> commands = ToCommands(request, data_bytes_max_);
  if (!commands.ok()) {
    return pending->FailWrite(commands.status(), Applied::kNo, NoRoom::TooLarge());
  }
  const auto kept = std::make_shared<v1::BatchRequest>(std::move(request));
  if (OnlyReads(*kept)) {
    return Read(OnlyStaleReads(*kept),
                [this, pending, kept, gets = *std::move(commands)](const absl::Status& readable) {
                  if (!readable.ok()) return pending->FailRead(readable, NoRoom::Overloaded());
                  AnswerGets(pending, kept, gets);
                });
  }
  PendingWrite write{.commands = *std::move(commands),
                     .deadline = pending->call().deadline(),
                     .done = [pending, kept](absl::StatusOr<std::span<Outcome>> outcomes) {
                       if (!outcomes.ok()) {
                         return FailUndecided(*pending, outcomes.status(), NoRoom::ReadOnly());
                       }
                       AnswerBatch(pending, kept, *outcomes);
                     }};
  if (PassedOn(pending, *kept, write)) return;
  Enqueue(*pending, std::move(write));
}

template <typename Request>
void KeyValueService::Write(rpc::CallPtr call, Request request, absl::StatusOr<Command> command) {
  const auto pending =
      std::make_shared<PendingCall>(std::move(call), unsent_replies_, request.without_data());
  if (!command.ok()) return pending->FailWrite(command.status(), Applied::kNo, NoRoom::TooLarge());
  PendingWrite write{.deadline = pending->call().deadline()};
  write.commands.push_back(*std::move(command));
  write.done = [pending](absl::StatusOr<std::span<Outcome>> outcomes) {
    if (!outcomes.ok()) return FailUndecided(*pending, outcomes.status(), NoRoom::ReadOnly());
    AnswerWrite(pending, std::move(outcomes->front()));
  };
  if (PassedOn(pending, request, write)) return;
  Enqueue(*pending, std::move(write));
}

template <typename Request>
bool KeyValueService::PassedOn(const PendingCallPtr& call, Request& request,
                               const PendingWrite& write) {
  if (parts_.log.Leads()) return false;
  const Log::Leadership leadership = parts_.log.GetLeadership();
  const std::string& endpoint = leadership.leader_endpoint;
  const bool elsewhere = !endpoint.empty() && leadership.leader != leadership.node;
  if (elsewhere && !PeerLink::IsPassedOn(call->call())) {
    parts_.peers->PassOn(endpoint, call, std::move(request));
  } else if (elsewhere) {
    call->Finish(
        WriteError(absl::UnavailableError("this server leads no more"), Applied::kNo, endpoint));
  } else if (!Recalled(write)) {
    RefuseWithoutLeader(*call, endpoint);
  }
  return true;
}

void KeyValueService::RefuseWithoutLeader(PendingCall& call, const std::string& endpoint) const {
  // Not OK when this server is elected and cannot begin.
  const absl::Status room = parts_.cluster_room == nullptr
                                ? absl::OkStatus()
                                : parts_.cluster_room->Check(ClusterRoom::Write::kRemoves);
  if (!room.ok()) return call.FailWrite(room, Applied::kNo, NoRoom::ReadOnly());
  call.Finish(
      WriteError(absl::UnavailableError("no leader is ready: the servers are choosing one, or no "
                                        "majority of them is up and connected"),
                 Applied::kNo, endpoint));
}

bool KeyValueService::Recalled(const PendingWrite& write) const {
  std::vector<Outcome> outcomes;
  for (const Command& command : write.commands) {
    if (!command.request_id) return false;
    std::optional<Outcome> known = parts_.machine.Recall(command);
    if (!known) return false;
    outcomes.push_back(*std::move(known));
  }
  write.done(std::span<Outcome>(outcomes));
  return true;
}

absl::Status KeyValueService::Admit(PendingWrite& write) const {
  const uint64_t bytes = AddedBytes(write.commands);
  if (parts_.cluster_room != nullptr) {
    TRIPLA_RETURN_IF_ERROR(parts_.cluster_room->Check(bytes == 0 ? ClusterRoom::Write::kRemoves
                                                                 : ClusterRoom::Write::kAdds));
  }
  if (bytes == 0) return absl::OkStatus();
  TRIPLA_RETURN_IF_ERROR(parts_.disk_reserve.Check(bytes));
  write.admission = DiskReserve::Admission(&parts_.disk_reserve, {bytes});
  return absl::OkStatus();
}

bool KeyValueService::IsShortOfDisk() const {
  return parts_.disk_reserve.write_bytes_max() < data_bytes_max_ ||
         (parts_.cluster_room != nullptr &&
          !parts_.cluster_room->Check(ClusterRoom::Write::kAdds).ok());
}

void KeyValueService::Enqueue(PendingCall& pending, PendingWrite call) {
  if (const absl::Status status = Admit(call); !status.ok()) {
    if (Recalled(call)) return;
    return FailUndecided(pending, status, NoRoom::ReadOnly());
  }
  if (IsShortOfDisk()) {
    for (Command& command : call.commands) command.short_of_disk = true;
  }
  if (const absl::Status status = unsent_replies_.Check(); !status.ok()) {
    return FailUndecided(pending, status, pending.NoRoomForReply());
  }
  if (const absl::Status status = parts_.batcher.Enqueue(std::move(call)); !status.ok()) {
    FailUndecided(pending, status, NoRoom::Overloaded(parts_.batcher.queued_bytes()));
  }
}

}  // namespace tripla
