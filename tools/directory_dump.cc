// SPDX-License-Identifier: Apache-2.0
#include "tools/directory_dump.h"

#include <fmt/core.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "cli/answer_text.h"
#include "cli/escape.h"
#include "log/local/log_replay.h"
#include "log/local/segment_scan.h"
#include "model/batch_codec.h"
#include "snapshot/image_reader.h"
#include "snapshot/image_store.h"
#include "tools/record_salvage.h"
#include "tripla/key.h"

namespace tripla::verify {
namespace {

std::string Quoted(std::string_view bytes) {
  return fmt::format("\"{}\"", cli::Escape(bytes, cli::Keep::kNothing));
}

template <typename Bytes>
std::string Hex(const Bytes& bytes) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string KeyText(std::string_view ordered) {
  const absl::StatusOr<Key> key = Key::FromOrderedBytes(ordered);
  return key.ok() ? key->ToText() : fmt::format("hex:{} (not canonical)", Hex(ordered));
}

std::string TextOf(const Entry& entry) {
  return fmt::format("key {}  version {}  timestamp {}  revision {}  data {}",
                     KeyText(entry.ordered_key()), entry.version(), entry.timestamp(),
                     entry.revision(), Quoted(entry.data()));
}

std::string_view NameOf(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return "none";
    case Refusal::kVersionExhausted:
      return "version exhausted";
    case Refusal::kRequestIdReused:
      return "request id reused";
    case Refusal::kAnswerForgotten:
      return "answer forgotten";
    case Refusal::kClientForgotten:
      return "client forgotten";
  }
  return "unknown";
}

std::string TextOf(const AnswerRow& answer) {
  const Outcome& outcome = answer.outcome;
  std::string text =
      fmt::format("sequence {}  fingerprint {}  ", answer.sequence, Hex(answer.fingerprint));
  if (outcome.refusal != Refusal::kNone) {
    return text + fmt::format("refused: {}", NameOf(outcome.refusal));
  }
  text += fmt::format("{}  revision {}", cli::NameOf(outcome.result), outcome.revision);
  return text + (outcome.entry ? "  with " + TextOf(*outcome.entry) : std::string("  NULL"));
}

std::string_view NameOf(CommandKind kind) {
  switch (kind) {
    case CommandKind::kSet:
      return "set";
    case CommandKind::kGet:
      return "get";
    case CommandKind::kDel:
      return "del";
    case CommandKind::kDelVersion:
      return "del-version";
    case CommandKind::kTestAndSet:
      return "test-and-set";
    case CommandKind::kRaiseLevel:
      return "raise-level";
  }
  return "unknown";
}

std::string TextOf(const Command& command) {
  const CommandKind kind = command.kind;
  const bool writes_data = kind == CommandKind::kSet || kind == CommandKind::kTestAndSet;
  const bool compares = kind == CommandKind::kDelVersion || kind == CommandKind::kTestAndSet;
  if (kind == CommandKind::kRaiseLevel) {
    return fmt::format("{}  to {}", NameOf(kind), command.version);
  }
  std::string text = fmt::format("{}  key {}", NameOf(kind), command.key.ToText());
  if (compares) text += fmt::format("  version {}", command.version);
  if (command.if_revision != 0) text += fmt::format("  if-revision {}", command.if_revision);
  if (writes_data) {
    text += fmt::format("  timestamp {}  data {}", command.timestamp, Quoted(command.data));
  }
  if (command.request_id) {
    const RequestId& id = *command.request_id;
    text += fmt::format("  request id {}/{}  first unanswered {}", Hex(id.client), id.sequence,
                        id.first_unanswered);
    if (id.sent_before) text += "  sent before";
  }
  if (command.short_of_disk) text += "  short of disk";
  return text;
}

class Dump {
 public:
  Dump(const DataDirectory& directory, std::FILE* to) : directory_(directory), to_(to) {}

  void Run() {
    const ImageStore images(directory_);
    const auto indexes = images.ListImages();
    if (!indexes.ok()) Complain(indexes.status());
    if (indexes.ok()) {
      for (const LogIndex index : *indexes) DumpImage(images.PathOf(index));
    }
    const auto segments = ListSegments(directory_);
    if (!segments.ok()) return Complain(segments.status());
    for (const SegmentFile& segment : *segments) DumpSegment(segment);
  }

 private:
  void Complain(const absl::Status& status) {
    std::fputs(
        fmt::format("  ! {}\n", cli::Escape(std::string(status.message()), cli::Keep::kQuotes))
            .c_str(),
        to_);
  }

  void DumpImage(const std::string& path) {
    std::fputs(fmt::format("{}\n", path).c_str(), to_);
    const auto file = directory_.disk().Open(path, OpenMode::kRead);
    if (!file.ok()) return Complain(file.status());
    const auto header = ReadImage(**file, PrintingRows(path));
    if (!header.ok()) Complain(header.status());
    std::fputs(fmt::format("\n").c_str(), to_);
  }

  ImageRows PrintingRows(const std::string& path) {
    const auto print = [this](std::string_view kind, const std::string& text) {
      std::fputs(fmt::format("  {}  {}\n", kind, text).c_str(), to_);
      return absl::OkStatus();
    };
    return {
        .entry = [=](const EntryRef& entry) { return print("entry", TextOf(*entry)); },
        .session =
            [=](const SessionRow& session) {
              return print(
                  "client",
                  fmt::format("{}  last use {}  forgotten below {}  in doubt through {}{}",
                              Hex(session.client), session.last_use, session.forgotten_below,
                              session.in_doubt_through, session.finished ? "  finished" : ""));
            },
        .answer = [=](const AnswerRow& answer) { return print("answer", TextOf(answer)); },
        .run =
            [=](const DecidedRun& run) {
              return print("decided, without answers",
                           fmt::format("sequence {} to {}", run.first, run.last));
            },
        .end =
            [=](const image::Header& header) {
              const StateSummary& summary = header.summary;
              return print("state", fmt::format("record {}  revision {}  keys {}  "
                                                "forgotten through {}  level {}  state hash {}",
                                                summary.position.index, summary.revision,
                                                summary.keys, summary.forgotten_through,
                                                summary.level, Hex(summary.hash)));
            },
        .damaged_block =
            [this, path](uint64_t offset, const absl::Status& damage) {
              Complain(
                  absl::DataLossError(fmt::format("{} at offset {}: {}; goes on behind it", path,
                                                  offset, std::string(damage.message()))));
              return absl::OkStatus();
            },
    };
  }

  void DumpSegment(const SegmentFile& file) {
    std::fputs(fmt::format("{}\n", file.path).c_str(), to_);
    const auto segment = ReadSegment(directory_.disk(), file.path, file.first_index);
    if (!segment.ok()) return Complain(segment.status());
    ReadPastDamage(
        *segment,
        [this](LogIndex index, std::string_view payload, uint64_t offset) {
          DumpRecord(index, payload, offset);
          return absl::OkStatus();
        },
        [this](const absl::Status& damage) { Complain(damage); });
    std::fputs(fmt::format("\n").c_str(), to_);
  }

  void DumpRecord(LogIndex index, std::string_view payload, uint64_t offset) {
    std::fputs(fmt::format("  record {}  offset {}\n", index, offset).c_str(), to_);
    const absl::StatusOr<Batch> batch = DecodeBatch(payload);
    if (!batch.ok()) return Complain(batch.status());
    for (const Command& command : batch->commands)
      std::fputs(fmt::format("    {}\n", TextOf(command)).c_str(), to_);
  }

  const DataDirectory& directory_;
  std::FILE* const to_;
};

}  // namespace

void DumpDirectory(const DataDirectory& directory, std::FILE* to) { Dump(directory, to).Run(); }

}  // namespace tripla::verify
