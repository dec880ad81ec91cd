// SPDX-License-Identifier: Apache-2.0
#include "cli/executor.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <variant>
#include <vector>

#include "cli/answer_text.h"
#include "cli/batch_file.h"
#include "cli/escape.h"
#include "cli/help.h"
#include "cli/report_text.h"

namespace tripla::cli {
namespace {

const Key& KeyOf(const Operation& operation) {
  return std::visit([](const auto& each) -> const Key& { return each.key; }, operation);
}

// How messages name an operation: "cas 42".
std::string NameOfOperation(const Operation& operation) {
  constexpr std::array kVerbs{"set", "get", "del", "del", "cas"};  // as the variant's order
  static_assert(std::variant_size_v<Operation> == kVerbs.size());
  constexpr size_t kKeyCharactersMax = 40;
  std::string key = KeyOf(operation).ToText();
  if (key.size() > kKeyCharactersMax) key = key.substr(0, kKeyCharactersMax) + "...";
  return fmt::format("{} {}", kVerbs[operation.index()], key);
}

}  // namespace

template <typename Call>
auto Executor::Timed(const Call& call) {
  const auto began = std::chrono::steady_clock::now();
  auto answer = call();
  took_ = std::chrono::steady_clock::now() - began;
  return answer;
}

ExitCode Executor::Run(const Statement& statement, std::string_view place) {
  took_.reset();
  const ExitCode code = std::visit([&](const auto& each) { return Do(each, place); }, statement);
  if (took_ && settings_.timing == Settings::Timing::kOn) {
    console_.Say(fmt::format("time {:.3f} ms", took_->count()));
  }
  return code;
}

ExitCode Executor::Do(const Operation& operation, std::string_view place) {
  const Answer<Decided> answer = Timed([&] { return client_.Execute(operation); });
  if (!answer.ok()) {
    return Fail(place, NameOfOperation(operation), answer.failure(), EffectOf(operation));
  }
  const std::array answers{KeyedAnswer{KeyOf(operation), *answer}};
  console_.Print(AnswersText(answers, settings_.format, console_.destination()));
  return ExitCodeOf(answer->result);
}

ExitCode Executor::Do(const BatchStatement& batch, std::string_view place) {
  const absl::StatusOr<std::vector<Operation>> operations =
      ReadBatchFile(batch.file, standard_input_);
  if (!operations.ok()) {
    const std::string why(operations.status().message());
    console_.Complain(fmt::format("{}{}", place, Escape(why, Keep::kQuotes)));
    return ExitCode::kUsage;
  }
  const Answer<std::vector<Decided>> answer = Timed([&] { return client_.Batch(*operations); });
  if (!answer.ok()) {
    return Fail(place, fmt::format("batch {}", batch.file), answer.failure(),
                EffectOf(*operations));
  }
  std::vector<KeyedAnswer> answers;
  answers.reserve(operations->size());
  for (size_t i = 0; i < operations->size(); ++i) {
    answers.push_back({KeyOf((*operations)[i]), (*answer)[i]});
  }
  console_.Print(AnswersText(answers, settings_.format, console_.destination()));
  if (settings_.verdict == Settings::Verdict::kDecided) return ExitCode::kSuccess;
  const auto first = std::ranges::find_if(
      *answer, [](const Decided& decided) { return decided.result != Result::kSuccess; });
  return first == answer->end() ? ExitCode::kSuccess : ExitCodeOf(first->result);
}

ExitCode Executor::Do(const StatusStatement&, std::string_view place) {
  const std::vector<EndpointStatus> servers = Timed([&] { return client_.StatusOfAll(); });
  const auto first = std::ranges::find_if(
      servers, [](const EndpointStatus& server) { return server.answer.ok(); });
  if (first == servers.end()) {
    return Fail(place, "status", servers.front().answer.failure(), Effect::kReads);
  }
  console_.Print(servers.size() == 1 ? StatusText(*first->answer, settings_.format)
                                     : StatusOfAllText(servers, settings_.format));
  return ExitCode::kSuccess;
}

ExitCode Executor::Do(const SnapshotStatement&, std::string_view place) {
  const Answer<ImageInfo> answer = Timed([&] { return client_.Snapshot(); });
  if (!answer.ok()) return Fail(place, "snapshot", answer.failure(), Effect::kReads);
  console_.Print(ImageText(*answer, settings_.format));
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
