// SPDX-License-Identifier: Apache-2.0
#include "log/local/wal_format.h"

#define XXH_INLINE_ALL
#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>

#include "model/little_endian.h"

namespace tripla::wal {
namespace {

constexpr std::string_view kMagic = "TRIPLAWL";
constexpr std::string_view kSuffix = ".wal";
constexpr std::string_view kPartialSuffix = ".partial";
constexpr size_t kIndexDigits = 20;
// The header of format 1; these fields keep their places in every later format.
constexpr size_t kFixedHeaderBytes = 48;

bool IsChecked(std::string_view bytes, size_t checked) {
  return LoadLittleEndian<uint64_t>(bytes.data() + checked) == XXH3_64bits(bytes.data(), checked);
}

}  // namespace

std::string SegmentName(LogIndex first_index) { return fmt::format("{:020}.wal", first_index); }

std::optional<LogIndex> ParseSegmentName(std::string_view name) {
  if (name.size() != kIndexDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  LogIndex index = 0;
  const char* end = name.data() + kIndexDigits;
  const auto [stopped, error] = std::from_chars(name.data(), end, index);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return index;
}

bool IsUnusedSegmentName(std::string_view name) {
  if (name == kNextSegmentName) return true;
  if (!name.ends_with(kPartialSuffix)) return false;
  name.remove_suffix(kPartialSuffix.size());
  return ParseSegmentName(name).has_value();
}

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string bytes(kMagic);
  AppendLittleEndian(bytes, kSegmentFormat);
  AppendLittleEndian(bytes, uint32_t{0});
  AppendLittleEndian(bytes, header.first_index);
  AppendLittleEndian(bytes, header.capacity);
  AppendLittleEndian(bytes, header.salt);
  AppendLittleEndian(bytes, uint64_t{XXH3_64bits(bytes.data(), bytes.size())});
  AppendLittleEndian(bytes, header.log_id);
  AppendLittleEndian(bytes, uint64_t{XXH3_64bits(bytes.data(), bytes.size())});
  bytes.resize(kSectorBytes, '\0');
  return bytes;
}

absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view bytes) {
  if (bytes.size() < kSectorBytes) {
    return absl::DataLossError("the file is shorter than a segment's header");
  }
  ByteReader reader(bytes);
  if (reader.ReadBytes(kMagic.size()) != kMagic) {
    return absl::DataLossError("the file does not begin like a segment of the log");
  }
  SegmentHeader header;
  header.format = reader.Read<uint32_t>();
  const auto reserved = reader.Read<uint32_t>();
  header.first_index = reader.Read<uint64_t>();
  header.capacity = reader.Read<uint64_t>();
  header.salt = reader.Read<uint64_t>();
  bool intact = IsChecked(bytes, kFixedHeaderBytes - sizeof(uint64_t));
  if (intact && header.format > kSegmentFormat) {
    return absl::UnimplementedError(
        fmt::format("format {} of the log; this version reads formats 1 and {}: use the newer one",
                    header.format, kSegmentFormat));
  }
  if (header.format == kSegmentFormat) {
    header.log_id = LoadLittleEndian<uint64_t>(bytes.data() + kFixedHeaderBytes);
    intact = intact && IsChecked(bytes, kSegmentHeaderBytes - sizeof(uint64_t));
  }
  const size_t end = header.format == kSegmentFormat ? kSegmentHeaderBytes : kFixedHeaderBytes;
  const std::string_view rest = bytes.substr(end, kSectorBytes - end);
  const bool zero_rest = rest.find_first_not_of('\0') == std::string_view::npos;
  if (!intact || header.format == 0 || reserved != 0 || !zero_rest) {
    return absl::DataLossError("the checksum of the segment's header does not fit");
  }
  return header;
}

void EncodeRecordHeader(const RecordHeader& header, uint64_t salt, char* to) {
  StoreLittleEndian(to, header.payload_bytes);
  StoreLittleEndian(to + 4, header.format);
  StoreLittleEndian(to + 6, uint16_t{0});
  StoreLittleEndian(to + 8, header.zero_sectors);
  StoreLittleEndian(to + 12, uint32_t{0});
  StoreLittleEndian(to + 16, header.index);
  StoreLittleEndian(to + 24, header.synced_through);
  StoreLittleEndian(to + 32, header.payload_checksum);
  StoreLittleEndian(to + 40, uint64_t{XXH3_64bits_withSeed(to, 40, salt)});
}

std::optional<RecordHeader> DecodeRecordHeader(std::string_view bytes, uint64_t salt) {
  const char* from = bytes.data();
  if (LoadLittleEndian<uint64_t>(from + 40) != XXH3_64bits_withSeed(from, 40, salt)) {
    return std::nullopt;
  }
  return RecordHeader{.payload_bytes = LoadLittleEndian<uint32_t>(from),
                      .format = LoadLittleEndian<uint16_t>(from + 4),
                      .zero_sectors = LoadLittleEndian<uint32_t>(from + 8),
                      .index = LoadLittleEndian<uint64_t>(from + 16),
                      .synced_through = LoadLittleEndian<uint64_t>(from + 24),
                      .payload_checksum = LoadLittleEndian<uint64_t>(from + 32)};
}

uint64_t PayloadChecksum(std::string_view payload) {
  return XXH3_64bits(payload.data(), payload.size());
}

uint32_t CountZeroSectors(std::string_view bytes, uint64_t offset) {
  const size_t to_boundary = (kSectorBytes - offset % kSectorBytes) % kSectorBytes;
  uint32_t count = 0;
  for (size_t at = to_boundary; at + kSectorBytes <= bytes.size(); at += kSectorBytes) {
    const std::string_view sector = bytes.substr(at, kSectorBytes);
    if (sector.find_first_not_of('\0') == std::string_view::npos) ++count;
  }
  return count;
}

}  // namespace tripla::wal
