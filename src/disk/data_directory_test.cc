// SPDX-License-Identifier: Apache-2.0
#include "disk/data_directory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace tripla {
namespace {

class DataDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "tripla-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    root_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  absl::Status Open(const std::string& path) {
    return DataDirectory::Open(PosixDisk(), path).status();
  }

  std::string root_;
};

TEST_F(DataDirectoryTest, AMissingOrEmptyOneIsMadeReadyWithItsParents) {
  const std::string path = root_ + "/a/b/";
  ASSERT_TRUE(Open(path).ok()) << Open(path);
  EXPECT_TRUE(std::filesystem::is_directory(root_ + "/a/b/log"));
  EXPECT_TRUE(std::filesystem::is_directory(root_ + "/a/b/image"));
  EXPECT_TRUE(Open(path).ok()) << "and opens again";
}

TEST_F(DataDirectoryTest, AFirstStartThatWasCutOffIsFinishedByTheNext) {
  std::filesystem::create_directory(root_ + "/log");
  std::ofstream(root_ + "/lock") << "1\n";
  std::ofstream(root_ + "/format.partial") << "tripla da";
  EXPECT_TRUE(Open(root_).ok()) << Open(root_);
}

TEST_F(DataDirectoryTest, OneHolderAtATimeAndItIsNamed) {
  const absl::StatusOr<DataDirectory> first = DataDirectory::Open(PosixDisk(), root_);
  ASSERT_TRUE(first.ok());
  const absl::Status second = Open(root_);
  EXPECT_TRUE(absl::IsFailedPrecondition(second));
  EXPECT_NE(second.message().find(std::to_string(getpid())), std::string::npos) << second;
  EXPECT_TRUE(DataDirectory::OpenReadOnly(PosixDisk(), root_).ok());
}

TEST_F(DataDirectoryTest, TheLockEndsWithItsHolder) {
  { ASSERT_TRUE(Open(root_).ok()); }
  EXPECT_TRUE(Open(root_).ok());
}

TEST_F(DataDirectoryTest, SomebodyElsesDirectoryIsLeftAlone) {
  std::ofstream(root_ + "/letter.txt") << "dear";
  EXPECT_TRUE(absl::IsFailedPrecondition(Open(root_)));
  EXPECT_FALSE(std::filesystem::exists(root_ + "/lock"));
}

TEST_F(DataDirectoryTest, AFileInItsPlaceIsRefused) {
  std::ofstream(root_ + "/file") << "x";
  EXPECT_FALSE(Open(root_ + "/file").ok());
  EXPECT_FALSE(Open(root_ + "/file/below").ok());
}

TEST_F(DataDirectoryTest, ALaterFormatIsNotTouched) {
  ASSERT_TRUE(Open(root_).ok());
  std::ofstream(root_ + "/format") << "tripla data directory, format 2\n";
  EXPECT_TRUE(absl::IsUnimplemented(Open(root_)));
  std::ofstream(root_ + "/format") << "trapla";
  EXPECT_TRUE(absl::IsDataLoss(Open(root_)));
}

TEST_F(DataDirectoryTest, MissingPartsAreDamageNotANewStart) {
  ASSERT_TRUE(Open(root_).ok());
  std::filesystem::remove(root_ + "/log");
  EXPECT_TRUE(absl::IsDataLoss(Open(root_)));
  EXPECT_TRUE(absl::IsDataLoss(DataDirectory::OpenReadOnly(PosixDisk(), root_).status()));
  std::filesystem::create_directory(root_ + "/log");
  std::ofstream(root_ + "/log/segment") << "x";
  std::filesystem::remove(root_ + "/format");
  EXPECT_TRUE(absl::IsDataLoss(Open(root_))) << "data without the format file";
}

TEST_F(DataDirectoryTest, ReadOnlyNeedsOneThatIsThere) {
  EXPECT_TRUE(absl::IsNotFound(DataDirectory::OpenReadOnly(PosixDisk(), root_ + "/none").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(DataDirectory::OpenReadOnly(PosixDisk(), root_).status()));
}

}  // namespace
}  // namespace tripla
