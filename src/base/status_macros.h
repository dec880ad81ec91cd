// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns the status of `expression` from the enclosing function unless it is OK.
#define TRIPLA_RETURN_IF_ERROR(expression)                    \
  do {                                                        \
    if (absl::Status status_ = (expression); !status_.ok()) { \
      return status_;                                         \
    }                                                         \
  } while (false)

#define TRIPLA_STATUS_CONCAT_INNER(a, b) a##b
#define TRIPLA_STATUS_CONCAT(a, b) TRIPLA_STATUS_CONCAT_INNER(a, b)

// Declares or assigns `target` from the value of a StatusOr, or returns its status.
//
//   TRIPLA_ASSIGN_OR_RETURN(Key key, Key::Parse(text));
#define TRIPLA_ASSIGN_OR_RETURN(target, expression) \
  TRIPLA_ASSIGN_OR_RETURN_INNER(TRIPLA_STATUS_CONCAT(status_or_, __LINE__), target, expression)
#define TRIPLA_ASSIGN_OR_RETURN_INNER(status_or, target, expression) \
  auto status_or = (expression);                                     \
  if (!status_or.ok()) {                                             \
    return std::move(status_or).status();                            \
  }                                                                  \
  target = *std::move(status_or)
