// SPDX-License-Identifier: Apache-2.0
#include "model/entry.h"

#include <algorithm>
#include <new>

namespace tripla {

EntryRef Entry::Create(const Fields& fields, std::string_view ordered_key, std::string_view data) {
  const size_t bytes_needed = kHeaderBytes + ordered_key.size() + data.size();
  void* memory = ::operator new(std::max(sizeof(Entry), bytes_needed));
  auto* entry = new (memory)
      Entry(fields, static_cast<uint32_t>(ordered_key.size()), static_cast<uint32_t>(data.size()));
  char* bytes = const_cast<char*>(entry->bytes());
  bytes = std::copy(ordered_key.begin(), ordered_key.end(), bytes);
  std::copy(data.begin(), data.end(), bytes);
  return EntryRef(entry);
}

void Entry::Destroy(const Entry* entry) {
  entry->~Entry();
  ::operator delete(const_cast<Entry*>(entry));
}

}  // namespace tripla
