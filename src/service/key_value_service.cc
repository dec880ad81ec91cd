// SPDX-License-Identifier: Apache-2.0
#include "service/key_value_service.h"

#include <grpc/support/time.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "service/reply.h"
#include "service/request_check.h"
#include "service/status_mapping.h"

namespace tripla {
namespace {

// When to come back, told to clients as gRPC's retry design names it (gRFC A6). A full queue drains
// in milliseconds; a full disk takes somebody to clear it.
constexpr std::chrono::milliseconds kOverloadPushback{20};
constexpr std::chrono::milliseconds kDiskFullPushback{1000};

void AdviseRetry(grpc::CallbackServerContext* context, std::chrono::milliseconds after) {
  context->AddTrailingMetadata("grpc-retry-pushback-ms", std::to_string(after.count()));
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

// Ends a call whose writes the batcher or the log surely did not apply.
void FinishNotApplied(const Waiting& waiting, const absl::Status& error,
                      std::chrono::milliseconds pushback) {
  if (absl::IsResourceExhausted(error)) AdviseRetry(waiting.context, pushback);
  waiting.reactor->Finish(WriteError(error, Applied::kNo));
}

bool OnlyReads(const std::vector<Command>& commands) {
  return std::ranges::all_of(
      commands, [](const Command& command) { return command.kind == CommandKind::kGet; });
}

grpc::Status AnswerReads(const StateView& view, const std::vector<Command>& commands,
                         v1::BatchReply& reply) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(commands.size());
  for (const Command& command : commands) outcomes.push_back(view.Get(command.key));
  Applied ignored = Applied::kNo;
  const absl::Status status = FillBatchReply(outcomes, reply, ignored);
  return status.ok() ? grpc::Status::OK : ReadError(status);
}

}  // namespace

KeyValueService::KeyValueService(const StateMachine& machine, Batcher& batcher,
                                 const DiskReserve& disk_reserve, size_t data_bytes_max)
    : machine_(machine),
      batcher_(batcher),
      disk_reserve_(disk_reserve),
      data_bytes_max_(data_bytes_max) {}

grpc::ServerUnaryReactor* KeyValueService::Set(grpc::CallbackServerContext* context,
                                               const v1::SetRequest* request, v1::Reply* reply) {
  return Write(context, ToCommand(*request, data_bytes_max_), reply);
}

grpc::ServerUnaryReactor* KeyValueService::Del(grpc::CallbackServerContext* context,
                                               const v1::DelRequest* request, v1::Reply* reply) {
  return Write(context, ToCommand(*request), reply);
}

grpc::ServerUnaryReactor* KeyValueService::DelVersion(grpc::CallbackServerContext* context,
                                                      const v1::DelVersionRequest* request,
                                                      v1::Reply* reply) {
  return Write(context, ToCommand(*request), reply);
}

grpc::ServerUnaryReactor* KeyValueService::TestAndSet(grpc::CallbackServerContext* context,
                                                      const v1::TestAndSetRequest* request,
                                                      v1::Reply* reply) {
  return Write(context, ToCommand(*request, data_bytes_max_), reply);
}

grpc::ServerUnaryReactor* KeyValueService::Get(grpc::CallbackServerContext* context,
                                               const v1::GetRequest* request, v1::Reply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::StatusOr<Key> key = Key::FromTwosComplement(request->key());
  if (key.ok()) {
    FillReply(machine_.Get(*key), *reply);
    reactor->Finish(grpc::Status::OK);
  } else {
    reactor->Finish(ReadError(key.status()));
  }
  return reactor;
}

grpc::ServerUnaryReactor* KeyValueService::Batch(grpc::CallbackServerContext* context,
                                                 const v1::BatchRequest* request,
                                                 v1::BatchReply* reply) {
  const Waiting waiting{context, context->DefaultReactor()};
  absl::StatusOr<std::vector<Command>> commands = ToCommands(*request, data_bytes_max_);
  if (!commands.ok()) {
    waiting.reactor->Finish(WriteError(commands.status(), Applied::kNo));
    return waiting.reactor;
  }
  if (OnlyReads(*commands)) {
    waiting.reactor->Finish(AnswerReads(machine_.Freeze(), *commands, *reply));
    return waiting.reactor;
  }
  Call call{.commands = *std::move(commands), .deadline = Deadline(*context)};
  call.done = [waiting, reply](absl::StatusOr<std::span<Outcome>> outcomes) {
    if (!outcomes.ok()) return FinishNotApplied(waiting, outcomes.status(), kDiskFullPushback);
    Applied applied = Applied::kUnknown;
    const absl::Status status = FillBatchReply(*outcomes, *reply, applied);
    waiting.reactor->Finish(status.ok() ? grpc::Status::OK : WriteError(status, applied));
  };
  Enqueue(waiting, std::move(call));
  return waiting.reactor;
}

grpc::ServerUnaryReactor* KeyValueService::Write(grpc::CallbackServerContext* context,
                                                 absl::StatusOr<Command> command,
                                                 v1::Reply* reply) {
  const Waiting waiting{context, context->DefaultReactor()};
  if (!command.ok()) {
    waiting.reactor->Finish(WriteError(command.status(), Applied::kNo));
    return waiting.reactor;
  }
  Call call{.deadline = Deadline(*context)};
  call.commands.push_back(*std::move(command));
  call.done = [waiting, reply](absl::StatusOr<std::span<Outcome>> outcomes) {
    if (!outcomes.ok()) return FinishNotApplied(waiting, outcomes.status(), kDiskFullPushback);
    const Outcome& outcome = outcomes->front();
    if (outcome.refusal != Refusal::kNone) {
      return waiting.reactor->Finish(
          WriteError(RefusalError(outcome.refusal), AppliedAfter(outcome.refusal)));
    }
    FillReply(outcome, *reply);
    waiting.reactor->Finish(grpc::Status::OK);
  };
  Enqueue(waiting, std::move(call));
  return waiting.reactor;
}

void KeyValueService::Enqueue(const Waiting& waiting, Call call) {
  if (const absl::Status status = disk_reserve_.Check(); !status.ok()) {
    return FinishNotApplied(waiting, status, kDiskFullPushback);
  }
  if (const absl::Status status = batcher_.Enqueue(std::move(call)); !status.ok()) {
    FinishNotApplied(waiting, status, kOverloadPushback);
  }
}

}  // namespace tripla
