// SPDX-License-Identifier: Apache-2.0
#include "cli/report_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "base/quantity.h"
#include "cli/escape.h"
#include "cli/table.h"

namespace tripla::cli {
namespace {

struct Line {
  std::string_view name;
  std::variant<std::string, uint64_t, bool> value;
  std::string remark;  // the same for people: "16 MiB"
};

std::string UnixTimeText(uint64_t unix_ms) {
  const std::time_t seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return "";
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string UptimeText(uint64_t ms) {
  const uint64_t seconds = ms / 1000;
  return fmt::format("{}d {:02}:{:02}:{:02}", seconds / 86400, seconds / 3600 % 24,
                     seconds / 60 % 60, seconds % 60);
}

Line Bytes(std::string_view name, uint64_t bytes) { return {name, bytes, ByteSizeText(bytes)}; }

std::vector<Line> LinesOf(const ServerStatus& status) {
  return {
      {"node", status.node, ""},
      {"role", status.role, ""},
      {"leader", status.leader, ""},
      {"leader_endpoint", status.leader_endpoint, ""},
      {"term", status.term, ""},
      {"revision", status.revision, ""},
      {"keys", status.keys, ""},
      {"state_hash", absl::BytesToHexString(status.state_hash), ""},
      {"software_version", status.software_version, ""},
      {"uptime_ms", status.uptime_ms, UptimeText(status.uptime_ms)},
      {"durability", status.durability, ""},
      {"writable", status.writable, status.writable ? "" : "the disk is too full"},
      Bytes("key_bytes_max", status.key_bytes_max),
      Bytes("data_bytes_max", status.data_bytes_max),
      {"batch_operations_max", status.batch_operations_max, ""},
      Bytes("batch_bytes_max", status.batch_bytes_max),
      Bytes("held_bytes", status.held_bytes),
      {"sessions", status.sessions, ""},
      {"answers", status.answers, ""},
      {"log_index", status.log_index, ""},
      Bytes("log_bytes", status.log_bytes),
      {"image_log_index", status.image_log_index, status.image_unix_ms == 0 ? "no image yet" : ""},
      Bytes("image_bytes", status.image_bytes),
      {"image_unix_ms", status.image_unix_ms,
       status.image_unix_ms == 0 ? "" : UnixTimeText(status.image_unix_ms)},
      Bytes("disk_free_bytes", status.disk_free_bytes),
  };
}

std::vector<Line> LinesOf(const ImageInfo& image) {
  return {
      {"endpoint", image.endpoint, ""},   {"file", image.file, ""},
      {"log_index", image.log_index, ""}, {"revision", image.revision, ""},
      {"entries", image.entries, ""},     Bytes("bytes", image.bytes),
  };
}

std::string ValueText(const Line& line) {
  if (const auto* text = std::get_if<std::string>(&line.value)) return Escape(*text, Keep::kQuotes);
  if (const auto* number = std::get_if<uint64_t>(&line.value)) return std::to_string(*number);
  return std::get<bool>(line.value) ? "true" : "false";
}

std::string PlainText(const std::vector<Line>& lines) {
  size_t width = 0;
  for (const Line& line : lines) width = std::max(width, line.name.size());
  std::string text;
  for (const Line& line : lines) {
    const std::string value = ValueText(line);
    if (value.empty()) continue;  // what a standalone server has no answer to
    text += fmt::format("{:{}}  {}", line.name, width, value);
    text += line.remark.empty() ? "\n" : fmt::format("  ({})\n", line.remark);
  }
  return text;
}

std::string JsonText(const std::vector<Line>& lines) {
  nlohmann::ordered_json object;
  for (const Line& line : lines) {
    nlohmann::ordered_json& value = object[std::string(line.name)];
    if (const auto* flag = std::get_if<bool>(&line.value)) {
      value = *flag;
    } else {
      value = ValueText(line);
    }
  }
  return object.dump() + "\n";
}

std::string Text(const std::vector<Line>& lines, OutputFormat format) {
  return format == OutputFormat::kJson ? JsonText(lines) : PlainText(lines);
}

}  // namespace

std::string StatusText(const ServerStatus& status, OutputFormat format) {
  return Text(LinesOf(status), format);
}

std::string StatusOfAllText(const std::vector<EndpointStatus>& servers, OutputFormat format) {
  std::string objects;
  Table table({"SERVER", "NODE", "ROLE", "LEADER", "TERM", "REVISION", "KEYS", "STATE HASH"});
  for (const EndpointStatus& server : servers) {
    std::vector<Line> lines{{"endpoint", server.endpoint, ""}};
    if (server.answer.ok()) {
      const std::vector<Line> more = LinesOf(*server.answer);
      lines.insert(lines.end(), more.begin(), more.end());
    } else {
      lines.push_back({"error", server.answer.failure().message, ""});
    }
    objects += JsonText(lines);
    std::vector<std::string> row;
    for (const Line& line : lines) {
      // What is said of one server up to its hash, but where the leader is.
      if (row.size() == table.columns()) break;
      if (line.name != "leader_endpoint") row.push_back(ValueText(line));
    }
    table.Add(std::move(row));
  }
  return format == OutputFormat::kJson ? objects : table.Text();
}

std::string ImageText(const ImageInfo& image, OutputFormat format) {
  return Text(LinesOf(image), format);
}

}  // namespace tripla::cli
