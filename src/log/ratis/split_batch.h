// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "log/log.h"

namespace tripla {

// Cuts a batch into consecutive ones of at most `bytes_max` when encoded; one command alone may
// have more. Each operation is decided on its own (R12), so they mean the same as one.
[[nodiscard]] std::vector<Batch> SplitBatch(Batch batch, size_t bytes_max);

// Returns `parts` functions, one to take the outcomes of each part. When all were called, `done`
// gets the outcomes of all parts in order; or, if one failed, its error, which becomes Unknown if
// another part may have been applied.
[[nodiscard]] std::vector<Log::DoneFn> JoinOutcomes(size_t parts, Log::DoneFn done);

}  // namespace tripla
