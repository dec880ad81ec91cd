// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "disk/data_directory.h"
#include "disk/disk.h"
#include "model/log_position.h"

namespace tripla {

// How far the log reached when this was last written. Afterwards the log only grows, so the extent
// stays true after a crash, and if a start finds less, something was lost (R18a). The newest
// segment is set back to 0 only when an image replaces the log: when the log starts again after an
// image, and with `--log off`.
struct Extent {
  // Random, or the id of the image that the directory began with. Every segment of this log and
  // every image of this directory has it in its header.
  uint64_t log_id = 0;
  bool log_on = true;  // false: `--log off`, only images are kept
  // Every record was durable in the log before an image held it.
  bool durable_first = false;
  LogIndex newest_segment = 0;  // the first index of the newest segment; 0: there was none
  LogIndex reached = 0;         // the log, or an image, holds the records up to this one

  friend bool operator==(const Extent&, const Extent&) = default;
};

// The file DIR/log-extent (docs/formats.md, "Extent"). It is outside DIR/log, so that it remains
// when that is lost.
//
//   extent  two slots, at 0 and 4096, zeros after each, 8192 bytes in all
//
//   slot    magic "TRIPLALE" | format u32 = 1 | flags u32 | sequence u64 | log id u64
//   (56)    newest segment u64 | reached u64 | checksum u64 of the 48 bytes before it
//
//   flags   1: the log is on; 2: records are durable before an image holds them
//
// The slot with the higher sequence is valid. The other one is written next, so an interrupted
// write leaves the valid slot intact.
//
// Thread-safety: calls must not overlap.
class LogExtent {
 public:
  static constexpr char kFileName[] = "log-extent";

  // Reads the extent of a directory; nullopt if there is none, as in those of former versions.
  //
  // Errors: DataLoss, naming file and offset, when neither slot is whole; Unimplemented for a later
  // format; errors of the disk.
  [[nodiscard]] static absl::StatusOr<std::optional<Extent>> Read(const DataDirectory& directory);

  // Opens the file for writing. If there is none, makes one with this log id and no records.
  // `directory` outlives it. Errors: as Read().
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<LogExtent>> Open(
      const DataDirectory& directory, uint64_t new_log_id);

  [[nodiscard]] const Extent& extent() const { return extent_; }
  [[nodiscard]] std::shared_ptr<const File> file() const { return file_; }

  // Writes `extent` durably, if it is new; keeps the log id. Errors: as File::WriteAt(); Internal
  // when the sync failed. After an error the former extent is still valid.
  [[nodiscard]] absl::Status Write(Extent extent);

 private:
  LogExtent(std::unique_ptr<File> file, const Extent& extent, uint64_t sequence)
      : file_(std::move(file)), extent_(extent), sequence_(sequence) {}

  std::shared_ptr<File> file_;
  Extent extent_;
  uint64_t sequence_;
};

// Records that no log is kept from now on (`--log off`), and that an image holds the records up to
// `reached`. `new_log_id` as of LogExtent::Open(). Errors: as LogExtent::Open() and Write().
[[nodiscard]] absl::Status NoteLogOff(const DataDirectory& directory, uint64_t new_log_id,
                                      LogIndex reached);

// The path of the file in a directory, for messages.
[[nodiscard]] std::string LogExtentPath(const DataDirectory& directory);

}  // namespace tripla
