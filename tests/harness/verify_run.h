// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tripla/v1/tripla.pb.h"

namespace tripla {

// Runs tripla-verify on a directory that no server uses, which must find every file sound, or as a
// crash leaves it. Returns what it says a start gives, in the form of StartText().
[[nodiscard]] std::string VerifiedStart(const std::string& data_dir);

// What a server that has started gives, by its own words.
[[nodiscard]] std::string StartText(const v1::StatusReply& status);

}  // namespace tripla
