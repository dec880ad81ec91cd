// SPDX-License-Identifier: Apache-2.0
#include "base/diagnostics.h"

#include <fmt/core.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <string>

namespace tripla {
namespace {

spdlog::logger& Logger() {
  // Never destroyed: threads may print until the very end of the process.
  static spdlog::logger& logger = *[] {
    auto* made = new spdlog::logger("tripla", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return logger;
}

spdlog::level::level_enum Level(Severity severity) {
  switch (severity) {
    case Severity::kDebug:
      return spdlog::level::debug;
    case Severity::kInfo:
      return spdlog::level::info;
    case Severity::kWarning:
      return spdlog::level::warn;
    case Severity::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

bool IsControl(unsigned char byte) { return byte < 0x20 || byte == 0x7f; }

}  // namespace

void Say(Severity severity, std::string_view message) {
  Logger().log(Level(severity), EscapeControls(message));
}

std::string EscapeControls(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char byte : text) {
    if (IsControl(static_cast<unsigned char>(byte))) {
      escaped += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    } else {
      escaped += byte;
    }
  }
  return escaped;
}

void SetLowestSeverity(Severity lowest) { Logger().set_level(Level(lowest)); }

bool IsSaid(Severity severity) { return Logger().should_log(Level(severity)); }

void Die(std::string_view message) {
  Logger().critical(EscapeControls(message));
  Logger().flush();
  // Without a core dump and destructors: no more data may be written.
  std::_Exit(1);
}

}  // namespace tripla
