// cursor.c - accesses, one opening after the other.
//
// A table as it was before a change is the table as it is, without the rows that came, followed by
// the rows that went. The latter did not come through the access, so they are tested against
// everything that it would have guaranteed (Step.whole). A hash is gathered with both already seen
// to.

#include "query/cursor.h"

#include "base/map.h"

// Up to so many rows are looked through rather than hashed.
#define NESTED_ROWS_MAX 8u

static void cursor_open_index(Cursor *cursor, const uint8_t *const *rows);
static Bytes cursor_key(Cursor *cursor, const uint8_t *const *rows);
static void cursor_open_hash(Cursor *cursor, const uint8_t *const *rows);
static void cursor_open_rows(Cursor *cursor, const RowSpan *spans, uint32_t count,
                             const uint8_t *const *rows);
static void cursor_hash_rows(Cursor *cursor, const RowSpan *spans, uint32_t count);
static void cursor_hash_row(Cursor *cursor, const Row *row);
static void cursor_find_entry(Cursor *cursor, const uint8_t *const *rows);
static bool cursor_step(Cursor *cursor, const uint8_t *const *rows);
static bool cursor_step_table(Cursor *cursor);
static bool cursor_step_given(Cursor *cursor);
static bool cursor_step_hash(Cursor *cursor);

// ---- ids ----

RowIds row_ids_of(RowSpan rows, Arena *arena) {
    RowIds ids = {.rows = rows.items, .row_count = rows.count};
    if (rows.count <= NESTED_ROWS_MAX) return ids;
    uint64_t capacity = 32;
    while (capacity < 2ull * rows.count) capacity *= 2;
    ids.slots = arena_alloc(arena, capacity * sizeof *ids.slots);
    memset(ids.slots, 0xff, capacity * sizeof *ids.slots);  // ROW_ID_NONE
    ids.mask = (uint32_t)(capacity - 1);
    for (uint32_t i = 0; i < rows.count; i++) {
        uint32_t at = (uint32_t)hash_u64(rows.items[i].id) & ids.mask;
        ASSERT(rows.items[i].id != ROW_ID_NONE);
        while (ids.slots[at] != ROW_ID_NONE) at = (at + 1) & ids.mask;
        ids.slots[at] = rows.items[i].id;
    }
    return ids;
}

bool row_ids_has(const RowIds *ids, RowId id) {
    ASSERT(id != ROW_ID_NONE);
    if (ids->slots == NULL) {
        for (uint32_t i = 0; i < ids->row_count; i++) {
            if (ids->rows[i].id == id) return true;
        }
        return false;
    }
    for (uint32_t at = (uint32_t)hash_u64(id) & ids->mask;; at = (at + 1) & ids->mask) {
        if (ids->slots[at] == id) return true;
        if (ids->slots[at] == ROW_ID_NONE) return false;
    }
}

// ---- openings ----

void cursor_init(Cursor *cursor, const Fragment *fragment, Store *store, const Step *step) {
    memset(cursor, 0, offsetof(Cursor, values));  // what is behind is written before it is read
    cursor->step = step;
    cursor->fragment = fragment;
    cursor->touched_max = UINT64_MAX;
    cursor->table = store_find_table(store, fragment->relations[step->relation].table);
    ASSERT(cursor->table != NULL);
    buffer_init(&cursor->key, STORE_ROW_BYTES_MAX);
    if (step->access != ACCESS_POINT && step->access != ACCESS_RANGE) return;
    cursor->lookup = store_find_index(store, step->index);
    ASSERT(cursor->lookup != NULL);  // the schema has not changed since the plan was made
    cursor->is_unique = step->access == ACCESS_POINT && index_is_unique(cursor->lookup);
}

void cursor_done(Cursor *cursor) {
    buffer_done(&cursor->key);
    row_hash_done(&cursor->hash);
}

void cursor_give(Cursor *cursor, RowSpan first, RowSpan second) {
    ASSERT(cursor->step->access == ACCESS_GIVEN && !cursor->is_hashed);
    cursor->given[0] = first;
    cursor->given[1] = second;
}

void cursor_open(Cursor *cursor, const uint8_t *const *rows) {
    cursor->is_undoing = false;
    switch (cursor->step->access) {
    case ACCESS_NONE: break;
    case ACCESS_SCAN: cursor->scan = table_scan(cursor->table); break;
    case ACCESS_POINT:
    case ACCESS_RANGE: cursor_open_index(cursor, rows); break;
    case ACCESS_HASH: cursor_open_hash(cursor, rows); break;
    case ACCESS_GIVEN: cursor_open_rows(cursor, cursor->given, 2, rows); break;
    }
}

static void cursor_open_index(Cursor *cursor, const uint8_t *const *rows) {
    const Step *step = cursor->step;
    ASSERT(cursor->lookup != NULL);
    if (cursor->is_unique) {
        cursor->is_single = index_find(cursor->lookup, cursor_key(cursor, rows), &cursor->row);
    } else if (step->access == ACCESS_POINT) {
        index_scan_point(cursor->lookup, cursor_key(cursor, rows), &cursor->index);
    } else {
        IndexRange range = {
            .prefix_columns = step->key_count, .lower = step->lower, .upper = step->upper};
        if (step->key_count > 0) range.prefix = cursor_key(cursor, rows);
        index_scan_range(cursor->lookup, &range, &cursor->index);
    }
}

// The key for an index: the one part as it is, or several put together.
static Bytes cursor_key(Cursor *cursor, const uint8_t *const *rows) {
    const Step *step = cursor->step;
    ASSERT(step->key_count > 0);
    for (uint16_t i = 0; i < step->key_count; i++) {
        const KeyPart *part = &step->key[i];
        Bytes value = part->is_constant ? part->constant
                                        : column_bytes(&part->column, rows[part->column.relation]);
        if (step->key_count == 1) return value;
        if (i == 0) buffer_clear(&cursor->key);
        buffer_append_bytes(&cursor->key, value);
    }
    ASSERT(!cursor->key.failed);
    return buffer_bytes(&cursor->key);
}

// The first opening gathers the relation's rows that satisfy its own conditions.
static void cursor_open_hash(Cursor *cursor, const uint8_t *const *rows) {
    const Step *step = cursor->step;
    ASSERT(step->join_count > 0);
    if (!cursor->is_hashed) {
        cursor->is_hashed = true;
        row_hash_init(&cursor->hash, step->join_columns, step->join_count, cursor->arena);
        TableScan scan = table_scan(cursor->table);
        Row row;
        while (!cursor_is_exhausted(cursor) && table_scan_next(&scan, &row)) {
            cursor->touched++;
            if (cursor->before != NULL && row_ids_has(&cursor->before->came, row.id)) continue;
            cursor_hash_row(cursor, &row);
        }
        if (cursor->before != NULL) {
            RowSpan went = cursor->before->went;
            for (uint32_t i = 0; i < went.count; i++) cursor_hash_row(cursor, &went.items[i]);
        }
    }
    cursor_find_entry(cursor, rows);
}

// Rows that are at hand: hashed by the first opening if they are many.
static void cursor_open_rows(Cursor *cursor, const RowSpan *spans, uint32_t count,
                             const uint8_t *const *rows) {
    cursor->at = 0;
    uint64_t row_count = 0;
    for (uint32_t i = 0; i < count; i++) row_count += spans[i].count;
    if (row_count <= NESTED_ROWS_MAX || cursor->step->join_count == 0) return;
    if (!cursor->is_hashed) cursor_hash_rows(cursor, spans, count);
    cursor_find_entry(cursor, rows);
}

static void cursor_hash_rows(Cursor *cursor, const RowSpan *spans, uint32_t count) {
    const Step *step = cursor->step;
    ASSERT(!cursor->is_hashed);
    cursor->is_hashed = true;
    row_hash_init(&cursor->hash, step->join_columns, step->join_count, cursor->arena);
    for (uint32_t i = 0; i < count; i++) {
        if (i == 1) cursor->hash_second = cursor->hash.count;
        row_hash_reserve(&cursor->hash, cursor->hash.count + spans[i].count);
        for (uint32_t k = 0; k < spans[i].count; k++) cursor_hash_row(cursor, &spans[i].items[k]);
    }
}

static void cursor_hash_row(Cursor *cursor, const Row *row) {
    const uint8_t *own[SQL_RELATIONS_MAX];
    uint16_t relation = cursor->step->relation;
    own[relation] = row->bytes.data;  // the filter looks at no other
    if (program_holds(&cursor->fragment->relations[relation].filter, own))
        row_hash_add(&cursor->hash, *row);
}

static void cursor_find_entry(Cursor *cursor, const uint8_t *const *rows) {
    const Step *step = cursor->step;
    ASSERT(cursor->is_hashed);
    for (uint16_t i = 0; i < step->join_count; i++) {
        const KeyPart *part = &step->join_key[i];
        ASSERT(!part->is_constant);
        ASSERT(rows[part->column.relation] != NULL);  // visited before
        cursor->values[i] = column_at(&part->column, rows[part->column.relation]);
    }
    cursor->entry = row_hash_first(&cursor->hash, cursor->values);
}

// ---- rows ----

bool cursor_next(Cursor *cursor, const uint8_t **rows) {
    const Step *step = cursor->step;
    ASSERT(step->relation < cursor->fragment->relation_count);
    while (!cursor_is_exhausted(cursor) && cursor_step(cursor, rows)) {
        cursor->touched++;
        rows[step->relation] = cursor->row.bytes.data;
        if (!program_holds(cursor->is_undoing ? &step->whole : &step->filter, rows)) continue;
        cursor->kept++;
        return true;
    }
    return false;
}

static bool cursor_step(Cursor *cursor, const uint8_t *const *rows) {
    AccessKind access = cursor->step->access;
    if (access == ACCESS_GIVEN) return cursor_step_given(cursor);
    if (cursor->before == NULL || access == ACCESS_HASH || access == ACCESS_NONE)
        return cursor_step_table(cursor);
    if (!cursor->is_undoing) {
        while (cursor_step_table(cursor)) {
            if (!row_ids_has(&cursor->before->came, cursor->row.id)) return true;
        }
        cursor->is_undoing = true;
        cursor_open_rows(cursor, &cursor->before->went, 1, rows);
    }
    if (cursor->is_hashed) return cursor_step_hash(cursor);
    RowSpan went = cursor->before->went;
    if (cursor->at == went.count) return false;
    cursor->row = went.items[cursor->at++];
    return true;
}

static bool cursor_step_table(Cursor *cursor) {
    switch (cursor->step->access) {
    case ACCESS_NONE: return false;
    case ACCESS_SCAN: return table_scan_next(&cursor->scan, &cursor->row);
    case ACCESS_POINT:
        if (cursor->is_unique) {
            bool is_single = cursor->is_single;
            cursor->is_single = false;
            return is_single;
        }
        return index_scan_next(&cursor->index, &cursor->row);
    case ACCESS_RANGE: return index_scan_next(&cursor->index, &cursor->row);
    case ACCESS_HASH: return cursor_step_hash(cursor);
    case ACCESS_GIVEN: break;
    }
    UNREACHABLE();
}

static bool cursor_step_given(Cursor *cursor) {
    ASSERT(cursor->step->access == ACCESS_GIVEN);
    if (cursor->is_hashed) {
        if (cursor->entry == NULL) return false;
        uint32_t at = (uint32_t)(cursor->entry - cursor->hash.entries);
        cursor->is_of_second = at >= cursor->hash_second;
        return cursor_step_hash(cursor);
    }
    uint32_t first_count = cursor->given[0].count, at = cursor->at;
    cursor->is_of_second = at >= first_count;
    if (cursor->is_of_second) at -= first_count;
    const RowSpan *span = &cursor->given[cursor->is_of_second ? 1 : 0];
    ASSERT(at <= span->count);
    if (at == span->count) return false;
    cursor->row = span->items[at];
    cursor->at++;
    return true;
}

static bool cursor_step_hash(Cursor *cursor) {
    ASSERT(cursor->is_hashed);
    if (cursor->entry == NULL) return false;
    cursor->row = cursor->entry->row;
    cursor->entry = row_hash_next(&cursor->hash, cursor->entry, cursor->values);
    return true;
}
