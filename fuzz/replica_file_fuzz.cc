// SPDX-License-Identifier: Apache-2.0
//
// DIR/replica, and the same members as --cluster takes them: what is no membership is refused, and
// what is one names this server among them.
#include <fmt/core.h>
#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "disk/data_directory.h"
#include "disk/faulty_disk.h"
#include "log/ratis/membership.h"

namespace tripla {
namespace {

constexpr const char* kPath = "/data";

void CheckMembership(const Membership& membership) {
  TRIPLA_CHECK(membership.Find(membership.node) != nullptr, "this server is a member");
  const std::string text = MembersText(membership.members);
  const absl::StatusOr<Membership> again = ParseMembership(membership.node, text);
  TRIPLA_CHECK(again.ok() && again->members == membership.members, "its text is read back");
  TRIPLA_CHECK(MembersText(again->members) == text, "the same members have the same text");
}

void CheckInit(std::string_view cluster) {
  const absl::StatusOr<Membership> membership = ParseMembership("n1", cluster);
  if (!membership.ok()) {
    TRIPLA_CHECK(absl::IsInvalidArgument(membership.status()), "nothing else is wrong");
    return;
  }
  CheckMembership(*membership);
  FaultyDisk disk;
  const absl::StatusOr<DataDirectory> directory = DataDirectory::Open(disk, kPath);
  TRIPLA_CHECK(directory.ok() && InitializeReplica(*directory, *membership).ok(), "it is empty");
  const auto read = ReadMembership(*directory);
  TRIPLA_CHECK(read.ok() && read->has_value(), "what init wrote is read");
  TRIPLA_CHECK((*read)->members == membership->members, "as it was");
}

void CheckFile(std::string_view content) {
  FaultyDisk disk;
  const absl::StatusOr<DataDirectory> directory = DataDirectory::Open(disk, kPath);
  const auto file = disk.Open(directory->path() + "/replica", OpenMode::kCreateFresh);
  TRIPLA_CHECK(file.ok() && (*file)->WriteAt(0, content).ok(), "memory takes it");
  const auto membership = ReadMembership(*directory);
  if (membership.ok()) {
    TRIPLA_CHECK(*membership && !(*membership)->is_formed(), "Ratis has kept nothing here");
    return CheckMembership(**membership);
  }
  TRIPLA_CHECK(membership.status().message().find(kPath) != std::string::npos, "the file is named");
}

std::string WithCheck(std::string_view content) {
  return fmt::format("{}check {:016x}\n", content, XXH3_64bits(content.data(), content.size()));
}

}  // namespace
}  // namespace tripla

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  tripla::CheckInit(bytes);
  tripla::CheckFile(bytes);
  tripla::CheckFile(tripla::WithCheck(bytes));
  return 0;
}
