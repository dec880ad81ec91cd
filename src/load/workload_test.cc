// SPDX-License-Identifier: Apache-2.0
#include "load/workload.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <gtest/gtest.h>

#include <optional>

#include "load/etcd.pb.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla::load {
namespace {

template <typename Message>
Message FirstMessage(const Plan& plan) {
  std::optional<Request> request = MakeWorkload(plan)->Next(0);
  Message message;
  EXPECT_TRUE(grpc::SerializationTraits<Message>::Deserialize(&request->message, &message).ok());
  return message;
}

TEST(Workload, ReadsAskForTheConsistencyOfThePlan) {
  Plan plan{.verb = Verb::kGet};
  EXPECT_EQ(FirstMessage<v1::GetRequest>(plan).consistency(), v1::LINEARIZABLE);
  plan.stale = true;
  EXPECT_EQ(FirstMessage<v1::GetRequest>(plan).consistency(), v1::STALE);
  plan.verb = Verb::kMixed;
  EXPECT_EQ(FirstMessage<v1::GetRequest>(plan).consistency(), v1::STALE);
}

TEST(Workload, EtcdIsAskedForTheConsistencyOfThePlan) {
  Plan plan{.verb = Verb::kGet, .api = Api::kEtcd};
  EXPECT_FALSE(FirstMessage<etcdserverpb::RangeRequest>(plan).serializable());
  plan.stale = true;
  EXPECT_TRUE(FirstMessage<etcdserverpb::RangeRequest>(plan).serializable());
}

}  // namespace
}  // namespace tripla::load
