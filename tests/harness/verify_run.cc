// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/verify_run.h"

#include <gtest/gtest.h>

#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/harness/process.h"

namespace tripla {

std::string VerifiedStart(const std::string& data_dir) {
  Process verify({ProgramPath("tripla-verify"), data_dir});
  EXPECT_EQ(verify.Wait(), 0) << verify.output();
  constexpr std::string_view kVerdict = "sound: a start gives ";
  const std::string output = verify.output();
  const size_t begin = output.rfind(kVerdict);
  if (begin == std::string::npos) return output;
  return output.substr(begin + kVerdict.size(), output.rfind(" (") - begin - kVerdict.size());
}

std::string StartText(const v1::StatusReply& status) {
  return absl::StrCat("revision ", status.revision(), ", ", status.keys(), " keys, level ",
                      status.level(), ", state hash ", absl::BytesToHexString(status.state_hash()));
}

}  // namespace tripla
