// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/check.h"
#include "state/session_table.h"

namespace tripla {

void SessionTable::CheckInvariants() const {
  finished_.CheckInvariants();
  unfinished_.CheckInvariants();
  uint64_t bytes = 0;
  uint64_t listed = 0;
  std::array<uint64_t, 2> count{};
  for (const SessionQueue* queue : {&finished_, &unfinished_}) {
    for (const Session& session : *queue) {
      ++listed;
      TRIPLA_CHECK(session.row.finished == (queue == &finished_), "a session is in its queue");
      TRIPLA_CHECK(&*sessions_.at(session.row.client) == &session, "a session is found by client");
      TRIPLA_CHECK(session.row.last_use <= use_counter_, "no use is counted ahead");
      CheckSession(session, bytes);
      for (size_t i = 0; i < count.size(); ++i) count[i] += session.count[i];
    }
  }
  TRIPLA_CHECK(listed == sessions_.size(), "no session is found that no queue has");
  TRIPLA_CHECK(count == count_ && bytes == bytes_, "rows and their bytes are counted");
  TRIPLA_CHECK(tree_.CheckInvariants() == listed + count[0] + count[1],
               "no row belongs to a client without a session");
  TRIPLA_CHECK(listed <= bounds_.clients && bytes <= bounds_.answer_bytes, "bounds hold");
}

void SessionTable::CheckSession(const Session& session, uint64_t& bytes) const {
  const IdRow::KeyBytes key = IdRow::MakeKey(session.row.client, IdRow::Kind::kSession, 0);
  IdTree::Cursor cursor(tree_.root(), {key.data(), key.size()});
  TRIPLA_CHECK(cursor.Valid() && cursor.row().kind() == IdRow::Kind::kSession &&
                   cursor.row().session() == session.row,
               "the tree has the session as it is");
  std::array<uint64_t, 2> count{};
  uint64_t highest = session.row.forgotten_below;
  std::optional<DecidedRun> before;
  for (cursor.Next(); cursor.Valid() && cursor.row().BelongsTo(session.row.client); cursor.Next()) {
    const IdRow& row = cursor.row();
    if (row.kind() == IdRow::Kind::kAnswer) {
      const uint64_t sequence = row.answer().sequence;
      ++count[Session::kAnswers];
      bytes += BytesOf(row.answer());
      highest = std::max(highest, sequence);
      const IdRow* run = FirstFrom(session, IdRow::Kind::kRun, sequence);
      TRIPLA_CHECK(run == nullptr || run->run().first > sequence, "an answer is not dropped too");
    } else {
      const DecidedRun& run = row.run();
      TRIPLA_CHECK(run.first >= 1 && run.first <= run.last, "a run is not empty");
      TRIPLA_CHECK(!before || (before->last < run.first && run.first - before->last > 1),
                   "runs are in order and do not touch");
      before = run;
      ++count[Session::kRuns];
      bytes += kRowBytes;
      highest = std::max(highest, run.last);
    }
  }
  TRIPLA_CHECK(count == session.count, "rows are counted");
  TRIPLA_CHECK(count[Session::kAnswers] <= bounds_.answers_per_client &&
                   count[Session::kRuns] <= bounds_.runs_per_client(),
               "bounds of a client hold");
  TRIPLA_CHECK(highest == session.highest_sequence, "the highest sequence is that of a row");
}

}  // namespace tripla
