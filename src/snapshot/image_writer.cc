// SPDX-License-Identifier: Apache-2.0
#include "snapshot/image_writer.h"

#include <memory>
#include <string_view>
#include <utility>

#include "base/status_macros.h"
#include "snapshot/image_format.h"
#include "snapshot/scrub.h"
#include "state/state_proof.h"

namespace tripla {
namespace {

using image::BlockKind;

class Writer {
 public:
  Writer(File& file, const std::function<bool()>& abandoned, std::atomic<uint64_t>* written)
      : file_(file), abandoned_(abandoned), written_(written) {}

  absl::Status Write(const StateView& view, image::Header label) {
    label.summary = view.summary();
    label.format = image::FormatAt(label.summary.level);
    TRIPLA_RETURN_IF_ERROR(Append(image::EncodeHeader(label)));
    TRIPLA_RETURN_IF_ERROR(WriteEntries(view));
    TRIPLA_RETURN_IF_ERROR(WriteIds(view));
    TRIPLA_RETURN_IF_ERROR(Proved(proof_.Finish(view.summary())));
    AppendLittleEndian(content_, number_);
    return EndBlock(BlockKind::kEnd);
  }

  uint64_t size() const { return offset_; }

 private:
  absl::Status WriteEntries(const StateView& view) {
    for (StateView::EntryCursor cursor = view.Entries(); cursor.Valid(); cursor.Next()) {
      TRIPLA_RETURN_IF_ERROR(Proved(proof_.Add(cursor)));
      image::AppendEntry(content_, cursor.entry());
      TRIPLA_RETURN_IF_ERROR(EndFullBlock(BlockKind::kEntries));
    }
    return EndStartedBlock(BlockKind::kEntries);
  }

  absl::Status WriteIds(const StateView& view) {
    AnswerRow answer;
    DecidedRun run;
    for (StateView::SessionCursor cursor = view.Sessions(); cursor.Valid(); cursor.Next()) {
      TRIPLA_RETURN_IF_ERROR(Proved(proof_.Add(cursor.session())));
      image::AppendSession(content_, cursor.session());
      while (cursor.NextAnswer(answer)) {
        TRIPLA_RETURN_IF_ERROR(Proved(proof_.Add(answer)));
        image::AppendAnswer(content_, answer);
        TRIPLA_RETURN_IF_ERROR(EndFullBlock(BlockKind::kIds));
      }
      while (cursor.NextRun(run)) {
        TRIPLA_RETURN_IF_ERROR(Proved(proof_.Add(run)));
        image::AppendRun(content_, run);
        TRIPLA_RETURN_IF_ERROR(EndFullBlock(BlockKind::kIds));
      }
      TRIPLA_RETURN_IF_ERROR(EndFullBlock(BlockKind::kIds));
    }
    return EndStartedBlock(BlockKind::kIds);
  }

  static absl::Status Proved(const absl::Status& status) {
    return status.ok() ? status : MemoryDamage(status);
  }

  absl::Status EndFullBlock(BlockKind kind) {
    return content_.size() < image::kBlockBytes ? absl::OkStatus() : EndBlock(kind);
  }
  absl::Status EndStartedBlock(BlockKind kind) {
    return content_.empty() ? absl::OkStatus() : EndBlock(kind);
  }

  absl::Status EndBlock(BlockKind kind) {
    if (abandoned_()) return absl::CancelledError("the image was abandoned");
    TRIPLA_RETURN_IF_ERROR(Append(image::EncodeBlockHeader(kind, number_, content_)));
    TRIPLA_RETURN_IF_ERROR(Append(content_));
    content_.clear();
    ++number_;
    // Syncs each block, because the log's next fsync waits for all data given to the disk before
    // it; a whole image delayed it by 200 ms (docs/performance.md).
    return file_.Sync();
  }

  absl::Status Append(std::string_view bytes) {
    TRIPLA_RETURN_IF_ERROR(file_.WriteAt(offset_, bytes));
    offset_ += bytes.size();
    if (written_ != nullptr) written_->store(offset_, std::memory_order_relaxed);
    return absl::OkStatus();
  }

  File& file_;
  const std::function<bool()>& abandoned_;
  std::atomic<uint64_t>* const written_;
  StateProof proof_;
  std::string content_;
  uint64_t number_ = 0;
  uint64_t offset_ = 0;
};

}  // namespace

absl::StatusOr<uint64_t> WriteImage(Disk& disk, const std::string& path, const StateView& view,
                                    image::Header label, const std::function<bool()>& abandoned,
                                    std::atomic<uint64_t>* written) {
  TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                          disk.Open(path, OpenMode::kCreateFresh));
  Writer writer(*file, abandoned, written);
  TRIPLA_RETURN_IF_ERROR(writer.Write(view, std::move(label)));
  return writer.size();
}

}  // namespace tripla
