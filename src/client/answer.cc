// SPDX-License-Identifier: Apache-2.0
#include "tripla/answer.h"

#include <fmt/core.h>

namespace tripla {
namespace {

const char* WhatBecameOfIt(Failure::Applied applied) {
  switch (applied) {
    case Failure::Applied::kNo:
      return "surely not applied";
    case Failure::Applied::kUnknown:
      return "may have been applied";
    case Failure::Applied::kYes:
      return "applied";
  }
  return "may have been applied";
}

}  // namespace

std::string Failure::ToText() const {
  return fmt::format("{}: {} ({})", absl::StatusCodeToString(code), message,
                     WhatBecameOfIt(applied));
}

}  // namespace tripla
