// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "check/claim.h"

namespace tripla::check {

// `tripla-check history`: clients that meet on few keys (R11).
[[nodiscard]] std::vector<Claim> HistoryClaims();

}  // namespace tripla::check
