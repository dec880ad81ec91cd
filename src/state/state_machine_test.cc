// SPDX-License-Identifier: Apache-2.0
#include "state/state_machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "state/session_bounds.h"
#include "state/state_hash.h"
#include "state/state_loader.h"
#include "state/state_test_commands.h"

namespace tripla {
namespace {

constexpr int64_t kVersionMax = std::numeric_limits<int64_t>::max();

Command Set(const std::string& key, std::string data = "a") {
  return Make(CommandKind::kSet, key, 0, std::move(data));
}

Command WithId(Command command, uint64_t sequence, uint64_t first_unanswered = 0,
               char client = 'c') {
  command.request_id = {.sequence = sequence, .first_unanswered = first_unanswered};
  command.request_id->client.fill(client);
  return command;
}

Command SentBefore(Command command) {
  command.request_id->sent_before = true;
  return command;
}

// Applies batches at consecutive indexes.
class Applier {
 public:
  explicit Applier(StateMachine& machine)
      : machine_(machine), index_(machine.GetSummary().position.index) {}
  std::vector<Outcome> operator()(std::vector<Command> commands) {
    return machine_.Apply({.index = ++index_}, Batch{std::move(commands)});
  }
  Outcome operator()(Command command) {
    return (*this)(std::vector<Command>{std::move(command)}).front();
  }

 private:
  StateMachine& machine_;
  LogIndex index_;
};

// A machine whose entry 1 has the highest version.
std::unique_ptr<StateMachine> MachineAtHighestVersion() {
  StateMachine probe;
  Applier apply(probe);
  apply(Set("1"));
  const EntryRef entry = Entry::Create({.version = kVersionMax, .timestamp = 7, .revision = 1},
                                       Key::Parse("1")->ordered_bytes(), "a");
  StateSummary summary = probe.GetSummary();
  StateHashSum hash;
  hash.Add(*entry);
  summary.hash = hash.value();
  StateLoader loader;
  EXPECT_TRUE(loader.AddEntry(entry).ok());
  return std::move(loader.Finish(summary)).value();
}

TEST(StateMachine, R8b_AtTheHighestVersionTestAndSetIsRefusedAndNothingChanges) {
  const std::unique_ptr<StateMachine> machine = MachineAtHighestVersion();
  Applier apply(*machine);
  EXPECT_EQ(Text(apply(Make(CommandKind::kTestAndSet, "1", kVersionMax, "b"))), "refused 1");
  EXPECT_EQ(Text(apply(Make(CommandKind::kTestAndSet, "1", 1, "b"))),
            "4@1 (9223372036854775807,a)");
  EXPECT_EQ(machine->GetSummary().revision, 1u);
  EXPECT_EQ(Text(apply(WithId(Make(CommandKind::kTestAndSet, "1", kVersionMax), 1))), "refused 1");
  EXPECT_EQ(Text(apply(WithId(Make(CommandKind::kTestAndSet, "1", kVersionMax), 1))), "refused 1");
  EXPECT_EQ(Text(apply(Make(CommandKind::kDelVersion, "1", kVersionMax))),
            "1@2 (9223372036854775807,a)");
}

// The specification's table, in the simplest form.
class Model {
 public:
  std::string Decide(const Command& command) {
    const std::string key = command.key.ToText();
    const auto found = entries_.find(key);
    const bool absent = found == entries_.end();
    const auto matches = [&] {
      return found->second.version == command.version &&
             (command.if_revision == 0 || found->second.revision == command.if_revision);
    };
    switch (command.kind) {
      case CommandKind::kGet:
        return absent ? Null(2) : Stored(1, found->second);
      case CommandKind::kSet:
        if (!absent) return Stored(2, found->second);
        entries_[key] = {1, ++revision_, command.data};
        return Null(1);
      case CommandKind::kDel:
        return absent ? Null(2) : Remove(found);
      case CommandKind::kDelVersion:
        if (absent) return Null(3);
        return matches() ? Remove(found) : Stored(4, found->second);
      case CommandKind::kTestAndSet: {
        if (absent) return Null(3);
        if (!matches()) return Stored(4, found->second);
        const Row before = found->second;
        found->second = {before.version + 1, ++revision_, command.data};
        return "1@" + std::to_string(revision_) + Value(before);
      }
      case CommandKind::kRaiseLevel:
        return Null(1);
    }
    return "";
  }

 private:
  struct Row {
    int64_t version;
    uint64_t revision;
    std::string data;
  };
  std::string Null(int result) const {
    return std::to_string(result) + "@" + std::to_string(revision_) + " null";
  }
  static std::string Value(const Row& row) {
    return " (" + std::to_string(row.version) + "," + row.data + ")";
  }
  static std::string Stored(int result, const Row& row) {
    return std::to_string(result) + "@" + std::to_string(row.revision) + Value(row);
  }
  std::string Remove(std::map<std::string, Row>::iterator found) {
    const std::string text = "1@" + std::to_string(++revision_) + Value(found->second);
    entries_.erase(found);
    return text;
  }

  std::map<std::string, Row> entries_;
  uint64_t revision_ = 0;
};

Command RandomCommand(std::mt19937_64& random) {
  Command command = Make(static_cast<CommandKind>(1 + random() % 5),
                         std::to_string(static_cast<int>(random() % 60) - 30), random() % 4,
                         std::to_string(random() % 1000));
  if (random() % 8 == 0) command.if_revision = random() % 500;
  return command;
}

TEST(StateMachine, AgreesWithTheSpecificationsTableWhateverTheBatches) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  Model model;
  StateMachine machine;
  StateMachine one_by_one;
  Applier apply(machine);
  Applier apply_singly(one_by_one);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Command> commands;
    for (uint64_t i = 1 + random() % 12; i > 0; --i) commands.push_back(RandomCommand(random));
    const std::vector<Outcome> outcomes = apply(commands);
    for (size_t i = 0; i < commands.size(); ++i) {
      const std::string expected = model.Decide(commands[i]);
      ASSERT_EQ(Text(outcomes[i]), expected);
      ASSERT_EQ(Text(apply_singly(commands[i])), expected);
    }
  }
  machine.CheckInvariants();
  StateSummary summary = one_by_one.GetSummary();
  summary.position = machine.GetSummary().position;
  EXPECT_EQ(machine.GetSummary(), summary) << "the split into batches left a trace";
}

TEST(StateMachine, R17_AFrozenViewIsOneMoment) {
  StateMachine machine;
  Applier apply(machine);
  apply({Set("1", "lala"), Set("2", "lele"), Set("3", "lili")});
  const StateView view = machine.Freeze();
  apply(Make(CommandKind::kTestAndSet, "1", 1, "lolo"));
  apply(Make(CommandKind::kTestAndSet, "3", 1, "lulu"));
  std::string seen;
  for (StateView::EntryCursor cursor = view.Entries(); cursor.Valid(); cursor.Next()) {
    seen += std::string(cursor.entry().data()) + " ";
  }
  EXPECT_EQ(seen, "lala lele lili ");
  EXPECT_EQ(machine.Get(*Key::Parse("3")).entry->data(), "lulu");
}

TEST(StateMachine, R10_KeysComeInTheOrderOfIntegers) {
  StateMachine machine;
  Applier apply(machine);
  const std::vector<std::string> ordered = {"-70000", "-256", "-2", "-1", "0", "1", "255", "256"};
  for (const char* key : {"256", "-1", "0", "255", "-70000", "1", "-256", "-2"}) {
    apply(Set(key, key));
  }
  std::vector<std::string> seen;
  const StateView view = machine.Freeze();
  for (StateView::EntryCursor cursor = view.Entries(); cursor.Valid(); cursor.Next()) {
    seen.emplace_back(cursor.entry().data());
  }
  EXPECT_EQ(seen, ordered);
}

TEST(StateMachine, ReadersSeeWholeBatchesWhileTheWriterRuns) {
  StateMachine machine;
  Applier apply(machine);
  apply({Set("1", "0"), Set("2", "0")});
  std::atomic<bool> done{false};
  std::atomic<int> looks{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      int64_t last = 0;
      while (!done.load()) {
        const StateView view = machine.Freeze();
        const int64_t version = view.Get(*Key::Parse("1")).entry->version();
        ASSERT_EQ(view.Get(*Key::Parse("2")).entry->version(), version);
        ASSERT_GE(version, last) << "time ran backwards";
        last = version;
        ASSERT_GE(machine.Get(*Key::Parse("2")).entry->version(), version);
        ++looks;
      }
    });
  }
  for (int version = 1; version <= 3000 || looks < 100; ++version) {
    apply({Make(CommandKind::kTestAndSet, "1", version),
           Make(CommandKind::kTestAndSet, "2", version), Set("1" + std::to_string(version % 500)),
           Make(CommandKind::kDel, "1" + std::to_string(version % 499))});
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

TEST(StateMachine, TheHashTellsStatesApartAndComesBackToZero) {
  StateMachine machine;
  Applier apply(machine);
  const StateHash empty = machine.GetSummary().hash;
  EXPECT_EQ(empty, StateHash{});
  apply(Set("1"));
  const StateHash one = machine.GetSummary().hash;
  EXPECT_NE(one, empty);
  apply(Set("2"));
  EXPECT_NE(machine.GetSummary().hash, one);
  apply(Make(CommandKind::kDel, "2"));
  EXPECT_EQ(machine.GetSummary().hash, one);
  apply(Make(CommandKind::kDel, "1"));
  EXPECT_EQ(machine.GetSummary().hash, empty);
  EXPECT_EQ(machine.GetSummary().payload_bytes, 0u);
}

TEST(RequestIds, R13_AReplayAnswersAsBeforeAndChangesNothing) {
  StateMachine machine;
  Applier apply(machine);
  EXPECT_EQ(Text(apply(WithId(Set("1"), 1))), "1@1 null");
  EXPECT_EQ(Text(apply(Make(CommandKind::kDel, "1"))), "1@2 (1,a)");
  EXPECT_EQ(Text(apply(WithId(Set("1"), 1))), "1@1 again null");
  EXPECT_EQ(Text(apply(WithId(Set("1", "other"), 1))), "refused 2");
  EXPECT_EQ(Text(apply(WithId(Set("1"), 1, 0, 'd'))), "1@3 null") << "another client's 1";
}

TEST(RequestIds, C7_WhatWasDecidedIsRecalledWithoutTheLog) {
  StateMachine machine;
  Applier apply(machine);
  apply(WithId(Set("1"), 1));
  EXPECT_FALSE(machine.Recall(WithId(Set("2"), 2)).has_value());
  EXPECT_FALSE(machine.Recall(WithId(Set("1"), 1, 0, 'd')).has_value()) << "another client's";
  const StateSummary before = machine.GetSummary();
  EXPECT_EQ(Text(machine.Recall(WithId(Set("1"), 1)).value()), "1@1 again null");
  EXPECT_EQ(Text(machine.Recall(WithId(Set("1", "other"), 1)).value()), "refused 2");
  EXPECT_EQ(machine.GetSummary(), before);
}

TEST(RequestIds, R13_SequencesMayComeInAnyOrder) {
  StateMachine machine;
  Applier apply(machine);
  EXPECT_EQ(Text(apply(WithId(Set("3"), 3))), "1@1 null");
  EXPECT_EQ(Text(apply(WithId(Set("1"), 1))), "1@2 null");
  EXPECT_EQ(Text(apply(WithId(Set("3"), 3))), "1@1 again null");
  EXPECT_EQ(Text(apply(WithId(Set("2"), 2))), "1@3 null");
}

TEST(RequestIds, R13_WhatWasReceivedIsForgottenAndRefused) {
  StateMachine machine;
  Applier apply(machine);
  apply(WithId(Set("1"), 1));
  apply(WithId(Set("2"), 2, 2));
  EXPECT_EQ(machine.GetSummary().answers, 1u);
  EXPECT_EQ(Text(apply(WithId(Set("1"), 1))), "refused 3");
  EXPECT_EQ(Text(apply(WithId(Set("9"), 9, 1000))), "1@3 null") << "beyond itself it has no say";
  EXPECT_EQ(Text(apply(WithId(Set("9"), 9, 1000))), "1@3 again null");
}

TEST(RequestIds, R13_TheLastSequenceIsRememberedToo) {
  StateMachine machine;
  Applier apply(machine);
  constexpr uint64_t kLast = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(Text(apply(WithId(Set("1"), kLast, kLast))), "1@1 null");
  EXPECT_EQ(Text(apply(WithId(Set("1"), kLast, kLast))), "1@1 again null");
}

TEST(RequestIds, R13a_ASequenceThatNeverCameIsNewHoweverManyLaterOnesWereAnswered) {
  StateMachine machine({.clients = 2, .answers_per_client = 10, .answer_bytes = 10'000});
  Applier apply(machine);
  for (uint64_t i = 2; i <= 5000; ++i) {
    if (i != 17) apply(WithId(Set(std::to_string(i)), i, 1));
  }
  EXPECT_EQ(machine.GetSummary().answers, 10u);
  EXPECT_EQ(Text(apply(WithId(Set("17"), 17, 1))), "1@4999 null");
  EXPECT_EQ(Text(apply(WithId(Set("1"), 1, 1))), "1@5000 null");
  EXPECT_EQ(Text(apply(SentBefore(WithId(Set("6000"), 6000, 1)))), "1@5001 null");
  EXPECT_EQ(Text(apply(WithId(Set("6000"), 6000, 1))), "1@5001 again null");
}

TEST(RequestIds, R13a_AnAnswerThatWasDroppedIsRefusedAndNotExecutedAgain) {
  StateMachine machine({.clients = 2, .answers_per_client = 10, .answer_bytes = 10'000});
  Applier apply(machine);
  for (uint64_t i = 1; i <= 100; ++i) {
    apply(WithId(Set("1"), 2 * i - 1, 1));
    apply(WithId(Make(CommandKind::kDel, "1"), 2 * i, 1));
  }
  const uint64_t revision = machine.GetSummary().revision;
  for (uint64_t i = 1; i <= 190; ++i) {
    const Command set = WithId(i % 2 == 1 ? Set("1") : Make(CommandKind::kDel, "1"), i, 1);
    EXPECT_EQ(Text(apply(set)), "refused 3") << i;
    EXPECT_EQ(Text(apply(SentBefore(set))), "refused 3") << i;
  }
  EXPECT_TRUE(apply(WithId(Set("1"), 191, 1)).replayed);
  EXPECT_EQ(machine.GetSummary().revision, revision);
  EXPECT_EQ(machine.GetSummary().runs, 1u) << "ids without answers take no memory each";
}

TEST(RequestIds, R13a_WhatAForgottenClientSentBeforeIsRefused) {
  StateMachine machine({.clients = 2, .answers_per_client = 10, .answer_bytes = 10'000});
  Applier apply(machine);
  EXPECT_EQ(Text(apply(SentBefore(WithId(Set("1"), 5, 0, 'a')))), "1@1 null") << "none forgotten";
  apply(WithId(Set("2"), 1, 0, 'b'));
  apply(WithId(Set("3"), 1, 0, 'c'));
  EXPECT_EQ(machine.GetSummary().forgotten_through, 5u);
  apply(Make(CommandKind::kDel, "1"));
  const StateSummary before = machine.GetSummary();
  EXPECT_EQ(Text(apply(SentBefore(WithId(Set("1"), 5, 0, 'a')))), "refused 4");
  EXPECT_EQ(Text(apply(SentBefore(WithId(Set("1"), 1, 0, 'z')))), "refused 4") << "who knows";
  EXPECT_EQ(machine.GetSummary().hash, before.hash) << "a refusal leaves no trace";
  EXPECT_EQ(Text(apply(WithId(Set("1"), 1, 0, 'z'))), "1@5 null") << "for the first time";
}

TEST(RequestIds, R13a_AClientThatIsBackIsRefusedWhatItMayHaveSentBefore) {
  StateMachine machine({.clients = 2, .answers_per_client = 10, .answer_bytes = 10'000});
  Applier apply(machine);
  apply(WithId(Set("1"), 7, 1, 'a'));
  apply(WithId(Set("2"), 1, 1, 'b'));
  apply(WithId(Set("3"), 1, 1, 'c'));
  EXPECT_EQ(Text(apply(WithId(Set("4"), 3, 1, 'a'))), "1@4 null") << "back";
  apply(Make(CommandKind::kDel, "1"));
  EXPECT_EQ(Text(apply(SentBefore(WithId(Set("1"), 7, 1, 'a')))), "refused 4");
  EXPECT_EQ(Text(apply(SentBefore(WithId(Set("4"), 3, 1, 'a')))), "1@4 again null");
  EXPECT_EQ(Text(apply(WithId(Set("5"), 6, 1, 'a'))), "1@6 null") << "for the first time";
  EXPECT_EQ(Text(apply(SentBefore(WithId(Set("6"), 8, 1, 'a')))), "1@7 null")
      << "no client that was forgotten ever had an id so high";
}

TEST(RequestIds, R13a_AClientWithNothingUnansweredIsForgottenFirst) {
  StateMachine machine({.clients = 3, .answers_per_client = 10, .answer_bytes = 10'000});
  Applier apply(machine);
  apply(WithId(Set("1"), 1, 1, 'a'));
  apply(WithId(Set("2"), 1, 1, 'b'));
  EXPECT_EQ(Text(apply(WithId(Set("2"), 1, 2, 'b'))), "1@2 again null") << "a farewell";
  apply(WithId(Set("3"), 1, 1, 'c'));
  apply(WithId(Set("4"), 1, 1, 'd'));
  EXPECT_TRUE(apply(SentBefore(WithId(Set("1"), 1, 1, 'a'))).replayed);
  EXPECT_EQ(Text(apply(SentBefore(WithId(Set("2"), 1, 1, 'b')))), "refused 4");
  apply(WithId(Set("5"), 1, 1, 'e'));
  EXPECT_EQ(Text(apply(SentBefore(WithId(Set("3"), 1, 1, 'c')))), "refused 4") << "idle longest";
}

TEST(RequestIds, R13a_AfterAFullImageOfFormat1EveryClientMayHaveBeenForgotten) {
  const SessionBounds bounds{.clients = 2, .answers_per_client = 10, .answer_bytes = 10'000};
  StateMachine machine(bounds);
  Applier apply(machine);
  apply(WithId(Set("1"), 7, 1, 'a'));
  const auto load = [&] {
    StateLoader loader(bounds);
    EXPECT_TRUE(AddAll(machine.Freeze(), loader).ok());
    return loader.FinishFormat1(machine.GetSummary()).value();
  };
  EXPECT_EQ(load()->GetSummary(), machine.GetSummary()) << "there was room for one more";
  apply(WithId(Set("2"), 1, 1, 'b'));
  const std::unique_ptr<StateMachine> loaded = load();
  loaded->CheckInvariants();
  Applier apply_loaded(*loaded);
  EXPECT_EQ(Text(apply_loaded(SentBefore(WithId(Set("1"), 8, 1, 'a')))), "refused 4");
  EXPECT_EQ(Text(apply_loaded(SentBefore(WithId(Set("1"), 8, 1, 'c')))), "refused 4");
  EXPECT_EQ(Text(apply_loaded(SentBefore(WithId(Set("1"), 7, 1, 'a')))), "1@1 again null");
  EXPECT_EQ(Text(apply_loaded(WithId(Set("1"), 8, 1, 'a'))), "2@1 (1,a)");
}

TEST(RequestIds, AnswersOfAClientAreBounded) {
  StateMachine machine;
  Applier apply(machine);
  for (uint64_t i = 1; i <= SessionBounds().answers_per_client + 1; ++i) {
    apply(WithId(Make(CommandKind::kDel, "1"), i));
  }
  EXPECT_EQ(machine.GetSummary().answers, SessionBounds().answers_per_client);
  EXPECT_EQ(Text(apply(WithId(Make(CommandKind::kDel, "1"), 1))), "refused 3");
  EXPECT_TRUE(apply(WithId(Make(CommandKind::kDel, "1"), 2)).replayed);
}

TEST(RequestIds, BytesOfAnswersAreBoundedAndTheLongestIdleForgetsFirst) {
  StateMachine machine;
  Applier apply(machine);
  const std::string data(16 << 20, 'd');
  const auto fill = [&](uint64_t sequence, char client) {
    apply(Set("1", data));
    apply(WithId(Make(CommandKind::kDel, "1"), sequence, 0, client));
  };
  fill(1, 'a');
  fill(2, 'a');
  for (uint64_t i = 1; i <= SessionBounds().answer_bytes / data.size() - 1; ++i) fill(i, 'b');
  EXPECT_EQ(Text(apply(WithId(Make(CommandKind::kDel, "1"), 1, 0, 'a'))), "refused 3");
  EXPECT_TRUE(apply(WithId(Make(CommandKind::kDel, "1"), 1, 0, 'b')).replayed);
  EXPECT_EQ(machine.GetSummary().sessions, 2u);
}

// A disk that the server has filled heals only if the images of a map that shrinks do too (S14),
// and a command line that has left never says that it has its answer.
TEST(RequestIds, S14_WithoutDiskAnswersHaveNoMoreDataThanTheMap) {
  StateMachine machine;
  Applier apply(machine);
  constexpr char kKeys = 10;
  const auto del = [](char key) {
    Command command = WithId(Make(CommandKind::kDel, std::to_string(key)), 1, 0, key);
    command.short_of_disk = true;
    return command;
  };
  for (char key = 0; key < kKeys; ++key) apply(Set(std::to_string(key), std::string(1 << 20, 'd')));
  for (char key = 0; key < kKeys; ++key) {
    EXPECT_EQ(apply(del(key)).result, Result::kSuccess);
    const StateSummary now = machine.GetSummary();
    EXPECT_LE(now.answer_bytes, std::max<uint64_t>(now.payload_bytes, 1 << 20) + 200 * kKeys)
        << int{key};
    machine.CheckInvariants();
  }
  EXPECT_TRUE(apply(del(kKeys - 1)).replayed) << "the last answer there is stays";
  EXPECT_EQ(apply(del(kKeys - 2)).refusal, Refusal::kAnswerForgotten) << "it is known, though";
  EXPECT_EQ(machine.GetSummary().forgotten_through, 0u);
}

TEST(RequestIds, TheLongestIdleSessionGoesWhenThereAreTooMany) {
  StateMachine machine;
  Applier apply(machine);
  const auto ask = [&](uint64_t client, bool sent_before = false) {
    Command command = WithId(Make(CommandKind::kDel, "1"), 1);
    command.request_id->sent_before = sent_before;
    for (int i = 0; i < 8; ++i)
      command.request_id->client[i] = static_cast<char>(client >> (8 * i));
    return apply(command);
  };
  for (uint64_t client = 0; client < SessionBounds().clients; ++client) ask(client);
  EXPECT_TRUE(ask(0).replayed);
  ask(SessionBounds().clients);
  EXPECT_EQ(machine.GetSummary().sessions, SessionBounds().clients);
  EXPECT_TRUE(ask(0).replayed);
  EXPECT_FALSE(ask(1).replayed) << "the longest idle stayed";
  EXPECT_EQ(Text(ask(2, /*sent_before=*/true)), "refused 4") << "S12: it was executed before";
  machine.CheckInvariants();
}

TEST(StateLoader, AReloadedMachineGoesOnAsTheOldOne) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  StateMachine machine;
  Applier apply(machine);
  const auto random_command = [&] {
    Command command = RandomCommand(random);
    if (random() % 2 == 0 || command.kind == CommandKind::kGet) return command;
    return WithId(command, 1 + random() % 300, random() % 50,
                  static_cast<char>('a' + random() % 3));
  };
  for (int i = 0; i < 2000; ++i) apply(random_command());
  machine.CheckInvariants();
  absl::StatusOr<std::unique_ptr<StateMachine>> reloaded = Reload(machine.Freeze());
  ASSERT_TRUE(reloaded.ok()) << reloaded.status();
  EXPECT_EQ((*reloaded)->GetSummary(), machine.GetSummary());
  Applier apply_reloaded(**reloaded);
  for (int i = 0; i < 2000; ++i) {
    const Command command = random_command();
    ASSERT_EQ(Text(apply(command)), Text(apply_reloaded(command)));
  }
  EXPECT_EQ((*reloaded)->GetSummary(), machine.GetSummary());
}

TEST(StateLoader, RefusesWhatNoMachineCanHaveSaved) {
  StateMachine machine;
  Applier apply(machine);
  apply({Set("1"), Set("2")});
  const StateSummary summary = machine.GetSummary();
  const auto entry = [](const std::string& key, int64_t version, uint64_t revision) {
    return Entry::Create({.version = version, .timestamp = 7, .revision = revision},
                         Key::Parse(key)->ordered_bytes(), "a");
  };
  {
    StateLoader loader;
    ASSERT_TRUE(loader.AddEntry(entry("2", 1, 2)).ok());
    EXPECT_TRUE(absl::IsDataLoss(loader.AddEntry(entry("1", 1, 1)))) << "order";
    EXPECT_TRUE(absl::IsDataLoss(loader.AddEntry(entry("2", 1, 2)))) << "twice";
    EXPECT_TRUE(absl::IsDataLoss(loader.AddEntry(entry("3", 0, 2)))) << "version 0";
    EXPECT_TRUE(absl::IsDataLoss(loader.AddEntry(Entry::Create({1, 1, 1}, "no key", ""))));
    EXPECT_TRUE(absl::IsDataLoss(loader.AddAnswer({.sequence = 1}))) << "no session";
    EXPECT_TRUE(absl::IsDataLoss(loader.Finish(summary).status())) << "an entry is missing";
  }
  {
    StateLoader loader;
    ASSERT_TRUE(loader.AddEntry(entry("1", 1, 1)).ok());
    ASSERT_TRUE(loader.AddEntry(entry("2", 2, 2)).ok());
    EXPECT_TRUE(absl::IsDataLoss(loader.Finish(summary).status())) << "another version";
  }
}

TEST(StateLoader, TakesClientsOfAnyBytesInTheOrderOfTheTree) {
  StateMachine machine;
  Applier apply(machine);
  for (const char client : {'\x01', '\x7f', '\x80', '\xff'}) {
    apply(WithId(Set(std::to_string(client)), 1, 0, client));
  }
  const auto reloaded = Reload(machine.Freeze());
  ASSERT_TRUE(reloaded.ok()) << reloaded.status();
  EXPECT_EQ((*reloaded)->GetSummary(), machine.GetSummary());
}

// The image of another replica after some writes.
std::unique_ptr<StateMachine> ImageOfAnother() {
  StateMachine other;
  Applier apply(other);
  for (int i = 0; i < 1000; ++i) apply(Set(std::to_string(i), "theirs"));
  apply(WithId(Set("1000", "once"), 1));
  return *Reload(other.Freeze());
}

TEST(Install, ReadersSeeTheImageAndViewsOfBeforeStayAsTheyAre) {
  StateMachine machine;
  Applier apply(machine);
  for (int i = 0; i < 300; ++i) apply(Set(std::to_string(i), "ours"));
  const StateView before = machine.Freeze();
  const StateSummary summary = before.summary();
  std::unique_ptr<StateMachine> image = ImageOfAnother();
  const StateSummary installed = image->GetSummary();
  machine.Install(std::move(image));
  EXPECT_EQ(machine.GetSummary(), installed);
  EXPECT_EQ(machine.Get(*Key::Parse("7")).entry->data(), "theirs");
  EXPECT_EQ(before.summary(), summary);
  int entries = 0;
  for (auto cursor = before.Entries(); cursor.Valid(); cursor.Next(), ++entries) {
    EXPECT_EQ(cursor.entry().data(), "ours");
  }
  EXPECT_EQ(entries, 300);
}

TEST(Install, TheLogGoesOnBehindTheImageAndRequestIdsAreRemembered) {
  StateMachine machine;
  machine.Install(ImageOfAnother());
  StateMachine other;
  other.Install(ImageOfAnother());
  for (StateMachine* each : {&machine, &other}) {
    Applier apply(*each);
    EXPECT_TRUE(apply(WithId(Set("1000", "once"), 1)).replayed);
    for (int i = 0; i < 1000; i += 2) apply(Make(CommandKind::kDel, std::to_string(i)));
    for (int i = 1; i < 1000; i += 2) {
      EXPECT_EQ(apply(Make(CommandKind::kTestAndSet, std::to_string(i), 1, "newer")).result,
                Result::kSuccess);
    }
  }
  EXPECT_EQ(machine.GetSummary(), other.GetSummary());
  EXPECT_EQ((*Reload(machine.Freeze()))->GetSummary(), machine.GetSummary());
}

}  // namespace
}  // namespace tripla
