// btree.c - nodes of 64 entries; leaves are linked.
//
//            | child 0 | e1, child 1 | e2, child 2 | ...       e_i is the least entry below child i
//                |            |
//   first -> | entries | -> | entries | -> ...
//
// A separator is always an entry that is in the tree (its row bytes may be needed to settle a tie),
// so removing the least entry of a subtree rewrites the separator above it. Leaves that become
// empty go; a leaf that becomes small joins its right neighbour under the same parent. A split at
// the right end moves nothing, so that rows that arrive in key order fill their leaves.
//
// Different keys are counted as entries come and go: equal keys lie together, so an entry's neighbours
// tell whether it is the only one of its key.
#include "store/btree.h"

#include <stdlib.h>

#define NODE_ENTRIES 64u
// A leaf with fewer entries looks for a neighbour to join.
#define LEAF_ENTRIES_FEW (NODE_ENTRIES / 4)
// What joined leaves may hold: room for insertions to come.
#define LEAF_ENTRIES_JOINED (NODE_ENTRIES / 4 * 3)
#define HEIGHT_MAX 16u

struct BtreeNode {
    uint32_t count;  // entries of a leaf, children of an inner node
    bool is_leaf;
    BtreeNode *next;              // leaf: the one to the right
    BtreeNode *previous;          // leaf: the one to the left
    uint64_t keys[NODE_ENTRIES];  // inner: of separators, the first is not used
    uint64_t ids[NODE_ENTRIES];
    BtreeNode *children[];  // inner: NODE_ENTRIES
};

typedef struct PathStep {
    BtreeNode *node;
    uint32_t at;  // child taken
} PathStep;

typedef struct Path {
    PathStep steps[HEIGHT_MAX];
    uint32_t count;
} Path;

static BtreeNode *node_create(Btree *tree, bool is_leaf);
static void node_free(Btree *tree, BtreeNode *node);
static void node_free_all(Btree *tree, BtreeNode *node);
static int entry_compare(const Btree *tree, const BtreeNode *node, uint32_t at, BtreeEntry entry,
                         const uint8_t *row);
static uint32_t node_position(const Btree *tree, const BtreeNode *node, uint32_t from,
                              BtreeEntry entry, const uint8_t *row);
static BtreeNode *tree_descend(const Btree *tree, BtreeEntry entry, const uint8_t *row, Path *path);
static void node_insert(BtreeNode *node, uint32_t at, BtreeEntry entry, BtreeNode *child);
static void node_erase(BtreeNode *node, uint32_t at);
static BtreeNode *node_split(Btree *tree, BtreeNode *node, uint32_t at);
static void tree_add_separator(Btree *tree, Path *path, BtreeEntry entry, BtreeNode *child);
static void tree_set_separator(const Path *path, BtreeEntry entry);
static void tree_unlink_leaf(Btree *tree, Path *path, BtreeNode *leaf);
static void tree_remove_child(Btree *tree, Path *path);
static void tree_join_leaf(Btree *tree, Path *path, BtreeNode *leaf);
static bool leaf_has_key_at(const Btree *tree, const BtreeNode *leaf, uint32_t at, uint64_t key,
                            const uint8_t *row);
static bool key_is_alone(const Btree *tree, const BtreeNode *leaf, uint32_t at, uint64_t key,
                         const uint8_t *row);
static bool bound_is_after(const Btree *tree, const KeyBound *bound, uint64_t key, uint64_t id);
static int sort_compare(const void *a, const void *b, void *user);
static uint64_t node_check(const Btree *tree, const BtreeNode *node, uint32_t height,
                           BtreeEntry *ret_least);

void btree_init(Btree *tree, const KeySpec *spec, BytesOfRow bytes_of_row, const void *user) {
    ASSERT(spec != NULL && bytes_of_row != NULL);
    *tree = (Btree){.spec = spec, .bytes_of_row = bytes_of_row, .user = user, .height = 1};
    tree->root = node_create(tree, true);
    tree->first = tree->root;
}

void btree_done(Btree *tree) {
    if (tree->root == NULL) return;
    node_free_all(tree, tree->root);
    ASSERT(tree->bytes == 0);
    tree->root = NULL;
    tree->first = NULL;
}

void btree_clear(Btree *tree) {
    ASSERT(tree->root != NULL);
    btree_done(tree);
    btree_init(tree, tree->spec, tree->bytes_of_row, tree->user);
}

void btree_build(Btree *tree, BtreeEntry *entries, uint64_t count) {
    ASSERT(entries != NULL || count == 0);
    ASSERT(tree->count == 0);
    bool is_sorted = true;
    for (uint64_t i = 1; i < count && is_sorted; i++) {
        is_sorted = sort_compare(&entries[i - 1], &entries[i], tree) < 0;
    }
    if (!is_sorted) qsort_r(entries, count, sizeof *entries, sort_compare, tree);
    for (uint64_t i = 0; i < count; i++) {
        btree_insert(tree, entries[i], tree->bytes_of_row(tree->user, entries[i].id));
    }
    ASSERT(tree->count == count);
}

void btree_insert(Btree *tree, BtreeEntry entry, const uint8_t *row) {
    ASSERT(tree->root != NULL && row != NULL);
    Path path;
    BtreeNode *leaf = tree_descend(tree, entry, row, &path);
    uint32_t at = node_position(tree, leaf, 0, entry, row);
    if (at < leaf->count) ASSERT(leaf->keys[at] != entry.key || leaf->ids[at] != entry.id);
    if (key_is_alone(tree, leaf, at, entry.key, row)) tree->key_count++;
    if (leaf->count == NODE_ENTRIES) {
        BtreeNode *right = node_split(tree, leaf, at);
        right->next = leaf->next;
        right->previous = leaf;
        if (right->next != NULL) right->next->previous = right;
        leaf->next = right;
        if (right->count == 0) {
            node_insert(right, 0, entry, NULL);
        } else if (at > leaf->count) {
            node_insert(right, at - leaf->count, entry, NULL);
        } else {
            node_insert(leaf, at, entry, NULL);
        }
        tree_add_separator(tree, &path, (BtreeEntry){right->keys[0], right->ids[0]}, right);
    } else {
        node_insert(leaf, at, entry, NULL);
    }
    tree->count++;
}

void btree_remove(Btree *tree, BtreeEntry entry, const uint8_t *row) {
    ASSERT(tree->count > 0);
    Path path;
    BtreeNode *leaf = tree_descend(tree, entry, row, &path);
    uint32_t at = node_position(tree, leaf, 0, entry, row);
    ASSERT(at < leaf->count);
    ASSERT(leaf->keys[at] == entry.key && leaf->ids[at] == entry.id);
    node_erase(leaf, at);
    tree->count--;
    if (key_is_alone(tree, leaf, at, entry.key, row)) tree->key_count--;
    ASSERT(tree->key_count <= tree->count);
    if (leaf->count == 0) {
        if (leaf != tree->root) tree_unlink_leaf(tree, &path, leaf);
        return;
    }
    if (at == 0) tree_set_separator(&path, (BtreeEntry){leaf->keys[0], leaf->ids[0]});
    if (leaf->count < LEAF_ENTRIES_FEW) tree_join_leaf(tree, &path, leaf);
}

BtreePlace btree_seek(const Btree *tree, const KeyBound *bound) {
    ASSERT(bound->spec == tree->spec);
    ASSERT(bound->low <= bound->high);
    const BtreeNode *node = tree->root;
    while (!node->is_leaf) {
        // The last child whose least entry is before the bound: the first one is taken to be.
        uint32_t low = 1;
        uint32_t high = node->count;
        while (low < high) {
            uint32_t middle = (low + high) / 2;
            if (bound_is_after(tree, bound, node->keys[middle], node->ids[middle])) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        node = node->children[low - 1];
    }
    uint32_t low = 0;
    uint32_t high = node->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (bound_is_after(tree, bound, node->keys[middle], node->ids[middle])) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < node->count) return (BtreePlace){node, low};
    return (BtreePlace){node->next, 0};
}

BtreeEntry btree_entry(BtreePlace place) {
    ASSERT(place.leaf != NULL && place.at < place.leaf->count);
    return (BtreeEntry){place.leaf->keys[place.at], place.leaf->ids[place.at]};
}

BtreePlace btree_next(BtreePlace place) {
    ASSERT(place.leaf != NULL && place.at < place.leaf->count);
    if (place.at + 1 < place.leaf->count) return (BtreePlace){place.leaf, place.at + 1};
    return (BtreePlace){place.leaf->next, 0};
}

BtreePlace btree_previous(const Btree *tree, BtreePlace place) {
    ASSERT(tree->count > 0);
    if (place.leaf != NULL && place.at > 0) return (BtreePlace){place.leaf, place.at - 1};
    const BtreeNode *leaf = place.leaf != NULL ? place.leaf->previous : tree->root;
    ASSERT(leaf != NULL);
    while (!leaf->is_leaf) leaf = leaf->children[leaf->count - 1];
    ASSERT(leaf->count > 0);
    return (BtreePlace){leaf, leaf->count - 1};
}

void btree_check(const Btree *tree) {
    ASSERT(tree->root != NULL && tree->first != NULL);
    ASSERT(tree->first->is_leaf);
    BtreeEntry least = {0, 0};
    uint64_t count = node_check(tree, tree->root, tree->height, &least);
    ASSERT(count == tree->count);
    uint64_t linked = 0;
    uint64_t keys = 0;
    ASSERT(tree->first->previous == NULL);
    for (const BtreeNode *leaf = tree->first; leaf != NULL; leaf = leaf->next) {
        linked += leaf->count;
        if (leaf->next == NULL) continue;
        ASSERT(leaf->count > 0 && leaf->next->count > 0);
        ASSERT(leaf->next->previous == leaf);
    }
    ASSERT(linked == count);
    for (const BtreeNode *leaf = tree->first; leaf != NULL; leaf = leaf->next) {
        for (uint32_t i = 0; i < leaf->count; i++) {
            const uint8_t *row = tree->bytes_of_row(tree->user, leaf->ids[i]);
            const BtreeNode *before = i > 0 ? leaf : leaf->previous;
            if (before == NULL) keys++;
            if (before == NULL) continue;
            uint32_t last = (i > 0 ? i : before->count) - 1;
            if (!leaf_has_key_at(tree, before, last, leaf->keys[i], row)) keys++;
        }
    }
    ASSERT(keys == tree->key_count);
}

// ---- nodes ----

static size_t node_bytes(bool is_leaf) {
    return sizeof(BtreeNode) + (is_leaf ? 0 : sizeof(BtreeNode *) * NODE_ENTRIES);
}

static BtreeNode *node_create(Btree *tree, bool is_leaf) {
    BtreeNode *node = mem_alloc(node_bytes(is_leaf));
    node->count = 0;
    node->is_leaf = is_leaf;
    node->next = NULL;
    node->previous = NULL;
    tree->bytes += node_bytes(is_leaf);
    return node;
}

static void node_free(Btree *tree, BtreeNode *node) {
    ASSERT(tree->bytes >= node_bytes(node->is_leaf));
    tree->bytes -= node_bytes(node->is_leaf);
    mem_free(node);
}

// Recursion is at most HEIGHT_MAX deep.
static void node_free_all(Btree *tree, BtreeNode *node) {
    ASSERT(node->count <= NODE_ENTRIES);
    if (!node->is_leaf) {
        for (uint32_t i = 0; i < node->count; i++) node_free_all(tree, node->children[i]);
    }
    node_free(tree, node);
}

// The entry in the node against the one asked for.
static int entry_compare(const Btree *tree, const BtreeNode *node, uint32_t at, BtreeEntry entry,
                         const uint8_t *row) {
    ASSERT(at < node->count);
    if (node->keys[at] != entry.key) return node->keys[at] < entry.key ? -1 : 1;
    if (node->ids[at] == entry.id) return 0;
    if (!key_is_exact(tree->spec)) {
        const uint8_t *there = tree->bytes_of_row(tree->user, node->ids[at]);
        int order = key_compare_rows(tree->spec, there, row);
        if (order != 0) return order;
    }
    return node->ids[at] < entry.id ? -1 : 1;
}

// The first place from `from` on whose entry is not less.
static uint32_t node_position(const Btree *tree, const BtreeNode *node, uint32_t from,
                              BtreeEntry entry, const uint8_t *row) {
    ASSERT(from <= node->count || node->count == 0);
    uint32_t low = from;
    uint32_t high = node->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (entry_compare(tree, node, middle, entry, row) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static BtreeNode *tree_descend(const Btree *tree, BtreeEntry entry, const uint8_t *row,
                               Path *path) {
    BtreeNode *node = tree->root;
    path->count = 0;
    while (!node->is_leaf) {
        ASSERT(path->count < HEIGHT_MAX);
        uint32_t at = node_position(tree, node, 1, entry, row);
        bool is_separator = at < node->count && node->keys[at] == entry.key &&
                            node->ids[at] == entry.id;
        if (!is_separator) at--;
        path->steps[path->count++] = (PathStep){node, at};
        node = node->children[at];
    }
    ASSERT(path->count + 1 == tree->height);
    return node;
}

static void node_insert(BtreeNode *node, uint32_t at, BtreeEntry entry, BtreeNode *child) {
    ASSERT(node->count < NODE_ENTRIES && at <= node->count);
    ASSERT(node->is_leaf == (child == NULL));
    uint32_t moved = node->count - at;
    memmove(&node->keys[at + 1], &node->keys[at], moved * sizeof node->keys[0]);
    memmove(&node->ids[at + 1], &node->ids[at], moved * sizeof node->ids[0]);
    node->keys[at] = entry.key;
    node->ids[at] = entry.id;
    if (child != NULL) {
        memmove(&node->children[at + 1], &node->children[at], moved * sizeof node->children[0]);
        node->children[at] = child;
    }
    node->count++;
}

static void node_erase(BtreeNode *node, uint32_t at) {
    ASSERT(at < node->count);
    uint32_t moved = node->count - at - 1;
    memmove(&node->keys[at], &node->keys[at + 1], moved * sizeof node->keys[0]);
    memmove(&node->ids[at], &node->ids[at + 1], moved * sizeof node->ids[0]);
    if (!node->is_leaf) {
        memmove(&node->children[at], &node->children[at + 1], moved * sizeof node->children[0]);
    }
    node->count--;
}

// A new right neighbour with the upper half of a full node; with nothing, if the insertion that
// makes the split necessary is at the right end.
static BtreeNode *node_split(Btree *tree, BtreeNode *node, uint32_t at) {
    ASSERT(at <= NODE_ENTRIES);
    ASSERT(node->count == NODE_ENTRIES);
    BtreeNode *right = node_create(tree, node->is_leaf);
    bool is_append = at == NODE_ENTRIES && (!node->is_leaf || node->next == NULL);
    uint32_t kept = is_append ? NODE_ENTRIES : NODE_ENTRIES / 2;
    uint32_t moved = NODE_ENTRIES - kept;
    memcpy(right->keys, &node->keys[kept], moved * sizeof node->keys[0]);
    memcpy(right->ids, &node->ids[kept], moved * sizeof node->ids[0]);
    if (!node->is_leaf) {
        memcpy(right->children, &node->children[kept], moved * sizeof node->children[0]);
    }
    right->count = moved;
    node->count = kept;
    return right;
}

// ---- changes above the leaves ----

// `child` is the new right neighbour of the node that the path ends at.
static void tree_add_separator(Btree *tree, Path *path, BtreeEntry entry, BtreeNode *child) {
    ASSERT(child != NULL && child->count > 0);
    while (path->count > 0) {
        PathStep step = path->steps[--path->count];
        uint32_t at = step.at + 1;
        if (step.node->count < NODE_ENTRIES) {
            node_insert(step.node, at, entry, child);
            return;
        }
        BtreeNode *right = node_split(tree, step.node, at);
        if (at > step.node->count || right->count == 0) {
            node_insert(right, at - step.node->count, entry, child);
        } else {
            node_insert(step.node, at, entry, child);
        }
        entry = (BtreeEntry){right->keys[0], right->ids[0]};
        child = right;
    }
    BtreeNode *root = node_create(tree, false);
    node_insert(root, 0, (BtreeEntry){0, 0}, tree->root);
    node_insert(root, 1, entry, child);
    tree->root = root;
    tree->height++;
    ASSERT(tree->height <= HEIGHT_MAX);
}

// The least entry of the leaf that the path ends at is now this one.
static void tree_set_separator(const Path *path, BtreeEntry entry) {
    ASSERT(path->count <= HEIGHT_MAX);
    for (uint32_t i = path->count; i > 0; i--) {
        PathStep step = path->steps[i - 1];
        if (step.at == 0) continue;
        step.node->keys[step.at] = entry.key;
        step.node->ids[step.at] = entry.id;
        return;
    }
}

static void tree_unlink_leaf(Btree *tree, Path *path, BtreeNode *leaf) {
    ASSERT(leaf->is_leaf && leaf != tree->root);
    ASSERT(leaf->count == 0 && path->count > 0);
    BtreeNode *before = leaf->previous;
    if (before == NULL) {
        ASSERT(tree->first == leaf);
        tree->first = leaf->next;
    } else {
        ASSERT(before->next == leaf);
        before->next = leaf->next;
    }
    if (leaf->next != NULL) leaf->next->previous = before;
    node_free(tree, leaf);
    tree_remove_child(tree, path);
}

// The child that the path ends at is gone.
static void tree_remove_child(Btree *tree, Path *path) {
    ASSERT(!tree->root->is_leaf);
    ASSERT(path->count > 0);
    PathStep step = path->steps[--path->count];
    BtreeNode *node = step.node;
    node_erase(node, step.at);
    if (node->count == 0) {
        ASSERT(node != tree->root);
        node_free(tree, node);
        tree_remove_child(tree, path);
        return;
    }
    // The separator of what is now the first child is the least entry of the whole node.
    if (step.at == 0) tree_set_separator(path, (BtreeEntry){node->keys[0], node->ids[0]});
    while (!tree->root->is_leaf && tree->root->count == 1) {
        BtreeNode *root = tree->root;
        tree->root = root->children[0];
        tree->height--;
        node_free(tree, root);
    }
}

static void tree_join_leaf(Btree *tree, Path *path, BtreeNode *leaf) {
    ASSERT(leaf->is_leaf && leaf->count > 0);
    if (path->count == 0) return;
    PathStep step = path->steps[path->count - 1];
    if (step.at + 1 >= step.node->count) return;
    BtreeNode *right = step.node->children[step.at + 1];
    if (leaf->count + right->count > LEAF_ENTRIES_JOINED) return;
    ASSERT(leaf->next == right);
    memcpy(&leaf->keys[leaf->count], right->keys, right->count * sizeof right->keys[0]);
    memcpy(&leaf->ids[leaf->count], right->ids, right->count * sizeof right->ids[0]);
    leaf->count += right->count;
    leaf->next = right->next;
    if (leaf->next != NULL) leaf->next->previous = leaf;
    node_free(tree, right);
    path->steps[path->count - 1].at++;
    tree_remove_child(tree, path);
}

// ---- different keys ----

static bool leaf_has_key_at(const Btree *tree, const BtreeNode *leaf, uint32_t at, uint64_t key,
                            const uint8_t *row) {
    ASSERT(at < leaf->count);
    if (leaf->keys[at] != key) return false;
    if (key_is_exact(tree->spec)) return true;
    return key_compare_rows(tree->spec, tree->bytes_of_row(tree->user, leaf->ids[at]), row) == 0;
}

// No entry to the left or to the right of a place has the key, whose own entry is not in the tree: not
// yet, or no longer.
static bool key_is_alone(const Btree *tree, const BtreeNode *leaf, uint32_t at, uint64_t key,
                         const uint8_t *row) {
    ASSERT(leaf->is_leaf && at <= leaf->count);
    const BtreeNode *left = at > 0 ? leaf : leaf->previous;
    if (left != NULL) {
        uint32_t last = (at > 0 ? at : left->count) - 1;
        if (leaf_has_key_at(tree, left, last, key, row)) return false;
    }
    const BtreeNode *right = at < leaf->count ? leaf : leaf->next;
    uint32_t first = at < leaf->count ? at : 0;
    return right == NULL || !leaf_has_key_at(tree, right, first, key, row);
}

// ---- order ----

// The entry lies before the bound.
static bool bound_is_after(const Btree *tree, const KeyBound *bound, uint64_t key, uint64_t id) {
    if (key < bound->low) return true;
    if (key > bound->high) return false;
    const uint8_t *row = bound->needs_tie ? tree->bytes_of_row(tree->user, id) : NULL;
    return key_bound_is_before(bound, row);
}

static int sort_compare(const void *a, const void *b, void *user) {
    const Btree *tree = user;
    const BtreeEntry *left = a;
    const BtreeEntry *right = b;
    if (left->key != right->key) return left->key < right->key ? -1 : 1;
    if (!key_is_exact(tree->spec)) {
        int order = key_compare_rows(tree->spec, tree->bytes_of_row(tree->user, left->id),
                                     tree->bytes_of_row(tree->user, right->id));
        if (order != 0) return order;
    }
    return left->id < right->id ? -1 : left->id > right->id;
}

// Returns the number of entries below; their least one in *ret_least.
static uint64_t node_check(const Btree *tree, const BtreeNode *node, uint32_t height,
                           BtreeEntry *ret_least) {
    ASSERT(node->is_leaf == (height == 1));
    if (node->is_leaf) {
        for (uint32_t i = 1; i < node->count; i++) {
            BtreeEntry before = {node->keys[i - 1], node->ids[i - 1]};
            BtreeEntry after = {node->keys[i], node->ids[i]};
            ASSERT(sort_compare(&before, &after, (void *)(uintptr_t)tree) < 0);
        }
        if (node->count > 0) *ret_least = (BtreeEntry){node->keys[0], node->ids[0]};
        return node->count;
    }
    ASSERT(node->count > 0);
    uint64_t count = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        BtreeEntry least = {0, 0};
        uint64_t below = node_check(tree, node->children[i], height - 1, &least);
        ASSERT(below > 0);
        if (i == 0) *ret_least = least;
        if (i > 0) ASSERT(node->keys[i] == least.key && node->ids[i] == least.id);
        count += below;
    }
    return count;
}
