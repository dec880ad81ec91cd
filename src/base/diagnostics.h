// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace tripla {

// Messages for operators, one line each, on standard error. (The word "log" is reserved for the log
// of operations.) Control bytes are escaped, so foreign text cannot forge lines.
enum class Severity { kDebug, kInfo, kWarning, kError };

// Prints one line with the time and severity. Thread-safe; may block on standard error.
void Say(Severity severity, std::string_view message);

// Prints only messages of `lowest` and above. Thread-safe. The default is kInfo.
void SetLowestSeverity(Severity lowest);

// Whether a message of this severity would be printed. Thread-safe.
[[nodiscard]] bool IsSaid(Severity severity);

// `text` with control bytes as \xHH.
[[nodiscard]] std::string EscapeControls(std::string_view text);

// Prints why and ends the process at once with exit code 1. For lost durability: after a failed
// write or fsync the state of the disk is unknown until a restart reads it.
[[noreturn]] void Die(std::string_view message);

}  // namespace tripla
