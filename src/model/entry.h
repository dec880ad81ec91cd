// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>

namespace tripla {

class EntryRef;

// One key with its value, immutable, in one allocation: kHeaderBytes, then the key in ordered form,
// then the data. The map, frozen views, remembered answers and unsent replies share entries; the
// last EntryRef frees one.
//
// Thread-safety: immutable, and the count is atomic: any thread may hold and drop references.
class Entry {
 public:
  static constexpr size_t kHeaderBytes = 36;

  struct Fields {
    int64_t version = 0;
    int64_t timestamp = 0;
    uint64_t revision = 0;  // of the change that wrote it; never repeats
  };

  // Copies `ordered_key` and `data`.
  [[nodiscard]] static EntryRef Create(const Fields& fields, std::string_view ordered_key,
                                       std::string_view data);

  [[nodiscard]] int64_t version() const { return fields_.version; }
  [[nodiscard]] int64_t timestamp() const { return fields_.timestamp; }
  [[nodiscard]] uint64_t revision() const { return fields_.revision; }
  [[nodiscard]] std::string_view ordered_key() const { return {bytes(), key_bytes_}; }
  [[nodiscard]] std::string_view data() const { return {bytes() + key_bytes_, data_bytes_}; }

  // Key and data.
  [[nodiscard]] size_t payload_bytes() const { return size_t{key_bytes_} + data_bytes_; }

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

 private:
  friend class EntryRef;

  Entry(const Fields& fields, uint32_t key_bytes, uint32_t data_bytes)
      : fields_(fields), key_bytes_(key_bytes), data_bytes_(data_bytes) {}

  // The bytes start right after the last member, where padding would be: this saves 4 bytes an
  // entry.
  [[nodiscard]] const char* bytes() const {
    return reinterpret_cast<const char*>(this) + kHeaderBytes;
  }

  void Acquire() const { references_.fetch_add(1, std::memory_order_relaxed); }
  void Release() const {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) Destroy(this);
  }
  static void Destroy(const Entry* entry);

  Fields fields_;
  uint32_t key_bytes_;
  uint32_t data_bytes_;
  mutable std::atomic<uint32_t> references_{1};
};

static_assert(sizeof(Entry) - Entry::kHeaderBytes < alignof(Entry));

// A counted reference to an Entry, or to none.
class EntryRef {
 public:
  EntryRef() = default;
  EntryRef(const EntryRef& other) : entry_(other.entry_) {
    if (entry_ != nullptr) entry_->Acquire();
  }
  EntryRef(EntryRef&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  EntryRef& operator=(EntryRef other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~EntryRef() {
    if (entry_ != nullptr) entry_->Release();
  }

  // Adds a reference to an entry that another reference keeps alive during the call.
  [[nodiscard]] static EntryRef Share(const Entry* entry) {
    entry->Acquire();
    return EntryRef(entry);
  }

  // Takes over a reference given away by Release().
  [[nodiscard]] static EntryRef Adopt(const Entry* entry) { return EntryRef(entry); }

  // Gives the reference away: the caller must Adopt() it again.
  [[nodiscard]] const Entry* Release() && { return std::exchange(entry_, nullptr); }

  [[nodiscard]] const Entry* get() const { return entry_; }
  const Entry& operator*() const { return *entry_; }
  const Entry* operator->() const { return entry_; }
  explicit operator bool() const { return entry_ != nullptr; }

 private:
  friend class Entry;
  explicit EntryRef(const Entry* entry) : entry_(entry) {}

  const Entry* entry_ = nullptr;
};

}  // namespace tripla
