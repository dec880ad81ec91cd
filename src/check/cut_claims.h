// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "check/claim.h"

namespace tripla::check {

// `tripla-check cut`: connections that are cut in the middle (R12, R13, R21).
[[nodiscard]] std::vector<Claim> CutClaims();

}  // namespace tripla::check
