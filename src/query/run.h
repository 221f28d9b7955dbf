// run.h - the way of rows from a fragment's joins to the receiver: straight, or through groups and
// sorting.
//
// Threads    the executor.
// Lifetime   of a run; rows are borrowed from the store, which does not change meanwhile.
// Limits     SQL_TOUCHED_ROWS_MAX, SQL_GATHERED_BYTES_MAX.
#pragma once

#include "query/cursor.h"

// What a step of a route did in a run.
typedef struct StepCount {
    uint64_t touched;
    uint64_t kept;
} StepCount;

// One combination of rows that satisfies a fragment's conditions: by relation, and the whole row of
// the returned one. False stops the run.
typedef bool (*TupleTake)(void *user, uint32_t fragment, const uint8_t *const *rows,
                          Bytes returned);

// One run of a query.
typedef struct Run {
    const Query *query;
    Store *store;
    StepCount *counts;  // for each fragment's steps, SQL_RELATIONS_MAX apart; NULL: not wanted
    QueryOutcome outcome;
} Run;

// Feeds all tuples of all fragments to `take`.
void run_each(Run *run, TupleTake take, void *user);
// The same as query_run, not looking at is_explained.
void run_query(Run *run, QueryRow row, void *user);

// ---- the end: rows to the receiver ----

typedef struct Output {
    const Query *query;
    QueryRow row;
    void *user;
    uint64_t left;   // of LIMIT
    Buffer columns;  // a row that is put together
    bool is_full;    // it became too large
} Output;

// All are false when nothing more is wanted. column_count 0: the whole row.
bool output_tuple(Output *output, const ColumnPath *columns, uint16_t column_count,
                  const uint8_t *const *rows, Bytes returned);
bool output_row(Output *output, Bytes row);
// The row in output->columns.
bool output_columns(Output *output);

// ---- sorting (sort.c) ----

typedef struct Sorter {
    const ColumnPath *const *keys;  // for each fragment
    const bool *descending;
    uint16_t key_count;
    uint16_t pointer_count;
    uint32_t entry_words;  // prefix, number, pointers
    uint64_t *entries;
    uint64_t count;
    uint64_t capacity;
    uint64_t limit;   // as many entries are wanted
    bool is_heap;     // the worst one first: `limit` entries are there
    bool is_full;     // SQL_GATHERED_BYTES_MAX
    uint64_t number;  // of entries seen: equal rows stay in the order they came
    uint64_t *spare;  // one entry
} Sorter;

typedef struct SorterSpec {
    const ColumnPath *const *keys;  // for each fragment, over the pointers
    const bool *descending;
    uint16_t key_count;
    uint16_t pointer_count;
    uint64_t limit;
} SorterSpec;

void sorter_init(Sorter *sorter, const SorterSpec *spec);
void sorter_done(Sorter *sorter);
// False when it is full: then the result is not to be had.
bool sorter_add(Sorter *sorter, uint32_t fragment, const uint8_t *const *pointers);
void sorter_sort(Sorter *sorter);
// The pointers of the sorted entries, in order.
const uint8_t *const *sorter_entry(const Sorter *sorter, uint64_t at, uint32_t *ret_fragment);
// A run through a sorter.
void run_sorted(Run *run, Output *output);

// ---- groups (group.c) ----

// A run through groups, and a sorter if the query has an order.
void run_grouped(Run *run, Output *output);
