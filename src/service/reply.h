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
// `without_data` omits the data (R12b).
void FillReply(const Outcome& outcome, bool without_data, v1::Reply& reply);

// The data that its reply carries.
[[nodiscard]] size_t DataBytes(const Outcome& outcome, bool without_data);

// The operations of a Batch, with one outcome for each.
struct DecidedBatch {
  const v1::BatchRequest& request;
  std::span<const Outcome> outcomes;
};

// The data that the reply carries.
[[nodiscard]] size_t DataBytes(const DecidedBatch& batch);

// Writes the outcomes into an empty reply; none is refused. Without data, all of it is omitted.
void FillReply(const DecidedBatch& batch, v1::BatchReply& reply);
void FillReplyWithoutData(const DecidedBatch& batch, v1::BatchReply& reply);

// The error of the first refused operation, or OK. If there is one, `applied` says whether writes
// of the batch were applied.
[[nodiscard]] absl::Status FindRefusal(const DecidedBatch& batch, Applied& applied);

// Whether a write of the batch has changed something, or may have when it was sent before.
[[nodiscard]] bool HasChanged(const DecidedBatch& batch);

}  // namespace tripla
