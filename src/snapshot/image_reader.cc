// SPDX-License-Identifier: Apache-2.0
#include "snapshot/image_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "base/status_macros.h"
#include "snapshot/bytes_file.h"
#include "state/state_loader.h"
#include "state/state_proof.h"

namespace tripla {
namespace {

using image::BlockKind;

class Reader {
 public:
  Reader(File& file, uint64_t size, const ImageRows& rows)
      : file_(file), size_(size), rows_(rows) {}

  absl::StatusOr<image::Header> ReadAll() {
    TRIPLA_RETURN_IF_ERROR(ReadAvailable(size_));
    return *header_;
  }

  // Reads on, while only the first `available` bytes of the image are there yet.
  absl::Status ReadAvailable(uint64_t available) {
    absl::Status read = ReadWhole(available);
    return read.ok() ? read : WithPlace(read);
  }

  // Once it was read.
  const std::optional<image::Header>& header() const { return header_; }
  // What comes before is not read again.
  uint64_t offset() const { return offset_; }

 private:
  absl::Status ReadWhole(uint64_t available) {
    if (!header_) {
      if (available < std::min<uint64_t>(size_, image::kHeaderBytes)) return absl::OkStatus();
      TRIPLA_ASSIGN_OR_RETURN(header_, ReadHeader());
    }
    while (!ended_) {
      TRIPLA_ASSIGN_OR_RETURN(const bool whole, IsBlockWhole(available));
      if (!whole) return absl::OkStatus();
      TRIPLA_RETURN_IF_ERROR(ReadNextBlock());
      if (ended_) return rows_.end(*header_);
    }
    return absl::OkStatus();
  }

  // Whether the next block can be read, or an error of it is sure.
  absl::StatusOr<bool> IsBlockWhole(uint64_t available) {
    if (available == size_) return true;
    const uint64_t there = available - offset_;
    if (there < image::kBlockHeaderBytes) return false;
    TRIPLA_RETURN_IF_ERROR(Read(image::kBlockHeaderBytes));
    const uint64_t length = image::DecodeBlockHeader(content_).length;
    return there - image::kBlockHeaderBytes >= length || IsTooLong(length);
  }

  // Whether a block of this length goes beyond the image.
  bool IsTooLong(uint64_t length) const {
    return length > size_ - offset_ - image::kBlockHeaderBytes || length > image::kBlockBytesMax;
  }

  absl::Status WithPlace(const absl::Status& status) const {
    if (!absl::IsDataLoss(status) && !absl::IsUnimplemented(status)) return status;
    return absl::Status(status.code(), fmt::format("{} at offset {}: {}", file_.path(), offset_,
                                                   std::string(status.message())));
  }

  absl::StatusOr<image::Header> ReadHeader() {
    TRIPLA_RETURN_IF_ERROR(Read(std::min<uint64_t>(size_, image::kHeaderBytes)));
    TRIPLA_ASSIGN_OR_RETURN(const image::Header header, image::DecodeHeader(content_));
    offset_ = header.bytes();
    return header;
  }

  absl::Status ReadNextBlock() {
    TRIPLA_ASSIGN_OR_RETURN(const image::BlockHeader block, ReadBlock());
    absl::Status intact = CheckBlock(block);
    // The checksum covers the kind, so this is not damage.
    if (intact.ok() && !IsKnown(block.kind)) {
      return absl::UnimplementedError(
          fmt::format("a block of kind {}, which this version does not know: use the newer one",
                      static_cast<uint32_t>(block.kind)));
    }
    if (intact.ok() && block.kind == BlockKind::kEnd) {
      ended_ = true;
      return CheckEnd();
    }
    if (intact.ok()) intact = TakeBlock(block.kind);
    if (absl::IsDataLoss(intact)) intact = rows_.damaged_block(offset_, std::move(intact));
    TRIPLA_RETURN_IF_ERROR(intact);
    offset_ += image::kBlockHeaderBytes + content_.size();
    ++number_;
    return absl::OkStatus();
  }

  // Reads the block at the offset into content_.
  absl::StatusOr<image::BlockHeader> ReadBlock() {
    const uint64_t left = size_ - offset_;
    if (left < image::kBlockHeaderBytes) return absl::DataLossError("the image ends too early");
    TRIPLA_RETURN_IF_ERROR(Read(image::kBlockHeaderBytes));
    const image::BlockHeader header = image::DecodeBlockHeader(content_);
    if (IsTooLong(header.length)) {
      return absl::DataLossError(
          fmt::format("the block's length {} goes beyond the file", header.length));
    }
    offset_ += image::kBlockHeaderBytes;
    absl::Status read = Read(header.length);
    offset_ -= image::kBlockHeaderBytes;
    TRIPLA_RETURN_IF_ERROR(read);
    return header;
  }

  static bool IsKnown(BlockKind kind) {
    return kind == BlockKind::kEntries || kind == BlockKind::kIds || kind == BlockKind::kEnd;
  }

  absl::Status CheckBlock(const image::BlockHeader& header) const {
    if (image::BlockChecksum(header.kind, number_, content_) == header.checksum) {
      return absl::OkStatus();
    }
    return absl::DataLossError("the checksum of the block does not fit");
  }

  // The block is whole.
  absl::Status TakeBlock(BlockKind kind) {
    switch (kind) {
      case BlockKind::kEntries:
        return TakeEntries();
      case BlockKind::kIds:
        return TakeIds();
      case BlockKind::kEnd:
        break;
    }
    return OfALaterVersion("block", static_cast<uint32_t>(kind));
  }

  static absl::Status OfALaterVersion(std::string_view what, uint32_t kind) {
    return absl::UnimplementedError(fmt::format(
        "a {} of kind {}, which this version does not know: use the newer one", what, kind));
  }

  absl::Status TakeEntries() {
    ByteReader reader(content_);
    while (!reader.rest().empty()) {
      EntryRef entry = image::ReadEntry(reader);
      if (!entry) return absl::DataLossError("an entry is cut off");
      TRIPLA_RETURN_IF_ERROR(rows_.entry(std::move(entry)));
    }
    return absl::OkStatus();
  }

  absl::Status TakeIds() {
    ByteReader reader(content_);
    while (!reader.rest().empty()) {
      const auto tag = reader.Read<uint8_t>();
      if (tag == image::kSessionTag) {
        TRIPLA_ASSIGN_OR_RETURN(const SessionRow session,
                                image::ReadSession(reader, header_->format));
        TRIPLA_RETURN_IF_ERROR(rows_.session(session));
      } else if (tag == image::kAnswerTag) {
        TRIPLA_ASSIGN_OR_RETURN(const AnswerRow answer, image::ReadAnswer(reader));
        TRIPLA_RETURN_IF_ERROR(rows_.answer(answer));
      } else if (tag == image::kRunTag && header_->format >= 2) {
        TRIPLA_ASSIGN_OR_RETURN(const DecidedRun run, image::ReadRun(reader));
        TRIPLA_RETURN_IF_ERROR(rows_.run(run));
      } else {
        return OfALaterVersion("row", tag);
      }
    }
    return absl::OkStatus();
  }

  // content_ is that of the end block.
  absl::Status CheckEnd() {
    ByteReader reader(content_);
    const auto blocks = reader.Read<uint64_t>();
    if (!reader.ok() || !reader.rest().empty() || blocks != number_) {
      return absl::DataLossError(
          fmt::format("the end counts {} blocks, {} were read", blocks, number_));
    }
    if (offset_ + image::kBlockHeaderBytes + content_.size() != size_) {
      return absl::DataLossError("something follows the end of the image");
    }
    return absl::OkStatus();
  }

  absl::Status Read(uint64_t count) {
    content_.resize(count);
    TRIPLA_ASSIGN_OR_RETURN(const size_t read, file_.ReadAt(offset_, content_.data(), count));
    if (read != count) return absl::DataLossError("the file ends while it is read");
    return absl::OkStatus();
  }

  File& file_;
  const uint64_t size_;
  const ImageRows& rows_;
  std::optional<image::Header> header_;
  bool ended_ = false;
  std::string content_;  // of the block being read
  uint64_t offset_ = 0;  // of the header or block being read
  uint64_t number_ = 0;  // of the block being read
};

// The last bytes that have arrived of an image, as a file.
class ArrivedBytes : public BytesFile {
 public:
  explicit ArrivedBytes(std::string path) : BytesFile(std::move(path), {}) {}

  void Append(std::string_view piece) { bytes_ += piece; }
  void DropBefore(uint64_t offset) {
    bytes_.erase(0, offset - begin_);
    begin_ = offset;
  }
  uint64_t end() const { return begin_ + bytes_.size(); }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* to, size_t size) override {
    if (offset < begin_ || offset > end()) return absl::InternalError("those bytes are not there");
    return bytes_.copy(to, size, offset - begin_);
  }
  absl::StatusOr<uint64_t> Size() override { return end(); }

 private:
  std::string bytes_;
  uint64_t begin_ = 0;  // where they begin in the image
};

ImageRows RowsFor(StateProof& proof) {
  return {.entry = [&proof](EntryRef entry) { return proof.Add(*entry); },
          .session = [&proof](const SessionRow& session) { return proof.Add(session); },
          .answer = [&proof](const AnswerRow& answer) { return proof.Add(answer); },
          .run = [&proof](const DecidedRun& run) { return proof.Add(run); },
          .end = [&proof](const image::Header& header) { return proof.Finish(header.summary); },
          .damaged_block = [](uint64_t, absl::Status damage) { return damage; }};
}

}  // namespace

absl::StatusOr<LoadedImage> LoadImage(Disk& disk, const std::string& path) {
  TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, disk.Open(path, OpenMode::kRead));
  return LoadImage(*file);
}

absl::StatusOr<LoadedImage> LoadImage(File& file) {
  LoadedImage loaded;
  TRIPLA_ASSIGN_OR_RETURN(loaded.bytes, file.Size());
  StateLoader loader;
  const ImageRows rows{
      .entry = [&](EntryRef entry) { return loader.AddEntry(std::move(entry)); },
      .session = [&](const SessionRow& session) { return loader.AddSession(session); },
      .answer = [&](const AnswerRow& answer) { return loader.AddAnswer(answer); },
      .run = [&](const DecidedRun& run) { return loader.AddRun(run); },
      .end =
          [&](const image::Header& header) {
            TRIPLA_ASSIGN_OR_RETURN(loaded.machine, header.format == 1
                                                        ? loader.FinishFormat1(header.summary)
                                                        : loader.Finish(header.summary));
            return absl::OkStatus();
          },
      .damaged_block = [](uint64_t, absl::Status damage) { return damage; }};
  TRIPLA_ASSIGN_OR_RETURN(loaded.header, ReadImage(file, rows));
  return loaded;
}

absl::StatusOr<image::Header> ProveImage(File& file) {
  StateProof proof;
  return ReadImage(file, RowsFor(proof));
}

struct ArrivingImage::Parts {
  Parts(std::string name, uint64_t bytes)
      : file(std::move(name)), size(bytes), reader(file, bytes, rows) {}

  ArrivedBytes file;
  const uint64_t size;
  StateProof proof;
  const ImageRows rows = RowsFor(proof);
  Reader reader;
};

ArrivingImage::ArrivingImage(std::string name, uint64_t bytes)
    : parts_(std::make_unique<Parts>(std::move(name), bytes)) {}
ArrivingImage::~ArrivingImage() = default;

absl::Status ArrivingImage::Take(std::string_view piece) {
  ArrivedBytes& file = parts_->file;
  if (piece.size() > parts_->size - file.end()) {
    return absl::DataLossError(fmt::format("{} at offset {}: more comes than its {} bytes",
                                           file.path(), file.end(), parts_->size));
  }
  file.Append(piece);
  TRIPLA_RETURN_IF_ERROR(parts_->reader.ReadAvailable(file.end()));
  file.DropBefore(parts_->reader.offset());
  return absl::OkStatus();
}

const std::optional<image::Header>& ArrivingImage::header() const {
  return parts_->reader.header();
}

absl::StatusOr<image::Header> ReadImage(File& file, const ImageRows& rows) {
  TRIPLA_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  return Reader(file, size, rows).ReadAll();
}

}  // namespace tripla
