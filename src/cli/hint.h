// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tripla/answer.h"
#include "tripla/operation.h"

namespace tripla::cli {

// What a person may want to do after an answer that is not SUCCESS: one line without its end, safe
// to show; empty when the answer speaks for itself.
[[nodiscard]] std::string HintText(const Operation& operation, const Decided& decided);

// How messages name an operation: "cas 42". A long key is cut.
[[nodiscard]] std::string NameOfOperation(const Operation& operation);

}  // namespace tripla::cli
