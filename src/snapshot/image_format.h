// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/level.h"
#include "model/little_endian.h"
#include "model/log_position.h"
#include "state/id_row.h"
#include "state/state_summary.h"

// The bytes of an image of the map (docs/formats.md, "Image"). Integers are little-endian.
//
// DIR/image/ holds images, named by the last log index they hold in 20 digits:
// 00000000000000000042.image. One that is being written ends in .partial.
//
//   image    preamble, header, blocks, end block; nothing after it
//
//   preamble magic "TRIPLAIM" | format u32: 2 for level 1, else 3 | check u32: low half of XXH3-64
//   of the 12 bytes (16)     before; the same in every later format, which can so be distinguished
//   from damage
//
//   header   written at u64, Unix milliseconds | term u64 | index u64 | revision u64 | keys u64
//   (136)    payload bytes u64 | sessions u64 | answers u64 | use counter u64 | runs u64
//            forgotten through u64 | level u64 | owner 16 bytes | state hash 16 bytes
//            checksum u64 of all bytes before
//
//   block    kind u32 | length u32 of the content | checksum u64 of the content, seeded with
//   (16 +)   its place and kind: the number of the block, from 0, times 2^32, plus kind | content
//
//     kind 1, entries, in the order of their keys
//              key length u32 | data length u32 | version i64 | timestamp i64 | revision u64
//              key in ordered form | data
//     kind 2, request ids, after all entries: sessions in the order of client, each followed by
//              its answers and then its runs
//       session 01 | client 16 | last use u64 | forgotten below u64 | in doubt through u64
//               finished u8
//       answer  02 | sequence u64 | fingerprint 16 | refusal u8 | result u8 | has entry u8
//               revision u64 | [an entry, as above]
//       run     03 | first u64 | last u64
//     kind 3, end: number of the blocks before it u64
//
// A state of the first level is written in format 2, the header of which has no level, so that
// versions from before there were levels can read it. Format 1 is read too. It has no runs and no
// owner either. In its header hash and checksum follow the use counter, and its sessions end after
// forgotten below.
namespace tripla::image {

inline constexpr uint32_t kFormat = 3;  // the newest
inline constexpr size_t kPreambleBytes = 16;
inline constexpr size_t kHeaderBytesOfFormat1 = kPreambleBytes + 96;
inline constexpr size_t kHeaderBytesOfFormat2 = kPreambleBytes + 128;
inline constexpr size_t kHeaderBytes = kHeaderBytesOfFormat2 + sizeof(uint64_t);
inline constexpr size_t kBlockHeaderBytes = 16;
// A block is closed when it holds this much; one large entry may make it larger.
inline constexpr size_t kBlockBytes = size_t{1} << 20;
inline constexpr size_t kBlockBytesMax = size_t{1} << 30;

enum class BlockKind : uint32_t { kEntries = 1, kIds = 2, kEnd = 3 };

// Whose state an image holds: the id of the cluster, or, without replicas, the id of the log
// (little-endian, then zeros). All zeros: unknown.
using Owner = std::array<uint8_t, 16>;

// Whether these may be the same owner. An unknown owner may be any. If one of them is a log's id,
// only that part is compared, because a server without replicas may begin with a replica's image.
[[nodiscard]] bool CanBeSame(const Owner& one, const Owner& other);
[[nodiscard]] Owner OwnerOfLog(uint64_t log_id);
[[nodiscard]] uint64_t LogIdOf(const Owner& owner);
// `uuid` in its text form.
[[nodiscard]] Owner OwnerOfCluster(std::string_view uuid);

struct Header {
  uint32_t format = kFormat;
  uint64_t written_unix_ms = 0;  // for information only
  StateSummary summary;
  Owner owner{};

  // Preamble included.
  [[nodiscard]] size_t bytes() const {
    if (format == 1) return kHeaderBytesOfFormat1;
    return format == 2 ? kHeaderBytesOfFormat2 : kHeaderBytes;
  }
  // In the file.
  [[nodiscard]] size_t hash_offset() const {
    return bytes() - sizeof(uint64_t) - sizeof(StateHash);
  }
  [[nodiscard]] size_t owner_offset() const { return hash_offset() - sizeof(Owner); }
};

struct BlockHeader {
  BlockKind kind = BlockKind::kEnd;
  uint32_t length = 0;
  uint64_t checksum = 0;
};

// "00000000000000000042.image".
[[nodiscard]] std::string FileName(LogIndex index);
// The index in an image's name, or nullopt for another file.
[[nodiscard]] std::optional<LogIndex> ParseFileName(std::string_view name);

// The disk space for the image of a state; the image takes this or a little less.
[[nodiscard]] uint64_t BytesOf(const StateSummary& summary);

// The format in which a state of this level is written.
[[nodiscard]] uint32_t FormatAt(Level level);

[[nodiscard]] std::string EncodePreamble(uint32_t format);
// Preamble and header, in the format that it names.
[[nodiscard]] std::string EncodeHeader(const Header& header);
// Ignores bytes after the header. Errors: DataLoss when the bytes are not a header; Unimplemented
// for a later format, and for a level that this program does not know.
[[nodiscard]] absl::StatusOr<Header> DecodeHeader(std::string_view bytes);

[[nodiscard]] std::string EncodeBlockHeader(BlockKind kind, uint64_t number,
                                            std::string_view content);
[[nodiscard]] BlockHeader DecodeBlockHeader(std::string_view bytes);
[[nodiscard]] uint64_t BlockChecksum(BlockKind kind, uint64_t number, std::string_view content);

void AppendEntry(std::string& bytes, const Entry& entry);
void AppendSession(std::string& bytes, const SessionRow& session);
void AppendAnswer(std::string& bytes, const AnswerRow& answer);
void AppendRun(std::string& bytes, const DecidedRun& run);

// Reads one entry; a null one if the bytes ran out, see reader.ok().
[[nodiscard]] EntryRef ReadEntry(ByteReader& reader);
// These read the bytes after 01, 02 or 03 in an image of this format. Errors: DataLoss.
[[nodiscard]] absl::StatusOr<SessionRow> ReadSession(ByteReader& reader, uint32_t format);
[[nodiscard]] absl::StatusOr<AnswerRow> ReadAnswer(ByteReader& reader);
[[nodiscard]] absl::StatusOr<DecidedRun> ReadRun(ByteReader& reader);

inline constexpr uint8_t kSessionTag = 1;
inline constexpr uint8_t kAnswerTag = 2;
inline constexpr uint8_t kRunTag = 3;

}  // namespace tripla::image
