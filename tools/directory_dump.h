// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>

#include "disk/data_directory.h"

namespace tripla::verify {

// Prints everything that can be read: the entries and request ids of each image, the commands of
// each record of the log, also behind damage. Keys are decimal; data is escaped so that it cannot
// steer a terminal.
void DumpDirectory(const DataDirectory& directory, std::FILE* to);

}  // namespace tripla::verify
