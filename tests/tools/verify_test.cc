// SPDX-License-Identifier: Apache-2.0
// tripla-verify on directories of a real triplad: what is sound is called so and gives the state
// the server had; damage is named by file and offset; and what it says of a start is what a start
// does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "disk/data_directory.h"
#include "snapshot/image_format.h"
#include "tests/harness/formed_replica.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct Verified {
  int exit_code;
  std::string output;
};

Verified Verify(const std::string& directory, std::vector<std::string> flags = {}) {
  flags.insert(flags.begin(), {ProgramPath("tripla-verify"), directory});
  Process process(std::move(flags));
  const int exit_code = process.Wait();
  return {exit_code, process.output()};
}

v1::StatusReply Status(TestServer& server) {
  grpc::ClientContext context;
  v1::StatusReply reply;
  EXPECT_TRUE(server.admin().Status(&context, {}, &reply).ok());
  return reply;
}

void WriteImage(TestServer& server) {
  grpc::ClientContext context;
  v1::SnapshotReply reply;
  const grpc::Status status = server.admin().Snapshot(&context, {}, &reply);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

// What the verdict says a start gives.
std::string StartText(const v1::StatusReply& status) {
  return absl::StrCat("a start gives revision ", status.revision(), ", ", status.keys(),
                      " keys, level ", status.level(), ", state hash ",
                      absl::BytesToHexString(status.state_hash()));
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

// Changes the first byte of `text` in a file, and returns its offset.
size_t FlipAt(const std::string& path, const std::string& text) {
  std::string content = ReadFile(path);
  const size_t offset = content.find(text);
  if (offset == std::string::npos) {
    ADD_FAILURE() << text << " is not in " << path;
    return 0;
  }
  content[offset] = static_cast<char>(content[offset] ^ 1);
  WriteFile(path, content);
  return offset;
}

std::vector<std::string> FilesIn(const std::string& directory) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().filename() != "next.wal") paths.push_back(entry.path());  // not in use yet
  }
  std::ranges::sort(paths);
  return paths;
}

// The content of every file below a directory.
std::map<std::string, std::string> ContentOf(const std::string& directory) {
  std::map<std::string, std::string> content;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) content[entry.path()] = ReadFile(entry.path());
  }
  return content;
}

class VerifyTest : public testing::Test {
 protected:
  // Makes the directory of a server that wrote `before_image` keys, an image, and `behind_image`
  // keys more, and was killed. Returns what it said of its state.
  v1::StatusReply MakeKilled(int before_image, int behind_image) {
    TestServer server(data(), {"--snapshot-interval", "0"});
    for (int i = 0; i < before_image + behind_image; ++i) {
      if (i == before_image) WriteImage(server);
      Set(server.stub(), std::to_string(i), i, absl::StrCat("data of ", i, "."));
    }
    const v1::StatusReply status = Status(server);
    server.Kill();
    return status;
  }

  std::string data() const { return directory_.path() + "/data"; }
  std::string copy() const { return directory_.path() + "/copy"; }
  std::string segment() const { return FilesIn(data() + "/log").back(); }
  std::string newest_image() const { return FilesIn(data() + "/image").back(); }

  const TemporaryDirectory directory_;
};

TEST_F(VerifyTest, ADirectoryAfterAKillIsSoundAndGivesTheStateThatTheServerSaid) {
  const v1::StatusReply status = MakeKilled(100, 50);
  const Verified verified = Verify(data());
  EXPECT_EQ(verified.exit_code, 0) << verified.output;
  EXPECT_THAT(verified.output,
              AllOf(HasSubstr("sound: " + StartText(status)), HasSubstr("records 1 to 150"),
                    HasSubstr("100 entries, revision 100"), Not(HasSubstr("damaged"))));
}

TEST_F(VerifyTest, AnEmptyDatabaseIsSound) {
  TestServer(data()).Stop();
  const Verified verified = Verify(data());
  EXPECT_EQ(verified.exit_code, 0) << verified.output;
  EXPECT_THAT(verified.output,
              HasSubstr("revision 0, 0 keys, level 1, state hash " + std::string(32, '0')));
}

TEST_F(VerifyTest, ItChangesNothingAndNeedsNoLock) {
  TestServer server(data(), {"--snapshot-interval", "0"});
  Set(server.stub(), "1", 0, "a");
  WriteImage(server);
  WriteFile(data() + "/image/00000000000000000009.image.partial", "half of an im");
  WriteFile(data() + "/notes", "mine");
  const auto before = ContentOf(data());
  const Verified verified = Verify(data());
  EXPECT_EQ(verified.exit_code, 0) << verified.output;
  EXPECT_THAT(verified.output,
              AllOf(HasSubstr("9.image.partial: was not finished"), HasSubstr("not tripla's"),
                    HasSubstr(StartText(Status(server)))));
  EXPECT_EQ(ContentOf(data()), before);
}

// Stopped in the middle of what it did, so that the copy is of one moment, as a snapshot of the
// file system would be.
TEST_F(VerifyTest, ACopyOfALiveDirectoryIsSoundAndHoldsAllThatWasAcknowledged) {
  constexpr int kRounds = 10;
  constexpr int kWriters = 4;
  TestServer server(data(), {"--snapshot-interval", "10ms"});
  std::atomic<uint64_t> acknowledged{0};  // the highest revision answered
  std::atomic<bool> stop{false};
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      const auto stub = v1::KeyValue::NewStub(Connect(server.endpoint()));
      for (int i = 0; !stop; ++i) {
        const auto answer = Set(*stub, absl::StrCat(i * kWriters + writer), i, "data");
        uint64_t seen = acknowledged;
        while (seen < answer.reply.revision() &&
               !acknowledged.compare_exchange_weak(seen, answer.reply.revision())) {
        }
      }
    });
  }
  for (int round = 1; round <= kRounds; ++round) {
    const uint64_t goal = acknowledged + 200;
    while (acknowledged < goal) std::this_thread::yield();
    server.process().Signal(SIGSTOP);
    int status = 0;
    EXPECT_EQ(waitpid(server.process().pid(), &status, WUNTRACED), server.process().pid());
    const uint64_t promised = acknowledged;
    fs::copy(data(), copy(), fs::copy_options::recursive);
    server.process().Signal(SIGCONT);
    const Verified verified = Verify(copy(), {"-o", "json"});
    EXPECT_EQ(verified.exit_code, 0) << verified.output;
    const std::string revision = "\"revision\":\"";
    const size_t at = verified.output.find(revision);
    EXPECT_GE(std::strtoull(verified.output.c_str() + at + revision.size(), nullptr, 10), promised)
        << "in round " << round << ": " << verified.output;
    fs::remove_all(copy());
  }
  stop = true;
  for (std::thread& writer : writers) writer.join();
}

TEST_F(VerifyTest, AFlippedByteInTheLogIsNamedWithItsPlace) {
  MakeKilled(10, 90);
  const size_t flipped = FlipAt(segment(), "data of 50.");
  const Verified verified = Verify(data());
  EXPECT_EQ(verified.exit_code, 10);
  const std::string place = segment() + " is damaged at offset ";
  EXPECT_THAT(
      verified.output,
      AllOf(HasSubstr(place), HasSubstr("checksum of record 51 does not fit"),
            HasSubstr("damaged, 1 file: a start stops"), HasSubstr("records 1 to 50, 52 to 100")));
  const size_t at = verified.output.find(place) + place.size();
  const size_t record = std::strtoull(verified.output.c_str() + at, nullptr, 10);
  EXPECT_LT(record, flipped);
  EXPECT_GT(record + 150, flipped);
}

TEST_F(VerifyTest, AMissingFormatFileIsDamageWhereThereIsData) {
  MakeKilled(1, 1);
  fs::remove(data() + "/format");
  EXPECT_EQ(Verify(data()).exit_code, 10);
  fs::remove_all(data() + "/log");
  fs::remove_all(data() + "/image");
  EXPECT_EQ(Verify(data()).exit_code, 1);
}

TEST_F(VerifyTest, EveryDamagedFileIsListed) {
  {
    TestServer server(data(), {"--snapshot-interval", "0"});
    Set(server.stub(), "1", 0, "first");
    WriteImage(server);
    Set(server.stub(), "2", 0, "second");
    WriteImage(server);
    Set(server.stub(), "3", 0, "third");
    server.Kill();
  }
  for (const std::string& image : FilesIn(data() + "/image")) FlipAt(image, "first");
  FlipAt(segment(), "second");
  const Verified verified = Verify(data());
  EXPECT_EQ(verified.exit_code, 10);
  EXPECT_THAT(verified.output, HasSubstr("damaged, 3 files: a start stops"));
  for (const std::string& image : FilesIn(data() + "/image")) {
    EXPECT_THAT(verified.output, HasSubstr(image + " at offset 144: the checksum of the block"));
  }
}

TEST_F(VerifyTest, ADamagedImageThatTheLogReplacesIsDamageAndAStartGivesTheSameState) {
  const v1::StatusReply status = MakeKilled(100, 50);
  FlipAt(newest_image(), "data of 7.");
  const Verified verified = Verify(data());
  EXPECT_EQ(verified.exit_code, 10);
  EXPECT_THAT(verified.output, AllOf(HasSubstr(newest_image() + " at offset 144"),
                                     HasSubstr("damaged, 1 file: " + StartText(status))));
}

TEST_F(VerifyTest, ADamagedImageWithoutALogStopsAStart) {
  MakeKilled(100, 1);
  FlipAt(newest_image(), "data of 7.");
  fs::remove(segment());
  const Verified verified = Verify(data());
  EXPECT_EQ(verified.exit_code, 10);
  EXPECT_THAT(verified.output, AllOf(HasSubstr(newest_image() + " at offset 144"),
                                     HasSubstr("a start stops"), HasSubstr("there is no log")));
}

TEST_F(VerifyTest, AMissingSegmentIsNamed) {
  {
    TestServer server(data(), {"--snapshot-interval", "0"});
    for (int i = 0; i < 9; ++i) Set(server.stub(), std::to_string(i), 0, std::string(5 << 20, 'x'));
    server.Kill();
  }
  const std::vector<std::string> segments = FilesIn(data() + "/log");
  ASSERT_EQ(segments.size(), 3u);
  fs::remove(segments[1]);
  const Verified middle = Verify(data());
  EXPECT_EQ(middle.exit_code, 10);
  EXPECT_THAT(middle.output, AllOf(HasSubstr(segments[0] + " is damaged at offset "),
                                   HasSubstr(segments[2] + ", begins with record 7")));
  fs::remove(segments[0]);
  const Verified first = Verify(data());
  EXPECT_EQ(first.exit_code, 10);
  EXPECT_THAT(first.output, AllOf(HasSubstr(segments[2] + " (offset 0) is the oldest segment"),
                                  HasSubstr("a start stops")));
}

// Gives an image another owner.
void Relabel(const std::string& path, const image::Owner& owner) {
  std::string bytes = ReadFile(path);
  image::Header header = *image::DecodeHeader(bytes);
  header.owner = owner;
  std::ofstream(path) << bytes.replace(0, header.bytes(), image::EncodeHeader(header));
}

// Sound in itself, and of the right record. A start served what it holds.
TEST_F(VerifyTest, R29_AnImageOfAnotherDatabaseIsRefused) {
  const TemporaryDirectory other;
  {
    TestServer server(other.path(), {"--snapshot-interval", "0"});
    for (int i = 0; i < 100; ++i) Set(server.stub(), std::to_string(i), i, "other");
    WriteImage(server);
    server.Stop();
  }
  MakeKilled(100, 1);
  EXPECT_EQ(Verify(data()).exit_code, 0);
  const std::string foreign = FilesIn(other.path() + "/image").back();
  ASSERT_EQ(fs::path(foreign).filename(), fs::path(newest_image()).filename());
  const image::Owner own = image::DecodeHeader(ReadFile(newest_image()))->owner;
  fs::copy(foreign, newest_image(), fs::copy_options::overwrite_existing);
  const Verified verified = Verify(data());
  EXPECT_EQ(verified.exit_code, 10);
  EXPECT_THAT(verified.output, HasSubstr(newest_image() + " at offset 104: this is an image of"));
  fs::copy(data(), copy(), fs::copy_options::recursive);
  Process refused(TestServer::CommandLine(copy(), {}));
  EXPECT_EQ(refused.Wait(), 1) << refused.output();
  EXPECT_THAT(refused.output(), HasSubstr("move the file to another place"));
  fs::remove(copy() + "/image/" + fs::path(newest_image()).filename().string());
  TestServer server(copy());  // the log holds all of it
  EXPECT_EQ(Get(server.stub(), "7").reply.value().data(), "data of 7.");
  server.Stop();
  // Only the log tells when the label is wrong too.
  Relabel(newest_image(), own);
  EXPECT_THAT(Verify(data()).output,
              HasSubstr(newest_image() + " at offset 120: its state hash is"));
}

TEST_F(VerifyTest, OfAReplicaItProvesAllButTheLogOfRatis) {
  MakeKilled(100, 1);
  const std::string replica = directory_.path() + "/replica";
  const std::string cluster = MakeFormedReplica(replica, "n2", "n1=a:1/a:2,n2=b:1/b:2,n3=c:1/c:2");
  const std::string image = replica + "/image/" + fs::path(newest_image()).filename().string();
  fs::copy(newest_image(), image);
  EXPECT_THAT(Verify(replica).output, HasSubstr("this is an image of"));
  Relabel(image, image::OwnerOfCluster(cluster));
  WriteFile(replica + "/log/room-for-votes", std::string(4096, '\0'));
  const Verified sound = Verify(replica);
  EXPECT_EQ(sound.exit_code, 0) << sound.output;
  EXPECT_THAT(
      sound.output,
      AllOf(HasSubstr("node n2 of 3 members, cluster " + cluster), HasSubstr("not looked at"),
            HasSubstr("room for a term and a vote"), Not(HasSubstr("none of tripla's files")),
            HasSubstr("sound: a start begins with revision 100, 100 keys, level 1, state hash ")));
  FlipAt(image, "data of 7.");
  EXPECT_THAT(Verify(replica).output, HasSubstr(image + " at offset 144"));
  FlipAt(replica + "/replica", "n2");
  const Verified damaged = Verify(replica);
  EXPECT_EQ(damaged.exit_code, 10);
  EXPECT_THAT(damaged.output, AllOf(HasSubstr("damaged, 2 files"),
                                    HasSubstr("a start stops: " + replica + "/replica")));
}

TEST_F(VerifyTest, WhatIsNoDataDirectoryIsSaid) {
  const std::string file = directory_.path() + "/file";
  WriteFile(file, "mine");
  for (const std::string& path : {file, directory_.path(), directory_.path() + "/none"}) {
    const Verified verified = Verify(path);
    EXPECT_EQ(verified.exit_code, 1) << verified.output;
    EXPECT_THAT(verified.output, AllOf(HasSubstr("tripla-verify: "), HasSubstr(path),
                                       HasSubstr("name a tripla data directory")));
  }
}

TEST_F(VerifyTest, MistakesOnTheCommandLineAreUsageErrors) {
  EXPECT_EQ(Verify(data(), {"--no-such-flag"}).exit_code, 2);
  EXPECT_EQ(Verify(data(), {"-o", "xml"}).exit_code, 2);
  EXPECT_EQ(Verify(data(), {"--dump", "-o", "json"}).exit_code, 2);
  EXPECT_EQ(Verify("--help").exit_code, 0);
  EXPECT_EQ(Verify("--version").exit_code, 0);
}

TEST_F(VerifyTest, ALaterFormatIsUnreadableAndNotDamage) {
  MakeKilled(1, 1);
  WriteFile(data() + "/format", "tripla data directory, format 2\n");
  const Verified verified = Verify(data());
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_THAT(verified.output, HasSubstr("use the newer one"));
}

TEST_F(VerifyTest, ADumpShowsWhatWasWritten) {
  {
    TestServer server(data(), {"--snapshot-interval", "0"});
    v1::SetRequest request;
    request.set_key(KeyBytes("-123456789012345678901234567890"));
    request.set_timestamp(-5);
    request.set_data("in the \x1b image\n");
    request.mutable_request_id()->set_client("sixteen letters!");
    request.mutable_request_id()->set_sequence(7);
    request.mutable_request_id()->set_first_unanswered(7);
    ASSERT_TRUE(Send(server.stub(), &v1::KeyValue::Stub::Set, request).status.ok());
    WriteImage(server);
    TestAndSet(server.stub(), "3", 44, 55, "behind the image", 66);
    server.Kill();
  }
  const Verified verified = Verify(data(), {"--dump"});
  EXPECT_EQ(verified.exit_code, 0);
  const std::string client = absl::BytesToHexString("sixteen letters!");
  EXPECT_THAT(
      verified.output,
      AllOf(
          HasSubstr("entry  key -123456789012345678901234567890  version 1  timestamp -5  "
                    "revision 1  data \"in the \\x1b image\\n\"\n"),
          HasSubstr("client  " + client + "  last use 1  forgotten below 7  in doubt through 0\n"),
          HasSubstr("answer  sequence 7"), HasSubstr("  SUCCESS  revision 1  NULL\n"),
          HasSubstr("record 1  offset 512\n    set  key -123456789012345678901234567890  "
                    "timestamp -5  data \"in the \\x1b image\\n\"  request id " +
                    client + "/7  first unanswered 7\n"),
          HasSubstr("    test-and-set  key 3  version 44  if-revision 66  timestamp 55  "
                    "data \"behind the image\"\n")));
}

TEST_F(VerifyTest, ADumpGoesOnBehindDamage) {
  MakeKilled(100, 50);
  FlipAt(segment(), "data of 20.");
  const std::string content = ReadFile(segment());
  WriteFile(segment(), content.substr(0, content.find("data of 120.")));
  const Verified verified = Verify(data(), {"--dump"});
  EXPECT_EQ(verified.exit_code, 10);
  EXPECT_THAT(verified.output, AllOf(HasSubstr("record 20  "), Not(HasSubstr("record 21  ")),
                                     HasSubstr("record 22  "), HasSubstr("record 120  "),
                                     Not(HasSubstr("record 121  "))));
}

// Damages one file in one way, and says what it did.
std::string DamageByChance(const std::string& data, std::mt19937_64& random) {
  std::vector<std::string> files = FilesIn(data + "/log");
  for (const std::string& image : FilesIn(data + "/image")) files.push_back(image);
  if (fs::exists(data + "/log-extent")) files.push_back(data + "/log-extent");
  if (files.empty()) return "nothing";
  const std::string path = files[random() % files.size()];
  std::string content = ReadFile(path);
  // Where something is written: the rest of a segment is zero.
  const size_t at = random() % (content.find_last_not_of('\0') + 1);
  const size_t sector = at / 512 * 512;
  switch (random() % 5) {
    case 0:
      content[at] = static_cast<char>(content[at] ^ (1 << random() % 8));
      WriteFile(path, content);
      return absl::StrCat("a flipped bit at ", at, " of ", path);
    case 1:
      content.replace(sector, 512, std::min<size_t>(512, content.size() - sector), '\0');
      WriteFile(path, content);
      return absl::StrCat("a sector of zeros at ", sector, " of ", path);
    case 2:
      WriteFile(path, content.substr(0, at));
      return absl::StrCat("the end missing from ", at, " of ", path);
    case 3:
      content.replace(at, std::string::npos, content.size() - at, '\0');
      WriteFile(path, content);
      return absl::StrCat("zeros from ", at, " of ", path);
    default:
      fs::remove(path);
      return absl::StrCat(path, " missing");
  }
}

TEST_F(VerifyTest, ADirectoryInThePlaceOfAnUnfinishedFileIsInTheWay) {
  TestServer(data()).Stop();
  for (const char* name : {"/log/next.wal", "/image/00000000000000000009.image.partial"}) {
    fs::remove_all(copy());
    fs::copy(data(), copy(), fs::copy_options::recursive);
    fs::remove(copy() + name);
    fs::create_directory(copy() + name);
    const Verified verified = Verify(copy());
    EXPECT_EQ(verified.exit_code, 1) << verified.output;
    EXPECT_THAT(verified.output, HasSubstr(name + std::string(": a directory is in the place")));
    EXPECT_THAT(verified.output, HasSubstr("a start stops"));
    Process refused(TestServer::CommandLine(copy(), {}));
    EXPECT_EQ(refused.Wait(), 1) << refused.output();
  }
}

TEST_F(VerifyTest, WhatItSaysOfAStartIsWhatAStartDoes) {
  const char* given = std::getenv("TRIPLA_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "TRIPLA_SEED=" << seed << "\n";
  std::mt19937_64 random(seed);
  {
    TestServer server(data(), {"--snapshot-interval", "0"});
    for (int i = 0; i < 300; ++i) {
      Set(server.stub(), std::to_string(i), i, std::string(random() % 1000, 'd'));
      if (i == 100 || i == 200) WriteImage(server);
    }
    server.Kill();
  }
  for (int round = 0; round < 40 && !HasFailure(); ++round) {
    fs::copy(data(), copy(), fs::copy_options::recursive);
    std::string what = DamageByChance(copy(), random);
    if (random() % 3 == 0) what += " and " + DamageByChance(copy(), random);
    const Verified verified = Verify(copy());
    SCOPED_TRACE(what + "\n" + verified.output);
    if (verified.output.find("a start stops") != std::string::npos) {
      EXPECT_EQ(verified.exit_code, 10);
      Process refused(TestServer::CommandLine(copy(), {}));
      refused.AwaitOutput(" error ");
      if (HasFailure()) return;
      EXPECT_EQ(refused.Wait(), 10) << refused.output();
    } else {
      TestServer server(copy());
      EXPECT_THAT(verified.output, HasSubstr(StartText(Status(server))));
      server.Stop();
    }
    fs::remove_all(copy());
  }
}

}  // namespace
}  // namespace tripla
