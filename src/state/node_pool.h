// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "state/tree_node.h"

namespace tripla {

// A pool of tree nodes. Each batch makes about as many nodes as it retires, so the nodes of the
// last batch, still in the processor's cache, are used for the next. malloc would merge and split
// blocks of this size each time, which took a third of the time of a write.
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
  // Takes back a node that is no longer reachable.
  void Give(const TreeNode* node);

 private:
  std::vector<TreeNode*> spare_;  // the last one returned is used first
};

}  // namespace tripla
