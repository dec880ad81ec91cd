// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/verify_run.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/harness/process.h"

namespace tripla {

void ExpectVerified(const std::string& data_dir, const v1::StatusReply& status) {
  Process verify({ProgramPath("tripla-verify"), data_dir});
  EXPECT_EQ(verify.Wait(), 0) << verify.output();
  const std::string start =
      absl::StrCat("a start gives revision ", status.revision(), ", ", status.keys(),
                   " keys, state hash ", absl::BytesToHexString(status.state_hash()));
  EXPECT_NE(verify.output().find(start), std::string::npos) << start << "\n" << verify.output();
}

}  // namespace tripla
