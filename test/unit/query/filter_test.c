// filter_test.c - conditions over one table against value_compare, for columns of every comparable
// type, behind columns of fixed and of variable size; and statements that change rows, built by
// hand.
#include "query/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ARENA_MAX (1u << 28)

static uint64_t random_seed = 12345;

static uint32_t pick(uint32_t count) {
    random_seed = random_seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_seed >> 33) % count);
}

// A table of one column more than `count`: the columns before it have the types given.
static Table *table_create(Store *store, const char *name, const Type *const *types, uint16_t count,
                           const SequenceSchema *sequence) {
    Arena arena;
    arena_init(&arena, ARENA_MAX);
    TypeField *fields = ARENA_ARRAY(&arena, TypeField, count);
    ColumnSchema *columns = ARENA_ARRAY(&arena, ColumnSchema, count);
    for (uint16_t i = 0; i < count; i++) {
        fields[i] = (TypeField){arena_format(&arena, "c%u", i), types[i]};
        columns[i] = (ColumnSchema){
            .name = fields[i].name, .accessor = fields[i].name, .type = types[i]};
    }
    TableSchema schema = {
        .name = bytes_of_text(name),
        .accessor = bytes_of_text(name),
        .columns = columns,
        .column_count = count,
        .row_type = type_product(&arena, fields, count),
        .primary_key = COLUMN_NONE,
        .origin = TABLE_USER,
        .sequences = sequence,
        .sequence_count = sequence != NULL ? 1 : 0,
    };
    Error error;
    Table *table = NULL;
    Tx *tx = tx_begin(store);
    assert_int_equal(tx_create_table(tx, &schema, &table, &error), STATUS_OK);
    tx_commit(tx);
    tx_release(tx);
    arena_done(&arena);
    return table;
}

// A value of the type, often one of few, so that values are equal now and then.
static void value_write(Buffer *buffer, const Type *type) {
    if (type->kind == TYPE_BOOL) {
        buffer_u8(buffer, (uint8_t)pick(2));
    } else if (type->kind == TYPE_STRING || type_is_bytes(type)) {
        uint32_t count = pick(4);
        buffer_u32(buffer, count);
        for (uint32_t i = 0; i < count; i++) buffer_u8(buffer, (uint8_t)('a' + pick(3)));
    } else if (type->kind == TYPE_F32) {
        static const float VALUES[] = {
            0.0f, -0.0f, 1.5f, -1.5f, __builtin_inff(), -__builtin_inff(), __builtin_nanf("")};
        float value = VALUES[pick(7)];
        buffer_append(buffer, &value, sizeof value);
    } else if (type->kind == TYPE_F64) {
        static const double VALUES[] = {
            0.0, -0.0, 1.5, -1.5, __builtin_inf(), -__builtin_inf(), __builtin_nan("")};
        double value = VALUES[pick(7)];
        buffer_append(buffer, &value, sizeof value);
    } else {
        static const uint8_t FILLS[] = {0, 0xff, 0x7f, 0x80, 1};
        uint8_t fill = pick(3) == 0 ? 0xff : 0;
        for (uint32_t i = 0; i < type->fixed_bytes; i++) {
            bool is_edge = i == 0 || i + 1 == type->fixed_bytes;
            buffer_u8(buffer, is_edge && pick(2) == 0 ? FILLS[pick(5)] : fill);
        }
    }
}

static bool compare_holds(QueryCompare compare, int order) {
    switch (compare) {
    case QUERY_EQ: return order == 0;
    case QUERY_NE: return order != 0;
    case QUERY_LT: return order < 0;
    case QUERY_LE: return order <= 0;
    case QUERY_GT: return order > 0;
    case QUERY_GE: return order >= 0;
    }
    abort();
}

static const Query *query_of(Store *store, TableId table, const QueryExpr *condition,
                             Arena *arena) {
    QueryRelation relation = {.table = table};
    FragmentSpec fragment = {
        .relations = &relation, .relation_count = 1, .conjuncts = &condition, .conjunct_count = 1};
    QuerySpec spec = {
        .shape = QUERY_ROWS,
        .row_type = table_schema(store_find_table(store, table))->row_type,
        .fragments = &fragment,
        .fragment_count = 1,
        .limit = QUERY_LIMIT_NONE,
    };
    return query_build(store, &spec, arena);
}

static QueryExpr expr_column(const Type *type, uint16_t column) {
    QueryExpr expr = {.kind = QUERY_EXPR_COLUMN, .type = type};
    expr.column = (QueryColumn){0, column};
    return expr;
}

static QueryExpr expr_constant(const Type *type, Bytes value) {
    QueryExpr expr = {.kind = QUERY_EXPR_CONSTANT, .type = type};
    expr.constant = value;
    return expr;
}

static QueryExpr expr_compare(QueryCompare compare, const QueryExpr *left, const QueryExpr *right) {
    QueryExpr expr = {
        .kind = QUERY_EXPR_COMPARE, .compare = compare, .type = type_primitive(TYPE_BOOL)};
    expr.left = left;
    expr.right = right;
    return expr;
}

// Columns: one before, the tested one, one between, another of the tested type.
static void check_type(Store *store, const Type *type, const Type *before, const Type *between,
                       uint32_t number) {
    char name[40];
    snprintf(name, sizeof name, "t%u", number);
    const Type *types[4] = {before, type, between, type};
    Table *table = table_create(store, name, types, 4, NULL);
    for (uint32_t turn = 0; turn < 60; turn++) {
        Arena arena;
        arena_init(&arena, ARENA_MAX);
        Buffer constant, row;
        buffer_init(&constant, 1000);
        buffer_init(&row, 1000);
        value_write(&constant, type);
        QueryExpr first = expr_column(type, 1), second = expr_column(type, 3);
        QueryExpr value = expr_constant(type, buffer_bytes(&constant));
        QueryCompare compare = (QueryCompare)pick(6);
        uint32_t form = pick(4);
        const QueryExpr *left = form == 1 ? &value : &first;
        const QueryExpr *right = form == 1 ? &first : form == 2 ? &second : &value;
        QueryExpr condition = expr_compare(compare, left, right);
        QueryExpr truth = expr_constant(type_primitive(TYPE_BOOL), BYTES_LITERAL("\1"));
        QueryExpr outer = expr_compare(QUERY_EQ, &condition, &truth);
        const Query *query = query_of(store, table_id(table), form == 3 ? &outer : &condition,
                                      &arena);
        for (uint32_t i = 0; i < 20; i++) {
            buffer_clear(&row);
            size_t at[4];
            for (uint32_t j = 0; j < 4; j++) {
                at[j] = row.count;
                value_write(&row, types[j]);
            }
            const uint8_t *values[3] = {row.data + at[1], row.data + at[3], constant.data};
            int order = form == 1   ? value_compare(type, values[2], values[0])
                        : form == 2 ? value_compare(type, values[0], values[1])
                                    : value_compare(type, values[0], values[2]);
            bool expected = compare_holds(compare, order);
            assert_int_equal(fragment_matches(query_fragment(query, 0), buffer_bytes(&row)),
                             expected);
        }
        buffer_done(&constant);
        buffer_done(&row);
        arena_done(&arena);
    }
}

static void test_every_type_compares_as_values_do(void **state) {
    (void)state;
    Store *store = store_create();
    Arena arena;
    arena_init(&arena, ARENA_MAX);
    const Type *types[40];
    uint32_t count = 0;
    for (TypeKind kind = TYPE_STRING; kind < TYPE_KIND_COUNT; kind++)
        types[count++] = type_primitive(kind);
    types[count++] = type_array(&arena, type_primitive(TYPE_U8));
    types[count++] = type_special(SPECIAL_IDENTITY);
    types[count++] = type_special(SPECIAL_CONNECTION_ID);
    types[count++] = type_special(SPECIAL_TIMESTAMP);
    types[count++] = type_special(SPECIAL_UUID);
    const Type *others[3] = {type_primitive(TYPE_U16), type_primitive(TYPE_STRING),
                             type_special(SPECIAL_IDENTITY)};
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < 3; j++)
            check_type(store, types[i], others[j], others[(j + i) % 3], i * 3 + j);
    }
    arena_done(&arena);
    store_free(store);
}

// An equality says which rows matter; never for floats, whose equal values may have different
// bytes.
static void test_equalities(void **state) {
    (void)state;
    Store *store = store_create();
    const Type *types[2] = {type_primitive(TYPE_U32), type_primitive(TYPE_F64)};
    Table *table = table_create(store, "t", types, 2, NULL);
    Arena arena;
    arena_init(&arena, ARENA_MAX);
    uint8_t number[8] = {7};
    QueryExpr columns[2] = {expr_column(types[0], 0), expr_column(types[1], 1)};
    QueryExpr values[2] = {expr_constant(types[0], bytes_of(number, 4)),
                           expr_constant(types[1], bytes_of(number, 8))};
    for (uint32_t i = 0; i < 2; i++) {
        for (QueryCompare compare = QUERY_EQ; compare <= QUERY_GE; compare++) {
            QueryExpr condition = expr_compare(compare, &values[i], &columns[i]);
            const Query *query = query_of(store, table_id(table), &condition, &arena);
            uint32_t count;
            const Equality *equalities = fragment_equalities(query_fragment(query, 0), &count);
            assert_int_equal(count, i == 0 && compare == QUERY_EQ ? 1 : 0);
            if (count == 0) continue;
            assert_int_equal(equalities[0].table, table_id(table));
            assert_int_equal(equalities[0].column, 0);
            assert_true(bytes_equal(equalities[0].value, bytes_of(number, 4)));
        }
    }
    arena_done(&arena);
    store_free(store);
}

static bool count_row(void *user, Bytes row) {
    (void)row;
    return ++*(uint32_t *)user < 3;
}

// false from the receiver ends a run.
static void test_a_run_can_be_stopped(void **state) {
    (void)state;
    Store *store = store_create();
    const Type *types[1] = {type_primitive(TYPE_U32)};
    Table *table = table_create(store, "t", types, 1, NULL);
    Tx *tx = tx_begin(store);
    for (uint32_t i = 0; i < 10; i++) {
        InsertResult result;
        assert_int_equal(tx_insert(tx, table, bytes_of(&i, 4), &result), INSERT_ADDED);
    }
    tx_commit(tx);
    tx_release(tx);
    Arena arena;
    arena_init(&arena, ARENA_MAX);
    QueryExpr truth = expr_constant(type_primitive(TYPE_BOOL), BYTES_LITERAL("\1"));
    const Query *query = query_of(store, table_id(table), &truth, &arena);
    uint32_t count = 0;
    query_run(query, store, count_row, &count);
    assert_int_equal(count, 3);
    arena_done(&arena);
    store_free(store);
}

// Zero in a column with a sequence is filled in, until the sequence has nothing left.
static void test_insert_generates(void **state) {
    (void)state;
    Store *store = store_create();
    const Type *types[2] = {type_primitive(TYPE_U8), type_primitive(TYPE_U8)};
    SequenceSchema sequence = {.name = BYTES_LITERAL("t_c0_seq"),
                               .column = 0,
                               .start = 254,
                               .min = 1,
                               .max = 255,
                               .increment = 1};
    Table *table = table_create(store, "t", types, 2, &sequence);
    Arena arena;
    arena_init(&arena, ARENA_MAX);
    static const uint8_t ROWS[3][2] = {{0, 1}, {0, 1}, {9, 1}};
    Bytes rows[3];
    for (uint32_t i = 0; i < 3; i++) rows[i] = bytes_of(ROWS[i], 2);
    DmlSpec spec = {.kind = DML_INSERT, .table = table_id(table), .rows = rows, .row_count = 3};
    const Dml *dml = dml_build(store, &spec, &arena);
    assert_int_equal(dml_table(dml), table_id(table));
    DmlStats stats;
    Error error;
    Tx *tx = tx_begin(store);
    assert_int_equal(dml_run(dml, tx, &stats, &error), STATUS_OK);
    assert_int_equal(stats.inserted, 3);
    assert_int_equal(stats.deleted + stats.updated, 0);
    RowId id;
    assert_true(table_find_row(table, bytes_of("\xfe\1", 2), &id));
    assert_true(table_find_row(table, bytes_of("\xff\1", 2), &id));
    tx_commit(tx);
    tx_release(tx);
    arena_done(&arena);
    store_free(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_compares_as_values_do),
        cmocka_unit_test(test_equalities),
        cmocka_unit_test(test_a_run_can_be_stopped),
        cmocka_unit_test(test_insert_generates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
