// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {

// What keeps the specification behind the wire contract, and is empty at first.
class Subject {
 public:
  virtual ~Subject() = default;
  // A way to it. Of several servers each call takes the next one. Any thread.
  virtual v1::KeyValue::Stub& stub() = 0;
};

struct SubjectKind {
  std::string name;
  std::unique_ptr<Subject> (*make)();
};

// What this program tests: the same tests are linked with several answers.
std::vector<SubjectKind> SubjectKinds();

// A test that every subject passes. All tests of a suite share one of each kind, so each uses keys
// and clients of its own.
class SpecTest : public testing::TestWithParam<SubjectKind> {
 protected:
  static void TearDownTestSuite() { subjects_.clear(); }

  void SetUp() override {
    std::unique_ptr<Subject>& subject = subjects_[GetParam().name];
    if (subject == nullptr) subject = GetParam().make();
    subject_ = subject.get();
  }

  // Any thread.
  v1::KeyValue::Stub& stub() { return subject_->stub(); }

 private:
  Subject* subject_ = nullptr;
  inline static std::map<std::string, std::unique_ptr<Subject>> subjects_;
};

inline std::string NameOf(const testing::TestParamInfo<SubjectKind>& kind) {
  return kind.param.name;
}

}  // namespace tripla
