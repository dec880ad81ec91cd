// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "disk/disk.h"

namespace tripla {

// Makes a small file, or puts another one in its place. At every moment, also after a power cut,
// `path` is the one or the other, whole; on return it is durable. When this is cut off, it leaves
// PATH.partial behind, which the next call replaces.
//
// Errors: what the disk says; Internal when it is not known what is on the disk.
[[nodiscard]] absl::Status ReplaceFile(Disk& disk, const std::string& path,
                                       std::string_view content);

}  // namespace tripla
