// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace tripla {

// What a power cut may undo of a server's disk: names in directories that were not synced. The
// library that tests/faults/bad_disk.cc makes records them while the server runs.
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

  // After the server was killed: gives each name back what it was before. Returns how many.
  int Undo() const;

 private:
  const std::string directory_;
};

}  // namespace tripla
