// SPDX-License-Identifier: Apache-2.0
#include "disk/disk_reserve.h"

#include <gtest/gtest.h>

namespace tripla {
namespace {

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

TEST(DiskReserve, RefusesWritesBelowTheReserveAndTakesThemAgainWithRoom) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 800;
  reserve.Refresh({});
  EXPECT_TRUE(reserve.Check().ok());
  disk.free = 799;
  reserve.Refresh({});
  EXPECT_EQ(reserve.Check().code(), absl::StatusCode::kResourceExhausted);
  disk.free = 899;  // not yet: it would flicker
  reserve.Refresh({});
  EXPECT_FALSE(reserve.Check().ok());
  disk.free = 900;
  reserve.Refresh({});
  EXPECT_TRUE(reserve.Check().ok());
}

TEST(DiskReserve, WhoAsksWhetherItIsFullHearsOfNowAndNotOfTheLastLook) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 800;
  reserve.Refresh({});
  EXPECT_FALSE(reserve.IsFull());
  disk.free = 799;
  EXPECT_TRUE(reserve.IsFull());
  EXPECT_TRUE(reserve.Check().ok());
  reserve.Refresh({});
  disk.free = 899;  // writes are still refused
  EXPECT_TRUE(reserve.IsFull());
}

TEST(DiskReserve, TheNextImageIsReservedForBesideTheReserve) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 5799;
  reserve.Refresh({.bytes_left = 5000});
  EXPECT_FALSE(reserve.Check().ok());
  reserve.Refresh({.bytes_left = 4000});  // part of it has been written
  EXPECT_TRUE(reserve.Check().ok());
  reserve.Refresh({.bytes_left = 4000, .growth = 1000});  // and what goes for it is less by this
  EXPECT_FALSE(reserve.Check().ok());
  EXPECT_TRUE(reserve.HasRoomForImage(5799));
  EXPECT_FALSE(reserve.HasRoomForImage(5800));
}

TEST(DiskReserve, EachOfTwoFileSystemsIsLookedAt) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 1000;
  disk.image_free = 5000;
  reserve.Refresh({.bytes_left = 5000});
  EXPECT_TRUE(reserve.Check().ok());
  EXPECT_EQ(reserve.free_bytes(), 1000u);
  testing::internal::CaptureStderr();
  reserve.Refresh({.bytes_left = 5001});
  EXPECT_FALSE(reserve.Check().ok());
  std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("/data/image has 5000 bytes free"), std::string::npos) << said;
  reserve.Refresh({});
  disk.free = 700;
  testing::internal::CaptureStderr();
  reserve.Refresh({});
  said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("/data/log has 700 bytes free"), std::string::npos) << said;
}

TEST(DiskReserve, OnADiskOfImagesAloneTheOneAfterTheNextMustFitToo) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 0);
  disk.free = 1'000'000;
  disk.image_free = 1000;
  reserve.Refresh({.bytes_left = 500, .growth_on_own_disk = 500});
  EXPECT_TRUE(reserve.Check().ok());
  reserve.Refresh({.bytes_left = 500, .growth_on_own_disk = 501});
  EXPECT_FALSE(reserve.Check().ok());
}

// The disk is looked at now and then only.
TEST(DiskReserve, WhatWasAdmittedSinceTheLastLookCounts) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 1800;
  reserve.Refresh({});
  EXPECT_FALSE(reserve.Check(501).ok()) << "it goes into the log, and into an image";
  EXPECT_TRUE(reserve.Check(300).ok());
  EXPECT_FALSE(reserve.Check(201).ok());
  EXPECT_TRUE(reserve.Check(200).ok());
  EXPECT_FALSE(reserve.Check(1).ok());
  EXPECT_TRUE(reserve.Check().ok());
  reserve.Refresh({});
  EXPECT_TRUE(reserve.Check(500).ok());
}

TEST(DiskReserve, TellsTheLargestWriteThatItTakes) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 1800;
  reserve.Refresh({});
  EXPECT_EQ(reserve.write_bytes_max(), 500u);
  EXPECT_TRUE(reserve.Check(300).ok());
  EXPECT_EQ(reserve.write_bytes_max(), 200u) << "what was admitted since the last look counts";
  EXPECT_FALSE(reserve.Check(201).ok());
  EXPECT_TRUE(reserve.Check(200).ok());
  disk.free = 799;
  reserve.Refresh({});
  EXPECT_EQ(reserve.write_bytes_max(), 0u);
  disk.free = 850;  // there is some room, but writes have not resumed
  reserve.Refresh({});
  EXPECT_EQ(reserve.write_bytes_max(), 0u);
}

TEST(DiskReserve, SaysHowMuchOfTheNextImageIsRememberedAnswers) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 1000;
  reserve.Refresh({.bytes_left = 700, .answer_bytes = 650});
  const std::string said(reserve.Check().message());
  EXPECT_NE(said.find("700 are for the next image (650 of them for remembered answers"),
            std::string::npos)
      << said;
}

TEST(DiskReserve, ItIsTightBeforeItIsFullAndWhenAWriteWasRefused) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 800);
  disk.free = 1600;
  reserve.Refresh({});
  EXPECT_FALSE(reserve.IsTight());
  EXPECT_FALSE(reserve.Check(900).ok());
  reserve.Refresh({});
  EXPECT_TRUE(reserve.IsTight());
  reserve.Refresh({});
  EXPECT_FALSE(reserve.IsTight());
  disk.free = 1599;
  reserve.Refresh({});
  EXPECT_TRUE(reserve.IsTight());
  EXPECT_TRUE(reserve.Check().ok());
}

TEST(DiskReserve, ASegmentMustLeaveRoomForTheImageThatFits) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data/log", "/data/image", 0);
  disk.free = 1000;
  reserve.Refresh({.bytes_left = 700});
  EXPECT_TRUE(reserve.CheckSegment(300).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(reserve.CheckSegment(301)));
  disk.free = 600;  // it does not fit anyway: only removals make it fit, and they need the log
  EXPECT_TRUE(reserve.CheckSegment(301).ok());
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
  reserve.Refresh({});
  disk.free = absl::InternalError("statvfs failed");
  reserve.Refresh({});
  EXPECT_FALSE(reserve.Check().ok());
}

}  // namespace
}  // namespace tripla
