// SPDX-License-Identifier: Apache-2.0
#include "tools/report_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "cli/escape.h"
#include "cli/table.h"
#include "snapshot/image_format.h"

namespace tripla::verify {
namespace {

// Names and messages may hold any bytes that a file's name may.
std::string Shown(std::string_view text) { return cli::Escape(text, cli::Keep::kQuotes); }

std::string TextOf(const StateHash& hash) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

// ", 2 files"; nothing for none, when only all together is not right.
std::string Files(size_t count) {
  return count == 0 ? "" : fmt::format(", {} file{}", count, count == 1 ? "" : "s");
}

size_t Count(const Report& report, FileCondition condition) {
  return static_cast<size_t>(std::ranges::count(report.files, condition, &FileReport::condition));
}

std::string StartText(const Start& start) {
  const std::string from = start.image == 0
                               ? ""
                               : fmt::format("records 1 to {} from image/{}, ", start.image,
                                             image::FileName(start.image));
  const std::string state =
      fmt::format("revision {}, {} keys, level {}, state hash {}", start.state.revision,
                  start.state.keys, start.state.level, TextOf(start.state.hash));
  if (start.of_replica) {
    return fmt::format(
        "a start begins with {} ({}what follows is in the log of Apache Ratis, not looked at)",
        state, from);
  }
  return fmt::format("a start gives {} ({}{} from the log)", state, from,
                     start.state.position.index - start.image);
}

std::string VerdictText(const Report& report) {
  const std::string start =
      report.start.ok()
          ? StartText(*report.start)
          : fmt::format("a start stops: {}", std::string(report.start.status().message()));
  switch (ExitCodeOf(report)) {
    case ExitCode::kSound:
      return fmt::format("sound: {}", start);
    case ExitCode::kDamaged:
      return fmt::format("damaged{}: {}", Files(Count(report, FileCondition::kDamaged)), start);
    default:
      return fmt::format("unreadable{}: {}", Files(Count(report, FileCondition::kUnreadable)),
                         start);
  }
}

nlohmann::ordered_json StartJson(const absl::StatusOr<Start>& start) {
  if (!start.ok()) return {{"error", std::string(start.status().message())}};
  return {{"revision", std::to_string(start->state.revision)},
          {"keys", std::to_string(start->state.keys)},
          {"level", std::to_string(start->state.level)},
          {"state_hash", TextOf(start->state.hash)},
          {"image_index", std::to_string(start->image)},
          {"replica", start->of_replica},
          {"last_index", std::to_string(start->state.position.index)}};
}

}  // namespace

ExitCode ExitCodeOf(const Report& report) {
  if (Count(report, FileCondition::kDamaged) != 0 || absl::IsDataLoss(report.start.status())) {
    return ExitCode::kDamaged;
  }
  const bool all_read = Count(report, FileCondition::kUnreadable) == 0 && report.start.ok();
  return all_read ? ExitCode::kSound : ExitCode::kFailure;
}

std::string PlainText(const Report& report) {
  cli::Table table({"FILE", "BYTES", "HOLDS", "CONDITION"});
  std::string remarks;
  for (const FileReport& file : report.files) {
    table.Add({Shown(file.name), std::to_string(file.bytes), file.holds,
               std::string(NameOf(file.condition))});
    if (!file.remark.empty()) remarks += Shown(file.remark) + "\n";
  }
  return fmt::format("{}\n{}{}{}\n", table.Text(), remarks, remarks.empty() ? "" : "\n",
                     Shown(VerdictText(report)));
}

std::string JsonText(const Report& report) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const FileReport& file : report.files) {
    files.push_back({{"name", file.name},
                     {"bytes", std::to_string(file.bytes)},
                     {"holds", file.holds},
                     {"condition", NameOf(file.condition)},
                     {"remark", file.remark}});
  }
  const nlohmann::ordered_json object = {{"exit_code", static_cast<int>(ExitCodeOf(report))},
                                         {"start", StartJson(report.start)},
                                         {"files", std::move(files)}};
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace tripla::verify
