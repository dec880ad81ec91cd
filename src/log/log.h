// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/command.h"
#include "model/log_position.h"
#include "model/outcome.h"

namespace tripla {

// Puts Batches into one order, makes each durable as configured, and then has it applied. Its
// implementations are the only difference between a single server and replicas (design 1):
//
//   MemoryLog  orders only: `--log off`, and tests
//   LocalLog   appends to files and syncs them: one server
//   RatisLog   through Apache Ratis, durable once a majority of the replicas has synced
//
// A log knows nothing of maps or images: the server hands it an ApplyFn and tells it which prefix
// it no longer needs.
class Log {
 public:
  // Applies a durable batch at its position. Called once for each position, in order, by one thread
  // at a time, also for the batches found at the start. Must not call the log.
  using ApplyFn = std::function<std::vector<Outcome>(LogPosition, const Batch&)>;

  // Receives one outcome for each command of an applied batch, or an error. Unknown: the batch may
  // have been applied or may still be (a replica that is no longer leader). Any other code: it
  // surely was not applied and never will be (ResourceExhausted: no disk space; Unavailable:
  // stopped, or not the leader).
  using DoneFn = std::function<void(absl::StatusOr<std::vector<Outcome>>)>;

  // Receives OK, or Unavailable with the reason.
  using ReadableFn = std::function<void(absl::Status)>;

  // The leader, as far as this server knows.
  struct Leadership {
    std::string node;                 // this server; empty when it stands alone
    std::string cluster;              // the id of its cluster, a UUID; empty when it stands alone
    std::string role = "standalone";  // or leader, follower, candidate
    std::string leader;               // node id; empty when none is known
    std::string leader_endpoint;      // its address for clients, HOST:PORT
    uint64_t term = 0;
  };

  // Receives who leads, or why that is not known.
  using LeadershipFn = std::function<void(const absl::StatusOr<Leadership>&)>;

  // Another server of the cluster, as this one sees it.
  struct MemberStatus {
    struct Image {
      LogIndex index = 0;  // it holds every batch up to this one
      uint64_t bytes = 0;
      uint64_t percent = 0;  // that the member has taken
      uint64_t attempt = 0;
      std::string trouble;  // why the last piece was not taken
    };
    std::string node;
    std::optional<std::chrono::milliseconds> silence;  // since it was heard; nothing: not yet
    std::string trouble;                               // why it cannot be connected to
    // What a leader knows of it.
    std::optional<LogIndex> acknowledged;  // of the log
    std::optional<Image> image;            // on its way to it
  };

  // How much of the released prefix a log removes.
  enum class Release {
    kUsual,
    kAll,  // as much as possible, even at some cost: the disk is nearly full
  };

  struct Stats {
    LogPosition last;        // of the newest batch
    LogIndex first = 0;      // the oldest batch still held; last.index + 1 when it holds none
    uint64_t bytes = 0;      // on disk, as it was last looked up
    std::string durability;  // as text: "fsync always", "log off"
    std::string refusal;     // why batches are refused now; empty when they are taken
  };

  virtual ~Log() = default;

  // Submits one batch; `done` is called exactly once, perhaps before this returns. Blocks while the
  // log cannot take more. One thread submits.
  virtual void Submit(Batch batch, DoneFn done) = 0;

  // False on a replica that is not the leader: Submit() would fail there. Any thread, cheap.
  [[nodiscard]] virtual bool Leads() const { return true; }

  // Any thread.
  [[nodiscard]] virtual Leadership GetLeadership() const { return {}; }

  // Of a leader that reads by its lease: whether it is sure at this moment that no other leads.
  // Nothing elsewhere. Any thread.
  [[nodiscard]] virtual std::optional<bool> HasLease() const { return std::nullopt; }

  // Of a replica: whether it reads by its lease while it leads. Any thread.
  [[nodiscard]] virtual std::optional<bool> ReadsByLease() const { return std::nullopt; }

  // Any thread.
  [[nodiscard]] virtual std::vector<MemberStatus> GetOtherMembers() const { return {}; }

  // Calls `done` with OK once this server's state holds everything that any server acknowledged
  // before this call: then a read of it is linearizable (R11). On a standalone server that is at
  // once. Errors: Unavailable when this cannot be known, ResourceExhausted when too many reads
  // wait. Any thread; `done` may be called before this returns, and must not block.
  virtual void AwaitReadable(ReadableFn done) { done(absl::OkStatus()); }

  // Warms up before the server says that it is ready, for two seconds at most. Called once, by any
  // thread, when reads succeed.
  virtual void WarmUp() {}

  // Removes the batches up to `through`, inclusive, which an image in force holds. May keep some of
  // them. One thread at a time. Errors: Internal when a file could not be removed; nothing is lost
  // then.
  [[nodiscard]] virtual absl::Status ReleasePrefix(LogIndex through, Release release) = 0;

  // Never waits for the disk. Any thread.
  [[nodiscard]] virtual Stats GetStats() const = 0;

  // The bytes that it has on disk now. May wait for the disk. Any thread.
  [[nodiscard]] virtual uint64_t LookUpBytes() const { return GetStats().bytes; }

  // Whether the files being written are still where a start looks for them. Any thread.
  //
  // Errors: FailedPrecondition when one was removed, moved or replaced.
  [[nodiscard]] virtual absl::Status CheckFiles() const { return absl::OkStatus(); }

  // Bounds how long Submit() blocks from now on, so that the submitting thread can end before
  // Stop(). Any thread.
  virtual void BeginStop() {}

  // Makes everything submitted durable. Afterwards Submit() answers Unavailable. Idempotent; called
  // by the submitting thread or after it has ended.
  virtual void Stop() = 0;
};

}  // namespace tripla
