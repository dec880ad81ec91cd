// SPDX-License-Identifier: Apache-2.0
#include "cli/executor.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <variant>
#include <vector>

#include "absl/strings/str_join.h"
#include "base/quantity.h"
#include "cli/batch_file.h"
#include "cli/escape.h"
#include "cli/help.h"
#include "cli/hint.h"
#include "cli/report_text.h"
#include "cli/waiting_note.h"
#include "client/health.h"

namespace tripla::cli {
namespace {

const Key& KeyOf(const Operation& operation) {
  return std::visit([](const auto& each) -> const Key& { return each.key; }, operation);
}

}  // namespace

template <typename Function>
auto Executor::Timed(const Function& call) {
  const auto began = std::chrono::steady_clock::now();
  auto answer = call();
  took_ = std::chrono::steady_clock::now() - began;
  return answer;
}

template <typename Function>
auto Executor::TimedAndNoted(const Function& call) {
  std::optional<WaitingNote> note;
  if (console_.person_reads()) {
    note.emplace(console_,
                 fmt::format("no answer yet from {}; trying for {} in all, Ctrl-C ends it",
                             absl::StrJoin(connection_.endpoints, " or "),
                             DurationText(connection_.timeout)));
  }
  return Timed(call);
}

void Executor::Print(std::span<const KeyedAnswer> answers) {
  const bool grows = settings_.format == OutputFormat::kTable && source_ != Source::kArguments;
  if (!grows) table_.End();
  console_.Print(grows ? table_.Text(answers)
                       : AnswersText(answers, settings_.format, console_.destination()));
}

ExitCode Executor::Run(const Statement& statement, std::string_view place) {
  took_.reset();
  if (!std::holds_alternative<Operation>(statement) &&
      !std::holds_alternative<BatchStatement>(statement)) {
    table_.End();
  }
  const ExitCode code = std::visit([&](const auto& each) { return Do(each, place); }, statement);
  if (took_ && settings_.timing == Settings::Timing::kOn) {
    console_.Say(fmt::format("time {:.3f} ms", took_->count()));
  }
  return code;
}

ExitCode Executor::Do(const Operation& operation, std::string_view place) {
  const Answer<Decided> answer = TimedAndNoted([&] { return client_.Execute(operation); });
  if (!answer.ok()) {
    return Fail(place, NameOfOperation(operation), answer.failure(), EffectOf(operation));
  }
  const std::array answers{KeyedAnswer{KeyOf(operation), *answer}};
  Print(answers);
  const std::string hint = HintText(operation, *answer);
  if (!hint.empty() && console_.person_reads() && source_ != Source::kScript) console_.Say(hint);
  return ExitCodeOf(answer->result);
}

ExitCode Executor::Do(const BatchStatement& batch, std::string_view place) {
  const absl::StatusOr<std::vector<Operation>> operations =
      ReadBatchFile(batch.file, source_ == Source::kArguments ? &std::cin : nullptr);
  if (!operations.ok()) {
    const std::string why(operations.status().message());
    console_.Complain(fmt::format("{}{}", place, Escape(why, Keep::kQuotes)));
    return ExitCode::kUsage;
  }
  const Answer<std::vector<Decided>> answer =
      TimedAndNoted([&] { return client_.Batch(*operations); });
  if (!answer.ok()) {
    return Fail(place, fmt::format("batch {}", batch.file), answer.failure(),
                EffectOf(*operations));
  }
  std::vector<KeyedAnswer> answers;
  answers.reserve(operations->size());
  for (size_t i = 0; i < operations->size(); ++i) {
    answers.push_back({KeyOf((*operations)[i]), (*answer)[i]});
  }
  Print(answers);
  if (settings_.verdict == Settings::Verdict::kDecided) return ExitCode::kSuccess;
  const auto first = std::ranges::find_if(
      *answer, [](const Decided& decided) { return decided.result != Result::kSuccess; });
  return first == answer->end() ? ExitCode::kSuccess : ExitCodeOf(first->result);
}

ExitCode Executor::Do(const StatusStatement&, std::string_view place) {
  const std::vector<EndpointStatus> servers = Timed([&] { return client_.StatusOfAll(); });
  if (servers.size() > 1 || settings_.format == OutputFormat::kTable) {
    console_.Print(StatusOfAllText(servers, settings_.format));
  } else if (servers[0].answer.ok()) {
    console_.Print(StatusText(*servers[0].answer, settings_.format));
  }
  for (const EndpointStatus& server : servers) {
    if (server.answer.ok()) continue;
    const std::string what = servers.size() > 1 ? "status of " + server.endpoint : "status";
    console_.Complain(
        fmt::format("{}{}", place, FailureText(what, server.answer.failure(), Effect::kReads)));
  }
  return ExitCodeOf(servers);
}

ExitCode Executor::Do(const HealthStatement&, std::string_view /*place*/) {
  constexpr std::chrono::milliseconds kPatienceMax{2000};
  const std::vector<EndpointHealth> servers = Timed(
      [&] { return HealthOf(connection_.endpoints, std::min(connection_.timeout, kPatienceMax)); });
  console_.Print(HealthText(servers, settings_.format));
  const bool all_ready = std::ranges::all_of(servers, [](const EndpointHealth& server) {
    return server.state == EndpointHealth::State::kReady;
  });
  return all_ready ? ExitCode::kSuccess : ExitCode::kNotApplied;
}

ExitCode Executor::Do(const OutcomeStatement& outcome, std::string_view place) {
  const Answer<std::vector<Resolved>> answer =
      TimedAndNoted([&] { return client_.Resolve(outcome.id); });
  if (!answer.ok()) return Fail(place, "outcome", answer.failure(), Effect::kReads);
  console_.Print(OutcomeText(*answer, settings_.format));
  auto code = ExitCode::kSuccess;
  for (const Resolved& one : *answer) {
    const ExitCode of_one = ExitCodeOf(one);
    const bool counts = answer->size() == 1 || !IsDecided(of_one) ||
                        settings_.verdict == Settings::Verdict::kStrict;
    if (counts && of_one != ExitCode::kSuccess && code != ExitCode::kUnknown) code = of_one;
  }
  return code;
}

ExitCode Executor::Do(const SnapshotStatement&, std::string_view place) {
  const Answer<ImageInfo> answer = TimedAndNoted([&] { return client_.Snapshot(); });
  if (answer.ok()) {
    console_.Print(ImageText(*answer, settings_.format, console_.destination()));
    return ExitCode::kSuccess;
  }
  Failure failure = answer.failure();
  // A server that gives no reason: there is no request here that could be too large.
  if (failure.code == absl::StatusCode::kResourceExhausted &&
      failure.reason == Failure::Reason::kNone) {
    failure.reason = Failure::Reason::kReadOnly;
  }
  return Fail(place, "snapshot", failure, Effect::kReads);
}

ExitCode Executor::Do(const TransferStatement& transfer, std::string_view place) {
  const Answer<Leader> answer = TimedAndNoted([&] { return client_.Transfer(transfer.node); });
  if (!answer.ok()) return Fail(place, "transfer", answer.failure(), Effect::kReads);
  console_.Print(LeaderText(*answer, settings_.format, console_.destination()));
  return ExitCode::kSuccess;
}

ExitCode Executor::Do(const HelpStatement& help, std::string_view /*place*/) {
  console_.Print(HelpText(help.verb));
  return ExitCode::kSuccess;
}

ExitCode Executor::Fail(std::string_view place, std::string_view what, const Failure& failure,
                        Effect effect) {
  console_.Complain(fmt::format("{}{}", place, FailureText(what, failure, effect)));
  return ExitCodeOf(failure);
}

}  // namespace tripla::cli
