// row_hash.h - rows found by the values of some of their columns: for joins that no index helps.
//
// Threads    one owner.
// Lifetime   owns its memory until row_hash_done, or leaves it to the arena given; the rows are
//            borrowed.
#pragma once

#include "query/filter.h"

// More equal columns than these are compared by the filter.
#define ROW_HASH_COLUMNS_MAX 8u

typedef struct RowHashEntry {
    uint64_t hash;
    Row row;
    uint32_t next;  // in its chain; ROW_HASH_END
} RowHashEntry;
#define ROW_HASH_END UINT32_MAX

typedef struct RowHash {
    RowHashEntry *entries;
    uint32_t count;
    uint32_t capacity;
    uint32_t *buckets;  // heads of chains; as many as capacity, a power of two
    const ColumnPath *columns;
    uint16_t column_count;
    Arena *arena;  // NULL: the heap
} RowHash;

void row_hash_init(RowHash *hash, const ColumnPath *columns, uint16_t column_count, Arena *arena);
void row_hash_done(RowHash *hash);  // accepts a zeroed one
// Makes room for that many rows at once.
void row_hash_reserve(RowHash *hash, uint32_t count);
void row_hash_add(RowHash *hash, Row row);
// Walks the rows whose columns equal these values: start with row_hash_first, NULL at the end.
// Values are of the columns' types; they compare as values do (floats: -0 = +0).
const RowHashEntry *row_hash_first(const RowHash *hash, const uint8_t *const *values);
const RowHashEntry *row_hash_next(const RowHash *hash, const RowHashEntry *entry,
                                  const uint8_t *const *values);
