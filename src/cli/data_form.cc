// SPDX-License-Identifier: Apache-2.0
#include "cli/data_form.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "absl/strings/escaping.h"
#include "base/status_macros.h"
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

std::string ErrorText(int error) { return std::strerror(error); }

absl::Status Unreadable(const std::string& path, const std::string& why) {
  return absl::InvalidArgumentError(fmt::format("cannot read {}: {}", path, why));
}

absl::Status TooMuch() {
  return absl::ResourceExhaustedError(fmt::format(
      "there are more than {} bytes, more than any server takes", limits::kDataBytesMaxCeiling));
}

struct OpenFile {
  explicit OpenFile(int opened) : descriptor(opened) {}
  ~OpenFile() {
    if (descriptor >= 0) close(descriptor);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  const int descriptor;
};

// Only a regular file holds something that can change; a pipe gives what is written to it.
bool HasChanged(const struct stat& before, const struct stat& after) {
  return S_ISREG(before.st_mode) &&
         (before.st_size != after.st_size || before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
          before.st_mtim.tv_nsec != after.st_mtim.tv_nsec);
}

}  // namespace

absl::Status ReadError(const std::istream& input, int error, const std::string& name) {
  if (!input.bad()) return absl::OkStatus();
  // As RunProgram() opens it in place of a closed one. The errno of the read is gone by then.
  const int mode = &input == &std::cin ? fcntl(STDIN_FILENO, F_GETFL) : -1;
  if (mode >= 0 && (mode & O_ACCMODE) == O_WRONLY) {
    return absl::InvalidArgumentError(
        fmt::format("cannot read {}: it is closed; give the program one that can be read", name));
  }
  return absl::InvalidArgumentError(
      fmt::format("cannot read {}: {}", name, error == 0 ? "the read failed" : ErrorText(error)));
}

absl::StatusOr<std::string> ReadWhole(std::istream& input) {
  std::string whole;
  std::string chunk(size_t{1} << 16, '\0');
  errno = 0;
  while (input.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) ||
         input.gcount() > 0) {
    whole.append(chunk, 0, static_cast<size_t>(input.gcount()));
    if (whole.size() > limits::kDataBytesMaxCeiling) return TooMuch();
  }
  TRIPLA_RETURN_IF_ERROR(ReadError(input, errno, "standard input"));
  return whole;
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  const OpenFile file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.descriptor < 0) return Unreadable(path, ErrorText(errno));
  struct stat before {};
  struct stat after {};
  if (fstat(file.descriptor, &before) != 0) return Unreadable(path, ErrorText(errno));
  if (S_ISDIR(before.st_mode)) return Unreadable(path, "it is a directory");
  std::string whole;
  std::string chunk(size_t{1} << 16, '\0');
  while (true) {
    const ssize_t got = read(file.descriptor, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unreadable(path, ErrorText(errno));
    if (got == 0) break;
    whole.append(chunk, 0, static_cast<size_t>(got));
    if (whole.size() > limits::kDataBytesMaxCeiling) return TooMuch();
  }
  if (fstat(file.descriptor, &after) != 0) return Unreadable(path, ErrorText(errno));
  if (HasChanged(before, after)) {
    return Unreadable(path, "it changed while it was read; try again, or name a copy of it");
  }
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
