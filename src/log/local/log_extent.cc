// SPDX-License-Identifier: Apache-2.0
#include "log/local/log_extent.h"

#define XXH_INLINE_ALL
#include <fmt/core.h>
#include <xxhash.h>

#include <utility>

#include "base/status_macros.h"
#include "disk/replace_file.h"
#include "disk/two_slots.h"
#include "log/local/wal_format.h"
#include "model/little_endian.h"

namespace tripla {
namespace {

constexpr std::string_view kMagic = "TRIPLALE";
constexpr uint32_t kFormat = 1;
constexpr uint32_t kLogOn = 1;
constexpr uint32_t kDurableFirst = 2;
constexpr size_t kSlotBytes = 56;
constexpr uint64_t kFileBytes = 2 * kSlotDistance;

struct Slot {
  Extent extent;
  uint64_t sequence = 0;
};

std::string Encode(const Slot& slot) {
  const Extent& extent = slot.extent;
  std::string bytes(kMagic);
  AppendLittleEndian(bytes, kFormat);
  AppendLittleEndian(bytes,
                     (extent.log_on ? kLogOn : 0) | (extent.durable_first ? kDurableFirst : 0));
  AppendLittleEndian(bytes, slot.sequence);
  AppendLittleEndian(bytes, extent.log_id);
  AppendLittleEndian(bytes, extent.newest_segment);
  AppendLittleEndian(bytes, extent.reached);
  AppendLittleEndian(bytes, uint64_t{XXH3_64bits(bytes.data(), bytes.size())});
  return bytes;
}

// nullopt when the slot is not whole. Errors: Unimplemented for a later format.
absl::StatusOr<std::optional<Slot>> Decode(std::string_view bytes) {
  ByteReader reader(bytes);
  const bool magic = reader.ReadBytes(kMagic.size()) == kMagic;
  const auto format = reader.Read<uint32_t>();
  const auto flags = reader.Read<uint32_t>();
  Slot slot;
  slot.sequence = reader.Read<uint64_t>();
  slot.extent.log_id = reader.Read<uint64_t>();
  slot.extent.newest_segment = reader.Read<uint64_t>();
  slot.extent.reached = reader.Read<uint64_t>();
  const auto checksum = reader.Read<uint64_t>();
  if (!reader.ok() || !magic ||
      checksum != XXH3_64bits(bytes.data(), kSlotBytes - sizeof(uint64_t))) {
    return std::nullopt;
  }
  if (format > kFormat || flags > (kLogOn | kDurableFirst)) {
    return absl::UnimplementedError(
        fmt::format("format {} with flags {}; this version reads format {}: use the newer one",
                    format, flags, kFormat));
  }
  slot.extent.log_on = (flags & kLogOn) != 0;
  slot.extent.durable_first = (flags & kDurableFirst) != 0;
  return slot;
}

absl::StatusOr<Slot> ReadValid(File& file) {
  TRIPLA_ASSIGN_OR_RETURN(const std::optional<Slot> valid,
                          ReadValidSlot<Slot>(file, kSlotBytes, Decode));
  if (valid) return *valid;
  return absl::DataLossError(fmt::format(
      "{} is damaged at offset 0: it does not say how far the log must reach; restore the data "
      "directory from a copy, or see what is left with tripla-verify --dump",
      file.path()));
}

absl::Status Create(const DataDirectory& directory, uint64_t log_id) {
  std::string bytes = Encode({.extent = {.log_id = log_id}, .sequence = 0});
  bytes.resize(kFileBytes, '\0');
  return ReplaceFile(directory.disk(), LogExtentPath(directory), bytes);
}

}  // namespace

std::string LogExtentPath(const DataDirectory& directory) {
  return directory.path() + "/" + LogExtent::kFileName;
}

absl::StatusOr<std::optional<Extent>> LogExtent::Read(const DataDirectory& directory) {
  const absl::StatusOr<std::unique_ptr<File>> file =
      directory.disk().Open(LogExtentPath(directory), OpenMode::kRead);
  if (absl::IsNotFound(file.status())) return std::nullopt;
  TRIPLA_RETURN_IF_ERROR(file.status());
  TRIPLA_ASSIGN_OR_RETURN(const Slot slot, ReadValid(**file));
  return slot.extent;
}

absl::StatusOr<std::unique_ptr<LogExtent>> LogExtent::Open(const DataDirectory& directory,
                                                           uint64_t new_log_id) {
  const std::string path = LogExtentPath(directory);
  absl::StatusOr<std::unique_ptr<File>> file = directory.OpenForWriting(path);
  if (absl::IsNotFound(file.status())) {
    TRIPLA_RETURN_IF_ERROR(Create(directory, new_log_id));
    file = directory.OpenForWriting(path);
  }
  TRIPLA_RETURN_IF_ERROR(file.status());
  TRIPLA_ASSIGN_OR_RETURN(const Slot slot, ReadValid(**file));
  return std::unique_ptr<LogExtent>(new LogExtent(*std::move(file), slot.extent, slot.sequence));
}

absl::Status NoteLogOff(const DataDirectory& directory, uint64_t new_log_id, LogIndex reached) {
  TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<LogExtent> extent,
                          LogExtent::Open(directory, new_log_id));
  return extent->Write({.log_on = false, .reached = reached});
}

absl::Status LogExtent::Write(Extent extent) {
  extent.log_id = extent_.log_id;
  if (extent == extent_) return absl::OkStatus();
  const uint64_t sequence = sequence_ + 1;
  TRIPLA_RETURN_IF_ERROR(
      file_->WriteAt(OffsetOfSlot(sequence), Encode({.extent = extent, .sequence = sequence})));
  if (const absl::Status synced = file_->Sync(); !synced.ok()) {
    // Also for lack of space: it is not known what part of it is on the disk.
    return absl::InternalError(synced.message());
  }
  extent_ = extent;
  sequence_ = sequence;
  return absl::OkStatus();
}

}  // namespace tripla
