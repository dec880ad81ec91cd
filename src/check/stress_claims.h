// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "check/claim.h"

namespace tripla::check {

// `tripla-check stress`: many entries, many clients, each sure of what its own must be (R21).
[[nodiscard]] std::vector<Claim> StressClaims();

}  // namespace tripla::check
