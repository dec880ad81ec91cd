// SPDX-License-Identifier: Apache-2.0
#include "model/batch_codec.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace tripla {
namespace {

Batch Sample() {
  Batch batch;
  Command set;
  set.kind = CommandKind::kSet;
  set.key = *Key::Parse("-123456789012345678901234567890");
  set.timestamp = std::numeric_limits<int64_t>::min();
  set.data = std::string("a\0b", 3);
  set.request_id = RequestId{{'c', 'l'}, 7, 3};
  batch.commands.push_back(set);
  Command cas;
  cas.kind = CommandKind::kTestAndSet;
  cas.version = std::numeric_limits<int64_t>::max();
  cas.if_revision = std::numeric_limits<uint64_t>::max();
  batch.commands.push_back(cas);
  Command again = set;
  again.request_id->sent_before = true;
  batch.commands.push_back(again);
  again.short_of_disk = true;
  batch.commands.push_back(again);
  cas.short_of_disk = true;
  batch.commands.push_back(cas);
  batch.commands.push_back({.kind = CommandKind::kRaiseLevel, .version = 1});
  return batch;
}

TEST(BatchCodec, GivesBackWhatItTook) {
  for (const Batch& batch : {Sample(), Batch()}) {
    std::string bytes;
    EncodeBatch(batch, bytes);
    absl::StatusOr<Batch> decoded = DecodeBatch(bytes);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, batch);
    size_t expected_bytes = 4;
    for (const Command& command : batch.commands) expected_bytes += EncodedBytes(command);
    EXPECT_EQ(bytes.size(), expected_bytes);
  }
}

TEST(BatchCodec, RefusesEveryCut) {
  std::string bytes;
  EncodeBatch(Sample(), bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeBatch(bytes.substr(0, size)).status().code(), absl::StatusCode::kDataLoss)
        << size;
  }
  EXPECT_FALSE(DecodeBatch(bytes + '\0').ok());
}

TEST(BatchCodec, NamesAnUnknownKind) {
  std::string bytes;
  EncodeBatch(Sample(), bytes);
  bytes[4] = 99;
  const absl::Status status = DecodeBatch(bytes).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(status.message().find("kind 99"), std::string::npos) << status;
}

TEST(BatchCodec, R28_ALevelThatIsNotKnownIsNamedBesideTheKnownOne) {
  for (const int64_t level : {int64_t{0}, int64_t{2}, std::numeric_limits<int64_t>::max()}) {
    std::string bytes;
    EncodeBatch({.commands = {{.kind = CommandKind::kRaiseLevel, .version = level}}}, bytes);
    const absl::Status status = DecodeBatch(bytes).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << level;
    EXPECT_NE(status.message().find("level " + std::to_string(level) + " is reached"),
              std::string::npos)
        << status;
    EXPECT_NE(status.message().find("knows level 1:"), std::string::npos) << status;
  }
}

TEST(BatchCodec, KindsThatLaterLevelsBringAreUnknown) {
  for (const int kind : {0, 6, 12, 14, 16, 21}) {
    std::string bytes;
    EncodeBatch(Sample(), bytes);
    bytes[4] = static_cast<char>(kind);
    EXPECT_EQ(DecodeBatch(bytes).status().code(), absl::StatusCode::kUnimplemented) << kind;
  }
}

TEST(BatchCodec, NamesUnknownFlags) {
  for (const int flags : {2, 4, 8, 10, 24, 32, 255}) {
    std::string bytes;
    EncodeBatch(Sample(), bytes);
    bytes[5] = static_cast<char>(flags);
    const absl::Status status = DecodeBatch(bytes).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << flags;
  }
}

TEST(BatchCodec, BelievesNoCountThatTheBytesCannotHold) {
  EXPECT_EQ(DecodeBatch("\xff\xff\xff\xff").status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace tripla
