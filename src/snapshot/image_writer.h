// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "disk/disk.h"
#include "snapshot/image_format.h"
#include "state/state_view.h"

namespace tripla {

// Writes the whole state as an image to a new file and makes it durable (R16, R17). ImageStore then
// renames the file, which puts it in force.
//
// The header is `label` with the newest format and the summary of the view. Stops early once
// `abandoned` returns true. Returns the file's size. `written` is updated with the bytes written so
// far. Memory: one block, whatever the size of the map.
//
// All that is written is verified with a StateProof: an image of memory that was damaged must never
// come in force, because its hash, which is kept by differences, would be right.
//
// Errors: ResourceExhausted when there is no space; Cancelled when abandoned; DataLoss when memory
// is damaged, as of MemoryDamage(); Internal for other failures of the disk. The file is left as it
// is.
[[nodiscard]] absl::StatusOr<uint64_t> WriteImage(Disk& disk, const std::string& path,
                                                  const StateView& view, image::Header label,
                                                  const std::function<bool()>& abandoned,
                                                  std::atomic<uint64_t>* written = nullptr);

}  // namespace tripla
