// btree.h - rows in key order: a B+tree of (64 bits of the key, RowId).
//
// Entries sort by the 64 bits; where these are not the whole key, ties are settled through the row
// bytes; then by id. So the rows of one key lie together, in id order.
//
// Threads    the executor.
// Lifetime   owns its memory until btree_done; places are valid until the tree changes.
// Limits     none of its own.
#pragma once

#include "store/key.h"

typedef struct BtreeNode BtreeNode;

// The bytes of a row that is in the tree.
typedef const uint8_t *(*BytesOfRow)(const void *user, uint64_t id);

typedef struct Btree {
    BtreeNode *root;
    BtreeNode *first;  // leftmost leaf
    uint64_t count;
    uint64_t key_count;  // different keys
    uint64_t bytes;
    uint32_t height;  // 1: the root is a leaf
    BytesOfRow bytes_of_row;
    const void *user;
    const KeySpec *spec;
} Btree;

typedef struct BtreeEntry {
    uint64_t key;
    uint64_t id;
} BtreeEntry;

// Where an entry is, or where the entries end (leaf == NULL).
typedef struct BtreePlace {
    const BtreeNode *leaf;
    uint32_t at;
} BtreePlace;

void btree_init(Btree *tree, const KeySpec *spec, BytesOfRow bytes_of_row, const void *user);
void btree_done(Btree *tree);
void btree_clear(Btree *tree);
// Fills an empty tree; sorts the entries in place if they are not sorted.
void btree_build(Btree *tree, BtreeEntry *entries, uint64_t count);
void btree_insert(Btree *tree, BtreeEntry entry, const uint8_t *row);
// The entry must be there; row: its bytes as they were when it was inserted, as far as the key
// goes.
void btree_remove(Btree *tree, BtreeEntry entry, const uint8_t *row);

// The first entry at or after the bound.
BtreePlace btree_seek(const Btree *tree, const KeyBound *bound);
// The entry at a place that is not the end.
BtreeEntry btree_entry(BtreePlace place);
BtreePlace btree_next(BtreePlace place);
// The place before one that is not the first; before the end comes the last entry.
BtreePlace btree_previous(const Btree *tree, BtreePlace place);
static inline bool btree_place_equal(BtreePlace a, BtreePlace b) {
    return a.leaf == b.leaf && a.at == b.at;
}
// Aborts if the order or the structure is wrong.
void btree_check(const Btree *tree);
