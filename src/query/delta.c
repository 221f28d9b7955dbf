// delta.c - how a commit changed a fragment's result (sql.md 16, websocket.md 9.5).
//
// With R1 ... Rn before and R1' ... Rn' after the commit, and di = what came and went of Ri:
//
//   R1' x ... x Rn'  -  R1 x ... x Rn  =  sum over i of  R1' x ... x Ri-1' x di x Ri+1 x ... x Rn
//
// so there is one term for each relation that changed: its rows are handed in, the relations ranked
// before it are read as they are, those behind it as they were (cursor.h). What came is inserted,
// what went is deleted. Occurrences of one table are relations of their own.
//
// Events are of no table: what is joined to them is the other tables as they were before the
// commit (sql.md 12). So they rank first, and their tables are empty in every other term.
//
// Equal rows on both sides cancel. If nothing can be on both, rows go out as they are found;
// otherwise both sides are collected first.

#include "query/cursor.h"

#include "base/map.h"

// Rows that one side of a delta collects at most.
#define ROWS_MAX ((uint32_t)(SQL_GATHERED_BYTES_MAX / sizeof(Bytes)))

// Rows that one side of a delta collects.
typedef struct Bag {
    Bytes *items;
    uint32_t count;
    uint32_t capacity;
} Bag;

typedef enum Side { SIDE_INSERTED, SIDE_DELETED, SIDE_COUNT } Side;

typedef struct Delta {
    const Fragment *fragment;
    const DeltaInput *input;
    RowSpan changes[SQL_LIVE_RELATIONS_MAX][SIDE_COUNT];
    Before before[SQL_LIVE_RELATIONS_MAX];  // of relations that changed, where one needs it
    bool has_before[SQL_LIVE_RELATIONS_MAX];
    bool is_streaming;
    bool is_stopped[SIDE_COUNT];  // also where there is nothing from the start
    QueryRow take[SIDE_COUNT];
    void *user;
    Bag bags[SIDE_COUNT];
    QueryOutcome outcome;
} Delta;

static QueryOutcome delta_of_one(const Fragment *fragment, const DeltaInput *input,
                                 QueryRow inserted, QueryRow deleted, void *user);
static uint64_t delta_feed(const Fragment *fragment, RowSpan span, QueryRow take, void *user);
static bool delta_set_changes(Delta *delta);
static bool delta_can_stream(const Delta *delta);
static void delta_term(Delta *delta, uint16_t changed);
static void delta_init_cursor(Delta *delta, uint16_t changed, const Step *step, Cursor *cursor);
static void delta_walk(Delta *delta, const Route *route, Cursor *cursors, uint16_t given);
static bool delta_is_over(const Delta *delta);
static void delta_take(Delta *delta, Side side, Bytes returned);
static void delta_emit(Delta *delta);
static bool relation_changed(const Delta *delta, uint16_t relation);

QueryOutcome fragment_delta(const Fragment *fragment, Store *store, const Commit *commit,
                            QueryRow inserted, QueryRow deleted, void *user) {
    DeltaRows tables[SQL_LIVE_RELATIONS_MAX];
    Tx *tx = store_tx(store);
    ASSERT(tx != NULL);  // the commit is not released yet
    DeltaInput input = {.store = store, .tables = tables, .scratch = tx_arena(tx)};
    ASSERT(fragment->table_count <= SQL_LIVE_RELATIONS_MAX);
    for (uint32_t i = 0; i < commit->table_count; i++) {
        const TableDelta *change = &commit->tables[i];
        TableId table = change->schema->id;
        bool is_read = false;
        for (uint32_t j = 0; j < fragment->table_count; j++)
            is_read = is_read || fragment->tables[j] == table;
        if (!is_read) continue;
        tables[input.table_count++] = (DeltaRows){table, change->inserted, change->deleted};
    }
    return fragment_delta_rows(fragment, &input, inserted, deleted, user);
}

QueryOutcome fragment_delta_rows(const Fragment *fragment, const DeltaInput *input,
                                 QueryRow inserted, QueryRow deleted, void *user) {
    ASSERT(fragment->column_count == 0);
    ASSERT(input->store != NULL && (input->table_count == 0 || input->tables != NULL));
    if (fragment->relation_count == 1)
        return delta_of_one(fragment, input, inserted, deleted, user);
    ASSERT(fragment->from != NULL);  // built for QUERY_LIVE
    ASSERT(fragment->relation_count <= SQL_LIVE_RELATIONS_MAX);
    Delta delta = {.fragment = fragment, .input = input, .take = {inserted, deleted}, .user = user};
    if (!delta_set_changes(&delta)) return delta.outcome;
    delta.is_streaming = delta_can_stream(&delta);
    for (uint16_t i = 0; i < fragment->relation_count; i++) {
        bool goes_on = delta.outcome.stop == QUERY_FINISHED;
        if (goes_on && relation_changed(&delta, i)) delta_term(&delta, i);
    }
    if (!delta.is_streaming && delta.outcome.stop == QUERY_FINISHED) delta_emit(&delta);
    return delta.outcome;
}

// ---- one relation ----

static QueryOutcome delta_of_one(const Fragment *fragment, const DeltaInput *input,
                                 QueryRow inserted, QueryRow deleted, void *user) {
    QueryOutcome outcome = {0};
    ASSERT(fragment->relation_count == 1);
    for (uint32_t i = 0; i < input->table_count; i++) {
        const DeltaRows *change = &input->tables[i];
        if (change->table != fragment->relations[0].table) continue;
        outcome.touched += delta_feed(fragment, change->inserted, inserted, user);
        if (fragment->relations[0].is_event) continue;
        outcome.touched += delta_feed(fragment, change->deleted, deleted, user);
    }
    return outcome;
}

static uint64_t delta_feed(const Fragment *fragment, RowSpan span, QueryRow take, void *user) {
    for (uint32_t i = 0; i < span.count; i++) {
        Bytes row = span.items[i].bytes;
        if (fragment_matches(fragment, row) && !take(user, fragment_output(fragment, row))) break;
    }
    return span.count;
}

// ---- several relations ----

static bool delta_set_changes(Delta *delta) {
    const Fragment *fragment = delta->fragment;
    const DeltaInput *input = delta->input;
    for (Side side = 0; side < SIDE_COUNT; side++) delta->is_stopped[side] = true;
    for (uint16_t i = 0; i < fragment->relation_count; i++) {
        const Relation *relation = &fragment->relations[i];
        for (uint32_t j = 0; j < input->table_count; j++) {
            if (input->tables[j].table != relation->table) continue;
            delta->changes[i][SIDE_INSERTED] = input->tables[j].inserted;
            if (!relation->is_event) delta->changes[i][SIDE_DELETED] = input->tables[j].deleted;
        }
        for (Side side = 0; side < SIDE_COUNT; side++) {
            if (delta->changes[i][side].count > 0) delta->is_stopped[side] = false;
        }
    }
    return !delta_is_over(delta);
}

static bool relation_changed(const Delta *delta, uint16_t relation) {
    const RowSpan *changes = delta->changes[relation];
    return changes[SIDE_INSERTED].count > 0 || changes[SIDE_DELETED].count > 0;
}

// Can no row be on both sides? Either all rows are on one, or only the relation changed whose rows
// are returned: no row both came and went.
static bool delta_can_stream(const Delta *delta) {
    const Fragment *fragment = delta->fragment;
    ASSERT(!delta_is_over(delta));
    bool others_changed = false;
    for (uint16_t i = 0; i < fragment->relation_count; i++) {
        if (i != fragment->returned && relation_changed(delta, i)) others_changed = true;
    }
    bool is_one_sided = delta->is_stopped[SIDE_INSERTED] || delta->is_stopped[SIDE_DELETED];
    return is_one_sided || !others_changed;
}

// What changed of one relation, joined to the others.
static void delta_term(Delta *delta, uint16_t changed) {
    const Fragment *fragment = delta->fragment;
    uint16_t count = fragment->relation_count, given = 0;
    const Route *route = &fragment->from[changed];
    ASSERT(relation_changed(delta, changed));
    Cursor cursors[SQL_LIVE_RELATIONS_MAX];
    for (uint16_t i = 0; i < count; i++) {
        delta_init_cursor(delta, changed, &route->steps[i], &cursors[i]);
        if (route->steps[i].access == ACCESS_GIVEN) given = i;
    }
    ASSERT(route->steps[given].relation == changed);
    const RowSpan *changes = delta->changes[changed];
    cursor_give(&cursors[given], changes[SIDE_INSERTED], changes[SIDE_DELETED]);
    delta_walk(delta, route, cursors, given);
    for (uint16_t i = 0; i < count; i++) {
        delta->outcome.touched += cursors[i].touched;
        if (cursor_is_exhausted(&cursors[i])) delta->outcome.stop = QUERY_STOPPED_TOUCHED;
        cursor_done(&cursors[i]);
    }
}

static void delta_init_cursor(Delta *delta, uint16_t changed, const Step *step, Cursor *cursor) {
    const Fragment *fragment = delta->fragment;
    uint16_t relation = step->relation;
    Arena *arena = delta->input->scratch;
    cursor_init(cursor, fragment, delta->input->store, step);
    cursor->arena = arena;
    cursor->touched_max = SQL_TOUCHED_ROWS_MAX;
    bool is_after = fragment->delta_ranks[relation] <= fragment->delta_ranks[changed];
    ASSERT(relation < fragment->relation_count && relation < SQL_LIVE_RELATIONS_MAX);
    if (is_after || !relation_changed(delta, relation)) return;
    Before *before = &delta->before[relation];
    if (!delta->has_before[relation]) {
        delta->has_before[relation] = true;
        before->came = row_ids_of(delta->changes[relation][SIDE_INSERTED], arena);
        before->went = delta->changes[relation][SIDE_DELETED];
    }
    cursor->before = before;
}

// Both sides at once: the given row says on which side a combination is.
static void delta_walk(Delta *delta, const Route *route, Cursor *cursors, uint16_t given) {
    static_assert(SIDE_INSERTED == 0 && SIDE_DELETED == 1, "as the sides are given");
    const Fragment *fragment = delta->fragment;
    const uint8_t *rows[SQL_LIVE_RELATIONS_MAX] = {0};
    uint16_t returned = 0, depth = 0;
    ASSERT(given < fragment->relation_count);
    for (uint16_t i = 0; i < fragment->relation_count; i++) {
        if (route->steps[i].relation == fragment->returned) returned = i;
    }
    cursor_open(&cursors[0], rows);
    while (!delta_is_over(delta)) {
        if (!cursor_next(&cursors[depth], rows)) {
            if (depth == 0 || cursor_is_exhausted(&cursors[depth])) return;
            depth--;
        } else if (depth + 1 < fragment->relation_count) {
            depth++;
            cursor_open(&cursors[depth], rows);
        } else {
            Side side = cursors[given].is_of_second ? SIDE_DELETED : SIDE_INSERTED;
            if (!delta->is_stopped[side]) delta_take(delta, side, cursors[returned].row.bytes);
        }
    }
}

static bool delta_is_over(const Delta *delta) {
    return delta->is_stopped[SIDE_INSERTED] && delta->is_stopped[SIDE_DELETED];
}

// ---- results ----

static void delta_take(Delta *delta, Side side, Bytes returned) {
    ASSERT(!delta->is_stopped[side]);
    Bytes row = fragment_output(delta->fragment, returned);
    if (delta->is_streaming) {
        if (!delta->take[side](delta->user, row)) delta->is_stopped[side] = true;
        return;
    }
    Bag *bag = &delta->bags[side];
    if (bag->count == ROWS_MAX) {
        delta->outcome.stop = QUERY_STOPPED_GATHERED;
        delta->is_stopped[SIDE_INSERTED] = delta->is_stopped[SIDE_DELETED] = true;
        return;
    }
    if (bag->count == bag->capacity) {
        uint32_t capacity = bag->capacity == 0 ? 16 : bag->capacity * 2;
        Bytes *larger = arena_alloc(delta->input->scratch, capacity * sizeof *larger);
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

// Takes the deleted rows that cancel inserted ones out; returns what is left of the inserted ones.
static Tally *delta_cancel(Delta *delta, uint32_t *ret_mask) {
    const Bag *in = &delta->bags[SIDE_INSERTED];
    Bag *out = &delta->bags[SIDE_DELETED];
    uint64_t capacity = 16;
    while (capacity < 2 * ((uint64_t)in->count + out->count)) capacity *= 2;
    uint32_t mask = (uint32_t)(capacity - 1), left = 0;
    Tally *tallies = ARENA_ARRAY(delta->input->scratch, Tally, capacity);
    for (uint32_t i = 0; i < in->count; i++) tally_find(tallies, mask, in->items[i])->count++;
    for (uint32_t i = 0; i < out->count; i++) {
        Tally *tally = tally_find(tallies, mask, out->items[i]);
        if (tally->count > 0) {
            tally->count--;
        } else {
            out->items[left++] = out->items[i];
        }
    }
    ASSERT(left <= out->count);
    out->count = left;
    *ret_mask = mask;
    return tallies;
}

// Cancels equal rows of the two sides, and hands out the rest.
static void delta_emit(Delta *delta) {
    ASSERT(!delta->is_streaming);
    const Bag *in = &delta->bags[SIDE_INSERTED], *out = &delta->bags[SIDE_DELETED];
    uint32_t mask = 0;
    Tally *tallies = in->count > 0 && out->count > 0 ? delta_cancel(delta, &mask) : NULL;
    for (uint32_t i = 0; i < in->count; i++) {
        Tally *tally = tallies != NULL ? tally_find(tallies, mask, in->items[i]) : NULL;
        if (tally != NULL && tally->count == 0) continue;
        if (tally != NULL) tally->count--;
        if (!delta->take[SIDE_INSERTED](delta->user, in->items[i])) break;
    }
    for (uint32_t i = 0; i < out->count; i++) {
        if (!delta->take[SIDE_DELETED](delta->user, out->items[i])) break;
    }
}
