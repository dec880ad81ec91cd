// SPDX-License-Identifier: Apache-2.0
// A real server whose disk goes wrong at every step in turn, until a run meets no fault (R16, R18,
// R19): killed there, or told of an error. The short dose takes each third step, from one by
// chance. What it does then is what it must do for that step, and says which file it was and what
// the system said; what was acknowledged is there after the next start, and nothing that nobody
// wrote.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/faults/twin.h"
#include "tests/harness/dose.h"
#include "tests/harness/test_server.h"
#include "tests/harness/verify_run.h"

namespace tripla {
namespace {

constexpr std::array kKeys = {"1", "2", "3", "4", "10"};

struct Entry {
  int64_t version = 0;
  std::string data;
  friend bool operator==(const Entry&, const Entry&) = default;
};
using Entries = std::map<std::string, Entry>;

// One client's run, one call after the other, and what the database must hold by its answers.
class Script {
 public:
  explicit Script(const std::shared_ptr<grpc::Channel>& channel)
      : key_values_(v1::KeyValue::NewStub(channel)), admin_(v1::Admin::NewStub(channel)) {}

  // Takes the log over the end of its first segment, and writes three images: so that old ones and
  // the log's beginning are removed. The entries are small whenever an image is written.
  void Run() {
    constexpr size_t kOverHalfOfASegment = 9'000'000;
    for (const char* key : {"1", "2", "3"}) Write(key, "data of " + std::string(key));
    TakeImage();
    Write("1", "changed");
    Remove("2");
    Write("10", std::string(kOverHalfOfASegment, 'a'));
    Write("10", std::string(kOverHalfOfASegment, 'b'));
    Write("10", "small");
    TakeImage();
    Write("4", "between the images");
    TakeImage();
    Write("2", "anew");
  }

  // What was refused, surely without effect, and why no image was written.
  const std::vector<grpc::Status>& refusals() const { return refusals_; }
  const std::vector<grpc::Status>& image_failures() const { return image_failures_; }
  // Whether a call got no answer: the server is gone.
  bool in_doubt() const { return in_doubt_.has_value(); }

  // What the next start gives is what was acknowledged, or that and the call without an answer.
  void ExpectAllIn(TestServer& server) {
    const std::string found = Twin::Text(StatusOf(server.channel()));
    const std::string acknowledged = twin_.Text();
    if (in_doubt_ && found != acknowledged) {
      Take(revision_ + 1, *in_doubt_);
      entries_ = after_in_doubt_;
    }
    EXPECT_EQ(found, twin_.Text()) << "acknowledged: " << acknowledged;
    for (const char* key : kKeys) {
      const CallAnswer answer = Get(server.stub(), key);
      EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
      ASSERT_EQ(answer.reply.result() == v1::SUCCESS, entries_.contains(key)) << "key " << key;
      if (!entries_.contains(key)) continue;
      const v1::Triple& value = answer.reply.value();
      EXPECT_TRUE((Entry{value.version(), value.data()} == entries_[key])) << "key " << key;
    }
  }

 private:
  // Makes a call that would turn the entries into `after`.
  template <typename Method, typename Request>
  void Try(v1::Operation operation, Method method, const Request& request, Entries after) {
    if (in_doubt_) return;  // the server is gone
    const CallAnswer answer = Send(*key_values_, method, request);
    if (answer.status.ok()) {
      EXPECT_EQ(answer.reply.result(), v1::SUCCESS);
      Take(answer.reply.revision(), std::move(operation));
      entries_ = std::move(after);
    } else if (answer.applied() == v1::Undecided::NO) {
      refusals_.push_back(answer.status);
    } else {
      in_doubt_ = std::move(operation);
      after_in_doubt_ = std::move(after);
    }
  }

  void Take(uint64_t revision, v1::Operation operation) {
    twin_.Take(revision, std::move(operation));
    twin_.CatchUp();
    revision_ = revision;
  }

  // Creates or changes an entry.
  void Write(const std::string& key, const std::string& data) {
    const int64_t version = entries_.contains(key) ? entries_[key].version : 0;
    Entries after = entries_;
    after[key] = {version + 1, data};
    v1::Operation operation;
    if (version == 0) {
      v1::SetRequest& set = *operation.mutable_set();
      set.set_key(KeyBytes(key));
      set.set_data(data);
      Try(operation, &v1::KeyValue::Stub::Set, set, std::move(after));
    } else {
      v1::TestAndSetRequest& test_and_set = *operation.mutable_test_and_set();
      test_and_set.set_key(KeyBytes(key));
      test_and_set.set_version(version);
      test_and_set.mutable_value()->set_data(data);
      Try(operation, &v1::KeyValue::Stub::TestAndSet, test_and_set, std::move(after));
    }
  }
  void Remove(const std::string& key) {
    if (!entries_.contains(key)) return;
    Entries after = entries_;
    after.erase(key);
    v1::Operation operation;
    operation.mutable_del()->set_key(KeyBytes(key));
    Try(operation, &v1::KeyValue::Stub::Del, operation.del(), std::move(after));
  }
  void TakeImage() {
    if (in_doubt_) return;
    grpc::ClientContext context;
    v1::SnapshotReply reply;
    const grpc::Status status = admin_->Snapshot(&context, {}, &reply);
    if (!status.ok()) image_failures_.push_back(status);
  }

  std::unique_ptr<v1::KeyValue::Stub> key_values_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  Twin twin_;  // of what was acknowledged
  uint64_t revision_ = 0;
  Entries entries_;
  std::optional<v1::Operation> in_doubt_;
  Entries after_in_doubt_;
  std::vector<grpc::Status> refusals_;
  std::vector<grpc::Status> image_failures_;
};

// The next start, on a good disk, and what tripla-verify says beforehand that it gives.
void ExpectAllThere(const std::string& data_dir, Script& script) {
  const bool made_ready = std::filesystem::exists(data_dir + "/format");
  const std::string verified = made_ready ? VerifiedStart(data_dir) : "";
  TestServer server(data_dir, {"--snapshot-interval", "0"});
  if (made_ready) {
    EXPECT_EQ(verified, StartText(StatusOf(server.channel())));
  }
  script.ExpectAllIn(server);
}

// The step that went wrong.
struct Met {
  std::string text;  // "step 17: pwrite /d/log/00000000000000000001.wal"
  std::string call;
  std::string path;
};

std::optional<Met> MetFault(const std::string& output) {
  constexpr std::string_view kMark = "bad disk: ";
  const size_t begin = output.find(kMark);
  if (begin == std::string::npos) return std::nullopt;
  Met met{.text =
              output.substr(begin + kMark.size(), output.find('\n', begin) - begin - kMark.size())};
  const size_t call = met.text.find(": ") + 2;
  const size_t path = met.text.find(' ', call) + 1;
  met.call = met.text.substr(call, path - 1 - call);
  met.path = met.text.substr(path);
  return met;
}

class DiskSteps : public testing::TestWithParam<const char*> {
 protected:
  static bool Is(std::string_view fault) { return fault == GetParam(); }
  // "short" is none: what is left of a write is written then.
  static bool IsError() { return Is("EIO") || Is("ENOSPC"); }
  // The number in the lock file is only for people: a full disk is no reason not to start.
  static bool IsIgnored(const Met& met) {
    return Is("ENOSPC") && met.path.ends_with("/lock") && met.call != "open";
  }

  // The exit code of a server that answered every call, and was stopped then.
  static constexpr int kServedToTheEnd = 0;

  // What the step that failed is called in messages.
  static std::string Complaint(const Met& met) {
    return met.path + ": " + std::strerror(Is("EIO") ? EIO : ENOSPC);
  }

  static Process Start(const std::string& data_dir, const std::string& fault) {
    std::vector<std::string> environment = {std::string("LD_PRELOAD=") + TRIPLA_BAD_DISK,
                                            "BAD_DISK=" + fault};
    // The sixtieth piece of an empty segment leaves and tells no more than the first.
    if (!LongDose()) environment.emplace_back("BAD_DISK_PIECES=once");
    return Process(TestServer::CommandLine(data_dir, {"--snapshot-interval", "0"}),
                   std::move(environment));
  }

  using CallsAndFiles = std::vector<std::pair<std::string, std::string>>;

  // Runs `once` with a fault at one step after the other until it meets none: it returns what it
  // met. These must be among the steps, or it is not the run that it is meant to be.
  static void ForEachStep(const std::function<std::optional<Met>(const std::string&)>& once,
                          const CallsAndFiles& expected) {
    std::vector<Met> all = ForEachNumber(once);
    // One may have been passed over, also because steps of several threads come in another order.
    for (const auto& [call, file] : expected) {
      const auto is_it = [&](const Met& one) {
        return one.call == call && one.path.ends_with(file);
      };
      if (HasFailure() || std::ranges::any_of(all, is_it)) continue;
      const std::string fault = std::string(GetParam()) + "@" + call + ":" + file;
      SCOPED_TRACE(fault);
      EXPECT_TRUE(once(fault)) << "there is no such step";
    }
  }

  // What `once` met, step by step.
  static std::vector<Met> ForEachNumber(
      const std::function<std::optional<Met>(const std::string&)>& once) {
    constexpr int kFarBeyondTheLast = 5000;
    const int stride = LongDose() ? 1 : 3;
    std::vector<Met> all;
    for (int step = 1 + static_cast<int>(Seed() % stride); step < kFarBeyondTheLast;
         step += stride) {
      const std::string fault = std::string(GetParam()) + "@" + std::to_string(step);
      SCOPED_TRACE(fault);
      const std::optional<Met> met = once(fault);
      if (!met) {
        std::cout << "no fault left at step " << step << "\n";
        return all;
      }
      EXPECT_FALSE(testing::Test::HasFailure()) << "after " << met->text;
      if (testing::Test::HasFailure()) return all;
      all.push_back(*met);
    }
    ADD_FAILURE() << "there is always another step";
    return all;
  }

  // A start whose disk fails says so and is over.
  static void ExpectRefusedStart(const Met& met, Process& process) {
    EXPECT_EQ(process.Wait(), 1);
    EXPECT_NE(process.output().find(Complaint(met)), std::string::npos) << process.output();
  }

  enum class Right {
    kEnds,     // nobody knows what the log holds on disk: the next start looks
    kRefuses,  // there is no room for a new segment: the write is refused, nothing has changed
    kGoesOn,   // it concerns an image, or the removal of what is old: said, and no more
  };

  // What a server that serves must do about a step that failed.
  static Right RightAfter(const Met& met, const std::string& output) {
    if (met.path.ends_with("/next.wal")) {
      // Made in the background it is tried again; at a stop it is only removed.
      if (output.find("cannot grow yet") != std::string::npos) return Right::kGoesOn;
      if (output.find("the next start removes it") != std::string::npos) return Right::kGoesOn;
      return Is("ENOSPC") ? Right::kRefuses : Right::kEnds;
    }
    if (met.path.ends_with("/log-extent") || met.path.ends_with("/log-extent.partial")) {
      const bool later = output.find("log reaches cannot be written yet") != std::string::npos ||
                         output.find("log reaches could not be written") != std::string::npos;
      if (later) return Right::kGoesOn;
      return Is("ENOSPC") && met.call == "pwrite" ? Right::kRefuses : Right::kEnds;
    }
    if (met.path.ends_with(".wal")) return met.call == "unlink" ? Right::kGoesOn : Right::kEnds;
    if (met.path.ends_with("/log")) {
      // The directory is synced for a new segment, and for one that was removed.
      return output.find("an old part of the log stays") == std::string::npos ? Right::kEnds
                                                                              : Right::kGoesOn;
    }
    return Right::kGoesOn;
  }

  static void ExpectRightAfter(const Met& met, const Script& script, Process& process) {
    const std::string output = process.output();
    if (IsIgnored(met)) {
      EXPECT_EQ(process.Wait(), kServedToTheEnd) << output;
      return;
    }
    const Right right = RightAfter(met, output);
    EXPECT_EQ(process.Wait(), right == Right::kEnds ? 1 : kServedToTheEnd) << output;
    EXPECT_EQ(script.in_doubt(), right == Right::kEnds) << output;
    ASSERT_EQ(script.refusals().size(), right == Right::kRefuses ? 1 : 0) << output;
    if (right == Right::kRefuses) {
      const grpc::Status& refusal = script.refusals().front();
      EXPECT_EQ(refusal.error_code(), grpc::RESOURCE_EXHAUSTED);
      EXPECT_NE(refusal.error_message().find(Complaint(met)), std::string::npos)
          << refusal.error_message();
    } else {
      EXPECT_NE(output.find(Complaint(met)), std::string::npos) << output;
    }
    // What is not removed, is said; what is not written, also to who asked for it.
    const bool removal = output.find("an old image stays") != std::string::npos;
    const bool image_lost =
        !removal && (met.path.ends_with(".image.partial") || met.path.ends_with("/image"));
    ASSERT_EQ(script.image_failures().size(), image_lost ? 1 : 0) << output;
    if (!image_lost) return;
    const std::string& why = script.image_failures().front().error_message();
    EXPECT_NE(why.find(Complaint(met)), std::string::npos) << why;
  }
};

INSTANTIATE_TEST_SUITE_P(Faults, DiskSteps, testing::Values("kill", "EIO", "ENOSPC", "short"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(DiskSteps, OfALifeLoseNothingAcknowledged) {
  const auto once = [](const std::string& fault) {
    const TemporaryDirectory directory;
    const std::string data_dir = directory.path() + "/data";
    Process process = Start(data_dir, fault);
    const auto endpoint = process.AwaitOutputOrEnd("ready on ");
    Script script(Connect(endpoint.value_or("127.0.0.1:1")));
    if (endpoint) script.Run();
    if (endpoint && !script.in_doubt()) process.Signal(SIGTERM);
    const int exit_code = process.Wait();
    const std::optional<Met> met = MetFault(process.output());
    if (!met || Is("short")) {
      EXPECT_EQ(exit_code, kServedToTheEnd) << process.output();
      EXPECT_TRUE(!script.in_doubt() && script.refusals().empty()) << process.output();
      EXPECT_TRUE(script.image_failures().empty()) << process.output();
    } else if (IsError()) {
      endpoint ? ExpectRightAfter(*met, script, process) : ExpectRefusedStart(*met, process);
    }
    ExpectAllThere(data_dir, script);
    return met;
  };
  ForEachStep(once, {{"mkdir", "/data"},
                     {"rename", "/format.partial"},
                     {"pwrite", ".wal"},
                     {"fdatasync", ".wal"},
                     {"posix_fallocate", "/next.wal"},
                     {"pwrite", "/next.wal"},
                     {"fdatasync", "/next.wal"},
                     {"rename", "/next.wal"},  // a new segment
                     {"rename", "/log-extent.partial"},
                     {"pwrite", "/log-extent"},
                     {"fdatasync", "/log-extent"},
                     {"unlink", ".wal"},  // the log's beginning
                     {"pwrite", ".image.partial"},
                     {"fdatasync", ".image.partial"},
                     {"rename", ".image.partial"},
                     {"rename", ".image"},  // of an old one, so that nobody takes the rest for one
                     {"unlink", ".image.partial"},
                     {"fsync", "/log"},
                     {"fsync", "/image"}});
}

TEST_P(DiskSteps, OfAStartLoseNothingAcknowledged) {
  const TemporaryDirectory directory;
  const std::string before = directory.path() + "/before";
  std::optional<Script> script;
  {
    TestServer server(before, {"--snapshot-interval", "0"});
    script.emplace(server.channel());
    script->Run();
    server.Kill();
  }
  const auto once = [&](const std::string& fault) {
    const std::string data_dir = directory.path() + "/data";
    std::filesystem::remove_all(data_dir);
    std::filesystem::copy(before, data_dir, std::filesystem::copy_options::recursive);
    // What a start may have to clean up or mend.
    std::ofstream(data_dir + "/image/00000000000000000099.image.partial") << "half an image";
    std::ofstream(data_dir + "/log/00000000000000000099.wal.partial") << "half a segment";
    std::ofstream(data_dir + "/log/next.wal") << "half a segment";
    Process process = Start(data_dir, fault);
    const bool ready = process.AwaitOutputOrEnd("ready on ").has_value();
    if (ready) process.Kill();
    process.Wait();
    const std::optional<Met> met = MetFault(process.output());
    // What the extent said before still counts, so a full disk ends no start.
    const bool full =
        met && Is("ENOSPC") && met->call == "pwrite" && met->path.ends_with("-extent");
    if (full) {
      EXPECT_NE(process.output().find(Complaint(*met)), std::string::npos);
    }
    const bool ignored = met && (IsIgnored(*met) || full);
    EXPECT_EQ(ready, !met || Is("short") || ignored) << process.output();
    if (met && IsError() && !ignored) ExpectRefusedStart(*met, process);
    ExpectAllThere(data_dir, *script);
    return met;
  };
  ForEachStep(once, {{"pwrite", "/lock"},
                     {"unlink", ".image.partial"},
                     {"unlink", ".wal.partial"},
                     {"unlink", "/next.wal"},
                     {"fdatasync", ".wal"}});
}

}  // namespace
}  // namespace tripla
