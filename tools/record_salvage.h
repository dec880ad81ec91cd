// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "log/local/segment_scan.h"

namespace tripla::verify {

// Hands over every record of a segment that can be read, also behind damage. `damaged` takes what
// lies between.
void ReadPastDamage(const Segment& segment, const RecordFn& take,
                    const std::function<void(const absl::Status&)>& damaged);

}  // namespace tripla::verify
