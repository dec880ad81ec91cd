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

// What stands behind a Client.
//
// Thread-safety: as Client; one thread uses a CallInProgress.
class Client::Core {
 public:
  using Clock = std::chrono::steady_clock;

  // Requires what ClientOptions says (checked).
  explicit Core(ClientOptions options);

  // A call of the API, from its begin to its end: until when it may take, and whether it was
  // cancelled. Some send more than one request.
  struct CallInProgress {
    CallInProgress(Core& core, const CallOptions& options);

    // The call may take as long again.
    void Renew() { deadline = Clock::now() + allowed; }

    RunningCalls::Call running;
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
  size_t CancelCalls() { return running_.CancelAll(); }

 private:
  using Server = Servers::Server;

  // Sends the request once and fills in the reply; `attempt` counts from 1.
  using SendOnce =
      std::function<grpc::Status(const Server&, grpc::ClientContext&, uint32_t attempt)>;

  // Attempts it until it succeeds (nullopt), is refused for good, or the call's time is over.
  std::optional<AttemptFailure> Send(CallInProgress& call, Effect effect, const SendOnce& send);
  std::optional<AttemptFailure> Send(CallInProgress& call, Effect effect, v1::Operation& request,
                                     v1::Reply* reply);

  // Waits until there is a connection to a server, so that what could not be sent is surely not
  // applied: once an attempt is given to gRPC it does not tell whether any byte of it left.
  // `applied` is what is known of the attempts before.
  Answer<const Server*> Connect(CallInProgress& call, Failure::Applied applied);

  // Until when one attempt may take.
  [[nodiscard]] Clock::time_point AttemptDeadline(const CallInProgress& call) const;

  // "a:1", or "a:1 or b:2".
  [[nodiscard]] std::string Endpoints() const;

  [[nodiscard]] Failure NotConnected(const CallInProgress& call, const Server& server,
                                     Failure::Applied applied) const;

  // The same failure in words of ours, where gRPC's say nothing to a person.
  [[nodiscard]] Failure Explained(const CallInProgress& call, Failure failure) const;

  // Makes the failure of a write one that can be asked about later, if its outcome is in doubt.
  static Failure WithRequest(Failure failure, RequestIds::Lease& lease, uint64_t count);

  // Does what `change` says to the entry as it is `stored`, if nobody was faster.
  Answer<Decided> TryChange(CallInProgress& call, const Key& key, const Decided& stored,
                            Change change);

  Answer<Resolved> ResolveOne(CallInProgress& call, const std::string& client, uint64_t sequence);

  const ClientOptions options_;
  Servers servers_;
  RequestIdPool ids_;
  RunningCalls running_;
};

}  // namespace tripla
