// SPDX-License-Identifier: Apache-2.0
// The tests of the specification against three replicas: what one of them answered, the next one
// knows.
#include <atomic>

#include "tests/harness/test_cluster.h"
#include "tests/spec/subject.h"

namespace tripla {
namespace {

class ThreeReplicas final : public Subject {
 public:
  v1::KeyValue::Stub& stub() override { return cluster_.stub(next_++ % TestCluster::kSize); }

 private:
  const TemporaryDirectory directory_;
  TestCluster cluster_{directory_.path()};
  std::atomic<unsigned> next_ = 0;
};

}  // namespace

std::vector<SubjectKind> SubjectKinds() {
  return {{"ThreeReplicas",
           +[]() -> std::unique_ptr<Subject> { return std::make_unique<ThreeReplicas>(); }}};
}

}  // namespace tripla
