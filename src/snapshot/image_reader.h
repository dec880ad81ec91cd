// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "disk/disk.h"
#include "model/entry.h"
#include "snapshot/image_format.h"
#include "state/id_row.h"
#include "state/state_machine.h"

namespace tripla {

// A state read from an image.
struct LoadedImage {
  image::Header header;
  uint64_t bytes = 0;  // of the file
  std::unique_ptr<StateMachine> machine;
};

// Reads an image and verifies it: each block's checksum, the order, the counts, the state hash.
//
// Errors, naming file and offset: DataLoss for damage; Unimplemented for a later format, and for a
// kind of block or row that only a later version writes; NotFound and other errors of the disk.
// Lengths in the file are never trusted beyond the file's own size.
[[nodiscard]] absl::StatusOr<LoadedImage> LoadImage(Disk& disk, const std::string& path);
[[nodiscard]] absl::StatusOr<LoadedImage> LoadImage(File& file);

// Functions that receive the content of an image, in its order. An error from one of them ends the
// reading.
struct ImageRows {
  std::function<absl::Status(EntryRef entry)> entry;
  std::function<absl::Status(const SessionRow& session)> session;
  std::function<absl::Status(const AnswerRow& answer)> answer;
  std::function<absl::Status(const DecidedRun& run)> run;
  // All blocks were read.
  std::function<absl::Status(const image::Header& header)> end;
  // Receives the error of the block at `offset`, also a DataLoss of the functions above. If it
  // returns OK, the reading continues with the next block.
  std::function<absl::Status(uint64_t offset, absl::Status damage)> damaged_block;
};

// Verifies an image without building its state: each block's checksum, that none is missing, and
// all that StateProof verifies. Errors: as LoadImage().
[[nodiscard]] absl::StatusOr<image::Header> ProveImage(File& file);

// Verifies an image while it arrives, as ProveImage() does: each block as soon as it is whole.
//
//   ArrivingImage image("the image of record 42", bytes);
//   while (...) TRIPLA_RETURN_IF_ERROR(image.Take(piece));  // until all bytes were taken
//
// Thread-safety: one thread. Memory: a piece and a block.
class ArrivingImage {
 public:
  // `name` is for errors, `bytes` the size of the whole image.
  ArrivingImage(std::string name, uint64_t bytes);
  ~ArrivingImage();

  // Takes the bytes that follow those taken before. OK for the last ones means that the image is
  // good. Errors: as LoadImage(); not called again then.
  [[nodiscard]] absl::Status Take(std::string_view piece);

  // Once it has arrived.
  [[nodiscard]] const std::optional<image::Header>& header() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Reads the rows of an image without building a state, to show what is left of a damaged one.
// Verifies each block, and that none is missing. Errors: as LoadImage(), and those of `rows`.
[[nodiscard]] absl::StatusOr<image::Header> ReadImage(File& file, const ImageRows& rows);

}  // namespace tripla
