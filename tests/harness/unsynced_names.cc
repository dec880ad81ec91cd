// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/unsynced_names.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <utility>

namespace tripla {

namespace fs = std::filesystem;

UnsyncedNames::UnsyncedNames(std::string directory) : directory_(std::move(directory)) {
  fs::create_directory(directory_);
}

int UnsyncedNames::Undo() const {
  std::map<long, std::string, std::greater<>> records;  // the last change is undone first
  for (const fs::directory_entry& entry : fs::directory_iterator(directory_)) {
    if (entry.path().extension() != ".path") continue;
    std::getline(std::ifstream(entry.path()), records[std::stol(entry.path().stem())]);
  }
  for (const auto& [number, path] : records) {
    const std::string record = directory_ + "/" + std::to_string(number);
    if (fs::exists(record + ".file")) {
      fs::rename(record + ".file", path);
    } else {
      fs::remove(path);
    }
    fs::remove(record + ".path");
  }
  EXPECT_TRUE(fs::is_empty(directory_));
  return static_cast<int>(records.size());
}

}  // namespace tripla
