// SPDX-License-Identifier: Apache-2.0
// A data directory from which something was taken: the start says what is missing, ends with exit
// code 10 and changes nothing, and tripla-verify says the same (R18a, S15).
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/harness/test_server.h"

namespace tripla {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> FilesIn(const std::string& directory) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().filename() != "next.wal") paths.push_back(entry.path());  // not in use yet
  }
  std::ranges::sort(paths);
  return paths;
}

// Content of every file, but of the lock, which says who came last.
std::map<std::string, std::string> ContentOf(const std::string& directory) {
  std::map<std::string, std::string> content;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file() || entry.path().filename() == "lock") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::string& bytes = content[entry.path()];
    bytes.resize(entry.file_size());
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  return content;
}

struct Case {
  const char* name;
  bool image = false;          // one was written in the middle
  bool image_of_all = false;   // and one at the end
  bool killed = false;         // instead of stopped
  bool started_again = false;  // and killed before its first write
  std::vector<std::string> flags;
  std::function<void(const std::string& data_dir)> take;
  const char* named;  // in the message
};

void RemoveSegments(const std::string& data_dir, size_t left) {
  const std::vector<std::string> segments = FilesIn(data_dir + "/log");
  for (size_t i = left; i < segments.size(); ++i) fs::remove(segments[i]);
}
void RemoveNewest(const std::string& data_dir) {
  RemoveSegments(data_dir, FilesIn(data_dir + "/log").size() - 1);
}
void RemoveAll(const std::string& data_dir) { RemoveSegments(data_dir, 0); }
void RemoveMiddle(const std::string& data_dir) { fs::remove(FilesIn(data_dir + "/log")[1]); }
void RemoveImages(const std::string& data_dir) {
  for (const std::string& image : FilesIn(data_dir + "/image")) fs::remove(image);
}
// The records behind the first of the newest segment, as if they had never been written.
void CutRecords(const std::string& data_dir) {
  const std::string path = FilesIn(data_dir + "/log").back();
  std::string bytes = ContentOf(data_dir + "/log")[path];
  const size_t end = bytes.find('\xa5', 600'000);  // the end mark of the first record
  std::fill(bytes.begin() + static_cast<ptrdiff_t>(end) + 1, bytes.end(), '\0');
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {.name = "newest_segment", .take = RemoveNewest, .named = ".wal"},
      {.name = "newest_segment_after_a_kill",
       .killed = true,
       .take = RemoveNewest,
       .named = ".wal"},
      {.name = "newest_segment_behind_an_image",
       .image = true,
       .take = RemoveNewest,
       .named = ".wal"},
      {.name = "newest_segment_started_again",
       .started_again = true,
       .take = RemoveNewest,
       .named = ".wal"},
      {.name = "all_segments", .take = RemoveAll, .named = "/log"},
      {.name = "all_segments_after_a_kill", .killed = true, .take = RemoveAll, .named = "/log"},
      {.name = "all_segments_behind_an_image", .image = true, .take = RemoveAll, .named = "/log"},
      {.name = "all_segments_though_an_image_holds_all",
       .image = true,
       .image_of_all = true,
       .take = RemoveAll,
       .named = "/log"},
      {.name = "a_segment_in_the_middle", .take = RemoveMiddle, .named = ".wal"},
      {.name = "records_at_the_end", .take = CutRecords, .named = ".wal"},
      {.name = "all_without_fsync",
       .flags = {"--fsync", "never"},
       .take = RemoveAll,
       .named = "/log"},
      {.name = "the_log_directory",
       .take = [](const std::string& data_dir) { fs::remove_all(data_dir + "/log"); },
       .named = "/log"},
      {.name = "the_extent",
       .take = [](const std::string& data_dir) { fs::remove(data_dir + "/log-extent"); },
       .named = "log-extent"},
      {.name = "images_of_what_the_log_forgot",
       .image = true,
       .image_of_all = true,
       .take = RemoveImages,
       .named = ".wal"},
      {.name = "images_with_the_log_off",
       .flags = {"--log", "off"},
       .take = RemoveImages,
       .named = "log-extent"},
  };
  return cases;
}

class MissingEnd : public testing::TestWithParam<Case> {
 protected:
  void Snapshot(TestServer& server) {
    grpc::ClientContext context;
    v1::SnapshotReply reply;
    const grpc::Status status = server.admin().Snapshot(&context, {}, &reply);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  // Records over three segments at least.
  void Run() {
    std::vector<std::string> flags = GetParam().flags;
    flags.insert(flags.end(), {"--snapshot-interval", "0"});
    {
      TestServer server(data_dir_, flags);
      for (int key = 1; key <= 70; ++key) {
        ASSERT_TRUE(
            Set(server.stub(), std::to_string(key), 0, std::string(600'000, 'x')).status.ok());
        if (key == 66 && GetParam().image) Snapshot(server);
      }
      if (GetParam().image_of_all) Snapshot(server);
      GetParam().killed ? server.Kill() : server.Stop();
    }
    if (!GetParam().started_again) return;
    TestServer server(data_dir_, flags);
    server.Kill();
  }

  const TemporaryDirectory directory_;
  const std::string data_dir_ = directory_.path() + "/data";
};

INSTANTIATE_TEST_SUITE_P(Of, MissingEnd, testing::ValuesIn(Cases()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(MissingEnd, R18a_AStartThatMissesSomethingEndsWith10AndChangesNothing) {
  ASSERT_NO_FATAL_FAILURE(Run());
  GetParam().take(data_dir_);
  const auto before = ContentOf(data_dir_);
  std::vector<std::string> flags = GetParam().flags;
  flags.insert(flags.end(), {"--snapshot-interval", "0"});
  for (const bool verify : {false, true}) {
    Process process(verify ? std::vector{ProgramPath("tripla-verify"), data_dir_}
                           : TestServer::CommandLine(data_dir_, flags));
    if (process.AwaitOutputOrEnd("ready on ")) {
      process.Kill();
      ADD_FAILURE() << "it started";
    }
    EXPECT_EQ(process.Wait(), 10) << process.output();
    const std::string output = process.output();
    EXPECT_NE(output.find(data_dir_), std::string::npos) << output;
    EXPECT_NE(output.find(GetParam().named), std::string::npos) << output;
    EXPECT_NE(output.find("missing"), std::string::npos) << output;
    EXPECT_TRUE(ContentOf(data_dir_) == before) << "something was changed: " << output;
  }
}

TEST(DataFiles, AFifoInPlaceOfOneIsRefused) {
  const TemporaryDirectory directory;
  const std::string sound = directory.path() + "/sound";
  {
    TestServer server(sound);
    ASSERT_TRUE(Set(server.stub(), "1", 0, "a").status.ok());
    v1::SnapshotReply reply;
    grpc::ClientContext context;
    ASSERT_TRUE(server.admin().Snapshot(&context, {}, &reply).ok());
    server.Stop();
  }
  for (const auto& entry : fs::recursive_directory_iterator(sound)) {
    if (!entry.is_regular_file() || entry.path().filename() == "next.wal") continue;
    const std::string name = fs::relative(entry.path(), sound);
    SCOPED_TRACE(name);
    const std::string data_dir = directory.path() + "/data";
    fs::remove_all(data_dir);
    fs::copy(sound, data_dir, fs::copy_options::recursive);
    fs::remove(data_dir + "/" + name);
    ASSERT_EQ(mkfifo((data_dir + "/" + name).c_str(), 0600), 0);
    for (const std::string& program : {ProgramPath("triplad") + " --listen 127.0.0.1:0 --data-dir ",
                                       ProgramPath("tripla-verify") + " "}) {
      if (name == "lock" && program.find("verify") != std::string::npos) continue;  // locks nothing
      Process process({"/bin/sh", "-c", "exec timeout -s KILL 30 " + program + data_dir});
      EXPECT_NE(process.Wait(), 0) << program;
      EXPECT_NE(process.output().find("not a regular file"), std::string::npos)
          << program << process.output();
    }
  }
}

}  // namespace
}  // namespace tripla
