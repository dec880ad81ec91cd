// SPDX-License-Identifier: Apache-2.0
#include "snapshot/image_format.h"

#define XXH_INLINE_ALL
#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "absl/strings/escaping.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace tripla::image {
namespace {

constexpr std::string_view kMagic = "TRIPLAIM";
constexpr std::string_view kSuffix = ".image";
constexpr size_t kIndexDigits = 20;

template <typename Array>
void ReadArray(ByteReader& reader, Array& array) {
  const std::string_view bytes = reader.ReadBytes(array.size());
  std::copy(bytes.begin(), bytes.end(), array.begin());
}

template <typename Array>
void AppendArray(std::string& bytes, const Array& array) {
  bytes.append(reinterpret_cast<const char*>(array.data()), array.size());
}

// Returns the format.
absl::StatusOr<uint32_t> ReadPreamble(std::string_view bytes) {
  if (bytes.size() < kPreambleBytes) {
    return absl::DataLossError("the file is shorter than an image's header");
  }
  const auto format = LoadLittleEndian<uint32_t>(bytes.data() + kMagic.size());
  if (bytes.substr(0, kPreambleBytes) != EncodePreamble(format)) {
    return absl::DataLossError("the file does not begin like an image");
  }
  if (format >= 1 && format <= kFormat) return format;
  return absl::UnimplementedError(
      fmt::format("an image of format {}; this version reads formats 1 to {}: use the newer one",
                  format, kFormat));
}

// The header's numbers in the order of the file.
template <typename HeaderType>
auto NumbersOf(HeaderType& header) {
  auto& summary = header.summary;
  std::vector numbers{&header.written_unix_ms, &summary.position.term, &summary.position.index,
                      &summary.revision,       &summary.keys,          &summary.payload_bytes,
                      &summary.sessions,       &summary.answers,       &summary.use_counter};
  if (header.format >= 2) {
    numbers.insert(numbers.end(), {&summary.runs, &summary.forgotten_through});
  }
  if (header.format >= 3) numbers.push_back(&summary.level);
  return numbers;
}

}  // namespace

std::string FileName(LogIndex index) { return fmt::format("{:020}.image", index); }

std::optional<LogIndex> ParseFileName(std::string_view name) {
  if (name.size() != kIndexDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  LogIndex index = 0;
  const char* end = name.data() + kIndexDigits;
  const auto [stopped, error] = std::from_chars(name.data(), end, index);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return index;
}

uint64_t BytesOf(const StateSummary& summary) {
  constexpr uint64_t kFixedBytes = 4096;
  constexpr uint64_t kEntryBytes = 32;    // without key and data
  constexpr uint64_t kSessionBytes = 64;  // at most
  constexpr uint64_t kRunBytes = 17;
  constexpr uint64_t kAnswerBytes = 96;  // without key and data of its entry, at most
  const uint64_t rows = summary.payload_bytes + summary.keys * kEntryBytes +
                        summary.sessions * kSessionBytes + summary.answers * kAnswerBytes +
                        summary.runs * kRunBytes + summary.answer_bytes;
  // The last term: headers of blocks, and the file system's own data.
  return kFixedBytes + rows + rows / 256;
}

bool CanBeSame(const Owner& one, const Owner& other) {
  const auto is_log = [](const Owner& owner) { return owner == OwnerOfLog(LogIdOf(owner)); };
  if (one == other || one == Owner() || other == Owner()) return true;
  return (is_log(one) || is_log(other)) && LogIdOf(one) == LogIdOf(other);
}

Owner OwnerOfLog(uint64_t log_id) {
  std::string bytes;
  AppendLittleEndian(bytes, log_id);
  Owner owner{};
  std::copy(bytes.begin(), bytes.end(), owner.begin());
  return owner;
}

uint64_t LogIdOf(const Owner& owner) {
  return LoadLittleEndian<uint64_t>(reinterpret_cast<const char*>(owner.data()));
}

Owner OwnerOfCluster(std::string_view uuid) {
  std::string digits(uuid);
  std::erase(digits, '-');
  const std::string bytes = absl::HexStringToBytes(digits);
  Owner owner{};
  TRIPLA_CHECK(bytes.size() == owner.size(), "a cluster's id is a UUID");
  std::copy(bytes.begin(), bytes.end(), owner.begin());
  return owner;
}

uint32_t FormatAt(Level level) { return level == kFirstLevel ? 2 : kFormat; }

std::string EncodePreamble(uint32_t format) {
  std::string bytes(kMagic);
  AppendLittleEndian(bytes, format);
  AppendLittleEndian(bytes, static_cast<uint32_t>(XXH3_64bits(bytes.data(), bytes.size())));
  return bytes;
}

std::string EncodeHeader(const Header& header) {
  std::string bytes = EncodePreamble(header.format);
  for (const uint64_t* number : NumbersOf(header)) AppendLittleEndian(bytes, *number);
  if (header.format >= 2) AppendArray(bytes, header.owner);
  AppendArray(bytes, header.summary.hash);
  AppendLittleEndian(bytes, uint64_t{XXH3_64bits(bytes.data(), bytes.size())});
  return bytes;
}

absl::StatusOr<Header> DecodeHeader(std::string_view bytes) {
  Header header;
  TRIPLA_ASSIGN_OR_RETURN(header.format, ReadPreamble(bytes));
  if (bytes.size() < header.bytes()) {
    return absl::DataLossError("the file is shorter than an image's header");
  }
  const size_t checked = header.bytes() - sizeof(uint64_t);
  if (LoadLittleEndian<uint64_t>(bytes.data() + checked) != XXH3_64bits(bytes.data(), checked)) {
    return absl::DataLossError("the checksum of the image's header does not fit");
  }
  ByteReader reader(bytes.substr(kPreambleBytes));
  for (uint64_t* number : NumbersOf(header)) *number = reader.Read<uint64_t>();
  if (header.format >= 2) ReadArray(reader, header.owner);
  ReadArray(reader, header.summary.hash);
  TRIPLA_RETURN_IF_ERROR(CheckLevel(header.summary.level));
  return header;
}

uint64_t BlockChecksum(BlockKind kind, uint64_t number, std::string_view content) {
  return XXH3_64bits_withSeed(content.data(), content.size(),
                              (number << 32) + static_cast<uint32_t>(kind));
}

std::string EncodeBlockHeader(BlockKind kind, uint64_t number, std::string_view content) {
  std::string bytes;
  AppendLittleEndian(bytes, static_cast<uint32_t>(kind));
  AppendLittleEndian(bytes, static_cast<uint32_t>(content.size()));
  AppendLittleEndian(bytes, BlockChecksum(kind, number, content));
  return bytes;
}

BlockHeader DecodeBlockHeader(std::string_view bytes) {
  ByteReader reader(bytes);
  BlockHeader header;
  header.kind = static_cast<BlockKind>(reader.Read<uint32_t>());
  header.length = reader.Read<uint32_t>();
  header.checksum = reader.Read<uint64_t>();
  return header;
}

void AppendEntry(std::string& bytes, const Entry& entry) {
  AppendLittleEndian(bytes, static_cast<uint32_t>(entry.ordered_key().size()));
  AppendLittleEndian(bytes, static_cast<uint32_t>(entry.data().size()));
  AppendLittleEndian(bytes, entry.version());
  AppendLittleEndian(bytes, entry.timestamp());
  AppendLittleEndian(bytes, entry.revision());
  bytes += entry.ordered_key();
  bytes += entry.data();
}

void AppendSession(std::string& bytes, const SessionRow& session) {
  bytes += static_cast<char>(kSessionTag);
  AppendArray(bytes, session.client);
  AppendLittleEndian(bytes, session.last_use);
  AppendLittleEndian(bytes, session.forgotten_below);
  AppendLittleEndian(bytes, session.in_doubt_through);
  bytes += static_cast<char>(session.finished);
}

void AppendAnswer(std::string& bytes, const AnswerRow& answer) {
  const Outcome& outcome = answer.outcome;
  bytes += static_cast<char>(kAnswerTag);
  AppendLittleEndian(bytes, answer.sequence);
  AppendArray(bytes, answer.fingerprint);
  bytes += static_cast<char>(outcome.refusal);
  bytes += static_cast<char>(outcome.result);
  bytes += static_cast<char>(outcome.entry ? 1 : 0);
  AppendLittleEndian(bytes, outcome.revision);
  if (outcome.entry) AppendEntry(bytes, *outcome.entry);
}

void AppendRun(std::string& bytes, const DecidedRun& run) {
  bytes += static_cast<char>(kRunTag);
  AppendLittleEndian(bytes, run.first);
  AppendLittleEndian(bytes, run.last);
}

EntryRef ReadEntry(ByteReader& reader) {
  const auto key_bytes = reader.Read<uint32_t>();
  const auto data_bytes = reader.Read<uint32_t>();
  Entry::Fields fields;
  fields.version = reader.Read<int64_t>();
  fields.timestamp = reader.Read<int64_t>();
  fields.revision = reader.Read<uint64_t>();
  const std::string_view key = reader.ReadBytes(key_bytes);
  const std::string_view data = reader.ReadBytes(data_bytes);
  return reader.ok() ? Entry::Create(fields, key, data) : EntryRef();
}

absl::StatusOr<SessionRow> ReadSession(ByteReader& reader, uint32_t format) {
  SessionRow session;
  ReadArray(reader, session.client);
  session.last_use = reader.Read<uint64_t>();
  session.forgotten_below = reader.Read<uint64_t>();
  uint8_t finished = 0;
  if (format >= 2) {
    session.in_doubt_through = reader.Read<uint64_t>();
    finished = reader.Read<uint8_t>();
  }
  if (!reader.ok() || finished > 1) {
    return absl::DataLossError("a session is cut off or impossible");
  }
  session.finished = finished == 1;
  return session;
}

absl::StatusOr<DecidedRun> ReadRun(ByteReader& reader) {
  DecidedRun run;
  run.first = reader.Read<uint64_t>();
  run.last = reader.Read<uint64_t>();
  if (!reader.ok()) return absl::DataLossError("a run is cut off");
  return run;
}

absl::StatusOr<AnswerRow> ReadAnswer(ByteReader& reader) {
  AnswerRow answer;
  answer.sequence = reader.Read<uint64_t>();
  ReadArray(reader, answer.fingerprint);
  const auto refusal = reader.Read<uint8_t>();
  const auto result = reader.Read<uint8_t>();
  const auto has_entry = reader.Read<uint8_t>();
  answer.outcome.revision = reader.Read<uint64_t>();
  if (has_entry == 1) answer.outcome.entry = ReadEntry(reader);
  const bool known = refusal <= static_cast<uint8_t>(Refusal::kAnswerForgotten) && result >= 1 &&
                     result <= static_cast<uint8_t>(Result::kWrongVersion) && has_entry <= 1;
  if (!reader.ok() || !known) return absl::DataLossError("an answer is cut off or impossible");
  answer.outcome.refusal = static_cast<Refusal>(refusal);
  answer.outcome.result = static_cast<Result>(result);
  return answer;
}

}  // namespace tripla::image
