// SPDX-License-Identifier: Apache-2.0
// The wire contract (spec 5) as bytes that this file writes and reads by itself: what a client in
// any language, built against the published numbers, must meet for ever.
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

using std::string_literals::operator""s;

// The encoding of protocol buffers, as far as it is needed.
std::string Varint(uint64_t number) {
  std::string bytes;
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
  return bytes + static_cast<char>(number);
}
std::string Number(int field, int64_t number) {
  return Varint(static_cast<uint64_t>(field) << 3) + Varint(static_cast<uint64_t>(number));
}
std::string Bytes(int field, const std::string& bytes) {
  return Varint(static_cast<uint64_t>(field) << 3 | 2) + Varint(bytes.size()) + bytes;
}

// Result
constexpr int kSuccess = 1;
constexpr int kError = 2;
constexpr int kErrorNe = 3;
constexpr int kErrorWv = 4;

std::string Triple(int64_t version, int64_t timestamp, const std::string& data) {
  return Number(1, version) + Number(2, timestamp) + Bytes(3, data);
}
std::string Reply(int result, int64_t revision) { return Number(1, result) + Number(3, revision); }
std::string Reply(int result, const std::string& triple, int64_t revision) {
  return Number(1, result) + Bytes(2, triple) + Number(3, revision);
}
std::string RequestId(int64_t sequence) {
  return Bytes(1, "sixteen letters!") + Number(2, sequence) + Number(3, sequence);
}

struct RawAnswer {
  grpc::Status status;
  std::string bytes;
};

std::string ToString(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.Valid() || !buffer.DumpToSingleSlice(&slice).ok()) return "";
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

RawAnswer Call(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
               const std::string& request) {
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  const grpc::Slice slice(request);
  const auto call = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
  call->StartCall();
  RawAnswer answer;
  grpc::ByteBuffer reply;
  call->Finish(&reply, &answer.status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  EXPECT_TRUE(queue.Next(&tag, &ok));
  answer.bytes = ToString(reply);
  return answer;
}

class Wire : public testing::Test {
 protected:
  RawAnswer CallRaw(const std::string& method, const std::string& request) {
    return Call(server_.channel(), method, request);
  }
  void ExpectReply(const std::string& method, const std::string& request,
                   const std::string& expected) {
    const RawAnswer answer = CallRaw("/tripla.v1.KeyValue/" + method, request);
    EXPECT_TRUE(answer.status.ok()) << method << ": " << answer.status.error_message();
    EXPECT_EQ(absl::BytesToHexString(answer.bytes), absl::BytesToHexString(expected)) << method;
  }

  const TemporaryDirectory directory_;
  TestServer server_{directory_.path()};
};

TEST_F(Wire, RequestsAndRepliesHaveThePublishedNumbers) {
  const std::string key = Bytes(1, "\x07");
  ExpectReply("Get", key + Number(2, 1), Number(1, kError));  // revision 0, and STALE
  ExpectReply("TestAndSet", key + Bytes(2, "") + Number(3, 1), Number(1, kErrorNe));
  ExpectReply("DelVersion", key + Number(2, 1), Number(1, kErrorNe));
  ExpectReply("Del", key, Number(1, kError));

  const std::string set = key + Number(2, -5) + Bytes(3, "lala") + Bytes(4, RequestId(1));
  ExpectReply("Set", set, Reply(kSuccess, 1));
  ExpectReply("Set", set, Reply(kSuccess, 1) + Number(4, 1));  // replayed
  const std::string first = Triple(1, -5, "lala");
  ExpectReply("Get", key, Reply(kSuccess, first, 1));

  const std::string value = Number(1, 99) + Number(2, 8) + Bytes(3, "lele");
  ExpectReply("TestAndSet", key + Bytes(2, value) + Number(3, 2), Reply(kErrorWv, first, 1));
  ExpectReply("TestAndSet", key + Bytes(2, value) + Number(3, 1) + Number(5, 7),
              Reply(kErrorWv, first, 1));
  ExpectReply("TestAndSet",
              key + Bytes(2, value) + Number(3, 1) + Bytes(4, RequestId(2)) + Number(5, 1),
              Reply(kSuccess, first, 2));
  const std::string second = Triple(2, 8, "lele");
  ExpectReply("DelVersion", key + Number(2, 2) + Number(5, 1), Reply(kErrorWv, second, 2));
  ExpectReply("DelVersion", key + Number(2, 2) + Bytes(4, RequestId(3)) + Number(5, 2),
              Reply(kSuccess, second, 3));
  ExpectReply("Set", Bytes(1, "\x07"), Reply(kSuccess, 4));
  // An empty triple is there, and not NULL.
  ExpectReply("Del", key + Bytes(4, RequestId(4)), Reply(kSuccess, Number(1, 1), 5));
}

TEST_F(Wire, BatchHasThePublishedNumbers) {
  const std::string key = Bytes(1, "\x07");
  const auto operation = [](int kind, const std::string& request) {
    return Bytes(1, Bytes(kind, request));
  };
  ExpectReply(
      "Batch",
      operation(1, key) + operation(2, key) + operation(5, key + Bytes(2, "") + Number(3, 1)) +
          operation(4, key + Number(2, 1)) + operation(3, key),
      Bytes(1, Reply(kSuccess, 1)) + Bytes(1, Reply(kSuccess, Number(1, 1), 1)) +
          Bytes(1, Reply(kSuccess, Number(1, 1), 2)) + Bytes(1, Reply(kErrorWv, Number(1, 2), 2)) +
          Bytes(1, Reply(kSuccess, Number(1, 2), 3)));
}

// Numbers of Undecided.
constexpr int kApplied = 1;
constexpr int kReason = 3;
constexpr int kNo = 1;
constexpr int kTooLarge = 1;

// The details of an error, as google.rpc.Status is encoded.
std::string Details(const grpc::Status& status, const std::string& undecided) {
  const std::string any = Bytes(1, "type.googleapis.com/tripla.v1.Undecided") + Bytes(2, undecided);
  return Number(1, status.error_code()) + Bytes(2, status.error_message()) + Bytes(3, any);
}

TEST_F(Wire, AnErrorCarriesUndecidedAsOtherLanguagesReadIt) {
  const RawAnswer answer = CallRaw("/tripla.v1.KeyValue/Set", "");
  EXPECT_EQ(answer.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(absl::BytesToHexString(answer.status.error_details()),
            absl::BytesToHexString(Details(answer.status, Number(kApplied, kNo))));
}

TEST_F(Wire, S9_ARefusalForWantOfRoomCarriesItsReason) {
  const std::string key = Bytes(1, std::string((64 << 10) + 1, 'k'));
  const RawAnswer set = CallRaw("/tripla.v1.KeyValue/Set", key);
  EXPECT_EQ(set.status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(absl::BytesToHexString(set.status.error_details()),
            absl::BytesToHexString(
                Details(set.status, Number(kApplied, kNo) + Number(kReason, kTooLarge))));
  const RawAnswer get = CallRaw("/tripla.v1.KeyValue/Get", key);
  EXPECT_EQ(get.status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(absl::BytesToHexString(get.status.error_details()),
            absl::BytesToHexString(Details(get.status, Number(kReason, kTooLarge))));
}

TEST_F(Wire, R12b_WithoutDataHasThePublishedNumbers) {
  const std::string key = Bytes(1, "\x07");
  const std::string stored = Number(1, 1) + Number(2, 5);  // version 1, timestamp 5, no data
  ExpectReply("Set", key + Number(2, 5) + Bytes(3, "lala"), Reply(kSuccess, 1));
  ExpectReply("Set", key + Number(7, 1), Reply(kError, stored, 1));
  ExpectReply("DelVersion", key + Number(2, 9) + Number(6, 1), Reply(kErrorWv, stored, 1));
  ExpectReply("TestAndSet", key + Bytes(2, "") + Number(3, 9) + Number(8, 1),
              Reply(kErrorWv, stored, 1));
  ExpectReply("Del", key + Number(5, 1), Reply(kSuccess, stored, 2));
}

TEST_F(Wire, StatusHasThePublishedNumbers) {
  ExpectReply("Set", Bytes(1, "\x07"), Reply(kSuccess, 1));
  const RawAnswer answer = CallRaw("/tripla.v1.Admin/Status", "");
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  grpc::ClientContext context;
  v1::StatusReply known;
  ASSERT_TRUE(server_.admin().Status(&context, {}, &known).ok());
  const std::string begin =
      Bytes(2, "standalone") + Number(6, 1) + Number(7, 1) + Bytes(8, known.state_hash());
  EXPECT_EQ(absl::BytesToHexString(answer.bytes.substr(0, begin.size())),
            absl::BytesToHexString(begin));
  EXPECT_TRUE(CallRaw("/tripla.v1.Admin/Snapshot", "").status.ok());
}

TEST_F(Wire, WhatANewerClientAddsIsIgnored) {
  const std::string newer = Bytes(99, "of a later version") + Number(100, 7);
  ExpectReply("Set", Bytes(1, "\x07") + newer + Bytes(4, RequestId(1) + newer), Reply(kSuccess, 1));
  ExpectReply("Get", Bytes(1, "\x07") + newer, Reply(kSuccess, Number(1, 1), 1));
}

TEST_F(Wire, S17_WhatIsNoMessageIsInvalidAndTheServerGoesOn) {
  for (const std::string& garbage :
       {"\xff"s, "\x0a\x7f short"s, Bytes(1, "\x07") + "\x0b"s, std::string(100'000, '\x0f')}) {
    for (const char* method : {"Set", "Get", "Del", "DelVersion", "TestAndSet", "Batch"}) {
      const RawAnswer answer = CallRaw(std::string("/tripla.v1.KeyValue/") + method, garbage);
      EXPECT_EQ(answer.status.error_code(), grpc::INVALID_ARGUMENT) << method;
      EXPECT_NE(answer.status.error_message(), "") << method;
      EXPECT_EQ(absl::BytesToHexString(answer.status.error_details()),
                absl::BytesToHexString(Details(answer.status, Number(kApplied, kNo))))
          << method;
    }
    for (const char* method : {"Status", "Snapshot"}) {
      const RawAnswer answer = CallRaw(std::string("/tripla.v1.Admin/") + method, garbage);
      EXPECT_EQ(answer.status.error_code(), grpc::INVALID_ARGUMENT) << method;
      EXPECT_NE(answer.status.error_message(), "") << method;
    }
  }
  ExpectReply("Get", Bytes(1, "\x07"), Number(1, kError));
  EXPECT_EQ(CallRaw("/tripla.v1.KeyValue/Increment", "").status.error_code(), grpc::UNIMPLEMENTED);
}

// One question to a version of the reflection service, in the one message of a stream.
RawAnswer AskReflection(TestServer& server, const std::string& version,
                        const std::string& question) {
  grpc::GenericStub stub(server.channel());
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto stream = stub.PrepareCall(
      &context, "/grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo", &queue);
  stream->StartCall(nullptr);
  next();
  const grpc::Slice request(question);
  stream->WriteLast(grpc::ByteBuffer(&request, 1), grpc::WriteOptions(), nullptr);
  next();
  RawAnswer answer;
  grpc::ByteBuffer reply;
  stream->Read(&reply, nullptr);
  if (next()) answer.bytes = ToString(reply);
  stream->Finish(&answer.status, nullptr);
  next();
  return answer;
}

std::string ListServices() { return Bytes(7, "*"); }
std::string FileWith(const std::string& symbol) { return Bytes(4, symbol); }

TEST_F(Wire, S20_ReflectionTellsToolsWhatThereIsAndDescribesIt) {
  const std::vector<std::string> services = {"tripla.v1.KeyValue", "tripla.v1.Admin",
                                             "grpc.health.v1.Health"};
  for (const char* version : {"v1", "v1alpha"}) {
    const std::string list = AskReflection(server_, version, ListServices()).bytes;
    for (const std::string& service : services) {
      EXPECT_NE(list.find(service), std::string::npos) << version << " " << service;
      const RawAnswer described = AskReflection(server_, version, FileWith(service));
      EXPECT_TRUE(described.status.ok()) << described.status.error_message();
      // The name of the service as it stands in its file.
      const std::string name = Bytes(1, service.substr(service.rfind('.') + 1));
      EXPECT_NE(described.bytes.find(name), std::string::npos) << version << " " << service;
    }
    EXPECT_NE(
        AskReflection(server_, version, FileWith("grpc.health.v1.Health")).bytes.find("Watch"),
        std::string::npos)
        << version;
    // error_response, with NOT_FOUND
    const std::string unknown = AskReflection(server_, version, FileWith("no.such.Thing")).bytes;
    EXPECT_NE(unknown.find(Number(1, grpc::NOT_FOUND)), std::string::npos) << version;
  }
}

TEST_F(Wire, ReflectionCanBeOff) {
  const TemporaryDirectory directory;
  TestServer silent(directory.path(), {"--reflection", "off"});
  for (const char* version : {"v1", "v1alpha"}) {
    EXPECT_EQ(AskReflection(silent, version, ListServices()).status.error_code(),
              grpc::UNIMPLEMENTED)
        << version;
  }
}

}  // namespace
}  // namespace tripla
