// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "absl/status/status.h"
#include "model/outcome.h"
#include "service/status_mapping.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla {

// Writes a decided outcome into an empty reply. A NULL value stays an absent message (R5).
void FillReply(const Outcome& outcome, v1::Reply& reply);

// The data of all their entries, which their replies carry.
[[nodiscard]] size_t DataBytes(std::span<const Outcome> outcomes);

// Writes the outcomes of a Batch's operations into an empty reply and returns OK; or says why there
// is no reply: an operation was refused, or the reply would be too large. `applied` then tells what
// became of the batch's writes.
[[nodiscard]] absl::Status FillBatchReply(std::span<const Outcome> outcomes, v1::BatchReply& reply,
                                          Applied& applied);

}  // namespace tripla
