// SPDX-License-Identifier: Apache-2.0
//
// An image that somebody damaged: read as it is, with checksums that fit, and with a header that
// describes what is there, so that what stands behind each proof is reached too.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "disk/faulty_disk.h"
#include "model/little_endian.h"
#include "snapshot/bytes_file.h"
#include "snapshot/image_format.h"
#include "snapshot/image_reader.h"
#include "snapshot/image_writer.h"
#include "state/state_hash.h"

namespace tripla {
namespace {

constexpr const char* kPath = "/an.image";
constexpr size_t kChecksumBytes = sizeof(uint64_t);

// The last byte of the format's number decides which of those that are read it is.
image::Header HeaderOfFormat(std::string_view bytes) {
  constexpr size_t kFormatAt = 8;
  const char format = bytes.size() > kFormatAt ? bytes[kFormatAt] : '\0';
  return {.format = format == 1 || format == 3 ? static_cast<uint32_t>(format) : 2};
}

std::string WithHeaderChecksum(std::string bytes) {
  const image::Header header = HeaderOfFormat(bytes);
  if (bytes.size() < header.bytes()) return bytes;
  bytes.replace(0, image::kPreambleBytes, image::EncodePreamble(header.format));
  const size_t at = header.bytes() - kChecksumBytes;
  StoreLittleEndian(bytes.data() + at, uint64_t{XXH3_64bits(bytes.data(), at)});
  return bytes;
}

std::string WithBlockChecksums(std::string bytes) {
  size_t at = HeaderOfFormat(bytes).bytes();
  for (uint64_t number = 0; at + image::kBlockHeaderBytes <= bytes.size(); ++number) {
    const image::BlockHeader block = image::DecodeBlockHeader(std::string_view(bytes).substr(at));
    const size_t content = at + image::kBlockHeaderBytes;
    if (block.length > bytes.size() - content) break;
    const std::string header = image::EncodeBlockHeader(
        block.kind, number, std::string_view(bytes).substr(content, block.length));
    bytes.replace(at, header.size(), header);
    at = content + block.length;
  }
  return bytes;
}

// What the rows add up to.
class Sum {
 public:
  explicit Sum(std::string_view bytes) {
    BytesFile file(kPath, bytes);
    const ImageRows rows{.entry = [&](EntryRef entry) { return Add(*entry); },
                         .session = [&](const SessionRow& session) { return Add(session); },
                         .answer = [&](const AnswerRow& answer) { return Add(answer); },
                         .run = [&](const DecidedRun& run) { return Add(run); },
                         .end = [](const image::Header&) { return absl::OkStatus(); },
                         .damaged_block = [](uint64_t, absl::Status) { return absl::OkStatus(); }};
    (void)ReadImage(file, rows);
    summary_.hash = hash_.value();
  }

  const StateSummary& summary() const { return summary_; }

 private:
  absl::Status Add(const Entry& entry) {
    ++summary_.keys;
    summary_.payload_bytes += entry.payload_bytes();
    summary_.revision = std::max(summary_.revision, entry.revision());
    hash_.Add(entry);
    return absl::OkStatus();
  }
  absl::Status Add(const SessionRow& session) {
    ++summary_.sessions;
    summary_.use_counter = std::max(summary_.use_counter, session.last_use);
    client_ = session.client;
    hash_.Add(IdRow{.key = IdRow::MakeKey(client_, IdRow::Kind::kSession, 0), .content = session});
    hash_.ReplaceForgotten(summary_.forgotten_through,
                           std::max(summary_.forgotten_through, session.in_doubt_through));
    summary_.forgotten_through = std::max(summary_.forgotten_through, session.in_doubt_through);
    return absl::OkStatus();
  }
  absl::Status Add(const AnswerRow& answer) {
    ++summary_.answers;
    summary_.revision = std::max(summary_.revision, answer.outcome.revision);
    hash_.Add(IdRow{.key = IdRow::MakeKey(client_, IdRow::Kind::kAnswer, answer.sequence),
                    .content = answer});
    return absl::OkStatus();
  }
  absl::Status Add(const DecidedRun& run) {
    ++summary_.runs;
    hash_.Add(IdRow{.key = IdRow::MakeKey(client_, IdRow::Kind::kRun, run.last), .content = run});
    return absl::OkStatus();
  }

  StateSummary summary_;
  ClientId client_{};
  StateHashSum hash_;
};

std::string WithFittingHeader(std::string bytes) {
  const absl::StatusOr<image::Header> header = image::DecodeHeader(bytes);
  if (!header.ok()) return bytes;
  image::Header fitting{.format = header->format,
                        .written_unix_ms = header->written_unix_ms,
                        .summary = Sum(bytes).summary(),
                        .owner = header->owner};
  fitting.summary.position = header->summary.position;
  return bytes.replace(0, header->bytes(), image::EncodeHeader(fitting));
}

std::string Written(const LoadedImage& loaded) {
  FaultyDisk disk;
  const absl::StatusOr<uint64_t> size =
      WriteImage(disk, kPath, loaded.machine->Freeze(), loaded.header, [] { return false; });
  TRIPLA_CHECK(size.ok(), "memory takes it");
  std::string bytes(*size, '\0');
  const auto file = disk.Open(kPath, OpenMode::kRead);
  TRIPLA_CHECK(*(*file)->ReadAt(0, bytes.data(), *size) == *size, "it is there");
  return bytes;
}

// What an image tells: the bytes of the answers follow from its rows.
StateSummary SummaryInImage(const StateMachine& machine) {
  StateSummary summary = machine.GetSummary();
  summary.answer_bytes = 0;
  return summary;
}

void CheckImage(const std::string& bytes) {
  (void)Sum(bytes);  // goes on behind damage, as tripla-verify does
  BytesFile file(kPath, bytes);
  const absl::StatusOr<LoadedImage> loaded = LoadImage(file);
  if (!loaded.ok()) {
    const std::string said(loaded.status().message());
    TRIPLA_CHECK(absl::IsDataLoss(loaded.status()) || absl::IsUnimplemented(loaded.status()),
                 "nothing else is wrong");
    TRIPLA_CHECK(said.starts_with(std::string(kPath) + " at offset "), "the place is named");
    return;
  }
  TRIPLA_CHECK(SummaryInImage(*loaded->machine) == loaded->header.summary, "it is what it says");
  loaded->machine->CheckInvariants();
  const std::string written = Written(*loaded);
  BytesFile second(kPath, written);
  const absl::StatusOr<LoadedImage> again = LoadImage(second);
  TRIPLA_CHECK(again.ok(), "what is written is read");
  TRIPLA_CHECK(again->machine->GetSummary() == loaded->machine->GetSummary(),
               "and is the same state");
  TRIPLA_CHECK(Written(*again) == written, "and is written so again");
}

}  // namespace
}  // namespace tripla

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  tripla::CheckImage(bytes);
  const std::string intact = tripla::WithBlockChecksums(tripla::WithHeaderChecksum(bytes));
  tripla::CheckImage(intact);
  tripla::CheckImage(tripla::WithFittingHeader(intact));
  return 0;
}
