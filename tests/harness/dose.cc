// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/dose.h"

#include <cstdlib>
#include <iostream>
#include <random>

namespace tripla {
namespace {

uint64_t ReadSeed() {
  const char* given = std::getenv("TRIPLA_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "TRIPLA_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace

bool LongDose() { return std::getenv("TRIPLA_LONG") != nullptr; }

uint64_t Seed() {
  static const uint64_t seed = ReadSeed();
  return seed;
}

}  // namespace tripla
