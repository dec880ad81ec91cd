// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "state/reclaimer.h"
#include "state/tree_node.h"

namespace tripla {

template <typename Row>
struct RowTraits;

// An ordered copy-on-write B+-tree of rows (design 3). A published node never changes: the first
// edit of a node for a new version copies it, further edits for the same version happen in place.
// So readers use a published root without locks, and to keep the root is to freeze a version.
//
// Row has `std::string_view ordered_key() const`, unique in the tree and ordered by memcmp, and
// RowTraits<Row> says how it is freed:
//
//   static constexpr Reclaimer::Birth kBirth;       what BirthOf counts
//   static uint64_t BirthOf(const Row&);
//   static void Free(const void* row);
//
// Thread-safety: Find() and cursors on a published root from any thread; the rest is the
// writer's. Sizes: up to 64 rows a leaf; after Insert() in ascending order leaves are full.
// Source: LMDB edits pages in place if the same transaction has made them.

template <typename Row>
class VersionedTree {
 public:
  explicit VersionedTree(Reclaimer& reclaimer) : reclaimer_(reclaimer) {}
  // Frees all nodes and rows of the newest root. No reader may be left.
  ~VersionedTree() {
    if (root_ != nullptr) FreeAll(root_);
  }
  VersionedTree(const VersionedTree&) = delete;
  VersionedTree& operator=(const VersionedTree&) = delete;

  // The writer's root: part of the next version. Null when empty.
  [[nodiscard]] const TreeNode* root() const { return root_; }

  // The row with this key below `root`, or null. `root` may be null.
  [[nodiscard]] static const Row* Find(const TreeNode* root, std::string_view key);

  [[nodiscard]] const Row* Find(std::string_view key) const { return Find(root_, key); }

  // Replaces the content by that of `other`, which becomes empty. Nodes and rows of `other` must
  // not be newer than the version published next.
  void Install(VersionedTree& other);

  // Inserts `row` and owns it. Its key must be absent.
  void Insert(const Row* row);

  // Replaces the row with the same key by `row` and owns it. That row must be present and is
  // retired.
  void Replace(const Row* row);

  // Removes the row with this key, which must be present, and retires it.
  void Remove(std::string_view key);

  // Aborts unless nodes are within their limits, rows are in order, and hints and prefixes match
  // the keys. Returns the number of rows. Takes time for all of them.
  uint64_t CheckInvariants() const;

  // Iterates over the rows below a root in order. The root must stay alive.
  class Cursor {
   public:
    // Starts at the first row whose key is not less than `from`.
    Cursor(const TreeNode* root, std::string_view from);
    [[nodiscard]] bool Valid() const { return depth_ >= 0; }
    [[nodiscard]] const Row& row() const {
      return *static_cast<const Row*>(path_[depth_].node->children[path_[depth_].index]);
    }
    void Next();
    // Whether a search for the row's key finds the way to it: what nodes say of their keys may be
    // damaged though the rows are not.
    [[nodiscard]] bool IsFound() const;

   private:
    friend class VersionedTree;
    // Climbs until there is a child at the index, then descends to the first leaf there.
    void Settle();
    struct Step {
      const TreeNode* node;
      int index;
    };
    // 64^11 rows cannot exist; underfull nodes make a tree a few levels deeper.
    std::array<Step, 16> path_;
    int depth_ = -1;
  };

 private:
  using Traits = RowTraits<Row>;
  static constexpr int kFanout = TreeNode::kFanout;
  // A node that shrinks to this is merged with a neighbour if both fit in kMergedMax. Nodes merged
  // earlier, or up to full nodes, would split again at the next insert.
  static constexpr int kUnderfull = kFanout / 4;
  static constexpr int kMergedMax = kFanout * 3 / 4;

  static const Row* RowAt(const TreeNode& leaf, int index) {
    return static_cast<const Row*>(leaf.children[index]);
  }
  // The least key below a node or of a row.
  static std::string_view KeyAt(const TreeNode& node, int index);
  // The children [first, second) whose hints equal that of `key`.
  static std::pair<int, int> EqualHints(const TreeNode& node, std::string_view key);
  // The number of children with a least key below `key`.
  static int CountBelow(const TreeNode& node, std::string_view key) {
    return CountBelow(node, key, EqualHints(node, key));
  }
  static int CountBelow(const TreeNode& node, std::string_view key, std::pair<int, int> equal);
  // The child for `key`: the last one whose least key is not above it, or the first.
  static int ChildFor(const TreeNode& node, std::string_view key);

  static void FreeAll(const TreeNode* node);
  static void FreeTree(const void* root) { FreeAll(static_cast<const TreeNode*>(root)); }

  // Checks the rows below `node`, which must be above `highest`, and sets it to the last of them.
  uint64_t CheckNode(const TreeNode& node, std::string_view* highest) const;

  [[nodiscard]] uint64_t making() const { return reclaimer_.newest().number + 1; }
  TreeNode* NewNode(int level) const;
  // `node` itself if it was made for this version, else a copy that replaces it.
  TreeNode* Editable(const TreeNode* node);
  TreeNode* EditableChild(TreeNode& parent, int index);
  void RetireNode(const TreeNode* node);
  void RetireRow(const Row* row) {
    reclaimer_.Retire(row, &Traits::Free, Traits::kBirth, Traits::BirthOf(*row));
  }

  // Sets the prefix that all least keys share, and computes all hints.
  static void Reindex(TreeNode& node);
  // Computes one hint; all of them if the key lacks the prefix.
  static void IndexChild(TreeNode& node, int index);
  static void InsertChild(TreeNode& node, int index, const void* child);
  static void RemoveChild(TreeNode& node, int index);

  // Inserts below an editable node. Returns the new right neighbour if the node was split.
  TreeNode* InsertBelow(TreeNode& node, const Row* row);
  TreeNode* Split(TreeNode& node, int index, const void* child);
  // Removes below an editable node. Returns whether the node's least key has changed.
  bool RemoveBelow(TreeNode& node, std::string_view key);
  void MergeChild(TreeNode& parent, int index);

  Reclaimer& reclaimer_;
  const TreeNode* root_ = nullptr;
};

// -- Reading --

template <typename Row>
std::string_view VersionedTree<Row>::KeyAt(const TreeNode& node, int index) {
  const TreeNode* at = &node;
  while (!at->is_leaf()) {
    at = at->child(index);
    index = 0;
  }
  return RowAt(*at, index)->ordered_key();
}

template <typename Row>
std::pair<int, int> VersionedTree<Row>::EqualHints(const TreeNode& node, std::string_view key) {
  const std::string_view prefix(node.prefix, node.prefix_bytes);
  const int order = key.substr(0, prefix.size()).compare(prefix);
  if (order < 0) return {0, 0};
  if (order > 0) return {node.count, node.count};
  const uint64_t hint = node.HintOf(key);
  const int first = node.CountHintsBelow(hint);
  int last = first;
  // One at most, unless keys share a long prefix.
  while (last != node.count && node.hints[last] == hint) ++last;
  return {first, last};
}

template <typename Row>
int VersionedTree<Row>::CountBelow(const TreeNode& node, std::string_view key,
                                   std::pair<int, int> equal) {
  auto [first, last] = equal;
  while (first < last) {
    const int middle = (first + last) / 2;
    if (KeyAt(node, middle) < key) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return first;
}

template <typename Row>
int VersionedTree<Row>::ChildFor(const TreeNode& node, std::string_view key) {
  auto [first, last] = EqualHints(node, key);
  while (first < last) {
    const int middle = (first + last) / 2;
    if (KeyAt(node, middle) <= key) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return first == 0 ? 0 : first - 1;
}

template <typename Row>
const Row* VersionedTree<Row>::Find(const TreeNode* root, std::string_view key) {
  if (root == nullptr) return nullptr;
  const TreeNode* node = root;
  while (!node->is_leaf()) {
    node = node->child(ChildFor(*node, key));
    node->Prefetch();
  }
  // Rows with different hints are not accessed: each access would wait for memory.
  const auto equal = EqualHints(*node, key);
  const int index = CountBelow(*node, key, equal);
  if (index == equal.second) return nullptr;
  const Row* row = RowAt(*node, index);
  return row->ordered_key() == key ? row : nullptr;
}

template <typename Row>
VersionedTree<Row>::Cursor::Cursor(const TreeNode* root, std::string_view from) {
  if (root == nullptr) return;
  const TreeNode* node = root;
  while (!node->is_leaf()) {
    const int index = ChildFor(*node, from);
    path_[++depth_] = {node, index};
    node = node->child(index);
  }
  path_[++depth_] = {node, CountBelow(*node, from)};
  Settle();
}

template <typename Row>
void VersionedTree<Row>::Cursor::Next() {
  Step& at = path_[depth_];
  ++at.index;
  // Rows lie anywhere in memory: a walk would wait for each.
  constexpr int kAhead = 4;
  if (at.index + kAhead < at.node->count) __builtin_prefetch(at.node->children[at.index + kAhead]);
  Settle();
}

template <typename Row>
bool VersionedTree<Row>::Cursor::IsFound() const {
  const std::string_view key = row().ordered_key();
  for (int depth = depth_; depth >= 0; --depth) {
    const auto& [node, index] = path_[depth];
    const std::string_view prefix(node->prefix, node->prefix_bytes);
    if (!key.starts_with(prefix) || node->hints[index] != node->HintOf(key)) return false;
    if (index != 0) break;  // further up the key is not the least one of a child
  }
  return true;
}

template <typename Row>
void VersionedTree<Row>::Cursor::Settle() {
  while (depth_ >= 0 && path_[depth_].index == path_[depth_].node->count) {
    if (--depth_ >= 0) ++path_[depth_].index;
  }
  while (depth_ >= 0 && !path_[depth_].node->is_leaf()) {
    const TreeNode* child = path_[depth_].node->child(path_[depth_].index);
    path_[++depth_] = {child, 0};
  }
}

// -- Writing --

template <typename Row>
TreeNode* VersionedTree<Row>::NewNode(int level) const {
  TreeNode* node = reclaimer_.nodes().Take();
  node->birth = making();
  node->count = 0;
  node->level = static_cast<uint8_t>(level);
  return node;
}

template <typename Row>
TreeNode* VersionedTree<Row>::Editable(const TreeNode* node) {
  if (node->birth == making()) return const_cast<TreeNode*>(node);  // not published yet
  TreeNode* copy = reclaimer_.nodes().Take();
  *copy = *node;
  copy->birth = making();
  RetireNode(node);
  return copy;
}

template <typename Row>
TreeNode* VersionedTree<Row>::EditableChild(TreeNode& parent, int index) {
  TreeNode* child = Editable(parent.child(index));
  parent.children[index] = child;
  return child;
}

template <typename Row>
void VersionedTree<Row>::RetireNode(const TreeNode* node) {
  if (node->birth == making()) {
    reclaimer_.nodes().Give(node);
  } else {
    reclaimer_.Retire(node);
  }
}

template <typename Row>
void VersionedTree<Row>::FreeAll(const TreeNode* node) {
  for (int i = 0; i < node->count; ++i) {
    if (node->is_leaf()) {
      Traits::Free(node->children[i]);
    } else {
      FreeAll(node->child(i));  // as deep as the tree is high
    }
  }
  delete node;
}

template <typename Row>
void VersionedTree<Row>::Install(VersionedTree& other) {
  // Retired as one object, which any view older than the next version may reach.
  if (root_ != nullptr) reclaimer_.Retire(root_, &FreeTree, Reclaimer::Birth::kVersion, 0);
  root_ = std::exchange(other.root_, nullptr);
}

template <typename Row>
void VersionedTree<Row>::Reindex(TreeNode& node) {
  const std::string_view first = KeyAt(node, 0);
  const std::string_view last = KeyAt(node, node.count - 1);
  const size_t longest = std::min({first.size(), last.size(), TreeNode::kPrefixMax});
  size_t common = 0;
  while (common < longest && first[common] == last[common]) ++common;
  node.prefix_bytes = static_cast<uint8_t>(common);
  first.copy(node.prefix, common);
  for (int i = 0; i < node.count; ++i) node.hints[i] = node.HintOf(KeyAt(node, i));
}

template <typename Row>
void VersionedTree<Row>::IndexChild(TreeNode& node, int index) {
  const std::string_view key = KeyAt(node, index);
  if (key.starts_with(std::string_view(node.prefix, node.prefix_bytes))) {
    node.hints[index] = node.HintOf(key);
  } else {
    Reindex(node);
  }
}

template <typename Row>
void VersionedTree<Row>::InsertChild(TreeNode& node, int index, const void* child) {
  std::copy_backward(node.hints + index, node.hints + node.count, node.hints + node.count + 1);
  std::copy_backward(node.children + index, node.children + node.count,
                     node.children + node.count + 1);
  node.children[index] = child;
  ++node.count;
  if (node.count == 1) {
    Reindex(node);
  } else {
    IndexChild(node, index);
  }
}

template <typename Row>
void VersionedTree<Row>::RemoveChild(TreeNode& node, int index) {
  std::copy(node.hints + index + 1, node.hints + node.count, node.hints + index);
  std::copy(node.children + index + 1, node.children + node.count, node.children + index);
  --node.count;
}

template <typename Row>
void VersionedTree<Row>::Insert(const Row* row) {
  if (root_ == nullptr) root_ = NewNode(0);
  TreeNode* root = Editable(root_);
  root_ = root;
  TreeNode* right = InsertBelow(*root, row);
  if (right == nullptr) return;
  TreeNode* above = NewNode(root->level + 1);
  above->children[0] = root;
  above->children[1] = right;
  above->count = 2;
  Reindex(*above);
  root_ = above;
}

template <typename Row>
TreeNode* VersionedTree<Row>::InsertBelow(TreeNode& node, const Row* row) {
  if (node.is_leaf()) {
    const int index = CountBelow(node, row->ordered_key());
    if (node.count == kFanout) return Split(node, index, row);
    InsertChild(node, index, row);
    return nullptr;
  }
  const int index = ChildFor(node, row->ordered_key());
  TreeNode* right = InsertBelow(*EditableChild(node, index), row);
  if (index == 0) IndexChild(node, 0);  // only the first child's least key may be lower now
  if (right == nullptr) return nullptr;
  if (node.count == kFanout) return Split(node, index + 1, right);
  InsertChild(node, index + 1, right);
  return nullptr;
}

template <typename Row>
TreeNode* VersionedTree<Row>::Split(TreeNode& node, int index, const void* child) {
  TreeNode* right = NewNode(node.level);
  if (index == kFanout) {  // ascending keys leave full nodes behind
    InsertChild(*right, 0, child);
    return right;
  }
  constexpr int kKept = kFanout / 2;
  std::copy(node.children + kKept, node.children + kFanout, right->children);
  right->count = kFanout - kKept;
  node.count = kKept;
  Reindex(node);
  Reindex(*right);
  if (index <= kKept) {
    InsertChild(node, index, child);
  } else {
    InsertChild(*right, index - kKept, child);
  }
  return right;
}

template <typename Row>
void VersionedTree<Row>::Replace(const Row* row) {
  TreeNode* node = Editable(root_);
  root_ = node;
  while (!node->is_leaf()) {
    // The least keys stay the same, and so do the hints.
    node = EditableChild(*node, ChildFor(*node, row->ordered_key()));
  }
  const int index = CountBelow(*node, row->ordered_key());
  TRIPLA_CHECK(index < node->count && RowAt(*node, index)->ordered_key() == row->ordered_key(),
               "only a present row can be replaced");
  RetireRow(RowAt(*node, index));
  node->children[index] = row;
}

template <typename Row>
void VersionedTree<Row>::Remove(std::string_view key) {
  TreeNode* root = Editable(root_);
  root_ = root;
  RemoveBelow(*root, key);
  while (!root_->is_leaf() && root_->count == 1) {
    const TreeNode* only = root_->child(0);
    RetireNode(root_);
    root_ = only;
  }
  if (root_->count == 0) {
    RetireNode(root_);
    root_ = nullptr;
  }
}

template <typename Row>
bool VersionedTree<Row>::RemoveBelow(TreeNode& node, std::string_view key) {
  if (node.is_leaf()) {
    const int index = CountBelow(node, key);
    TRIPLA_CHECK(index < node.count && RowAt(node, index)->ordered_key() == key,
                 "only a present row can be removed");
    RetireRow(RowAt(node, index));
    RemoveChild(node, index);
    return index == 0;
  }
  const int index = ChildFor(node, key);
  TreeNode* child = EditableChild(node, index);
  const bool least_changed = RemoveBelow(*child, key);
  if (child->count == 0) {
    RetireNode(child);
    RemoveChild(node, index);
  } else {
    if (least_changed) IndexChild(node, index);
    if (child->count <= kUnderfull) MergeChild(node, index);
  }
  return least_changed && index == 0;
}

template <typename Row>
void VersionedTree<Row>::MergeChild(TreeNode& parent, int index) {
  const int left = index + 1 < parent.count ? index : index - 1;
  if (left < 0) return;
  const TreeNode* from = parent.child(left + 1);
  if (parent.child(left)->count + from->count > kMergedMax) return;
  TreeNode* into = EditableChild(parent, left);
  std::copy(from->children, from->children + from->count, into->children + into->count);
  into->count = static_cast<uint16_t>(into->count + from->count);
  Reindex(*into);
  RetireNode(from);
  RemoveChild(parent, left + 1);
}

// -- Checking --

template <typename Row>
uint64_t VersionedTree<Row>::CheckInvariants() const {
  std::string_view highest;
  return root_ == nullptr ? 0 : CheckNode(*root_, &highest);
}

template <typename Row>
uint64_t VersionedTree<Row>::CheckNode(const TreeNode& node, std::string_view* highest) const {
  TRIPLA_CHECK(node.count > 0 && node.count <= kFanout, "a node has children, and not too many");
  TRIPLA_CHECK(node.birth <= making(), "no node is from later than the version in the making");
  const std::string_view prefix(node.prefix, node.prefix_bytes);
  uint64_t rows = 0;
  for (int i = 0; i < node.count; ++i) {
    const std::string_view least = KeyAt(node, i);
    const bool first = highest->data() == nullptr;
    TRIPLA_CHECK(first || *highest < least, "rows are in order, each key is there once");
    TRIPLA_CHECK(least.starts_with(prefix), "all least keys begin with the prefix");
    TRIPLA_CHECK(node.hints[i] == node.HintOf(least), "hints are those of the least keys");
    if (node.is_leaf()) {
      *highest = least;
      ++rows;
    } else {
      TRIPLA_CHECK(node.child(i)->level + 1 == node.level, "all leaves have the same depth");
      TRIPLA_CHECK(node.child(i)->birth <= node.birth, "an edit copies all nodes above it");
      rows += CheckNode(*node.child(i), highest);
    }
  }
  return rows;
}

}  // namespace tripla
