// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "check/claim.h"

namespace tripla::check {

// The claims of `tripla-check api`, by what they are about.
[[nodiscard]] std::vector<Claim> OperationClaims();  // the table of R4-R8
[[nodiscard]] std::vector<Claim> VersionClaims();    // versions and revisions: R8a-R9
[[nodiscard]] std::vector<Claim> ValueClaims();      // keys, timestamps and data: R1-R3, R10
[[nodiscard]] std::vector<Claim> RaceClaims();       // R11
[[nodiscard]] std::vector<Claim> RefusalClaims();    // R10, R12: malformed requests
[[nodiscard]] std::vector<Claim> RequestIdClaims();  // R13
[[nodiscard]] std::vector<Claim> LimitClaims();      // R14
[[nodiscard]] std::vector<Claim> BatchClaims();      // section 5
[[nodiscard]] std::vector<Claim> StatusClaims();     // section 5

}  // namespace tripla::check
