// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/attempt.h"
#include "client/effect.h"
#include "client/request_ids.h"
#include "client/request_text.h"
#include "client/running_calls.h"
#include "client/servers.h"
#include "tripla/client.h"

namespace tripla {

// The implementation of Client.
//
// Thread-safety: as Client; one thread uses a CallInProgress.
class Client::Core {
 public:
  using Clock = std::chrono::steady_clock;

  // Requires valid options (checked); see ClientOptions.
  explicit Core(ClientOptions options);

  // A call of the API from begin to end, with its deadline and its registration for cancellation.
  // Some calls send more than one request.
  struct CallInProgress {
    CallInProgress(Core& core, const CallOptions& options);

    // Starts the time allowed anew.
    void Renew() { deadline = Clock::now() + allowed; }

    RunningCalls::Registration running;
    const std::chrono::milliseconds allowed;
    Clock::time_point deadline;
    const bool without_data;
  };

  Answer<Decided> Execute(CallInProgress& call, const Operation& operation);
  Answer<std::vector<Decided>> Batch(CallInProgress& call,
                                     const std::vector<Operation>& operations);
  Answer<Updated> Update(CallInProgress& call, const Key& key, const UpdateFunction& decide);
  Answer<std::vector<Resolved>> Resolve(CallInProgress& call, const RequestRange& request);
  Answer<ServerStatus> Status(CallInProgress& call);
  std::vector<EndpointStatus> StatusOfAll();
  Answer<ImageInfo> Snapshot(CallInProgress& call);
  Answer<Leader> Transfer(CallInProgress& call, const std::string& node);
  size_t CancelCalls() { return running_.CancelAll(); }

 private:
  using Server = Servers::Server;

  // Sends the request once and fills in the reply; `attempt` counts from 1.
  using SendOnce =
      std::function<grpc::Status(const Server&, grpc::ClientContext&, uint32_t attempt)>;

  // Repeats the request until it succeeds (nullopt), fails for good, or the call's time is over.
  std::optional<AttemptFailure> Send(CallInProgress& call, Effect effect, const SendOnce& send);
  std::optional<AttemptFailure> Send(CallInProgress& call, Effect effect, v1::Operation& request,
                                     v1::Reply* reply);

  // Waits for a connection to a server before a request is given to gRPC, because gRPC does not
  // tell whether any byte of a failed request left. Without a connection it surely was not applied.
  // `applied` is the result of the attempts so far.
  Answer<const Server*> Connect(CallInProgress& call, Failure::Applied applied);

  // The deadline of the next attempt.
  [[nodiscard]] Clock::time_point AttemptDeadline(const CallInProgress& call) const;

  // "a:1", or "a:1 or b:2".
  [[nodiscard]] std::string Endpoints() const;

  [[nodiscard]] Failure NotConnected(const CallInProgress& call, const Server& server,
                                     Failure::Applied applied) const;

  // Replaces messages of gRPC that do not help a person.
  [[nodiscard]] Failure Explained(const CallInProgress& call, Failure failure) const;

  // If the write may have been applied, adds its request ids, so that Resolve() can be used later.
  static Failure WithRequest(Failure failure, RequestIds::Lease& lease, uint64_t count);

  // Makes the change if the entry still is as `stored`.
  Answer<Decided> TryChange(CallInProgress& call, const Key& key, const Decided& stored,
                            Change change);

  Answer<Resolved> ResolveOne(CallInProgress& call, const std::string& client, uint64_t sequence);

  const ClientOptions options_;
  Servers servers_;
  RequestIdPool ids_;
  RunningCalls running_;
};

}  // namespace tripla
