// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <istream>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tripla::cli {

// Reads the data of an entry from the form a person gives it in:
//
//   lala          these bytes             text:@lala   what stands behind text:
//   @FILE         a file's content        -            what standard input holds
//   hex:6c616C61  bytes in hexadecimal    b64:bGFsYQ== bytes in base64
//
// `standard_input` is null where it is taken: in a script it holds the commands.
//
// Errors: InvalidArgument for a malformed form or a file that cannot be read; ResourceExhausted
// above what any server takes.
[[nodiscard]] absl::StatusOr<std::string> ReadData(std::string_view form,
                                                   std::istream* standard_input);

// All that `path` holds. Errors: as above; also a file that changed while it was read.
[[nodiscard]] absl::StatusOr<std::string> ReadWholeFile(const std::string& path);

// All that is left in `input`. Errors: as above; a read that fails is not taken for the end.
[[nodiscard]] absl::StatusOr<std::string> ReadWhole(std::istream& input);

// Whether `input` ended because a read failed. `error` is the errno of that read, or 0; `name` is
// what the message calls it. Errors: InvalidArgument.
[[nodiscard]] absl::Status ReadError(const std::istream& input, int error, const std::string& name);

}  // namespace tripla::cli
