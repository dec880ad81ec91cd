// SPDX-License-Identifier: Apache-2.0
// Released formats stay readable (design 8): each image in tests/golden/image-format-N was written
// by the first version with this format, and never changes.
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "snapshot/bytes_file.h"
#include "snapshot/image_reader.h"
#include "snapshot/image_test_state.h"
#include "snapshot/image_writer.h"
#include "state/state_hash.h"
#include "state/state_loader.h"

namespace tripla {
namespace {

constexpr int64_t kLow = std::numeric_limits<int64_t>::min();
constexpr int64_t kHigh = std::numeric_limits<int64_t>::max();
constexpr uint64_t kWrittenUnixMs = 1'764'000'000'000;
constexpr image::Owner kOwner = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// Keys on both sides of every length at which their form on disk changes, in order.
std::vector<Key> GoldenKeys() {
  std::vector<Key> keys;
  for (const size_t bytes : {300, 124, 123, 1}) {
    keys.push_back(*Key::FromTwosComplement('\x80' + std::string(bytes - 1, '\x01')));
  }
  for (const size_t bytes : {1, 2, 123, 124, 300}) {
    keys.push_back(*Key::FromTwosComplement('\x7f' + std::string(bytes - 1, '\xfe')));
  }
  return keys;
}

// One entry, 7, with the highest version, which no operation can make.
std::unique_ptr<StateMachine> MachineAtHighestVersion(const SessionBounds& bounds) {
  const EntryRef entry = Entry::Create({.version = kHigh, .timestamp = kLow, .revision = 1},
                                       Key::Parse("7")->ordered_bytes(), "last version");
  StateHashSum hash;
  hash.Add(*entry);
  StateLoader loader(bounds);
  EXPECT_TRUE(loader.AddEntry(entry).ok());
  return *loader.Finish({.position = {.index = 1},
                         .revision = 1,
                         .keys = 1,
                         .payload_bytes = entry->payload_bytes(),
                         .hash = hash.value()});
}

// Every kind of row that an image of format 1 can hold, with each field at its limits.
std::unique_ptr<StateMachine> GoldenMachine(const SessionBounds& bounds = {}) {
  using enum CommandKind;
  std::unique_ptr<StateMachine> machine = MachineAtHighestVersion(bounds);
  const auto apply = [&](Command command) { ApplyNext(*machine, std::move(command)); };
  for (const Key& key : GoldenKeys()) {
    apply({.kind = kSet, .key = key, .timestamp = kHigh, .data = "of " + key.ToText()});
  }
  apply({.kind = kSet, .key = Key(), .timestamp = 0, .data = ""});
  apply(MakeCommand(kTestAndSet, "0", "", 1));
  apply(MakeCommand(kSet, "1", std::string("\0\x1b[2J\xff\n", 7)));
  apply(MakeCommand(kSet, "2", "goes"));
  apply(MakeCommand(kDel, "2"));

  apply(WithId(MakeCommand(kSet, "1", "refused, with the entry"), '\xff', 1));
  apply(WithId(MakeCommand(kDelVersion, "1", "", 8), '\xff', UINT64_MAX));
  apply(WithId(MakeCommand(kSet, "3", "decided, without an entry"), '\x80', 2));
  apply(WithId(MakeCommand(kDelVersion, "4", "", 1), '\x80', 3));
  apply(WithId(MakeCommand(kTestAndSet, "7", "beyond the last version", kHigh), '\x7f', 4));
  apply(WithId(MakeCommand(kDel, "3"), '\x7f', 5, 4));
  apply(WithId(MakeCommand(kDel, "3"), '\0', 1));
  return machine;
}

std::string GoldenBytes() {
  return ReadWholeFile(TRIPLA_GOLDEN "/image-format-1/00000000000000000022.image");
}

std::string GoldenBytesOfFormat2() {
  return ReadWholeFile(TRIPLA_GOLDEN "/image-format-2/00000000000000000034.image");
}

// The additions of format 2.
std::unique_ptr<StateMachine> GoldenMachineOfFormat2() {
  std::unique_ptr<StateMachine> machine = GoldenMachine(kTightBounds);
  FillWithEveryRow(*machine);
  return machine;
}

TEST(GoldenImage, Format1IsReadWithAllItHolds) {
  const std::string golden = GoldenBytes();
  ASSERT_FALSE(golden.empty());
  BytesFile file("golden", golden);
  const absl::StatusOr<LoadedImage> loaded = LoadImage(file);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const std::unique_ptr<StateMachine> expected = GoldenMachine();
  const StateSummary summary = loaded->machine->GetSummary();
  EXPECT_EQ(summary, expected->GetSummary());
  EXPECT_EQ(loaded->header.written_unix_ms, kWrittenUnixMs);
  EXPECT_EQ(summary.keys, 12u);
  EXPECT_EQ(summary.sessions, 4u);
  EXPECT_EQ(absl::BytesToHexString({reinterpret_cast<const char*>(summary.hash.data()), 16}),
            "3c20f628d82771a4b3d6e49a91d64013");
  for (const Key& key : GoldenKeys()) {
    const Outcome found = loaded->machine->Get(key);
    ASSERT_TRUE(found.entry) << key.ToText();
    EXPECT_EQ(found.entry->data(), "of " + key.ToText());
    EXPECT_EQ(found.entry->timestamp(), kHigh);
  }
  EXPECT_EQ(loaded->machine->Get(*Key::Parse("0")).entry->version(), 2);
  EXPECT_EQ(loaded->machine->Get(*Key::Parse("0")).entry->data(), "");
  EXPECT_EQ(loaded->machine->Get(*Key::Parse("1")).entry->data(),
            std::string("\0\x1b[2J\xff\n", 7));
  EXPECT_EQ(loaded->machine->Get(*Key::Parse("7")).entry->version(), kHigh);
  EXPECT_FALSE(loaded->machine->Get(*Key::Parse("2")).entry);
}

// R13: requests that were answered before the image are answered again from it.
TEST(GoldenImage, TheRequestIdsOfFormat1AreAnsweredAgain) {
  using enum CommandKind;
  const std::string golden = GoldenBytes();
  BytesFile file("golden", golden);
  absl::StatusOr<LoadedImage> loaded = LoadImage(file);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const auto again = [&](Command command, char client, uint64_t sequence, uint64_t first = 0) {
    return ApplyNext(*loaded->machine, WithId(std::move(command), client, sequence, first));
  };
  const Outcome with_entry = again(MakeCommand(kSet, "1", "refused, with the entry"), '\xff', 1);
  EXPECT_TRUE(with_entry.replayed);
  EXPECT_EQ(with_entry.result, Result::kError);
  EXPECT_EQ(with_entry.entry->data(), std::string("\0\x1b[2J\xff\n", 7));
  EXPECT_EQ(again(MakeCommand(kDelVersion, "1", "", 8), '\xff', UINT64_MAX).result,
            Result::kWrongVersion);
  const Outcome without = again(MakeCommand(kSet, "3", "decided, without an entry"), '\x80', 2);
  EXPECT_TRUE(without.replayed);
  EXPECT_EQ(without.result, Result::kSuccess);
  EXPECT_FALSE(without.entry);
  EXPECT_EQ(again(MakeCommand(kDel, "3"), '\x7f', 5, 4).entry->data(), "decided, without an entry");
  EXPECT_EQ(
      again(MakeCommand(kTestAndSet, "7", "beyond the last version", kHigh), '\x7f', 4).refusal,
      Refusal::kVersionExhausted);
  EXPECT_EQ(again(MakeCommand(kDel, "3"), '\x7f', 1).refusal, Refusal::kAnswerForgotten);
  EXPECT_EQ(again(MakeCommand(kSet, "3"), '\0', 1).refusal, Refusal::kRequestIdReused);
}

TEST(GoldenImage, Format2IsReadWithAllItHolds) {
  const std::string golden = GoldenBytesOfFormat2();
  ASSERT_FALSE(golden.empty());
  BytesFile file("golden", golden);
  const absl::StatusOr<LoadedImage> loaded = LoadImage(file);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->header.owner, kOwner);
  const StateSummary summary = loaded->machine->GetSummary();
  EXPECT_EQ(summary, GoldenMachineOfFormat2()->GetSummary());
  EXPECT_EQ(summary.sessions, 4u);
  EXPECT_EQ(summary.runs, 2u);
  EXPECT_EQ(summary.forgotten_through, UINT64_MAX);
  EXPECT_EQ(absl::BytesToHexString({reinterpret_cast<const char*>(summary.hash.data()), 16}),
            "5553ea3f17b9c15a17cb176ad8daba9f");
}

// R13a: ids that were dropped or forgotten before the image are refused after it.
TEST(GoldenImage, TheRequestIdsOfFormat2AreAnsweredAgain) {
  const std::string golden = GoldenBytesOfFormat2();
  BytesFile file("golden", golden);
  const absl::StatusOr<LoadedImage> loaded = LoadImage(file);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const auto again = [&](char client, uint64_t sequence, bool sent_before) {
    Command command = WithId(MakeCommand(CommandKind::kDel, "300"), client, sequence);
    command.request_id->sent_before = sent_before;
    return ApplyNext(*loaded->machine, std::move(command));
  };
  for (const uint64_t dropped : {10, 11, 12, 20, 21}) {
    EXPECT_EQ(again('t', dropped, true).refusal, Refusal::kAnswerForgotten) << dropped;
  }
  EXPECT_TRUE(again('t', 31, true).replayed);
  EXPECT_EQ(again('t', 13, true).refusal, Refusal::kClientForgotten) << "it may be back";
  EXPECT_EQ(again('t', 14, false).refusal, Refusal::kNone);
  EXPECT_EQ(again('\xff', 1, true).refusal, Refusal::kClientForgotten);
}

TEST(GoldenImage, Format2IsWrittenToTheByte) {
  const TestDirectory directory;
  const std::string path = directory.path() + "/an.image";
  const auto never_abandoned = [] { return false; };
  ASSERT_TRUE(WriteImage(PosixDisk(), path, GoldenMachineOfFormat2()->Freeze(),
                         {.written_unix_ms = kWrittenUnixMs, .owner = kOwner}, never_abandoned)
                  .ok());
  EXPECT_EQ(absl::BytesToHexString(ReadWholeFile(path)),
            absl::BytesToHexString(GoldenBytesOfFormat2()));
}

}  // namespace
}  // namespace tripla
