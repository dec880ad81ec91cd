// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace tripla {

// Makes `data_dir` that of a replica whose cluster is formed and that has been started once.
// `members` are as --cluster takes them. Returns the id of the cluster.
std::string MakeFormedReplica(const std::string& data_dir, const std::string& node,
                              const std::string& members);

}  // namespace tripla
