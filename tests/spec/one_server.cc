// SPDX-License-Identifier: Apache-2.0
// The tests of the specification against the bare state machine, and against one server.
#include "tests/check/wrong_server.h"
#include "tests/harness/test_server.h"
#include "tests/spec/subject.h"

namespace tripla {
namespace {

// A server whose every call goes straight into a state machine: no log, no batcher, no files.
class StateMachineOnly final : public Subject {
 public:
  v1::KeyValue::Stub& stub() override { return *stub_; }

 private:
  check::WrongServer server_;
  std::unique_ptr<v1::KeyValue::Stub> stub_ = v1::KeyValue::NewStub(Connect(server_.endpoint()));
};

class OneServer final : public Subject {
 public:
  ~OneServer() override { server_.Stop(); }
  v1::KeyValue::Stub& stub() override { return server_.stub(); }

 private:
  const TemporaryDirectory directory_;
  TestServer server_{directory_.path()};
};

template <typename Kind>
std::unique_ptr<Subject> Make() {
  return std::make_unique<Kind>();
}

}  // namespace

std::vector<SubjectKind> SubjectKinds() {
  return {{"StateMachine", &Make<StateMachineOnly>}, {"OneServer", &Make<OneServer>}};
}

}  // namespace tripla
