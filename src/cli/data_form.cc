// SPDX-License-Identifier: Apache-2.0
#include "cli/data_form.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/escaping.h"
#include "model/limits.h"

namespace tripla::cli {
namespace {

absl::StatusOr<std::string> FromHexadecimal(std::string_view digits) {
  const bool well_formed =
      digits.size() % 2 == 0 && digits.find_first_not_of("0123456789abcdefABCDEF") == digits.npos;
  if (!well_formed) {
    return absl::InvalidArgumentError(
        "hex: takes two hexadecimal digits a byte, as in hex:6c616c61; for text that begins so, "
        "write text:hex:...");
  }
  return absl::HexStringToBytes({digits.data(), digits.size()});
}

absl::StatusOr<std::string> FromBase64(std::string_view text) {
  std::string bytes;
  // absl would skip blanks, and take a dot for padding.
  const bool foreign =
      text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") !=
      text.npos;
  if (foreign || !absl::Base64Unescape({text.data(), text.size()}, &bytes)) {
    return absl::InvalidArgumentError(
        "b64: takes base64, as in b64:bGFsYQ==; for text that begins so, write text:b64:...");
  }
  return bytes;
}

}  // namespace

absl::StatusOr<std::string> ReadWhole(std::istream& input) {
  std::string whole;
  std::string chunk(size_t{1} << 16, '\0');
  while (input.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) ||
         input.gcount() > 0) {
    whole.append(chunk, 0, static_cast<size_t>(input.gcount()));
    if (whole.size() > limits::kDataBytesMaxCeiling) {
      return absl::ResourceExhaustedError(
          fmt::format("there are more than {} bytes, more than any server takes",
                      limits::kDataBytesMaxCeiling));
    }
  }
  return whole;
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  const auto unreadable = [&](std::string_view why) {
    return absl::InvalidArgumentError(fmt::format("cannot read {}: {}", path, why));
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return unreadable("it is a directory");
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(std::strerror(errno));
  absl::StatusOr<std::string> whole = ReadWhole(file);
  if (file.bad()) return unreadable("the read failed");
  return whole;
}

absl::StatusOr<std::string> ReadData(std::string_view form, std::istream* standard_input) {
  if (form.starts_with("text:")) return std::string(form.substr(5));
  if (form.starts_with("hex:")) return FromHexadecimal(form.substr(4));
  if (form.starts_with("b64:")) return FromBase64(form.substr(4));
  if (form.starts_with('@')) return ReadWholeFile(std::string(form.substr(1)));
  if (form != "-") return std::string(form);
  if (standard_input == nullptr) {
    return absl::InvalidArgumentError(
        "- means standard input, which holds the commands here; use @FILE, or text:- for a hyphen");
  }
  return ReadWhole(*standard_input);
}

}  // namespace tripla::cli
