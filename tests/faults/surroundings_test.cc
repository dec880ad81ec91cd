// SPDX-License-Identifier: Apache-2.0
// What surrounds a server's data and its connections: who may read the files, who else may write
// them, how many connections there may be, and requests that are more than they seem.
#include <fcntl.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/harness/raw_connection.h"
#include "tests/harness/test_cluster.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

namespace fs = std::filesystem;

// Everything that is there, with who may do what with it: "0700 DIR/log".
std::vector<std::string> WideFilesIn(const std::string& root) {
  std::vector<std::string> wide;
  const auto look = [&](const fs::path& path) {
    const fs::file_status status = fs::symlink_status(path);
    const auto mode = static_cast<unsigned>(status.permissions() & fs::perms::mask);
    const unsigned right = fs::is_directory(status) ? 0700 : 0600;
    if (mode != right) wide.push_back(fmt::format("{:04o} {}", mode, path.string()));
  };
  look(root);
  for (const auto& entry : fs::recursive_directory_iterator(root)) look(entry.path());
  return wide;
}

TEST(Files, R16a_AreTheOwnersAloneWhateverTheUmask) {
  for (const char* umask : {"000", "022", "077", "777"}) {
    const TemporaryDirectory directory;
    const std::string data = directory.path() + "/a/data";
    Process process(InShell(fmt::format("umask {}", umask), TestServer::CommandLine(data, {})));
    const auto channel = Connect(process.AwaitOutput("ready on "));
    const auto stub = v1::KeyValue::NewStub(channel);
    ASSERT_TRUE(Set(*stub, "1", 7, "a").status.ok());
    grpc::ClientContext context;
    v1::SnapshotReply image;
    ASSERT_TRUE(v1::Admin::NewStub(channel)->Snapshot(&context, {}, &image).ok());
    process.Signal(SIGTERM);
    EXPECT_EQ(process.Wait(), 0);
    EXPECT_EQ(WideFilesIn(directory.path() + "/a"), std::vector<std::string>()) << umask;
    EXPECT_EQ(process.output().find("open to other users"), std::string::npos) << process.output();
  }
}

TEST(Files, R16a_OfAReplicaAreItsOwnersAlone) {
  if (!TRIPLA_RATIS) GTEST_SKIP() << "built without replicas";
  const TemporaryDirectory directory;
  std::vector<ServerPlace> places(3);
  for (ServerPlace& place : places)
    place.launcher = {"/bin/sh", "-c", "umask 000; exec \"$@\"", "sh"};
  TestCluster cluster(directory.path(), {}, places);
  ASSERT_TRUE(Set(cluster.stub(0), "1", 7, "a").status.ok());
  cluster.Snapshot(0);
  for (int number = 0; number < cluster.size(); ++number) {
    cluster.Stop(number);
    EXPECT_EQ(WideFilesIn(cluster.data_dir(number)), std::vector<std::string>());
  }
}

TEST(Files, R16a_AWiderDirectoryIsWarnedOf) {
  const TemporaryDirectory directory;
  const std::string data = directory.path() + "/data";
  TestServer(data).Stop();
  for (const fs::perms wide :
       {fs::perms::others_read, fs::perms::group_exec, fs::perms::group_all}) {
    fs::permissions(data, fs::perms::owner_all | wide);
    TestServer server(data);
    EXPECT_NE(server.process().output().find("chmod -R go= " + data), std::string::npos)
        << server.process().output();
    server.Stop();
  }
  // Behind a link, the directory of the data itself may be closed in vain.
  fs::permissions(data, fs::perms::owner_all);
  const std::string elsewhere = directory.path() + "/elsewhere";
  fs::rename(data + "/log", elsewhere);
  fs::create_directory_symlink(elsewhere, data + "/log");
  fs::permissions(elsewhere, fs::perms::owner_all | fs::perms::others_all);
  TestServer server(data);
  EXPECT_NE(server.process().output().find("chmod -R go= " + data + "/log/"), std::string::npos)
      << server.process().output();
  server.Stop();
}

// SIGSTOP, and waits until no thread of it runs.
void Freeze(const Process& process) {
  process.Signal(SIGSTOP);
  const auto is_frozen = [&] {
    for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", process.pid()))) {
      std::string stat;
      std::getline(std::ifstream(task.path() / "stat"), stat);
      if (stat.find(") T") == std::string::npos) return false;
    }
    return true;
  };
  AwaitTrue(is_frozen, [] { return "a thread runs on after SIGSTOP"; });
}

class Lock : public testing::Test {
 protected:
  // A start on `data` that must not serve. Returns what it says.
  static std::string Refused(const std::string& data) {
    Process second(TestServer::CommandLine(data, {}));
    const std::optional<std::string> served = second.AwaitOutputOrEnd("ready on ");
    EXPECT_FALSE(served.has_value()) << "two servers use " << data;
    if (served) second.Kill();
    EXPECT_EQ(second.Wait(), served ? -SIGKILL : 1);
    return second.output();
  }

  std::string HeldBy(const TestServer& server) {
    return fmt::format("held by process {}: end that one first", server_pid(server));
  }
  static pid_t server_pid(const TestServer& server) {
    return const_cast<TestServer&>(server).process().pid();
  }

  const TemporaryDirectory directory_;
  const std::string data_ = directory_.path() + "/data";
};

// S6: whatever becomes of the lock file, the second server finds the first.
TEST_F(Lock, OfADirectoryDoesNotGoWithItsFile) {
  struct Case {
    const char* name;
    std::function<void(const std::string&)> change;
  };
  const std::vector<Case> cases = {
      {"nothing", [](const std::string&) {}},
      {"removed", [](const std::string& lock) { fs::remove(lock); }},
      {"made anew",
       [](const std::string& lock) {
         fs::remove(lock);
         std::ofstream(lock) << "";
       }},
      {"replaced",
       [](const std::string& lock) {
         std::ofstream(lock + ".new") << "1\n";
         fs::rename(lock + ".new", lock);
       }},
      {"emptied", [](const std::string& lock) { std::ofstream(lock, std::ios::trunc) << ""; }},
      {"a directory",
       [](const std::string& lock) {
         fs::remove(lock);
         fs::create_directory(lock);
       }},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    const std::string data = directory_.path() + "/" + std::to_string(&one - cases.data());
    TestServer first(data);
    Freeze(first.process());  // so that it does not mend the file first
    one.change(data + "/lock");
    const std::string said = Refused(data);
    EXPECT_NE(said.find(HeldBy(first)), std::string::npos) << said;
    first.process().Signal(SIGCONT);
    EXPECT_TRUE(Set(first.stub(), "1", 7, "a").status.ok());
    first.Stop();
  }
}

TEST_F(Lock, IsFoundByEveryNameOfTheDirectory) {
  TestServer first(data_);
  const std::string link = directory_.path() + "/link";
  fs::create_directory_symlink(data_, link);
  EXPECT_NE(Refused(link).find(HeldBy(first)), std::string::npos);
  EXPECT_NE(Refused(data_ + "/../data/.").find(HeldBy(first)), std::string::npos);
  first.Stop();
}

TEST_F(Lock, CoversALogAndImagesThatAreLinksToAnotherPlace) {
  for (const char* part : {"log", "image"}) {
    const std::string one = directory_.path() + "/one-" + part;
    const std::string two = directory_.path() + "/two-" + part;
    TestServer(one).Stop();
    TestServer(two).Stop();
    const std::string shared = directory_.path() + "/shared-" + part;
    fs::rename(one + "/" + part, shared);
    fs::remove_all(two + "/" + part);
    for (const std::string& data : {one, two})
      fs::create_directory_symlink(shared, data + "/" + part);
    TestServer first(one);
    EXPECT_NE(Refused(two).find(HeldBy(first)), std::string::npos) << part;
    first.Stop();
  }
}

// Versions before this one lock the file alone.
TEST_F(Lock, OfAnEarlierVersionIsRespected) {
  TestServer(data_).Stop();
  const int earlier = open((data_ + "/lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(earlier, LOCK_EX | LOCK_NB), 0);
  EXPECT_NE(Refused(data_).find(fmt::format("held by process {}", getpid())), std::string::npos);
  close(earlier);
  TestServer server(data_);
  const int later = open((data_ + "/lock").c_str(), O_RDWR | O_CLOEXEC);
  EXPECT_NE(flock(later, LOCK_EX | LOCK_NB), 0) << "an earlier version would start beside this one";
  close(later);
  server.Stop();
}

TEST_F(Lock, FileThatIsRemovedIsMadeAgainAndSaid) {
  TestServer server(data_);
  fs::remove(data_ + "/lock");
  server.process().AwaitOutput("was removed or replaced while this server runs; it is there again");
  std::string holder;
  std::ifstream(data_ + "/lock") >> holder;
  EXPECT_EQ(holder, std::to_string(server.process().pid()));
  const int other = open((data_ + "/lock").c_str(), O_RDWR | O_CLOEXEC);
  EXPECT_NE(flock(other, LOCK_EX | LOCK_NB), 0);
  close(other);
  server.Stop();
}

TEST_F(Lock, OfAnotherOnAReplacedFileEndsTheServer) {
  TestServer server(data_);
  Freeze(server.process());
  fs::remove(data_ + "/lock");
  const int other = open((data_ + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(flock(other, LOCK_EX | LOCK_NB), 0);
  server.process().Signal(SIGCONT);
  EXPECT_EQ(server.process().Wait(), 1) << server.process().output();
  close(other);
}

TEST_F(Lock, ADirectoryThatIsMovedTakesItsLockAlongAndEndsTheServer) {
  for (const char* part : {"", "/log", "/image"}) {
    SCOPED_TRACE(part);
    const std::string data = directory_.path() + "/of" + std::string(part).substr(part[0] == '/');
    const std::string moved = data + "-moved";
    TestServer server(data);
    ASSERT_TRUE(Set(server.stub(), "1", 7, "a").status.ok());
    Freeze(server.process());
    fs::rename(data + part, moved);
    if (part[0] == '\0') {
      EXPECT_NE(Refused(moved).find(HeldBy(server)), std::string::npos);
    }
    server.process().Signal(SIGCONT);
    EXPECT_EQ(server.process().Wait(), 1);
    EXPECT_NE(server.process().output().find("was moved, removed or replaced"), std::string::npos);
    if (part[0] != '\0') fs::rename(moved, data + part);
    TestServer again(part[0] == '\0' ? moved : data);
    EXPECT_EQ(Get(again.stub(), "1").reply.value().timestamp(), 7);
    again.Stop();
  }
}

// S6: the files that are written in place would be both servers'.
TEST_F(Lock, ACopyMadeOfHardLinksIsRefusedWhetherOrNotItsOriginalRuns) {
  const std::string links = directory_.path() + "/links";
  TestServer server(data_);
  ASSERT_TRUE(Set(server.stub(), "1", 7, "a").status.ok());
  fs::copy(data_, links, fs::copy_options::recursive | fs::copy_options::create_hard_links);
  fs::remove(links + "/lock");
  EXPECT_NE(Refused(links).find("was copied with hard links"), std::string::npos);
  ASSERT_TRUE(Set(server.stub(), "2", 8, "b").status.ok());
  server.Stop();
  // Nobody knows which of the two is the copy.
  for (const std::string& data : {links, data_}) {
    EXPECT_NE(Refused(data).find("was copied with hard links"), std::string::npos) << data;
  }
  const std::string own = directory_.path() + "/own";
  fs::copy(data_, own, fs::copy_options::recursive);
  TestServer again(own);
  EXPECT_EQ(Get(again.stub(), "1").reply.value().timestamp(), 7);
  EXPECT_EQ(Get(again.stub(), "2").reply.value().timestamp(), 8);
  again.Stop();
}

// S15: what is acknowledged from then on would be gone with the next start.
TEST_F(Lock, AFileOfTheLogThatIsMovedEndsTheServerAlsoAtItsStop) {
  const std::string moved = directory_.path() + "/moved";
  for (const char* part : {"log/00000000000000000001.wal", "log-extent"}) {
    for (const bool at_stop : {false, true}) {
      SCOPED_TRACE(fmt::format("{} {}", part, at_stop ? "at a stop" : "at any time"));
      const std::string data = fmt::format("{}/of-{}{}", directory_.path(), part[3], at_stop);
      const std::string file = data + "/" + part;
      TestServer server(data);
      ASSERT_TRUE(Set(server.stub(), "1", 7, "a").status.ok());
      if (at_stop) Freeze(server.process());
      fs::rename(file, moved);
      if (at_stop) {
        server.process().Signal(SIGTERM);
        server.process().Signal(SIGCONT);
      }
      EXPECT_EQ(server.process().Wait(), 1);
      EXPECT_NE(server.process().output().find(file + " was removed, moved or replaced"),
                std::string::npos)
          << server.process().output();
      fs::rename(moved, file);
      TestServer again(data);
      EXPECT_EQ(Get(again.stub(), "1").reply.value().timestamp(), 7);
      again.Stop();
    }
  }
}

// S18: a supervisor starts the next server while the kernel still takes the old one down. Whether a
// start comes in time to see that is chance, so there are several.
TEST_F(Lock, IsWaitedForUntilAKilledServerHasEnded) {
  const std::string endpoint = "127.0.0.1:" + std::to_string(FreePort());
  const std::vector<std::string> command = {ProgramPath("triplad"), "--data-dir", data_, "--listen",
                                            endpoint};
  auto server = std::make_unique<Process>(command);
  server->AwaitOutput("ready on ");
  const auto stub = v1::KeyValue::NewStub(Connect(endpoint));
  for (int key = 0; key < 64; ++key) {
    ASSERT_TRUE(Set(*stub, std::to_string(key), 7, std::string(4 << 20, 'x')).status.ok());
  }
  constexpr int kRoundsMax = 20;
  bool waited = false;
  for (int round = 0; round < kRoundsMax && !waited; ++round) {
    server->Signal(SIGKILL);
    auto next = std::make_unique<Process>(command);
    next->AwaitOutput("ready on ");
    EXPECT_EQ(server->Wait(), -SIGKILL);
    EXPECT_EQ(Get(*v1::KeyValue::NewStub(Connect(endpoint)), "63").reply.result(), v1::SUCCESS);
    waited = next->output().find("waiting up to") != std::string::npos;
    server = std::move(next);
  }
  EXPECT_TRUE(waited) << "no start came before the killed server had ended";
  server->Signal(SIGTERM);
  EXPECT_EQ(server->Wait(), 0);
}

TEST_F(Lock, IsWaitedForAndSaidOnce) {
  TestServer(data_).Stop();
  const int holder = open(data_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(flock(holder, LOCK_EX | LOCK_NB), 0);
  Process server(TestServer::CommandLine(data_, {}));
  const std::string rest =
      server.AwaitOutput(fmt::format("{} is held by process {}", data_, getpid()));
  EXPECT_EQ(rest, "; waiting up to 5 s for it to end");
  close(holder);
  server.AwaitOutput("ready on ");
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
}

// The limit is what the shell gives; a hard one below 4,096 is worth a warning.
TEST(Descriptors, TheSoftLimitIsRaisedToTheHardOneAndSaid) {
  struct Case {
    const char* limits;
    const char* said;
  };
  for (const Case& one :
       {Case{"ulimit -Sn 300; ulimit -Hn 5000", "descriptors: 5000 at most (raised from 300)"},
        Case{"ulimit -n 5000", "info descriptors: 5000 at most\n"},
        Case{"ulimit -Sn 300; ulimit -Hn 600",
             "warning descriptors: 600 at most (raised from 300); each connection "
             "takes one"}}) {
    const TemporaryDirectory directory;
    Process process(InShell(one.limits, TestServer::CommandLine(directory.path() + "/data", {})));
    process.AwaitOutput("ready on ");
    EXPECT_NE(process.output().find(one.said), std::string::npos) << process.output();
    process.Signal(SIGTERM);
    EXPECT_EQ(process.Wait(), 0);
  }
}

// S2: the server was deaf from then on, and said so at debug only.
TEST(Descriptors, S2_ClientsAboveThemAreRefusedAndSaidAndNewOnesAreTakenOnceTheyAreGone) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs descriptors of its own";
  constexpr int kClients = 400;
  const TemporaryDirectory directory;
  Process process(
      InShell("ulimit -n 200", TestServer::CommandLine(directory.path() + "/data", {})));
  const std::string endpoint = process.AwaitOutput("ready on ");
  const auto stub = v1::KeyValue::NewStub(Connect(endpoint));
  ASSERT_TRUE(Set(*stub, "1", 7, "a").status.ok());
  for (int round = 0; round < 2; ++round) {
    std::vector<RawConnection> connections;
    for (int i = 0; i < kClients; ++i) connections.emplace_back(endpoint);
    int refused = 0;
    for (const RawConnection& connection : connections) {
      refused += connection.AwaitEnd(std::chrono::milliseconds(1));
    }
    EXPECT_GT(refused, kClients / 2);
    EXPECT_LT(refused, kClients) << "there are descriptors for some";
    // The log keeps some: a segment, an image.
    EXPECT_TRUE(Set(*stub, std::to_string(2 + round), 7, "a").status.ok());
    grpc::ClientContext context;
    v1::SnapshotReply image;
    const grpc::Status snapshot =
        v1::Admin::NewStub(Connect(endpoint))->Snapshot(&context, {}, &image);
    EXPECT_TRUE(snapshot.ok() || snapshot.error_code() == grpc::StatusCode::UNAVAILABLE)
        << snapshot.error_message();
    process.AwaitOutput("refused ");
  }
  const auto fresh = v1::KeyValue::NewStub(Connect(endpoint));
  EXPECT_EQ(Get(*fresh, "1").reply.result(), v1::SUCCESS);
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), 0) << process.output();
}

// S4: a gigabyte of zeros in a megabyte took a gigabyte of memory before any limit was looked at.
TEST(CompressedRequests, AreRefusedBeforeTheyTakeMemory) {
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  ASSERT_TRUE(Set(server.stub(), "1", 7, "a").status.ok());
  const uint64_t before = server.process().PeakResidentBytes();
  v1::SetRequest request;
  request.set_key(KeyBytes("2"));
  request.set_data(std::string(200 << 20, 'x'));
  for (const grpc_compression_algorithm packed : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    const auto stub = v1::KeyValue::NewStub(Connect(server.endpoint()));
    grpc::ClientContext context;
    context.set_compression_algorithm(packed);
    v1::Reply reply;
    EXPECT_EQ(stub->Set(&context, request, &reply).error_code(), grpc::StatusCode::UNIMPLEMENTED);
    EXPECT_EQ(Get(server.stub(), "1").reply.result(), v1::SUCCESS);
  }
  EXPECT_LT(server.process().PeakResidentBytes(), before + (uint64_t{100} << 20));
  EXPECT_EQ(Get(server.stub(), "2").reply.result(), v1::ERROR);
  server.Stop();
}

std::vector<std::string> FilesThatEndIn(const std::string& suffix, const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == suffix) files.push_back(entry.path().filename().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// S16: a stop waited until the image was whole.
TEST(StopWhileAnImageIsWritten, AbandonsItAndTellsWhoWaits) {
  for (const std::string log : {"on", "off"}) {
    SCOPED_TRACE("--log " + log);
    const TemporaryDirectory directory;
    const std::string images = directory.path() + "/image";
    TestServer server(directory.path(), {"--log", log, "--snapshot-interval", "0"});
    const auto snapshot = [&] {
      grpc::ClientContext context;
      v1::SnapshotReply image;
      return server.admin().Snapshot(&context, {}, &image);
    };
    for (int key = 0; key < 64; ++key) {
      ASSERT_TRUE(
          Set(server.stub(), std::to_string(key), 7, std::string(4 << 20, 'x')).status.ok());
    }
    // The log may have made the server write images by itself; after this one nothing does.
    ASSERT_TRUE(snapshot().ok());
    ASSERT_EQ(FilesThatEndIn(".partial", images), std::vector<std::string>());
    const std::vector<std::string> before = FilesThatEndIn(".image", images);
    ASSERT_TRUE(Set(server.stub(), "100", 7, "a").status.ok());
    grpc::Status told;
    std::thread client([&] { told = snapshot(); });
    AwaitTrue([&] { return !FilesThatEndIn(".partial", images).empty(); },
              [] { return "no image is written"; });
    server.process().Signal(SIGTERM);
    client.join();
    EXPECT_EQ(told.error_code(), grpc::StatusCode::UNAVAILABLE) << told.error_message();
    EXPECT_EQ(told.error_message(),
              "the server is stopping and writes no image; ask again once it runs");
    EXPECT_EQ(server.process().Wait(), 0) << server.process().output();
    EXPECT_EQ(FilesThatEndIn(".partial", images), std::vector<std::string>());
    // Without a log the stop itself writes one of all.
    if (log == "on") {
      EXPECT_EQ(FilesThatEndIn(".image", images), before);
    }
    TestServer again(directory.path());
    for (int key = 0; key < 64; ++key) {
      EXPECT_EQ(Get(again.stub(), std::to_string(key)).reply.result(), v1::SUCCESS) << key;
    }
    EXPECT_EQ(Get(again.stub(), "100").reply.result(), v1::SUCCESS);
    again.Stop();
  }
}

}  // namespace
}  // namespace tripla
