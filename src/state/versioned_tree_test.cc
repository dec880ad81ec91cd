// SPDX-License-Identifier: Apache-2.0
#include "state/versioned_tree.h"

#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "state/entry_tree.h"

namespace tripla {
namespace {

using Model = std::map<std::string, uint64_t>;  // key → revision

// A tree with its reclaimer, published after each batch of edits.
class TestedTree {
 public:
  void Put(const std::string& key) {
    EntryRef entry = Entry::Create({.version = 1, .revision = ++revision_}, key, "data");
    if (tree_.Find(key) != nullptr) {
      tree_.Replace(std::move(entry).Release());
    } else {
      tree_.Insert(std::move(entry).Release());
    }
    model_[key] = revision_;
  }
  void Remove(const std::string& key) {
    tree_.Remove(key);
    ++revision_;
    model_.erase(key);
  }
  void Publish() {
    auto version = std::make_unique<Version>();
    version->entries = tree_.root();
    version->summary.revision = revision_;
    reclaimer_.Publish(std::move(version));
  }
  const Model& model() const { return model_; }
  const TreeNode* root() const { return tree_.root(); }
  Reclaimer& reclaimer() { return reclaimer_; }

 private:
  Reclaimer reclaimer_{std::make_unique<Version>()};
  EntryTree tree_{reclaimer_};
  Model model_;
  uint64_t revision_ = 0;
};

// Checks that nodes are in order, within their limits, of one depth, and have correct hints.
void CheckNode(const TreeNode& node, std::vector<std::string_view>& keys) {
  ASSERT_GT(node.count, 0);
  ASSERT_LE(node.count, TreeNode::kFanout);
  for (int i = 0; i < node.count; ++i) {
    const size_t first = keys.size();
    if (node.is_leaf()) {
      keys.push_back(static_cast<const Entry*>(node.children[i])->ordered_key());
    } else {
      ASSERT_EQ(node.child(i)->level + 1, node.level);
      ASSERT_NO_FATAL_FAILURE(CheckNode(*node.child(i), keys));
    }
    const std::string_view least = keys[first];
    ASSERT_TRUE(least.starts_with(std::string_view(node.prefix, node.prefix_bytes)));
    ASSERT_EQ(node.hints[i], node.HintOf(least));
  }
}

void CheckContent(const TreeNode* root, const Model& model) {
  std::vector<std::string_view> keys;
  if (root != nullptr) {
    ASSERT_NO_FATAL_FAILURE(CheckNode(*root, keys));
  }
  ASSERT_EQ(keys.size(), model.size());
  EntryTree::Cursor cursor(root, "");
  for (const auto& [key, revision] : model) {
    ASSERT_TRUE(cursor.Valid());
    ASSERT_EQ(cursor.row().ordered_key(), key);
    ASSERT_EQ(cursor.row().revision(), revision);
    cursor.Next();
    const Entry* found = EntryTree::Find(root, key);
    ASSERT_TRUE(found != nullptr && found->revision() == revision);
    ASSERT_EQ(EntryTree::Find(root, key + "\x01"), nullptr);
  }
  ASSERT_FALSE(cursor.Valid());
}

// Keys that are difficult for prefixes and hints.
std::string RandomKey(std::mt19937_64& random) {
  const std::string number = std::to_string(random() % 400);
  switch (random() % 4) {
    case 0:
      return number;
    case 1:
      return std::string(40, 'p') + number;  // alike beyond every prefix and hint
    case 2:
      return std::string(random() % 12, '\0');  // prefixes of one another, and the empty key
    default:
      return std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff") + number;
  }
}

// The keys at which a walk says that a search would miss them.
size_t CountNotFound(const TreeNode* root) {
  size_t missed = 0;
  for (EntryTree::Cursor cursor(root, ""); cursor.Valid(); cursor.Next()) {
    missed += cursor.IsFound() ? 0 : 1;
  }
  return missed;
}

TEST(VersionedTree, C6_AWalkSeesWhatSearchesMissSinceANodeWasDamaged) {
  TestedTree tree;
  for (int i = 0; i < 10'000; ++i) tree.Put("key " + std::to_string(10'000 + i));
  tree.Publish();
  EXPECT_EQ(CountNotFound(tree.root()), 0u);
  int level = 0;
  for (const TreeNode* node = tree.root();; node = node->child(node->count / 2)) {
    auto& damaged = const_cast<TreeNode&>(*node);
    uint64_t& hint = damaged.hints[node->count / 2];
    hint ^= uint64_t{1} << 40;
    EXPECT_EQ(CountNotFound(tree.root()), 1u) << level;
    hint ^= uint64_t{1} << 40;
    damaged.prefix[0] ^= 1;
    EXPECT_GT(CountNotFound(tree.root()), 0u) << level;
    damaged.prefix[0] ^= 1;
    ++level;
    if (node->is_leaf()) break;
  }
  EXPECT_GT(level, 2);
  EXPECT_EQ(CountNotFound(tree.root()), 0u);
}

TEST(VersionedTree, AgreesWithAModelThroughRandomEditsAndFrozenVersions) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  TestedTree tree;
  struct Frozen {
    VersionPins::Pin pin;
    Model model;
  };
  std::vector<Frozen> frozen;
  for (int batch = 0; batch < 3000; ++batch) {
    // Phases of growth and of decline, so that nodes split and merge.
    const bool growing = batch / 300 % 2 == 0;
    for (uint64_t i = random() % 20; i > 0; --i) {
      const std::string key = RandomKey(random);
      const bool present = tree.model().contains(key);
      if (present && (!growing || random() % 8 == 0)) {
        tree.Remove(key);
      } else if (growing || random() % 16 == 0) {
        tree.Put(key);
      }
    }
    tree.Publish();
    if (random() % 30 == 0) frozen.push_back({tree.reclaimer().Pin(), tree.model()});
    if (!frozen.empty() && random() % 30 == 0) {
      const size_t victim = random() % frozen.size();
      ASSERT_NO_FATAL_FAILURE(CheckContent(frozen[victim].pin->entries, frozen[victim].model));
      std::swap(frozen[victim], frozen.back());
      frozen.pop_back();
    }
    if (batch % 50 == 0) {
      ASSERT_NO_FATAL_FAILURE(CheckContent(tree.root(), tree.model()));
    }
  }
  for (const Frozen& each : frozen) {
    ASSERT_NO_FATAL_FAILURE(CheckContent(each.pin->entries, each.model));
  }
}

TEST(VersionedTree, FreesEverythingOnceNoVersionIsPinned) {
  TestedTree tree;
  for (int i = 0; i < 5000; ++i) tree.Put(std::to_string(i));
  tree.Publish();
  {
    const VersionPins::Pin pin = tree.reclaimer().Pin();
    for (int i = 0; i < 5000; ++i) {
      tree.Put(std::to_string(i));
      tree.Publish();
    }
    EXPECT_GE(tree.reclaimer().waiting(), 5000u);
  }
  for (int i = 0; tree.reclaimer().waiting() != 0; ++i) {
    ASSERT_LT(i, 1000) << "the backlog does not shrink";
    tree.Publish();
  }
}

TEST(VersionedTree, AViewHoldsOnlyWhatItReaches) {
  TestedTree tree;
  for (int i = 0; i < 100; ++i) tree.Put(std::to_string(i));
  tree.Publish();
  const VersionPins::Pin pin = tree.reclaimer().Pin();
  for (int i = 0; i < 10'000; ++i) {
    tree.Put("7");
    tree.Publish();
  }
  EXPECT_LT(tree.reclaimer().waiting(), 20u) << "values that no view can see are kept";
}

TEST(VersionedTree, MassDeletionGivesNodesBack) {
  TestedTree tree;
  for (int i = 0; i < 10'000; ++i) tree.Put(std::to_string(i));
  tree.Publish();
  for (int i = 0; i < 10'000; ++i) {
    if (i % 100 != 0) tree.Remove(std::to_string(i));
  }
  tree.Publish();
  ASSERT_NO_FATAL_FAILURE(CheckContent(tree.root(), tree.model()));
  EXPECT_LE(tree.root()->level, 1) << "100 rows are spread over a tall tree";
}

TEST(VersionedTree, AscendingInsertsFillLeaves) {
  TestedTree tree;
  for (int i = 10'000; i < 20'000; ++i) tree.Put(std::to_string(i));
  int leaves = 0;
  for (int i = 0; i < tree.root()->count; ++i) leaves += tree.root()->child(i)->count;
  ASSERT_EQ(tree.root()->level, 2);
  EXPECT_LE(leaves, 10'000 / TreeNode::kFanout + 1);
}

TEST(VersionedTree, ACursorBeginsAtTheFirstKeyNotBelow) {
  TestedTree tree;
  for (int i = 1000; i < 9000; i += 2) tree.Put(std::to_string(i));
  for (int i = 1001; i < 8999; i += 97) {
    const EntryTree::Cursor cursor(tree.root(), std::to_string(i));
    ASSERT_TRUE(cursor.Valid());
    EXPECT_EQ(cursor.row().ordered_key(), std::to_string(i + i % 2));
  }
  EXPECT_FALSE(EntryTree::Cursor(tree.root(), "9").Valid());
}

TEST(VersionPins, MorePinsThanSlotsAreGiven) {
  TestedTree tree;
  tree.Put("1");
  tree.Publish();
  std::vector<VersionPins::Pin> pins;
  for (int i = 0; i < 200; ++i) pins.push_back(tree.reclaimer().Pin());
  tree.Put("1");
  tree.Publish();
  for (const VersionPins::Pin& pin : pins) EXPECT_EQ(pin->summary.revision, 1u);
}

}  // namespace
}  // namespace tripla
