// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/command.h"
#include "state/session_bounds.h"
#include "state/state_machine.h"
#include "tripla/key.h"

// Shared by the tests of images: a small state with everything that an image can hold.
namespace tripla {

// A directory for one test, removed with everything in it.
class TestDirectory {
 public:
  TestDirectory()
      : path_((std::filesystem::temp_directory_path() / "tripla-test-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TestDirectory() { std::filesystem::remove_all(path_); }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void WriteWholeFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline Command MakeCommand(CommandKind kind, const std::string& key, std::string data = "",
                           int64_t version = 0) {
  return {.kind = kind,
          .key = *Key::Parse(key),
          .timestamp = 7,
          .version = version,
          .data = std::move(data)};
}

inline Command WithId(Command command, char client, uint64_t sequence,
                      uint64_t first_unanswered = 0) {
  command.request_id = {.sequence = sequence, .first_unanswered = first_unanswered};
  command.request_id->client.fill(client);
  return command;
}

inline std::vector<Outcome> ApplyNext(StateMachine& machine, std::vector<Command> commands) {
  return machine.Apply({.index = machine.GetSummary().position.index + 1},
                       Batch{std::move(commands)});
}

inline Outcome ApplyNext(StateMachine& machine, Command command) {
  return ApplyNext(machine, std::vector<Command>{std::move(command)}).front();
}

// Entries with keys of every sign and form, an update, a removal, and two clients with answers with
// and without an entry, one of them a refusal.
inline void FillWithEverything(StateMachine& machine) {
  using enum CommandKind;
  ApplyNext(machine, {MakeCommand(kSet, "-300", "minus"), MakeCommand(kSet, "0", ""),
                      MakeCommand(kSet, "12345678901234567890", std::string("\0\x1b\xff", 3))});
  ApplyNext(machine, MakeCommand(kTestAndSet, "0", "again", 1));
  ApplyNext(machine, MakeCommand(kSet, "1", "goes"));
  ApplyNext(machine, MakeCommand(kDel, "1"));
  ApplyNext(machine, WithId(MakeCommand(kSet, "2", "with an id"), 'b', 1));
  ApplyNext(machine, WithId(MakeCommand(kSet, "2", "fails"), 'a', 5));
  ApplyNext(machine, WithId(MakeCommand(kDelVersion, "77", "", 3), 'a', 6));
  ApplyNext(machine, WithId(MakeCommand(kDel, "2"), 'b', 2, 2));
}

// The limits with which FillWithEveryRow() makes every kind of row.
inline constexpr SessionBounds kTightBounds{
    .clients = 4, .answers_per_client = 2, .answer_bytes = 1 << 20};

// For a state with four clients: drops answers, so that two runs of ids are left, forgets the
// longest idle client, and makes another one say that all it sent is answered.
inline void FillWithEveryRow(StateMachine& machine) {
  using enum CommandKind;
  for (const char client : {'p', 'q', 'r', 's'}) {
    ApplyNext(machine, WithId(MakeCommand(kDel, "300"), client, UINT64_MAX - 9));
  }
  for (const uint64_t sequence : {10, 11, 12, 20, 21, 31, 41}) {
    ApplyNext(machine, WithId(MakeCommand(kDel, "300"), 't', sequence, 5));
  }
  ApplyNext(machine, WithId(MakeCommand(kDel, "300"), 's', UINT64_MAX - 9, UINT64_MAX));
}

}  // namespace tripla
