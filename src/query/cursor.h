// cursor.h - the rows of one relation on a route, given the rows of the relations before it.
//
// A cursor reads a table as it is, a table as it was before a change, or rows handed in. Nothing is
// allocated per row; hashes are gathered once.
//
// Threads    the executor.
// Lifetime   of a run; tables must not change meanwhile.
// Limits     touched_max rows.
#pragma once

#include "query/plan.h"

// Ids of rows, to be looked up.
typedef struct RowIds {
    const Row *rows;  // few: looked through
    uint32_t row_count;
    uint64_t *slots;  // many: open addressing; ROW_ID_NONE is free
    uint32_t mask;
} RowIds;

RowIds row_ids_of(RowSpan rows, Arena *arena);
bool row_ids_has(const RowIds *ids, RowId id);

// How to see a table as it was: without the rows that came, with those that went.
typedef struct Before {
    RowIds came;
    RowSpan went;
} Before;

typedef struct Cursor {
    const Step *step;
    const Fragment *fragment;
    const Table *table;
    const Index *lookup;   // ACCESS_POINT, ACCESS_RANGE
    bool is_unique;        // of ACCESS_POINT: one row at most
    Arena *arena;          // for hashes; NULL: the heap
    const Before *before;  // NULL: the table as it is
    RowSpan given[2];      // ACCESS_GIVEN: both sides of a change
    uint64_t touched;      // rows looked at
    uint64_t touched_max;
    uint64_t kept;
    // The rows of the current opening:
    Row row;
    bool is_single;     // the row of a unique index, found when it was opened
    bool is_undoing;    // the table's rows are through, now those that went
    uint32_t at;        // in `given`, one behind the other, or in `went`
    bool is_of_second;  // the row is of given[1]
    TableScan scan;
    IndexScan index;
    Buffer key;            // an index key of several columns; kept for the next opening
    RowHash hash;          // ACCESS_HASH, or many rows of `given` or `went`
    uint32_t hash_second;  // where the rows of given[1] begin in it
    bool is_hashed;
    const RowHashEntry *entry;
    const uint8_t *values[ROW_HASH_COLUMNS_MAX];
} Cursor;

void cursor_init(Cursor *cursor, const Fragment *fragment, Store *store, const Step *step);
void cursor_done(Cursor *cursor);
// The rows of ACCESS_GIVEN, before it is opened.
void cursor_give(Cursor *cursor, RowSpan first, RowSpan second);
// rows: by relation, those of earlier steps.
void cursor_open(Cursor *cursor, const uint8_t *const *rows);
// The next row that satisfies what is decidable by then; also sets rows[step->relation]. False at
// the end, and when cursor_is_exhausted.
bool cursor_next(Cursor *cursor, const uint8_t **rows);
static inline bool cursor_is_exhausted(const Cursor *cursor) {
    return cursor->touched >= cursor->touched_max;
}
