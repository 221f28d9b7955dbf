// explain.c - texts about plans: conditions and notes are written when the plan is built, as names
// are gone afterwards; the numbers come from running it.

#include "query/explain.h"

#include "query/run.h"

// A line: a condition or two and what stands around them.
#define LINE_BYTES_MAX (4 * SQL_EXPLAIN_TEXT_BYTES_MAX)
#define NOTES_MAX 3u

typedef struct Lines {
    QueryRow row;
    void *user;
    Buffer line;
    bool is_stopped;
} Lines;

typedef struct Totals {
    double expected;  // rows touched
    uint64_t returned;
} Totals;

static void write_expr(const Fragment *fragment, const QueryExpr *expr, Buffer *text);
static void write_chain(const Fragment *fragment, const QueryExpr *expr, Buffer *text);
static void write_column(const Fragment *fragment, QueryColumn column, Buffer *text);
static Bytes take_text(Buffer *text, Arena *arena);
static Bytes note_of_groups(const QuerySpec *spec, Arena *arena, const Query *query);
static Bytes note_of_order(const QuerySpec *spec, Arena *arena, const Query *query);
static void write_aggregate(const QueryAggregate *aggregate, Buffer *text);
static bool count_row(void *user, Bytes row);
static void lines_add_step(Lines *lines, const Fragment *fragment, uint16_t at, Store *store,
                           const StepCount *count);
static void lines_end(Lines *lines);
static int guess_digits(double rows);
static double step_expected(const Fragment *fragment, const Step *step, Store *store);

// ---- building ----

Bytes explain_conditions(const Building *building, const QueryExpr *const *conditions,
                         uint32_t count) {
    if (count == 0) return BYTES_NONE;
    Buffer text;
    buffer_init(&text, SQL_EXPLAIN_TEXT_BYTES_MAX);
    for (uint32_t i = 0; i < count && !text.failed; i++) {
        if (i > 0) buffer_append_text(&text, " AND ");
        write_expr(building->fragment, conditions[i], &text);
    }
    return take_text(&text, building->arena);
}

// Ends the buffer; a text that did not fit ends in dots.
static Bytes take_text(Buffer *text, Arena *arena) {
    Bytes shown = buffer_bytes(text);
    bool is_cut = text->failed;
    if (is_cut) shown.count = utf8_cut(shown, shown.count);
    Bytes taken = is_cut ? arena_format(arena, "%.*s...", BYTES_FORMAT(shown))
                         : arena_copy(arena, shown);
    buffer_done(text);
    return taken;
}

static void write_expr(const Fragment *fragment, const QueryExpr *expr, Buffer *text) {
    static const char *const COMPARES[] = {
        [QUERY_EQ] = " = ",  [QUERY_NE] = " <> ", [QUERY_LT] = " < ",
        [QUERY_LE] = " <= ", [QUERY_GT] = " > ",  [QUERY_GE] = " >= ",
    };
    if (text->failed) return;
    switch (expr->kind) {
    case QUERY_EXPR_CONSTANT: (void)display_value(text, expr->type, expr->constant.data); return;
    case QUERY_EXPR_COLUMN: write_column(fragment, expr->column, text); return;
    case QUERY_EXPR_COMPARE:
        write_expr(fragment, expr->left, text);
        buffer_append_text(text, COMPARES[expr->compare]);
        write_expr(fragment, expr->right, text);
        return;
    case QUERY_EXPR_AND:
    case QUERY_EXPR_OR: write_chain(fragment, expr, text); return;
    }
    UNREACHABLE();
}

static void write_chain(const Fragment *fragment, const QueryExpr *expr, Buffer *text) {
    buffer_u8(text, '(');
    for (uint32_t i = 0; i < expr->item_count && !text->failed; i++) {
        if (i > 0) buffer_append_text(text, expr->kind == QUERY_EXPR_AND ? " AND " : " OR ");
        write_expr(fragment, expr->items[i], text);
    }
    buffer_u8(text, ')');
}

static void write_column(const Fragment *fragment, QueryColumn column, Buffer *text) {
    const Relation *relation = &fragment->relations[column.relation];
    if (fragment->relation_count > 1) {
        buffer_append_bytes(text, relation->name);
        buffer_u8(text, '.');
    }
    buffer_append_bytes(text, relation->row_type->fields[column.column].name);
}

void explain_set_notes(const QuerySpec *spec, Arena *arena, Query *query) {
    TypeField field = {BYTES_LITERAL("plan"), type_primitive(TYPE_STRING)};
    query->plan_type = type_product(arena, &field, 1);
    query->notes = ARENA_ARRAY(arena, Bytes, NOTES_MAX);
    if (spec->limit != QUERY_LIMIT_NONE) {
        query->notes[query->note_count++] = arena_format(arena, "limit %llu",
                                                         (unsigned long long)spec->limit);
    }
    if (spec->order_count > 0)
        query->notes[query->note_count++] = note_of_order(spec, arena, query);
    if (spec->shape == QUERY_GROUPS)
        query->notes[query->note_count++] = note_of_groups(spec, arena, query);
    if (spec->shape == QUERY_COUNT)
        query->notes[query->note_count++] = BYTES_LITERAL("count the rows");
    ASSERT(query->note_count <= NOTES_MAX);
}

static Bytes note_of_order(const QuerySpec *spec, Arena *arena, const Query *query) {
    Buffer text;
    buffer_init(&text, SQL_EXPLAIN_TEXT_BYTES_MAX);
    buffer_append_text(&text, query->is_in_order ? "in the order of the index: " : "sort by ");
    for (uint16_t i = 0; i < spec->order_count; i++) {
        if (i > 0) buffer_append_text(&text, ", ");
        if (spec->shape == QUERY_GROUPS) {
            buffer_append_bytes(&text, spec->row_type->fields[spec->order[i].output].name);
        } else {
            write_column(&query->fragments[0], spec->fragments[0].order[i], &text);
        }
        if (spec->order[i].is_descending) buffer_append_text(&text, " desc");
    }
    return take_text(&text, arena);
}

static Bytes note_of_groups(const QuerySpec *spec, Arena *arena, const Query *query) {
    Buffer text;
    buffer_init(&text, SQL_EXPLAIN_TEXT_BYTES_MAX);
    for (uint16_t i = 0; i < spec->group_count; i++) {
        buffer_append_text(&text, i == 0 ? "group by " : ", ");
        write_column(&query->fragments[0], spec->fragments[0].columns[i], &text);
    }
    if (spec->group_count > 0 && spec->aggregate_count > 0) buffer_append_text(&text, ": ");
    for (uint16_t i = 0; i < spec->aggregate_count; i++) {
        if (i > 0) buffer_append_text(&text, ", ");
        write_aggregate(&spec->aggregates[i], &text);
        if (spec->aggregates[i].kind == AGGREGATE_COUNT) {
            buffer_u8(&text, '*');
        } else {
            QueryColumn column = spec->fragments[0].columns[spec->aggregates[i].column];
            write_column(&query->fragments[0], column, &text);
        }
        buffer_u8(&text, ')');
    }
    return take_text(&text, arena);
}

static void write_aggregate(const QueryAggregate *aggregate, Buffer *text) {
    static const char *const NAMES[] = {
        [AGGREGATE_COUNT] = "count(", [AGGREGATE_SUM] = "sum(", [AGGREGATE_MIN] = "min(",
        [AGGREGATE_MAX] = "max(",     [AGGREGATE_AVG] = "avg(",
    };
    buffer_append_text(text, NAMES[aggregate->kind]);
}

// ---- running ----

QueryOutcome explain_run(const Query *query, Store *store, QueryRow row, void *user) {
    Totals totals = {0};
    Run run = {.query = query, .store = store};
    run.counts = mem_alloc_zero((size_t)query->fragment_count * SQL_RELATIONS_MAX *
                                sizeof *run.counts);
    run_query(&run, count_row, &totals.returned);
    Lines lines = {.row = row, .user = user};
    buffer_init(&lines.line, LINE_BYTES_MAX);
    for (uint32_t i = 0; i < query->note_count; i++) {
        buffer_append_bytes(&lines.line, query->notes[i]);
        lines_end(&lines);
    }
    for (uint32_t i = 0; i < query->fragment_count; i++) {
        const Fragment *fragment = &query->fragments[i];
        if (query->fragment_count > 1) {
            buffer_append_format(&lines.line, "part %u of %u", i + 1, query->fragment_count);
            lines_end(&lines);
        }
        for (uint16_t j = 0; j < fragment->relation_count; j++) {
            totals.expected += step_expected(fragment, &fragment->route.steps[j], store);
            lines_add_step(&lines, fragment, j, store,
                           &run.counts[(size_t)i * SQL_RELATIONS_MAX + j]);
        }
    }
    buffer_append_format(
        &lines.line, "total: expected to touch %.*f rows, touched %llu, returned %llu",
        guess_digits(totals.expected), totals.expected, (unsigned long long)run.outcome.touched,
        (unsigned long long)totals.returned);
    lines_end(&lines);
    buffer_append_format(&lines.line, "row_limit counts %llu",
                         (unsigned long long)query_cost(query, store));
    lines_end(&lines);
    buffer_done(&lines.line);
    mem_free(run.counts);
    return run.outcome;
}

static bool count_row(void *user, Bytes row) {
    (void)row;
    ++*(uint64_t *)user;
    return true;
}

static void lines_end(Lines *lines) {
    Bytes line = buffer_bytes(&lines->line);
    Buffer row;
    buffer_init(&row, sizeof(uint32_t) + LINE_BYTES_MAX);
    buffer_string(&row, line);
    if (!lines->is_stopped && !lines->row(lines->user, buffer_bytes(&row)))
        lines->is_stopped = true;
    buffer_done(&row);
    buffer_clear(&lines->line);
}

// Rows that the step is expected to look at: for a hash, all rows are gathered first.
static double step_expected(const Fragment *fragment, const Step *step, Store *store) {
    double gathered = 0;
    if (step->access == ACCESS_HASH) {
        TableId table = fragment->relations[step->relation].table;
        gathered = (double)table_row_count(store_find_table(store, table));
    }
    return gathered + step->rows_expected;
}

// Digits behind the point: parts of a row count when there are few.
static int guess_digits(double rows) {
    const double few = 10;
    bool is_whole = rows == __builtin_floor(rows);
    return rows < few && !is_whole ? 1 : 0;
}

static void lines_add_step(Lines *lines, const Fragment *fragment, uint16_t at, Store *store,
                           const StepCount *count) {
    static const char *const ACCESSES[] = {
        [ACCESS_NONE] = "nothing of", [ACCESS_SCAN] = "scan",        [ACCESS_POINT] = "look up",
        [ACCESS_RANGE] = "range of",  [ACCESS_HASH] = "hash all of", [ACCESS_GIVEN] = "given",
    };
    const Step *step = &fragment->route.steps[at];
    const Relation *relation = &fragment->relations[step->relation];
    Buffer *line = &lines->line;
    buffer_append_format(line, "%*s%s ", 2 * at, "", ACCESSES[step->access]);
    Bytes table = table_schema(store_find_table(store, relation->table))->name;
    buffer_append_bytes(line, table);
    if (!bytes_equal(table, relation->name)) {
        buffer_append_text(line, " as ");
        buffer_append_bytes(line, relation->name);
    }
    if (step->access == ACCESS_POINT || step->access == ACCESS_RANGE) {
        buffer_append_text(line, " by ");
        buffer_append_bytes(line, index_schema(store_find_index(store, step->index))->name);
    }
    if (step->access_text.count > 0)
        buffer_append_format(line, " (%.*s)", BYTES_FORMAT(step->access_text));
    if (step->access == ACCESS_HASH) buffer_append_text(line, ", there is no index");
    double expected = step_expected(fragment, step, store);
    buffer_append_format(line, ": expected %.*f, touched %llu", guess_digits(expected), expected,
                         (unsigned long long)count->touched);
    if (step->filter_text.count > 0) {
        buffer_append_format(line, "; if %.*s: expected %.*f, kept %llu",
                             BYTES_FORMAT(step->filter_text), guess_digits(step->kept_expected),
                             step->kept_expected, (unsigned long long)count->kept);
    }
    lines_end(lines);
}
