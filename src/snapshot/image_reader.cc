// SPDX-License-Identifier: Apache-2.0
#include "snapshot/image_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/status_macros.h"
#include "state/state_loader.h"

namespace tripla {
namespace {

using image::BlockKind;

class Reader {
 public:
  Reader(File& file, uint64_t size) : file_(file), size_(size) {}

  absl::StatusOr<LoadedImage> Load() {
    LoadedImage loaded{.bytes = size_};
    absl::Status status = LoadInto(loaded);
    if (status.ok()) return loaded;
    if (!absl::IsDataLoss(status) && !absl::IsUnimplemented(status)) return status;
    return absl::Status(status.code(), fmt::format("{} at offset {}: {}", file_.path(), offset_,
                                                   std::string(status.message())));
  }

 private:
  absl::Status LoadInto(LoadedImage& loaded) {
    TRIPLA_RETURN_IF_ERROR(Read(std::min<uint64_t>(size_, image::kHeaderBytes)));
    TRIPLA_ASSIGN_OR_RETURN(loaded.header, image::DecodeHeader(content_));
    offset_ = image::kHeaderBytes;
    while (true) {
      TRIPLA_ASSIGN_OR_RETURN(const image::BlockHeader block, ReadBlock());
      if (block.kind == BlockKind::kEnd) break;
      TRIPLA_RETURN_IF_ERROR(block.kind == BlockKind::kEntries ? LoadEntries() : LoadIds());
      offset_ += image::kBlockHeaderBytes + content_.size();
      ++number_;
    }
    TRIPLA_RETURN_IF_ERROR(CheckEnd());
    TRIPLA_ASSIGN_OR_RETURN(loaded.machine, loader_.Finish(loaded.header.summary));
    return absl::OkStatus();
  }

  // Reads the block at the offset into content_ and proves its checksum.
  absl::StatusOr<image::BlockHeader> ReadBlock() {
    const uint64_t left = size_ - offset_;
    if (left < image::kBlockHeaderBytes) return absl::DataLossError("the image ends too early");
    TRIPLA_RETURN_IF_ERROR(Read(image::kBlockHeaderBytes));
    const image::BlockHeader header = image::DecodeBlockHeader(content_);
    if (header.kind != BlockKind::kEntries && header.kind != BlockKind::kIds &&
        header.kind != BlockKind::kEnd) {
      return absl::DataLossError(
          fmt::format("there is no block of kind {}", static_cast<uint32_t>(header.kind)));
    }
    if (header.length > left - image::kBlockHeaderBytes || header.length > image::kBlockBytesMax) {
      return absl::DataLossError(
          fmt::format("the block's length {} goes beyond the file", header.length));
    }
    offset_ += image::kBlockHeaderBytes;
    absl::Status read = Read(header.length);
    offset_ -= image::kBlockHeaderBytes;
    TRIPLA_RETURN_IF_ERROR(read);
    if (image::BlockChecksum(header.kind, number_, content_) != header.checksum) {
      return absl::DataLossError("the checksum of the block does not fit");
    }
    return header;
  }

  absl::Status LoadEntries() {
    ByteReader reader(content_);
    while (!reader.rest().empty()) {
      EntryRef entry = image::ReadEntry(reader);
      if (!entry) return absl::DataLossError("an entry is cut off");
      TRIPLA_RETURN_IF_ERROR(loader_.AddEntry(std::move(entry)));
    }
    return absl::OkStatus();
  }

  absl::Status LoadIds() {
    ByteReader reader(content_);
    while (!reader.rest().empty()) {
      const auto tag = reader.Read<uint8_t>();
      if (tag == image::kSessionTag) {
        TRIPLA_ASSIGN_OR_RETURN(const SessionRow session, image::ReadSession(reader));
        TRIPLA_RETURN_IF_ERROR(loader_.AddSession(session));
      } else if (tag == image::kAnswerTag) {
        TRIPLA_ASSIGN_OR_RETURN(const AnswerRow answer, image::ReadAnswer(reader));
        TRIPLA_RETURN_IF_ERROR(loader_.AddAnswer(answer));
      } else {
        return absl::DataLossError(fmt::format("there is no row of kind {}", tag));
      }
    }
    return absl::OkStatus();
  }

  // content_ is the end block's.
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
  StateLoader loader_;
  std::string content_;  // of the block being read
  uint64_t offset_ = 0;  // of the header or block being read
  uint64_t number_ = 0;  // of the block being read
};

}  // namespace

absl::StatusOr<LoadedImage> LoadImage(Disk& disk, const std::string& path) {
  TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, disk.Open(path, OpenMode::kRead));
  return LoadImage(*file);
}

absl::StatusOr<LoadedImage> LoadImage(File& file) {
  TRIPLA_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  return Reader(file, size).Load();
}

}  // namespace tripla
