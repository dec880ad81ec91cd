// SPDX-License-Identifier: Apache-2.0
#include "disk/replace_file.h"

#include <memory>

#include "base/status_macros.h"

namespace tripla {

absl::Status ReplaceFile(Disk& disk, const std::string& path, std::string_view content) {
  const std::string partial = path + ".partial";
  if (absl::Status removed = disk.Remove(partial); !removed.ok() && !absl::IsNotFound(removed)) {
    return removed;
  }
  TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                          disk.Open(partial, OpenMode::kCreateFresh));
  absl::Status status = file->WriteAt(0, content);
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = disk.Rename(partial, path);
  if (!status.ok()) {
    disk.Remove(partial).IgnoreError();  // the next call replaces it
    return status;
  }
  return disk.SyncDirectory(path.substr(0, path.rfind('/')));
}

}  // namespace tripla
