// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

// Fixed-size integers in files and log records: little-endian.
namespace tripla {

static_assert(std::endian::native == std::endian::little,
              "the formats are read and written in place");

template <typename Integer>
void AppendLittleEndian(std::string& bytes, Integer value) {
  static_assert(std::is_integral_v<Integer>);
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename Integer>
void StoreLittleEndian(char* to, Integer value) {
  static_assert(std::is_integral_v<Integer>);
  std::memcpy(to, &value, sizeof(value));
}

template <typename Integer>
[[nodiscard]] Integer LoadLittleEndian(const char* from) {
  static_assert(std::is_integral_v<Integer>);
  Integer value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

// Reads integers and byte strings one after another and records whether the bytes ran out.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  // The next integer, or 0 once the bytes ran out.
  template <typename Integer>
  [[nodiscard]] Integer Read() {
    if (rest_.size() < sizeof(Integer)) return Fail(), Integer{0};
    const Integer value = LoadLittleEndian<Integer>(rest_.data());
    rest_.remove_prefix(sizeof(Integer));
    return value;
  }

  // The next `count` bytes, a view into the input, or empty once the bytes ran out.
  [[nodiscard]] std::string_view ReadBytes(size_t count) {
    if (rest_.size() < count) return Fail(), std::string_view();
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }

  [[nodiscard]] std::string_view rest() const { return rest_; }

  // False once a read went past the end; stays false.
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  void Fail() {
    ok_ = false;
    rest_ = {};
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace tripla
