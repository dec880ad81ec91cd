// SPDX-License-Identifier: Apache-2.0
// Every error that a call can end with: its code, whether the write was applied, the reason of
// RESOURCE_EXHAUSTED, and the retry advice (R12, R12a, S9). The services are real; the test's log
// decides what happens.
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "disk/faulty_disk.h"
#include "model/batch_codec.h"
#include "rpc/rpc_server.h"
#include "service/key_value_service.h"
#include "service/pushback.h"
#include "tripla/v1/rpc_status.pb.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr std::chrono::seconds kPatience{60};
// The number of replies of 16 MiB that find room; their clients read nothing.
constexpr size_t kDeaf = limits::kUnsentReplyBytesMax / (16 * kMiB) - 1;

// Answers batches and reads as the test says.
class ToldLog : public Log {
 public:
  struct Answers {
    Outcome outcome = {};  // what each command is answered, unless `error` is set
    absl::Status error = {};
    absl::Status readable = {};
    bool leads = true;
  };
  // From now on.
  void Tell(Answers answers) {
    MutexLock lock(mutex_);
    answers_ = std::move(answers);
  }

  void Submit(Batch batch, DoneFn done) override {
    Answers answers;
    {
      MutexLock lock(mutex_);
      submitted_ += batch.commands.size();
      changed_.NotifyAll();
      while (hold_) changed_.Wait(mutex_);
      answers = answers_;
    }
    if (!answers.error.ok()) return done(answers.error);
    done(std::vector<Outcome>(batch.commands.size(), answers.outcome));
  }
  bool Leads() const override { return answers().leads; }
  Leadership GetLeadership() const override { return {}; }
  void AwaitReadable(ReadableFn done) override { done(answers().readable); }
  absl::Status ReleasePrefix(LogIndex, Release) override { return absl::OkStatus(); }
  Stats GetStats() const override { return {}; }
  void Stop() override {}

  // From now on Submit() waits for Release().
  void Hold() {
    MutexLock lock(mutex_);
    hold_ = true;
  }
  void AwaitSubmitted(size_t commands) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    MutexLock lock(mutex_);
    while (submitted_ < commands && std::chrono::steady_clock::now() < deadline) {
      changed_.WaitUntil(mutex_, deadline);
    }
    EXPECT_GE(submitted_, commands);
  }
  void Release() {
    MutexLock lock(mutex_);
    hold_ = false;
    changed_.NotifyAll();
  }

 private:
  Answers answers() const {
    MutexLock lock(mutex_);
    return answers_;
  }

  mutable Mutex mutex_;
  Condition changed_;
  Answers answers_ ABSL_GUARDED_BY(mutex_);
  bool hold_ ABSL_GUARDED_BY(mutex_) = false;
  size_t submitted_ ABSL_GUARDED_BY(mutex_) = 0;
};

EntryRef MakeEntry(size_t data_bytes) {
  return Entry::Create({.version = 3, .timestamp = 5, .revision = 7}, Key().ordered_bytes(),
                       std::string(data_bytes, 'd'));
}

// The result of a call.
struct Told {
  grpc::StatusCode code = grpc::StatusCode::OK;
  v1::Undecided undecided;
  std::string pushback;    // empty: none
  v1::Reply reply;         // of a call that succeeded
  v1::Reply without_data;  // the second detail
};

// Reads how a call ended.
Told Read(const grpc::ClientContext& context, const grpc::Status& status) {
  Told told{.code = status.error_code()};
  v1::RpcStatus detailed;
  EXPECT_TRUE(detailed.ParseFromString(status.error_details()));
  if (detailed.details_size() > 0) {
    EXPECT_TRUE(detailed.details(0).UnpackTo(&told.undecided));
  }
  if (detailed.details_size() > 1) detailed.details(1).UnpackTo(&told.without_data);
  const auto& trailers = context.GetServerTrailingMetadata();
  EXPECT_LE(trailers.count(kPushbackMetadata), 1u);
  const auto pushback = trailers.find(kPushbackMetadata);
  if (pushback != trailers.end()) {
    told.pushback = std::string(pushback->second.data(), pushback->second.size());
  }
  return told;
}

// Concurrent calls, which end in any order.
template <typename Reply>
class Ends {
 public:
  template <typename Request>
  void Begin(v1::KeyValue::Stub& stub, const Request& request) {
    Call* const call = Add();
    call->context.set_deadline(std::chrono::system_clock::now() + kPatience);
    Send(stub, call->context, request, call->reply, [this, call](const grpc::Status& status) {
      MutexLock lock(mutex_);
      Told told = Read(call->context, status);
      if constexpr (std::is_same_v<Reply, v1::Reply>) told.reply = std::move(call->reply);
      told_.push_back(std::move(told));
      changed_.NotifyAll();
    });
  }

  // Fewer when they do not end.
  std::vector<Told> Await(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    MutexLock lock(mutex_);
    while (told_.size() < count && std::chrono::steady_clock::now() < deadline) {
      changed_.WaitUntil(mutex_, deadline);
    }
    return std::exchange(told_, {});
  }

 private:
  struct Call {
    grpc::ClientContext context;
    Reply reply;
  };
  // Under the mutex, for the sanitizer does not see how gRPC hands it to the thread of its end.
  Call* Add() {
    MutexLock lock(mutex_);
    return calls_.emplace_back(std::make_unique<Call>()).get();
  }
  static void Send(v1::KeyValue::Stub& stub, grpc::ClientContext& context,
                   const v1::SetRequest& request, v1::Reply& reply,
                   std::function<void(grpc::Status)> done) {
    stub.async()->Set(&context, &request, &reply, std::move(done));
  }
  static void Send(v1::KeyValue::Stub& stub, grpc::ClientContext& context,
                   const v1::BatchRequest& request, v1::BatchReply& reply,
                   std::function<void(grpc::Status)> done) {
    stub.async()->Batch(&context, &request, &reply, std::move(done));
  }

  Mutex mutex_;
  Condition changed_;
  std::vector<std::unique_ptr<Call>> calls_ ABSL_GUARDED_BY(mutex_);
  std::vector<Told> told_ ABSL_GUARDED_BY(mutex_);
};

// A service over a log, with a client.
class Errors : public testing::Test {
 protected:
  void TearDown() override {
    server_->Stop(std::chrono::milliseconds(0));
    batcher_.Stop();
  }

  template <typename Method, typename Request>
  Told Call(Method method, const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    v1::Reply reply;
    Told told = Read(context, ((*stub_).*method)(&context, request, &reply));
    told.reply = reply;
    return told;
  }
  Told CallBatch(const v1::BatchRequest& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    v1::BatchReply reply;
    return Read(context, stub_->Batch(&context, request, &reply));
  }

  Told Set(size_t key_bytes = 1, size_t data_bytes = 1) {
    v1::SetRequest request;
    request.set_key(std::string(key_bytes, '\1'));
    request.set_data(std::string(data_bytes, 'd'));
    return Call(&v1::KeyValue::Stub::Set, request);
  }
  Told Get(size_t key_bytes = 1) {
    v1::GetRequest request;
    request.set_key(std::string(key_bytes, '\1'));
    return Call(&v1::KeyValue::Stub::Get, request);
  }

  enum class Pushback { kNone, kNever, kLater };
  static void Expect(const Told& told, grpc::StatusCode code, v1::Undecided::Applied applied,
                     v1::Undecided::Reason reason, Pushback pushback) {
    EXPECT_EQ(told.code, code);
    EXPECT_EQ(told.undecided.applied(), applied);
    EXPECT_EQ(told.undecided.reason(), reason);
    if (pushback == Pushback::kNone) {
      EXPECT_EQ(told.pushback, "");
    } else if (pushback == Pushback::kNever) {
      EXPECT_EQ(told.pushback, "-1");
    } else {
      ASSERT_NE(told.pushback, "");
      EXPECT_GT(std::stoi(told.pushback), 0);
    }
  }

  // A deaf channel reads as little of a reply as possible.
  std::shared_ptr<grpc::Channel> Connect(bool deaf = false) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    if (deaf) {
      arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
      arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 65'535);
    }
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->port()),
                                     grpc::InsecureChannelCredentials(), arguments);
  }

  // Makes calls whose replies the client does not read, until the server has no room for another.
  void FillTheRoom() {
    for (size_t i = 0; i < kDeaf; ++i) {
      auto& deaf = deaf_.emplace_back(std::make_unique<Deaf>(Connect(/*deaf=*/true)));
      v1::SetRequest request;
      request.set_key("\1");
      const grpc::Slice slice(request.SerializeAsString());
      deaf->stream = deaf->stub.PrepareCall(&deaf->context, "/tripla.v1.KeyValue/Set", &queue_);
      deaf->stream->StartCall(nullptr);
      AwaitTag();
      deaf->stream->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
      AwaitTag();
    }
  }
  void AwaitTag() {
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue_.Next(&tag, &ok));
  }
  void HangUp() {
    for (const auto& deaf : deaf_) deaf->context.TryCancel();
  }

  // On a connection of its own, for the server takes no other call from one that reads nothing.
  struct Deaf {
    explicit Deaf(const std::shared_ptr<grpc::Channel>& channel) : stub(channel) {}
    grpc::GenericStub stub;
    grpc::ClientContext context;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream;
  };

  StateMachine machine_;
  ToldLog log_;
  FaultyDisk disk_;
  DiskReserve disk_reserve_{disk_, "/", "/", kMiB};
  Batcher batcher_{log_};
  PeerLink peers_{/*passed_on_bytes_max=*/1};
  // No client is cut off, however slow this machine is.
  KeyValueService service_{{machine_, log_, batcher_, disk_reserve_, &peers_},
                           16 * kMiB,
                           {.patience = std::chrono::hours(1), .wait_max = std::chrono::hours(1)}};
  rpc::Methods methods_;
  std::unique_ptr<rpc::RpcServer> server_ = [this] {
    service_.AddTo(methods_);
    return *rpc::RpcServer::Start(methods_, {.listen = "127.0.0.1:0",
                                             .limits = {.message_bytes_max = 256 * kMiB},
                                             .incoming_bytes_max = 1024 * kMiB,
                                             .unsent_bytes_max = 1024 * kMiB});
  }();
  std::unique_ptr<v1::KeyValue::Stub> stub_ = v1::KeyValue::NewStub(Connect());
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<Deaf>> deaf_;
};

using Code = grpc::StatusCode;
using v1::Undecided;
constexpr auto kNotSaid = Undecided::APPLIED_UNSPECIFIED;
constexpr auto kNoReason = Undecided::REASON_UNSPECIFIED;

TEST_F(Errors, S9_TooLargeIsNeverWorthARetry) {
  Expect(Set(limits::kKeyBytesMax + 1), Code::RESOURCE_EXHAUSTED, Undecided::NO,
         Undecided::TOO_LARGE, Pushback::kNever);
  Expect(Set(1, 16 * kMiB + 1), Code::RESOURCE_EXHAUSTED, Undecided::NO, Undecided::TOO_LARGE,
         Pushback::kNever);
  Expect(Get(limits::kKeyBytesMax + 1), Code::RESOURCE_EXHAUSTED, kNotSaid, Undecided::TOO_LARGE,
         Pushback::kNever);
  v1::BatchRequest many;
  for (size_t i = 0; i <= limits::kBatchOperationsMax; ++i) {
    many.add_operations()->mutable_set()->set_key("\1");
  }
  Expect(CallBatch(many), Code::RESOURCE_EXHAUSTED, Undecided::NO, Undecided::TOO_LARGE,
         Pushback::kNever);
}

TEST_F(Errors, S9_AFullDiskIsReadOnly) {
  log_.Tell({.error = absl::ResourceExhaustedError("no space")});
  Expect(Set(), Code::RESOURCE_EXHAUSTED, Undecided::NO, Undecided::READ_ONLY, Pushback::kLater);
  disk_.SetCapacity(0);
  disk_reserve_.Refresh([] { return DiskReserve::NextImage(); });
  Expect(Set(), Code::RESOURCE_EXHAUSTED, Undecided::NO, Undecided::READ_ONLY, Pushback::kLater);
}

TEST_F(Errors, S14_AWriteTakesRoomOfTheDiskUntilItIsAnswered) {
  const auto refresh = [&] {
    disk_reserve_.Refresh([] { return DiskReserve::NextImage(); });
    return disk_reserve_.write_bytes_max();
  };
  disk_.SetCapacity(2 * kMiB);
  const uint64_t without = refresh();
  log_.Hold();
  v1::BatchRequest request;
  v1::SetRequest& set = *request.add_operations()->mutable_set();
  set.set_key("\1");
  set.set_data(std::string(kMiB / 4, 'd'));
  Ends<v1::BatchReply> ends;
  ends.Begin(*stub_, request);
  log_.AwaitSubmitted(1);
  EXPECT_LE(refresh(), without - kMiB / 4) << "the log does not hold it yet";
  log_.Release();
  ASSERT_EQ(ends.Await(1).size(), 1u);
  while (refresh() < without) std::this_thread::yield();
}

TEST_F(Errors, S9_AFullQueueIsOverload) {
  constexpr size_t kMost = limits::kBatchOperationsMax;
  v1::BatchRequest most;
  for (size_t i = 0; i < kMost; ++i) most.add_operations()->mutable_del()->set_key("\1");
  log_.Hold();
  // The log has the first write; the others wait until the next one finds no room.
  Ends<v1::BatchReply> ends;
  for (size_t i = 0; i < limits::kQueueCommandsMax / kMost + 2; ++i) {
    ends.Begin(*stub_, most);
    if (i == 0) log_.AwaitSubmitted(kMost);
  }
  const std::vector<Told> refused = ends.Await(1);
  ASSERT_EQ(refused.size(), 1u);
  Expect(refused[0], Code::RESOURCE_EXHAUSTED, Undecided::NO, Undecided::OVERLOADED,
         Pushback::kLater);
  log_.Release();
  EXPECT_EQ(ends.Await(limits::kQueueCommandsMax / kMost + 1).size(),
            limits::kQueueCommandsMax / kMost + 1);
}

TEST_F(Errors, S9_TooManyReadsAreOverload) {
  log_.Tell({.readable = absl::ResourceExhaustedError("too many reads wait")});
  Expect(Get(), Code::RESOURCE_EXHAUSTED, kNotSaid, Undecided::OVERLOADED, Pushback::kLater);
  v1::BatchRequest reads;
  reads.add_operations()->mutable_get()->set_key("\1");
  Expect(CallBatch(reads), Code::RESOURCE_EXHAUSTED, kNotSaid, Undecided::OVERLOADED,
         Pushback::kLater);
}

TEST_F(Errors, WhatTheLogDoesNotKnowIsUnknown) {
  log_.Tell({.error = absl::UnknownError("this server leads no more")});
  Expect(Set(), Code::UNAVAILABLE, Undecided::UNKNOWN, kNoReason, Pushback::kNone);
  log_.Tell({.error = absl::UnavailableError("stopped")});
  Expect(Set(), Code::UNAVAILABLE, Undecided::NO, kNoReason, Pushback::kNone);
}

TEST_F(Errors, AServerThatDoesNotLeadNamesWhoDoes) {
  log_.Tell({.leads = false});
  Expect(Set(), Code::UNAVAILABLE, Undecided::NO, kNoReason, Pushback::kNone);
}

TEST_F(Errors, EachRefusalOfTheStateMachineHasItsCode) {
  log_.Tell({.outcome = {.refusal = Refusal::kVersionExhausted}});
  Expect(Set(), Code::OUT_OF_RANGE, Undecided::NO, kNoReason, Pushback::kNone);
  log_.Tell({.outcome = {.refusal = Refusal::kRequestIdReused}});
  Expect(Set(), Code::INVALID_ARGUMENT, Undecided::NO, kNoReason, Pushback::kNone);
  log_.Tell({.outcome = {.refusal = Refusal::kAnswerForgotten}});
  Expect(Set(), Code::FAILED_PRECONDITION, Undecided::UNKNOWN, kNoReason, Pushback::kNone);
}

TEST_F(Errors, R12a_ABatchWhoseReplyIsTooLargeWasApplied) {
  log_.Tell({.outcome = {.entry = MakeEntry(16 * kMiB)}});
  v1::BatchRequest batch;
  for (int i = 0; i < 5; ++i) batch.add_operations()->mutable_del()->set_key("\1");
  Expect(CallBatch(batch), Code::OUT_OF_RANGE, Undecided::YES, kNoReason, Pushback::kNever);
  log_.Tell({.outcome = {.result = Result::kError, .entry = MakeEntry(16 * kMiB)}});
  Expect(CallBatch(batch), Code::RESOURCE_EXHAUSTED, Undecided::NO, Undecided::TOO_LARGE,
         Pushback::kNever);
}

TEST_F(Errors, R12a_AWriteWhoseAnswerFindsNoRoomWaitsForItOrSaysThatItWasApplied) {
  constexpr size_t kWrites = 8;
  constexpr size_t kWait = UnsentReplies::kHeldBytesMax / (16 * kMiB + 1);
  log_.Tell({.outcome = {.entry = MakeEntry(16 * kMiB)}});
  FillTheRoom();
  log_.AwaitSubmitted(kDeaf);
  // All are with the batcher before the first of them waits for room.
  log_.Hold();
  v1::SetRequest request;
  request.set_key("\1");
  Ends<v1::Reply> ends;
  ends.Begin(*stub_, request);
  log_.AwaitSubmitted(kDeaf + 1);
  for (size_t i = 1; i < kWrites; ++i) ends.Begin(*stub_, request);
  const Command command{.kind = CommandKind::kSet, .key = *Key::FromTwosComplement("\1")};
  while (batcher_.queued_bytes() < (kWrites - 1) * EncodedBytes(command)) std::this_thread::yield();
  log_.Release();
  const std::vector<Told> unanswered = ends.Await(kWrites - kWait);
  ASSERT_EQ(unanswered.size(), kWrites - kWait);
  for (const Told& told : unanswered) {
    Expect(told, Code::OUT_OF_RANGE, Undecided::YES, kNoReason, Pushback::kNever);
    EXPECT_EQ(told.without_data.result(), v1::SUCCESS);
    EXPECT_EQ(told.without_data.value().version(), 3);
    EXPECT_EQ(told.without_data.value().data(), "");
  }
  // Others are refused before they are executed.
  Expect(Set(), Code::RESOURCE_EXHAUSTED, Undecided::NO, Undecided::OVERLOADED, Pushback::kLater);
  HangUp();
  const std::vector<Told> answered = ends.Await(kWait);
  ASSERT_EQ(answered.size(), kWait);
  for (const Told& told : answered) {
    EXPECT_EQ(told.code, Code::OK);
    EXPECT_EQ(told.reply.value().data().size(), 16 * kMiB);
  }
}

TEST_F(Errors, S26_ACallThatWaitsForRoomEndsWithItsDeadline) {
  log_.Tell({.outcome = {.entry = MakeEntry(16 * kMiB)}});
  FillTheRoom();
  log_.AwaitSubmitted(kDeaf);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  v1::SetRequest request;
  request.set_key("\1");
  v1::Reply reply;
  EXPECT_EQ(stub_->Set(&context, request, &reply).error_code(), Code::DEADLINE_EXCEEDED);
  HangUp();
  EXPECT_EQ(Set().code, Code::OK);
}

}  // namespace
}  // namespace tripla
