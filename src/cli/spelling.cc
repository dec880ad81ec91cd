// SPDX-License-Identifier: Apache-2.0
#include "cli/spelling.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace tripla::cli {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// How many letters must be changed, added, removed or swapped with their neighbour (the optimal
// string alignment distance).
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> table(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        table[i][j] = i + j;
        continue;
      }
      const size_t changed = table[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      table[i][j] = std::min({changed, table[i - 1][j] + 1, table[i][j - 1] + 1});
      const bool swapped =
          i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && a[i - 1] != b[j - 1];
      if (swapped) table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
    }
  }
  return table[a.size()][b.size()];
}

}  // namespace

bool IsSameWord(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, Lower, Lower);
}

std::string_view NearestOf(std::string_view word, std::span<const std::string_view> names) {
  constexpr size_t kLettersMax = 32;  // longer words are not verbs, and the table is bounded
  if (word.size() > kLettersMax) return "";
  std::string lower(word);
  std::ranges::transform(lower, lower.begin(), Lower);
  std::string_view nearest;
  size_t least = 3;
  for (const std::string_view name : names) {
    const size_t distance = Distance(lower, name);
    // Of a short word two letters are most of it.
    const size_t allowed = name.size() <= 4 ? 1 : 2;
    if (distance > allowed || distance >= least) continue;
    least = distance;
    nearest = name;
  }
  return nearest;
}

}  // namespace tripla::cli
