// SPDX-License-Identifier: Apache-2.0
#include "bench/workload.h"

#include <string>

#include "model/little_endian.h"

namespace tripla {
namespace {

// One to one, so that keys differ. Source: Steele, Lea, Flood: Fast Splittable Pseudorandom Number
// Generators, 2014.
uint64_t Scramble(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

Key KeyOf(uint64_t number) {
  std::string bytes;
  AppendLittleEndian(bytes, Scramble(number));
  AppendLittleEndian(bytes, Scramble(~number));
  bytes[0] |= 0x40;  // with the sign bit clear: no byte is redundant
  bytes[0] &= 0x7f;
  return *Key::FromTwosComplement(bytes);
}

Command SetOf(uint64_t number) {
  Command command{.kind = CommandKind::kSet, .key = KeyOf(number), .timestamp = 1'700'000'000'000};
  command.data.assign(kDataBytes, static_cast<char>('a' + number % 26));
  return command;
}

Batch SetsOf(uint64_t first, size_t count) {
  Batch batch;
  batch.commands.reserve(count);
  for (size_t i = 0; i < count; ++i) batch.commands.push_back(SetOf(first + i));
  return batch;
}

}  // namespace tripla
