// SPDX-License-Identifier: Apache-2.0
//
// The forms of data on a command line: each kind of bytes has a form in every one of them, and what
// is no form is refused.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "base/check.h"
#include "cli/data_form.h"

namespace tripla::cli {
namespace {

absl::StatusOr<std::string> Read(const std::string& form) {
  std::istringstream no_input;
  return ReadData(form, &no_input);
}

std::string Base64(const std::string& bytes) {
  std::string text;
  absl::Base64Escape(bytes, &text);
  return text;
}

void CheckBytes(const std::string& bytes) {
  TRIPLA_CHECK(*Read("text:" + bytes) == bytes, "text: is what stands behind it");
  TRIPLA_CHECK(*Read("hex:" + absl::BytesToHexString(bytes)) == bytes, "hex: has all bytes");
  TRIPLA_CHECK(*Read("b64:" + Base64(bytes)) == bytes, "b64: has all bytes");
  std::istringstream input(bytes);
  TRIPLA_CHECK(*ReadData("-", &input) == bytes, "- is all of standard input");
}

void CheckForm(const std::string& text) {
  if (const absl::StatusOr<std::string> bytes = Read("hex:" + text); bytes.ok()) {
    std::string lower = text;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    TRIPLA_CHECK(absl::BytesToHexString(*bytes) == lower, "hex: is these digits and no others");
  }
  if (const absl::StatusOr<std::string> bytes = Read("b64:" + text); bytes.ok()) {
    const auto unpadded = [](std::string base64) {
      base64.erase(base64.find_last_not_of('=') + 1);
      return base64;
    };
    TRIPLA_CHECK(unpadded(Base64(*bytes)).size() == unpadded(text).size(), "b64: skips nothing");
  }
  if (text.starts_with('@')) return;  // no files from here
  const absl::StatusOr<std::string> bytes = Read(text);
  TRIPLA_CHECK(bytes.ok() || absl::IsInvalidArgument(bytes.status()), "nothing else is wrong");
}

}  // namespace
}  // namespace tripla::cli

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  tripla::cli::CheckBytes(bytes);
  tripla::cli::CheckForm(bytes);
  return 0;
}
