// SPDX-License-Identifier: Apache-2.0
//
// The program itself, as people and scripts run it, against a server in this process.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "client/fake_server.h"
#include "client/monitored_server.h"

namespace tripla::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// Enough of a database: set and get as they should be, and the version of everything else wrong.
class SmallDatabase {
 public:
  grpc::Status operator()(grpc::ServerContext& /*context*/, const v1::Operation& request,
                          v1::Reply& reply, int attempt) {
    reply.set_revision(static_cast<uint64_t>(attempt) + 1);
    reply.set_result(v1::SUCCESS);
    if (request.has_set()) {
      v1::Triple value;
      value.set_version(1);
      value.set_timestamp(request.set().timestamp());
      value.set_data(request.set().data());
      const auto [entry, added] = entries_.emplace(request.set().key(), value);
      if (!added) Refuse(reply, v1::ERROR, &entry->second);
    } else if (request.has_get()) {
      const auto entry = entries_.find(request.get().key());
      if (entry == entries_.end()) {
        Refuse(reply, v1::ERROR, nullptr);
      } else {
        *reply.mutable_value() = entry->second;
      }
    } else if (request.has_del()) {
      return Refused(grpc::StatusCode::DATA_LOSS, v1::Undecided::NO);
    } else {
      Refuse(reply, v1::ERROR_WV, nullptr);
    }
    return grpc::Status::OK;
  }

 private:
  static void Refuse(v1::Reply& reply, v1::Result result, const v1::Triple* stored) {
    reply.set_result(result);
    if (stored != nullptr) *reply.mutable_value() = *stored;
  }

  std::map<std::string, v1::Triple> entries_;
};

struct Ran {
  int exit_code = -1;
  std::string out;
  std::string err;
};

std::string Contents(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

v1::StatusReply Saying(bool ready, bool writable) {
  v1::StatusReply status;
  status.set_role("leader");
  status.set_ready(ready);
  status.set_writable(writable);
  return status;
}

class ProgramTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string made = testing::TempDir() + "/tripla-program-XXXXXX";
    ASSERT_NE(mkdtemp(made.data()), nullptr);
    directory_ = made;
    setenv("HOME", directory_.c_str(), 1);
    setenv("TRIPLA_ENDPOINTS", server_.endpoint().c_str(), 1);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // `arguments` as a shell reads them.
  Ran Run(const std::string& arguments, const std::string& input = "") const {
    std::ofstream(directory_ / "in", std::ios::binary) << input;
    return RunFrom("<in", arguments);
  }

  // With standard input as `input` says to a shell.
  Ran RunFrom(const std::string& input, const std::string& arguments) const {
    const std::string command = fmt::format("cd '{}'; exec '{}' {} {} >out 2>err",
                                            directory_.string(), TRIPLA_PROGRAM, arguments, input);
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, Contents(directory_ / "out"),
            Contents(directory_ / "err")};
  }

  FakeServer server_{SmallDatabase()};
  std::filesystem::path directory_;
};

TEST_F(ProgramTest, AnswersAndExitsWithTheResult) {
  Ran ran = Run("set -12 lala --timestamp 5");
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out, "SUCCESS  NULL  revision 1\n");
  EXPECT_THAT(ran.err, IsEmpty());

  ran = Run("set -12 lolo");
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_EQ(ran.out, "ERROR  version 1  timestamp 5  revision 2  data \"lala\"\n");
  EXPECT_EQ(Run("get -0xc").out, "SUCCESS  version 1  timestamp 5  revision 3  data \"lala\"\n");
  EXPECT_EQ(Run("cas 1 a --version 3").exit_code, 5);
}

TEST_F(ProgramTest, RawDataPassesThroughPipesByteForByte) {
  const std::string bytes("\0\x1b\n\xff\r", 5);
  ASSERT_EQ(Run("set 1 -", bytes).exit_code, 0);
  EXPECT_EQ(Run("get 1 -o raw").out, bytes);
  ASSERT_EQ(Run("set 2 @in", bytes).exit_code, 0);
  EXPECT_EQ(Run("-o raw get 2").out, bytes);
}

TEST_F(ProgramTest, ScriptPrintsAnswersAndSucceedsWhenAllIsDecided) {
  const Ran ran = Run("", "# first\nset 1 'la la'\n\nget 1\nset 1 x\nget 2\n");
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 4);
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST_F(ProgramTest, ScriptStopsWhereItIsWrong) {
  const Ran ran = Run("", "set 1 a\nget x\nset 2 b\n");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, StartsWith("tripla: line 2: 'x' is not a key"));
  EXPECT_EQ(server_.received().size(), 1u) << "nothing is sent after the mistake";
}

TEST_F(ProgramTest, ScriptStopsAtAFailure) {
  const Ran ran = Run("", "del 1\nset 2 b\n");
  EXPECT_EQ(ran.exit_code, 10);
  EXPECT_THAT(ran.err, HasSubstr("line 1: del 1: refused; nothing was applied"));
  EXPECT_EQ(server_.received().size(), 1u);
}

TEST_F(ProgramTest, StrictScriptStopsAtTheFirstAnswerThatIsNoSuccess) {
  EXPECT_EQ(Run("--strict", "set 1 a\nget 2\nset 1 b\n").exit_code, 3);
  EXPECT_EQ(server_.received().size(), 2u);
}

TEST_F(ProgramTest, ScriptChangesItsFormat) {
  const Ran ran = Run("", "\\o json\nget 7\n\\q\nget 8\n");
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out,
            "{\"key\":\"7\",\"result\":\"ERROR\",\"value\":null,\"revision\":\"1\","
            "\"replayed\":false}\n");
}

TEST_F(ProgramTest, QuitAndExitLeaveAsInOtherShells) {
  for (const char* word : {"\\q", "quit", "exit"}) {
    const Ran ran = Run("", std::string(word) + "\nget 8\n");
    EXPECT_EQ(ran.exit_code, 0) << word;
    EXPECT_THAT(ran.out + ran.err, IsEmpty()) << word;
  }
  EXPECT_EQ(Run("", "quit 1\n").exit_code, 2);
}

TEST_F(ProgramTest, BatchAnswersLineByLine) {
  Ran ran = Run("batch -", "set 1 a --timestamp 0\nget 1\nget 2\n");
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out,
            "SUCCESS  NULL  revision 1\n"
            "SUCCESS  version 1  timestamp 0  revision 2  data \"a\"\n"
            "ERROR  NULL  revision 3\n");
  EXPECT_EQ(Run("batch in --strict", "get 1\nget 2\n").exit_code, 3);
  ran = Run("batch in", "get 1\nfrob\n");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("in, line 2: \"frob\" is no verb"));
}

TEST_F(ProgramTest, S7_AFailedReadOfStandardInputStoresNothing) {
  for (const char* input : {"<.", "0>written", "0<&-"}) {
    for (const char* arguments : {"set 80 -", "cas 80 - --version 1", "batch -"}) {
      const Ran ran = RunFrom(input, arguments);
      EXPECT_EQ(ran.exit_code, 2) << arguments << " < " << input;
      EXPECT_THAT(ran.err, HasSubstr("cannot read standard input: ")) << arguments << input;
      EXPECT_THAT(ran.out, IsEmpty());
    }
    const Ran script = RunFrom(input, "");
    EXPECT_EQ(script.exit_code, 1) << input;
    EXPECT_THAT(script.err, HasSubstr("cannot read standard input: ")) << input;
  }
  for (const char* arguments : {"set 80 @.", "batch .", "set 80 @/proc/self/mem"}) {
    const Ran ran = Run(arguments);
    EXPECT_EQ(ran.exit_code, 2) << arguments;
    EXPECT_THAT(ran.err, HasSubstr("cannot read ")) << arguments;
  }
  EXPECT_THAT(server_.received(), IsEmpty());
}

TEST_F(ProgramTest, S7_AnEmptyInputIsAnEmptyValueAndAnEmptyScript) {
  EXPECT_EQ(Run("set 1 -").exit_code, 0);
  EXPECT_EQ(Run("get 1").out.substr(0, 9), "SUCCESS  ");
  EXPECT_EQ(Run("").exit_code, 0);
}

TEST_F(ProgramTest, S19_TextOfSeveralLinesIsOneStatementAlsoInScriptsAndBatches) {
  const std::string script = "set 22 \"line1\nline2\"\nget 22 -- \n";
  for (const char* arguments : {"", "batch -"}) {
    const Ran ran = Run(arguments, "\n" + script);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("data \"line1\\nline2\"")) << arguments;
  }
  const Ran open = Run("", "get 1\n\nset 1 'a\nb\n");
  EXPECT_EQ(open.exit_code, 2);
  EXPECT_THAT(open.err, HasSubstr("line 3: the quote ' at column 7 is not closed"));
  const Ran batch = Run("batch -", "get 1\nset 1 'a\nb\n");
  EXPECT_EQ(batch.exit_code, 2);
  EXPECT_THAT(batch.err, HasSubstr("standard input, line 2: the quote ' at column 7"));
}

TEST_F(ProgramTest, S19_JsonIsStoredAsItIsTyped) {
  EXPECT_EQ(Run("", "set 9 {\"a\":1}\n").exit_code, 0);
  EXPECT_EQ(Run("get 9 -o raw").out, "{\"a\":1}");
  const Ran ran = Run("", "set 10 {\"a\": 1}\n");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, HasSubstr("data with blanks needs quotes"));
}

TEST_F(ProgramTest, S19_TheProgramsNameInFrontIsPassedOver) {
  EXPECT_EQ(Run("", "tripla set 1 tripla\n").exit_code, 0);
  EXPECT_EQ(Run("get 1 -o raw").out, "tripla");
}

TEST_F(ProgramTest, S19_AScriptHasOneTableUnderOneHeader) {
  const Ran ran = Run("-o table", "set 1 a\nget 1\nget 2\n\\o plain\nget 1\n\\o table\nget 1\n");
  EXPECT_EQ(ran.exit_code, 0);
  size_t headers = 0;
  for (size_t at = 0; (at = ran.out.find("KEY ", at)) != std::string::npos; ++at) ++headers;
  EXPECT_EQ(headers, 2u) << ran.out;
}

TEST_F(ProgramTest, S20_StatusExitsSoThatOneCanBeAlarmed) {
  const MonitoredServer sound(Saying(true, true));
  const MonitoredServer full(Saying(true, false));
  const MonitoredServer waits(Saying(false, true));
  server_.Stop();
  const std::string down = server_.endpoint();
  EXPECT_EQ(Run("status -e " + sound.endpoint()).exit_code, 0);
  EXPECT_EQ(Run("status -e " + full.endpoint()).exit_code, 9);
  EXPECT_EQ(Run("status -e " + waits.endpoint()).exit_code, 6);
  EXPECT_EQ(Run("status -e " + sound.endpoint() + "," + full.endpoint()).exit_code, 9);
  const Ran ran = Run("status -e " + sound.endpoint() + "," + down);
  EXPECT_EQ(ran.exit_code, 6);
  EXPECT_THAT(ran.out, HasSubstr(down + "  -     -       down\n"));
  EXPECT_THAT(ran.err, HasSubstr("status of " + down + ": no connection to "));
  EXPECT_THAT(Run("status -e " + sound.endpoint()).out, HasSubstr("ready                 true\n"));
}

TEST_F(ProgramTest, S20_HealthExitsWithZeroOnlyWhenAllAreReady) {
  const MonitoredServer sound(Saying(true, true));
  const MonitoredServer waits(Saying(false, true));
  const std::string foreign = server_.endpoint();  // it has no health service
  EXPECT_EQ(Run("health -e " + sound.endpoint()).exit_code, 0);
  EXPECT_EQ(Run("health -e " + foreign).exit_code, 6);
  server_.Stop();
  const Ran ran = Run("health -e " + sound.endpoint() + "," + waits.endpoint() + "," + foreign);
  EXPECT_EQ(ran.exit_code, 6);
  EXPECT_THAT(ran.out, HasSubstr(sound.endpoint() + "  ready\n"));
  EXPECT_THAT(ran.out, HasSubstr(waits.endpoint() + "  not ready\n"));
  EXPECT_THAT(ran.out, HasSubstr(foreign + "  down: Connection refused\n"));
}

TEST_F(ProgramTest, S9_ASnapshotThatFindsNoRoomExitsAsAFullDisk) {
  const MonitoredServer full(Saying(true, false));  // as servers were that gave no reason
  const Ran ran = Run("snapshot -e " + full.endpoint());
  EXPECT_EQ(ran.exit_code, 9);
  EXPECT_THAT(ran.err, HasSubstr("try again once the server can write"));
}

TEST_F(ProgramTest, S21_OutcomeWantsAnIdOfAWrite) {
  const Ran ran = Run("outcome nonsense");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, StartsWith("tripla: outcome: "));
  EXPECT_EQ(Run("outcome").exit_code, 2);
}

TEST_F(ProgramTest, S19_HintsAreForPeopleOnly) {
  ASSERT_EQ(Run("set 1 a").exit_code, 0);
  const Ran ran = Run("set 1 b");
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST_F(ProgramTest, RefusedConnectionIsSurelyNotApplied) {
  const std::string endpoint = server_.endpoint();
  server_.Stop();
  const Ran ran = Run("set 1 a --timeout 200ms");
  EXPECT_EQ(ran.exit_code, 6);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, HasSubstr("no connection to " + endpoint));
  EXPECT_THAT(ran.err, HasSubstr("nothing was applied; check that the server runs there"));
}

TEST_F(ProgramTest, BadKeysAreRefusedBeforeAnythingIsSent) {
  for (const char* key : {"x", "1.5", "''", "0x", "1__0"}) {
    const Ran ran = Run(std::string("set ") + key + " a --endpoints 127.0.0.1:1");
    EXPECT_EQ(ran.exit_code, 2) << key;
    EXPECT_THAT(ran.err, HasSubstr("is not a key")) << key;
  }
}

TEST_F(ProgramTest, ReportsStatusSnapshotAndHelp) {
  EXPECT_THAT(Run("status").out, HasSubstr("standalone"));
  EXPECT_THAT(Run("snapshot -o json").out,
              HasSubstr("\"endpoint\":\"" + server_.endpoint() + "\",\"file\":\"snapshot.0_1\""));
  EXPECT_THAT(Run("help cas").out, StartsWith("cas KEY DATA --version N"));
  EXPECT_THAT(Run("--help").out, HasSubstr("Exit codes:"));
  EXPECT_THAT(Run("--version").out, StartsWith("tripla "));
}

TEST_F(ProgramTest, TheOutputOptionHoldsForEachReport) {
  EXPECT_EQ(Run("snapshot -o raw").out, "snapshot.0_1");
  EXPECT_THAT(Run("snapshot -o table").out, StartsWith("ENDPOINT "));
  EXPECT_THAT(Run("status -o table").out, StartsWith("SERVER "));
}

TEST_F(ProgramTest, SaysThatDataCouldNotBeWritten) {
  const std::string command = fmt::format("'{}' get 1 >/dev/full 2>/dev/null", TRIPLA_PROGRAM);
  const int status = std::system(command.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

}  // namespace
}  // namespace tripla::cli
