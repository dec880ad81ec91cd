// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "client/request_ids.h"
#include "tripla/operation.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla::check {

// The operations as one batch. Writes carry the ids of `lease`, which has one for each operation.
[[nodiscard]] v1::BatchRequest MakeBatch(std::span<const Operation> operations,
                                         const RequestIds& ids, const RequestIds::Lease& lease);

}  // namespace tripla::check
