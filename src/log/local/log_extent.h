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

// What must be there: how far the log had come when this was last written. After that the log only
// grows, so it stays true after a crash, and a start that finds less has lost something (R18a).
// It says less again only where an image replaces the log: a log that begins anew behind an image,
// and `--log off`, set the newest segment back to 0.
struct Extent {
  uint64_t log_id = 0;  // random; every segment of this log has it in its header
  bool log_on = true;   // false: `--log off`, only images are kept
  // No record of the log was in an image before it was durable in the log.
  bool durable_first = false;
  LogIndex newest_segment = 0;  // the first index of the newest segment; 0: there was none
  LogIndex reached = 0;         // the log, or an image, holds the records up to this one

  friend bool operator==(const Extent&, const Extent&) = default;
};

// The file DIR/log-extent (docs/formats.md, "Extent"). It lies outside DIR/log, so that it is still
// there when that is not.
//
//   extent  two slots, at 0 and 4096, zeros between and behind them, 8192 bytes in all
//
//   slot    magic "TRIPLALE" | format u32 = 1 | flags u32 | sequence u64 | log id u64
//   (56)    newest segment u64 | reached u64 | checksum u64 of the 48 bytes before it
//
//   flags   1: the log is on; 2: records are durable before an image holds them
//
// The slot with the higher sequence counts. The other one is written next, so a write that is cut
// off leaves the one before it.
//
// Thread-safety: calls must not overlap.
class LogExtent {
 public:
  static constexpr char kFileName[] = "log-extent";

  // What a directory says; nothing when it says nothing, as those of former versions do.
  //
  // Errors: DataLoss, naming file and offset, when neither slot is whole; Unimplemented for a later
  // format; what the disk says.
  [[nodiscard]] static absl::StatusOr<std::optional<Extent>> Read(const DataDirectory& directory);

  // Opens the file for writing. Where there is none, makes one with a new log id that promises
  // nothing. `directory` outlives it. Errors: as Read().
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<LogExtent>> Open(
      const DataDirectory& directory);

  [[nodiscard]] const Extent& extent() const { return extent_; }
  [[nodiscard]] std::shared_ptr<const File> file() const { return file_; }

  // Writes it durably, unless it says so already. The log id stays. Errors: as File::WriteAt();
  // Internal when the sync failed. What was written before still counts then.
  [[nodiscard]] absl::Status Write(Extent extent);

 private:
  LogExtent(std::unique_ptr<File> file, const Extent& extent, uint64_t sequence)
      : file_(std::move(file)), extent_(extent), sequence_(sequence) {}

  std::shared_ptr<File> file_;
  Extent extent_;
  uint64_t sequence_;
};

// Notes that no log is kept from here on (`--log off`), and that an image holds the records up to
// `reached`. Errors: as LogExtent::Open() and Write().
[[nodiscard]] absl::Status NoteLogOff(const DataDirectory& directory, LogIndex reached);

// The path of the file in a directory, for messages.
[[nodiscard]] std::string LogExtentPath(const DataDirectory& directory);

}  // namespace tripla
