// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/segments.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/diagnostics.h"
#include "base/status_macros.h"
#include "model/little_endian.h"

namespace tripla {
namespace {

constexpr std::string_view kClosedPrefix = "log_";
constexpr std::string_view kOpenPrefix = "log_inprogress_";
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
// help reads. A follower is sent at most so many at once (Properties.java of ratis-bridge).
constexpr size_t kOnTheirWayMax = 8;

// Tables of CRC32C (Castagnoli's polynomial, reflected), for a byte that 0, 1 … 7 others follow.
constexpr size_t kBytesAtOnce = sizeof(uint64_t);
constexpr auto kTables = [] {
  std::array<std::array<uint32_t, 256>, kBytesAtOnce> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (auto& table : tables) {
      for (int bit = 0; bit < 8; ++bit) value = value & 1 ? value >> 1 ^ 0x82f63b78 : value >> 1;
      table[byte] = value;
    }
  }
  return tables;
}();

uint32_t Crc32c(std::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  for (; bytes.size() >= kBytesAtOnce; bytes.remove_prefix(kBytesAtOnce)) {
    const uint64_t word = LoadLittleEndian<uint64_t>(bytes.data()) ^ crc;
    crc = 0;
    for (size_t i = 0; i < kBytesAtOnce; ++i) {
      crc ^= kTables[kBytesAtOnce - 1 - i][word >> (8 * i) & 0xff];
    }
  }
  for (const char byte : bytes) {
    crc = crc >> 8 ^ kTables[0][(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  }
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
  size_t last = 0;  // where the last one begins, if there is one
  size_t end = 0;
};

// Those from `begin` on that are whole.
Entries WholeEntries(std::string_view segment, size_t begin) {
  Entries entries{.end = begin};
  while (entries.end < segment.size() && segment[entries.end] != '\0') {
    const std::optional<size_t> bytes = EntryBytes(segment.substr(entries.end));
    if (!bytes || *bytes > segment.size() - entries.end) break;
    if (!IsWhole(segment.substr(entries.end, *bytes))) break;
    entries.last = entries.end;
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

// Whether a page of the entry at `end`, or the page in which it would begin, never reached the
// disk, while later pages did. A power cut does that to writes that were not synced. Damage could
// look the same, but then more entries follow than are ever unacknowledged at once.
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

// A file of the log, by its name.
struct Segment {
  std::string path;
  LogIndex first = 0;
  std::optional<LogIndex> last;  // none while it is open
};

// Those in `directory`, in the order of their entries.
absl::StatusOr<std::vector<Segment>> ListSegments(Disk& disk, const std::string& directory) {
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(directory));
  std::vector<Segment> segments;
  for (const std::string& name : names) {
    if (!name.starts_with(kClosedPrefix)) continue;
    const bool open = name.starts_with(kOpenPrefix);
    Segment segment{.path = directory + "/" + name};
    const char* const end = name.data() + name.size();
    const char* const begin = name.data() + (open ? kOpenPrefix : kClosedPrefix).size();
    const auto [stopped, error] = std::from_chars(begin, end, segment.first);
    if (error != std::errc()) continue;
    if (!open) {
      if (stopped == end || *stopped != '-') continue;
      const auto [rest, no_last] = std::from_chars(stopped + 1, end, segment.last.emplace());
      if (no_last != std::errc() || rest != end) continue;
    }
    segments.push_back(std::move(segment));
  }
  std::ranges::sort(segments, {}, &Segment::first);
  return segments;
}

absl::Status Damage(const File& file, size_t offset, std::string_view what) {
  return absl::DataLossError(
      fmt::format("{} at offset {}: {}; {}", file.path(), offset, what, kRebuild));
}

absl::Status ReadWhole(File& file, std::string& content) {
  TRIPLA_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  content.resize(size);
  TRIPLA_ASSIGN_OR_RETURN(const size_t read, file.ReadAt(0, content.data(), content.size()));
  content.resize(read);
  return absl::OkStatus();
}

absl::StatusOr<Entries> CheckClosed(const File& file, std::string_view content, uint64_t expected) {
  if (!content.starts_with(kHeader)) return Damage(file, 0, "a segment does not begin so");
  const Entries entries = WholeEntries(content, kHeader.size());
  if (!IsZero(content.substr(entries.end))) {
    return Damage(file, entries.end, "an entry is damaged");
  }
  if (entries.count != expected) {
    return Damage(file, entries.end,
                  fmt::format("it holds {} entries and should hold {}", entries.count, expected));
  }
  return entries;
}

// What is left of a segment that a crash may have cut off.
struct OpenSegment {
  Entries entries;
  std::string_view cut;  // why more than zeros follows the entries; empty: it does not
};

absl::StatusOr<OpenSegment> CheckOpen(const File& file, std::string_view content) {
  // Ratis makes a segment anew whose header was not written whole. It is durable before any entry.
  if (kHeader.starts_with(content.substr(0, content.find_last_not_of('\0') + 1)))
    return OpenSegment();
  if (!content.starts_with(kHeader)) return Damage(file, 0, "a segment does not begin so");
  OpenSegment segment{.entries = WholeEntries(content, kHeader.size()), .cut = {}};
  const size_t end = segment.entries.end;
  if (IsZero(content.substr(end))) return segment;
  if (IsTorn(content, end)) {
    segment.cut =
        "a crash cut off its writing; whatever was acknowledged of it, a majority of the servers "
        "has";
  } else if (HasHole(content, end)) {
    segment.cut = "a power cut left out a page of it, and it goes with what follows";
  } else {
    return Damage(file, end, "an entry is damaged");
  }
  return segment;
}

// Returns the entries it holds.
absl::StatusOr<Entries> CutTornTail(File& file, std::string_view content) {
  TRIPLA_ASSIGN_OR_RETURN(const OpenSegment segment, CheckOpen(file, content));
  if (segment.cut.empty()) return segment.entries;
  Say(Severity::kInfo,
      fmt::format("{} at offset {}: an entry that was not written whole is cut off; {}",
                  file.path(), segment.entries.end, segment.cut));
  TRIPLA_RETURN_IF_ERROR(file.Truncate(segment.entries.end));
  TRIPLA_RETURN_IF_ERROR(file.Sync());
  return segment.entries;
}

// A field of a protobuf message.
struct Field {
  uint64_t number = 0;
  uint64_t value = 0;      // of a varint
  std::string_view bytes;  // of a field with a length
};

std::optional<uint64_t> TakeVarint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

// Nothing at the end, and before a field of another kind than Ratis's entries have.
std::optional<Field> TakeField(std::string_view& bytes) {
  constexpr uint64_t kVarint = 0;
  constexpr uint64_t kWithLength = 2;
  const std::optional<uint64_t> key = TakeVarint(bytes);
  const std::optional<uint64_t> value = key ? TakeVarint(bytes) : std::nullopt;
  if (!value) return std::nullopt;
  Field field{.number = *key >> 3, .value = *value};
  if ((*key & 7) == kVarint) return field;
  if ((*key & 7) != kWithLength || *value > bytes.size()) return std::nullopt;
  field.bytes = bytes.substr(0, *value);
  bytes.remove_prefix(*value);
  return field;
}

struct Entry {
  LogPosition position;
  std::optional<std::string_view> batch;
};

// LogEntryProto: term 1, index 2, stateMachineLogEntry 3 with logData 1.
Entry ParseEntry(std::string_view message) {
  Entry entry;
  while (const std::optional<Field> field = TakeField(message)) {
    if (field->number == 1) entry.position.term = field->value;
    if (field->number == 2) entry.position.index = field->value;
    if (field->number != 3) continue;
    std::string_view content = field->bytes;
    entry.batch = "";
    while (const std::optional<Field> inner = TakeField(content)) {
      if (inner->number == 1) entry.batch = inner->bytes;
    }
  }
  return entry;
}

// The whole entry that begins there.
Entry EntryAt(std::string_view segment, size_t at) {
  std::string_view message = segment.substr(at, *EntryBytes(segment.substr(at)));
  message.remove_suffix(kChecksumBytes);
  TakeVarint(message);
  return ParseEntry(message);
}

// Those of a segment that end before `end`.
absl::Status TakeEntries(const File& file, std::string_view segment, size_t end, LogIndex after,
                         LogIndex& next, const EntryFn& take) {
  for (size_t at = kHeader.size(); at < end;) {
    const Entry entry = EntryAt(segment, at);
    if (entry.position.index > after) {
      if (entry.position.index != next) {
        return Damage(file, at, fmt::format("entry {} is missing", next));
      }
      TRIPLA_RETURN_IF_ERROR(take(entry.position, entry.batch));
      ++next;
    }
    at += *EntryBytes(segment.substr(at));
  }
  return absl::OkStatus();
}

// Removes segments from before an image that was installed.
absl::Status RemoveLeftOver(Disk& disk, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    Say(Severity::kInfo, fmt::format("{} is removed: the entries that follow it are in the image "
                                     "that was installed, and so are its own",
                                     path));
    TRIPLA_RETURN_IF_ERROR(disk.Remove(path));
  }
  if (paths.empty()) return absl::OkStatus();
  return disk.SyncDirectory(paths.front().substr(0, paths.front().rfind('/')));
}

}  // namespace

absl::Status ReadEntries(const DataDirectory& directory, const Membership& membership,
                         LogIndex after, const EntryFn& take) {
  Disk& disk = directory.disk();
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<Segment> segments,
                          ListSegments(disk, RatisLogPath(directory, membership)));
  LogIndex next = after + 1;
  std::string content;
  for (const auto& [path, first, last] : segments) {
    if (last && *last <= after) continue;
    TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, disk.Open(path, OpenMode::kRead));
    TRIPLA_RETURN_IF_ERROR(ReadWhole(*file, content));
    size_t end = 0;
    if (last) {
      TRIPLA_ASSIGN_OR_RETURN(const Entries entries,
                              CheckClosed(*file, content, *last + 1 - first));
      end = entries.end;
    } else {
      TRIPLA_ASSIGN_OR_RETURN(const OpenSegment segment, CheckOpen(*file, content));
      end = segment.entries.end;
    }
    TRIPLA_RETURN_IF_ERROR(TakeEntries(*file, content, end, after, next, take));
  }
  return absl::OkStatus();
}

absl::StatusOr<LogPosition> CheckSegments(const DataDirectory& directory,
                                          const Membership& membership, LogIndex in_image) {
  Disk& disk = directory.disk();
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<Segment> segments,
                          ListSegments(disk, RatisLogPath(directory, membership)));
  std::vector<std::string> left_over;
  std::vector<std::string> since_gap;
  std::optional<LogIndex> next;
  uint64_t term = 0;
  std::string content;
  for (const auto& [path, first, last] : segments) {
    TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                            disk.Open(path, last ? OpenMode::kRead : OpenMode::kReadWrite));
    TRIPLA_RETURN_IF_ERROR(ReadWhole(*file, content));
    Entries entries;
    if (last) {
      TRIPLA_ASSIGN_OR_RETURN(entries, CheckClosed(*file, content, *last + 1 - first));
    } else {
      TRIPLA_ASSIGN_OR_RETURN(entries, CutTornTail(*file, content));
    }
    if (entries.count == 0) continue;  // Ratis removes it
    if (next && first > *next && first <= in_image + 1) {
      left_over.insert(left_over.end(), since_gap.begin(), since_gap.end());
      since_gap.clear();
    } else if (next && first != *next) {
      return Damage(
          *file, 0,
          fmt::format("it begins with entry {}, but entry {} should come next", first, *next));
    }
    since_gap.push_back(path);
    next = first + entries.count;
    term = EntryAt(content, entries.last).position.term;
  }
  TRIPLA_RETURN_IF_ERROR(RemoveLeftOver(disk, left_over));
  return LogPosition{.term = term, .index = next ? *next - 1 : 0};
}

absl::StatusOr<LogIndex> LastIndexInSegments(const DataDirectory& directory,
                                             const Membership& membership) {
  TRIPLA_ASSIGN_OR_RETURN(std::vector<Segment> segments,
                          ListSegments(directory.disk(), RatisLogPath(directory, membership)));
  std::string content;
  for (; !segments.empty(); segments.pop_back()) {
    const Segment& newest = segments.back();
    if (newest.last) return *newest.last;
    TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                            directory.disk().Open(newest.path, OpenMode::kRead));
    TRIPLA_RETURN_IF_ERROR(ReadWhole(*file, content));
    TRIPLA_ASSIGN_OR_RETURN(const OpenSegment open, CheckOpen(*file, content));
    if (open.entries.count > 0) return newest.first + open.entries.count - 1;
  }
  return 0;
}

absl::StatusOr<LogIndex> FirstIndexInSegments(const DataDirectory& directory,
                                              const Membership& membership) {
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<Segment> segments,
                          ListSegments(directory.disk(), RatisLogPath(directory, membership)));
  return segments.empty() ? 0 : std::max<LogIndex>(segments.front().first, 1);
}

}  // namespace tripla
