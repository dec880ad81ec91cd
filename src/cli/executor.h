// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/answer_text.h"
#include "cli/connection.h"
#include "cli/console.h"
#include "cli/error_text.h"
#include "cli/exit_code.h"
#include "cli/statement.h"
#include "tripla/client.h"

namespace tripla::cli {

// How statements are carried out; a shell changes it as it goes.
struct Settings {
  enum class Timing { kOff, kOn };  // whether to say how long each call took
  enum class Verdict {
    kDecided,  // a script or a batch succeeds when all of it was decided, whatever the answers
    kStrict,   // it ends as its first answer that is not SUCCESS
  };

  OutputFormat format = OutputFormat::kPlain;
  Timing timing = Timing::kOff;
  Verdict verdict = Verdict::kDecided;
};

// Where statements come from.
enum class Source {
  kArguments,  // of the program: one statement
  kPerson,     // who types them
  kScript,
};

// Carries out statements: calls the server and prints what it answers.
//
// Thread-safety: none. Blocking: as the client's calls.
// Lifetime: what it is given outlives it.
class Executor {
 public:
  // `connection` is what `client` was made with. Standard input is what "batch -" reads, unless it
  // is where the statements come from.
  Executor(Client& client, Console& console, const Settings& settings, Source source,
           const Connection& connection)
      : client_(client),
        console_(console),
        settings_(settings),
        source_(source),
        connection_(connection) {}

  // Prints the answer, or why there is none. Returns how a program ends that does only this.
  // `place` ("line 3: ") begins the messages.
  ExitCode Run(const Statement& statement, std::string_view place);

 private:
  ExitCode Do(const Operation& operation, std::string_view place);
  ExitCode Do(const BatchStatement& batch, std::string_view place);
  ExitCode Do(const StatusStatement&, std::string_view place);
  ExitCode Do(const HealthStatement&, std::string_view place);
  ExitCode Do(const OutcomeStatement& outcome, std::string_view place);
  ExitCode Do(const SnapshotStatement&, std::string_view place);
  ExitCode Do(const TransferStatement& transfer, std::string_view place);
  ExitCode Do(const HelpStatement& help, std::string_view place);

  // Makes a call of the client and notes how long it took.
  template <typename Function>
  auto Timed(const Function& call);
  // The same, and tells a person who waits for long what for.
  template <typename Function>
  auto TimedAndNoted(const Function& call);

  void Print(std::span<const KeyedAnswer> answers);

  ExitCode Fail(std::string_view place, std::string_view what, const Failure& failure,
                Effect effect);

  Client& client_;
  Console& console_;
  const Settings& settings_;
  const Source source_;
  const Connection& connection_;
  GrowingTable table_;
  std::optional<std::chrono::duration<double, std::milli>> took_;  // the statement's call
};

}  // namespace tripla::cli
