// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "disk/disk.h"
#include "snapshot/bytes_file.h"
#include "snapshot/image_format.h"
#include "snapshot/image_reader.h"
#include "snapshot/image_test_state.h"
#include "snapshot/image_writer.h"
#include "snapshot/scrub.h"

// Writing and reading one image file: image_format.h.
namespace tripla {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr uint64_t kWrittenUnixMs = 1'764'000'000'000;

class ImageTest : public testing::Test {
 protected:
  std::string path() const { return directory_.path() + "/an.image"; }

  // The bytes of an image of `machine`.
  std::string Write(const StateMachine& machine) {
    std::filesystem::remove(path());
    const auto bytes = WriteImage(PosixDisk(), path(), machine.Freeze(),
                                  {.written_unix_ms = kWrittenUnixMs}, never_abandoned_);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    const std::string written = ReadWholeFile(path());
    EXPECT_EQ(written.size(), *bytes);
    return written;
  }

  absl::StatusOr<LoadedImage> Load() { return LoadImage(PosixDisk(), path()); }
  absl::StatusOr<LoadedImage> Load(const std::string& bytes) {
    BytesFile file(path(), bytes);
    return LoadImage(file);
  }

  // The error of an image with these bytes; it must name the file and an offset inside it.
  std::string DamageIn(const std::string& bytes) {
    const absl::Status status = Load(bytes).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(path()), HasSubstr("at offset ")));
    return std::string(status.message());
  }

  const TestDirectory directory_;
  const std::function<bool()> never_abandoned_ = [] { return false; };
};

std::string SmallImage(const std::string& path) {
  StateMachine machine;
  FillWithEverything(machine);
  std::filesystem::remove(path);
  const auto never_abandoned = [] { return false; };
  const auto bytes = WriteImage(PosixDisk(), path, machine.Freeze(),
                                {.written_unix_ms = kWrittenUnixMs}, never_abandoned);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return ReadWholeFile(path);
}

// Replaces the first block by `header` and `content` with a matching checksum.
std::string WithFirstBlock(const std::string& image, image::BlockKind kind,
                           const std::string& content) {
  return image.substr(0, image::kHeaderBytesOfFormat2) +
         image::EncodeBlockHeader(kind, 0, content) + content;
}

TEST_F(ImageTest, WhatIsWrittenIsReadBack) {
  StateMachine machine;
  FillWithEverything(machine);
  Write(machine);
  const absl::StatusOr<LoadedImage> loaded = Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  StateSummary in_file = machine.GetSummary();
  in_file.answer_bytes = 0;  // it follows from the rows
  EXPECT_EQ(loaded->header.summary, in_file);
  EXPECT_EQ(loaded->header.written_unix_ms, kWrittenUnixMs);
  EXPECT_EQ(loaded->machine->GetSummary(), machine.GetSummary());
  const Outcome found = loaded->machine->Get(*Key::Parse("0"));
  EXPECT_EQ(found.entry->version(), 2);
  EXPECT_EQ(found.entry->data(), "again");
  EXPECT_EQ(loaded->machine->Get(*Key::Parse("1")).result, Result::kError);
}

TEST_F(ImageTest, TheEmptyStateHasAnImageToo) {
  const StateMachine machine;
  Write(machine);
  const absl::StatusOr<LoadedImage> loaded = Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->machine->GetSummary(), machine.GetSummary());
}

TEST_F(ImageTest, ARepeatedWriteIsAnsweredFromTheImage) {  // R13
  StateMachine machine;
  FillWithEverything(machine);
  Write(machine);
  const absl::StatusOr<LoadedImage> loaded = Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const Command removal = WithId(MakeCommand(CommandKind::kDel, "2"), 'b', 2, 2);
  const Outcome again = ApplyNext(*loaded->machine, removal);
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.result, Result::kSuccess);
  EXPECT_EQ(again.entry->data(), "with an id");
  EXPECT_EQ(loaded->machine->GetSummary().revision, machine.GetSummary().revision);
}

// The specification's counterexample: memory never held 1/lala 2/lele 3/lulu.
TEST_F(ImageTest, HoldsOneMomentThoughWritesGoOnWhileItIsWritten) {  // R17
  StateMachine machine;
  ApplyNext(machine, {MakeCommand(CommandKind::kSet, "1", "lala"),
                      MakeCommand(CommandKind::kSet, "2", "lele"),
                      MakeCommand(CommandKind::kSet, "3", "lili")});
  const StateView view = machine.Freeze();
  ApplyNext(machine, MakeCommand(CommandKind::kTestAndSet, "1", "lolo", 1));
  ApplyNext(machine, MakeCommand(CommandKind::kTestAndSet, "3", "lulu", 1));
  ASSERT_TRUE(WriteImage(PosixDisk(), path(), view, {}, never_abandoned_).ok());
  const absl::StatusOr<LoadedImage> loaded = Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->machine->Get(*Key::Parse("1")).entry->data(), "lala");
  EXPECT_EQ(loaded->machine->Get(*Key::Parse("2")).entry->data(), "lele");
  EXPECT_EQ(loaded->machine->Get(*Key::Parse("3")).entry->data(), "lili");
}

TEST_F(ImageTest, ManyBlocksAndAnEntryLargerThanABlock) {
  StateMachine machine;
  const std::string large(image::kBlockBytes + 1, 'x');
  ApplyNext(machine, MakeCommand(CommandKind::kSet, "-1", large));
  for (int batch = 0; batch < 30; ++batch) {
    std::vector<Command> commands;
    for (int i = 0; i < 1000; ++i) {
      commands.push_back(MakeCommand(CommandKind::kSet, std::to_string(batch * 1000 + i),
                                     std::string(100, static_cast<char>('a' + batch % 26))));
    }
    ApplyNext(machine, std::move(commands));
  }
  for (uint64_t i = 1; i <= 30'000; ++i) {
    const auto client = static_cast<char>('a' + i % 7);
    ApplyNext(machine, WithId(MakeCommand(CommandKind::kDel, "-1"), client, i));
  }
  const std::string image = Write(machine);
  EXPECT_GT(image.size(), 5 * image::kBlockBytes);
  const absl::StatusOr<LoadedImage> loaded = Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->machine->GetSummary(), machine.GetSummary());
}

TEST_F(ImageTest, ACutAtAnyByteIsDetected) {
  const std::string image = SmallImage(path());
  for (size_t size = 0; size < image.size(); ++size) {
    DamageIn(image.substr(0, size));
    if (HasFailure()) FAIL() << "cut to " << size << " bytes";
  }
}

TEST_F(ImageTest, AnyFlippedBitIsDetected) {
  std::string image = SmallImage(path());
  for (size_t at = 0; at < image.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      image[at] = static_cast<char>(image[at] ^ (1 << bit));
      DamageIn(image);
      image[at] = static_cast<char>(image[at] ^ (1 << bit));
      if (HasFailure()) FAIL() << "bit " << bit << " of byte " << at;
    }
  }
}

TEST_F(ImageTest, AnyByteSetToZeroOrOnesIsDetected) {
  const std::string image = SmallImage(path());
  for (size_t at = 0; at < image.size(); ++at) {
    for (const char byte : {'\0', '\xff'}) {
      if (image[at] == byte) continue;
      std::string changed = image;
      changed[at] = byte;
      DamageIn(changed);
      if (HasFailure()) FAIL() << "byte " << at;
    }
  }
}

TEST_F(ImageTest, BytesBehindTheEndAreDetected) {
  EXPECT_THAT(DamageIn(SmallImage(path()) + '\0'), HasSubstr("follows"));
}

TEST_F(ImageTest, ABlockAtAnotherPlaceIsDetected) {
  StateMachine machine;
  const std::string data(image::kBlockBytes, 'x');  // a block each
  ApplyNext(machine,
            {MakeCommand(CommandKind::kSet, "1", data), MakeCommand(CommandKind::kSet, "2", data)});
  std::string image = Write(machine);
  const size_t block_bytes =
      image::kBlockHeaderBytes +
      image::DecodeBlockHeader(std::string_view(image).substr(image::kHeaderBytesOfFormat2)).length;
  const std::string first = image.substr(image::kHeaderBytesOfFormat2, block_bytes);
  const std::string second = image.substr(image::kHeaderBytesOfFormat2 + block_bytes, block_bytes);
  ASSERT_NE(first, second);
  image.replace(image::kHeaderBytesOfFormat2, 2 * block_bytes, second + first);
  EXPECT_THAT(DamageIn(image), HasSubstr("checksum"));
}

TEST_F(ImageTest, ALengthBeyondTheFileIsNotBelieved) {
  std::string image = SmallImage(path());
  std::memset(image.data() + image::kHeaderBytesOfFormat2 + 4, 0xff,
              4);  // of the first block: 2^32 - 1
  EXPECT_THAT(DamageIn(image), AllOf(HasSubstr("at offset 144"), HasSubstr("4294967295")));
}

TEST_F(ImageTest, LengthsInsideABlockAreNotBelievedEither) {
  const std::string image = SmallImage(path());
  std::string entry(32, '\0');
  std::memset(entry.data(), 0xff, 8);  // lengths of key and data
  EXPECT_THAT(DamageIn(WithFirstBlock(image, image::BlockKind::kEntries, entry)),
              HasSubstr("cut off"));
  for (const size_t size : {1, 10, 33}) {
    std::string ids(size, '\0');
    ids[0] = image::kSessionTag;
    if (size == 33) ids += image::kAnswerTag;
    DamageIn(WithFirstBlock(image, image::BlockKind::kIds, ids));
  }
}

// A kind that no version has written yet. It is not damage, because the checksum fits.
TEST_F(ImageTest, ABlockOrARowOfALaterVersionIsRefusedAsSuch) {
  const std::string image = SmallImage(path());
  const auto later = static_cast<image::BlockKind>(9);
  for (const std::string& one : {WithFirstBlock(image, later, "what it holds"),
                                 WithFirstBlock(image, image::BlockKind::kIds, "\x09 and more")}) {
    const absl::Status status = Load(one).status();
    EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("at offset 144"), HasSubstr("kind 9"), HasSubstr("newer")));
  }
  std::string flipped = image;
  flipped[image::kHeaderBytesOfFormat2] ^=
      8;  // the kind of the first block, whose checksum covers it
  EXPECT_THAT(DamageIn(flipped), HasSubstr("checksum"));
}

TEST_F(ImageTest, EveryKindOfRowIsReadBack) {
  StateMachine machine(kTightBounds);
  FillWithEverything(machine);
  FillWithEveryRow(machine);
  const absl::StatusOr<LoadedImage> loaded = Load(Write(machine));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->machine->GetSummary(), machine.GetSummary());
  EXPECT_EQ(loaded->machine->GetSummary().runs, 2u);
  loaded->machine->CheckInvariants();
}

TEST_F(ImageTest, GarbageIsNoImage) {
  for (const size_t size : {0, 1, 15, 16, 111, 112, 113, 128, 5000}) {
    DamageIn(std::string(size, '\0'));
    DamageIn(std::string(size, '\xff'));
    DamageIn(std::string(size, 'T'));
  }
}

// Whatever follows the preamble of a later format.
TEST_F(ImageTest, ALaterFormatIsRefusedByName) {
  const std::string image = SmallImage(path());
  for (const uint32_t format : {image::kFormat + 1, 0xffffffffu}) {
    for (const std::string& rest : {std::string(), image.substr(image::kPreambleBytes)}) {
      const absl::Status status = Load(image::EncodePreamble(format) + rest).status();
      EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
      EXPECT_THAT(std::string(status.message()),
                  AllOf(HasSubstr(path()), HasSubstr("format " + std::to_string(format))));
    }
  }
}

// R28. image_level_test reads such an image in a program that knows the level.
TEST_F(ImageTest, R28_AnImageOfALaterLevelIsRefusedAndBothAreNamed) {
  StateMachine machine;
  ApplyNext(machine, {.kind = CommandKind::kRaiseLevel, .version = 2});
  const absl::Status status = Load(Write(machine)).status();
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(path()), HasSubstr("level 2 is reached"),
                    HasSubstr("knows level 1: use the newer one")));
}

TEST_F(ImageTest, ABlockOfAnUnknownKindIsANewerVersionAndNoDamage) {
  const std::string image = SmallImage(path());
  const auto unknown = static_cast<image::BlockKind>(4);
  const absl::Status status = Load(WithFirstBlock(image, unknown, "what is to come")).status();
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(path()), HasSubstr("kind 4"), HasSubstr("use the newer one")));
}

// Each block is intact and so is the header, but they do not belong together.
TEST_F(ImageTest, ASummaryOfAnotherStateIsDetected) {
  std::string image = SmallImage(path());
  const image::Header header = *image::DecodeHeader(image);
  const auto damage_with = [&](auto change) {
    image::Header changed = header;
    change(changed.summary);
    return DamageIn(EncodeHeader(changed) + image.substr(image::kHeaderBytesOfFormat2));
  };
  EXPECT_THAT(damage_with([](StateSummary& s) { ++s.keys; }), HasSubstr("entries"));
  EXPECT_THAT(damage_with([](StateSummary& s) { ++s.payload_bytes; }), HasSubstr("bytes"));
  EXPECT_THAT(damage_with([](StateSummary& s) { ++s.sessions; }), HasSubstr("sessions"));
  EXPECT_THAT(damage_with([](StateSummary& s) { ++s.answers; }), HasSubstr("answers"));
  EXPECT_THAT(damage_with([](StateSummary& s) { ++s.runs; }), HasSubstr("runs"));
  EXPECT_THAT(damage_with([](StateSummary& s) { ++s.forgotten_through; }), HasSubstr("hash"));
  EXPECT_THAT(damage_with([](StateSummary& s) { s.revision = 1; }), HasSubstr("revision"));
  EXPECT_THAT(damage_with([](StateSummary& s) { s.use_counter = 1; }), HasSubstr("use"));
  EXPECT_THAT(damage_with([](StateSummary& s) { s.hash[3] ^= 1; }), HasSubstr("hash"));
  // Also when it is verified without building its state, before the log that it replaces is
  // dropped.
  const auto proved_with = [&](auto change) {
    image::Header changed = header;
    change(changed.summary);
    const std::string bytes = EncodeHeader(changed) + image.substr(image::kHeaderBytesOfFormat2);
    BytesFile file(path(), bytes);
    return ProveImage(file).status();
  };
  EXPECT_TRUE(proved_with([](StateSummary&) {}).ok());
  EXPECT_TRUE(absl::IsDataLoss(proved_with([](StateSummary& s) { ++s.forgotten_through; })));
  EXPECT_TRUE(absl::IsDataLoss(proved_with([](StateSummary& s) { s.hash[3] ^= 1; })));
}

// Changes one byte of memory that nobody may change, as damaged memory does, and puts it back.
class DamagedByte {
 public:
  explicit DamagedByte(const void* at)
      : byte_(*const_cast<unsigned char*>(static_cast<const unsigned char*>(at))) {
    byte_ ^= 4;
  }
  ~DamagedByte() { byte_ ^= 4; }
  DamagedByte(const DamagedByte&) = delete;
  DamagedByte& operator=(const DamagedByte&) = delete;

 private:
  unsigned char& byte_;
};

// The places in memory of all that a state's hash covers, but for the lengths of keys and data:
// with wrong ones this test would read what is no memory.
std::vector<const void*> PlacesOf(const StateView& view) {
  constexpr size_t kNumbers = 24;  // version, timestamp, revision: the first bytes of an entry
  std::vector<const void*> places;
  const auto add = [&](const void* first, size_t count) {
    for (size_t i = 0; i < count; ++i) places.push_back(static_cast<const char*>(first) + i);
  };
  const auto add_entry = [&](const Entry& entry) {
    add(&entry, kNumbers);
    add(entry.ordered_key().data(), entry.payload_bytes());
  };
  for (auto entries = view.Entries(); entries.Valid(); entries.Next()) add_entry(entries.entry());
  AnswerRow answer;
  for (auto sessions = view.Sessions(); sessions.Valid(); sessions.Next()) {
    add(&sessions.session().last_use, sizeof(uint64_t));
    add(&sessions.session().forgotten_below, sizeof(uint64_t));
    while (sessions.NextAnswer(answer)) {
      if (answer.outcome.entry) add_entry(*answer.outcome.entry);
    }
  }
  const StateSummary& summary = view.summary();
  for (const uint64_t* number : {&summary.keys, &summary.payload_bytes, &summary.sessions,
                                 &summary.answers, &summary.runs, &summary.forgotten_through}) {
    add(number, sizeof(*number));
  }
  add(&summary.hash, sizeof(summary.hash));
  return places;
}

absl::Status ScrubOf(const StateMachine& machine) {
  Scrub scrub(machine.Freeze());
  absl::StatusOr<bool> done = false;
  while (done.ok() && !*done) done = scrub.Step();
  return done.status();
}

TEST_F(ImageTest, C6_AnyChangedByteInMemoryIsFoundByTheImageAndByTheScrub) {
  StateMachine machine(kTightBounds);
  FillWithEverything(machine);
  FillWithEveryRow(machine);
  const std::vector<const void*> places = PlacesOf(machine.Freeze());
  ASSERT_GT(places.size(), 200u);
  for (size_t i = 0; i < places.size(); ++i) {
    const DamagedByte damaged(places[i]);
    std::filesystem::remove(path());
    for (const absl::Status& status :
         {WriteImage(PosixDisk(), path(), machine.Freeze(), {}, never_abandoned_).status(),
          ScrubOf(machine)}) {
      ASSERT_TRUE(absl::IsDataLoss(status)) << "place " << i << ": " << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("memory of this server was damaged"));
    }
  }
  EXPECT_TRUE(ScrubOf(machine).ok());
  Write(machine);
}

TEST_F(ImageTest, AScrubTakesALargeStateInSlices) {
  StateMachine machine;
  std::vector<Command> commands;
  for (int i = 0; i < 200'000; ++i) {
    commands.push_back(MakeCommand(CommandKind::kSet, std::to_string(i), "data"));
  }
  ApplyNext(machine, std::move(commands));
  Scrub scrub(machine.Freeze());
  int slices = 1;
  while (true) {
    const absl::StatusOr<bool> done = scrub.Step();
    ASSERT_TRUE(done.ok()) << done.status();
    if (*done) break;
    ++slices;
  }
  EXPECT_GT(slices, 1);
}

// Takes an image in pieces of this size, as it comes from another replica.
absl::Status Arrive(const std::string& image, size_t piece_bytes, uint64_t announced) {
  ArrivingImage arriving("the image of record 9", announced);
  absl::Status status;
  for (size_t at = 0; at < image.size() && status.ok(); at += piece_bytes) {
    status = arriving.Take(std::string_view(image).substr(at, piece_bytes));
  }
  EXPECT_TRUE(!status.ok() || arriving.header().has_value());
  return status;
}

TEST_F(ImageTest, AnImageIsVerifiedWhileItArrivesInPiecesOfAnySize) {
  const std::string image = SmallImage(path());
  for (size_t bytes = 1; bytes <= image.size(); ++bytes) {
    ASSERT_TRUE(Arrive(image, bytes, image.size()).ok()) << bytes;
  }
  StateMachine machine;
  for (int i = 0; i < 5; ++i) {
    const std::string data((i + 1) * image::kBlockBytes / 2, 'x');
    ApplyNext(machine, MakeCommand(CommandKind::kSet, std::to_string(i), data));
  }
  const std::string large = Write(machine);
  for (const size_t bytes : {size_t{1000}, image::kBlockBytes, large.size()}) {
    EXPECT_TRUE(Arrive(large, bytes, large.size()).ok()) << bytes;
  }
}

TEST_F(ImageTest, C6_AnyFlippedBitOfAnImageThatArrivesIsRefused) {
  std::string image = SmallImage(path());
  for (size_t at = 0; at < image.size(); ++at) {
    for (const int bit : {0, 7}) {
      image[at] = static_cast<char>(image[at] ^ (1 << bit));
      const absl::Status status = Arrive(image, 100, image.size());
      ASSERT_TRUE(absl::IsDataLoss(status)) << "bit " << bit << " of byte " << at << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("the image of record 9 at offset "));
      image[at] = static_cast<char>(image[at] ^ (1 << bit));
    }
  }
  EXPECT_THAT(std::string(Arrive(image, image.size(), image.size() - 1).message()),
              HasSubstr("more comes"));
  const std::string cut = image.substr(0, image.size() - 1);
  EXPECT_TRUE(absl::IsDataLoss(Arrive(cut, 100, cut.size())));
}

TEST_F(ImageTest, AWriteThatIsAbandonedSaysSo) {
  StateMachine machine;
  FillWithEverything(machine);
  const auto abandoned = [] { return true; };
  EXPECT_TRUE(
      absl::IsCancelled(WriteImage(PosixDisk(), path(), machine.Freeze(), {}, abandoned).status()));
}

}  // namespace
}  // namespace tripla
