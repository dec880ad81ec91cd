// SPDX-License-Identifier: Apache-2.0
#include "model/level.h"

namespace tripla {

// Nothing else is defined here: a program that defines this itself does not get it from the
// library.
const Level kHighestLevel = 1;

}  // namespace tripla
