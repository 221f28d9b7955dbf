// replay_test.c - goal: what was committed, replayed, is the same database; what no server wrote is
// refused.
//
// Method: commits are kept as a log would keep them (all inserts, all deletes, truncated tables)
// and replayed into a store of their own, after a history of every kind of schema change and after
// random ones; then both stores are compared row by row and go on alike. Damaged histories are
// written by hand.
#include "history.h"

static void expect_refused(const History *history, const char *part) {
    Store *store = store_create();
    Error error = {0};
    uint64_t added;
    assert_int_equal(replay_into(store, history, &added, &error), STATUS_CORRUPT);
    if (strstr(error.text, part) == NULL) fail_msg("'%s' is not in '%s'", part, error.text);
    store_free(store);
}

// ---- a history of every kind ----

typedef struct World {
    SchemaMaker maker;
    Store *store;
    History *history;
    Table *table;
} World;

static World *world_create(void) {
    World *world = calloc(1, sizeof *world);
    world->history = history_create();
    world->store = store_create();
    maker_person(&world->maker, "person");
    maker_sequence(&world->maker, "person_id_seq", 0);
    Tx *tx = tx_begin(world->store);
    world->table = create_table_in(tx, maker_schema(&world->maker));
    assert_int_equal(insert(tx, world->table, person(0, "ann")), INSERT_ADDED);
    ProgramInfo program = {.program = BYTES_LITERAL("program")};
    tx_set_program(tx, &program);
    commit_kept(tx, world->history);
    tx = tx_begin(world->store);
    assert_int_equal(insert(tx, world->table, person(0, "bob")), INSERT_ADDED);
    assert_int_equal(insert(tx, world->table, person(0, "cid")), INSERT_ADDED);
    commit_kept(tx, world->history);
    return world;
}

static void world_free(World *world) {
    store_free(world->store);
    history_free(world->history);
    maker_done(&world->maker);
    free(world);
}

static void assert_replays(World *world) {
    Store *again = replayed(world->history);
    assert_same_store(world->store, again);
    store_free(again);
}

static void step_changes(World *world) {
    Error error = {0};
    Tx *tx = tx_begin(world->store);
    uint16_t column = 1;
    ConstraintSchema unique = {.name = BYTES_LITERAL("person_name_key"), .columns = {&column, 1}};
    assert_status_ok(tx_create_constraint(tx, world->table, &unique, &error), error);
    uint16_t both[] = {1, 0};
    IndexSchema index = {.name = BYTES_LITERAL("both"),
                         .accessor = BYTES_LITERAL("Both"),
                         .kind = INDEX_HASH,
                         .columns = {both, 2}};
    assert_status_ok(tx_create_index(tx, world->table, &index, &error), error);
    ScheduleSchema schedule = {
        .name = BYTES_LITERAL("sched"), .function = BYTES_LITERAL("tick"), .at_column = 1};
    assert_status_ok(tx_set_schedule(tx, world->table, &schedule, &error), error);
    assert_status_ok(tx_set_access(tx, world->table, TABLE_PRIVATE, &error), error);
    assert_status_ok(tx_set_primary_key(tx, world->table, 1, &error), error);
    InsertResult result;
    Index *by_id = store_find_index_by_name(world->store, BYTES_LITERAL("person_id_idx_btree"));
    assert_int_equal(tx_update(tx, by_id, person(2, "robert"), &result), UPDATE_DONE);
    commit_kept(tx, world->history);
}

static void step_add_columns(World *world) {
    Error error = {0};
    static const uint8_t AGE[] = {42};
    maker_column(&world->maker, "age", type_primitive(TYPE_U8));
    world->maker.columns[2].default_value = bytes_of(AGE, 1);
    Tx *tx = tx_begin(world->store);
    assert_status_ok(
        tx_add_columns(tx, world->table, maker_schema(&world->maker), &world->table, &error),
        error);
    commit_kept(tx, world->history);
}

static Table *step_create_others(World *world) {
    SchemaMaker events;
    maker_init(&events, "events");
    maker_column(&events, "n", type_primitive(TYPE_U32));
    events.schema.is_event = true;
    Tx *tx = tx_begin(world->store);
    Table *table = create_table_in(tx, maker_schema(&events));
    assert_int_equal(insert(tx, table, key_u32(1)), INSERT_ADDED);
    SchemaMaker empty;
    maker_init(&empty, "empty");
    maker_column(&empty, "n", type_primitive(TYPE_U32));
    (void)create_table_in(tx, maker_schema(&empty));
    Error error = {0};
    ColumnSchema column = {.name = BYTES_LITERAL("n"),
                           .accessor = BYTES_LITERAL("n"),
                           .type = type_primitive(TYPE_U32)};
    ViewDef view = {.name = BYTES_LITERAL("seen"),
                    .source_name = BYTES_LITERAL("seen"),
                    .params = type_unit(),
                    .columns = &column,
                    .column_count = 1,
                    .primary_key = COLUMN_NONE};
    Table *backing = NULL;
    assert_status_ok(tx_create_view(tx, &view, &backing, &error), error);
    assert_status_ok(tx_set_row_level_security(tx, table_id(world->table), BYTES_LITERAL("SELECT"),
                                               true, &error),
                     error);
    commit_kept(tx, world->history);
    maker_done(&events);
    maker_done(&empty);
    tx = tx_begin(world->store);
    uint8_t row[36] = {0};
    assert_int_equal(insert(tx, backing, bytes_of(row, sizeof row)), INSERT_ADDED);
    assert_int_equal(insert(tx, table, key_u32(2)), INSERT_ADDED);
    commit_kept(tx, world->history);
    return table;
}

static void every_change_replays(void **state) {
    (void)state;
    World *world = world_create();
    assert_replays(world);
    step_changes(world);
    assert_replays(world);
    step_add_columns(world);
    assert_replays(world);
    Table *events = step_create_others(world);
    assert_replays(world);
    // A table that was full is dropped: its rows are a truncate, though its st_table row has gone
    // before.
    Error error = {0};
    Tx *tx = tx_begin(world->store);
    assert_status_ok(tx_drop_table(tx, world->table, &error), error);
    commit_kept(tx, world->history);
    assert_replays(world);
    tx = tx_begin(world->store);
    assert_status_ok(tx_drop_table(tx, events, &error), error);
    assert_status_ok(tx_drop_view(tx, BYTES_LITERAL("seen"), &error), error);
    commit_kept(tx, world->history);
    assert_replays(world);
    world_free(world);
}

static void column_changes_replay(void **state) {
    (void)state;
    World *world = world_create();
    SchemaMaker makers[2];
    for (uint32_t i = 0; i < 2; i++) {
        TypeField fields[] = {{BYTES_LITERAL("a"), type_primitive(TYPE_U32)},
                              {BYTES_LITERAL("b"), type_primitive(TYPE_STRING)},
                              {BYTES_LITERAL("c"), type_unit()}};
        maker_init(&makers[i], "sums");
        maker_column(&makers[i], "s", type_sum(&makers[i].arena, fields, 2 + i));
        maker_column(&makers[i], i == 0 ? "old" : "renamed", type_primitive(TYPE_U8));
    }
    Tx *tx = tx_begin(world->store);
    Table *table = create_table_in(tx, maker_schema(&makers[0]));
    static const uint8_t FIRST[] = {0, 7, 0, 0, 0, 1};
    static const uint8_t THIRD[] = {2, 1};
    assert_int_equal(insert(tx, table, bytes_of(FIRST, sizeof FIRST)), INSERT_ADDED);
    commit_kept(tx, world->history);
    tx = tx_begin(world->store);
    Error error = {0};
    assert_status_ok(tx_change_columns(tx, table, maker_schema(&makers[1]), &error), error);
    // A row that only the new type has, in the same record, before the old columns are deleted.
    assert_int_equal(insert(tx, table, bytes_of(THIRD, sizeof THIRD)), INSERT_ADDED);
    commit_kept(tx, world->history);
    assert_replays(world);
    for (uint32_t i = 0; i < 2; i++) maker_done(&makers[i]);
    world_free(world);
}

static void replayed_stores_go_on_alike(void **state) {
    (void)state;
    World *world = world_create();
    Store *again = replayed(world->history);
    for (uint32_t i = 0; i < 2; i++) {
        Store *store = i == 0 ? world->store : again;
        Table *table = store_find_table_by_name(store, BYTES_LITERAL("person"));
        Tx *tx = tx_begin(store);
        InsertResult result;
        // Gap-free, and the ids of new objects too.
        assert_int_equal(tx_insert(tx, table, person(0, "dan"), &result), INSERT_ADDED);
        assert_int_equal(load_u32le(result.generated.data), 4);
        assert_int_equal(insert(tx, table, person(4, "eve")), INSERT_CONFLICT);
        SchemaMaker maker;
        maker_init(&maker, "next");
        maker_column(&maker, "n", type_primitive(TYPE_U32));
        maker_index(&maker, "next_n", INDEX_BTREE, "0");
        Table *next = create_table_in(tx, maker_schema(&maker));
        assert_int_equal(table_id(next), 4097);
        maker_done(&maker);
        commit(tx);
        store_check(store);
    }
    assert_same_store(world->store, again);
    ProgramInfo info;
    assert_true(store_program(again, &info));
    assert_true(bytes_equal_text(info.program, "program"));
    store_free(again);
    world_free(world);
}

// ---- what other versions write ----

// since-2.8.md 5.2: a log may begin with the rows that every database begins with.
static void system_schema_may_come_first(void **state) {
    (void)state;
    static const TableId FIRST[] = {ST_TABLE, ST_COLUMN, ST_SEQUENCE, ST_INDEX, ST_CONSTRAINT};
    World *world = world_create();
    History *history = history_create();
    Store *fresh = store_create();
    for (size_t i = 0; i < sizeof FIRST / sizeof FIRST[0]; i++) {
        TableScan scan = table_scan(store_find_table(fresh, FIRST[i]));
        Row row;
        while (table_scan_next(&scan, &row)) record(history, RECORD_INSERT, FIRST[i], row.bytes);
    }
    record(history, RECORD_COMMIT, 0, BYTES_NONE);
    for (uint32_t i = 0; i < world->history->count; i++) {
        const Record *item = &world->history->items[i];
        record(history, item->kind, item->table, item->row);
    }
    Store *again = replayed(history);
    assert_same_store(world->store, again);
    store_free(again);
    store_free(fresh);
    history_free(history);
    world_free(world);
}

// A row of st_table as BSATN in the history's arena.
static Bytes st_table_row(History *history, TableId id, const char *name, const char *origin) {
    Buffer row;
    buffer_init(&row, 1000);
    buffer_u32(&row, id);
    buffer_string(&row, bytes_of_text(name));
    buffer_string(&row, bytes_of_text(origin));
    buffer_string(&row, BYTES_LITERAL("public"));
    buffer_u8(&row, 1);
    Bytes copy = arena_copy(&history->arena, buffer_bytes(&row));
    buffer_done(&row);
    return copy;
}

static Bytes st_column_row(History *history, TableId id, uint16_t position, const char *name,
                           Bytes type) {
    Buffer row;
    buffer_init(&row, 2 * STORE_SCHEMA_ROWS_BYTES_MAX);
    buffer_u32(&row, id);
    buffer_u16(&row, position);
    buffer_string(&row, bytes_of_text(name));
    buffer_string(&row, type);
    Bytes copy = arena_copy(&history->arena, buffer_bytes(&row));
    buffer_done(&row);
    return copy;
}

static const uint8_t U32_TYPE[] = {0x0b};
static const uint8_t STRING_TYPE[] = {0x04};
#define TYPE_BYTES(type) bytes_of(type, sizeof(type))

static void unknown_system_tables_appear(void **state) {
    (void)state;
    History *history = history_create();
    record(history, RECORD_INSERT, ST_TABLE, st_table_row(history, 30, "st_future", "system"));
    record(history, RECORD_INSERT, ST_COLUMN,
           st_column_row(history, 30, 1, "b", TYPE_BYTES(STRING_TYPE)));
    record(history, RECORD_INSERT, ST_COLUMN,
           st_column_row(history, 30, 0, "a", TYPE_BYTES(U32_TYPE)));
    record(history, RECORD_COMMIT, 0, BYTES_NONE);
    record(history, RECORD_INSERT, 30, person(5, "later"));
    record(history, RECORD_COMMIT, 0, BYTES_NONE);
    Store *store = replayed(history);
    Table *table = store_find_table(store, 30);
    assert_non_null(table);
    assert_int_equal(table_row_count(table), 1);
    assert_int_equal(table_schema(table)->origin, TABLE_SYSTEM);
    assert_ptr_equal(store_find_table_by_name(store, BYTES_LITERAL("st_future")), table);
    store_free(store);
    history_free(history);
}

// A snapshot of an older database: its system tables are emptied first, then loaded; what it lacks
// is added.
static void missing_system_tables_are_added(void **state) {
    (void)state;
    Store *fresh = store_create();
    History *history = history_create();
    TableId at = 0;
    for (Table *table = store_next_table(fresh, &at); table; table = store_next_table(fresh, &at)) {
        record(history, RECORD_TRUNCATE, table_id(table), BYTES_NONE);
    }
    uint64_t lacking = 0;
    at = 0;
    for (Table *table = store_next_table(fresh, &at); table; table = store_next_table(fresh, &at)) {
        TableScan scan = table_scan(table);
        Row row;
        while (table_scan_next(&scan, &row)) {
            TableId owner = 0;
            if (table_id(table) == ST_TABLE || table_id(table) == ST_COLUMN)
                owner = load_u32le(row.bytes.data);
            if (table_id(table) == ST_INDEX) owner = load_u32le(row.bytes.data + 4);
            if (table_id(table) == ST_CONSTRAINT || table_id(table) == ST_SEQUENCE) {
                owner = load_u32le(row.bytes.data + 8 + load_u32le(row.bytes.data + 4));
            }
            if (owner > 20) {
                lacking++;
            } else {
                record(history, RECORD_INSERT, table_id(table), row.bytes);
            }
        }
    }
    record(history, RECORD_COMMIT, 0, BYTES_NONE);
    Store *store = store_create();
    Error error = {0};
    uint64_t added = 0;
    assert_status_ok(replay_into(store, history, &added, &error), error);
    assert_int_equal(lacking, 6 + 28 + 8 + 8 + 1);
    assert_int_equal(added, lacking);
    store_check(store);
    assert_same_store(fresh, store);
    store_free(store);
    store_free(fresh);
    history_free(history);
}

// storage.md 12.5: an old defect left two rows for one system sequence.
static void duplicate_system_sequences_are_dropped(void **state) {
    (void)state;
    Store *fresh = store_create();
    History *history = history_create();
    TableScan scan = table_scan(store_find_table(fresh, ST_SEQUENCE));
    Row row;
    assert_true(table_scan_next(&scan, &row));
    uint8_t *copy = arena_alloc(&history->arena, row.bytes.count);
    memcpy(copy, row.bytes.data, row.bytes.count);
    store_u64le(copy + row.bytes.count - 16, 5000);
    record(history, RECORD_INSERT, ST_SEQUENCE, bytes_of(copy, row.bytes.count));
    record(history, RECORD_COMMIT, 0, BYTES_NONE);
    Store *store = replayed(history);
    assert_int_equal(table_row_count(store_find_table(store, ST_SEQUENCE)), 8);
    RowId id;
    assert_true(
        table_find_row(store_find_table(store, ST_SEQUENCE), bytes_of(copy, row.bytes.count), &id));
    store_free(store);
    store_free(fresh);
    history_free(history);
}

static void orphaned_event_rows_are_dropped(void **state) {
    (void)state;
    History *history = history_create();
    record(history, RECORD_INSERT, ST_EVENT_TABLE, key_u32(4200));
    record(history, RECORD_COMMIT, 0, BYTES_NONE);
    Store *store = replayed(history);
    assert_int_equal(table_row_count(store_find_table(store, ST_EVENT_TABLE)), 0);
    store_free(store);
    history_free(history);
}

// Logs before the truncate rule delete a last row as any other.
static void plain_deletes_empty_a_table(void **state) {
    (void)state;
    World *world = world_create();
    History *history = world->history;
    record(history, RECORD_DELETE, USER_ID_MIN, person(1, "ann"));
    record(history, RECORD_DELETE, USER_ID_MIN, person(2, "bob"));
    record(history, RECORD_DELETE, USER_ID_MIN, person(3, "cid"));
    record(history, RECORD_COMMIT, 0, BYTES_NONE);
    Store *store = replayed(history);
    assert_int_equal(table_row_count(store_find_table(store, USER_ID_MIN)), 0);
    store_free(store);
    world_free(world);
}

// ---- what no server writes ----

typedef struct Damage {
    RecordKind kind;
    TableId table;
    uint32_t id;
    const char *name;
    const char *text;
} Damage;

static void damage_is_refused(void **state) {
    (void)state;
    static const Damage CASES[] = {
        {RECORD_DELETE, USER_ID_MIN, 77, "nobody",
         "Delete for non-existent row when replaying transaction: (0 = 77"},
        {RECORD_INSERT, USER_ID_MIN, 1, "ann", "Duplicate insertion of row violates set semantics"},
        {RECORD_INSERT, USER_ID_MIN, 1, "other",
         "Unique constraint violation 'person_id_idx_btree' in table 'person'"},
        {RECORD_INSERT, 5000, 1, "x", "rows for table 5000"},
        {RECORD_TRUNCATE, 5000, 0, "", "Error truncating table 5000"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        World *world = world_create();
        record(world->history, CASES[i].kind, CASES[i].table, person(CASES[i].id, CASES[i].name));
        record(world->history, RECORD_COMMIT, 0, BYTES_NONE);
        expect_refused(world->history, CASES[i].text);
        world_free(world);
    }
}

static void expect_table_refused(void (*add)(History *history), const char *part) {
    World *world = world_create();
    add(world->history);
    record(world->history, RECORD_COMMIT, 0, BYTES_NONE);
    expect_refused(world->history, part);
    world_free(world);
}

static void add_gap(History *history) {
    record(history, RECORD_INSERT, ST_TABLE, st_table_row(history, 4100, "gap", "user"));
    record(history, RECORD_INSERT, ST_COLUMN,
           st_column_row(history, 4100, 1, "b", TYPE_BYTES(U32_TYPE)));
}

static void add_bad_type(History *history) {
    static const uint8_t BAD[] = {0x63};
    record(history, RECORD_INSERT, ST_TABLE, st_table_row(history, 4100, "bad", "user"));
    record(history, RECORD_INSERT, ST_COLUMN,
           st_column_row(history, 4100, 0, "b", TYPE_BYTES(BAD)));
}

static void add_reference(History *history) {
    static const uint8_t REF[] = {0, 0, 0, 0, 0};
    record(history, RECORD_INSERT, ST_TABLE, st_table_row(history, 4100, "ref", "user"));
    record(history, RECORD_INSERT, ST_COLUMN,
           st_column_row(history, 4100, 0, "b", TYPE_BYTES(REF)));
}

static void add_huge_id(History *history) {
    record(history, RECORD_INSERT, ST_TABLE, st_table_row(history, UINT32_MAX, "huge", "user"));
}

static void add_odd_origin(History *history) {
    record(history, RECORD_INSERT, ST_TABLE, st_table_row(history, 4100, "odd", "martian"));
}

static void add_unfinished_update(History *history) {
    record(history, RECORD_INSERT, ST_TABLE, st_table_row(history, USER_ID_MIN, "person2", "user"));
}

static void add_unfinished_column(History *history) {
    record(history, RECORD_INSERT, ST_COLUMN,
           st_column_row(history, USER_ID_MIN, 1, "n", TYPE_BYTES(STRING_TYPE)));
}

static void add_incompatible_column(History *history) {
    record(history, RECORD_INSERT, ST_COLUMN,
           st_column_row(history, USER_ID_MIN, 1, "n", TYPE_BYTES(U32_TYPE)));
    record(history, RECORD_INSERT, USER_ID_MIN, key_u32(1));
}

static void add_index_nowhere(History *history) {
    // index_id, table_id, name, BTree([0])
    static const uint8_t ROW[] = {0x04, 0x11, 0,   0, 0x88, 0x13, 0, 0, 1, 0,
                                  0,    0,    'i', 1, 1,    0,    0, 0, 0, 0};
    record(history, RECORD_INSERT, ST_INDEX, bytes_of(ROW, sizeof ROW));
}

static void add_index_of_no_column(History *history) {
    static const uint8_t ROW[] = {0x04, 0x11, 0,   0, 0x00, 0x10, 0, 0, 1, 0,
                                  0,    0,    'i', 1, 1,    0,    0, 0, 9, 0};
    record(history, RECORD_INSERT, ST_INDEX, bytes_of(ROW, sizeof ROW));
}

// The last id there is, and the one after.
static void ids_have_a_limit(void **state) {
    (void)state;
    for (uint32_t past = 0; past < 2; past++) {
        TableId id = USER_ID_MIN + STORE_IDS_MAX - 1 + past;
        History *history = history_create();
        record(history, RECORD_INSERT, ST_TABLE, st_table_row(history, id, "last", "user"));
        record(history, RECORD_INSERT, ST_COLUMN,
               st_column_row(history, id, 0, "a", TYPE_BYTES(U32_TYPE)));
        record(history, RECORD_COMMIT, 0, BYTES_NONE);
        if (past == 0) {
            Store *store = replayed(history);
            assert_non_null(store_find_table(store, id));
            store_free(store);
        } else {
            expect_refused(history, "table id");
        }
        history_free(history);
    }
}

// As descriptions_have_a_limit, but read from a log.
static void logged_descriptions_have_a_limit(void **state) {
    (void)state;
    char *name = calloc(1, STORE_SCHEMA_ROWS_BYTES_MAX);
    for (uint32_t past = 0; past < 2; past++) {
        memset(name, 0, STORE_SCHEMA_ROWS_BYTES_MAX);
        memset(name, 'n', STORE_SCHEMA_ROWS_BYTES_MAX - 15 + past);
        History *history = history_create();
        record(history, RECORD_INSERT, ST_TABLE, st_table_row(history, 4100, "large", "user"));
        record(history, RECORD_INSERT, ST_COLUMN,
               st_column_row(history, 4100, 0, name, TYPE_BYTES(U32_TYPE)));
        record(history, RECORD_COMMIT, 0, BYTES_NONE);
        if (past == 0) {
            store_free(replayed(history));
        } else {
            expect_refused(history, "damaged size of columns");
        }
        history_free(history);
    }
    free(name);
}

static void add_index_of_taken_id(History *history) {
    // Index 1 of the user's table, after the rows of the built-in one are gone.
    static const uint8_t ROW[] = {1, 0, 0,   0, 0x00, 0x10, 0, 0, 1, 0,
                                  0, 0, 'i', 1, 1,    0,    0, 0, 0, 0};
    record(history, RECORD_TRUNCATE, ST_INDEX, BYTES_NONE);
    record(history, RECORD_INSERT, ST_INDEX, bytes_of(ROW, sizeof ROW));
}

static void add_loss_of_sequences(History *history) {
    record(history, RECORD_TRUNCATE, ST_SEQUENCE, BYTES_NONE);
}

static void damaged_catalogs_are_refused(void **state) {
    (void)state;
    expect_table_refused(add_gap, "damaged column 0");
    expect_table_refused(add_bad_type, "damaged type of column 0");
    expect_table_refused(add_reference, "damaged type of column 0");
    expect_table_refused(add_huge_id, "table id 4294967295");
    expect_table_refused(add_odd_origin, "st_table: unexpected row");
    expect_table_refused(add_unfinished_update, "1 tables were changed and not replaced");
    expect_table_refused(add_unfinished_column, "1 columns were changed and not replaced");
    expect_table_refused(add_incompatible_column, "rows for table 4096");
    expect_table_refused(add_index_nowhere, "catalog row of table 5000, which does not exist");
    expect_table_refused(add_loss_of_sequences, "rows of system tables are missing");
    expect_table_refused(add_index_of_taken_id, "index 1 is described twice");
    expect_table_refused(add_index_of_no_column, "damaged columns of index");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_replays),
        cmocka_unit_test(column_changes_replay),
        cmocka_unit_test(replayed_stores_go_on_alike),
        cmocka_unit_test(system_schema_may_come_first),
        cmocka_unit_test(unknown_system_tables_appear),
        cmocka_unit_test(missing_system_tables_are_added),
        cmocka_unit_test(duplicate_system_sequences_are_dropped),
        cmocka_unit_test(orphaned_event_rows_are_dropped),
        cmocka_unit_test(plain_deletes_empty_a_table),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(damaged_catalogs_are_refused),
        cmocka_unit_test(ids_have_a_limit),
        cmocka_unit_test(logged_descriptions_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
