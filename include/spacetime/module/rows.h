// rows.h - what a table's typed functions are made of; the functions themselves are in table.h.
//
// Lifetime   table and index ids are asked for once per instance.
// Limits     rows of more than STDB_SCRATCH_BYTES are built in the memory of the call.
#pragma once

#include "bsatn.h"
#include "host.h"
#include "runtime.h"

// ---- descriptors: one object per declaration, found by the linker ----

typedef enum StdbColumn {
    STDB_COLUMN_PRIMARY_KEY = 1,
    STDB_COLUMN_UNIQUE = 2,
    STDB_COLUMN_INDEX = 4,
    STDB_COLUMN_BTREE = 8,
    STDB_COLUMN_HASH = 16,
    STDB_COLUMN_DIRECT = 32,
    STDB_COLUMN_AUTO_INC = 64,
    STDB_COLUMN_HAS_DEFAULT = 128,

    STDB_COLUMN_KEYS = STDB_COLUMN_PRIMARY_KEY | STDB_COLUMN_UNIQUE | STDB_COLUMN_INDEX,
    STDB_COLUMN_KINDS = STDB_COLUMN_BTREE | STDB_COLUMN_HASH | STDB_COLUMN_DIRECT,
} StdbColumn;
#define STDB_COLUMN_DEFAULT(...) STDB_COLUMN_HAS_DEFAULT

typedef enum StdbAccess {
    STDB_ACCESS_PUBLIC = 0,
    STDB_ACCESS_PRIVATE = 1,
} StdbAccess;

typedef struct StdbTable {
    uint32_t id;  // 0: not asked for yet
    const char *name;
    const StdbType *row;
    const uint16_t *columns;  // StdbColumn bits of each column
    uint32_t column_count;
    StdbAccess access;
    bool is_event;
} StdbTable;

typedef struct StdbIndex {
    uint32_t id;  // 0: not asked for yet
    const StdbTable *table;
    const char *accessor;
    const uint16_t *columns;  // column numbers, in the order of the key
    uint32_t column_count;
    uint32_t flags;  // StdbColumn: what it is for and of which kind
} StdbIndex;

// What a column holds in rows that were there before it was added.
typedef struct StdbDefault {
    const StdbTable *table;
    uint32_t column;
    StdbBytes (*encode)(void);
} StdbDefault;

// Puts a pointer to an object into a list that the linker gathers from all sources of the module.
#define STDB_REGISTER(list, Type, object)              \
    static const Type *const stdb_registered__##object \
        __attribute__((section("stdb_" #list), used)) = &object;

// ---- ids ----

uint32_t stdb_table_lookup(StdbTable *table);
uint32_t stdb_index_lookup(StdbIndex *index);
// table_columns_idx_kind, as the host names it; returns the length.
uint32_t stdb_index_name(const StdbIndex *index, char *name, uint32_t capacity);

STDB_INLINE uint32_t stdb_table_id(StdbTable *table) {
    return table->id != 0 ? table->id : stdb_table_lookup(table);
}
STDB_INLINE uint32_t stdb_index_id(StdbIndex *index) {
    return index->id != 0 ? index->id : stdb_index_lookup(index);
}

// ---- a buffer for one row or key on its way to or from the host ----

enum { STDB_SCRATCH_BYTES = 4096 };
extern uint8_t stdb_scratch_small[STDB_SCRATCH_BYTES];
uint8_t *stdb_scratch_large(uint32_t bytes);

// Good until the next row function or allocation.
STDB_INLINE uint8_t *stdb_scratch(uint32_t bytes) {
    return bytes <= STDB_SCRATCH_BYTES ? stdb_scratch_small : stdb_scratch_large(bytes);
}

// ---- results ----

// Notes why an insert or update was refused; panics if the reason is no fault of the data.
StdbStatus stdb_write_refused(const StdbTable *table, uint32_t error);
// Panics: a host call failed that cannot fail.
_Noreturn void stdb_host_failed(const StdbTable *table, const char *call, uint32_t error);
// Panics: the bytes are not what the declarations say.
_Noreturn void stdb_row_malformed(const StdbTable *table);

STDB_INLINE bool stdb_is_zero(const void *value, size_t bytes) {
    const uint8_t *at = value;
    uint8_t any = 0;
    for (size_t i = 0; i < bytes; i++) any |= at[i];
    return any == 0;
}

// ---- scans ----

typedef struct StdbIter {
    StdbReader rows;  // fetched, not yet handed out
    uint32_t handle;  // 0: nothing more to fetch
    const StdbTable *table;
    uint8_t *buffer;  // of scans that reuse one
    uint32_t buffer_bytes;
    bool is_reusing;  // the rows point to nothing, so their bytes need not stay
    bool is_noted;    // for the end of the call to close
} StdbIter;

// Where a range begins and ends. The values are the host's.
typedef enum StdbLow {
    STDB_FROM = 0,    // at the value
    STDB_ABOVE = 1,   // after the value
    STDB_NO_MIN = 2,  // no limit; the value is not looked at
} StdbLow;
typedef enum StdbHigh {
    STDB_TO = 0,      // at the value, included
    STDB_BELOW = 1,   // before the value
    STDB_NO_MAX = 2,  // no limit; the value is not looked at
} StdbHigh;

// A range over one column behind `prefix_columns` columns that are given; all parts in scratch, in
// this order.
typedef struct StdbRange {
    uint8_t *prefix, *low, *high, *end;
    uint32_t prefix_columns;
} StdbRange;

StdbIter stdb_scan(StdbTable *table, uint32_t row_max);
StdbIter stdb_scan_point(StdbIndex *index, const uint8_t *key, uint32_t key_bytes,
                         uint32_t row_max);
StdbIter stdb_scan_range(StdbIndex *index, const StdbRange *range, uint32_t row_max);
// Fetches more rows. False: there are none.
bool stdb_iter_fetch(StdbIter *iter);
// Looks for the one row with this key; ret_row holds its bytes.
bool stdb_find(StdbIndex *index, const uint8_t *key, uint32_t key_bytes, uint32_t row_max,
               StdbReader *ret_row);
uint32_t stdb_delete_point(StdbIndex *index, const uint8_t *key, uint32_t key_bytes);
uint32_t stdb_delete_range(StdbIndex *index, const StdbRange *range);
uint64_t stdb_count(StdbTable *table);
uint64_t stdb_clear(StdbTable *table);
// `rows`: one encoded row behind a count of 1.
bool stdb_delete_row(StdbTable *table, const uint8_t *rows, uint32_t bytes);
