// run.c - a fragment's rows, by nested cursors: one for each relation, in the order of the route.
//
// A cursor is opened with the rows of the relations before it and yields its relation's rows that
// satisfy what is decidable by then. Nothing is copied or collected, except the inner side of a
// hash join, which is gathered once a run, and projected columns, which are put together in one
// buffer.

#include "query/run.h"

#include "query/explain.h"

typedef struct Count {
    uint64_t rows;
} Count;

typedef struct Direct {
    const Query *query;
    Output *output;
} Direct;

typedef struct FragmentOutput {
    const Fragment *fragment;
    QueryRow row;
    void *user;
} FragmentOutput;

// One fragment's part of a run.
typedef struct Feed {
    const Fragment *fragment;
    uint32_t at;  // of the fragment, in its query
    Store *store;
    TupleTake take;
    void *user;
    uint64_t touched_max;
    StepCount *counts;
} Feed;

static void run_counted(Run *run, Output *output);
static bool count_tuple(void *user, uint32_t fragment, const uint8_t *const *rows, Bytes returned);
static bool direct_tuple(void *user, uint32_t fragment, const uint8_t *const *rows, Bytes returned);
static bool fragment_tuple(void *user, uint32_t fragment, const uint8_t *const *rows,
                           Bytes returned);
static bool feed_run(const Feed *feed, QueryOutcome *outcome);
static bool feed_one(const Feed *feed, Cursor *cursor);
static bool feed_join(const Feed *feed, Cursor *cursors);

// ---- queries ----

QueryOutcome query_run(const Query *query, Store *store, QueryRow row, void *user) {
    ASSERT(query->fragment_count > 0);
    if (query->is_explained) return explain_run(query, store, row, user);
    Run run = {.query = query, .store = store};
    run_query(&run, row, user);
    return run.outcome;
}

Status query_check_outcome(const QueryOutcome *outcome, Error *error) {
    switch (outcome->stop) {
    case QUERY_FINISHED: return STATUS_OK;
    case QUERY_STOPPED_TOUCHED:
        return error_set(error, STATUS_LIMIT,
                         "The query looks at more than %u rows of one table; add an index or a "
                         "narrower WHERE",
                         SQL_TOUCHED_ROWS_MAX);
    case QUERY_STOPPED_GATHERED:
        return error_set(
            error, STATUS_LIMIT,
            "The query gathers more than %u bytes to sort, to group or for one row; add "
            "a LIMIT or a narrower WHERE",
            SQL_GATHERED_BYTES_MAX);
    }
    UNREACHABLE();
}

void run_query(Run *run, QueryRow row, void *user) {
    const Query *query = run->query;
    ASSERT(query->fragment_count > 0);
    Output output = {.query = query, .row = row, .user = user, .left = query->limit};
    if (query->limit == 0) return;
    buffer_init(&output.columns, STORE_ROW_BYTES_MAX);
    bool is_sorted = query->order_count > 0 && !query->is_in_order;
    if (query->shape == QUERY_COUNT) {
        run_counted(run, &output);
    } else if (query->shape == QUERY_GROUPS) {
        run_grouped(run, &output);
    } else if (is_sorted) {
        run_sorted(run, &output);
    } else {
        Direct direct = {query, &output};
        run_each(run, direct_tuple, &direct);
    }
    if (output.is_full) run->outcome.stop = QUERY_STOPPED_GATHERED;
    buffer_done(&output.columns);
}

static bool direct_tuple(void *user, uint32_t fragment, const uint8_t *const *rows,
                         Bytes returned) {
    const Direct *direct = user;
    ASSERT(fragment < direct->query->fragment_count);
    const Fragment *of = &direct->query->fragments[fragment];
    if (of->column_count == 0) return output_row(direct->output, fragment_output(of, returned));
    return output_tuple(direct->output, of->columns, of->column_count, rows, returned);
}

// The limit is about rows of the result: there is one.
static void run_counted(Run *run, Output *output) {
    const Query *query = run->query;
    ASSERT(query->shape == QUERY_COUNT && output->left > 0);
    Count count = {0};
    const Fragment *first = &query->fragments[0];
    bool is_bare = query->fragment_count == 1 && first->is_bare && run->counts == NULL;
    if (is_bare && !first->relations[0].is_event) {
        count.rows = table_row_count(store_find_table(run->store, first->relations[0].table));
    } else {
        run_each(run, count_tuple, &count);
    }
    if (run->outcome.stop != QUERY_FINISHED) return;
    uint8_t bytes[sizeof(uint64_t)];
    store_u64le(bytes, count.rows);
    (void)output_row(output, bytes_of(bytes, sizeof bytes));  // the only row
}

static bool count_tuple(void *user, uint32_t fragment, const uint8_t *const *rows, Bytes returned) {
    (void)fragment;
    (void)rows;
    (void)returned;
    ((Count *)user)->rows++;
    return true;
}

// ---- output ----

bool output_tuple(Output *output, const ColumnPath *columns, uint16_t column_count,
                  const uint8_t *const *rows, Bytes returned) {
    if (column_count == 0) return output_row(output, returned);
    buffer_clear(&output->columns);
    for (uint16_t i = 0; i < column_count; i++) {
        ASSERT(rows[columns[i].relation] != NULL);
        buffer_append_bytes(&output->columns, column_bytes(&columns[i], rows[columns[i].relation]));
    }
    return output_columns(output);
}

bool output_columns(Output *output) {
    if (output->columns.failed) {
        output->is_full = true;
        return false;
    }
    return output_row(output, buffer_bytes(&output->columns));
}

bool output_row(Output *output, Bytes row) {
    ASSERT(output->left > 0);
    output->left--;
    return output->row(output->user, row) && output->left > 0;
}

// ---- fragments ----

QueryOutcome fragment_run(const Fragment *fragment, Store *store, QueryRow row, void *user) {
    FragmentOutput output = {fragment, row, user};
    Feed feed = {
        .fragment = fragment,
        .store = store,
        .take = fragment_tuple,
        .user = &output,
        .touched_max = SQL_TOUCHED_ROWS_MAX,
    };
    QueryOutcome outcome = {0};
    (void)feed_run(&feed, &outcome);
    return outcome;
}

bool query_scans_tables(const Query *query) {
    bool is_plain = query->shape == QUERY_ROWS && query->limit == QUERY_LIMIT_NONE &&
                    query->order_count == 0 && !query->is_explained;
    for (uint32_t i = 0; i < query->fragment_count && is_plain; i++) {
        const Fragment *fragment = &query->fragments[i];
        is_plain = fragment->relation_count == 1 && !fragment->relations[0].is_event &&
                   fragment->column_count == 0 && fragment->route.steps[0].access == ACCESS_SCAN;
    }
    return is_plain;
}

bool fragment_takes_all(const Fragment *fragment) {
    return fragment->is_bare && fragment->relations[0].hidden_bytes == 0;
}

static bool fragment_tuple(void *user, uint32_t fragment, const uint8_t *const *rows,
                           Bytes returned) {
    (void)fragment;
    (void)rows;
    const FragmentOutput *output = user;
    return output->row(output->user, fragment_output(output->fragment, returned));
}

void fragment_visit(const Fragment *fragment, Store *store, RowVisit visit, void *user) {
    ASSERT(fragment->relation_count == 1);
    const uint8_t *rows[1] = {0};
    ASSERT(fragment->route.steps[0].relation == 0);
    Cursor cursor;
    cursor_init(&cursor, fragment, store, &fragment->route.steps[0]);
    cursor_open(&cursor, rows);
    while (cursor_next(&cursor, rows)) {
        if (!visit(user, &cursor.row)) break;
    }
    cursor_done(&cursor);
}

// ---- tuples ----

void run_each(Run *run, TupleTake take, void *user) {
    const Query *query = run->query;
    for (uint32_t i = 0; i < query->fragment_count; i++) {
        Feed feed = {
            .fragment = &query->fragments[i],
            .at = i,
            .store = run->store,
            .take = take,
            .user = user,
            .touched_max = SQL_TOUCHED_ROWS_MAX,
            .counts = run->counts == NULL ? NULL : &run->counts[(size_t)i * SQL_RELATIONS_MAX],
        };
        if (!feed_run(&feed, &run->outcome)) return;
    }
}

// False if the receiver stopped it, or it looked at too much.
static bool feed_run(const Feed *feed, QueryOutcome *outcome) {
    const Fragment *fragment = feed->fragment;
    uint16_t count = fragment->relation_count;
    Cursor cursors[SQL_RELATIONS_MAX];
    ASSERT(count > 0 && count <= SQL_RELATIONS_MAX);
    for (uint16_t i = 0; i < count; i++) {
        cursor_init(&cursors[i], fragment, feed->store, &fragment->route.steps[i]);
        cursors[i].touched_max = feed->touched_max;
    }
    bool goes_on = count == 1 ? feed_one(feed, cursors) : feed_join(feed, cursors);
    for (uint16_t i = 0; i < count; i++) {
        outcome->touched += cursors[i].touched;
        if (cursor_is_exhausted(&cursors[i])) outcome->stop = QUERY_STOPPED_TOUCHED;
        if (feed->counts != NULL) {
            feed->counts[i].touched += cursors[i].touched;
            feed->counts[i].kept += cursors[i].kept;
        }
        cursor_done(&cursors[i]);
    }
    return goes_on && outcome->stop == QUERY_FINISHED;
}

static bool feed_one(const Feed *feed, Cursor *cursor) {
    const uint8_t *rows[1] = {0};
    cursor_open(cursor, rows);
    while (cursor_next(cursor, rows)) {
        if (!feed->take(feed->user, feed->at, rows, cursor->row.bytes)) return false;
    }
    return true;
}

static bool feed_join(const Feed *feed, Cursor *cursors) {
    const Fragment *fragment = feed->fragment;
    const uint8_t *rows[SQL_RELATIONS_MAX] = {0};
    uint16_t count = fragment->relation_count, returned = 0, depth = 0;
    for (uint16_t i = 0; i < count; i++) {
        if (fragment->route.steps[i].relation == fragment->returned) returned = i;
    }
    cursor_open(&cursors[0], rows);
    for (;;) {
        if (!cursor_next(&cursors[depth], rows)) {
            if (depth == 0 || cursor_is_exhausted(&cursors[depth])) return true;
            depth--;
        } else if (depth + 1 < count) {
            depth++;
            cursor_open(&cursors[depth], rows);
        } else if (!feed->take(feed->user, feed->at, rows, cursors[returned].row.bytes)) {
            return false;
        }
    }
}
