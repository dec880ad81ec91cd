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
constexpr char kTermField = 0x08;  // the tag that every LogEntryProto begins with
constexpr size_t kLengthBytesMax = 5;
// What a disk writes whole or not at all; the kernel copies in multiples of it.
constexpr size_t kSectorBytes = 512;
// What the kernel writes at once, in any order.
constexpr size_t kPageBytes = 4096;
// Fewer zeros may be what is left of something else.
constexpr size_t kHoleBytesMin = 16;
// Entries of one leader that are written and not acknowledged: its batches, and as many that only
// help reads.
constexpr size_t kOnTheirWayMax = 8;

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

struct Entries {
  size_t count = 0;
  size_t end = 0;
};

// Those from `begin` on that are whole.
Entries WholeEntries(std::string_view segment, size_t begin) {
  Entries entries{.end = begin};
  while (entries.end < segment.size() && segment[entries.end] != '\0') {
    const std::optional<size_t> bytes = EntryBytes(segment.substr(entries.end));
    if (!bytes || *bytes > segment.size() - entries.end) break;
    if (!IsWhole(segment.substr(entries.end, *bytes))) break;
    entries.end += *bytes;
    ++entries.count;
  }
  return entries;
}

// Whether the entry at `end` of a segment was cut off at the boundary of a sector: all behind is
// zeros.
bool IsTorn(std::string_view segment, size_t end) {
  const size_t written = segment.find_last_not_of('\0') + 1;
  const size_t boundary = (written + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
  const std::optional<size_t> bytes = EntryBytes(segment.substr(end));
  return bytes && boundary < end + *bytes;
}

bool IsZero(std::string_view bytes) { return bytes.find_first_not_of('\0') == bytes.npos; }

// The pages of a file that begin in [from, to), as far as the file has them whole.
bool HasZeroPage(std::string_view segment, size_t from, size_t to) {
  size_t page = (from + kPageBytes - 1) / kPageBytes * kPageBytes;
  for (; page < to && page + kPageBytes <= segment.size(); page += kPageBytes) {
    if (IsZero(segment.substr(page, kPageBytes))) return true;
  }
  return false;
}

// Those behind a hole: of the first that is whole it is not known where it begins.
Entries FirstWholeEntries(std::string_view segment, size_t from) {
  for (; from < segment.size(); ++from) {
    if (segment[from] == '\0') continue;
    const size_t first_field = segment.find_first_of(kTermField, from);
    if (first_field == segment.npos) break;
    if (first_field - from > kLengthBytesMax) {
      from = first_field - kLengthBytesMax - 1;
      continue;
    }
    if (const Entries entries = WholeEntries(segment, from); entries.count > 0) return entries;
  }
  return {};
}

// Whether a page of the entry at `end`, or the one in which it would begin, never reached the disk,
// while later ones did: what a power cut does to writes that no sync has ended. A page of zeros
// that was written would look the same; but what was acknowledged has soon more behind it than was
// ever on its way at once.
bool HasHole(std::string_view segment, size_t end) {
  if (segment[end] == '\0') {
    const size_t next_page = (end / kPageBytes + 1) * kPageBytes;
    return next_page - end >= kHoleBytesMin && IsZero(segment.substr(end, next_page - end)) &&
           FirstWholeEntries(segment, next_page).count <= kOnTheirWayMax;
  }
  const std::optional<size_t> bytes = EntryBytes(segment.substr(end));
  return bytes && *bytes <= segment.size() - end && HasZeroPage(segment, end, end + *bytes) &&
         WholeEntries(segment, end + *bytes).count <= kOnTheirWayMax;
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
  const size_t end = WholeEntries(segment, kHeader.size()).end;
  if (IsZero(segment.substr(end))) return absl::OkStatus();
  const bool torn = IsTorn(segment, end);
  if (!torn && !HasHole(segment, end)) {
    return absl::DataLossError(
        fmt::format("{} at offset {}: an entry is damaged; {}", file.path(), end, kRebuild));
  }
  Say(Severity::kInfo,
      fmt::format("{} at offset {}: an entry that was not written whole is cut off; "
                  "{}",
                  file.path(), end,
                  torn ? "it was never acknowledged"
                       : "a power cut left out a page of it, and it goes with what follows"));
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
