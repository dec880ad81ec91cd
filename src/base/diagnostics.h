// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace tripla {

// Messages for the people who run the server, one line each, on standard error. (The word "log" is
// kept for the log of operations.) Control bytes are escaped, so foreign text cannot forge lines.
enum class Severity { kDebug, kInfo, kWarning, kError };

// Prints one line with the time and severity. Thread-safe; may block on standard error.
void Say(Severity severity, std::string_view message);

// Says less: only `lowest` and above are printed. Thread-safe. The default is kInfo.
void SetLowestSeverity(Severity lowest);

// Whether a message of this severity would be printed. Thread-safe.
[[nodiscard]] bool IsSaid(Severity severity);

// `text` with control bytes as \xHH.
[[nodiscard]] std::string EscapeControls(std::string_view text);

// Says why the process cannot go on and ends it at once with exit code 1. For lost durability: a
// failed write or fsync leaves the disk in an unknown state, and only a restart tells what is
// really there.
[[noreturn]] void Die(std::string_view message);

}  // namespace tripla
