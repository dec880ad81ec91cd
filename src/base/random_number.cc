// SPDX-License-Identifier: Apache-2.0
#include "base/random_number.h"

#include <sys/random.h>

#include "base/check.h"

namespace tripla {

uint64_t RandomNumber() {
  uint64_t number = 0;
  TRIPLA_CHECK(getrandom(&number, sizeof(number), 0) == sizeof(number),
               "the system always gives a few random bytes");
  return number;
}

}  // namespace tripla
