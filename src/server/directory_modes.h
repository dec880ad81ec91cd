// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "disk/data_directory.h"

namespace tripla {

// Warns when other users of the machine may enter the data directory, its log or its images (R16a).
// A server makes them accessible to its own user only; others come from a user or an earlier
// version.
void WarnOfWideDirectories(const DataDirectory& directory);

}  // namespace tripla
