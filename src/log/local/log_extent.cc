// SPDX-License-Identifier: Apache-2.0
#include "log/local/log_extent.h"

#define XXH_INLINE_ALL
#include <fmt/core.h>
#include <xxhash.h>

#include <utility>

#include "base/status_macros.h"
#include "log/local/wal_format.h"
#include "model/little_endian.h"

namespace tripla {
namespace {

constexpr std::string_view kMagic = "TRIPLALE";
constexpr uint32_t kFormat = 1;
constexpr uint32_t kLogOn = 1;
constexpr uint32_t kDurableFirst = 2;
constexpr size_t kSlotBytes = 56;
// Far enough apart that no disk writes both slots at once.
constexpr uint64_t kSlotDistance = 4096;
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

// The valid slot.
absl::StatusOr<Slot> ReadSlots(File& file) {
  std::optional<Slot> newest;
  for (const uint64_t offset : {uint64_t{0}, kSlotDistance}) {
    std::string bytes(kSlotBytes, '\0');
    TRIPLA_RETURN_IF_ERROR(file.ReadAt(offset, bytes.data(), bytes.size()).status());
    const absl::StatusOr<std::optional<Slot>> slot = Decode(bytes);
    if (!slot.ok()) {
      return absl::Status(slot.status().code(),
                          fmt::format("{} at offset {}: {}", file.path(), offset,
                                      std::string(slot.status().message())));
    }
    if (*slot && (!newest || newest->sequence < (*slot)->sequence)) newest = **slot;
  }
  if (newest) return *newest;
  return absl::DataLossError(fmt::format(
      "{} is damaged at offset 0: it does not say how far the log must reach; restore the data "
      "directory from a copy, or see what is left with tripla-verify --dump",
      file.path()));
}

absl::Status Create(const DataDirectory& directory, uint64_t log_id) {
  Disk& disk = directory.disk();
  const std::string path = LogExtentPath(directory);
  const std::string partial = path + ".partial";
  if (absl::Status removed = disk.Remove(partial); !removed.ok() && !absl::IsNotFound(removed)) {
    return removed;
  }
  std::string bytes = Encode({.extent = {.log_id = log_id}, .sequence = 0});
  bytes.resize(kFileBytes, '\0');
  TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                          disk.Open(partial, OpenMode::kCreateFresh));
  absl::Status status = file->WriteAt(0, bytes);
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = disk.Rename(partial, path);
  if (!status.ok()) {
    disk.Remove(partial).IgnoreError();  // the next start replaces it
    return status;
  }
  return disk.SyncDirectory(directory.path());
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
  TRIPLA_ASSIGN_OR_RETURN(const Slot slot, ReadSlots(**file));
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
  TRIPLA_ASSIGN_OR_RETURN(const Slot slot, ReadSlots(**file));
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
  TRIPLA_RETURN_IF_ERROR(file_->WriteAt(sequence % 2 * kSlotDistance,
                                        Encode({.extent = extent, .sequence = sequence})));
  if (const absl::Status synced = file_->Sync(); !synced.ok()) {
    // Also for lack of space: it is not known what part of it is on the disk.
    return absl::InternalError(synced.message());
  }
  extent_ = extent;
  sequence_ = sequence;
  return absl::OkStatus();
}

}  // namespace tripla
