// SPDX-License-Identifier: Apache-2.0
// A real server whose disk goes wrong at every step in turn, until a run meets no fault (R16, R18,
// R19): killed there, or told of an error. What was acknowledged is there after the next start, and
// nothing that nobody wrote.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/harness/dose.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

using Entries = std::map<std::string, std::string>;  // key, and the entry as text

// One client's run, one call after the other, and what the database must hold by its answers.
class Script {
 public:
  explicit Script(const std::shared_ptr<grpc::Channel>& channel)
      : key_values_(v1::KeyValue::NewStub(channel)), admin_(v1::Admin::NewStub(channel)) {}

  // Takes the log over the end of its first segment, and writes three images: so that old ones and
  // the log's beginning are removed.
  void Run() {
    constexpr size_t kThirdOfASegment = 6'000'000;
    for (const char* key : {"1", "2", "3"}) RunSet(key, "data of " + std::string(key));
    TakeImage();
    RunTestAndSet("1", 1, "changed");
    RunDel("2");
    for (const char* key : {"10", "11", "12"}) RunSet(key, std::string(kThirdOfASegment, *key));
    TakeImage();
    RunSet("4", "between the images");
    TakeImage();
    RunSet("2", "anew");
  }

  // The entries as they are by all answers, and as they would be with the call that got none.
  const Entries& acknowledged() const { return acknowledged_; }
  const std::optional<Entries>& in_doubt() const { return in_doubt_; }

 private:
  static std::string Text(int64_t version, const std::string& data) {
    return std::to_string(version) + " " + data.substr(0, 20) + " " + std::to_string(data.size());
  }

  // Makes a call that would turn the entries into `after`.
  void Try(Entries after, const std::function<CallAnswer()>& call) {
    if (in_doubt_) return;  // the server is gone
    const CallAnswer answer = call();
    if (answer.status.ok()) {
      EXPECT_EQ(answer.reply.result(), v1::SUCCESS);
      acknowledged_ = std::move(after);
    } else if (answer.applied() != v1::Undecided::NO) {
      in_doubt_ = std::move(after);
    }
  }

  void RunSet(const std::string& key, const std::string& data) {
    Entries after = acknowledged_;
    after[key] = Text(1, data);
    Try(after, [&] { return Set(*key_values_, key, 0, data); });
  }
  void RunTestAndSet(const std::string& key, int64_t version, const std::string& data) {
    if (!acknowledged_.contains(key)) return;
    Entries after = acknowledged_;
    after[key] = Text(version + 1, data);
    Try(after, [&] { return TestAndSet(*key_values_, key, version, 0, data); });
  }
  void RunDel(const std::string& key) {
    if (!acknowledged_.contains(key)) return;
    Entries after = acknowledged_;
    after.erase(key);
    Try(after, [&] { return Del(*key_values_, key); });
  }
  void TakeImage() {
    grpc::ClientContext context;
    v1::SnapshotReply reply;
    (void)admin_->Snapshot(&context, {}, &reply);  // may fail: nothing acknowledged depends on it
  }

  friend Entries EntriesOf(TestServer& server);

  std::unique_ptr<v1::KeyValue::Stub> key_values_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  Entries acknowledged_;
  std::optional<Entries> in_doubt_;
};

Entries EntriesOf(TestServer& server) {
  Entries found;
  for (const char* key : {"1", "2", "3", "4", "10", "11", "12"}) {
    const CallAnswer answer = Get(server.stub(), key);
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    if (answer.reply.result() == v1::SUCCESS) {
      found[key] = Script::Text(answer.reply.value().version(), answer.reply.value().data());
    }
  }
  grpc::ClientContext context;
  v1::StatusReply status;
  EXPECT_TRUE(server.admin().Status(&context, {}, &status).ok());
  EXPECT_EQ(status.keys(), found.size()) << "entries that nobody wrote";
  return found;
}

// The next start, on a good disk.
void ExpectTrue(const std::string& data_dir, const Entries& acknowledged,
                const std::optional<Entries>& in_doubt) {
  TestServer server(data_dir, {"--snapshot-interval", "0"});
  const Entries found = EntriesOf(server);
  if (in_doubt && found == *in_doubt) return;
  EXPECT_EQ(found, acknowledged);
}

std::string BadDisk(const std::string& fault) { return "BAD_DISK=" + fault; }
const std::string kPreload = std::string("LD_PRELOAD=") + TRIPLA_BAD_DISK;

// "step 17: …" when the fault was met.
std::optional<std::string> MetFault(const std::string& output) {
  const std::string mark = "bad disk: ";
  const size_t begin = output.find(mark);
  if (begin == std::string::npos) return std::nullopt;
  return output.substr(begin + mark.size(), output.find('\n', begin) - begin - mark.size());
}

class DiskSteps : public testing::TestWithParam<const char*> {
 protected:
  // Runs `once` with a fault at step 1, 2, 3 … until it meets none: it returns what it met. The
  // short dose is killed at every step, and told of an error at each fifth, another with each seed.
  // Returns all that it met.
  static std::vector<std::string> ForEachStep(
      const std::function<std::optional<std::string>(const std::string&)>& once) {
    constexpr int kFarBeyondTheLast = 5000;
    const bool every = LongDose() || std::string(GetParam()) == "kill";
    const int stride = every ? 1 : 5;
    int step = every ? 1 : 1 + static_cast<int>(Seed() % stride);
    std::vector<std::string> all;
    for (; step < kFarBeyondTheLast; step += stride) {
      const std::string fault = std::string(GetParam()) + "@" + std::to_string(step);
      SCOPED_TRACE(fault);
      const std::optional<std::string> met = once(fault);
      if (!met) break;
      EXPECT_FALSE(testing::Test::HasFailure()) << "after " << *met;
      if (testing::Test::HasFailure()) return all;
      all.push_back(*met);
    }
    std::cout << "no fault left at step " << step << "\n";
    EXPECT_GT(step, 5);
    EXPECT_LT(step, kFarBeyondTheLast);
    return all;
  }

  // What the run must have been killed at, or it is not the run that it is meant to be.
  static void ExpectMet(const std::vector<std::string>& met,
                        const std::vector<std::pair<std::string, std::string>>& expected) {
    if (std::string(GetParam()) != "kill") return;
    for (const auto& [call, file] : expected) {
      EXPECT_TRUE(std::ranges::any_of(met,
                                      [&, call = call, file = file](const std::string& one) {
                                        return one.find(": " + call + " ") != std::string::npos &&
                                               one.ends_with(file);
                                      }))
          << "never killed at " << call << " of " << file;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Faults, DiskSteps, testing::Values("kill", "EIO", "ENOSPC", "short"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(DiskSteps, OfALifeLoseNothingAcknowledged) {
  const auto met = ForEachStep([](const std::string& fault) {
    const TemporaryDirectory directory;
    const std::string data_dir = directory.path() + "/data";
    Process process(TestServer::CommandLine(data_dir, {"--snapshot-interval", "0"}),
                    {kPreload, BadDisk(fault)});
    Entries acknowledged;
    std::optional<Entries> in_doubt;
    if (const auto endpoint = process.AwaitOutputOrEnd("ready on ")) {
      Script script(Connect(*endpoint));
      script.Run();
      acknowledged = script.acknowledged();
      in_doubt = script.in_doubt();
      process.Signal(SIGTERM);
    }
    process.Wait();
    ExpectTrue(data_dir, acknowledged, in_doubt);
    return MetFault(process.output());
  });
  ExpectMet(met, {{"pwrite", ".wal"},
                  {"fdatasync", ".wal"},
                  {"rename", ".wal.partial"},  // a new segment
                  {"unlink", ".wal"},          // the log's beginning
                  {"pwrite", ".image.partial"},
                  {"fdatasync", ".image.partial"},
                  {"rename", ".image.partial"},
                  {"unlink", ".image"},
                  {"fsync", "/log"},
                  {"fsync", "/image"}});
}

TEST_P(DiskSteps, OfAStartLoseNothingAcknowledged) {
  const TemporaryDirectory directory;
  const std::string before = directory.path() + "/before";
  Entries entries;
  {
    TestServer server(before, {"--snapshot-interval", "0"});
    Script script(server.channel());
    script.Run();
    entries = script.acknowledged();
    server.Kill();
  }
  const auto met = ForEachStep([&](const std::string& fault) {
    const std::string data_dir = directory.path() + "/data";
    std::filesystem::remove_all(data_dir);
    std::filesystem::copy(before, data_dir, std::filesystem::copy_options::recursive);
    // What a start may have to clean up or mend.
    std::ofstream(data_dir + "/image/00000000000000000099.image.partial") << "half an image";
    Process process(TestServer::CommandLine(data_dir, {"--snapshot-interval", "0"}),
                    {kPreload, BadDisk(fault)});
    if (process.AwaitOutputOrEnd("ready on ")) process.Kill();
    process.Wait();
    ExpectTrue(data_dir, entries, std::nullopt);
    return MetFault(process.output());
  });
  ExpectMet(met, {{"fdatasync", ".wal"}, {"unlink", ".image.partial"}});
}

}  // namespace
}  // namespace tripla
