// delta.c - how a commit changed a fragment's result (sql.md 16, websocket.md 9.5).
//
// One relation: the rows that came and went, filtered. Two relations R and S, with R' and S' the
// state after the commit and d+, d- what came and went:
//
//   inserted   dR+ x S'   R' x dS+   dR+ x dS-   dR- x dS+
//   deleted    dR- x S'   R' x dS-   dR+ x dS+   dR- x dS-
//
// Equal rows on both sides cancel. If only the relation changed whose rows are returned, none can
// be equal, as no row both came and went, and rows go out as they are found. Otherwise both sides
// are collected first, in the transaction's arena. Event tables need no care but this: R' is empty
// for them.

#include "query/plan.h"

#include "base/map.h"

// Above so many rows the rows of a delta are hashed, if they are compared with many others.
#define DELTA_NESTED_ROWS_MAX 8u

// Rows that one side of a delta collects.
typedef struct Bag {
    Bytes *items;
    uint32_t count;
    uint32_t capacity;
} Bag;

// One evaluation of a term, or of all of them.
typedef struct Delta {
    const Fragment *fragment;
    Store *store;
    Arena *arena;
    const TableDelta *changes[2];  // of each relation; NULL: none
    const uint8_t *rows[SQL_RELATIONS_MAX];
    Bag inserted, deleted;
    QueryRow take;  // where found rows go; NULL: into `bag`
    void *user;
    Bag *bag;
    bool is_stopped;
} Delta;

static const TableDelta *commit_find(const Commit *commit, TableId table);
static void delta_of_one(const Fragment *fragment, const TableDelta *change, QueryRow inserted,
                         QueryRow deleted, void *user);
static void delta_feed(const Fragment *fragment, RowSpan span, QueryRow take, void *user);
static void delta_stream(Delta *delta, uint16_t changed, QueryRow inserted, QueryRow deleted);
static void delta_collect(Delta *delta);
static void delta_with_table(Delta *delta, uint16_t changed, RowSpan span);
static void delta_probe_table(Delta *delta, uint16_t changed, RowSpan span);
static void delta_scan_table(Delta *delta, uint16_t changed, RowSpan span);
static void delta_with_delta(Delta *delta, RowSpan left, RowSpan right);
static void delta_match_span(Delta *delta, uint16_t changed, RowSpan span, RowHash *hash,
                             const Row *other);
static bool delta_row_belongs(Delta *delta, uint16_t relation, const Row *row);
static bool span_is_worth_hashing(Delta *delta, uint16_t changed, RowSpan span, RowHash *ret_hash);
static void delta_take(Delta *delta, Bytes returned);
static void delta_emit(Delta *delta, QueryRow inserted, QueryRow deleted);

void fragment_delta(const Fragment *fragment, Store *store, const Commit *commit, QueryRow inserted,
                    QueryRow deleted, void *user) {
    ASSERT(fragment->relation_count <= 2);
    ASSERT(fragment->column_count == 0);
    const TableDelta *first = commit_find(commit, fragment->relations[0].table);
    if (fragment->relation_count == 1) {
        if (first != NULL) delta_of_one(fragment, first, inserted, deleted, user);
        return;
    }
    const TableDelta *second = commit_find(commit, fragment->relations[1].table);
    if (first == NULL && second == NULL) return;
    Tx *tx = store_tx(store);
    ASSERT(tx != NULL);  // the commit is not released yet
    Delta delta = {
        .fragment = fragment,
        .store = store,
        .arena = tx_arena(tx),
        .changes = {first, second},
        .user = user,
    };
    const TableDelta *other = fragment->returned == 0 ? second : first;
    if (other == NULL) {
        delta_stream(&delta, fragment->returned, inserted, deleted);
        return;
    }
    delta_collect(&delta);
    delta_emit(&delta, inserted, deleted);
}

static const TableDelta *commit_find(const Commit *commit, TableId table) {
    uint32_t low = 0, high = commit->table_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        TableId found = commit->tables[middle].schema->id;
        if (found == table) return &commit->tables[middle];
        if (found < table) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

// ---- one relation ----

static void delta_of_one(const Fragment *fragment, const TableDelta *change, QueryRow inserted,
                         QueryRow deleted, void *user) {
    delta_feed(fragment, change->inserted, inserted, user);
    if (!fragment->relations[0].is_event) delta_feed(fragment, change->deleted, deleted, user);
}

static void delta_feed(const Fragment *fragment, RowSpan span, QueryRow take, void *user) {
    for (uint32_t i = 0; i < span.count; i++) {
        Bytes row = span.items[i].bytes;
        if (fragment_matches(fragment, row) && !take(user, fragment_output(fragment, row))) return;
    }
}

// ---- two relations ----

static RowSpan delta_inserted(const Delta *delta, uint16_t relation) {
    const TableDelta *change = delta->changes[relation];
    return change != NULL ? change->inserted : (RowSpan){0};
}

static RowSpan delta_deleted(const Delta *delta, uint16_t relation) {
    const TableDelta *change = delta->changes[relation];
    bool has_none = change == NULL || delta->fragment->relations[relation].is_event;
    return has_none ? (RowSpan){0} : change->deleted;
}

static void delta_stream(Delta *delta, uint16_t changed, QueryRow inserted, QueryRow deleted) {
    ASSERT(delta->changes[1 - changed] == NULL);  // else rows could come and go
    delta->take = inserted;
    delta_with_table(delta, changed, delta_inserted(delta, changed));
    delta->take = deleted;
    delta->is_stopped = false;
    delta_with_table(delta, changed, delta_deleted(delta, changed));
}

static void delta_collect(Delta *delta) {
    RowSpan inserted[2] = {delta_inserted(delta, 0), delta_inserted(delta, 1)};
    RowSpan deleted[2] = {delta_deleted(delta, 0), delta_deleted(delta, 1)};
    delta->bag = &delta->inserted;
    delta_with_table(delta, 0, inserted[0]);
    delta_with_table(delta, 1, inserted[1]);
    delta_with_delta(delta, inserted[0], deleted[1]);
    delta_with_delta(delta, deleted[0], inserted[1]);
    delta->bag = &delta->deleted;
    delta_with_table(delta, 0, deleted[0]);
    delta_with_table(delta, 1, deleted[1]);
    delta_with_delta(delta, inserted[0], inserted[1]);
    delta_with_delta(delta, deleted[0], deleted[1]);
}

// Rows of one relation's delta with the other table as it is now.
static void delta_with_table(Delta *delta, uint16_t changed, RowSpan span) {
    ASSERT(changed < 2);
    ASSERT(delta->take != NULL || delta->bag != NULL);
    if (span.count == 0) return;
    const Step *step = &delta->fragment->from[changed].steps[1];
    switch (step->access) {
    case ACCESS_NONE: return;
    case ACCESS_POINT:
    case ACCESS_RANGE: delta_probe_table(delta, changed, span); return;
    case ACCESS_SCAN:
    case ACCESS_HASH: delta_scan_table(delta, changed, span); return;
    case ACCESS_GIVEN: break;
    }
    UNREACHABLE();
}

static void delta_probe_table(Delta *delta, uint16_t changed, RowSpan span) {
    bool returns_changed = delta->fragment->returned == changed;
    Cursor cursor;
    cursor_init(&cursor, delta->fragment, delta->store, &delta->fragment->from[changed].steps[1]);
    for (uint32_t i = 0; i < span.count && !delta->is_stopped; i++) {
        if (!delta_row_belongs(delta, changed, &span.items[i])) continue;
        cursor_open(&cursor, delta->rows);
        while (!delta->is_stopped && cursor_next(&cursor, delta->rows)) {
            delta_take(delta, returns_changed ? span.items[i].bytes : cursor.row.bytes);
        }
    }
    cursor_done(&cursor);
}

// No index leads to the other table: it is scanned once, and its rows look for theirs in the delta.
static void delta_scan_table(Delta *delta, uint16_t changed, RowSpan span) {
    uint16_t other = (uint16_t)(1 - changed);
    RowHash hash = {0};
    bool is_hashed = span_is_worth_hashing(delta, changed, span, &hash);
    TableScan scan = table_scan(
        store_find_table(delta->store, delta->fragment->relations[other].table));
    Row row;
    while (!delta->is_stopped && table_scan_next(&scan, &row)) {
        if (!delta_row_belongs(delta, other, &row)) continue;
        delta_match_span(delta, changed, span, is_hashed ? &hash : NULL, &row);
    }
    row_hash_done(&hash);
}

static void delta_with_delta(Delta *delta, RowSpan left, RowSpan right) {
    if (left.count == 0 || right.count == 0) return;
    RowHash hash = {0};
    bool is_hashed = left.count > 1 && span_is_worth_hashing(delta, 1, right, &hash);
    for (uint32_t i = 0; i < left.count && !delta->is_stopped; i++) {
        if (!delta_row_belongs(delta, 0, &left.items[i])) continue;
        delta_match_span(delta, 1, right, is_hashed ? &hash : NULL, &left.items[i]);
    }
    row_hash_done(&hash);
}

// All pairs of a row of the other relation, which is in delta->rows, with rows of the span.
static void delta_match_span(Delta *delta, uint16_t changed, RowSpan span, RowHash *hash,
                             const Row *other) {
    bool returns_changed = delta->fragment->returned == changed;
    // All conditions over both relations, whatever the route's access would have used up.
    const Program *both = &delta->fragment->conditions;
    if (hash == NULL) {
        for (uint32_t i = 0; i < span.count && !delta->is_stopped; i++) {
            if (!delta_row_belongs(delta, changed, &span.items[i])) continue;
            if (!program_holds(both, delta->rows)) continue;
            delta_take(delta, returns_changed ? span.items[i].bytes : other->bytes);
        }
        return;
    }
    const uint8_t *values[ROW_HASH_COLUMNS_MAX];
    for (uint16_t i = 0; i < hash->column_count; i++) {
        values[i] = column_at(&delta->fragment->equal_columns[1 - changed][i], other->bytes.data);
    }
    const RowHashEntry *entry = row_hash_first(hash, values);
    for (; entry != NULL && !delta->is_stopped; entry = row_hash_next(hash, entry, values)) {
        delta->rows[changed] = entry->row.bytes.data;
        if (!program_holds(both, delta->rows)) continue;
        delta_take(delta, returns_changed ? entry->row.bytes : other->bytes);
    }
}

// Does the row satisfy the relation's own conditions? Leaves it in delta->rows.
static bool delta_row_belongs(Delta *delta, uint16_t relation, const Row *row) {
    ASSERT(relation < 2);
    delta->rows[relation] = row->bytes.data;
    return program_holds(&delta->fragment->relations[relation].filter, delta->rows);
}

// Many rows that are compared by equal columns are found faster by a hash.
static bool span_is_worth_hashing(Delta *delta, uint16_t changed, RowSpan span, RowHash *ret_hash) {
    const Fragment *fragment = delta->fragment;
    if (span.count <= DELTA_NESTED_ROWS_MAX || fragment->equal_count == 0) return false;
    row_hash_init(ret_hash, fragment->equal_columns[changed], fragment->equal_count);
    for (uint32_t i = 0; i < span.count; i++) {
        if (delta_row_belongs(delta, changed, &span.items[i]))
            row_hash_add(ret_hash, span.items[i]);
    }
    return true;
}

// ---- results ----

static void delta_take(Delta *delta, Bytes returned) {
    ASSERT(!delta->is_stopped);
    Bytes row = fragment_output(delta->fragment, returned);
    if (delta->take != NULL) {
        if (!delta->take(delta->user, row)) delta->is_stopped = true;
        return;
    }
    Bag *bag = delta->bag;
    if (bag->count == bag->capacity) {
        uint32_t capacity = bag->capacity == 0 ? 16 : bag->capacity * 2;
        Bytes *larger = arena_alloc(delta->arena, capacity * sizeof *larger);
        if (bag->count > 0) memcpy(larger, bag->items, bag->count * sizeof *larger);
        bag->items = larger;
        bag->capacity = capacity;
    }
    bag->items[bag->count++] = row;
}

// How often a row is left on the inserted side.
typedef struct Tally {
    Bytes row;  // data == NULL: free
    uint64_t hash;
    uint32_t count;
} Tally;

static Tally *tally_find(Tally *tallies, uint32_t mask, Bytes row) {
    uint64_t hash = hash_bytes(row);
    for (uint32_t at = (uint32_t)hash & mask;; at = (at + 1) & mask) {
        Tally *tally = &tallies[at];
        if (tally->row.data == NULL) {
            *tally = (Tally){.row = row, .hash = hash};
            if (tally->row.data == NULL) tally->row = BYTES_LITERAL("");  // a row without bytes
            return tally;
        }
        if (tally->hash == hash && bytes_equal(tally->row, row)) return tally;
    }
}

// Cancels equal rows of the two sides, and hands out the rest.
static void delta_emit(Delta *delta, QueryRow inserted, QueryRow deleted) {
    Bag *in = &delta->inserted, *out = &delta->deleted;
    ASSERT(delta->take == NULL);  // streamed rows never got here
    uint32_t left_out = 0;
    Tally *tallies = NULL;
    uint32_t mask = 0;
    if (in->count > 0 && out->count > 0) {
        uint32_t capacity = 16;
        while (capacity < 2 * ((uint64_t)in->count + out->count)) capacity *= 2;
        mask = capacity - 1;
        tallies = ARENA_ARRAY(delta->arena, Tally, capacity);
        for (uint32_t i = 0; i < in->count; i++) tally_find(tallies, mask, in->items[i])->count++;
        for (uint32_t i = 0; i < out->count; i++) {
            Tally *tally = tally_find(tallies, mask, out->items[i]);
            if (tally->count > 0) {
                tally->count--;
            } else {
                out->items[left_out++] = out->items[i];
            }
        }
        out->count = left_out;
    }
    for (uint32_t i = 0; i < in->count; i++) {
        Tally *tally = tallies != NULL ? tally_find(tallies, mask, in->items[i]) : NULL;
        if (tally != NULL && tally->count == 0) continue;
        if (tally != NULL) tally->count--;
        if (!inserted(delta->user, in->items[i])) break;
    }
    for (uint32_t i = 0; i < out->count; i++) {
        if (!deleted(delta->user, out->items[i])) break;
    }
}
