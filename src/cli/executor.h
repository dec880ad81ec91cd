// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <istream>
#include <optional>
#include <string>
#include <string_view>

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

// Carries out statements: calls the server and prints what it answers.
//
// Thread-safety: none. Blocking: as the client's calls.
// Lifetime: what it is given outlives it.
class Executor {
 public:
  // `standard_input` is what "batch -" reads; null where it holds the statements themselves.
  Executor(Client& client, Console& console, const Settings& settings, std::istream* standard_input)
      : client_(client), console_(console), settings_(settings), standard_input_(standard_input) {}

  // Prints the answer, or why there is none. Returns how a program ends that does only this.
  // `place` ("line 3: ") begins the messages.
  ExitCode Run(const Statement& statement, std::string_view place);

 private:
  ExitCode Do(const Operation& operation, std::string_view place);
  ExitCode Do(const BatchStatement& batch, std::string_view place);
  ExitCode Do(const StatusStatement&, std::string_view place);
  ExitCode Do(const SnapshotStatement&, std::string_view place);
  ExitCode Do(const HelpStatement& help, std::string_view place);

  // Makes a call and notes how long it took.
  template <typename Call>
  auto Timed(const Call& call);

  ExitCode Fail(std::string_view place, std::string_view what, const Failure& failure,
                Effect effect);

  Client& client_;
  Console& console_;
  const Settings& settings_;
  std::istream* standard_input_;
  std::optional<std::chrono::duration<double, std::milli>> took_;  // the statement's call
};

}  // namespace tripla::cli
