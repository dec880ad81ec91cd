// SPDX-License-Identifier: Apache-2.0
#include "cli/answer_text.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "cli/escape.h"
#include "cli/table.h"

namespace tripla::cli {
namespace {

// Of a cell; the other formats show everything.
constexpr size_t kCellCharactersMax = 60;

std::string PlainLine(const Decided& decided) {
  std::string line(NameOf(decided.result));
  if (decided.value) {
    line += fmt::format("  version {}  timestamp {}  revision {}  data \"{}\"",
                        decided.value->version, decided.value->timestamp, decided.revision,
                        Escape(decided.value->data, Keep::kNothing));
  } else {
    line += fmt::format("  NULL  revision {}", decided.revision);
  }
  if (decided.replayed) line += "  replayed";
  return line + "\n";
}

// Numbers are strings: JavaScript would lose what is beyond 2^53.
std::string JsonLine(const KeyedAnswer& answer) {
  const Decided& decided = answer.decided;
  nlohmann::ordered_json object;
  object["key"] = answer.key.ToText();
  object["result"] = NameOf(decided.result);
  object["value"] = nullptr;
  if (decided.value) {
    nlohmann::ordered_json value;
    value["version"] = std::to_string(decided.value->version);
    value["timestamp"] = std::to_string(decided.value->timestamp);
    value["data"] = absl::Base64Escape(decided.value->data);
    if (IsText(decided.value->data)) value["text"] = decided.value->data;
    object["value"] = std::move(value);
  }
  object["revision"] = std::to_string(decided.revision);
  object["replayed"] = decided.replayed;
  return object.dump() + "\n";
}

std::string KeyCell(const Key& key) {
  const std::string text = key.ToText();
  if (text.size() <= kCellCharactersMax) return text;
  return fmt::format("{}...{} ({} digits)", text.substr(0, 16), text.substr(text.size() - 16),
                     text.size() - (text[0] == '-' ? 1 : 0));
}

Table TableOf(std::span<const KeyedAnswer> answers) {
  Table table({"KEY", "RESULT", "VERSION", "TIMESTAMP", "REVISION", "DATA"});
  for (const auto& [key, decided] : answers) {
    const bool null = !decided.value.has_value();
    table.Add({KeyCell(key), std::string(NameOf(decided.result)),
               null ? "NULL" : std::to_string(decided.value->version),
               null ? "NULL" : std::to_string(decided.value->timestamp),
               std::to_string(decided.revision),
               null ? "NULL" : QuotedStart(decided.value->data, kCellCharactersMax)});
  }
  return table;
}

}  // namespace

std::string_view NameOf(Result result) {
  switch (result) {
    case Result::kSuccess:
      return "SUCCESS";
    case Result::kError:
      return "ERROR";
    case Result::kNoEntry:
      return "ERROR_NE";
    case Result::kWrongVersion:
      return "ERROR_WV";
  }
  return "?";
}

std::string AnswersText(std::span<const KeyedAnswer> answers, OutputFormat format,
                        Destination destination) {
  if (format == OutputFormat::kTable) return TableOf(answers).Text();
  std::string text;
  for (const KeyedAnswer& answer : answers) {
    switch (format) {
      case OutputFormat::kJson:
        text += JsonLine(answer);
        break;
      case OutputFormat::kRaw:
        if (answer.decided.value) text += RawText(answer.decided.value->data, destination);
        break;
      default:
        text += PlainLine(answer.decided);
    }
  }
  return text;
}

std::string RawText(const std::string& data, Destination destination) {
  return destination == Destination::kPipe ? data : Escape(data, Keep::kLineEnds) + "\n";
}

std::string GrowingTable::Text(std::span<const KeyedAnswer> answers) {
  // Most answers to come fit in these: KEY, RESULT, VERSION, TIMESTAMP and REVISION.
  static const std::vector<size_t> kUsualWidths{8, 8, 7, 13, 8};
  const bool begins = widths_.empty();
  if (begins) widths_ = kUsualWidths;
  return TableOf(answers).Text(widths_, begins ? Table::Header::kShown : Table::Header::kAbove);
}

}  // namespace tripla::cli
