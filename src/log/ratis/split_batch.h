// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "log/log.h"

namespace tripla {

// Cuts a batch into consecutive ones of at most `bytes_max` when encoded; one command alone may
// have more. Each operation is decided on its own (R12), so they mean the same as one.
[[nodiscard]] std::vector<Batch> SplitBatch(Batch batch, size_t bytes_max);

// Submits one part; calls the DoneFn once. `first`: it is the first part, and this may block.
using SubmitPartFn = std::function<void(Batch part, bool first, Log::DoneFn)>;

// Submits each part once the one before was applied, so that none is applied without all that stand
// before it. `done` gets the outcomes of all parts in order, or the error of the first that fails;
// that becomes Unknown if a part before it was applied. Other batches may come between.
void SubmitInTurn(std::vector<Batch> parts, SubmitPartFn submit, Log::DoneFn done);

}  // namespace tripla
