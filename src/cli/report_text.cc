// SPDX-License-Identifier: Apache-2.0
#include "cli/report_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "base/quantity.h"
#include "cli/answer_text.h"
#include "cli/escape.h"
#include "cli/exit_code.h"
#include "cli/table.h"

namespace tripla::cli {
namespace {

struct Line {
  std::string name;
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

Line Bytes(std::string_view name, uint64_t bytes) {
  return {std::string(name), bytes, ByteSizeText(bytes)};
}

// An older server does not say why; then it was its disk most likely.
std::string WhyNotWritable(const ServerStatus& status) {
  return status.writable || !status.write_refusal.empty() ? "" : "the disk is too full";
}

std::vector<Line> LinesOf(const ServerStatus& status) {
  std::vector<Line> lines{
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
      {"ready", status.ready, status.ready ? "" : "it serves no calls now"},
      {"writable", status.writable, WhyNotWritable(status)},
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
  if (status.write_bytes_max) {
    lines.push_back(Bytes("write_bytes_max", *status.write_bytes_max));
    if (IsNearlyFull(status)) lines.back().remark += "; the disk is nearly full";
  }
  if (!status.write_refusal.empty()) {
    lines.push_back({"write_refusal", status.write_refusal, ""});
  }
  if (!status.cluster.empty()) lines.push_back({"cluster", status.cluster, ""});
  if (status.has_lease) {
    lines.push_back({"has_lease", *status.has_lease, *status.has_lease ? "" : "another may lead"});
  }
  if (status.read_lease) {
    lines.push_back({"read_lease", *status.read_lease,
                     *status.read_lease ? "" : "a leader asks a majority before each read"});
  }
  if (!status.not_ready.empty()) lines.push_back({"not_ready", status.not_ready, ""});
  if (status.level != 0) lines.push_back({"level", status.level, ""});
  if (!status.level_held_back.empty()) {
    lines.push_back({"level_held_back", status.level_held_back, ""});
  }
  return lines;
}

std::vector<Line> LinesOf(const ImageInfo& image) {
  return {
      {"endpoint", image.endpoint, ""},   {"file", image.file, ""},
      {"log_index", image.log_index, ""}, {"revision", image.revision, ""},
      {"entries", image.entries, ""},     Bytes("bytes", image.bytes),
  };
}

std::vector<Line> LinesOf(const Leader& leader) {
  return {{"leader", leader.node, ""},
          {"leader_endpoint", leader.endpoint, ""},
          {"term", leader.term, ""}};
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

nlohmann::ordered_json JsonOf(const std::vector<Line>& lines) {
  nlohmann::ordered_json object;
  for (const Line& line : lines) {
    nlohmann::ordered_json& value = object[line.name];
    if (const auto* flag = std::get_if<bool>(&line.value)) {
      value = *flag;
    } else {
      value = ValueText(line);
    }
  }
  return object;
}

std::string Text(const std::vector<Line>& lines, OutputFormat format) {
  return format == OutputFormat::kJson ? JsonOf(lines).dump() + "\n" : PlainText(lines);
}

nlohmann::ordered_json JsonOf(const MemberStatus& member) {
  nlohmann::ordered_json object{{"node", member.node}};
  if (member.silence_ms) object["silence_ms"] = std::to_string(*member.silence_ms);
  if (!member.trouble.empty()) object["trouble"] = Escape(member.trouble, Keep::kQuotes);
  if (member.log_index) object["log_index"] = std::to_string(*member.log_index);
  if (!member.image) return object;
  object["image"] = {{"log_index", std::to_string(member.image->log_index)},
                     {"bytes", std::to_string(member.image->bytes)},
                     {"percent", std::to_string(member.image->percent)},
                     {"attempt", std::to_string(member.image->attempt)},
                     {"trouble", Escape(member.image->trouble, Keep::kQuotes)}};
  return object;
}

nlohmann::ordered_json JsonOf(const ServerStatus& status) {
  nlohmann::ordered_json object = JsonOf(LinesOf(status));
  for (const MemberStatus& member : status.members) object["members"].push_back(JsonOf(member));
  return object;
}

std::string ImageTransferText(const ImageTransfer& image) {
  std::string text =
      fmt::format("the image of record {} is on its way to it: {} % of {}, attempt {}",
                  image.log_index, image.percent, ByteSizeText(image.bytes), image.attempt);
  if (!image.trouble.empty()) text += fmt::format("; not taken: {}", image.trouble);
  return text;
}

uint64_t RecordsBehind(const ServerStatus& leader, const MemberStatus& member) {
  const uint64_t has = member.log_index.value_or(leader.log_index);
  return leader.log_index - std::min(has, leader.log_index);
}

// As `status` sees the member.
std::string MemberText(const ServerStatus& status, const MemberStatus& member) {
  std::string text = member.silence_ms ? fmt::format("heard {:.1f} s ago",
                                                     static_cast<double>(*member.silence_ms) / 1000)
                                       : "not heard yet";
  if (!member.trouble.empty()) text += fmt::format("; out of reach: {}", member.trouble);
  if (member.log_index) text += fmt::format("; {} records behind", RecordsBehind(status, member));
  if (member.image) text += "; " + ImageTransferText(*member.image);
  return Escape(text, Keep::kQuotes);
}

std::string_view StateOf(const ServerStatus& status) {
  if (!status.ready) return "not ready";
  if (!status.has_lease.value_or(true)) return "no lease";
  if (!status.writable) return "read-only";
  return IsNearlyFull(status) ? "nearly full" : "ready";
}

// Keeps the beginning of the host's name and the port.
std::string ShortEndpoint(const std::string& endpoint, size_t characters_max) {
  if (endpoint.size() <= characters_max) return endpoint;
  const size_t port = endpoint.size() - std::min(endpoint.rfind(':'), endpoint.size());
  const size_t end = std::min(port, (characters_max - 3) / 2);
  return endpoint.substr(0, characters_max - 3 - end) + "..." +
         endpoint.substr(endpoint.size() - end);
}

std::string TableOf(const std::vector<EndpointStatus>& servers, size_t endpoint_max) {
  constexpr size_t kHashDigits = 8;  // enough to tell that two states differ
  Table table({"SERVER", "NODE", "ROLE", "STATE", "TERM", "REVISION", "KEYS", "HASH"});
  for (const EndpointStatus& server : servers) {
    const std::string endpoint = ShortEndpoint(server.endpoint, endpoint_max);
    if (!server.answer.ok()) {
      table.Add({endpoint, "-", "-", "down"});
      continue;
    }
    const ServerStatus& status = *server.answer;
    const std::string node = status.node.empty() ? "-" : Escape(status.node, Keep::kQuotes);
    table.Add({endpoint, node, Escape(status.role, Keep::kQuotes), std::string(StateOf(status)),
               std::to_string(status.term), std::to_string(status.revision),
               std::to_string(status.keys),
               absl::BytesToHexString(status.state_hash).substr(0, kHashDigits)});
  }
  return table.Text();
}

// Whether a person should look at what this server has to do with the member.
bool NeedsAttention(const ServerStatus& status, const MemberStatus& member) {
  constexpr uint64_t kRecordsBehind = 1000;
  // A leader is answered every 500 ms; other servers greet each other every few seconds.
  const uint64_t silence_max = member.log_index ? 2'000 : 15'000;
  return !member.trouble.empty() || member.image || member.silence_ms.value_or(0) > silence_max ||
         RecordsBehind(status, member) >= kRecordsBehind;
}

// A line for each link between two servers that is not well.
std::string LinksText(const std::vector<EndpointStatus>& servers) {
  std::string text;
  for (const EndpointStatus& server : servers) {
    if (!server.answer.ok()) continue;
    for (const MemberStatus& member : server.answer->members) {
      if (!NeedsAttention(*server.answer, member)) continue;
      text += fmt::format("{} says of {}: {}\n", Escape(server.answer->node, Keep::kQuotes),
                          Escape(member.node, Keep::kQuotes), MemberText(*server.answer, member));
    }
  }
  return text;
}

// A line for each server that is not ready or takes no writes, if it says why.
std::string RefusalsText(const std::vector<EndpointStatus>& servers) {
  std::string text;
  for (const EndpointStatus& server : servers) {
    if (!server.answer.ok()) continue;
    const ServerStatus& status = *server.answer;
    const std::string& why = status.ready ? status.write_refusal : status.not_ready;
    if (why.empty()) continue;
    text +=
        fmt::format("{} {}: {}\n", Escape(status.node, Keep::kQuotes),
                    status.ready ? "takes no writes" : "is not ready", Escape(why, Keep::kQuotes));
  }
  return text;
}

// A line for each cluster, if there are several.
std::string ClustersText(const std::vector<EndpointStatus>& servers) {
  std::map<std::string, std::string> nodes_of;
  for (const EndpointStatus& server : servers) {
    if (!server.answer.ok()) continue;
    std::string& nodes = nodes_of[server.answer->cluster];
    nodes += (nodes.empty() ? "" : ", ") + server.endpoint;
  }
  if (nodes_of.size() < 2) return "";
  std::string text = "these servers belong to different clusters; check --endpoints:\n";
  for (const auto& [cluster, nodes] : nodes_of) {
    text += fmt::format("  {}: {}\n",
                        cluster.empty() ? "no cluster" : Escape(cluster, Keep::kQuotes), nodes);
  }
  return text;
}

std::string StatusTable(const std::vector<EndpointStatus>& servers) {
  constexpr size_t kColumns = 80;  // the usual width of a terminal
  constexpr size_t kEndpointLeast = 11;
  size_t endpoint_max = 0;
  for (const EndpointStatus& server : servers) {
    endpoint_max = std::max(endpoint_max, server.endpoint.size());
  }
  std::string text = TableOf(servers, endpoint_max);
  size_t widest = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    widest = std::max(widest, end - begin);
    begin = end + 1;
  }
  if (widest <= kColumns) return text;
  const size_t left = endpoint_max - std::min(endpoint_max, widest - kColumns);
  return TableOf(servers, std::max(left, kEndpointLeast));
}

std::string_view NameOfKind(Resolved::Kind kind) {
  switch (kind) {
    case Resolved::Kind::kNotApplied:
      return "NOT_APPLIED";
    case Resolved::Kind::kDecided:
      return "DECIDED";
    case Resolved::Kind::kForgotten:
      break;
  }
  return "FORGOTTEN";
}

// The data of an earlier answer is not kept by every server: it is never shown here.
std::string OutcomeLine(const Resolved& outcome) {
  if (!outcome.decided) return fmt::format("{}\n", NameOfKind(outcome.kind));
  const Decided& decided = *outcome.decided;
  std::string line(NameOf(decided.result));
  line += decided.value ? fmt::format("  version {}  timestamp {}", decided.value->version,
                                      decided.value->timestamp)
                        : "  NULL";
  return fmt::format("{}  revision {}\n", line, decided.revision);
}

std::string OutcomeTable(const std::vector<Resolved>& outcomes) {
  Table table({"OUTCOME", "VERSION", "TIMESTAMP", "REVISION"});
  for (const Resolved& outcome : outcomes) {
    if (!outcome.decided) {
      table.Add({std::string(NameOfKind(outcome.kind))});
      continue;
    }
    const Decided& decided = *outcome.decided;
    table.Add({std::string(NameOf(decided.result)),
               decided.value ? std::to_string(decided.value->version) : "NULL",
               decided.value ? std::to_string(decided.value->timestamp) : "NULL",
               std::to_string(decided.revision)});
  }
  return table.Text();
}

std::string OutcomeJson(const Resolved& outcome) {
  nlohmann::ordered_json object;
  object["outcome"] = outcome.kind == Resolved::Kind::kDecided      ? "decided"
                      : outcome.kind == Resolved::Kind::kNotApplied ? "not applied"
                                                                    : "forgotten";
  if (outcome.decided) {
    const Decided& decided = *outcome.decided;
    object["result"] = NameOf(decided.result);
    object["value"] = nullptr;
    if (decided.value) {
      object["value"] = {{"version", std::to_string(decided.value->version)},
                         {"timestamp", std::to_string(decided.value->timestamp)}};
    }
    object["revision"] = std::to_string(decided.revision);
  }
  return object.dump() + "\n";
}

}  // namespace

std::string StatusText(const ServerStatus& status, OutputFormat format) {
  if (format == OutputFormat::kJson) return JsonOf(status).dump() + "\n";
  std::vector<Line> lines = LinesOf(status);
  for (const MemberStatus& member : status.members) {
    lines.push_back({"member", fmt::format("{}: {}", member.node, MemberText(status, member)), ""});
  }
  return PlainText(lines);
}

std::string StatusOfAllText(const std::vector<EndpointStatus>& servers, OutputFormat format) {
  if (format != OutputFormat::kJson) {
    return StatusTable(servers) + RefusalsText(servers) + LinksText(servers) +
           ClustersText(servers);
  }
  std::string objects;
  for (const EndpointStatus& server : servers) {
    nlohmann::ordered_json object{{"endpoint", server.endpoint}};
    if (server.answer.ok()) {
      object.update(JsonOf(*server.answer));
    } else {
      object["error"] = Escape(server.answer.failure().message, Keep::kQuotes);
    }
    objects += object.dump() + "\n";
  }
  return objects;
}

std::string HealthText(const std::vector<EndpointHealth>& servers, OutputFormat format) {
  using State = EndpointHealth::State;
  Table table({"SERVER", "HEALTH"});
  std::string objects;
  for (const EndpointHealth& server : servers) {
    const bool down = server.state == State::kDown;
    const bool ready = server.state == State::kReady;
    std::vector<Line> lines{
        {"endpoint", server.endpoint, ""}, {"live", !down, ""}, {"ready", ready, ""}};
    if (down) lines.push_back({"error", server.why, ""});
    objects += Text(lines, OutputFormat::kJson);
    table.Add({server.endpoint, down    ? "down: " + Escape(server.why, Keep::kQuotes)
                                : ready ? "ready"
                                        : "not ready"});
  }
  return format == OutputFormat::kJson ? objects : table.Text();
}

std::string OutcomeText(const std::vector<Resolved>& outcomes, OutputFormat format) {
  if (format == OutputFormat::kTable) return OutcomeTable(outcomes);
  std::string text;
  for (const Resolved& outcome : outcomes) {
    text += format == OutputFormat::kJson ? OutcomeJson(outcome) : OutcomeLine(outcome);
  }
  return text;
}

std::string LeaderText(const Leader& leader, OutputFormat format, Destination destination) {
  if (format == OutputFormat::kRaw) return RawText(leader.node, destination);
  if (format != OutputFormat::kTable) return Text(LinesOf(leader), format);
  Table table({"LEADER", "ENDPOINT", "TERM"});
  table.Add({Escape(leader.node, Keep::kQuotes), Escape(leader.endpoint, Keep::kQuotes),
             std::to_string(leader.term)});
  return table.Text();
}

std::string ImageText(const ImageInfo& image, OutputFormat format, Destination destination) {
  if (format == OutputFormat::kRaw) return RawText(image.file, destination);
  if (format != OutputFormat::kTable) return Text(LinesOf(image), format);
  Table table({"ENDPOINT", "FILE", "LOG_INDEX", "REVISION", "ENTRIES", "BYTES"});
  table.Add({Escape(image.endpoint, Keep::kQuotes), Escape(image.file, Keep::kQuotes),
             std::to_string(image.log_index), std::to_string(image.revision),
             std::to_string(image.entries), std::to_string(image.bytes)});
  return table.Text();
}

}  // namespace tripla::cli
