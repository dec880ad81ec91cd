// SPDX-License-Identifier: Apache-2.0
#include "snapshot/image_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "disk/faulty_disk.h"
#include "snapshot/image_format.h"
#include "snapshot/image_test_state.h"
#include "snapshot/image_writer.h"

namespace tripla {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kImages = "/data/image";

std::string ImagePath(LogIndex index) { return kImages + "/" + image::FileName(index); }

DataDirectory OpenData(FaultyDisk& disk) { return *DataDirectory::Open(disk, "/data"); }

void ApplySet(StateMachine& machine) {
  const std::string key = std::to_string(machine.GetSummary().position.index);
  ApplyNext(machine, MakeCommand(CommandKind::kSet, key, "data of " + key));
}

absl::StatusOr<ImageSummary> WriteNow(ImageStore& store, const StateMachine& machine) {
  const std::atomic<bool> never_abandoned{false};
  return store.Write(machine.Freeze(), never_abandoned);
}

void Overwrite(Disk& disk, const std::string& path, uint64_t offset, std::string_view bytes) {
  const auto file = *disk.Open(path, OpenMode::kReadWrite);
  ASSERT_TRUE(file->WriteAt(offset, bytes).ok());
}

// A store on a disk in memory, and a machine whose images it keeps.
class ImageStoreTest : public testing::Test {
 protected:
  // A new store, as after a restart, which has recovered.
  absl::StatusOr<RecoveredState> Restart(LogIndex first_log_index) {
    store_.emplace(directory_);
    return store_->Recover(first_log_index);
  }
  // Applies one batch more and writes the image of its index.
  void WriteNext() {
    ApplySet(machine_);
    const auto info = WriteNow(*store_, machine_);
    ASSERT_TRUE(info.ok()) << info.status();
  }
  std::vector<std::string> Files() { return *disk_.List(kImages); }

  FaultyDisk disk_;
  DataDirectory directory_ = OpenData(disk_);
  std::optional<ImageStore> store_{directory_};
  StateMachine machine_;
};

TEST_F(ImageStoreTest, WithoutAnImageTheStateIsEmpty) {
  const auto recovered = Restart(0);
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_EQ(recovered->machine->GetSummary(), StateSummary());
  EXPECT_EQ(recovered->log_must_reach, 0u);
  EXPECT_FALSE(store_->newest().has_value());
  EXPECT_EQ(store_->releasable(), 0u);
}

TEST_F(ImageStoreTest, SaysWhatIsInForceNowAndAfterARestart) {
  FillWithEverything(machine_);
  const auto written = WriteNow(*store_, machine_);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->position, machine_.GetSummary().position);
  EXPECT_EQ(written->revision, machine_.GetSummary().revision);
  EXPECT_EQ(written->entries, machine_.GetSummary().keys);
  EXPECT_EQ(written->file, "image/00000000000000000008.image");
  EXPECT_GT(written->written_unix_ms, 0u);
  EXPECT_EQ(*(*disk_.Open("/data/" + written->file, OpenMode::kRead))->Size(), written->bytes);
  const auto recovered = Restart(0);
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_EQ(recovered->machine->GetSummary(), machine_.GetSummary());
  for (const std::optional<ImageSummary>& newest : {store_->newest(), std::optional(*written)}) {
    EXPECT_EQ(newest->file, written->file);
    EXPECT_EQ(newest->bytes, written->bytes);
    EXPECT_EQ(newest->written_unix_ms, written->written_unix_ms);
  }
}

TEST_F(ImageStoreTest, KeepsTheLastTwoAndReleasesTheLogOfTheOlder) {
  WriteNext();
  EXPECT_EQ(store_->releasable(), 0u) << "if the only image were damaged the log must hold all";
  WriteNext();
  EXPECT_EQ(store_->releasable(), 1u);
  WriteNext();
  EXPECT_EQ(store_->releasable(), 2u);
  EXPECT_THAT(Files(), ElementsAre(image::FileName(2), image::FileName(3)));
  ASSERT_TRUE(Restart(3).ok());
  EXPECT_EQ(store_->releasable(), 2u);
  EXPECT_EQ(store_->newest()->position.index, 3u);
}

TEST_F(ImageStoreTest, RemovesWhatUnfinishedImagesLeftAndNothingElse) {
  WriteNext();
  for (const std::string& name : {image::FileName(7) + ".partial", std::string("notes.partial"),
                                  std::string("notes.image"), std::string("1.image")}) {
    ASSERT_TRUE(disk_.Open(kImages + "/" + name, OpenMode::kCreateFresh).ok());
  }
  ASSERT_TRUE(Restart(0).ok());
  EXPECT_THAT(Files(), ElementsAre(image::FileName(1), "1.image", "notes.image", "notes.partial"));
  EXPECT_EQ(store_->newest()->position.index, 1u);
}

// Its hash, which is kept by differences, would be right.
TEST_F(ImageStoreTest, C6_AnImageOfDamagedMemoryNeverComesInForce) {
  WriteNext();
  ApplySet(machine_);
  const StateView view = machine_.Freeze();
  const_cast<char&>(view.Entries().entry().data().front()) ^= 1;
  const absl::Status status = WriteNow(*store_, machine_).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("state hash"));
  EXPECT_THAT(Files(), ElementsAre(image::FileName(1)));
  EXPECT_EQ(store_->newest()->position.index, 1u);
  const auto recovered = Restart(0);
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_EQ(recovered->machine->Get(*Key::Parse("0")).entry->data(), "data of 0");
}

// Otherwise the log would be released for it, and nothing could replace the newest one.
TEST_F(ImageStoreTest, ADamagedImageThatWasPassedOverIsNotCountedAsOneOfTheTwo) {
  WriteNext();
  WriteNext();
  Overwrite(disk_, ImagePath(2), 200, "damage");
  ASSERT_TRUE(Restart(1).ok());
  WriteNext();
  EXPECT_THAT(Files(), ElementsAre(image::FileName(1), image::FileName(3)));
  ASSERT_TRUE(Restart(1).ok());
  EXPECT_EQ(store_->releasable(), 1u);
}

TEST_F(ImageStoreTest, ADamagedNewestImageIsRefusedUnlessTheLogReachesBackToTheOlder) {
  WriteNext();
  WriteNext();
  Overwrite(disk_, ImagePath(2), 200, "damage");
  for (const LogIndex first_log_index : {0, 3, 100}) {
    const absl::Status status = Restart(first_log_index).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(ImagePath(2)), HasSubstr("offset")));
  }
  for (const LogIndex first_log_index : {1, 2}) {
    const auto recovered = Restart(first_log_index);
    ASSERT_TRUE(recovered.ok()) << recovered.status();
    EXPECT_EQ(recovered->machine->GetSummary().position.index, 1u);
    EXPECT_EQ(recovered->log_must_reach, 2u) << "the log must also hold what the image held";
    EXPECT_EQ(store_->newest()->position.index, 1u);
    EXPECT_EQ(store_->releasable(), 0u);
  }
}

TEST_F(ImageStoreTest, AfterTheOlderWasUsedTheDamagedOneGoesWithTheNextTwo) {
  WriteNext();
  WriteNext();
  Overwrite(disk_, ImagePath(2), 200, "damage");
  const auto recovered = Restart(1);
  ASSERT_TRUE(recovered.ok());
  // The log brings the machine back to the same index, and the image is written again.
  ASSERT_TRUE(WriteNow(*store_, machine_).ok());
  EXPECT_EQ(store_->releasable(), 1u);
  WriteNext();
  EXPECT_THAT(Files(), ElementsAre(image::FileName(2), image::FileName(3)));
  const auto again = Restart(3);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->machine->GetSummary(), machine_.GetSummary());
}

TEST_F(ImageStoreTest, ADamagedOnlyImageNeedsTheWholeLog) {
  WriteNext();
  Overwrite(disk_, ImagePath(1), 0, "x");
  EXPECT_TRUE(absl::IsDataLoss(Restart(2).status()));
  const auto recovered = Restart(1);
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_EQ(recovered->machine->GetSummary(), StateSummary());
  EXPECT_EQ(recovered->log_must_reach, 1u);
}

TEST_F(ImageStoreTest, TwoDamagedImagesNeedTheWholeLog) {
  WriteNext();
  WriteNext();
  Overwrite(disk_, ImagePath(1), 0, "x");
  Overwrite(disk_, ImagePath(2), 0, "x");
  EXPECT_TRUE(absl::IsDataLoss(Restart(2).status()));
  const auto recovered = Restart(1);
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_EQ(recovered->machine->GetSummary(), StateSummary());
  EXPECT_EQ(recovered->log_must_reach, 2u);
}

TEST_F(ImageStoreTest, ALaterFormatIsRefusedThoughTheLogReachesBack) {
  WriteNext();
  WriteNext();
  Overwrite(disk_, ImagePath(2), 0, image::EncodePreamble(image::kFormat + 1));
  const absl::Status status = Restart(1).status();
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
}

TEST_F(ImageStoreTest, AnImageUnderAnotherNameIsDamage) {
  WriteNext();
  ASSERT_TRUE(disk_.Rename(ImagePath(1), ImagePath(5)).ok());
  const absl::Status status = Restart(0).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("record 1, not as its name says"));
}

TEST_F(ImageStoreTest, AReadErrorIsNotTakenForDamage) {
  WriteNext();
  WriteNext();
  ASSERT_TRUE(disk_.Remove(ImagePath(2)).ok());
  ASSERT_TRUE(disk_.CreateDirectory(ImagePath(2)).ok());  // cannot be opened as a file
  EXPECT_TRUE(absl::IsInternal(Restart(1).status()));
}

TEST_F(ImageStoreTest, AnAbandonedImageLeavesNothing) {
  WriteNext();
  ApplySet(machine_);
  const std::atomic<bool> abandoned{true};
  EXPECT_TRUE(absl::IsCancelled(store_->Write(machine_.Freeze(), abandoned).status()));
  EXPECT_THAT(Files(), ElementsAre(image::FileName(1)));
  EXPECT_EQ(store_->newest()->position.index, 1u);
}

// An image file from another replica, which holds record 9.
std::string ReceiveImage(FaultyDisk& disk) {
  StateMachine other;
  while (other.GetSummary().position.index < 9) ApplySet(other);
  const std::string path = "/data/received";
  const auto written = WriteImage(disk, path, other.Freeze(), {}, [] { return false; });
  EXPECT_TRUE(written.ok() && disk.SyncDirectory("/data").ok());
  return path;
}

TEST_F(ImageStoreTest, AnInstalledImageReplacesAllOthers) {
  WriteNext();
  WriteNext();
  const StateView view_of_before = machine_.Freeze();
  const std::string received = ReceiveImage(disk_);
  store_->Hold();
  const auto installed = store_->Install(received);
  ASSERT_TRUE(installed.ok()) << installed.status();
  EXPECT_EQ((*installed)->GetSummary().position.index, 9u);
  EXPECT_THAT(Files(), ElementsAre(image::FileName(9)));
  EXPECT_EQ(store_->newest()->position.index, 9u);
  EXPECT_EQ(store_->releasable(), 0u);
  // A view frozen before the image came and written after it does not replace the image.
  const std::atomic<bool> never_abandoned{false};
  EXPECT_EQ(store_->Write(view_of_before, never_abandoned)->position.index, 9u);
  EXPECT_EQ(Restart(0)->machine->GetSummary(), (*installed)->GetSummary());
}

TEST_F(ImageStoreTest, R29_AnImageOfAnotherOwnerIsRefused) {
  const image::Owner own = image::OwnerOfLog(7), other = image::OwnerOfLog(8);
  store_->SetOwner(own);
  WriteNext();
  store_->SetOwner(other);
  WriteNext();
  store_.emplace(directory_);
  store_->SetOwner(own);
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->Load(2).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->Recover(1).status())) << "it may be moved away";
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->Install(store_->PathOf(2)).status()));
  // If nobody says whose they are, the newest decides.
  EXPECT_EQ(Restart(0)->machine->GetSummary().position.index, 2u);
  EXPECT_EQ(store_->owner(), other);
}

TEST(ImageOwner, OfALogIsComparedByItsIdAlone) {
  const image::Owner cluster = image::OwnerOfCluster("01020304-0506-0708-090a-0b0c0d0e0f10");
  EXPECT_EQ(cluster[0], 1);
  EXPECT_EQ(cluster[15], 16);
  const image::Owner log = image::OwnerOfLog(image::LogIdOf(cluster));
  EXPECT_TRUE(image::CanBeSame(cluster, log));
  EXPECT_TRUE(image::CanBeSame(image::Owner(), log));
  EXPECT_FALSE(image::CanBeSame(image::OwnerOfLog(1), log));
  image::Owner other = cluster;
  other[15] = 17;
  EXPECT_FALSE(image::CanBeSame(cluster, other));
}

TEST_F(ImageStoreTest, WhileImagesAreHeldNoneIsWritten) {
  WriteNext();
  store_->Hold();
  ApplySet(machine_);
  EXPECT_TRUE(absl::IsCancelled(WriteNow(*store_, machine_).status()));
  EXPECT_THAT(Files(), ElementsAre(image::FileName(1)));
  store_->Release();
  EXPECT_TRUE(WriteNow(*store_, machine_).ok());
  store_->Hold();
  ASSERT_TRUE(store_->Install(ReceiveImage(disk_)).ok());
  while (machine_.GetSummary().position.index < 10) ApplySet(machine_);
  EXPECT_TRUE(WriteNow(*store_, machine_).ok());
}

TEST_F(ImageStoreTest, APowerCutWhileAnImageIsInstalledLeavesTheOldOnesOrIt) {
  for (uint64_t step = 1;; ++step) {
    FaultyDisk disk(step);
    const DataDirectory directory = OpenData(disk);
    std::string received;
    bool installed = false;
    {
      ImageStore store(directory);
      ASSERT_TRUE(store.Recover(0).ok());
      StateMachine machine;
      ApplySet(machine);
      ASSERT_TRUE(WriteNow(store, machine).ok());
      received = ReceiveImage(disk);
      disk.CutPowerAt(disk.steps() + step);
      installed = store.Install(received).ok();
    }
    disk.Restart(FaultyDisk::Unsynced::kByChance);
    ImageStore store(directory);
    const auto recovered = store.Recover(0);
    ASSERT_TRUE(recovered.ok()) << recovered.status();
    const LogIndex index = recovered->machine->GetSummary().position.index;
    const bool still_there = disk.Open(received, OpenMode::kRead).ok();
    EXPECT_TRUE(index == 9 || (index == 1 && still_there)) << "step " << step << ": " << index;
    if (installed) break;
  }
}

TEST_F(ImageStoreTest, AFullDiskLeavesTheOldImagesAndNoPartialFile) {
  WriteNext();
  WriteNext();
  ApplySet(machine_);
  const uint64_t used = 2 * store_->newest()->bytes;
  for (uint64_t room = 0; room < store_->newest()->bytes; room += 50) {
    disk_.SetCapacity(used + room);
    const absl::Status status = WriteNow(*store_, machine_).status();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_THAT(Files(), ElementsAre(image::FileName(1), image::FileName(2)));
    EXPECT_EQ(store_->newest()->position.index, 2u);
    EXPECT_EQ(store_->releasable(), 1u);
  }
  disk_.SetCapacity(UINT64_MAX);
  EXPECT_TRUE(WriteNow(*store_, machine_).ok()) << "and the next try finds room";
}

TEST_F(ImageStoreTest, AFailureAtAnyStepLeavesAnImageInForce) {
  WriteNext();
  WriteNext();
  for (uint64_t step = 1;; ++step) {
    ApplySet(machine_);
    const LogIndex before = store_->newest()->position.index;
    const uint64_t steps_before = disk_.steps();
    disk_.FailAt(steps_before + step, absl::InternalError("injected"));
    const auto written = WriteNow(*store_, machine_);
    const bool finished = steps_before + step > disk_.steps();
    const LogIndex expected = written.ok() ? machine_.GetSummary().position.index : before;
    EXPECT_EQ(store_->newest()->position.index, expected) << "step " << step;
    if (finished) break;
    if (!written.ok()) {
      EXPECT_THAT(Files(), testing::Each(testing::Not(testing::EndsWith(".partial"))));
    }
    WriteNext();
    EXPECT_THAT(Files(), ElementsAre(image::FileName(store_->releasable()),
                                     image::FileName(store_->newest()->position.index)))
        << "step " << step << ": what it left goes with the next image";
    const auto recovered = Restart(0);
    ASSERT_TRUE(recovered.ok()) << recovered.status();
    EXPECT_GE(recovered->machine->GetSummary().position.index, expected) << "step " << step;
  }
}

// R16: whole or not at all. Cuts the power at the first, second, third ... disk operation of
// writing an image until a run completes; a random part of the unsynced data survives.
TEST(ImageStore, APowerCutAtAnyStepLeavesTheOldImageOrTheNew) {
  for (const auto unsynced : {FaultyDisk::Unsynced::kLost, FaultyDisk::Unsynced::kByChance}) {
    bool finished = false;
    for (uint64_t step = 1; !finished; ++step) {
      for (uint64_t seed = 0; seed < 20; ++seed) {
        FaultyDisk disk(seed);
        StateMachine machine;
        {
          const DataDirectory directory = OpenData(disk);
          ImageStore store(directory);
          for (int i = 0; i < 3; ++i) {
            ApplySet(machine);
            ASSERT_TRUE(WriteNow(store, machine).ok());
          }
        }
        const StateSummary old_state = machine.GetSummary();
        for (int i = 0; i < 100; ++i) ApplySet(machine);
        bool acknowledged = false;
        {
          const DataDirectory directory = OpenData(disk);
          ImageStore store(directory);
          ASSERT_TRUE(store.Recover(0).ok());
          disk.CutPowerAt(disk.steps() + step);
          const uint64_t steps_before = disk.steps();
          acknowledged = WriteNow(store, machine).ok();
          finished = disk.steps() < steps_before + step;
        }
        disk.Restart(unsynced);
        const DataDirectory directory = OpenData(disk);
        ImageStore store(directory);
        const auto recovered = store.Recover(0);
        ASSERT_TRUE(recovered.ok())
            << "step " << step << ", seed " << seed << ": " << recovered.status();
        const StateSummary found = recovered->machine->GetSummary();
        if (acknowledged || found != old_state) {
          EXPECT_EQ(found, machine.GetSummary()) << "step " << step << ", seed " << seed;
        }
        EXPECT_LE(disk.List(kImages)->size(), 3u);
      }
    }
  }
}

TEST_F(ImageStoreTest, OnAFullDiskOnlyTheNewestStaysOnceItWasProved) {
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->ProveNewest().status()));
  for (int i = 0; i < 3; ++i) WriteNext();
  ASSERT_EQ(Files().size(), 2u);
  const auto proved = store_->ProveNewest();
  ASSERT_TRUE(proved.ok()) << proved.status();
  EXPECT_EQ(*proved, 3u);
  ASSERT_TRUE(store_->RemoveOlder().ok());
  EXPECT_THAT(Files(), ElementsAre(image::FileName(3)));
  EXPECT_EQ(store_->releasable(), 0u);
  WriteNext();
  EXPECT_THAT(Files(), ElementsAre(image::FileName(3), image::FileName(4))) << "again two";
  EXPECT_EQ(store_->releasable(), 3u);
  Overwrite(disk_, ImagePath(4), image::kHeaderBytesOfFormat2 + image::kBlockHeaderBytes + 3, "?");
  const absl::Status damaged = store_->ProveNewest().status();
  EXPECT_TRUE(absl::IsDataLoss(damaged)) << damaged;
  EXPECT_THAT(std::string(damaged.message()), HasSubstr(ImagePath(4)));
}

}  // namespace
}  // namespace tripla
