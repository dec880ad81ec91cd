// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/command.h"
#include "model/log_position.h"
#include "model/outcome.h"

namespace tripla {

// Puts Batches into one order, makes each durable as configured, and only then has it applied. The
// one seam between a single server and replicas (design 1):
//
//   MemoryLog  orders only: `--log off`, and tests
//   LocalLog   appends to files and syncs them: one server
//   RatisLog   through Apache Ratis, once a majority of the replicas has synced
//
// A log knows nothing of maps or images: the server hands it an ApplyFn and tells it which prefix
// it no longer needs.
class Log {
 public:
  // Applies a batch that is durable at its place. Called for each place once, in order, by one
  // thread at a time, also for those found at the start. Must not call the log.
  using ApplyFn = std::function<std::vector<Outcome>(LogPosition, const Batch&)>;

  // Takes the outcomes of one batch, one a command, after it was applied; or why there are none:
  // Unknown when it may have been applied or may be yet (a replica that leads no more); with any
  // other code it surely was not and never will be (ResourceExhausted: no disk space; Unavailable:
  // stopped, or not the leader).
  using DoneFn = std::function<void(absl::StatusOr<std::vector<Outcome>>)>;

  // Takes OK, or Unavailable with the reason.
  using ReadableFn = std::function<void(absl::Status)>;

  // Which server gives batches their place, as far as this one knows.
  struct Leadership {
    std::string node;                 // this server; empty when it stands alone
    std::string role = "standalone";  // or leader, follower, candidate
    std::string leader;               // node id; empty when none is known
    std::string leader_endpoint;      // where it serves, HOST:PORT
    uint64_t term = 0;
  };

  // How much a log forgets.
  enum class Release {
    kUsual,
    kAll,  // also at some cost: the disk is nearly full
  };

  struct Status {
    LogPosition last;        // of the newest batch
    LogIndex first = 0;      // the oldest batch still held; last.index + 1 when it holds none
    uint64_t bytes = 0;      // on disk
    std::string durability;  // for people: "fsync always", "log off"
    std::string refusal;     // why batches are refused for now; empty: they are taken
  };

  virtual ~Log() = default;

  // Submits one batch; `done` is called exactly once, perhaps before this returns. Blocks while the
  // log cannot take more. One thread submits.
  virtual void Submit(Batch batch, DoneFn done) = 0;

  // Whether Submit() has a chance: false on a replica that does not lead. Any thread, cheap.
  [[nodiscard]] virtual bool Leads() const { return true; }

  // Any thread.
  [[nodiscard]] virtual Leadership GetLeadership() const { return {}; }

  // Calls `done` once this server's state holds everything that any server has acknowledged before
  // this call, which makes a read of it linearizable (R11); on one server that is always so. Else
  // with Unavailable when that cannot be known, or ResourceExhausted when too many wait. Any
  // thread; `done` may be called before this returns, and must not block.
  virtual void AwaitReadable(ReadableFn done) { done(absl::OkStatus()); }

  // Makes itself as quick as it will be, before the server says that it is ready; takes two seconds
  // at most. Called once, by any thread, when reads get through.
  virtual void WarmUp() {}

  // The batches up to `through`, inclusive, are in an image in force: forgets them where it can.
  // May keep more. One thread at a time. Errors: Internal when a file could not be removed; nothing
  // is lost then.
  [[nodiscard]] virtual absl::Status ReleasePrefix(LogIndex through, Release release) = 0;

  // Any thread.
  [[nodiscard]] virtual Status GetStatus() const = 0;

  // Whether the files that are written are still where a start looks for them. Any thread.
  //
  // Errors: FailedPrecondition when one was removed, moved or replaced.
  [[nodiscard]] virtual absl::Status CheckFiles() const { return absl::OkStatus(); }

  // Makes all that was submitted durable. After it Submit() answers Unavailable. Idempotent;
  // called by the submitting thread or after it has ended.
  virtual void Stop() = 0;
};

}  // namespace tripla
