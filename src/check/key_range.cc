// SPDX-License-Identifier: Apache-2.0
#include "check/key_range.h"

#include <fmt/core.h>
#include <sys/random.h>

#include "absl/strings/escaping.h"
#include "base/check.h"

namespace tripla::check {
namespace {

constexpr size_t kPrefixBytes = 12;
constexpr size_t kNumberBytes = 8;

}  // namespace

KeyRange::KeyRange() : prefix_(kPrefixBytes, '\0') {
  TRIPLA_CHECK(getentropy(prefix_.data(), prefix_.size()) == 0, "the system gives random bytes");
  // Neither a sign bit nor a redundant one: the bytes are canonical as they stand.
  prefix_[0] = static_cast<char>((prefix_[0] & 0x3f) | 0x40);
}

Key KeyRange::Next() {
  const MutexLock lock(mutex_);
  used_.push_back(Key::FromTwosComplement(Bytes(next_++)).value());
  return used_.back();
}

Key KeyRange::Use(std::string_view bytes) {
  const MutexLock lock(mutex_);
  used_.push_back(Key::FromTwosComplement(bytes).value());
  return used_.back();
}

std::vector<Key> KeyRange::Used(size_t first) const {
  const MutexLock lock(mutex_);
  return {used_.begin() + static_cast<ptrdiff_t>(first), used_.end()};
}

size_t KeyRange::count() const {
  const MutexLock lock(mutex_);
  return used_.size();
}

std::string KeyRange::ToText() const {
  const MutexLock lock(mutex_);
  const uint64_t last = next_ == 0 ? 0 : next_ - 1;
  return fmt::format("0x{} to 0x{}", absl::BytesToHexString(Bytes(0)),
                     absl::BytesToHexString(Bytes(last)));
}

std::string KeyRange::Bytes(uint64_t number) const {
  std::string bytes = prefix_;
  for (size_t i = 0; i < kNumberBytes; ++i) {
    bytes += static_cast<char>(number >> (8 * (kNumberBytes - 1 - i)));
  }
  return bytes;
}

}  // namespace tripla::check
