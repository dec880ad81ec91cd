// SPDX-License-Identifier: Apache-2.0
#include "load/keys.h"

#include <bit>
#include <cstring>
#include <random>

namespace tripla::load {
namespace {

constexpr uint64_t kFirstBits = uint64_t{0x40} << 56;  // positive, and no redundant sign byte
constexpr uint64_t kFreshBit = uint64_t{1} << 61;

// Scatters: the finisher of SplitMix64, which maps no two numbers to one.
uint64_t Mix(uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

void WriteBigEndian(uint64_t number, char* to) {
  static_assert(std::endian::native == std::endian::little, "turned around below");
  number = __builtin_bswap64(number);
  std::memcpy(to, &number, sizeof(number));
}

}  // namespace

Keys Keys::Lasting(uint64_t value_bytes) { return Keys(kFirstBits | value_bytes); }

Keys Keys::Fresh() {
  std::random_device device;
  const uint64_t random = uint64_t{device()} << 32 | device();
  return Keys(kFirstBits | kFreshBit | (random & (kFreshBit - 1)));
}

void Keys::Write(uint64_t number, std::string& key) const {
  key.resize(2 * sizeof(uint64_t));
  WriteBigEndian(range_, key.data());
  WriteBigEndian(Mix(number), key.data() + sizeof(uint64_t));
}

}  // namespace tripla::load
