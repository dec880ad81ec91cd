// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tripla/v1/tripla.pb.h"

namespace tripla {

// Runs tripla-verify on a directory that no server uses. It must find every file sound, or as a
// crash leaves it, and say that a start gives what `status` says of it: revision, keys and hash.
void ExpectVerified(const std::string& data_dir, const v1::StatusReply& status);

}  // namespace tripla
