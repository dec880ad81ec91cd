// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tripla {

// A node of a VersionedTree. A leaf points to rows, an inner node to nodes of the level below, both
// in the order of their least keys.
//
// Most comparisons need only `hints`: for each least key the 8 bytes after the prefix that all of
// them share, as a number that orders like the bytes. If hints are equal, the keys themselves are
// compared, which costs an access to a row.
struct TreeNode {
  static constexpr int kFanout = 64;
  static constexpr size_t kPrefixMax = 24;

  uint64_t birth = 0;  // number of the version it was made for; editable until that is published
  uint16_t count = 0;
  uint8_t level = 0;  // 0: leaf
  uint8_t prefix_bytes = 0;
  char prefix[kPrefixMax] = {};
  uint64_t hints[kFanout];
  const void* children[kFanout];

  [[nodiscard]] bool is_leaf() const { return level == 0; }
  [[nodiscard]] const TreeNode* child(int index) const {
    return static_cast<const TreeNode*>(children[index]);
  }

  // Loads the whole node into the cache at once: a search that loads one line after the other would
  // wait for memory each time.
  void Prefetch() const {
    constexpr size_t kCacheLineBytes = 64;
    const char* begin = reinterpret_cast<const char*>(this);
    const char* end = reinterpret_cast<const char*>(this + 1);
    for (const char* line = begin; line < end; line += kCacheLineBytes) __builtin_prefetch(line);
  }

  // The number of hints below `hint`. Without branches on their values, because the processor would
  // mispredict half of these.
  [[nodiscard]] int CountHintsBelow(uint64_t hint) const {
    const uint64_t* first = hints;
    for (size_t left = count; left > 0;) {
      const size_t half = (left + 1) / 2;
      first += half * static_cast<size_t>(first[half - 1] < hint);
      left -= half;
    }
    return static_cast<int>(first - hints);
  }

  // The hint of a key that begins with the node's prefix.
  [[nodiscard]] uint64_t HintOf(std::string_view key) const {
    uint64_t hint = 0;
    const std::string_view rest = key.substr(prefix_bytes);
    std::memcpy(&hint, rest.data(), rest.size() < sizeof(hint) ? rest.size() : sizeof(hint));
    return __builtin_bswap64(hint);
  }
};

static_assert(std::endian::native == std::endian::little,
              "HintOf turns little-endian bytes around");

}  // namespace tripla
