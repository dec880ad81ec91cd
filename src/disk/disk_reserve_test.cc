// SPDX-License-Identifier: Apache-2.0
#include "disk/disk_reserve.h"

#include <gtest/gtest.h>

namespace tripla {
namespace {

// A disk of which only the free space can be asked.
class FreeSpaceDisk : public Disk {
 public:
  absl::StatusOr<uint64_t> free = 0;

  absl::StatusOr<uint64_t> FreeBytes(const std::string&) override { return free; }

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
  DiskReserve reserve(disk, "/data", 800);
  disk.free = 800;
  reserve.Refresh();
  EXPECT_TRUE(reserve.Check().ok());
  disk.free = 799;
  reserve.Refresh();
  EXPECT_EQ(reserve.Check().code(), absl::StatusCode::kResourceExhausted);
  disk.free = 899;  // not yet: it would flicker
  reserve.Refresh();
  EXPECT_FALSE(reserve.Check().ok());
  disk.free = 900;
  reserve.Refresh();
  EXPECT_TRUE(reserve.Check().ok());
}

TEST(DiskReserve, WhoAsksWhetherItIsFullHearsOfNowAndNotOfTheLastLook) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data", 800);
  disk.free = 800;
  reserve.Refresh();
  EXPECT_FALSE(reserve.IsFull());
  disk.free = 799;
  EXPECT_TRUE(reserve.IsFull());
  EXPECT_TRUE(reserve.Check().ok());
  reserve.Refresh();
  disk.free = 899;  // writes are still refused
  EXPECT_TRUE(reserve.IsFull());
}

TEST(DiskReserve, KeepsItsAnswerWhenTheDiskCannotBeAsked) {
  FreeSpaceDisk disk;
  DiskReserve reserve(disk, "/data", 800);
  disk.free = 1;
  reserve.Refresh();
  disk.free = absl::InternalError("statvfs failed");
  reserve.Refresh();
  EXPECT_FALSE(reserve.Check().ok());
}

}  // namespace
}  // namespace tripla
