// SPDX-License-Identifier: Apache-2.0
#include "service/key_value_service.h"

#include <grpc/support/time.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "model/batch_codec.h"
#include "model/pushback.h"
#include "service/reply.h"
#include "service/request_check.h"
#include "service/status_mapping.h"

namespace tripla {
namespace {

// When to come back. A full queue drains in milliseconds; a full disk takes somebody to clear it.
constexpr std::chrono::milliseconds kOverloadPushback{20};
constexpr std::chrono::milliseconds kDiskFullPushback{1000};

void AdviseRetry(grpc::CallbackServerContext* context, std::chrono::milliseconds after) {
  context->AddTrailingMetadata(kPushbackMetadata, std::to_string(after.count()));
}

// The call's deadline on the clock that nobody sets.
std::chrono::steady_clock::time_point Deadline(const grpc::CallbackServerContext& context) {
  const gpr_timespec deadline = context.raw_deadline();
  const gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  constexpr auto kNever = std::chrono::steady_clock::time_point::max();
  constexpr int64_t kCenturySeconds = int64_t{100} * 365 * 86400;
  if (left.tv_sec >= kCenturySeconds) return kNever;
  return std::chrono::steady_clock::now() + std::chrono::seconds(left.tv_sec) +
         std::chrono::nanoseconds(left.tv_nsec);
}

// Ends a call for which the batcher or the log has no outcomes.
void FinishUndecided(PendingCall& pending, const absl::Status& error,
                     std::chrono::milliseconds pushback) {
  if (absl::IsResourceExhausted(error)) AdviseRetry(pending.context(), pushback);
  // Worth asking again, and the details tell what is not known.
  pending.Finish(absl::IsUnknown(error)
                     ? WriteError(absl::UnavailableError(error.message()), Applied::kUnknown)
                     : WriteError(error, Applied::kNo));
}

// Ends a read for which this server does not know enough, or has no room to wait.
void FinishUnread(PendingCall& pending, const absl::Status& error) {
  if (absl::IsResourceExhausted(error)) AdviseRetry(pending.context(), kOverloadPushback);
  pending.Finish(ReadError(error));
}

// Ends a call whose reply, with the data of these outcomes, would take too much memory. `applied`
// says what became of its writes; it has none when that is nothing.
void FinishWithoutRoom(PendingCall& pending, const absl::Status& error,
                       std::optional<Applied> applied) {
  AdviseRetry(pending.context(), kOverloadPushback);
  pending.Finish(applied ? WriteError(error, *applied) : ReadError(error));
}

// Whether the disk has room for what these commands may add. Removals make the next image smaller.
absl::Status CheckDisk(const DiskReserve& reserve, const std::vector<Command>& commands) {
  uint64_t bytes = 0;
  for (const Command& command : commands) {
    const bool adds = command.kind == CommandKind::kSet || command.kind == CommandKind::kTestAndSet;
    if (adds) bytes += EncodedBytes(command);
  }
  return bytes == 0 ? absl::OkStatus() : reserve.Check(bytes);
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

void AnswerReads(PendingCall& pending, const StateView& view, const std::vector<Command>& commands,
                 v1::BatchReply& reply) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(commands.size());
  for (const Command& command : commands) outcomes.push_back(view.Get(command.key));
  if (const absl::Status room = pending.CountReply(DataBytes(outcomes)); !room.ok()) {
    return FinishWithoutRoom(pending, room, std::nullopt);
  }
  Applied ignored = Applied::kNo;
  const absl::Status status = FillBatchReply(outcomes, reply, ignored);
  pending.Finish(status.ok() ? grpc::Status::OK : ReadError(status));
}

}  // namespace

KeyValueService::KeyValueService(const Parts& parts, size_t data_bytes_max)
    : parts_(parts), data_bytes_max_(data_bytes_max) {}

grpc::ServerUnaryReactor* KeyValueService::Set(grpc::CallbackServerContext* context,
                                               const v1::SetRequest* request, v1::Reply* reply) {
  return Write(context, *request, ToCommand(*request, data_bytes_max_), reply);
}

grpc::ServerUnaryReactor* KeyValueService::Del(grpc::CallbackServerContext* context,
                                               const v1::DelRequest* request, v1::Reply* reply) {
  return Write(context, *request, ToCommand(*request), reply);
}

grpc::ServerUnaryReactor* KeyValueService::DelVersion(grpc::CallbackServerContext* context,
                                                      const v1::DelVersionRequest* request,
                                                      v1::Reply* reply) {
  return Write(context, *request, ToCommand(*request), reply);
}

grpc::ServerUnaryReactor* KeyValueService::TestAndSet(grpc::CallbackServerContext* context,
                                                      const v1::TestAndSetRequest* request,
                                                      v1::Reply* reply) {
  return Write(context, *request, ToCommand(*request, data_bytes_max_), reply);
}

grpc::ServerUnaryReactor* KeyValueService::Get(grpc::CallbackServerContext* context,
                                               const v1::GetRequest* request, v1::Reply* reply) {
  auto* pending = new PendingCall(context, unsent_replies_);
  absl::StatusOr<Command> get = ToCommand(*request);
  if (!get.ok()) {
    pending->Finish(ReadError(get.status()));
    return pending;
  }
  Read(request->consistency() == v1::STALE,
       [=, this, key = std::move(get->key)](const absl::Status& readable) {
         if (!readable.ok()) return FinishUnread(*pending, readable);
         const Outcome outcome = parts_.machine.Get(key);
         if (const absl::Status room = pending->CountReply(DataBytes({&outcome, 1})); !room.ok()) {
           return FinishWithoutRoom(*pending, room, std::nullopt);
         }
         FillReply(outcome, *reply);
         pending->Finish(grpc::Status::OK);
       });
  return pending;
}

void KeyValueService::Read(bool stale, Log::ReadableFn answer) {
  if (stale) return answer(absl::OkStatus());
  parts_.log.AwaitReadable(std::move(answer));
}

grpc::ServerUnaryReactor* KeyValueService::Batch(grpc::CallbackServerContext* context,
                                                 const v1::BatchRequest* request,
                                                 v1::BatchReply* reply) {
  auto* pending = new PendingCall(context, unsent_replies_);
  absl::StatusOr<std::vector<Command>> commands = ToCommands(*request, data_bytes_max_);
  if (!commands.ok()) {
    pending->Finish(WriteError(commands.status(), Applied::kNo));
    return pending;
  }
  if (OnlyReads(*request)) {
    Read(OnlyStaleReads(*request),
         [this, pending, reply, gets = *std::move(commands)](const absl::Status& readable) {
           if (!readable.ok()) return FinishUnread(*pending, readable);
           AnswerReads(*pending, parts_.machine.Freeze(), gets, *reply);
         });
    return pending;
  }
  if (PassedOn(*pending, *request, reply)) return pending;
  Call call{.commands = *std::move(commands), .deadline = Deadline(*context)};
  call.done = [pending, reply](absl::StatusOr<std::span<Outcome>> outcomes) {
    if (!outcomes.ok()) return FinishUndecided(*pending, outcomes.status(), kDiskFullPushback);
    if (const absl::Status room = pending->CountReply(DataBytes(*outcomes)); !room.ok()) {
      return FinishWithoutRoom(*pending, room, Applied::kUnknown);
    }
    Applied applied = Applied::kUnknown;
    const absl::Status status = FillBatchReply(*outcomes, *reply, applied);
    pending->Finish(status.ok() ? grpc::Status::OK : WriteError(status, applied));
  };
  Enqueue(*pending, std::move(call));
  return pending;
}

template <typename Request>
grpc::ServerUnaryReactor* KeyValueService::Write(grpc::CallbackServerContext* context,
                                                 const Request& request,
                                                 absl::StatusOr<Command> command,
                                                 v1::Reply* reply) {
  auto* pending = new PendingCall(context, unsent_replies_);
  if (!command.ok()) {
    pending->Finish(WriteError(command.status(), Applied::kNo));
    return pending;
  }
  if (PassedOn(*pending, request, reply)) return pending;
  Call call{.deadline = Deadline(*context)};
  call.commands.push_back(*std::move(command));
  call.done = [pending, reply](absl::StatusOr<std::span<Outcome>> outcomes) {
    if (!outcomes.ok()) return FinishUndecided(*pending, outcomes.status(), kDiskFullPushback);
    const Outcome& outcome = outcomes->front();
    if (outcome.refusal != Refusal::kNone) {
      return pending->Finish(RefusedWrite(outcome));
    }
    if (const absl::Status room = pending->CountReply(DataBytes(*outcomes)); !room.ok()) {
      const bool changed = outcome.result == Result::kSuccess;
      return FinishWithoutRoom(*pending, room, changed ? Applied::kUnknown : Applied::kNo);
    }
    FillReply(outcome, *reply);
    pending->Finish(grpc::Status::OK);
  };
  Enqueue(*pending, std::move(call));
  return pending;
}

template <typename Request, typename Reply>
bool KeyValueService::PassedOn(PendingCall& pending, const Request& request, Reply* reply) {
  if (parts_.log.Leads()) return false;
  const Log::Leadership leadership = parts_.log.GetLeadership();
  const std::string& endpoint = leadership.leader_endpoint;
  const bool elsewhere = !endpoint.empty() && leadership.leader != leadership.node;
  if (elsewhere && !PeerLink::IsPassedOn(*pending.context())) {
    if (const absl::Status passed = parts_.peers.PassOn(endpoint, pending, request, *reply);
        !passed.ok()) {
      FinishUndecided(pending, passed, kOverloadPushback);
    }
  } else {
    pending.Finish(WriteError(
        absl::UnavailableError(elsewhere ? "this server leads no more"
                                         : "no leader is ready: the servers are choosing one, or "
                                           "no majority of them is up and connected"),
        Applied::kNo, endpoint));
  }
  return true;
}

void KeyValueService::Enqueue(PendingCall& pending, Call call) {
  if (const absl::Status status = CheckDisk(parts_.disk_reserve, call.commands); !status.ok()) {
    return FinishUndecided(pending, status, kDiskFullPushback);
  }
  absl::Status status = unsent_replies_.Check();
  if (status.ok()) status = parts_.batcher.Enqueue(std::move(call));
  if (!status.ok()) FinishUndecided(pending, status, kOverloadPushback);
}

}  // namespace tripla
