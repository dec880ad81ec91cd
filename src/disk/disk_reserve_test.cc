// SPDX-License-Identifier: Apache-2.0
#include "disk/disk_reserve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"

namespace tripla {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

// A disk of which only the free space can be asked.
class FreeSpaceDisk : public Disk {
 public:
  absl::StatusOr<uint64_t> free = 0;
  std::optional<uint64_t> image_free;  // on another file system
  uint64_t total = 1'000'000'000;

  absl::StatusOr<DiskSpace> Space(const std::string& path) override {
    if (!free.ok()) return free.status();
    const bool other = image_free && path == "/data/image";
    return DiskSpace{.free_bytes = other ? *image_free : *free,
                     .total_bytes = total,
                     .file_system = other ? 2u : 1u};
  }

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string&, OpenMode) override { return No(); }
  absl::Status Rename(const std::string&, const std::string&) override { return No(); }
  absl::Status Remove(const std::string&) override { return No(); }
  absl::Status CreateDirectory(const std::string&) override { return No(); }
  absl::Status SyncDirectory(const std::string&) override { return No(); }
  absl::StatusOr<std::vector<std::string>> List(const std::string&) override { return No(); }
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string&) override { return No(); }

 private:
  static absl::Status No() { return absl::UnimplementedError("only free space"); }
};

void Refresh(DiskReserve& reserve, const DiskReserve::NextImage& next = {}) {
  reserve.Refresh([&] { return next; });
}

TEST(DiskReserve, RefusesWritesBelowTheReserveAndTakesThemAgainWithRoom) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 800;
  Refresh(reserve);
  EXPECT_TRUE(reserve.Check().ok());
  disk.free = 799;
  Refresh(reserve);
  EXPECT_EQ(reserve.Check().code(), absl::StatusCode::kResourceExhausted);
  disk.free = 899;  // not yet: it would flicker
  Refresh(reserve);
  EXPECT_FALSE(reserve.Check().ok());
  disk.free = 900;
  Refresh(reserve);
  EXPECT_TRUE(reserve.Check().ok());
}

// Whoever asks on a thread that must not wait: a disk may hang.
TEST(DiskReserve, C7_WhatIsAskedByOthersIsKnownFromTheLastLook) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 4 * kMiB;
  Refresh(reserve);
  disk.free = 0;
  EXPECT_FALSE(reserve.is_full());
  EXPECT_TRUE(reserve.takes_entries());
  Refresh(reserve);
  EXPECT_TRUE(reserve.is_full());
  EXPECT_FALSE(reserve.takes_entries());
}

TEST(DiskReserve, C7_AReplicaThatTakesNoEntriesDoesNotAdviseToRemoveSome) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 8 * kMiB, DiskReserve::Owner::kReplica);
  disk.free = 7 * kMiB;
  Refresh(reserve);
  EXPECT_TRUE(absl::StrContains(reserve.Check().message(), "delete entries"));
  disk.free = kMiB;
  testing::internal::CaptureStderr();
  Refresh(reserve);
  Refresh(reserve);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(absl::StrContains(said, "not even removals")) << said;
  EXPECT_EQ(said.find("not even"), said.rfind("not even")) << "it is said once: " << said;
  const std::string why(reserve.Check().message());
  EXPECT_TRUE(absl::StrContains(why, "it refuses all writes")) << why;
  EXPECT_FALSE(absl::StrContains(why, "delete entries")) << why;
}

TEST(DiskReserve, TheNextImageIsReservedForBesideTheReserve) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 5799;
  Refresh(reserve, {.bytes_left = 5000});
  EXPECT_FALSE(reserve.Check().ok());
  Refresh(reserve, {.bytes_left = 4000});  // part of it has been written
  EXPECT_TRUE(reserve.Check().ok());
  Refresh(reserve, {.bytes_left = 4000, .growth = 1000});  // and what goes for it is less by this
  EXPECT_FALSE(reserve.Check().ok());
  EXPECT_TRUE(reserve.HasRoomForImage(5799));
  EXPECT_FALSE(reserve.HasRoomForImage(5800));
}

TEST(DiskReserve, EachOfTwoFileSystemsIsLookedAt) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 1000;
  disk.image_free = 5000;
  Refresh(reserve, {.bytes_left = 5000});
  EXPECT_TRUE(reserve.Check().ok());
  EXPECT_EQ(reserve.free_bytes(), 1000u);
  testing::internal::CaptureStderr();
  Refresh(reserve, {.bytes_left = 5001});
  EXPECT_FALSE(reserve.Check().ok());
  std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("/data/image has 5000 bytes free"), std::string::npos) << said;
  Refresh(reserve);
  disk.free = 700;
  testing::internal::CaptureStderr();
  Refresh(reserve);
  said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("/data/log has 700 bytes free"), std::string::npos) << said;
}

TEST(DiskReserve, OnADiskOfImagesAloneTheOneAfterTheNextMustFitToo) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 0);
  disk.free = 1'000'000;
  disk.image_free = 1000;
  Refresh(reserve, {.bytes_left = 500, .growth_on_own_disk = 500});
  EXPECT_TRUE(reserve.Check().ok());
  Refresh(reserve, {.bytes_left = 500, .growth_on_own_disk = 501});
  EXPECT_FALSE(reserve.Check().ok());
}

// The disk is looked at now and then only.
TEST(DiskReserve, WhatWasAdmittedSinceTheLastLookCounts) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 1800;
  Refresh(reserve);
  EXPECT_FALSE(reserve.Check(501).ok()) << "it goes into the log, and into an image";
  EXPECT_TRUE(reserve.Check(300).ok());
  EXPECT_FALSE(reserve.Check(201).ok());
  EXPECT_TRUE(reserve.Check(200).ok());
  EXPECT_FALSE(reserve.Check(1).ok());
  EXPECT_TRUE(reserve.Check().ok());
  reserve.Settle(300);
  reserve.Settle(200);
  EXPECT_FALSE(reserve.Check(1).ok());
  Refresh(reserve);
  EXPECT_TRUE(reserve.Check(500).ok());
}

// A client repeats it, and each repeat was a line.
TEST(DiskReserve, AWriteThatIsRefusedAgainAndAgainIsSaidOnce) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 10'000;
  Refresh(reserve);
  testing::internal::CaptureStderr();
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(reserve.Check(9'000).ok());
    Refresh(reserve);
    Refresh(reserve);  // nothing was refused meanwhile, and there is much room
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(said, '\n'), 1) << said;
}

// A write that waits for the log is neither in the log nor in the map yet. With values of 16 MiB
// two looks found the same room, and both gave it away.
TEST(DiskReserve, S14_AWriteOnItsWayCountsAtEachLook) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 1800;
  Refresh(reserve);
  uint64_t on_its_way = 400;
  ASSERT_TRUE(reserve.Check(on_its_way).ok());
  Refresh(reserve);
  EXPECT_FALSE(reserve.Check(101).ok());
  EXPECT_EQ(reserve.write_bytes_max(), 100u);
  Refresh(reserve);
  EXPECT_FALSE(reserve.Check(101).ok());
  // It settles while the disk is looked at, so that the look may have missed it.
  reserve.Refresh([&] {
    reserve.Settle(std::exchange(on_its_way, 0));
    return DiskReserve::NextImage();
  });
  EXPECT_FALSE(reserve.Check(101).ok());
  disk.free = 1400;
  Refresh(reserve, {.bytes_left = 400});
  EXPECT_TRUE(reserve.Check(100).ok());
  EXPECT_FALSE(reserve.Check(1).ok());
}

TEST(DiskReserve, S14_WhileFilesAreReplacedTheRoomStaysAsItWas) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 5900;
  Refresh(reserve, {.bytes_left = 5000});
  ASSERT_EQ(reserve.write_bytes_max(), 50u);
  disk.free = 5000;  // the image is there, and the log is going
  Refresh(reserve, {.replaces = true});
  EXPECT_EQ(reserve.write_bytes_max(), 50u);
  EXPECT_TRUE(reserve.IsTight());
  disk.free = 5900;
  Refresh(reserve, {.bytes_left = 5000});
  EXPECT_EQ(reserve.write_bytes_max(), 50u);
}

// A look takes long on a busy machine.
TEST(DiskReserve, S14_AnImageCompletedDuringALookFreesNoRoomTwice) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 900;
  std::vector<DiskReserve::NextImage> next = {{.bytes_left = 0}, {.bytes_left = 5000}};
  reserve.Refresh([&] {
    const DiskReserve::NextImage image = next.front();
    next.erase(next.begin());
    disk.free = 5900;
    return image;
  });
  EXPECT_EQ(reserve.write_bytes_max(), 50u);
}

TEST(DiskReserve, TellsTheLargestWriteThatItTakes) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 1800;
  Refresh(reserve);
  EXPECT_EQ(reserve.write_bytes_max(), 500u);
  EXPECT_TRUE(reserve.Check(300).ok());
  EXPECT_EQ(reserve.write_bytes_max(), 200u) << "what was admitted since the last look counts";
  EXPECT_FALSE(reserve.Check(201).ok());
  EXPECT_TRUE(reserve.Check(200).ok());
  reserve.Settle(300);
  reserve.Settle(200);
  disk.free = 799;
  Refresh(reserve);
  EXPECT_EQ(reserve.write_bytes_max(), 0u);
  disk.free = 850;  // there is some room, but writes have not resumed
  Refresh(reserve);
  EXPECT_EQ(reserve.write_bytes_max(), 0u);
}

TEST(DiskReserve, SaysHowMuchOfTheNextImageIsRememberedAnswers) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 1000;
  Refresh(reserve, {.bytes_left = 700, .answer_bytes = 650});
  const std::string said(reserve.Check().message());
  EXPECT_NE(said.find("700 are for the next image (650 of them for remembered answers"),
            std::string::npos)
      << said;
}

TEST(DiskReserve, ItIsTightBeforeItIsFullAndWhenAWriteWasRefused) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 1600;
  Refresh(reserve);
  EXPECT_FALSE(reserve.IsTight());
  EXPECT_FALSE(reserve.Check(900).ok());
  Refresh(reserve);
  EXPECT_TRUE(reserve.IsTight());
  Refresh(reserve);
  EXPECT_FALSE(reserve.IsTight());
  disk.free = 1599;
  Refresh(reserve);
  EXPECT_TRUE(reserve.IsTight());
  EXPECT_TRUE(reserve.Check().ok());
}

TEST(DiskReserve, ASegmentMustLeaveRoomForTheImageThatFits) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 0);
  const DiskReserve::NextImage next{.bytes_left = 700};
  disk.free = 1000;
  EXPECT_TRUE(reserve.CheckSegment(300, next).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(reserve.CheckSegment(301, next)));
  disk.free = 600;  // it does not fit anyway: only removals make it fit, and they need the log
  EXPECT_TRUE(reserve.CheckSegment(301, next).ok());
}

TEST(DiskReserve, C7_EntriesAreTakenBelowTheReserve) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 16 * kMiB);
  disk.free = 40 * kMiB;
  Refresh(reserve, {.bytes_left = 30 * kMiB});
  EXPECT_FALSE(reserve.Check().ok());
  EXPECT_TRUE(reserve.HasRoomForEntries(8 * kMiB)) << "removals make room";
  EXPECT_FALSE(reserve.HasRoomForEntries(9 * kMiB)) << "the next image would not fit any more";
  disk.free = 2 * kMiB;  // it does not fit anyway
  EXPECT_TRUE(reserve.HasRoomForEntries(kMiB / 2));
  EXPECT_FALSE(reserve.HasRoomForEntries(kMiB));
}

// Removals filled the segment before the image that lets it go was there, and were refused.
TEST(DiskReserve, S14_ASegmentWaitsForTheImageThatMakesItsRoom) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 0);
  disk.free = 1000;
  Refresh(reserve, {.bytes_left = 700});
  ASSERT_FALSE(reserve.IsTight());
  std::atomic<bool> waits = false;
  std::atomic<bool> image_comes = false;
  std::future<absl::Status> segment = std::async(std::launch::async, [&] {
    return reserve.AwaitSegment(301, [&] {
      waits = true;
      return DiskReserve::NextImage{.bytes_left = image_comes ? 600u : 700u};
    });
  });
  while (!waits || !reserve.IsTight()) {
    Refresh(reserve, {.bytes_left = 700});
    std::this_thread::yield();
  }
  image_comes = true;
  EXPECT_TRUE(segment.get().ok());
}

TEST(DiskReserve, S14_ASegmentThatTheDiskHasNoRoomForWaitsWhileAnImageIsUnderWay) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 0);
  disk.free = 300;
  const DiskReserve::NextImage image{.bytes_left = 700, .under_way = true};
  EXPECT_TRUE(reserve.CheckSegment(300, image).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(reserve.CheckSegment(301, image)));
  disk.image_free = 10'000;
  EXPECT_TRUE(absl::IsResourceExhausted(reserve.CheckSegment(301, image)))
      << "once it is complete the log goes";
}

TEST(DiskReserve, AStopEndsTheWaitForTheRoomOfASegment) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 0);
  disk.free = 1000;
  std::future<absl::Status> segment = std::async(std::launch::async, [&] {
    return reserve.AwaitSegment(301, [] { return DiskReserve::NextImage{.bytes_left = 700}; });
  });
  reserve.EndWaits();
  EXPECT_TRUE(absl::IsResourceExhausted(segment.get()));
}

TEST(DiskReserve, ASmallDiskKeepsASixteenthUnlessAskedFor) {
  FreeSpaceDisk disk;
  disk.total = 40 << 20;
  EXPECT_EQ(DiskReserve(disk, "/data/log", "/data/image", {}).reserve_bytes(), (40u << 20) / 16);
  EXPECT_EQ(DiskReserve(disk, "/data/log", "/data/image", 5).reserve_bytes(), 5u);
  disk.total = uint64_t{1} << 40;
  EXPECT_EQ(DiskReserve(disk, "/data/log", "/data/image", {}).reserve_bytes(), 16u << 20);
}

TEST(DiskReserve, KeepsItsAnswerWhenTheDiskCannotBeAsked) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 1;
  Refresh(reserve);
  disk.free = absl::InternalError("statvfs failed");
  Refresh(reserve);
  EXPECT_FALSE(reserve.Check().ok());
}

}  // namespace
}  // namespace tripla
