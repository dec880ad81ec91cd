// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "disk/disk.h"
#include "model/entry.h"
#include "snapshot/image_format.h"
#include "state/id_row.h"
#include "state/state_machine.h"

namespace tripla {

// A state that was read from an image.
struct LoadedImage {
  image::Header header;
  uint64_t bytes = 0;  // of the file
  std::unique_ptr<StateMachine> machine;
};

// Reads an image and proves it: each block's checksum, the order, the counts, the state hash.
//
// Errors, naming file and offset: DataLoss for damage; Unimplemented for a later format, and for a
// kind of block or row that only a later version writes; NotFound and what else the disk says. No
// length in the file is believed beyond the file's own size.
[[nodiscard]] absl::StatusOr<LoadedImage> LoadImage(Disk& disk, const std::string& path);
[[nodiscard]] absl::StatusOr<LoadedImage> LoadImage(File& file);

// Takes what an image holds, in its order. An error that one of them returns ends the reading.
struct ImageRows {
  std::function<absl::Status(EntryRef entry)> entry;
  std::function<absl::Status(const SessionRow& session)> session;
  std::function<absl::Status(const AnswerRow& answer)> answer;
  std::function<absl::Status(const DecidedRun& run)> run;
  // All blocks were read.
  std::function<absl::Status(const image::Header& header)> end;
  // Takes what is wrong with the block at `offset`, the DataLoss of the above included. OK goes on
  // with the next block.
  std::function<absl::Status(uint64_t offset, absl::Status damage)> damaged_block;
};

// Proves an image without building its state: each block's checksum, that none is missing, and the
// state hash. Errors: as LoadImage().
[[nodiscard]] absl::StatusOr<image::Header> ProveImage(File& file);

// Reads what LoadImage() builds a state from, without one: to see what is left of a damaged image.
// Proves each block, and that none is missing. Errors: as LoadImage(), and what `rows` return.
[[nodiscard]] absl::StatusOr<image::Header> ReadImage(File& file, const ImageRows& rows);

}  // namespace tripla
