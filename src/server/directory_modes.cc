// SPDX-License-Identifier: Apache-2.0
#include "server/directory_modes.h"

#include <fmt/core.h>

#include <filesystem>
#include <string>

#include "base/diagnostics.h"

namespace tripla {
namespace {

namespace fs = std::filesystem;

// "" when only the owner may enter it.
std::string WideMode(const std::string& path) {
  std::error_code error;
  const fs::perms mode = fs::status(path, error).permissions();
  const fs::perms of_others = mode & (fs::perms::group_all | fs::perms::others_all);
  if (error || of_others == fs::perms::none) return "";
  return fmt::format("{:04o}", static_cast<unsigned>(mode & fs::perms::mask));
}

void Warn(const std::string& path, const std::string& mode) {
  Say(Severity::kWarning,
      fmt::format("{0} is open to other users of this machine (mode {1}), who may read the data in "
                  "it; close it with: chmod -R go= {0}",
                  path, mode));
}

}  // namespace

void WarnOfWideDirectories(const DataDirectory& directory) {
  if (const std::string mode = WideMode(directory.path()); !mode.empty()) {
    return Warn(directory.path(), mode);
  }
  // If the data directory is closed, these matter only when they are links to another place.
  for (const std::string& path : {directory.log_path(), directory.image_path()}) {
    std::error_code ignored;
    if (!fs::is_symlink(path, ignored)) continue;
    if (const std::string mode = WideMode(path); !mode.empty()) Warn(path + "/", mode);
  }
}

}  // namespace tripla
