// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace tripla {

// What a power cut may undo on a server's disk: renamings in directories that were not synced. The
// library of tests/faults/bad_disk.cc records them while the server runs.
//
// Thread-safety: one thread.
class UnsyncedNames {
 public:
  // Records in `directory`, which is made; on the file system of the server's data.
  explicit UnsyncedNames(std::string directory);

  // Of the server. `bad_disk` is the library.
  [[nodiscard]] std::vector<std::string> environment(const std::string& bad_disk) const {
    return {"LD_PRELOAD=" + bad_disk, "BAD_DISK=undo@" + directory_};
  }

  // Call it after the server was killed. Undoes all renamings, the last one first, and returns how
  // many there were.
  int Undo() const;

 private:
  const std::string directory_;
};

}  // namespace tripla
