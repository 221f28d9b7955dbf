// table_test.c - goal: every sentence of store.h about rows, indexes, transactions and deltas.
//
// Method: one small table, or one made for the sentence, through the public header. Randomised
// histories are in model_test.c.
#include "fixture.h"

typedef struct World {
    SchemaMaker maker;
    Store *store;
    Table *table;
    Index *by_id;
    Index *by_name;
} World;

static int world_open(void **state) {
    World *world = calloc(1, sizeof *world);
    maker_person(&world->maker, "person");
    world->store = store_create();
    world->table = create_table(world->store, maker_schema(&world->maker));
    world->by_id = store_find_index_by_name(world->store, BYTES_LITERAL("person_id_idx_btree"));
    world->by_name = store_find_index_by_name(world->store, BYTES_LITERAL("person_name_idx_btree"));
    *state = world;
    return 0;
}

static int world_close(void **state) {
    World *world = *state;
    store_check(world->store);
    store_free(world->store);
    maker_done(&world->maker);
    free(world);
    return 0;
}

static void add(World *world, uint32_t id, const char *name) {
    Tx *tx = tx_begin(world->store);
    assert_int_equal(insert(tx, world->table, person(id, name)), INSERT_ADDED);
    commit(tx);
}

static bool has(World *world, uint32_t id, const char *name) {
    RowId row;
    return table_find_row(world->table, person(id, name), &row);
}

// ---- looking up ----

static void tables_and_indexes_are_found(void **state) {
    World *world = *state;
    assert_ptr_equal(store_find_table(world->store, table_id(world->table)), world->table);
    assert_ptr_equal(store_find_table_by_name(world->store, BYTES_LITERAL("person")), world->table);
    assert_null(store_find_table_by_name(world->store, BYTES_LITERAL("nobody")));
    assert_null(store_find_table(world->store, 4095));
    assert_null(store_find_table(world->store, UINT32_MAX));
    assert_null(store_find_index(world->store, UINT32_MAX));
    assert_int_equal(table_id(world->table), USER_ID_MIN);
    assert_ptr_equal(index_table(world->by_id), world->table);
    assert_ptr_equal(store_find_index(world->store, index_schema(world->by_id)->id), world->by_id);
    uint32_t at = 0;
    assert_ptr_equal(table_next_index(world->table, &at), world->by_id);
    assert_ptr_equal(table_next_index(world->table, &at), world->by_name);
    assert_null(table_next_index(world->table, &at));
    TableId next = 0;
    uint32_t count = 0;
    TableId before = 0;
    for (Table *table = store_next_table(world->store, &next); table;
         table = store_next_table(world->store, &next)) {
        assert_true(table_id(table) > before);
        before = table_id(table);
        count++;
    }
    assert_int_equal(count, ST_COUNT + 1);
}

static void canonical_names_come_before_accessors(void **state) {
    World *world = *state;
    SchemaMaker maker;
    maker_person(&maker, "other");
    maker.schema.accessor = BYTES_LITERAL("person");  // also another table's canonical name
    maker.indexes[0].name = BYTES_LITERAL("other_idx");
    maker.indexes[0].accessor = BYTES_LITERAL("otherIdx");
    maker.indexes[1].name = BYTES_LITERAL("other_name_idx");
    maker.indexes[1].accessor = BYTES_NONE;
    Tx *tx = tx_begin(world->store);
    Table *table = NULL;
    Error error = {0};
    // Accessors are unique among themselves.
    assert_int_equal(tx_create_table(tx, maker_schema(&maker), &table, &error), STATUS_CONFLICT);
    tx_rollback(tx);
    maker.schema.accessor = BYTES_LITERAL("Other");
    table = create_table(world->store, maker_schema(&maker));
    assert_ptr_equal(store_find_table_by_name(world->store, BYTES_LITERAL("Other")), table);
    assert_ptr_equal(store_find_table_by_name(world->store, BYTES_LITERAL("person")), world->table);
    assert_non_null(store_find_index_by_name(world->store, BYTES_LITERAL("otherIdx")));
    maker_done(&maker);
}

static void indexes_are_found_by_columns(void **state) {
    World *world = *state;
    SchemaMaker maker;
    maker_init(&maker, "wide");
    maker_column(&maker, "a", type_primitive(TYPE_U32));
    maker_column(&maker, "b", type_primitive(TYPE_U32));
    maker_column(&maker, "c", type_primitive(TYPE_U32));
    maker_index(&maker, "wide_ba", INDEX_BTREE, "10");
    maker_index(&maker, "wide_ab", INDEX_HASH, "01");
    Table *table = create_table(world->store, maker_schema(&maker));
    uint16_t ab[] = {0, 1};
    uint16_t ba[] = {1, 0};
    uint16_t ac[] = {0, 2};
    assert_true(bytes_equal_text(index_schema(table_find_index(table, (ColumnList){ab, 2}))->name,
                                 "wide_ab"));
    assert_true(bytes_equal_text(index_schema(table_find_index(table, (ColumnList){ba, 2}))->name,
                                 "wide_ba"));
    assert_null(table_find_index(table, (ColumnList){ac, 2}));
    assert_null(table_find_index(table, (ColumnList){ab, 1}));
    Error error = {0};
    Tx *tx = tx_begin(world->store);
    assert_status_ok(tx_drop_index(tx, table_find_index(table, (ColumnList){ba, 2}), &error),
                     error);
    commit(tx);
    assert_non_null(table_find_index(table, (ColumnList){ba, 2}));  // as a set
    assert_false(index_is_ordered(table_find_index(table, (ColumnList){ba, 2})));
    maker_done(&maker);
}

// ---- inserting ----

static void equal_rows_exist_once(void **state) {
    World *world = *state;
    Tx *tx = tx_begin(world->store);
    InsertResult result;
    assert_int_equal(tx_insert(tx, world->table, person(1, "ann"), &result), INSERT_ADDED);
    RowId id = result.row.id;
    assert_bytes_equal(result.row.bytes, person(1, "ann"));
    assert_int_equal(result.generated.count, 0);
    assert_int_equal(tx_insert(tx, world->table, person(1, "ann"), &result), INSERT_EXISTED);
    assert_true(result.row.id == id);
    assert_int_equal(table_row_count(world->table), 1);
    commit(tx);
    tx = tx_begin(world->store);
    assert_int_equal(insert(tx, world->table, person(1, "ann")), INSERT_EXISTED);
    const Commit *nothing = tx_commit(tx);
    assert_int_equal(nothing->table_count, 0);
    assert_false(nothing->is_logged);
    tx_release(tx);
}

static void conflicts_name_the_row_in_the_way(void **state) {
    World *world = *state;
    add(world, 1, "ann");
    Tx *tx = tx_begin(world->store);
    InsertResult result;
    assert_int_equal(tx_insert(tx, world->table, person(1, "bob"), &result), INSERT_CONFLICT);
    assert_ptr_equal(result.conflict, world->by_id);
    assert_bytes_equal(result.row.bytes, person(1, "ann"));
    Buffer text;
    buffer_init(&text, 1000);
    store_conflict_text(&result, person(1, "bob"), &text);
    assert_true(bytes_equal_text(buffer_bytes(&text),
                                 "Unique constraint violation 'person_id_idx_btree' in table "
                                 "'person': column(s): '[\"id\"]' value: 1"));
    buffer_done(&text);
    // The transaction goes on.
    assert_int_equal(insert(tx, world->table, person(2, "bob")), INSERT_ADDED);
    commit(tx);
    assert_true(has(world, 2, "bob"));
}

static void conflict_text_lists_columns(void **state) {
    World *world = *state;
    SchemaMaker maker;
    maker_init(&maker, "pair");
    maker_column(&maker, "a", type_primitive(TYPE_U32));
    maker_column(&maker, "b", type_primitive(TYPE_STRING));
    maker_index(&maker, "pair_idx", INDEX_BTREE, "01");
    maker_unique(&maker, "pair_key", "01");
    maker_column(&maker, "c", type_primitive(TYPE_U8));
    Table *table = create_table(world->store, maker_schema(&maker));
    Tx *tx = tx_begin(world->store);
    uint8_t row[] = {7, 0, 0, 0, 1, 0, 0, 0, 'x', 1};
    assert_int_equal(insert(tx, table, bytes_of(row, sizeof row)), INSERT_ADDED);
    row[9] = 2;
    InsertResult result;
    assert_int_equal(tx_insert(tx, table, bytes_of(row, sizeof row), &result), INSERT_CONFLICT);
    Buffer text;
    buffer_init(&text, 1000);
    store_conflict_text(&result, bytes_of(row, sizeof row), &text);
    assert_true(bytes_equal_text(
        buffer_bytes(&text), "Unique constraint violation 'pair_idx' in table 'pair': column(s): "
                             "'[\"a\", \"b\"]' value: (0 = 7, 1 = \"x\")"));
    buffer_done(&text);
    tx_rollback(tx);
    maker_done(&maker);
}

static void tables_without_unique_index_are_sets_too(void **state) {
    World *world = *state;
    SchemaMaker maker;
    maker_init(&maker, "plain");
    maker_column(&maker, "f", type_primitive(TYPE_F64));
    Table *table = create_table(world->store, maker_schema(&maker));
    static const uint64_t BITS[] = {0, 0x8000000000000000u, 0x7ff8000000000000u,
                                    0x7ff8000000000001u};
    Tx *tx = tx_begin(world->store);
    for (size_t i = 0; i < 4; i++) {
        // By their bits: both zeros, and every NaN, are rows of their own.
        assert_int_equal(insert(tx, table, bytes_of(&BITS[i], 8)), INSERT_ADDED);
        assert_int_equal(insert(tx, table, bytes_of(&BITS[i], 8)), INSERT_EXISTED);
    }
    assert_true(tx_delete_equal(tx, table, bytes_of(&BITS[1], 8)));
    assert_false(tx_delete_equal(tx, table, bytes_of(&BITS[1], 8)));
    assert_int_equal(table_row_count(table), 3);
    commit(tx);
    maker_done(&maker);
}

static void unique_float_keys_compare_by_value(void **state) {
    World *world = *state;
    SchemaMaker maker;
    maker_init(&maker, "floats");
    maker_column(&maker, "f", type_primitive(TYPE_F64));
    maker_index(&maker, "floats_idx", INDEX_BTREE, "0");
    maker_unique(&maker, "floats_key", "0");
    Table *table = create_table(world->store, maker_schema(&maker));
    static const uint64_t ZEROS[] = {0, 0x8000000000000000u};
    Tx *tx = tx_begin(world->store);
    assert_int_equal(insert(tx, table, bytes_of(&ZEROS[0], 8)), INSERT_ADDED);
    assert_int_equal(insert(tx, table, bytes_of(&ZEROS[1], 8)), INSERT_CONFLICT);
    // An update by that key may turn one zero into the other.
    InsertResult result;
    Index *index = store_find_index_by_name(world->store, BYTES_LITERAL("floats_idx"));
    assert_int_equal(tx_update(tx, index, bytes_of(&ZEROS[1], 8), &result), UPDATE_DONE);
    assert_int_equal(insert(tx, table, bytes_of(&ZEROS[1], 8)), INSERT_EXISTED);
    commit(tx);
    maker_done(&maker);
}

// ---- updating ----

static void updates_keep_the_row_id(void **state) {
    World *world = *state;
    add(world, 1, "ann");
    RowId id;
    assert_true(table_find_row(world->table, person(1, "ann"), &id));
    Tx *tx = tx_begin(world->store);
    InsertResult result;
    assert_int_equal(
        tx_update(tx, world->by_id, person(1, "a much longer name than before"), &result),
        UPDATE_DONE);
    assert_true(result.row.id == id);
    assert_int_equal(
        tx_update(tx, world->by_id, person(1, "a much longer name than before"), &result),
        UPDATE_UNCHANGED);
    assert_int_equal(tx_update(tx, world->by_id, person(2, "nobody"), &result), UPDATE_NOT_FOUND);
    assert_int_equal(table_row_count(world->table), 1);
    const Commit *commit = tx_commit(tx);
    const TableDelta *delta = delta_of(commit, world->table);
    assert_int_equal(delta->inserted.count, 1);
    assert_int_equal(delta->deleted.count, 1);
    assert_bytes_equal(delta->deleted.items[0].bytes, person(1, "ann"));
    assert_bytes_equal(delta->inserted.items[0].bytes, person(1, "a much longer name than before"));
    tx_release(tx);
}

static void several_updates_give_first_and_last(void **state) {
    World *world = *state;
    add(world, 1, "ann");
    Tx *tx = tx_begin(world->store);
    InsertResult result;
    assert_int_equal(tx_update(tx, world->by_id, person(1, "b"), &result), UPDATE_DONE);
    assert_int_equal(tx_update(tx, world->by_id, person(1, "c"), &result), UPDATE_DONE);
    const TableDelta *delta = delta_of(tx_commit(tx), world->table);
    assert_int_equal(delta->inserted.count, 1);
    assert_bytes_equal(delta->deleted.items[0].bytes, person(1, "ann"));
    assert_bytes_equal(delta->inserted.items[0].bytes, person(1, "c"));
    tx_release(tx);
    tx = tx_begin(world->store);
    assert_int_equal(tx_update(tx, world->by_id, person(1, "d"), &result), UPDATE_DONE);
    assert_int_equal(tx_update(tx, world->by_id, person(1, "c"), &result), UPDATE_DONE);
    assert_int_equal(tx_commit(tx)->table_count, 0);  // as it was
    tx_release(tx);
}

static void updates_check_other_unique_indexes(void **state) {
    World *world = *state;
    Error error = {0};
    Tx *tx = tx_begin(world->store);
    uint16_t column = 1;
    ConstraintSchema unique = {.name = BYTES_LITERAL("person_name_key"), .columns = {&column, 1}};
    assert_status_ok(tx_create_constraint(tx, world->table, &unique, &error), error);
    commit(tx);
    world->by_name = store_find_index_by_name(world->store, BYTES_LITERAL("person_name_idx_btree"));
    assert_true(index_is_unique(world->by_name));
    add(world, 1, "ann");
    add(world, 2, "bob");
    tx = tx_begin(world->store);
    InsertResult result;
    assert_int_equal(tx_update(tx, world->by_id, person(1, "bob"), &result), UPDATE_CONFLICT);
    assert_ptr_equal(result.conflict, world->by_name);
    assert_bytes_equal(result.row.bytes, person(2, "bob"));
    assert_int_equal(tx_update(tx, world->by_name, person(3, "bob"), &result), UPDATE_DONE);
    assert_true(has(world, 3, "bob") && !has(world, 2, "bob"));
    Row row;
    assert_false(index_find(world->by_id, key_u32(2), &row));
    assert_true(index_find(world->by_id, key_u32(3), &row));
    tx_rollback(tx);
    assert_true(has(world, 2, "bob"));
    assert_true(index_find(world->by_id, key_u32(2), &row));
}

// ---- deleting, cancelling ----

static void delete_and_reinsert_cancel(void **state) {
    World *world = *state;
    add(world, 1, "ann");
    Tx *tx = tx_begin(world->store);
    assert_true(tx_delete_equal(tx, world->table, person(1, "ann")));
    assert_int_equal(insert(tx, world->table, person(1, "ann")), INSERT_ADDED);
    const Commit *commit = tx_commit(tx);
    assert_int_equal(commit->table_count, 0);
    assert_false(commit->is_logged);
    tx_release(tx);
    assert_int_equal(table_row_count(world->table), 1);
}

static void insert_and_delete_cancel(void **state) {
    World *world = *state;
    Tx *tx = tx_begin(world->store);
    assert_int_equal(insert(tx, world->table, person(1, "ann")), INSERT_ADDED);
    InsertResult result;
    assert_int_equal(tx_update(tx, world->by_id, person(1, "bob"), &result), UPDATE_DONE);
    assert_true(tx_delete_equal(tx, world->table, person(1, "bob")));
    assert_int_equal(tx_commit(tx)->table_count, 0);
    tx_release(tx);
    assert_int_equal(table_row_count(world->table), 0);
}

// Rows that exchange their keys: what one was, the other is now.
static void exchanged_keys_cancel(void **state) {
    World *world = *state;
    add(world, 1, "ann");
    add(world, 2, "bob");
    Tx *tx = tx_begin(world->store);
    RowId id;
    assert_true(table_find_row(world->table, person(1, "ann"), &id));
    tx_delete(tx, world->table, id);
    assert_true(table_find_row(world->table, person(2, "bob"), &id));
    tx_delete(tx, world->table, id);
    assert_int_equal(insert(tx, world->table, person(2, "bob")), INSERT_ADDED);
    assert_int_equal(insert(tx, world->table, person(1, "cid")), INSERT_ADDED);
    const TableDelta *delta = delta_of(tx_commit(tx), world->table);
    assert_int_equal(delta->inserted.count, 1);
    assert_int_equal(delta->deleted.count, 1);
    assert_bytes_equal(delta->inserted.items[0].bytes, person(1, "cid"));
    assert_bytes_equal(delta->deleted.items[0].bytes, person(1, "ann"));
    tx_release(tx);
}

static void emptied_tables_are_truncated(void **state) {
    World *world = *state;
    add(world, 1, "ann");
    add(world, 2, "bob");
    Tx *tx = tx_begin(world->store);
    assert_int_equal(tx_clear(tx, world->table), 2);
    assert_int_equal(tx_clear(tx, world->table), 0);
    const TableDelta *delta = delta_of(tx_commit(tx), world->table);
    assert_true(delta->is_truncated);
    assert_int_equal(delta->deleted.count, 2);
    tx_release(tx);
    add(world, 1, "ann");
    tx = tx_begin(world->store);
    (void)tx_clear(tx, world->table);
    assert_int_equal(insert(tx, world->table, person(2, "x")), INSERT_ADDED);
    assert_false(delta_of(tx_commit(tx), world->table)->is_truncated);
    tx_release(tx);
    tx = tx_begin(world->store);
    assert_true(tx_delete_equal(tx, world->table, person(2, "x")));
    assert_true(delta_of(tx_commit(tx), world->table)->is_truncated);  // its only row
    tx_release(tx);
}

static void rollback_restores_rows(void **state) {
    World *world = *state;
    add(world, 1, "ann");
    add(world, 2, "bob");
    Tx *tx = tx_begin(world->store);
    InsertResult result;
    assert_int_equal(insert(tx, world->table, person(3, "cid")), INSERT_ADDED);
    assert_int_equal(tx_update(tx, world->by_id, person(1, "x"), &result), UPDATE_DONE);
    assert_true(tx_delete_equal(tx, world->table, person(2, "bob")));
    assert_int_equal(insert(tx, world->table, person(2, "new")), INSERT_ADDED);
    tx_rollback(tx);
    assert_null(store_tx(world->store));
    assert_int_equal(table_row_count(world->table), 2);
    assert_true(has(world, 1, "ann") && has(world, 2, "bob"));
    Row row;
    assert_true(index_find(world->by_id, key_u32(2), &row));
    assert_bytes_equal(row.bytes, person(2, "bob"));
}

// ---- reading ----

static void scans_see_the_transaction(void **state) {
    World *world = *state;
    add(world, 2, "b");
    Tx *tx = tx_begin(world->store);
    assert_int_equal(insert(tx, world->table, person(3, "b")), INSERT_ADDED);
    assert_int_equal(insert(tx, world->table, person(1, "c")), INSERT_ADDED);
    IndexScan scan;
    Row row;
    uint32_t count = 0;
    index_scan_point(world->by_name, key_text("b"), &scan);
    while (index_scan_next(&scan, &row)) count++;
    assert_int_equal(count, 2);
    IndexRange all = {.lower = {.kind = BOUND_UNBOUNDED}, .upper = {.kind = BOUND_UNBOUNDED}};
    index_scan_range(world->by_id, &all, &scan);
    for (uint32_t id = 1; id <= 3; id++) {
        assert_true(index_scan_next(&scan, &row));
        assert_int_equal(load_u32le(row.bytes.data), id);  // in key order, old and new rows merged
    }
    assert_false(index_scan_next(&scan, &row));
    tx_rollback(tx);
}

static void crossing_bounds_give_nothing(void **state) {
    World *world = *state;
    for (uint32_t id = 1; id < 300; id++) add(world, id, "x");
    IndexRange range = {.lower = {BOUND_INCLUDED, key_u32(200)},
                        .upper = {BOUND_INCLUDED, key_u32(100)}};
    IndexScan scan;
    Row row;
    index_scan_range(world->by_id, &range, &scan);
    assert_false(index_scan_next(&scan, &row));
    range.lower = (Bound){BOUND_EXCLUDED, key_u32(100)};
    range.upper = (Bound){BOUND_EXCLUDED, key_u32(100)};
    index_scan_range(world->by_id, &range, &scan);
    assert_false(index_scan_next(&scan, &row));
    range.lower = (Bound){BOUND_EXCLUDED, key_u32(1000)};
    range.upper = (Bound){.kind = BOUND_UNBOUNDED};
    index_scan_range(world->by_id, &range, &scan);
    assert_false(index_scan_next(&scan, &row));
}

static void columns_and_keys_are_slices(void **state) {
    World *world = *state;
    Bytes row = person(7, "seven");
    assert_bytes_equal(table_column(world->table, row, 0), key_u32(7));
    assert_bytes_equal(table_column(world->table, row, 1), key_text("seven"));
    Buffer key;
    buffer_init(&key, 100);
    index_project(world->by_name, row, &key);
    assert_bytes_equal(buffer_bytes(&key), key_text("seven"));
    buffer_done(&key);
    assert_int_equal(index_key_type(world->by_id)->kind, TYPE_U32);
}

static void rows_are_checked(void **state) {
    World *world = *state;
    Error error = {0};
    uint8_t bytes[] = {1, 0, 0, 0, 2, 0, 0, 0, 'a', 'b', 'c', 'd'};
    Bytes row = bytes_of(bytes, sizeof bytes);
    assert_status_ok(table_check_row(world->table, &row, &error), error);
    assert_int_equal(row.count, 10);  // what trails a row of variable size is ignored
    row = bytes_of(bytes, 9);
    assert_int_equal(table_check_row(world->table, &row, &error), STATUS_INVALID);
    bytes[8] = 0xff;
    row = bytes_of(bytes, 10);
    assert_int_equal(table_check_row(world->table, &row, &error), STATUS_INVALID);
    SchemaMaker maker;
    maker_init(&maker, "fixed");
    maker_column(&maker, "a", type_primitive(TYPE_U32));
    maker_column(&maker, "b", type_primitive(TYPE_BOOL));
    Table *table = create_table(world->store, maker_schema(&maker));
    row = bytes_of(bytes, 6);
    assert_int_equal(table_check_row(table, &row, &error), STATUS_INVALID);
    assert_string_equal(error.text, "unexpected data length: Expected 5, given 6");
    row = bytes_of(bytes, 5);
    assert_int_equal(table_check_row(table, &row, &error), STATUS_INVALID);  // a bool of 2
    bytes[4] = 1;
    assert_status_ok(table_check_row(table, &row, &error), error);
    maker_done(&maker);
}

// The largest row goes in, one byte more does not.
static void rows_have_a_limit(void **state) {
    World *world = *state;
    uint8_t *bytes = calloc(1, (size_t)STORE_ROW_BYTES_MAX + 1);
    Error error = {0};
    store_u32le(bytes + 4, STORE_ROW_BYTES_MAX - 8);
    Bytes row = bytes_of(bytes, STORE_ROW_BYTES_MAX);
    assert_status_ok(table_check_row(world->table, &row, &error), error);
    Tx *tx = tx_begin(world->store);
    assert_int_equal(insert(tx, world->table, row), INSERT_ADDED);
    tx_rollback(tx);
    store_u32le(bytes + 4, STORE_ROW_BYTES_MAX - 7);
    row = bytes_of(bytes, STORE_ROW_BYTES_MAX + 1u);
    assert_int_equal(table_check_row(world->table, &row, &error), STATUS_LIMIT);
    free(bytes);
}

static void memory_comes_back(void **state) {
    World *world = *state;
    uint64_t before = table_bytes(world->table);
    Tx *tx = tx_begin(world->store);
    for (uint32_t id = 1; id < 20000; id++)
        assert_int_equal(insert(tx, world->table, person(id, "some name")), INSERT_ADDED);
    commit(tx);
    assert_true(table_bytes(world->table) > 20000 * 20);
    tx = tx_begin(world->store);
    (void)tx_clear(tx, world->table);
    commit(tx);
    assert_true(table_bytes(world->table) <= before + 4096);
}

// ---- event tables ----

static void event_rows_live_until_commit(void **state) {
    World *world = *state;
    SchemaMaker maker;
    maker_person(&maker, "ping");
    maker.schema.is_event = true;
    maker.indexes[0].name = maker.indexes[0].accessor = BYTES_LITERAL("ping_id");
    maker.indexes[1].name = maker.indexes[1].accessor = BYTES_LITERAL("ping_name");
    Table *table = create_table(world->store, maker_schema(&maker));
    for (uint32_t round = 0; round < 2; round++) {
        Tx *tx = tx_begin(world->store);
        assert_int_equal(insert(tx, table, person(1, "a")), INSERT_ADDED);
        assert_int_equal(insert(tx, table, person(1, "b")),
                         INSERT_CONFLICT);  // against rows of this transaction
        assert_int_equal(insert(tx, table, person(2, "b")), INSERT_ADDED);
        assert_true(tx_delete_equal(tx, table, person(2, "b")));
        assert_int_equal(table_row_count(table), 1);
        const Commit *commit = tx_commit(tx);
        const TableDelta *delta = delta_of(commit, table);
        assert_true(commit->is_logged);
        assert_int_equal(delta->inserted.count, 1);
        assert_int_equal(delta->deleted.count, 0);
        assert_false(delta->is_truncated);
        assert_bytes_equal(delta->inserted.items[0].bytes, person(1, "a"));
        assert_int_equal(table_row_count(table), 0);
        tx_release(tx);
        store_check(world->store);
    }
    maker_done(&maker);
}

static void deltas_are_in_table_order(void **state) {
    World *world = *state;
    SchemaMaker maker;
    maker_init(&maker, "second");
    maker_column(&maker, "a", type_primitive(TYPE_U32));
    Table *second = create_table(world->store, maker_schema(&maker));
    Tx *tx = tx_begin(world->store);
    assert_ptr_equal(store_tx(world->store), tx);
    assert_int_equal(insert(tx, second, key_u32(1)), INSERT_ADDED);
    assert_int_equal(insert(tx, world->table, person(1, "a")), INSERT_ADDED);
    const Commit *commit = tx_commit(tx);
    assert_int_equal(commit->table_count, 2);
    assert_ptr_equal(commit->tables[0].table, world->table);
    assert_ptr_equal(commit->tables[1].table, second);
    assert_false(commit->changes_schema);
    assert_ptr_equal(store_tx(world->store), tx);  // until it is released
    tx_release(tx);
    assert_null(store_tx(world->store));
    maker_done(&maker);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_WORLD(tables_and_indexes_are_found),
        WITH_WORLD(canonical_names_come_before_accessors),
        WITH_WORLD(indexes_are_found_by_columns),
        WITH_WORLD(equal_rows_exist_once),
        WITH_WORLD(conflicts_name_the_row_in_the_way),
        WITH_WORLD(conflict_text_lists_columns),
        WITH_WORLD(tables_without_unique_index_are_sets_too),
        WITH_WORLD(unique_float_keys_compare_by_value),
        WITH_WORLD(updates_keep_the_row_id),
        WITH_WORLD(several_updates_give_first_and_last),
        WITH_WORLD(updates_check_other_unique_indexes),
        WITH_WORLD(delete_and_reinsert_cancel),
        WITH_WORLD(insert_and_delete_cancel),
        WITH_WORLD(exchanged_keys_cancel),
        WITH_WORLD(emptied_tables_are_truncated),
        WITH_WORLD(rollback_restores_rows),
        WITH_WORLD(scans_see_the_transaction),
        WITH_WORLD(crossing_bounds_give_nothing),
        WITH_WORLD(columns_and_keys_are_slices),
        WITH_WORLD(rows_are_checked),
        WITH_WORLD(rows_have_a_limit),
        WITH_WORLD(memory_comes_back),
        WITH_WORLD(event_rows_live_until_commit),
        WITH_WORLD(deltas_are_in_table_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
