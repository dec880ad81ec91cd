// SPDX-License-Identifier: Apache-2.0
#include "model/level.h"

namespace tripla {

// Takes the place of highest_level.cc in a server for tests, which knows one level more.
const Level kHighestLevel = 2;

}  // namespace tripla
