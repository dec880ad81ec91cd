// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/starts.h"

#define XXH_INLINE_ALL
#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <sstream>
#include <utility>

#include "base/check.h"
#include "base/random_number.h"
#include "base/status_macros.h"
#include "disk/replace_file.h"
#include "disk/two_slots.h"

namespace tripla {
namespace {

constexpr std::string_view kFirstLine = "tripla starts, format 1\n";
constexpr uint64_t kSlotBytes = kSlotDistance;
constexpr size_t kReasonBytesMax = 512;

struct Slot {
  StartsRecord record;
  uint64_t sequence = 0;  // "written" in the file
};

std::string StartsPath(const DataDirectory& directory) { return directory.path() + "/starts"; }

std::string CheckLine(std::string_view before) {
  return fmt::format("check {:016x}\n", XXH3_64bits(before.data(), before.size()));
}

std::string Encode(const Slot& slot) {
  const StartsRecord& record = slot.record;
  std::string text =
      fmt::format("{}written {}\nown {}", kFirstLine, slot.sequence, record.own.count);
  for (const uint64_t nonce : record.own.nonces) text += fmt::format(" {:016x}", nonce);
  text += '\n';
  for (const auto& [node, start] : record.others) {
    text += fmt::format("member {} {} {:016x}\n", node, start.count, start.nonce);
  }
  if (record.said) text += "said\n";
  if (record.reached != 0) text += fmt::format("reached {}\n", record.reached);
  if (!record.outdated.empty()) text += fmt::format("outdated {}\n", record.outdated);
  text += CheckLine(text);
  TRIPLA_CHECK(text.size() <= kSlotBytes, "the largest cluster's starts fit into a slot");
  text.resize(kSlotBytes, '\n');
  return text;
}

bool ReadNumber(std::string_view text, int base, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size();
}

bool ReadOwn(const std::vector<std::string>& words, Starts& own) {
  if (words.size() < 3 || words.size() > 2 + Starts::kNoncesMax) return false;
  own.nonces.resize(words.size() - 2);
  for (size_t i = 0; i < own.nonces.size(); ++i) {
    if (!ReadNumber(words[2 + i], 16, own.nonces[i])) return false;
  }
  return ReadNumber(words[1], 10, own.count);
}

bool ReadLine(const std::string& line, Slot& slot) {
  std::istringstream text(line);
  const std::vector<std::string> words{std::istream_iterator<std::string>(text), {}};
  if (words.empty()) return false;
  if (words[0] == "own") return ReadOwn(words, slot.record.own);
  if (words[0] == "said") return slot.record.said = true;
  if (words[0] == "reached") {
    return words.size() == 2 && ReadNumber(words[1], 10, slot.record.reached);
  }
  if (words[0] == "written") return words.size() == 2 && ReadNumber(words[1], 10, slot.sequence);
  if (words[0] != "member" || words.size() != 4) return false;
  Start& start = slot.record.others[words[1]];
  return ReadNumber(words[2], 10, start.count) && ReadNumber(words[3], 16, start.nonce);
}

// Nothing when the slot is not whole. Errors: Unimplemented when a newer tripla has written it.
absl::StatusOr<std::optional<Slot>> Decode(std::string_view bytes) {
  const size_t check = bytes.rfind("check ");
  if (check == bytes.npos) return std::nullopt;
  const std::string_view text = bytes.substr(0, check);
  if (!bytes.substr(check).starts_with(CheckLine(text))) return std::nullopt;
  if (!text.starts_with(kFirstLine)) {
    return absl::UnimplementedError("a newer tripla has written it: use that one");
  }
  Slot slot;
  std::istringstream lines{std::string(text.substr(kFirstLine.size()))};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("outdated ")) {
      slot.record.outdated = line.substr(9);
    } else if (line.empty() || !ReadLine(line, slot)) {
      return std::nullopt;
    }
  }
  return slot.record.own.nonces.empty() ? std::nullopt : std::optional(std::move(slot));
}

absl::StatusOr<Slot> ReadValid(File& file) {
  TRIPLA_ASSIGN_OR_RETURN(std::optional<Slot> valid, ReadValidSlot<Slot>(file, kSlotBytes, Decode));
  if (valid) return *std::move(valid);
  return absl::DataLossError(fmt::format(
      "{} at offset 0: it cannot be read in either of its two places; {}", file.path(), kRebuild));
}

absl::Status Create(const DataDirectory& directory, const StartsRecord& record) {
  return ReplaceFile(directory.disk(), StartsPath(directory),
                     Encode({.record = record}) + std::string(kSlotBytes, '\n'));
}

}  // namespace

Starts Starts::Next(uint64_t nonce) const {
  Starts next{.count = count + 1, .nonces = {nonce}};
  const size_t kept = std::min(nonces.size(), kNoncesMax - 1);
  next.nonces.insert(next.nonces.end(), nonces.begin(), nonces.begin() + kept);
  return next;
}

StartOrder Compare(const Starts& said, const Start& known) {
  if (said.count < known.count) return StartOrder::kOutdated;
  const uint64_t since = said.count - known.count;
  // A member that was started more often while this server did not hear of it has no nonce to show.
  if (since < said.nonces.size() && said.nonces[since] != known.nonce) return StartOrder::kOutdated;
  return since == 0 ? StartOrder::kSame : StartOrder::kLater;
}

absl::Status WriteStarts(const DataDirectory& directory, const StartsRecord& record) {
  const absl::StatusOr<std::unique_ptr<File>> file =
      directory.OpenForWriting(StartsPath(directory));
  // Or it has a second name: a copy that shares it must not say these starts.
  if (absl::IsNotFound(file.status()) || absl::IsFailedPrecondition(file.status())) {
    return Create(directory, record);
  }
  TRIPLA_RETURN_IF_ERROR(file.status());
  TRIPLA_ASSIGN_OR_RETURN(const Slot before, ReadValid(**file));
  const uint64_t sequence = before.sequence + 1;
  TRIPLA_RETURN_IF_ERROR(
      (*file)->WriteAt(OffsetOfSlot(sequence), Encode({.record = record, .sequence = sequence})));
  return (*file)->Sync();
}

absl::StatusOr<StartsRecord> ReadStarts(const DataDirectory& directory) {
  TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                          directory.disk().Open(StartsPath(directory), OpenMode::kRead));
  TRIPLA_ASSIGN_OR_RETURN(Slot valid, ReadValid(*file));
  return std::move(valid.record);
}

absl::StatusOr<std::unique_ptr<MemberStarts>> MemberStarts::Open(const DataDirectory& directory) {
  absl::StatusOr<StartsRecord> before = ReadStarts(directory);
  // A directory of a former version, which did not count; in a newer one ReadMembership() reports
  // it.
  if (absl::IsNotFound(before.status())) before = StartsRecord{.own = {.nonces = {RandomNumber()}}};
  TRIPLA_RETURN_IF_ERROR(before.status());
  StartsRecord record = *std::move(before);
  if (!record.outdated.empty()) {
    return absl::FailedPreconditionError(
        fmt::format("{} must not be started any more: {}", directory.path(), record.outdated));
  }
  if (record.own.count == 0 || record.said) {
    record.own = record.own.Next(RandomNumber());
  } else {
    record.own.nonces.front() = RandomNumber();
  }
  record.said = false;
  record.reached = 0;
  TRIPLA_RETURN_IF_ERROR(WriteStarts(directory, record));
  return std::unique_ptr<MemberStarts>(new MemberStarts(directory, std::move(record)));
}

Starts MemberStarts::own() const {
  const MutexLock lock(mutex_);
  return record_.own;
}

std::optional<Start> MemberStarts::Known(const std::string& node) const {
  const MutexLock lock(mutex_);
  const auto found = record_.others.find(node);
  return found == record_.others.end() ? std::nullopt : std::optional(found->second);
}

std::map<std::string, Start> MemberStarts::others() const {
  const MutexLock lock(mutex_);
  return record_.others;
}

absl::Status MemberStarts::Write(StartsRecord record) {
  TRIPLA_RETURN_IF_ERROR(WriteStarts(directory_, record));
  record_ = std::move(record);
  return absl::OkStatus();
}

absl::Status MemberStarts::Note(const std::string& node, const Starts& said) {
  const MutexLock lock(mutex_);
  const auto known = record_.others.find(node);
  if (known != record_.others.end()) {
    const StartOrder order = Compare(said, known->second);
    if (order == StartOrder::kSame) return absl::OkStatus();
    if (order == StartOrder::kOutdated) {
      return absl::FailedPreconditionError(fmt::format(
          "{}'s directory is an older copy, was replaced, or runs twice: it says start {} "
          "({:016x}), known here is start {} ({:016x})",
          node, said.count, said.nonces.front(), known->second.count, known->second.nonce));
    }
  }
  StartsRecord record = record_;
  record.others[node] = said.last();
  return Write(std::move(record));
}

absl::Status MemberStarts::MarkSaid() {
  const MutexLock lock(mutex_);
  if (record_.said) return absl::OkStatus();
  StartsRecord record = record_;
  record.said = true;
  return Write(std::move(record));
}

absl::Status MemberStarts::MarkReached(uint64_t index) {
  const MutexLock lock(mutex_);
  StartsRecord record = record_;
  record.reached = index;
  return Write(std::move(record));
}

absl::Status MemberStarts::MarkOutdated(const std::string& why) {
  const MutexLock lock(mutex_);
  StartsRecord record = record_;
  record.outdated = why.substr(0, kReasonBytesMax);
  std::ranges::replace_if(
      record.outdated, [](char c) { return c == '\n' || c == '\0'; }, ' ');
  return Write(std::move(record));
}

}  // namespace tripla
