// SPDX-License-Identifier: Apache-2.0
#include "cli/answer_text.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "absl/strings/str_split.h"
#include "cli/report_text.h"

namespace tripla::cli {
namespace {

KeyedAnswer Answered(const char* key, Decided decided) {
  return {*Key::Parse(key), std::move(decided)};
}

const KeyedAnswer& Found() {
  static const KeyedAnswer answer = Answered(
      "-12", {Result::kSuccess, Triple{3, std::numeric_limits<int64_t>::min(), "la\"la\n"}, 7});
  return answer;
}

const KeyedAnswer& Null() {
  static const KeyedAnswer answer = Answered("5", {Result::kNoEntry, std::nullopt, 9, true});
  return answer;
}

const KeyedAnswer& Bytes() {
  static const KeyedAnswer answer =
      Answered("5", {Result::kWrongVersion, Triple{1, 0, std::string("\0\x1b\xff", 3)}, 9});
  return answer;
}

std::string Text(const KeyedAnswer& answer, OutputFormat format,
                 Destination destination = Destination::kPipe) {
  return AnswersText({&answer, 1}, format, destination);
}

TEST(AnswersText, PlainIsALine) {
  EXPECT_EQ(
      Text(Found(), OutputFormat::kPlain),
      "SUCCESS  version 3  timestamp -9223372036854775808  revision 7  data \"la\\\"la\\n\"\n");
  EXPECT_EQ(Text(Null(), OutputFormat::kPlain), "ERROR_NE  NULL  revision 9  replayed\n");
  EXPECT_EQ(Text(Bytes(), OutputFormat::kPlain),
            "ERROR_WV  version 1  timestamp 0  revision 9  data \"\\x00\\x1b\\xff\"\n");
  EXPECT_EQ(Text(Answered("1", {Result::kError, Triple{}, 0}), OutputFormat::kPlain),
            "ERROR  version 0  timestamp 0  revision 0  data \"\"\n")
      << "an empty value is not NULL";
}

TEST(AnswersText, JsonHasNumbersAsStringsAndDataAsBase64) {
  EXPECT_EQ(Text(Found(), OutputFormat::kJson),
            R"({"key":"-12","result":"SUCCESS","value":{"version":"3",)"
            R"("timestamp":"-9223372036854775808","data":"bGEibGEK","text":"la\"la\n"},)"
            R"("revision":"7","replayed":false})"
            "\n");
  EXPECT_EQ(Text(Null(), OutputFormat::kJson),
            R"({"key":"5","result":"ERROR_NE","value":null,"revision":"9","replayed":true})"
            "\n");
}

TEST(AnswersText, JsonHasNoTextForBytes) {
  EXPECT_EQ(Text(Bytes(), OutputFormat::kJson),
            R"({"key":"5","result":"ERROR_WV","value":{"version":"1","timestamp":"0",)"
            R"("data":"ABv/"},"revision":"9","replayed":false})"
            "\n");
}

TEST(AnswersText, TableAlignsAllAnswers) {
  const std::vector<KeyedAnswer> answers{Found(), Null()};
  EXPECT_EQ(AnswersText(answers, OutputFormat::kTable, Destination::kPipe),
            "KEY  RESULT    VERSION  TIMESTAMP             REVISION  DATA\n"
            "-12  SUCCESS   3        -9223372036854775808  7         \"la\\\"la\\n\"\n"
            "5    ERROR_NE  NULL     NULL                  9         NULL\n");
}

TEST(AnswersText, TableCutsWhatIsLong) {
  const KeyedAnswer answer = Answered(("-" + std::string(100, '7')).c_str(),
                                      {Result::kSuccess, Triple{1, 1, std::string(99, 'x')}, 1});
  EXPECT_EQ(Text(answer, OutputFormat::kTable),
            "KEY" + std::string(47, ' ') + "RESULT   VERSION  TIMESTAMP  REVISION  DATA\n" +
                "-777777777777777...7777777777777777 (100 digits)  SUCCESS  1        1          1" +
                "         \"" + std::string(60, 'x') + "\"... (99 bytes)\n");
}

TEST(GrowingTable, S19_ShowsItsHeaderOnce) {
  GrowingTable table;
  EXPECT_EQ(table.Text({&Null(), 1}),
            "KEY       RESULT    VERSION  TIMESTAMP      REVISION  DATA\n"
            "5         ERROR_NE  NULL     NULL           9         NULL\n");
  EXPECT_EQ(table.Text({&Found(), 1}),
            "-12       SUCCESS   3        -9223372036854775808  7         \"la\\\"la\\n\"\n");
  EXPECT_EQ(table.Text({&Null(), 1}),
            "5         ERROR_NE  NULL     NULL                  9         NULL\n")
      << "a column stays as wide as it had to become";
  table.End();
  EXPECT_TRUE(table.Text({&Null(), 1}).starts_with("KEY "));
}

TEST(AnswersText, RawIsTheBytesInAPipe) {
  EXPECT_EQ(Text(Bytes(), OutputFormat::kRaw), std::string("\0\x1b\xff", 3));
  EXPECT_EQ(Text(Null(), OutputFormat::kRaw), "");
}

TEST(AnswersText, RawIsEscapedOnATerminal) {
  EXPECT_EQ(Text(Bytes(), OutputFormat::kRaw, Destination::kTerminal), "\\x00\\x1b\\xff\n");
}

TEST(StatusText, SkipsForPeopleWhatIsEmpty) {
  const ServerStatus status{.node = "n1", .role = "standalone", .writable = true};
  const std::string text = StatusText(status, OutputFormat::kPlain);
  EXPECT_TRUE(text.starts_with("node                  n1\nrole                  standalone\nterm "))
      << text;
  EXPECT_NE(text.find("image_log_index       0  (no image yet)\n"), std::string::npos) << text;
}

TEST(StatusText, TellsWhyAServerDoesNotWrite) {
  ServerStatus status;
  EXPECT_NE(StatusText(status, OutputFormat::kPlain).find("false  (the disk is too full)\n"),
            std::string::npos)
      << "an older server says no more";
  status.write_refusal = "Too many open files (raise its limit)";
  const std::string text = StatusText(status, OutputFormat::kPlain);
  EXPECT_NE(text.find("writable              false\n"), std::string::npos) << text;
  EXPECT_NE(text.find("write_refusal         Too many open files (raise its limit)\n"),
            std::string::npos)
      << text;
  EXPECT_NE(StatusText(status, OutputFormat::kJson)
                .find(R"x("write_refusal":"Too many open files (raise its limit)")x"),
            std::string::npos);
}

TEST(StatusText, R28_TellsTheLevelAndWhatHoldsItBack) {
  ServerStatus status;
  EXPECT_EQ(StatusText(status, OutputFormat::kPlain).find("level"), std::string::npos)
      << "a server from before there were levels does not say it";
  status.level = 1;
  EXPECT_NE(StatusText(status, OutputFormat::kPlain).find("level                 1\n"),
            std::string::npos);
  status.level_held_back = "n3 knows only level 1";
  EXPECT_NE(StatusText(status, OutputFormat::kPlain)
                .find("level_held_back       n3 knows only level 1\n"),
            std::string::npos);
  EXPECT_NE(StatusText(status, OutputFormat::kJson)
                .find(R"("level":"1","level_held_back":"n3 knows only level 1")"),
            std::string::npos);
}

TEST(StatusText, TellsServersThatDoNotBelongTogether) {
  const auto of = [](const char* endpoint, const char* cluster) {
    return EndpointStatus{endpoint, ServerStatus{.cluster = cluster}};
  };
  const auto together = StatusOfAllText({of("a:1", "x"), of("b:1", "x")}, OutputFormat::kPlain);
  EXPECT_EQ(together.find("belong to different"), std::string::npos) << together;
  const auto apart =
      StatusOfAllText({of("a:1", "x"), of("b:1", "y"), of("c:1", "x")}, OutputFormat::kPlain);
  EXPECT_NE(apart.find("check --endpoints:\n  x: a:1, c:1\n  y: b:1\n"), std::string::npos)
      << apart;
}

TEST(StatusText, TellsADiskThatTakesSmallWritesOnly) {
  ServerStatus status{.writable = true, .data_bytes_max = 16 << 20, .ready = true};
  EXPECT_EQ(StatusText(status, OutputFormat::kPlain).find("write_bytes_max"), std::string::npos)
      << "an older server does not say it";
  status.write_bytes_max = 3 << 20;
  const std::string text = StatusText(status, OutputFormat::kPlain);
  EXPECT_NE(text.find("write_bytes_max       3145728  (3 MiB; the disk is nearly full)\n"),
            std::string::npos)
      << text;
  EXPECT_NE(StatusText(status, OutputFormat::kJson).find(R"("write_bytes_max":"3145728")"),
            std::string::npos);
  status.write_bytes_max = 16 << 20;
  EXPECT_EQ(StatusText(status, OutputFormat::kPlain).find("nearly full"), std::string::npos);
}

TEST(StatusText, JsonHasEveryField) {
  const ServerStatus status{.node = "n\"1", .keys = 3, .state_hash = "\x01\xff"};
  const std::string text = StatusText(status, OutputFormat::kJson);
  EXPECT_TRUE(text.starts_with(R"({"node":"n\"1","role":"","leader":"")")) << text;
  EXPECT_NE(text.find(R"("keys":"3","state_hash":"01ff")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("writable":false)"), std::string::npos) << text;
}

const Failure kDead{.code = absl::StatusCode::kUnavailable,
                    .message = "Connection refused",
                    .applied = Failure::Applied::kNo};

TEST(StatusOfAllText, S20_IsATableWithTheStateOfEach) {
  const ServerStatus lives{.node = "n1",
                           .role = "leader",
                           .term = 2,
                           .state_hash = "\x01\xff\x02\x03\x04",
                           .writable = true,
                           .ready = true};
  ServerStatus full = lives;
  full.writable = false;
  ServerStatus waits = full;
  waits.ready = false;
  EXPECT_EQ(StatusOfAllText({{"a:1", lives}, {"b:2", kDead}, {"c:3", full}, {"d:4", waits}},
                            OutputFormat::kPlain),
            "SERVER  NODE  ROLE    STATE      TERM  REVISION  KEYS  HASH\n"
            "a:1     n1    leader  ready      2     0         0     01ff0203\n"
            "b:2     -     -       down\n"
            "c:3     n1    leader  read-only  2     0         0     01ff0203\n"
            "d:4     n1    leader  not ready  2     0         0     01ff0203\n");
  const std::string json = StatusOfAllText({{"a:1", lives}, {"b:2", kDead}}, OutputFormat::kJson);
  EXPECT_NE(json.find(R"("ready":true)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"({"endpoint":"b:2","error":"Connection refused"})"), std::string::npos);
}

TEST(StatusOfAllText, S20_FitsEightyColumns) {
  ServerStatus status{.node = "n1",
                      .role = "follower",
                      .term = 12,
                      .revision = 1'234'567,
                      .keys = 100'000,
                      .state_hash = std::string(16, '\x01')};
  const auto text_of = [&status] {
    return StatusOfAllText({{"database-1.eu-west.example.com:7420", status},
                            {"database-2.eu-west.example.com:7420", status}},
                           OutputFormat::kTable);
  };
  const std::string usual = text_of();
  EXPECT_NE(usual.find("database-1"), std::string::npos) << usual;
  EXPECT_NE(usual.find(":7420 "), std::string::npos) << usual;
  status.role = "candidate";
  status.term = 12'345;
  status.revision = 12'345'678'901;
  status.keys = 100'000'000;
  for (const std::string& text : {usual, text_of()}) {
    for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
      EXPECT_LE(line.size(), 80u) << line;
    }
  }
}

TEST(LeaderText, ComesInEachFormat) {
  const auto text = [](OutputFormat format, Destination destination = Destination::kPipe) {
    return LeaderText({.node = "n2", .endpoint = "b:7420", .term = 7}, format, destination);
  };
  EXPECT_EQ(text(OutputFormat::kPlain),
            "leader           n2\nleader_endpoint  b:7420\nterm             7\n");
  EXPECT_EQ(text(OutputFormat::kTable), "LEADER  ENDPOINT  TERM\nn2      b:7420    7\n");
  EXPECT_EQ(text(OutputFormat::kRaw), "n2");
  EXPECT_EQ(text(OutputFormat::kRaw, Destination::kTerminal), "n2\n");
  EXPECT_EQ(text(OutputFormat::kJson),
            "{\"leader\":\"n2\",\"leader_endpoint\":\"b:7420\",\"term\":\"7\"}\n");
}

TEST(StatusOfAllText, C7_SaysWhyAServerIsNotReadyOrTakesNoWrites) {
  const ServerStatus stuck{.node = "n1", .not_ready = "n1 is elected, but its disk is full"};
  const ServerStatus full{.node = "n2", .ready = true, .write_refusal = "/d has 7 bytes free"};
  const std::string text = StatusOfAllText({{"a:1", stuck}, {"b:1", full}}, OutputFormat::kPlain);
  EXPECT_NE(text.find("n1 is not ready: n1 is elected, but its disk is full\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("n2 takes no writes: /d has 7 bytes free\n"), std::string::npos) << text;
  EXPECT_NE(StatusText(stuck, OutputFormat::kPlain).find("n1 is elected, but its disk is full"),
            std::string::npos);
}

TEST(StatusOfAllText, C13_SaysWhoHasNoLeaseAndWhichLinksAreNotWell) {
  ServerStatus leader{
      .node = "n1", .role = "leader", .writable = true, .log_index = 5000, .ready = true};
  leader.has_lease = false;
  leader.members = {
      {.node = "n2", .silence_ms = 100, .log_index = 4999},
      {.node = "n3", .silence_ms = 2500, .trouble = "Connection refused", .log_index = 3000}};
  const ServerStatus follower{.node = "n2", .ready = true, .members = {{.node = "n1"}}};
  const std::string text = StatusOfAllText({{"a:1", leader}, {"b:1", follower}}, {});
  EXPECT_NE(text.find("  no lease  "), std::string::npos) << text;
  EXPECT_NE(text.find("\nn1 says of n3: heard 2.5 s ago; out of reach: Connection refused; "
                      "2000 records behind\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("says of n2"), std::string::npos) << text;
  EXPECT_EQ(text.find("says of n1"), std::string::npos) << text;
}

TEST(StatusText, SaysThatReadsDoNotGoByTheLease) {
  ServerStatus status{.node = "n1"};
  status.read_lease = false;
  const std::string text = StatusText(status, OutputFormat::kPlain);
  EXPECT_NE(text.find("read_lease            false  (a leader asks a majority before each read)\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("has_lease"), std::string::npos) << text;
}

TEST(HealthText, S20_SaysOfEachWhetherItLivesAndIsReady) {
  using State = EndpointHealth::State;
  const std::vector<EndpointHealth> servers{{"a:1", State::kReady, ""},
                                            {"b:22", State::kLive, ""},
                                            {"c:3", State::kDown, "Connection refused"}};
  EXPECT_EQ(HealthText(servers, OutputFormat::kPlain),
            "SERVER  HEALTH\n"
            "a:1     ready\n"
            "b:22    not ready\n"
            "c:3     down: Connection refused\n");
  EXPECT_EQ(HealthText(servers, OutputFormat::kJson),
            "{\"endpoint\":\"a:1\",\"live\":true,\"ready\":true}\n"
            "{\"endpoint\":\"b:22\",\"live\":true,\"ready\":false}\n"
            "{\"endpoint\":\"c:3\",\"live\":false,\"ready\":false,"
            "\"error\":\"Connection refused\"}\n");
}

TEST(OutcomeText, S21_SaysWhatBecameOfEachOperation) {
  using Kind = Resolved::Kind;
  const std::vector<Resolved> outcomes{
      {Kind::kDecided, Decided{Result::kError, Triple{3, 4, ""}, 7}},
      {Kind::kDecided, Decided{Result::kSuccess, std::nullopt, 8}},
      {Kind::kDecided, std::nullopt},
      {Kind::kNotApplied, std::nullopt},
      {Kind::kForgotten, std::nullopt}};
  EXPECT_EQ(OutcomeText(outcomes, OutputFormat::kPlain),
            "ERROR  version 3  timestamp 4  revision 7\n"
            "SUCCESS  NULL  revision 8\n"
            "DECIDED\n"
            "NOT_APPLIED\n"
            "FORGOTTEN\n");
  const std::string json = OutcomeText(outcomes, OutputFormat::kJson);
  EXPECT_TRUE(json.starts_with(R"({"outcome":"decided","result":"ERROR","value":{"version":"3",)"
                               R"("timestamp":"4"},"revision":"7"})"))
      << json;
  EXPECT_NE(json.find("{\"outcome\":\"not applied\"}\n{\"outcome\":\"forgotten\"}\n"),
            std::string::npos)
      << json;
}

TEST(OutcomeText, S21_IsATableToo) {
  using Kind = Resolved::Kind;
  EXPECT_EQ(OutcomeText({{Kind::kDecided, Decided{Result::kError, Triple{3, 4, ""}, 7}},
                         {Kind::kDecided, Decided{Result::kSuccess, std::nullopt, 8}},
                         {Kind::kNotApplied, std::nullopt}},
                        OutputFormat::kTable),
            "OUTCOME  VERSION  TIMESTAMP  REVISION\n"
            "ERROR    3        4          7\n"
            "SUCCESS  NULL     NULL       8\n"
            "NOT_APPLIED\n");
}

TEST(ImageText, ComesInEachFormat) {
  const auto text = [](OutputFormat format, Destination destination = Destination::kPipe) {
    return ImageText({4, 5, 6, 2048, "snapshot.0_4", "a:1"}, format, destination);
  };
  EXPECT_EQ(text(OutputFormat::kTable),
            "ENDPOINT  FILE          LOG_INDEX  REVISION  ENTRIES  BYTES\n"
            "a:1       snapshot.0_4  4          5         6        2048\n");
  EXPECT_EQ(text(OutputFormat::kRaw), "snapshot.0_4");
  EXPECT_EQ(text(OutputFormat::kRaw, Destination::kTerminal), "snapshot.0_4\n");
  EXPECT_EQ(text(OutputFormat::kJson),
            R"({"endpoint":"a:1","file":"snapshot.0_4","log_index":"4","revision":"5",)"
            R"("entries":"6","bytes":"2048"})"
            "\n");
  EXPECT_EQ(text(OutputFormat::kPlain),
            "endpoint   a:1\n"
            "file       snapshot.0_4\n"
            "log_index  4\n"
            "revision   5\n"
            "entries    6\n"
            "bytes      2048  (2 KiB)\n");
}

}  // namespace
}  // namespace tripla::cli
