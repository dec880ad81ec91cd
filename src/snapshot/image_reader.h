// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "disk/disk.h"
#include "snapshot/image_format.h"
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
// Errors, naming file and offset: DataLoss for damage; Unimplemented for a later format; NotFound
// and what else the disk says. No length in the file is believed beyond the file's own size.
[[nodiscard]] absl::StatusOr<LoadedImage> LoadImage(Disk& disk, const std::string& path);
[[nodiscard]] absl::StatusOr<LoadedImage> LoadImage(File& file);

}  // namespace tripla
