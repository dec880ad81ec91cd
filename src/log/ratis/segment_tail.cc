// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/segment_tail.h"

#include <fmt/core.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "base/status_macros.h"

namespace tripla {
namespace {

constexpr std::string_view kHeader = "RaftLog1";
constexpr size_t kChecksumBytes = 4;
constexpr size_t kLengthBytesMax = 5;
// What a disk writes whole or not at all; the kernel copies in multiples of it.
constexpr size_t kSectorBytes = 512;

// Castagnoli's polynomial, reflected.
constexpr std::array<uint32_t, 256> kTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value & 1 ? value >> 1 ^ 0x82f63b78 : value >> 1;
    table[i] = value;
  }
  return table;
}();

uint32_t Crc32c(std::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  for (const char byte : bytes) crc = crc >> 8 ^ kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  return ~crc;
}

// The bytes that the entry at the beginning of `bytes` takes, its length and checksum included, as
// its length says; nothing when that cannot be read.
std::optional<size_t> EntryBytes(std::string_view bytes) {
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytesMax && i < bytes.size(); ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    length |= uint64_t{byte & 0x7fu} << (7 * i);
    if ((byte & 0x80) == 0) return i + 1 + length + kChecksumBytes;
  }
  return std::nullopt;
}

bool IsWhole(std::string_view entry) {
  const size_t checked = entry.size() - kChecksumBytes;
  uint32_t stored = 0;
  for (const char byte : entry.substr(checked)) stored = stored << 8 | static_cast<uint8_t>(byte);
  return Crc32c(entry.substr(0, checked)) == stored;
}

// Where the entries of a segment end that are whole.
size_t EndOfWholeEntries(std::string_view segment) {
  size_t end = kHeader.size();
  while (end < segment.size() && segment[end] != '\0') {
    const std::optional<size_t> bytes = EntryBytes(segment.substr(end));
    if (!bytes || *bytes > segment.size() - end || !IsWhole(segment.substr(end, *bytes))) break;
    end += *bytes;
  }
  return end;
}

// Whether the entry at `end` of a segment was cut off at the boundary of a sector: all behind is
// zeros.
bool IsTorn(std::string_view segment, size_t end) {
  const size_t written = segment.find_last_not_of('\0') + 1;
  const size_t boundary = (written + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
  const std::optional<size_t> bytes = EntryBytes(segment.substr(end));
  return bytes && boundary < end + *bytes;
}

absl::Status ReadWhole(File& file, std::string& content) {
  TRIPLA_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  content.resize(size);
  TRIPLA_ASSIGN_OR_RETURN(const size_t read, file.ReadAt(0, content.data(), content.size()));
  content.resize(read);
  return absl::OkStatus();
}

absl::Status CutTornTailOf(File& file) {
  std::string segment;
  TRIPLA_RETURN_IF_ERROR(ReadWhole(file, segment));
  // Ratis makes a segment anew that has no whole header.
  if (!segment.starts_with(kHeader)) return absl::OkStatus();
  const size_t end = EndOfWholeEntries(segment);
  if (segment.find_first_not_of('\0', end) == std::string::npos) return absl::OkStatus();
  if (!IsTorn(segment, end)) {
    return absl::DataLossError(
        fmt::format("{} at offset {}: an entry is damaged; {}", file.path(), end, kRebuild));
  }
  Say(Severity::kInfo,
      fmt::format("{} at offset {}: an entry that was not written whole is cut off; "
                  "it was never acknowledged",
                  file.path(), end));
  TRIPLA_RETURN_IF_ERROR(file.Truncate(end));
  return file.Sync();
}

}  // namespace

absl::Status CutTornTail(const DataDirectory& directory, const Membership& membership) {
  Disk& disk = directory.disk();
  const std::string path = RatisLogPath(directory, membership);
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(path));
  for (const std::string& name : names) {
    if (!name.starts_with("log_inprogress_")) continue;
    TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                            disk.Open(path + "/" + name, OpenMode::kReadWrite));
    TRIPLA_RETURN_IF_ERROR(CutTornTailOf(*file));
  }
  return absl::OkStatus();
}

}  // namespace tripla
