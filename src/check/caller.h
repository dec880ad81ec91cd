// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "check/traffic.h"
#include "client/attempt.h"
#include "client/request_ids.h"
#include "health/health.grpc.pb.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla::check {

// What one call was told, exactly as it came.
template <typename Message>
struct Told {
  grpc::Status status;
  Message reply;         // when the status is OK
  AttemptFailure error;  // when not: how the client library reads it
  int attempts = 1;      // sent this often; of several the last is told

  [[nodiscard]] bool ok() const { return status.ok(); }
};

using ToldReply = Told<v1::Reply>;
using ToldBatch = Told<v1::BatchReply>;

// One client of the database under test. It has connections of its own to every endpoint and takes
// them in turn, and sends what it is given as it stands, so that the wire can be judged.
//
// Thread-safety: all methods may be called from any thread. Blocking: until told, or until the time
// for one call is over.
class Caller {
 public:
  // `timeout` is for one call with all its attempts. Callers that share `ids` are one client to the
  // server, with more connections. `traffic` outlives it: when that is stopped, its calls are told
  // CANCELLED.
  Caller(const std::vector<std::string>& endpoints, std::chrono::milliseconds timeout,
         std::shared_ptr<RequestIds> ids, Traffic& traffic);
  ~Caller();

  // One attempt, whatever comes of it.
  ToldReply Send(const v1::Operation& request);
  ToldReply Send(const v1::Operation& request, std::chrono::milliseconds timeout);
  ToldBatch SendBatch(const v1::BatchRequest& request);

  // Attempts until it is told something final. For what may be sent twice: reads, and writes that
  // carry a request id; other writes are only repeated when they surely had no effect.
  ToldReply Settle(const v1::Operation& request);
  ToldBatch SettleBatch(const v1::BatchRequest& request);

  // Of endpoint number `endpoint`: its status; an image, which may take `patience`; the health of
  // one of its services, "" for the process.
  Told<v1::StatusReply> Status(size_t endpoint);
  Told<v1::SnapshotReply> Snapshot(size_t endpoint, std::chrono::milliseconds patience);
  Told<grpc::health::v1::HealthCheckResponse> Health(size_t endpoint, const std::string& service);

  // Waits for a connection to the endpoint whose turn it is, at most `patience`.
  bool Connect(std::chrono::milliseconds patience);

  // Why there is no connection to endpoint number `endpoint`; empty when there is one.
  [[nodiscard]] std::string WhyNotConnected(size_t endpoint) const;

  [[nodiscard]] size_t endpoints() const { return connections_.size(); }
  [[nodiscard]] RequestIds& ids() { return *ids_; }
  [[nodiscard]] const std::shared_ptr<RequestIds>& shared_ids() const { return ids_; }

 private:
  struct Connection;

  Connection& Next();
  template <typename Message, typename Attempt>
  Told<Message> Try(RunningCalls::Registration& call, std::chrono::milliseconds timeout,
                    Effect effect, const Attempt& attempt);
  template <typename Attempt>
  auto Repeat(bool safe, const Attempt& attempt);
  ToldReply Send(RunningCalls::Registration& call, const v1::Operation& request,
                 std::chrono::milliseconds timeout);
  ToldBatch SendBatch(RunningCalls::Registration& call, const v1::BatchRequest& request);

  const std::chrono::milliseconds timeout_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::atomic<size_t> turn_{0};
  const std::shared_ptr<RequestIds> ids_;
  Traffic& traffic_;
};

// Whether the operation can change anything.
[[nodiscard]] Effect EffectOf(const v1::Operation& request);
[[nodiscard]] Effect EffectOf(const v1::BatchRequest& request);

// The request id of a write, or nullptr.
[[nodiscard]] const v1::RequestId* RequestIdOf(const v1::Operation& request);

// "UNAVAILABLE: Connection refused", on one line and safe to show.
[[nodiscard]] std::string TextOf(const grpc::Status& status);

[[nodiscard]] v1::RequestId MakeId(const std::string& client, uint64_t sequence,
                                   uint64_t first_unanswered);

}  // namespace tripla::check
