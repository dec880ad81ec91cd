// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "state/tree_node.h"

namespace tripla {

// Where nodes come from and go back to. Each batch makes as many nodes as it retires, so those of
// the last one, still in the processor's cache, serve the next: malloc would join and
// split pieces of this size each time, and take a third of the time of a write.
//
// Thread-safety: the writer's.
class NodePool {
 public:
  NodePool() = default;
  ~NodePool();
  NodePool(const NodePool&) = delete;
  NodePool& operator=(const NodePool&) = delete;

  // A node with any content.
  [[nodiscard]] TreeNode* Take();
  // Takes back a node that nobody reaches.
  void Give(const TreeNode* node);

 private:
  std::vector<TreeNode*> spare_;  // the one given last is taken first
};

}  // namespace tripla
