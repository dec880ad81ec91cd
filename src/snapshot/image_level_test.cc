// SPDX-License-Identifier: Apache-2.0
// Images of a level above the first (R28), in a program that knows two.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "model/level.h"
#include "snapshot/bytes_file.h"
#include "snapshot/image_format.h"
#include "snapshot/image_reader.h"
#include "snapshot/image_test_state.h"
#include "snapshot/image_writer.h"

namespace tripla {

const Level kHighestLevel = 2;

namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr image::Owner kOwner = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

void RaiseTo(StateMachine& machine, int64_t level) {
  for (int64_t to = 2; to <= level; ++to) {
    ApplyNext(machine, {.kind = CommandKind::kRaiseLevel, .version = to});
  }
}

std::string ImageOf(const StateMachine& machine) {
  const TestDirectory directory;
  const std::string path = directory.path() + "/an.image";
  const auto never_abandoned = [] { return false; };
  EXPECT_TRUE(WriteImage(PosixDisk(), path, machine.Freeze(),
                         {.written_unix_ms = 1'764'000'000'000, .owner = kOwner}, never_abandoned)
                  .ok());
  return ReadWholeFile(path);
}

std::string GoldenBytes() {
  return ReadWholeFile(TRIPLA_GOLDEN "/image-format-3/00000000000000000035.image");
}

// Everything that an image of format 2 can hold, and level 2.
void FillAsGolden(StateMachine& machine) {
  FillWithEverything(machine);
  FillWithEveryRow(machine);
  while (machine.GetSummary().position.index < 34)
    ApplyNext(machine, MakeCommand(CommandKind::kDel, "9"));
  RaiseTo(machine, 2);
}

TEST(ImageLevel, R28_TheLevelIsReadBack) {
  StateMachine machine(kTightBounds);
  FillAsGolden(machine);
  const std::string bytes = ImageOf(machine);
  BytesFile file("an.image", bytes);
  const absl::StatusOr<LoadedImage> loaded = LoadImage(file);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->machine->GetSummary(), machine.GetSummary());
  EXPECT_EQ(loaded->machine->GetSummary().level, 2u);
  EXPECT_EQ(loaded->header.owner, kOwner);
  loaded->machine->CheckInvariants();
  EXPECT_TRUE(ProveImage(file).ok());
}

TEST(ImageLevel, R28_AStateOfTheFirstLevelIsWrittenAsBeforeThereWereLevels) {
  StateMachine machine;
  EXPECT_EQ(ImageOf(machine).substr(0, image::kPreambleBytes), image::EncodePreamble(2));
  RaiseTo(machine, 2);
  EXPECT_EQ(ImageOf(machine).substr(0, image::kPreambleBytes), image::EncodePreamble(3));
}

TEST(ImageLevel, R28_ALevelThatIsNotKnownIsNamedBesideTheKnownOnes) {
  StateMachine machine;
  RaiseTo(machine, 3);
  const std::string bytes = ImageOf(machine);
  BytesFile file("an.image", bytes);
  const absl::Status status = LoadImage(file).status();
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("an.image"), HasSubstr("level 3 is reached"),
                    HasSubstr("knows levels 1 to 2"), HasSubstr("newer one")));
}

TEST(ImageLevel, Format3IsReadWithAllItHolds) {
  const std::string golden = GoldenBytes();
  BytesFile file("golden", golden);
  const absl::StatusOr<LoadedImage> loaded = LoadImage(file);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  StateMachine expected(kTightBounds);
  FillAsGolden(expected);
  EXPECT_EQ(loaded->machine->GetSummary(), expected.GetSummary());
}

TEST(ImageLevel, Format3IsWrittenToTheByte) {
  StateMachine machine(kTightBounds);
  FillAsGolden(machine);
  EXPECT_EQ(absl::BytesToHexString(ImageOf(machine)), absl::BytesToHexString(GoldenBytes()));
}

}  // namespace
}  // namespace tripla
