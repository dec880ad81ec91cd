// SPDX-License-Identifier: Apache-2.0
#include "state/node_pool.h"

namespace tripla {
namespace {

// 1 MiB; larger batches use malloc for the rest. None under the address sanitizer, which must see
// each node freed.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kSpareMax = 0;
#elif defined(__has_feature)
constexpr size_t kSpareMax = __has_feature(address_sanitizer) ? 0 : 1024;
#else
constexpr size_t kSpareMax = 1024;
#endif

}  // namespace

NodePool::~NodePool() {
  for (const TreeNode* node : spare_) delete node;
}

TreeNode* NodePool::Take() {
  if (spare_.empty()) return new TreeNode;
  TreeNode* node = spare_.back();
  spare_.pop_back();
  return node;
}

void NodePool::Give(const TreeNode* node) {
  if (spare_.size() < kSpareMax) {
    spare_.push_back(const_cast<TreeNode*>(node));  // no longer reachable
  } else {
    delete node;
  }
}

}  // namespace tripla
