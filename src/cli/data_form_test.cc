// SPDX-License-Identifier: Apache-2.0
#include "cli/data_form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <ios>
#include <sstream>
#include <streambuf>
#include <thread>
#include <utility>

namespace tripla::cli {
namespace {

using testing::HasSubstr;

std::string Data(std::string_view form) {
  const auto data = ReadData(form, nullptr);
  EXPECT_TRUE(data.ok()) << form << ": " << data.status();
  return data.ok() ? *data : "";
}

std::string ErrorOf(std::string_view form) {
  return std::string(ReadData(form, nullptr).status().message());
}

TEST(ReadData, TextIsItself) {
  EXPECT_EQ(Data("lala"), "lala");
  EXPECT_EQ(Data(""), "");
  EXPECT_EQ(Data("[1,2]"), "[1,2]");
  EXPECT_EQ(Data("text:@x"), "@x");
  EXPECT_EQ(Data("text:-"), "-");
  EXPECT_EQ(Data("text:"), "");
}

TEST(ReadData, ReadsHexadecimal) {
  EXPECT_EQ(Data("hex:6c616C61"), "lala");
  EXPECT_EQ(Data("hex:"), "");
  EXPECT_EQ(Data("hex:00ff"), std::string("\0\xff", 2));
  for (const char* form : {"hex:0", "hex:0g", "hex:00 11"}) {
    EXPECT_THAT(ErrorOf(form), HasSubstr("two hexadecimal digits")) << form;
  }
}

TEST(ReadData, ReadsBase64) {
  EXPECT_EQ(Data("b64:bGFsYQ=="), "lala");
  EXPECT_EQ(Data("b64:"), "");
  for (const char* form : {"b64:bGFsYQ=", "b64:!", "b64:bGFs YQ==", "b64:iex\v", "b64:bGFsYQ.."}) {
    EXPECT_THAT(ErrorOf(form), HasSubstr("takes base64")) << form;
  }
}

TEST(ReadData, ReadsFilesByteForByte) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "tripla_data";
  const std::string bytes("a\0\r\n\xff", 5);
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(Data("@" + path.string()), bytes);
  std::filesystem::remove(path);
  EXPECT_THAT(ErrorOf("@" + path.string()), HasSubstr("No such file or directory"));
  EXPECT_THAT(ErrorOf("@" + testing::TempDir()), HasSubstr("it is a directory"));
}

TEST(ReadData, HyphenIsStandardInputWhereThatIsFree) {
  std::istringstream input(std::string("a\0b\n", 4));
  EXPECT_EQ(*ReadData("-", &input), std::string("a\0b\n", 4));
  EXPECT_THAT(ErrorOf("-"), HasSubstr("holds the commands"));
}

// Gives some bytes, and then cannot be read.
class FailingInput : public std::streambuf {
 protected:
  int_type underflow() override {
    if (std::exchange(given_, true)) throw std::ios_base::failure("broken");
    setg(bytes_.data(), bytes_.data(), bytes_.data() + bytes_.size());
    return traits_type::to_int_type(bytes_.front());
  }

 private:
  std::string bytes_ = "half of it";
  bool given_ = false;
};

TEST(ReadData, S7_AFailedReadOfStandardInputIsNotItsEnd) {
  FailingInput failing;
  std::istream input(&failing);
  EXPECT_THAT(std::string(ReadData("-", &input).status().message()),
              HasSubstr("cannot read standard input"));
}

TEST(ReadData, S7_AFileThatCannotBeReadIsNotEmpty) {
  EXPECT_THAT(ErrorOf("@/proc/self/mem"), HasSubstr("cannot read /proc/self/mem: Input/output"));
}

TEST(ReadData, S7_AFileThatGrowsWhileItIsReadIsRefused) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "tripla_growing";
  std::ofstream(path) << "x";
  std::atomic<bool> refused = false;
  std::thread writer([&] {
    std::ofstream file(path, std::ios::app);
    while (!refused) file << "more" << std::flush;
  });
  std::string error;
  while (error.empty()) error = ErrorOf("@" + path.string());
  refused = true;
  writer.join();
  EXPECT_THAT(error, HasSubstr("it changed while it was read"));
  std::filesystem::remove(path);
}

TEST(ReadData, FilesOfTheKernelHaveNoSizeAndAreReadWhole) {
  EXPECT_THAT(Data("@/proc/self/status"), HasSubstr("Name:"));
}

}  // namespace
}  // namespace tripla::cli
