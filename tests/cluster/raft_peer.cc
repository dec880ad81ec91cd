// SPDX-License-Identifier: Apache-2.0
#include "tests/cluster/raft_peer.h"

#include <arpa/inet.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "base/check.h"

namespace tripla {
namespace {

using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

constexpr char kMagic[] = "TRIPLA-R";
constexpr uint32_t kVersion = 3;
// What the nodes that the test plays say of themselves.
constexpr char kOfItself[] = "starts 1 2\nlog 0 0\nvotes-from 0\n";
constexpr uint8_t kRequestVote = 1;
constexpr uint8_t kAppendEntries = 2;
constexpr uint8_t kReply = 100;

// Field numbers of Raft.proto.
constexpr int kHeader = 1;        // of each message
constexpr int kTerm = 2;          // of a request for a vote, and of its answer
constexpr int kLastEntry = 3;     // of a request for a vote
constexpr int kPreVote = 4;       // of a request for a vote
constexpr int kRequestorId = 1;   // of a header
constexpr int kReplyId = 2;       // of a header
constexpr int kGroup = 3;         // of a header
constexpr int kCallId = 4;        // of a header
constexpr int kSuccess = 15;      // of an answer's header
constexpr int kGroupId = 1;       // of a group
constexpr int kTermOfEntry = 1;   // of an entry's place
constexpr int kIndexOfEntry = 2;  // of an entry's place

sockaddr_in Loopback(int port) {
  return {.sin_family = AF_INET,
          .sin_port = htons(static_cast<uint16_t>(port)),
          .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

std::string BigEndian(uint32_t number) {
  return {static_cast<char>(number >> 24), static_cast<char>(number >> 16),
          static_cast<char>(number >> 8), static_cast<char>(number)};
}

// With its length before it.
std::string Block(const std::string& text) {
  return std::string{static_cast<char>(text.size() >> 8), static_cast<char>(text.size())} + text;
}

// The value of a line "KEY VALUE".
std::string Value(const std::string& lines, const std::string& key) {
  const size_t line = ("\n" + lines).find("\n" + key + " ");
  EXPECT_NE(line, lines.npos) << "the greeting lacks " << key << ": " << lines;
  if (line == lines.npos) return "";
  const size_t begin = line + key.size() + 1;
  return lines.substr(begin, lines.find('\n', begin) - begin);
}

// The 16 bytes of a UUID.
std::string BytesOf(const std::string& uuid) {
  return absl::HexStringToBytes(absl::StrReplaceAll(uuid, {{"-", ""}}));
}

std::string Bytes(const UnknownFieldSet& fields) {
  std::string bytes;
  TRIPLA_CHECK(fields.SerializeToString(&bytes), "fields can be written");
  return bytes;
}

// A field of a message; zero or empty when it is not there.
uint64_t Number(const std::string& message, int number) {
  UnknownFieldSet fields;
  EXPECT_TRUE(fields.ParseFromString(message)) << "it is no protobuf";
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    if (field.number() == number && field.type() == UnknownField::TYPE_VARINT) {
      return field.varint();
    }
  }
  return 0;
}

std::string Text(const std::string& message, int number) {
  UnknownFieldSet fields;
  EXPECT_TRUE(fields.ParseFromString(message)) << "it is no protobuf";
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    if (field.number() == number && field.type() == UnknownField::TYPE_LENGTH_DELIMITED) {
      return field.length_delimited();
    }
  }
  return "";
}

}  // namespace

int ListenOn(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = Loopback(port);
  TRIPLA_CHECK(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                   listen(listener, 16) == 0,
               "a port of this test can be listened on");
  return listener;
}

RaftConnection::RaftConnection(int port, Greeting greeting, Purpose purpose)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), greeting_(std::move(greeting)) {
  const sockaddr_in address = Loopback(port);
  EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_TRUE(Send(kMagic + BigEndian(kVersion) + Block(Lines(purpose))));
  if (Receive(1) == std::string(1, '\0')) {
    EXPECT_NE(ReceiveLines(), "");
  } else {
    ADD_FAILURE() << "refused: " << ReceiveText();
  }
}

std::string RaftConnection::Lines(Purpose purpose) const {
  return "cluster " + greeting_.cluster + "\nfrom " + greeting_.from + "\nto " + greeting_.to +
         "\nfor " + (purpose == Purpose::kVotes ? "VOTES" : "ENTRIES") + "\nframe " +
         std::to_string(greeting_.frame_bytes_max) + "\n" + kOfItself;
}

RaftConnection::RaftConnection(int listener) : fd_(-1) {
  while (true) {
    if (fd_ >= 0) close(fd_);
    fd_ = accept(listener, nullptr, nullptr);
    TRIPLA_CHECK(fd_ >= 0, "a connection comes");
    EXPECT_EQ(Receive(sizeof(kMagic) - 1), kMagic);
    EXPECT_EQ(ReceiveNumber(), kVersion);
    const std::string lines = ReceiveLines();
    greeting_.cluster = Value(lines, "cluster");
    greeting_.from = Value(lines, "from");
    greeting_.to = Value(lines, "to");
    greeting_.frame_bytes_max = static_cast<uint32_t>(std::stoul(Value(lines, "frame")));
    if (Value(lines, "for") == "VOTES") break;
  }
  EXPECT_TRUE(Send(std::string(1, '\0') + Block(kOfItself)));
}

RaftConnection::~RaftConnection() { close(fd_); }

std::string RaftConnection::Header() const {
  UnknownFieldSet group;
  group.AddLengthDelimited(kGroupId, BytesOf(greeting_.cluster));
  UnknownFieldSet header;
  header.AddLengthDelimited(kRequestorId, greeting_.from);
  header.AddLengthDelimited(kReplyId, greeting_.to);
  header.AddLengthDelimited(kGroup, Bytes(group));
  return Bytes(header);
}

std::optional<std::string> RaftConnection::Call(uint8_t call, const std::string& message) const {
  EXPECT_TRUE(SendFrame(call, message));
  const std::string kind = Receive(1);
  std::string content = Receive(ReceiveNumber());
  if (kind != std::string(1, kReply)) return std::nullopt;
  return content;
}

std::optional<RaftConnection::VoteAnswer> RaftConnection::AskForVote(const VoteRequest& request) {
  UnknownFieldSet entry;
  entry.AddVarint(kTermOfEntry, request.term);
  entry.AddVarint(kIndexOfEntry, uint64_t{1} << 40);  // nobody has more
  UnknownFieldSet message;
  message.AddLengthDelimited(kHeader, Header());
  message.AddVarint(kTerm, request.term);
  message.AddLengthDelimited(kLastEntry, Bytes(entry));
  if (request.pre_vote) message.AddVarint(kPreVote, 1);
  const std::optional<std::string> answer = Call(kRequestVote, Bytes(message));
  if (!answer) return std::nullopt;
  return VoteAnswer{.granted = Number(Text(*answer, kHeader), kSuccess) != 0,
                    .term = Number(*answer, kTerm)};
}

std::optional<uint64_t> RaftConnection::SendHeartbeat(uint64_t term) {
  UnknownFieldSet message;
  message.AddLengthDelimited(kHeader, Header());
  message.AddVarint(kTerm, term);
  const std::optional<std::string> answer = Call(kAppendEntries, Bytes(message));
  if (!answer) return std::nullopt;
  return Number(*answer, kTerm);
}

std::optional<RaftConnection::VoteRequest> RaftConnection::AwaitRequest() {
  const std::string kind = Receive(1);
  if (kind.empty()) return std::nullopt;
  EXPECT_EQ(kind, std::string(1, kRequestVote));
  const std::string message = Receive(ReceiveNumber());
  header_ = Text(message, kHeader);
  term_ = Number(message, kTerm);
  return VoteRequest{.term = term_, .pre_vote = Number(message, kPreVote) != 0};
}

void RaftConnection::Grant() {
  UnknownFieldSet header;
  header.AddLengthDelimited(kRequestorId, Text(header_, kRequestorId));
  header.AddLengthDelimited(kReplyId, Text(header_, kReplyId));
  header.AddLengthDelimited(kGroup, Text(header_, kGroup));
  header.AddVarint(kCallId, Number(header_, kCallId));
  header.AddVarint(kSuccess, 1);
  UnknownFieldSet message;
  message.AddLengthDelimited(kHeader, Bytes(header));
  message.AddVarint(kTerm, term_);
  EXPECT_TRUE(SendFrame(kReply, Bytes(message)));
}

bool RaftConnection::Send(const std::string& bytes) const {
  return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

std::string RaftConnection::Receive(size_t count) const {
  std::string bytes(count, '\0');
  if (count == 0) return bytes;
  const ssize_t received = recv(fd_, bytes.data(), count, MSG_WAITALL);
  return received == static_cast<ssize_t>(count) ? bytes : "";
}

std::string RaftConnection::ReceiveText() const {
  const std::string size = Receive(1);
  return size.empty() ? "" : Receive(static_cast<uint8_t>(size[0]));
}

std::string RaftConnection::ReceiveLines() const {
  const std::string size = Receive(2);
  if (size.empty()) return "";
  return Receive(static_cast<uint8_t>(size[0]) << 8 | static_cast<uint8_t>(size[1]));
}

uint32_t RaftConnection::ReceiveNumber() const {
  uint32_t number = 0;
  for (const char byte : Receive(4)) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

bool RaftConnection::SendFrame(uint8_t kind, const std::string& content) const {
  return Send(static_cast<char>(kind) + BigEndian(static_cast<uint32_t>(content.size())) + content);
}

}  // namespace tripla
