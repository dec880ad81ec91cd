// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "model/log_position.h"
#include "tripla/internal/peer.grpc.pb.h"

namespace tripla {

// Answers the other servers of the cluster.
//
// Thread-safety: gRPC calls it from many threads; it never blocks one.
class PeerService : public internal::Peer::CallbackService {
 public:
  // As RatisLog::ConfirmReadIndex().
  using ConfirmFn = std::function<void(std::function<void(const absl::StatusOr<LogIndex>&)>)>;

  explicit PeerService(ConfirmFn confirm) : confirm_(std::move(confirm)) {}

  grpc::ServerUnaryReactor* ReadIndex(grpc::CallbackServerContext* context,
                                      const internal::ReadIndexRequest* request,
                                      internal::ReadIndexReply* reply) override;

 private:
  const ConfirmFn confirm_;
};

}  // namespace tripla
