// run.c - a fragment's rows, by nested cursors: one for each relation, in the order of the route.
//
// A cursor is opened with the rows of the relations before it and yields its relation's rows that
// satisfy what is decidable by then. Nothing is copied or collected, except the inner side of a
// hash join, which is gathered once a run, and projected columns, which are put together in one
// buffer.

#include "query/plan.h"

// Where rows go.
typedef struct Sink {
    QueryRow row;
    void *user;
    uint64_t left;  // of LIMIT
    uint64_t count;
    bool is_counting;  // rows are only counted
    bool is_stopped;
    Buffer columns;  // the projected row
} Sink;

typedef struct SinkVisit {
    Sink *sink;
    const Fragment *fragment;
} SinkVisit;

static void sink_take(Sink *sink, const Fragment *fragment, const uint8_t *const *rows,
                      Bytes returned);
static void fragment_feed(const Fragment *fragment, Store *store, Sink *sink);
static bool sink_visit(void *user, const Row *row);
static void fragment_feed_join(const Fragment *fragment, Store *store, Sink *sink);
static Bytes cursor_key(Cursor *cursor, const uint8_t *const *rows);
static void cursor_open_hash(Cursor *cursor, const uint8_t *const *rows);
static bool cursor_step(Cursor *cursor);

// ---- queries ----

void query_run(const Query *query, Store *store, QueryRow row, void *user) {
    Sink sink = {
        .row = row, .user = user, .left = query->limit, .is_counting = query->shape == QUERY_COUNT};
    ASSERT(query->fragment_count > 0);
    if (query->limit == 0) return;
    if (sink.is_counting)
        sink.left = QUERY_LIMIT_NONE;  // the limit is about rows of the result: one
    buffer_init(&sink.columns, STORE_ROW_BYTES_MAX);
    for (uint32_t i = 0; i < query->fragment_count && !sink.is_stopped; i++) {
        fragment_feed(&query->fragments[i], store, &sink);
    }
    buffer_done(&sink.columns);
    if (!sink.is_counting) return;
    uint8_t count[sizeof(uint64_t)];
    store_u64le(count, sink.count);
    (void)row(user,
              bytes_of(count, sizeof count));  // the last row: whether to go on does not matter
}

void fragment_run(const Fragment *fragment, Store *store, QueryRow row, void *user) {
    Sink sink = {.row = row, .user = user, .left = QUERY_LIMIT_NONE};
    buffer_init(&sink.columns, STORE_ROW_BYTES_MAX);
    fragment_feed(fragment, store, &sink);
    buffer_done(&sink.columns);
}

static void fragment_feed(const Fragment *fragment, Store *store, Sink *sink) {
    if (sink->is_counting && fragment->is_bare && !fragment->relations[0].is_event) {
        sink->count += table_row_count(store_find_table(store, fragment->relations[0].table));
        return;
    }
    if (fragment->relation_count > 1) {
        fragment_feed_join(fragment, store, sink);
        return;
    }
    SinkVisit visit = {sink, fragment};
    fragment_visit(fragment, store, sink_visit, &visit);
}

static bool sink_visit(void *user, const Row *row) {
    SinkVisit *visit = user;
    const uint8_t *rows[1] = {row->bytes.data};
    sink_take(visit->sink, visit->fragment, rows, row->bytes);
    return !visit->sink->is_stopped;
}

static void sink_take(Sink *sink, const Fragment *fragment, const uint8_t *const *rows,
                      Bytes returned) {
    ASSERT(!sink->is_stopped);
    sink->count++;
    if (sink->is_counting) return;
    Bytes bytes;
    if (fragment->column_count == 0) {
        bytes = fragment_output(fragment, returned);
    } else {
        buffer_clear(&sink->columns);
        for (uint16_t i = 0; i < fragment->column_count; i++) {
            const ColumnPath *path = &fragment->columns[i];
            buffer_append_bytes(&sink->columns, column_bytes(path, rows[path->relation]));
        }
        bytes = buffer_bytes(&sink->columns);
    }
    sink->left--;
    if (!sink->row(sink->user, bytes) || sink->left == 0) sink->is_stopped = true;
}

// ---- one relation ----

void fragment_visit(const Fragment *fragment, Store *store, RowVisit visit, void *user) {
    ASSERT(fragment->relation_count == 1);
    const uint8_t *rows[1] = {0};
    Cursor cursor;
    cursor_init(&cursor, fragment, store, &fragment->route.steps[0]);
    cursor_open(&cursor, rows);
    while (cursor_next(&cursor, rows)) {
        if (!visit(user, &cursor.row)) break;
    }
    cursor_done(&cursor);
}

// ---- joins ----

static void fragment_feed_join(const Fragment *fragment, Store *store, Sink *sink) {
    const uint8_t *rows[SQL_RELATIONS_MAX] = {0};
    Cursor cursors[SQL_RELATIONS_MAX];
    uint16_t count = fragment->relation_count, returned = 0;
    ASSERT(count > 1 && count <= SQL_RELATIONS_MAX);
    for (uint16_t i = 0; i < count; i++) {
        cursor_init(&cursors[i], fragment, store, &fragment->route.steps[i]);
        if (fragment->route.steps[i].relation == fragment->returned) returned = i;
    }
    uint16_t depth = 0;
    cursor_open(&cursors[0], rows);
    while (!sink->is_stopped) {
        if (!cursor_next(&cursors[depth], rows)) {
            if (depth == 0) break;
            depth--;
        } else if (depth + 1 == count) {
            sink_take(sink, fragment, rows, cursors[returned].row.bytes);
        } else {
            depth++;
            cursor_open(&cursors[depth], rows);
        }
    }
    for (uint16_t i = 0; i < count; i++) cursor_done(&cursors[i]);
}

// ---- cursors ----

void cursor_init(Cursor *cursor, const Fragment *fragment, Store *store, const Step *step) {
    *cursor = (Cursor){.step = step, .fragment = fragment, .store = store};
    buffer_init(&cursor->key, STORE_ROW_BYTES_MAX);
}

void cursor_done(Cursor *cursor) {
    buffer_done(&cursor->key);
    row_hash_done(&cursor->hash);
}

void cursor_open(Cursor *cursor, const uint8_t *const *rows) {
    const Step *step = cursor->step;
    TableId table = cursor->fragment->relations[step->relation].table;
    switch (step->access) {
    case ACCESS_NONE: break;
    case ACCESS_SCAN: cursor->scan = table_scan(store_find_table(cursor->store, table)); break;
    case ACCESS_POINT: {
        Index *index = store_find_index(cursor->store, step->index);
        ASSERT(index != NULL);  // the schema has not changed since the plan was made
        Bytes key = cursor_key(cursor, rows);
        cursor->is_single = false;
        if (!index_is_unique(index)) {
            index_scan_point(index, key, &cursor->index);
        } else {
            cursor->is_single = index_find(index, key, &cursor->row);
        }
        break;
    }
    case ACCESS_RANGE: {
        Index *index = store_find_index(cursor->store, step->index);
        ASSERT(index != NULL);
        IndexRange range = {
            .prefix_columns = step->key_count, .lower = step->lower, .upper = step->upper};
        if (step->key_count > 0) range.prefix = cursor_key(cursor, rows);
        index_scan_range(index, &range, &cursor->index);
        break;
    }
    case ACCESS_HASH: cursor_open_hash(cursor, rows); break;
    case ACCESS_GIVEN: UNREACHABLE();
    }
}

// The key for an index: the one part as it is, or several put together.
static Bytes cursor_key(Cursor *cursor, const uint8_t *const *rows) {
    const Step *step = cursor->step;
    ASSERT(step->key_count > 0);
    buffer_clear(&cursor->key);
    for (uint16_t i = 0; i < step->key_count; i++) {
        const KeyPart *part = &step->key[i];
        Bytes value = part->is_constant ? part->constant
                                        : column_bytes(&part->column, rows[part->column.relation]);
        if (step->key_count == 1) return value;
        buffer_append_bytes(&cursor->key, value);
    }
    ASSERT(!cursor->key.failed);
    return buffer_bytes(&cursor->key);
}

// The first opening gathers the relation's rows that satisfy its own conditions.
static void cursor_open_hash(Cursor *cursor, const uint8_t *const *rows) {
    const Step *step = cursor->step;
    const Relation *relation = &cursor->fragment->relations[step->relation];
    if (!cursor->is_hashed) {
        cursor->is_hashed = true;
        row_hash_init(&cursor->hash, step->hash_columns, step->key_count);
        TableScan scan = table_scan(store_find_table(cursor->store, relation->table));
        const uint8_t *own[SQL_RELATIONS_MAX] = {0};
        Row row;
        while (table_scan_next(&scan, &row)) {
            own[step->relation] = row.bytes.data;
            if (program_holds(&relation->filter, own)) row_hash_add(&cursor->hash, row);
        }
    }
    for (uint16_t i = 0; i < step->key_count; i++) {
        const KeyPart *part = &step->key[i];
        ASSERT(!part->is_constant);
        cursor->values[i] = column_at(&part->column, rows[part->column.relation]);
    }
    cursor->entry = row_hash_first(&cursor->hash, cursor->values);
}

bool cursor_next(Cursor *cursor, const uint8_t **rows) {
    const Step *step = cursor->step;
    ASSERT(step->relation < cursor->fragment->relation_count);
    while (cursor_step(cursor)) {
        rows[step->relation] = cursor->row.bytes.data;
        if (program_holds(&step->filter, rows)) return true;
    }
    return false;
}

static bool cursor_step(Cursor *cursor) {
    switch (cursor->step->access) {
    case ACCESS_NONE: return false;
    case ACCESS_SCAN: return table_scan_next(&cursor->scan, &cursor->row);
    case ACCESS_POINT:
        if (cursor->is_single) {
            cursor->is_single = false;
            return true;
        }
        return cursor->index.index != NULL && index_scan_next(&cursor->index, &cursor->row);
    case ACCESS_RANGE: return index_scan_next(&cursor->index, &cursor->row);
    case ACCESS_HASH:
        if (cursor->entry == NULL) return false;
        cursor->row = cursor->entry->row;
        cursor->entry = row_hash_next(&cursor->hash, cursor->entry, cursor->values);
        return true;
    case ACCESS_GIVEN: break;
    }
    UNREACHABLE();
}
