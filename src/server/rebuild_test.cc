// SPDX-License-Identifier: Apache-2.0
#include "server/rebuild.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "tripla/internal/peer.grpc.pb.h"

namespace tripla {
namespace {

constexpr char kCluster[] = "00000000-0000-0000-0000-000000000001";

// A member of a cluster whose log ends at record 10.
class FakePeer : public internal::Peer::Service {
 public:
  FakePeer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }

  grpc::Status LogState(grpc::ServerContext*, const internal::LogStateRequest*,
                        internal::LogStateReply* reply) override {
    reply->set_term(3);
    reply->set_last_index(10);
    reply->set_cluster(kCluster);
    return grpc::Status::OK;
  }
  grpc::Status Replace(grpc::ServerContext* context, const internal::ReplaceRequest*,
                       internal::LogStateReply* reply) override {
    written_off_ = true;
    return LogState(context, nullptr, reply);
  }
  grpc::Status ReadIndex(grpc::ServerContext*, const internal::ReadIndexRequest* request,
                         internal::ReadIndexReply* reply) override {
    EXPECT_TRUE(written_off_) << "what is committed before that may rest on the lost one";
    EXPECT_TRUE(request->by_entry());
    if (!leads_) return {grpc::StatusCode::UNAVAILABLE, "this server does not lead"};
    reply->set_index(15);
    return grpc::Status::OK;
  }

  void Lead() { leads_ = true; }
  void Shutdown() { server_->Shutdown(); }
  [[nodiscard]] std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int port_ = 0;
  std::atomic<bool> leads_{false};
  std::atomic<bool> written_off_{false};
  std::unique_ptr<grpc::Server> server_;
};

// Of five, n5 is lost.
class Rebuild : public testing::Test {
 protected:
  Membership Members() {
    Membership membership{.node = "n5"};
    for (int i = 0; i < 4; ++i) {
      membership.members.push_back({.node = "n" + std::to_string(i + 1),
                                    .client_endpoint = peers_[i].endpoint(),
                                    .raft_endpoint = "127.0.0.1:1"});
    }
    membership.members.push_back(
        {.node = "n5", .client_endpoint = "127.0.0.1:1", .raft_endpoint = "127.0.0.1:1"});
    return membership;
  }

  FakePeer peers_[4];
};

TEST_F(Rebuild, C11_TheNewReplicaMustHaveWhatIsCommittedWithoutTheLostOne) {
  peers_[2].Lead();
  const absl::StatusOr<Replacement> replacement = ReplaceLost(Members());
  ASSERT_TRUE(replacement.ok()) << replacement.status();
  EXPECT_EQ(replacement->known.index, 15u);
  EXPECT_EQ(replacement->known.term, 3u);
}

// The leader may still commit what the lost one has acknowledged to it alone.
TEST_F(Rebuild, C11_WithoutTheLeaderNothingIsRebuilt) {
  const Membership members = Members();
  peers_[0].Shutdown();
  const absl::Status status = ReplaceLost(members).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(testing::HasSubstr("none of the servers that answered leads"),
                             testing::HasSubstr("already refused by n2, n3, n4")));
}

}  // namespace
}  // namespace tripla
