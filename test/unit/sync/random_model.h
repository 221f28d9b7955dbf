// random_model.h - for random_test.c: random schemas, their rows, random queries as texts, and a naive evaluator.
//
// A value is a small number that stands for the nth smallest of a few values of its type, so that the evaluator
// compares numbers where the server compares bytes. A query is evaluated by nested loops over all rows of all its
// tables; it knows nothing of plans, indexes or deltas.
#pragma once

#include "fixture.h"

#include "base/map.h"

#define TABLES_MAX 5u
#define COLUMNS_MAX 4u
#define ROWS_MAX 14u
#define RULES_MAX 2u
#define IDENTITIES 3u
#define RELATIONS_MAX 4u
#define CONDITIONS_MAX 3u
#define VALUES_MAX 8u

// ---- what may differ ----

typedef enum ValueKind {
    VALUE_U8,
    VALUE_I32,
    VALUE_U64,
    VALUE_STRING,
    VALUE_F64,
    VALUE_BOOL,
    VALUE_IDENTITY,
    VALUE_KIND_COUNT,
} ValueKind;

typedef struct ModelRow {
    uint8_t values[COLUMNS_MAX];
} ModelRow;

typedef struct ModelRows {
    ModelRow items[ROWS_MAX];
    uint32_t count;
} ModelRows;

typedef enum Op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_COUNT } Op;
static const char *const OP_TEXTS[] = {"=", "<>", "<", "<=", ">", ">="};

// "relation.column op value"; a value of SENDER is the asker.
typedef struct Term {
    uint8_t relation;
    uint8_t column;
    Op op;
    uint8_t value;
} Term;
#define SENDER 0xffu

// One term, or two of which one must hold.
typedef struct Condition {
    Term terms[2];
    uint32_t count;
} Condition;

typedef struct Join {
    uint8_t left;         // an earlier relation
    uint8_t left_column;  // of it
    uint8_t column;       // of this relation
} Join;

typedef struct RandomQuery {
    uint32_t relation_count;
    uint8_t tables[RELATIONS_MAX];
    Join joins[RELATIONS_MAX];  // from the second on
    uint8_t returned;
    Condition conditions[CONDITIONS_MAX];
    uint32_t condition_count;
} RandomQuery;

typedef enum ModelKind {
    MODEL_TABLE,
    MODEL_EVENTS,
    MODEL_VIEW,            // of rows of another table with a value in a column
    MODEL_VIEW_OF_SENDER,  // with the asker in a column
} ModelKind;

typedef struct ModelTable {
    ModelKind kind;
    char name[8];
    uint32_t column_count;
    ValueKind columns[COLUMNS_MAX];
    bool is_unique[COLUMNS_MAX];
    bool is_indexed[COLUMNS_MAX];
    RandomQuery rules[RULES_MAX];  // of row-level security
    uint32_t rule_count;
    uint8_t source;  // of a view: the table
    Term filter;     // of a view
    Table *table;
} ModelTable;

typedef struct Model {
    uint32_t table_count;
    ModelTable tables[TABLES_MAX];
    ModelRows now[TABLES_MAX];
    ModelRows before[TABLES_MAX];  // the last commit
} Model;

typedef struct Asker {
    uint8_t identity;  // a value of VALUE_IDENTITY
    bool is_owner;
} Asker;

// ---- chance ----

static uint32_t random_seed;
static uint64_t random_step;
static uint64_t random_state;

#define CHECK(condition)                                                                         \
    do {                                                                                         \
        if (!(condition)) {                                                                      \
            fail_msg("SYNC_SEED=%u step %llu: %s", random_seed, (unsigned long long)random_step, \
                     #condition);                                                                \
        }                                                                                        \
    } while (0)

static uint32_t below(uint32_t limit) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % limit);
}

static bool one_in(uint32_t count) {
    return below(count) == 0;
}

// ---- values ----

static const uint8_t U8S[VALUES_MAX] = {0, 1, 2, 9, 10, 127, 128, 255};
static const int32_t I32S[VALUES_MAX] = {INT32_MIN, -300, -1, 0, 1, 2, 256, INT32_MAX};
static const uint64_t U64S[VALUES_MAX] = {0, 1, 2, 255, 256, 1ull << 32, 1ull << 63, UINT64_MAX};
static const char *const STRINGS[VALUES_MAX] = {"", "a", "aa", "ab", "b", "it's", "x", "\xc3\xa9"};
static const double F64S[VALUES_MAX] = {-1000.5, -1.5, -0.25, 0, 0.5, 1.5, 2.5, 1000.5};

static uint32_t value_count(ValueKind kind) {
    if (kind == VALUE_BOOL) return 2;
    return kind == VALUE_IDENTITY ? IDENTITIES : VALUES_MAX;
}

static const Type *value_type(ValueKind kind) {
    static const TypeKind KINDS[] = {TYPE_U8, TYPE_I32, TYPE_U64, TYPE_STRING, TYPE_F64, TYPE_BOOL};
    return kind == VALUE_IDENTITY ? type_special(SPECIAL_IDENTITY) : type_primitive(KINDS[kind]);
}

static void value_write(Buffer *buffer, ValueKind kind, uint8_t value) {
    switch (kind) {
    case VALUE_U8: buffer_u8(buffer, U8S[value]); break;
    case VALUE_I32: buffer_u32(buffer, (uint32_t)I32S[value]); break;
    case VALUE_U64: buffer_u64(buffer, U64S[value]); break;
    case VALUE_STRING: buffer_string(buffer, bytes_of_text(STRINGS[value])); break;
    case VALUE_F64: buffer_append(buffer, &F64S[value], 8); break;
    case VALUE_BOOL: buffer_u8(buffer, value); break;
    case VALUE_IDENTITY: buffer_append(buffer, world_identity(value).bytes, 32); break;
    case VALUE_KIND_COUNT: fail();
    }
}

static void value_text(Buffer *text, ValueKind kind, uint8_t value) {
    if (value == SENDER) {
        buffer_append_text(text, ":sender");
        return;
    }
    switch (kind) {
    case VALUE_U8: buffer_append_format(text, "%u", U8S[value]); break;
    case VALUE_I32: buffer_append_format(text, "%d", I32S[value]); break;
    case VALUE_U64: buffer_append_format(text, "%llu", (unsigned long long)U64S[value]); break;
    case VALUE_STRING:
        buffer_u8(text, '\'');
        for (const char *at = STRINGS[value]; *at; at++) {
            if (*at == '\'') buffer_u8(text, '\'');
            buffer_u8(text, (uint8_t)*at);
        }
        buffer_u8(text, '\'');
        break;
    case VALUE_F64: buffer_append_format(text, "%.2f", F64S[value]); break;
    case VALUE_BOOL: buffer_append_text(text, value ? "true" : "false"); break;
    case VALUE_IDENTITY: {
        char hex[IDENTITY_HEX_COUNT + 1];
        Identity identity = world_identity(value);
        identity_to_hex(&identity, hex);
        buffer_append_format(text, "0x%s", hex);
        break;
    }
    case VALUE_KIND_COUNT: fail();
    }
}

static Bytes row_bytes(const ModelTable *table, const ModelRow *row) {
    static Buffer buffer;
    if (buffer.max == 0) buffer_init(&buffer, 4096);
    buffer_clear(&buffer);
    for (uint32_t i = 0; i < table->column_count; i++)
        value_write(&buffer, table->columns[i], row->values[i]);
    return buffer_bytes(&buffer);
}

static bool row_equal(const ModelTable *table, const ModelRow *a, const ModelRow *b) {
    return memcmp(a->values, b->values, table->column_count) == 0;
}

// ---- queries ----

static void term_text(Buffer *text, const Model *model, const RandomQuery *query,
                      const Term *term) {
    const ModelTable *table = &model->tables[query->tables[term->relation]];
    if (query->relation_count > 1) buffer_append_format(text, "x%u.", term->relation);
    buffer_append_format(text, "c%u %s ", term->column, OP_TEXTS[term->op]);
    value_text(text, table->columns[term->column], term->value);
}

// In memory of its own until the next call but one.
static Bytes query_text(const Model *model, const RandomQuery *query) {
    static Buffer texts[2];
    static uint32_t which;
    Buffer *text = &texts[which++ % 2];
    if (text->max == 0) buffer_init(text, SQL_TEXT_BYTES_MAX);
    buffer_clear(text);
    if (query->relation_count == 1) {
        buffer_append_format(text, "SELECT * FROM %s", model->tables[query->tables[0]].name);
    } else {
        buffer_append_format(text, "SELECT x%u.* FROM %s x0", query->returned,
                             model->tables[query->tables[0]].name);
    }
    for (uint32_t i = 1; i < query->relation_count; i++) {
        const Join *join = &query->joins[i];
        buffer_append_format(text, " JOIN %s x%u ON x%u.c%u = x%u.c%u",
                             model->tables[query->tables[i]].name, i, join->left, join->left_column,
                             i, join->column);
    }
    for (uint32_t i = 0; i < query->condition_count; i++) {
        const Condition *condition = &query->conditions[i];
        buffer_append_text(text, i == 0 ? " WHERE " : " AND ");
        if (condition->count > 1) buffer_append_text(text, "(");
        for (uint32_t t = 0; t < condition->count; t++) {
            if (t > 0) buffer_append_text(text, " OR ");
            term_text(text, model, query, &condition->terms[t]);
        }
        if (condition->count > 1) buffer_append_text(text, ")");
    }
    return buffer_bytes(text);
}

static Term some_term(const Model *model, const RandomQuery *query) {
    Term term = {.relation = (uint8_t)below(query->relation_count)};
    const ModelTable *table = &model->tables[query->tables[term.relation]];
    term.column = (uint8_t)below(table->column_count);
    ValueKind kind = table->columns[term.column];
    term.value = (uint8_t)below(value_count(kind));
    bool has_order = kind != VALUE_BOOL && kind != VALUE_IDENTITY;
    term.op = one_in(2) ? OP_EQ : (Op)below(has_order ? OP_COUNT : OP_LT);
    if (kind == VALUE_IDENTITY && !one_in(3)) term.value = SENDER;
    return term;
}

static void add_conditions(const Model *model, RandomQuery *query, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        Condition *condition = &query->conditions[query->condition_count++];
        condition->count = one_in(6) ? 2 : 1;
        for (uint32_t t = 0; t < condition->count; t++)
            condition->terms[t] = some_term(model, query);
    }
}

// Joins one more of the tables `from` ... to the query; false if no columns fit.
static bool add_join(const Model *model, RandomQuery *query, uint32_t from) {
    for (uint32_t tries = 0; tries < 20; tries++) {
        uint8_t number = (uint8_t)(from + below(model->table_count - from));
        const ModelTable *table = &model->tables[number];
        if (table->kind == MODEL_EVENTS) continue;  // cannot be looked up
        Join join = {.left = (uint8_t)below(query->relation_count)};
        const ModelTable *left = &model->tables[query->tables[join.left]];
        join.left_column = (uint8_t)below(left->column_count);
        join.column = (uint8_t)below(table->column_count);
        if (left->columns[join.left_column] != table->columns[join.column]) continue;
        query->tables[query->relation_count] = number;
        query->joins[query->relation_count++] = join;
        return true;
    }
    return false;
}

static RandomQuery some_query(const Model *model) {
    RandomQuery query = {.relation_count = 1};
    query.tables[0] = (uint8_t)below(model->table_count);
    uint32_t wanted = one_in(2) ? 1 : one_in(2) ? 2 : 2 + below(RELATIONS_MAX - 1);
    while (query.relation_count < wanted && add_join(model, &query, 0)) continue;
    bool has_events = model->tables[query.tables[0]].kind == MODEL_EVENTS;
    query.returned = has_events ? 0 : (uint8_t)below(query.relation_count);
    add_conditions(model, &query, below(CONDITIONS_MAX + 1));
    return query;
}

// ---- the naive evaluator ----

typedef BytesMap Bag;

static void bag_add(Bag *bag, Bytes table, Bytes row, int change) {
    static uint8_t key[512];
    CHECK(table.count + 1 + row.count <= sizeof key);
    memcpy(key, table.data, table.count);
    key[table.count] = 0;
    if (row.count > 0) memcpy(key + table.count + 1, row.data, row.count);
    Bytes bytes = bytes_of(key, table.count + 1 + row.count);
    intptr_t count = (intptr_t)bytes_map_find(bag, bytes) + change;
    CHECK(count >= 0);  // a surplus delete
    if (count == 0) {
        (void)bytes_map_remove(bag, bytes);
    } else {
        (void)bytes_map_set(bag, bytes, (void *)count);
    }
}

static void bag_check_equal(const Bag *a, const Bag *b) {
    CHECK(a->count == b->count);
    uint32_t at = 0;
    Bytes key;
    void *count;
    while (bytes_map_next(a, &at, &key, &count)) CHECK(bytes_map_find(b, key) == count);
}

static bool compare(uint8_t left, Op op, uint8_t right) {
    switch (op) {
    case OP_EQ: return left == right;
    case OP_NE: return left != right;
    case OP_LT: return left < right;
    case OP_LE: return left <= right;
    case OP_GT: return left > right;
    case OP_GE: return left >= right;
    case OP_COUNT: break;
    }
    fail();
    return false;
}

typedef struct Evaluation {
    const Model *model;
    const ModelRows *rows;  // of all tables
    Asker asker;
    const RandomQuery *query;
    const ModelRow *tuple[RELATIONS_MAX];
    const ModelRow *first;  // of a rule: the row it is about; NULL: all rows
    Bag *bag;               // NULL: only counts
    uint64_t count;
} Evaluation;

static void evaluate_from(Evaluation *evaluation, uint32_t depth, uint64_t times);

static bool term_holds(const Evaluation *evaluation, const Term *term) {
    uint8_t right = term->value == SENDER ? evaluation->asker.identity : term->value;
    return compare(evaluation->tuple[term->relation]->values[term->column], term->op, right);
}

// Of what is decidable once this relation's row is known.
static bool tuple_holds(const Evaluation *evaluation, uint32_t depth) {
    const RandomQuery *query = evaluation->query;
    if (depth > 0) {
        const Join *join = &query->joins[depth];
        uint8_t left = evaluation->tuple[join->left]->values[join->left_column];
        if (left != evaluation->tuple[depth]->values[join->column]) return false;
    }
    for (uint32_t i = 0; i < query->condition_count; i++) {
        const Condition *condition = &query->conditions[i];
        uint32_t last = 0;
        bool holds = false;
        for (uint32_t t = 0; t < condition->count; t++) {
            if (condition->terms[t].relation > last) last = condition->terms[t].relation;
        }
        if (last != depth) continue;
        for (uint32_t t = 0; t < condition->count; t++)
            holds = holds || term_holds(evaluation, &condition->terms[t]);
        if (!holds) return false;
    }
    return true;
}

// How often the asker sees the row: once for each rule that shows it, and for each row that it is joined to.
static uint64_t visible(const Evaluation *evaluation, uint8_t number, const ModelRow *row) {
    const ModelTable *table = &evaluation->model->tables[number];
    if (evaluation->asker.is_owner || table->rule_count == 0) return 1;
    uint64_t count = 0;
    for (uint32_t i = 0; i < table->rule_count; i++) {
        Evaluation rule = {.model = evaluation->model,
                           .rows = evaluation->rows,
                           .asker = evaluation->asker,
                           .query = &table->rules[i],
                           .first = row};
        evaluate_from(&rule, 0, 1);
        count += rule.count;
    }
    return count;
}

static bool view_shows(const Evaluation *evaluation, const ModelTable *view, const ModelRow *row) {
    uint8_t right = view->filter.value == SENDER ? evaluation->asker.identity : view->filter.value;
    return compare(row->values[view->filter.column], view->filter.op, right);
}

static void evaluate_row(Evaluation *evaluation, uint32_t depth, uint64_t times,
                         const ModelRow *row) {
    const RandomQuery *query = evaluation->query;
    const ModelTable *table = &evaluation->model->tables[query->tables[depth]];
    bool is_view = table->kind == MODEL_VIEW || table->kind == MODEL_VIEW_OF_SENDER;
    evaluation->tuple[depth] = row;
    if (is_view && !view_shows(evaluation, table, row)) return;
    if (!tuple_holds(evaluation, depth)) return;
    bool is_rule_itself = evaluation->first != NULL && depth == 0;
    if (!is_rule_itself) times *= visible(evaluation, query->tables[depth], row);
    if (times == 0) return;
    evaluate_from(evaluation, depth + 1, times);
}

static void evaluate_from(Evaluation *evaluation, uint32_t depth, uint64_t times) {
    const RandomQuery *query = evaluation->query;
    const Model *model = evaluation->model;
    if (depth == query->relation_count) {
        evaluation->count += times;
        if (evaluation->bag == NULL) return;
        const ModelTable *table = &model->tables[query->tables[query->returned]];
        bag_add(evaluation->bag, bytes_of_text(table->name),
                row_bytes(table, evaluation->tuple[query->returned]), (int)times);
        return;
    }
    if (depth == 0 && evaluation->first != NULL) {
        evaluate_row(evaluation, 0, times, evaluation->first);
        return;
    }
    uint8_t number = query->tables[depth];
    const ModelTable *table = &model->tables[number];
    bool is_view = table->kind == MODEL_VIEW || table->kind == MODEL_VIEW_OF_SENDER;
    const ModelRows *rows = &evaluation->rows[is_view ? table->source : number];
    if (table->kind == MODEL_EVENTS) rows = &model->now[number];
    for (uint32_t i = 0; i < rows->count; i++)
        evaluate_row(evaluation, depth, times, &rows->items[i]);
}

static bool query_has_events(const Model *model, const RandomQuery *query) {
    return model->tables[query->tables[0]].kind == MODEL_EVENTS;
}

// What the query yields. Of events: what those of the last commit yield with the other tables as they were before.
static void evaluate(const Model *model, const RandomQuery *query, Asker asker, Bag *bag) {
    Evaluation evaluation = {.model = model, .asker = asker, .query = query, .bag = bag};
    evaluation.rows = query_has_events(model, query) ? model->before : model->now;
    evaluate_from(&evaluation, 0, 1);
}
