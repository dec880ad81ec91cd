// SPDX-License-Identifier: Apache-2.0
#include "state/state_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string>
#include <string_view>

#include "model/little_endian.h"

namespace tripla {
namespace {

// The fields go into the seed of the hash of key and data, so that these are not copied.
XXH128_hash_t HashOf(const Entry& entry) {
  char fields[32];
  StoreLittleEndian(fields, entry.version());
  StoreLittleEndian(fields + 8, entry.timestamp());
  StoreLittleEndian(fields + 16, entry.revision());
  StoreLittleEndian(fields + 24, uint64_t{entry.ordered_key().size()});
  return XXH3_128bits_withSeed(entry.ordered_key().data(), entry.payload_bytes(),
                               XXH3_64bits(fields, sizeof(fields)));
}

void AppendOutcome(std::string& bytes, const Outcome& outcome) {
  bytes += static_cast<char>(outcome.refusal);
  bytes += static_cast<char>(outcome.result);
  AppendLittleEndian(bytes, outcome.revision);
  if (!outcome.entry) return;
  const XXH128_hash_t entry = HashOf(*outcome.entry);
  AppendLittleEndian(bytes, entry.low64);
  AppendLittleEndian(bytes, entry.high64);
}

// Rows of different kinds have different lengths. Fields that images of format 1 do not have count
// only when they are not zero.
XXH128_hash_t HashOf(const IdRow& row) {
  const std::string_view key = row.ordered_key();
  std::string bytes(key.substr(0, sizeof(ClientId)));
  bytes += key.substr(key.size() - sizeof(uint64_t));
  switch (row.kind()) {
    case IdRow::Kind::kSession: {
      const SessionRow& session = row.session();
      AppendLittleEndian(bytes, session.last_use);
      AppendLittleEndian(bytes, session.forgotten_below);
      if (session.in_doubt_through == 0 && !session.finished) break;
      AppendLittleEndian(bytes, session.in_doubt_through);
      bytes += static_cast<char>(session.finished);
      break;
    }
    case IdRow::Kind::kAnswer:
      bytes.append(row.answer().fingerprint.begin(), row.answer().fingerprint.end());
      AppendOutcome(bytes, row.answer().outcome);
      break;
    case IdRow::Kind::kRun:
      AppendLittleEndian(bytes, row.run().first);
      break;
  }
  return XXH3_128bits(bytes.data(), bytes.size());
}

XXH128_hash_t HashOfForgotten(uint64_t through) {
  char bytes[sizeof(through)];
  StoreLittleEndian(bytes, through);
  return XXH3_128bits(bytes, sizeof(bytes));
}

// As long as no other part of a state.
XXH128_hash_t HashOfLevel(Level level) {
  char bytes[sizeof(uint32_t)];
  StoreLittleEndian(bytes, static_cast<uint32_t>(level));
  return XXH3_128bits(bytes, sizeof(bytes));
}

void AddTo(uint64_t& low, uint64_t& high, const XXH128_hash_t& hash) {
  low += hash.low64;
  high += hash.high64 + (low < hash.low64 ? 1 : 0);
}

void RemoveFrom(uint64_t& low, uint64_t& high, const XXH128_hash_t& hash) {
  high -= hash.high64 + (low < hash.low64 ? 1 : 0);
  low -= hash.low64;
}

}  // namespace

StateHashSum::StateHashSum(const StateHash& hash)
    : low_(LoadLittleEndian<uint64_t>(reinterpret_cast<const char*>(hash.data()))),
      high_(LoadLittleEndian<uint64_t>(reinterpret_cast<const char*>(hash.data()) + 8)) {}

void StateHashSum::Add(const Entry& entry) { AddTo(low_, high_, HashOf(entry)); }
void StateHashSum::Remove(const Entry& entry) { RemoveFrom(low_, high_, HashOf(entry)); }
void StateHashSum::Add(const IdRow& row) { AddTo(low_, high_, HashOf(row)); }
void StateHashSum::Remove(const IdRow& row) { RemoveFrom(low_, high_, HashOf(row)); }

void StateHashSum::ReplaceForgotten(uint64_t before, uint64_t now) {
  if (before != 0) RemoveFrom(low_, high_, HashOfForgotten(before));
  if (now != 0) AddTo(low_, high_, HashOfForgotten(now));
}

void StateHashSum::ReplaceLevel(Level before, Level now) {
  if (before != kFirstLevel) RemoveFrom(low_, high_, HashOfLevel(before));
  if (now != kFirstLevel) AddTo(low_, high_, HashOfLevel(now));
}

StateHash StateHashSum::value() const {
  StateHash hash;
  StoreLittleEndian(reinterpret_cast<char*>(hash.data()), low_);
  StoreLittleEndian(reinterpret_cast<char*>(hash.data()) + 8, high_);
  return hash;
}

}  // namespace tripla
