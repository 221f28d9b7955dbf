// sequence_test.c - goal: generated values as 2.14 has them: from st_sequence alone, given back by
// a rollback.
//
// Method: a table with a generated column of each width, through inserts, updates, rollbacks and
// old rows of st_sequence.
#include "fixture.h"

typedef struct World {
    SchemaMaker maker;
    Store *store;
    Table *table;
    Index *by_id;
} World;

static World *world_create(const Type *type) {
    World *world = calloc(1, sizeof *world);
    maker_init(&world->maker, "t");
    maker_column(&world->maker, "name", type_primitive(TYPE_STRING));
    maker_column(&world->maker, "id", type);
    maker_index(&world->maker, "t_id", INDEX_BTREE, "1");
    maker_unique(&world->maker, "t_id_key", "1");
    maker_sequence(&world->maker, "t_id_seq", 1);
    world->store = store_create();
    world->table = create_table(world->store, maker_schema(&world->maker));
    world->by_id = store_find_index_by_name(world->store, BYTES_LITERAL("t_id"));
    return world;
}

static void world_free(World *world) {
    store_check(world->store);
    store_free(world->store);
    maker_done(&world->maker);
    free(world);
}

// (name, id) with an id of `bytes` bytes.
static Bytes named(const char *name, int64_t id, uint32_t bytes) {
    static uint8_t rows[8][128];
    static uint32_t at;
    uint8_t *row = rows[at++ % 8];
    uint32_t count = (uint32_t)strlen(name);
    memset(row, id < 0 ? 0xff : 0, sizeof rows[0]);
    store_u32le(row, count);
    memcpy(row + 4, name, count);
    memcpy(row + 4 + count, &id, bytes < 8 ? bytes : 8);
    return bytes_of(row, 4 + count + bytes);
}

static int64_t insert_zero(World *world, Tx *tx, const char *name, uint32_t bytes) {
    InsertResult result;
    assert_int_equal(tx_insert(tx, world->table, named(name, 0, bytes), &result), INSERT_ADDED);
    assert_int_equal(result.generated.count, bytes);
    int64_t id = 0;
    memcpy(&id, result.generated.data, bytes < 8 ? bytes : 8);
    assert_bytes_equal(table_column(world->table, result.row.bytes, 1), result.generated);
    return id;
}

static __int128 allocated(World *world) {
    Table *sequences = store_find_table(world->store, ST_SEQUENCE);
    TableScan scan = table_scan(sequences);
    Row row;
    __int128 value = -1;
    while (table_scan_next(&scan, &row)) {
        if (load_u32le(row.bytes.data) < USER_ID_MIN) continue;
        memcpy(&value, row.bytes.data + row.bytes.count - 16, 16);
    }
    return value;
}

static void zeros_are_numbered(void **state) {
    (void)state;
    World *world = world_create(type_primitive(TYPE_U64));
    Tx *tx = tx_begin(world->store);
    assert_int_equal(insert_zero(world, tx, "a", 8), 1);
    assert_int_equal(insert_zero(world, tx, "b", 8), 2);
    InsertResult result;
    assert_int_equal(tx_insert(tx, world->table, named("five", 5, 8), &result), INSERT_ADDED);
    assert_int_equal(result.generated.count, 0);  // a value of one's own does not count
    assert_int_equal(insert_zero(world, tx, "c", 8), 3);
    assert_int_equal(insert_zero(world, tx, "d", 8), 4);
    assert_int_equal(tx_insert(tx, world->table, named("e", 0, 8), &result),
                     INSERT_CONFLICT);  // 5 is taken, and used up
    assert_int_equal(insert_zero(world, tx, "e", 8), 6);
    const TableDelta *delta = delta_of(tx_commit(tx), store_find_table(world->store, ST_SEQUENCE));
    // Once for the whole transaction.
    assert_int_equal(delta->inserted.count, 1);
    assert_int_equal(delta->deleted.count, 1);
    tx_release(tx);
    assert_true(allocated(world) == 7);
    world_free(world);
}

static void rollback_gives_values_back(void **state) {
    (void)state;
    World *world = world_create(type_primitive(TYPE_U32));
    Tx *tx = tx_begin(world->store);
    assert_int_equal(insert_zero(world, tx, "a", 4), 1);
    commit(tx);
    for (uint32_t i = 0; i < 3; i++) {
        tx = tx_begin(world->store);
        assert_int_equal(insert_zero(world, tx, "b", 4), 2);
        assert_int_equal(insert_zero(world, tx, "c", 4), 3);
        tx_rollback(tx);
        assert_true(allocated(world) == 2);
    }
    world_free(world);
}

static void updates_generate_too(void **state) {
    (void)state;
    World *world = world_create(type_primitive(TYPE_U32));
    Tx *tx = tx_begin(world->store);
    assert_int_equal(insert_zero(world, tx, "a", 4), 1);
    InsertResult result;
    // The key is filled in first, and then looked for.
    assert_int_equal(tx_update(tx, world->by_id, named("x", 0, 4), &result), UPDATE_NOT_FOUND);
    assert_int_equal(load_u32le(result.generated.data), 2);
    assert_int_equal(insert(tx, world->table, named("three", 3, 4)), INSERT_ADDED);
    assert_int_equal(tx_update(tx, world->by_id, named("x", 0, 4), &result), UPDATE_DONE);
    assert_bytes_equal(result.row.bytes, named("x", 3, 4));
    commit(tx);
    world_free(world);
}

// No error at the end of the column's width: the value is cut (storage.md 3.2).
static void narrow_columns_wrap(void **state) {
    (void)state;
    World *world = world_create(type_primitive(TYPE_U8));
    Tx *tx = tx_begin(world->store);
    for (int64_t i = 1; i <= 255; i++) assert_int_equal(insert_zero(world, tx, "a", 1), i);
    assert_int_equal(insert_zero(world, tx, "zero", 1), 0);
    InsertResult result;
    assert_int_equal(tx_insert(tx, world->table, named("b", 0, 1), &result), INSERT_CONFLICT);
    commit(tx);
    world_free(world);
    world = world_create(type_primitive(TYPE_I8));
    tx = tx_begin(world->store);
    for (int64_t i = 1; i <= 127; i++) assert_int_equal(insert_zero(world, tx, "a", 1), i);
    assert_int_equal(insert_zero(world, tx, "a", 1), 0x80);  // -128
    commit(tx);
    world_free(world);
}

static void widths_are_all_filled(void **state) {
    (void)state;
    static const struct {
        TypeKind kind;
        uint32_t bytes;
    } WIDTHS[] = {{TYPE_I16, 2},   {TYPE_I64, 8},   {TYPE_U128, 16},
                  {TYPE_I128, 16}, {TYPE_U256, 32}, {TYPE_I256, 32}};
    for (size_t i = 0; i < sizeof WIDTHS / sizeof WIDTHS[0]; i++) {
        World *world = world_create(type_primitive(WIDTHS[i].kind));
        Tx *tx = tx_begin(world->store);
        assert_int_equal(insert_zero(world, tx, "a", WIDTHS[i].bytes), 1);
        assert_int_equal(insert_zero(world, tx, "b", WIDTHS[i].bytes), 2);
        commit(tx);
        world_free(world);
    }
}

static void sequences_end(void **state) {
    (void)state;
    World *world = world_create(type_primitive(TYPE_U64));
    Error error = {0};
    Tx *tx = tx_begin(world->store);
    assert_status_ok(tx_drop_sequence(tx, world->table, BYTES_LITERAL("t_id_seq"), &error), error);
    SequenceSchema *last = maker_sequence(&world->maker, "last", 1);
    last->start = last->max - 1;
    assert_status_ok(tx_create_sequence(tx, world->table, last, &error), error);
    commit(tx);
    tx = tx_begin(world->store);
    (void)insert_zero(world, tx, "a", 8);
    InsertResult result;
    assert_int_equal(tx_insert(tx, world->table, named("b", 0, 8), &result), INSERT_EXHAUSTED);
    assert_int_equal(tx_update(tx, world->by_id, named("b", 0, 8), &result), UPDATE_EXHAUSTED);
    assert_int_equal(table_row_count(world->table), 1);
    commit(tx);
    world_free(world);
}

// Several generated columns: their values come in column order, whatever the order of the
// sequences.
static void generated_values_are_in_column_order(void **state) {
    (void)state;
    SchemaMaker maker;
    maker_init(&maker, "two");
    maker_column(&maker, "a", type_primitive(TYPE_U16));
    maker_column(&maker, "text", type_primitive(TYPE_STRING));
    maker_column(&maker, "b", type_primitive(TYPE_U32));
    maker_sequence(&maker, "b_seq", 2)->start = 100;
    maker_sequence(&maker, "a_seq", 0);
    Store *store = store_create();
    Table *table = create_table(store, maker_schema(&maker));
    Tx *tx = tx_begin(store);
    uint8_t row[] = {0, 0, 1, 0, 0, 0, 'x', 0, 0, 0, 0};
    InsertResult result;
    assert_int_equal(tx_insert(tx, table, bytes_of(row, sizeof row), &result), INSERT_ADDED);
    static const uint8_t EXPECTED[] = {1, 0, 100, 0, 0, 0};
    assert_bytes_equal(result.generated, bytes_of(EXPECTED, sizeof EXPECTED));
    row[0] = 9;
    assert_int_equal(tx_insert(tx, table, bytes_of(row, sizeof row), &result), INSERT_ADDED);
    assert_int_equal(result.generated.count, 4);
    commit(tx);
    store_check(store);
    store_free(store);
    maker_done(&maker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeros_are_numbered),
        cmocka_unit_test(rollback_gives_values_back),
        cmocka_unit_test(updates_generate_too),
        cmocka_unit_test(narrow_columns_wrap),
        cmocka_unit_test(widths_are_all_filled),
        cmocka_unit_test(sequences_end),
        cmocka_unit_test(generated_values_are_in_column_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
