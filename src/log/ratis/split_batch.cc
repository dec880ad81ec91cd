// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/split_batch.h"

#include <fmt/core.h>

#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "model/batch_codec.h"

namespace tripla {
namespace {

class Parts : public std::enable_shared_from_this<Parts> {
 public:
  Parts(std::vector<Batch> parts, SubmitPartFn submit, Log::DoneFn done)
      : parts_(std::move(parts)), submit_(std::move(submit)), done_(std::move(done)) {}

  void SubmitNext() {
    const bool first = next_ == 0;
    submit_(std::move(parts_[next_++]), first,
            [self = shared_from_this()](absl::StatusOr<std::vector<Outcome>> outcomes) {
              self->Take(std::move(outcomes));
            });
  }

 private:
  void Take(absl::StatusOr<std::vector<Outcome>> outcomes) {
    if (!outcomes.ok()) {
      return done_(next_ == 1 ? outcomes.status()
                              : absl::UnknownError(fmt::format(
                                    "its first {} operations were applied; whether others were is "
                                    "not known: {}",
                                    outcomes_.size(), std::string(outcomes.status().message()))));
    }
    std::move(outcomes->begin(), outcomes->end(), std::back_inserter(outcomes_));
    if (next_ == parts_.size()) return done_(std::move(outcomes_));
    SubmitNext();
  }

  // One part is under way at a time, so each of these is used by one thread after the other.
  std::vector<Batch> parts_;
  const SubmitPartFn submit_;
  const Log::DoneFn done_;
  size_t next_ = 0;
  std::vector<Outcome> outcomes_;
};

}  // namespace

std::vector<Batch> SplitBatch(Batch batch, size_t bytes_max) {
  size_t bytes = 0;
  for (const Command& command : batch.commands) bytes += EncodedBytes(command);
  std::vector<Batch> parts;
  if (bytes <= bytes_max) {
    parts.push_back(std::move(batch));
    return parts;
  }
  for (Command& command : batch.commands) {
    const size_t command_bytes = EncodedBytes(command);
    if (parts.empty() || bytes + command_bytes > bytes_max) {
      parts.emplace_back();
      bytes = 0;
    }
    bytes += command_bytes;
    parts.back().commands.push_back(std::move(command));
  }
  return parts;
}

void SubmitInTurn(std::vector<Batch> parts, SubmitPartFn submit, Log::DoneFn done) {
  std::make_shared<Parts>(std::move(parts), std::move(submit), std::move(done))->SubmitNext();
}

}  // namespace tripla
