// index.h - one index: which structures hold its rows, kept in step with the table.
//
//                     points                     ranges
//   unique            direct (dense integers)    tree, built at the first range scan
//                     and hash (all others)
//   not unique        tree                       tree
//   hash, not unique  tree in hash order         none
//
// Threads    the executor.
// Lifetime   from index_create to index_free; its schema and key types are its table's.
#pragma once

#include "store/btree.h"
#include "store/direct.h"
#include "store/hash_index.h"
#include "store/store.h"

struct Index {
    Table *table;
    IndexId id;
    const IndexSchema *schema;  // in the table's schema
    KeySpec spec;
    bool is_unique;
    bool has_tree;
    HashIndex hash;    // unique
    DirectMap direct;  // unique, of one integer; no key is in both
    Btree tree;
};

// Empty; not in the table's list. The schema must be one of the table's.
Index *index_create(Table *table, const IndexSchema *schema, bool is_unique);
void index_free(Index *index);  // accepts NULL
// After the table's schema was replaced.
void index_bind(Index *index, const IndexSchema *schema);
// Puts all rows of the table into an empty index. On a conflict: false, with the two rows, and it
// is empty.
bool index_build(Index *index, RowId *ret_first, RowId *ret_second);
void index_clear(Index *index);
uint64_t index_memory(const Index *index);

// What index_add and index_find_row look for: computed once and used twice.
uint64_t index_token(const Index *index, const uint8_t *row);
void index_add(Index *index, RowId id, const uint8_t *row, uint64_t token);
// row: the bytes it was added with, as far as the key goes; still what rows_get gives for it.
void index_remove(Index *index, RowId id, const uint8_t *row);
// The row of a unique index whose key equals that of these row bytes; ROW_ID_NONE.
RowId index_find_row(const Index *index, const uint8_t *row, uint64_t token);
// Aborts unless it holds exactly the rows of the table.
void index_check(const Index *index);
