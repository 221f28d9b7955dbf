// catalog_test.c - goal: schema changes are the rows that an unmodified server writes, take effect,
// and are undone.
//
// Method: the golden module is published into an empty store and every catalog row compared with
// what the server showed (data/kinds_catalog.txt: system table, row as JSON); each change is made,
// looked at in rows and in effect, rolled back, and made again.
#include "fixture.h"

#include "base/os.h"

#define LINES_MAX 600u

// ---- catalog rows as text ----

typedef struct Lines {
    Arena arena;
    Bytes items[LINES_MAX];
    uint32_t count;
} Lines;

static void lines_add_table(Lines *lines, Store *store, const char *name) {
    Table *table = store_find_table_by_name(store, bytes_of_text(name));
    assert_non_null(table);
    const Type *type = table_schema(table)->row_type;
    Buffer text;
    buffer_init(&text, 64u << 20);
    TableScan scan = table_scan(table);
    Row row;
    while (table_scan_next(&scan, &row)) {
        buffer_clear(&text);
        buffer_append_format(&text, "%s ", name);
        (void)json_write_value(&text, TYPESPACE_NONE, type, row.bytes.data, JSON_UNTYPED);
        assert_true(lines->count < LINES_MAX);
        lines->items[lines->count++] = arena_copy(&lines->arena, buffer_bytes(&text));
    }
    buffer_done(&text);
}

static const char *const CATALOG[] = {
    "st_table",
    "st_column",
    "st_index",
    "st_constraint",
    "st_sequence",
    "st_scheduled",
    "st_row_level_security",
    "st_view",
    "st_view_param",
    "st_view_column",
    "st_event_table",
    "st_column_accessor",
    "st_table_accessor",
    "st_index_accessor",
};

static void lines_read(Lines *lines, Store *store) {
    memset(lines, 0, sizeof *lines);
    arena_init(&lines->arena, 64u << 20);
    for (size_t i = 0; i < sizeof CATALOG / sizeof CATALOG[0]; i++)
        lines_add_table(lines, store, CATALOG[i]);
}

static bool lines_have(const Lines *lines, Bytes line) {
    for (uint32_t i = 0; i < lines->count; i++) {
        if (bytes_equal(lines->items[i], line)) return true;
    }
    return false;
}

static bool has_row(Store *store, const char *line) {
    Lines *lines = calloc(1, sizeof *lines);
    lines_read(lines, store);
    bool is_there = lines_have(lines, bytes_of_text(line));
    arena_done(&lines->arena);
    free(lines);
    return is_there;
}

#define assert_row(store, line) assert_true(has_row(store, line))
#define assert_no_row(store, line) assert_false(has_row(store, line))

static void assert_lines_equal(const Lines *a, const Lines *b) {
    assert_int_equal(a->count, b->count);
    for (uint32_t i = 0; i < a->count; i++) {
        if (!lines_have(b, a->items[i])) fail_msg("%.*s", BYTES_FORMAT(a->items[i]));
    }
}

// ---- the golden module ----

static Bytes read_file(Arena *arena, const char *path) {
    Bytes bytes;
    Error error = {0};
    assert_status_ok(os_file_read_all(os_real(), path, 1u << 20, arena, &bytes, &error), error);
    return bytes;
}

static void publish(Store *store, const ModuleDef *def) {
    Error error = {0};
    Tx *tx = tx_begin(store);
    Table *table = NULL;
    for (uint32_t i = 0; i < def->table_count; i++) {
        assert_status_ok(tx_create_table(tx, &def->tables[i], &table, &error), error);
    }
    for (uint32_t i = 0; i < def->view_count; i++) {
        assert_status_ok(tx_create_view(tx, &def->views[i], &table, &error), error);
        assert_true(table_is_ephemeral(table));
    }
    for (uint32_t i = 0; i < def->row_level_security_count; i++) {
        TableId mail = table_id(store_find_table_by_name(store, BYTES_LITERAL("mail")));
        assert_status_ok(
            tx_set_row_level_security(tx, mail, def->row_level_security[i], true, &error), error);
    }
    const Commit *done = tx_commit(tx);
    assert_true(done->is_logged && done->changes_schema);
    tx_release(tx);
}

// What later versions of the server have besides (since-2.8.md 5.1), by the numbers in a row.
static bool is_newer(Bytes line) {
    static const char *const MARKS[] = {"\"st_env", "\"st_outbound", "\"st_inbound", "\"st_outbox",
                                        "st_column [2"};
    char text[4096];
    (void)snprintf(text, sizeof text, "%.*s", BYTES_FORMAT(line));
    for (size_t i = 0; i < 4; i++) {
        if (strstr(text, MARKS[i])) return true;
    }
    unsigned table = 0;
    return sscanf(text, "st_column [%u,", &table) == 1 && table > 20 && table <= ST_COUNT;
}

static bool line_is_of(Bytes line, const char *table) {
    uint32_t count = (uint32_t)strlen(table);
    return line.count > count && memcmp(line.data, table, count) == 0 && line.data[count] == ' ';
}

// Sequences count in steps of one here, in blocks there: all but the last number is compared. The
// indexes of a table are numbered in the order of a hash map there: all but the first number is
// compared.
static Bytes comparable(Arena *arena, Bytes line) {
    if (line_is_of(line, "st_sequence")) {
        uint32_t count = line.count;
        while (line.data[count - 1] != ',') count--;
        return arena_copy(arena, bytes_slice(line, 0, count));
    }
    if (!line_is_of(line, "st_index")) return line;
    const uint8_t *comma = memchr(line.data, ',', line.count);
    return arena_format(arena, "st_index %.*s", (int)(line.data + line.count - comma),
                        (const char *)comma);
}

// Scans show tables and columns in the order in which they were made.
static void assert_order(const Lines *ours, const Lines *theirs) {
    static const char *const ORDERED[] = {"st_table",          "st_column",
                                          "st_view",           "st_view_column",
                                          "st_table_accessor", "st_column_accessor"};
    for (size_t t = 0; t < sizeof ORDERED / sizeof ORDERED[0]; t++) {
        uint32_t before = 0;
        for (uint32_t i = 0; i < theirs->count; i++) {
            if (!line_is_of(theirs->items[i], ORDERED[t])) continue;
            uint32_t at = 0;
            while (!bytes_equal(ours->items[at], theirs->items[i])) at++;
            assert_true(at >= before);
            before = at;
        }
    }
}

static void golden_module_gives_golden_rows(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, 16u << 20);
    ModuleDef *def = NULL;
    Error error = {0};
    Bytes bytes = read_file(&arena, "test/unit/schema/data/kinds.bsatn");
    assert_status_ok(module_def_read(bytes, &def, &error), error);
    Store *store = store_create();
    publish(store, def);
    store_check(store);
    Lines *ours = calloc(1, sizeof *ours);
    Lines *theirs = calloc(1, sizeof *theirs);
    lines_read(ours, store);
    Bytes golden = read_file(&arena, "test/unit/store/data/kinds_catalog.txt");
    for (uint32_t at = 0; at < golden.count;) {
        const uint8_t *end = memchr(golden.data + at, '\n', golden.count - at);
        uint32_t count = (uint32_t)(end - (golden.data + at));
        theirs->items[theirs->count++] = comparable(&arena, bytes_slice(golden, at, count));
        at += count + 1;
    }
    assert_int_equal(theirs->count, 359);
    for (uint32_t i = 0; i < ours->count; i++) ours->items[i] = comparable(&arena, ours->items[i]);
    for (uint32_t i = 0; i < theirs->count; i++) {
        if (!lines_have(ours, theirs->items[i]))
            fail_msg("missing: %.*s", BYTES_FORMAT(theirs->items[i]));
    }
    for (uint32_t i = 0; i < ours->count; i++) {
        bool is_known = lines_have(theirs, ours->items[i]) || is_newer(ours->items[i]);
        if (!is_known) fail_msg("surplus: %.*s", BYTES_FORMAT(ours->items[i]));
    }
    assert_order(ours, theirs);
    arena_done(&ours->arena);
    free(ours);
    free(theirs);
    store_free(store);
    module_def_free(def);
    arena_done(&arena);
}

// ---- an empty database ----

static void new_store_has_the_system_tables(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t rows;
    } EXPECTED[] = {
        {"st_table", 26}, {"st_column", 102}, {"st_constraint", 33},
        {"st_index", 37}, {"st_sequence", 8},
    };
    Store *store = store_create();
    store_check(store);
    TableId at = 0;
    for (Table *table = store_next_table(store, &at); table; table = store_next_table(store, &at)) {
        uint64_t rows = 0;
        for (size_t i = 0; i < sizeof EXPECTED / sizeof EXPECTED[0]; i++) {
            if (bytes_equal_text(table_schema(table)->name, EXPECTED[i].name))
                rows = EXPECTED[i].rows;
        }
        assert_int_equal(table_row_count(table), rows);
        assert_int_equal(table_schema(table)->origin, TABLE_SYSTEM);
        bool is_ephemeral = table_id(table) == ST_VIEW_SUB || table_id(table) == ST_VIEW_ARG;
        assert_int_equal(table_is_ephemeral(table), is_ephemeral);
    }
    assert_row(store, "st_table [21,\"st_env\",\"system\",\"private\",[0,[0]]]");
    assert_row(
        store,
        "st_index "
        "[32,22,\"st_outbound_stream_outbox_table_id_target_identity_idx_btree\",[1,[1,2]]]");
    assert_row(store, "st_constraint [33,\"st_outbox_table_id_key\",26,[1,[0]]]");
    assert_row(store, "st_sequence [8,\"st_outbound_stream_stream_id_seq\",22,0,1,4097,1,"
                      "170141183460469231731687303715884105727,4096]");
    store_free(store);
}

// ---- changes, each undone and done again ----

typedef struct World {
    SchemaMaker maker;
    Store *store;
    Table *table;
} World;

static int world_open(void **state) {
    World *world = calloc(1, sizeof *world);
    maker_person(&world->maker, "person");
    maker_sequence(&world->maker, "person_id_seq", 0);
    world->store = store_create();
    world->table = create_table(world->store, maker_schema(&world->maker));
    Tx *tx = tx_begin(world->store);
    assert_int_equal(insert(tx, world->table, person(0, "ann")), INSERT_ADDED);
    assert_int_equal(insert(tx, world->table, person(0, "bob")), INSERT_ADDED);
    commit(tx);
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

typedef void (*Change)(World *world, Tx *tx);

// Makes the change and takes it back: nothing is left. Then makes it to stay.
static void change_twice(World *world, Change change) {
    Lines *before = calloc(1, sizeof *before);
    Lines *after = calloc(1, sizeof *after);
    lines_read(before, world->store);
    uint64_t version = store_schema_version(world->store);
    Table *table = world->table;
    Tx *tx = tx_begin(world->store);
    change(world, tx);
    assert_true(store_schema_version(world->store) > version);
    tx_rollback(tx);
    assert_true(store_schema_version(world->store) > version);
    store_check(world->store);
    world->table = table;
    assert_ptr_equal(store_find_table_by_name(world->store, BYTES_LITERAL("person")), table);
    lines_read(after, world->store);
    assert_lines_equal(before, after);
    assert_int_equal(table_row_count(table), 2);
    tx = tx_begin(world->store);
    change(world, tx);
    assert_true(tx_commit(tx)->changes_schema);
    tx_release(tx);
    store_check(world->store);
    arena_done(&before->arena);
    arena_done(&after->arena);
    free(before);
    free(after);
}

static void change_index(World *world, Tx *tx) {
    Error error = {0};
    uint16_t columns[] = {1, 0};
    IndexSchema index = {.name = BYTES_LITERAL("both"),
                         .accessor = BYTES_LITERAL("Both"),
                         .kind = INDEX_HASH,
                         .columns = {columns, 2}};
    assert_status_ok(tx_create_index(tx, world->table, &index, &error), error);
    Index *created = store_find_index_by_name(world->store, BYTES_LITERAL("Both"));
    assert_non_null(created);
    assert_false(index_is_unique(created));
    IndexScan scan;
    Row row;
    Buffer key;
    buffer_init(&key, 100);
    index_project(created, person(2, "bob"), &key);
    index_scan_point(created, buffer_bytes(&key), &scan);
    assert_true(index_scan_next(&scan, &row));
    assert_false(index_scan_next(&scan, &row));
    buffer_done(&key);
}

static void indexes_come_and_go(void **state) {
    World *world = *state;
    change_twice(world, change_index);
    assert_row(world->store, "st_index [4098,4096,\"both\",[3,[1,0]]]");
    assert_row(world->store, "st_index_accessor [\"both\",\"Both\"]");
    Error error = {0};
    Index *index = store_find_index_by_name(world->store, BYTES_LITERAL("both"));
    Tx *tx = tx_begin(world->store);
    assert_status_ok(tx_drop_index(tx, index, &error), error);
    assert_null(store_find_index_by_name(world->store, BYTES_LITERAL("both")));
    tx_rollback(tx);
    assert_ptr_equal(store_find_index_by_name(world->store, BYTES_LITERAL("both")), index);
    tx = tx_begin(world->store);
    assert_status_ok(tx_drop_index(tx, index, &error), error);
    commit(tx);
    assert_no_row(world->store, "st_index_accessor [\"both\",\"Both\"]");
}

static void change_unique(World *world, Tx *tx) {
    Error error = {0};
    uint16_t column = 1;
    ConstraintSchema unique = {.name = BYTES_LITERAL("person_name_key"), .columns = {&column, 1}};
    assert_status_ok(tx_create_constraint(tx, world->table, &unique, &error), error);
    assert_int_equal(insert(tx, world->table, person(9, "ann")), INSERT_CONFLICT);
}

static void constraints_come_and_go(void **state) {
    World *world = *state;
    change_twice(world, change_unique);
    assert_row(world->store, "st_constraint [4097,\"person_name_key\",4096,[1,[1]]]");
    Error error = {0};
    Tx *tx = tx_begin(world->store);
    assert_status_ok(tx_drop_constraint(tx, world->table, BYTES_LITERAL("person_name_key"), &error),
                     error);
    assert_int_equal(insert(tx, world->table, person(9, "ann")), INSERT_ADDED);
    assert_int_equal(tx_drop_constraint(tx, world->table, BYTES_LITERAL("person_name_key"), &error),
                     STATUS_NOT_FOUND);
    commit(tx);
    // Now there are duplicates, and the constraint cannot come back.
    tx = tx_begin(world->store);
    uint16_t column = 1;
    ConstraintSchema unique = {.name = BYTES_LITERAL("person_name_key"), .columns = {&column, 1}};
    assert_int_equal(tx_create_constraint(tx, world->table, &unique, &error), STATUS_CONFLICT);
    assert_string_equal(error.text,
                        "Unique constraint violation 'person_name_idx_btree' in table 'person': "
                        "column(s): '[\"name\"]' value: \"ann\"");
    tx_rollback(tx);
    tx = tx_begin(world->store);
    uint16_t both[] = {0, 1};
    ConstraintSchema unbacked = {.name = BYTES_LITERAL("k"), .columns = {both, 2}};
    assert_int_equal(tx_create_constraint(tx, world->table, &unbacked, &error), STATUS_INVALID);
    assert_non_null(strstr(error.text, "requires at least one backing index on those columns"));
    tx_rollback(tx);
}

static void change_sequence(World *world, Tx *tx) {
    Error error = {0};
    assert_status_ok(tx_drop_sequence(tx, world->table, BYTES_LITERAL("person_id_seq"), &error),
                     error);
    assert_int_equal(insert(tx, world->table, person(0, "zero")), INSERT_ADDED);
    assert_true(tx_delete_equal(tx, world->table, person(0, "zero")));
    SequenceSchema sequence = {.name = BYTES_LITERAL("again"),
                               .column = 0,
                               .start = 70,
                               .min = 1,
                               .max = 1000,
                               .increment = 1};
    assert_status_ok(tx_create_sequence(tx, world->table, &sequence, &error), error);
    assert_int_equal(insert(tx, world->table, person(0, "seventy")), INSERT_ADDED);
    assert_true(tx_delete_equal(tx, world->table, person(70, "seventy")));
}

static void sequences_come_and_go(void **state) {
    World *world = *state;
    change_twice(world, change_sequence);
    assert_row(world->store, "st_sequence [4097,\"again\",4096,0,1,70,1,1000,71]");
    Error error = {0};
    Tx *tx = tx_begin(world->store);
    SequenceSchema on_text = {
        .name = BYTES_LITERAL("bad"), .column = 1, .start = 1, .min = 1, .max = 9, .increment = 1};
    assert_int_equal(tx_create_sequence(tx, world->table, &on_text, &error), STATUS_INVALID);
    tx_rollback(tx);
}

static void change_properties(World *world, Tx *tx) {
    Error error = {0};
    assert_status_ok(tx_set_access(tx, world->table, TABLE_PRIVATE, &error), error);
    assert_int_equal(table_schema(world->table)->access, TABLE_PRIVATE);
    assert_status_ok(tx_set_primary_key(tx, world->table, COLUMN_NONE, &error), error);
    ScheduleSchema schedule = {
        .name = BYTES_LITERAL("sched"), .function = BYTES_LITERAL("tick"), .at_column = 1};
    assert_status_ok(tx_set_schedule(tx, world->table, &schedule, &error), error);
    assert_true(table_schema(world->table)->has_schedule);
    SchemaMaker maker;
    maker_person(&maker, "person");
    maker.schema.accessor = BYTES_LITERAL("Person");
    maker.columns[1].accessor = BYTES_LITERAL("Name");
    maker.indexes[0].accessor = BYTES_LITERAL("byId");
    assert_status_ok(tx_set_accessors(tx, world->table, maker_schema(&maker), &error), error);
    assert_ptr_equal(store_find_table_by_name(world->store, BYTES_LITERAL("Person")), world->table);
    assert_non_null(store_find_index_by_name(world->store, BYTES_LITERAL("byId")));
    maker_done(&maker);
}

static void properties_change(void **state) {
    World *world = *state;
    change_twice(world, change_properties);
    assert_row(world->store, "st_table [4096,\"person\",\"user\",\"private\",[1,[]]]");
    assert_row(world->store, "st_scheduled [4096,4096,\"tick\",\"sched\",1]");
    assert_row(world->store, "st_table_accessor [\"person\",\"Person\"]");
    assert_row(world->store, "st_column_accessor [\"person\",\"name\",\"Name\"]");
    assert_row(world->store, "st_index_accessor [\"person_id_idx_btree\",\"byId\"]");
    assert_no_row(world->store, "st_table_accessor [\"person\",\"person\"]");
    Error error = {0};
    Tx *tx = tx_begin(world->store);
    assert_status_ok(tx_set_schedule(tx, world->table, NULL, &error), error);
    commit(tx);
    assert_no_row(world->store, "st_scheduled [4096,4096,\"tick\",\"sched\",1]");
    assert_false(table_schema(world->table)->has_schedule);
}

static void change_drop(World *world, Tx *tx) {
    Error error = {0};
    assert_int_equal(insert(tx, world->table, person(0, "cid")), INSERT_ADDED);
    assert_true(tx_delete_equal(tx, world->table, person(1, "ann")));
    InsertResult result;
    Index *by_id = store_find_index_by_name(world->store, BYTES_LITERAL("person_id_idx_btree"));
    assert_int_equal(tx_update(tx, by_id, person(2, "robert"), &result), UPDATE_DONE);
    assert_status_ok(tx_drop_table(tx, world->table, &error), error);
    assert_null(store_find_table(world->store, USER_ID_MIN));
    assert_null(store_find_table_by_name(world->store, BYTES_LITERAL("person")));
    assert_null(store_find_index_by_name(world->store, BYTES_LITERAL("person_id_idx_btree")));
}

static void dropped_tables_are_truncated(void **state) {
    World *world = *state;
    Lines *empty = calloc(1, sizeof *empty);
    Lines *after = calloc(1, sizeof *after);
    Store *fresh = store_create();
    lines_read(empty, fresh);
    Tx *tx = tx_begin(world->store);
    change_drop(world, tx);
    tx_rollback(tx);
    store_check(world->store);
    assert_int_equal(table_row_count(world->table), 2);
    tx = tx_begin(world->store);
    change_drop(world, tx);
    const Commit *commit = tx_commit(tx);
    const TableDelta *delta = delta_of(commit, world->table);
    assert_true(delta->is_truncated);
    assert_int_equal(delta->inserted.count, 0);
    assert_int_equal(delta->deleted.count, 2);  // as they were before
    bool has_ann = bytes_equal(delta->deleted.items[0].bytes, person(1, "ann")) ||
                   bytes_equal(delta->deleted.items[1].bytes, person(1, "ann"));
    assert_true(has_ann);
    assert_int_equal(delta->schema->id, USER_ID_MIN);
    tx_release(tx);
    lines_read(after, world->store);
    assert_int_equal(after->count, empty->count);  // but for the system sequences
    arena_done(&empty->arena);
    arena_done(&after->arena);
    free(empty);
    free(after);
    store_free(fresh);
    tx = tx_begin(world->store);
    Error error = {0};
    Table *system = store_find_table(world->store, ST_TABLE);
    assert_int_equal(tx_drop_table(tx, system, &error), STATUS_DENIED);
    tx_rollback(tx);
}

static void created_and_dropped_leaves_nothing(void **state) {
    World *world = *state;
    SchemaMaker maker;
    maker_init(&maker, "brief");
    maker_column(&maker, "a", type_primitive(TYPE_U8));
    Error error = {0};
    for (uint32_t round = 0; round < 2; round++) {
        Tx *tx = tx_begin(world->store);
        Table *brief = create_table_in(tx, maker_schema(&maker));
        uint8_t row = 1;
        assert_int_equal(insert(tx, brief, bytes_of(&row, 1)), INSERT_ADDED);
        assert_status_ok(tx_drop_table(tx, brief, &error), error);
        if (round == 0) {
            tx_rollback(tx);
        } else {
            assert_null(delta_of(tx_commit(tx), brief));
            tx_release(tx);
        }
        assert_null(store_find_table_by_name(world->store, BYTES_LITERAL("brief")));
        store_check(world->store);
    }
    maker_done(&maker);
}

static void names_are_unique(void **state) {
    World *world = *state;
    Error error = {0};
    Table *table = NULL;
    Tx *tx = tx_begin(world->store);
    assert_int_equal(tx_create_table(tx, maker_schema(&world->maker), &table, &error),
                     STATUS_CONFLICT);
    assert_non_null(
        strstr(error.text,
               "Unique constraint violation 'st_table_table_name_idx_btree' in table 'st_table': "
               "column(s): '[\"table_name\"]' value: \"person\""));
    tx_rollback(tx);
}

// ---- columns ----

static void maker_with_age(SchemaMaker *maker) {
    static uint8_t age[] = {42};
    maker_person(maker, "person");
    maker_column(maker, "age", type_primitive(TYPE_U8));
    maker->columns[2].default_value = bytes_of(age, 1);
}

static void change_add_columns(World *world, Tx *tx) {
    SchemaMaker maker;
    maker_with_age(&maker);
    Error error = {0};
    Table *created = NULL;
    assert_status_ok(tx_add_columns(tx, world->table, maker_schema(&maker), &created, &error),
                     error);
    world->table = created;
    assert_int_equal(table_row_count(created), 2);
    maker_done(&maker);
}

static void added_columns_make_a_new_table(void **state) {
    World *world = *state;
    change_twice(world, change_add_columns);
    assert_null(store_find_table(world->store, 4096));
    assert_int_equal(table_id(world->table), 4097);
    assert_row(world->store, "st_column [4097,2,\"age\",\"07\"]");
    // Sequences go on: two rows had been numbered.
    assert_row(world->store,
               "st_sequence "
               "[4097,\"person_id_seq\",4097,0,1,1,1,170141183460469231731687303715884105727,3]");
    Row row;
    Index *by_id = store_find_index_by_name(world->store, BYTES_LITERAL("person_id_idx_btree"));
    assert_ptr_equal(index_table(by_id), world->table);
    assert_true(index_find(by_id, key_u32(2), &row));
    assert_int_equal(row.bytes.data[row.bytes.count - 1], 42);
}

static void added_columns_log_every_row(void **state) {
    World *world = *state;
    Table *old = world->table;
    Tx *tx = tx_begin(world->store);
    change_add_columns(world, tx);
    const Commit *commit = tx_commit(tx);
    assert_true(delta_of(commit, old)->is_truncated);
    assert_int_equal(delta_of(commit, old)->deleted.count, 2);
    assert_int_equal(delta_of(commit, world->table)->inserted.count, 2);
    tx_release(tx);
    Error error = {0};
    Table *created = NULL;
    tx = tx_begin(world->store);
    SchemaMaker maker;
    maker_with_age(&maker);
    maker_column(&maker, "no_default", type_primitive(TYPE_U8));
    assert_int_equal(tx_add_columns(tx, world->table, maker_schema(&maker), &created, &error),
                     STATUS_INVALID);
    tx_rollback(tx);
    tx = tx_begin(world->store);
    maker.schema.column_count = 1;
    assert_int_equal(tx_add_columns(tx, world->table, maker_schema(&maker), &created, &error),
                     STATUS_CONFLICT);
    tx_rollback(tx);
    maker_done(&maker);
}

// A sum with one and with two variants; whole tables of it.
static void maker_with_sum(SchemaMaker *maker, uint32_t variants, bool has_payload) {
    maker_init(maker, "summed");
    TypeField fields[] = {
        {BYTES_LITERAL("a"), has_payload ? type_primitive(TYPE_U32) : type_unit()},
        {BYTES_LITERAL("b"), has_payload ? type_primitive(TYPE_STRING) : type_unit()},
        {BYTES_LITERAL("c"), type_unit()}};
    maker_column(maker, "id", type_primitive(TYPE_U32));
    maker_column(maker, "s", type_sum(&maker->arena, fields, variants));
    maker_index(maker, "summed_s", INDEX_BTREE, "1");
    maker_index(maker, "summed_id", INDEX_BTREE, "0");
    maker_unique(maker, "summed_id_key", "0");
}

static void variants_are_added(void **state) {
    World *world = *state;
    for (uint32_t payload = 0; payload < 2; payload++) {
        SchemaMaker before;
        SchemaMaker after;
        maker_with_sum(&before, 2, payload);
        maker_with_sum(&after, 3, payload);
        Table *table = create_table(world->store, maker_schema(&before));
        uint8_t row[] = {1, 0, 0, 0, 0, 7, 0, 0, 0};
        Bytes bytes = bytes_of(row, payload ? 9 : 5);
        Error error = {0};
        for (uint32_t round = 0; round < 2; round++) {
            Tx *tx = tx_begin(world->store);
            assert_int_equal(insert(tx, table, bytes), INSERT_ADDED);
            assert_status_ok(tx_change_columns(tx, table, maker_schema(&after), &error), error);
            row[0] = 2;
            row[4] = 2;
            assert_int_equal(insert(tx, table, bytes_of(row, 5)), INSERT_ADDED);
            row[0] = 1;
            row[4] = 0;
            if (round == 0) {
                tx_rollback(tx);
                assert_int_equal(table_row_count(table), 0);
                assert_int_equal(table_schema(table)->columns[1].type->field_count, 2);
            } else {
                commit(tx);
            }
            store_check(world->store);
        }
        assert_int_equal(table_row_count(table), 2);
        // Back is not possible: there could be rows of the third variant.
        Tx *tx = tx_begin(world->store);
        assert_int_equal(tx_change_columns(tx, table, maker_schema(&before), &error),
                         STATUS_CONFLICT);
        assert_non_null(strstr(error.text, "Cannot change the columns of table `summed` with id"));
        tx_rollback(tx);
        tx = tx_begin(world->store);
        assert_status_ok(tx_drop_table(tx, table, &error), error);
        commit(tx);
        maker_done(&before);
        maker_done(&after);
    }
}

static void event_tables_change_freely(void **state) {
    World *world = *state;
    SchemaMaker before;
    SchemaMaker after;
    maker_init(&before, "ev");
    maker_column(&before, "a", type_primitive(TYPE_U32));
    maker_column(&before, "b", type_primitive(TYPE_U32));
    before.schema.is_event = true;
    maker_init(&after, "ev");
    maker_column(&after, "a", type_primitive(TYPE_STRING));
    after.schema.is_event = true;
    Table *table = create_table(world->store, maker_schema(&before));
    Error error = {0};
    Tx *tx = tx_begin(world->store);
    assert_status_ok(tx_change_columns(tx, table, maker_schema(&after), &error), error);
    assert_int_equal(insert(tx, table, key_text("text")), INSERT_ADDED);
    tx_rollback(tx);
    store_check(world->store);
    uint8_t row[8] = {1};
    tx = tx_begin(world->store);
    assert_int_equal(insert(tx, table, bytes_of(row, 8)), INSERT_ADDED);
    assert_int_equal(tx_change_columns(tx, table, maker_schema(&after), &error), STATUS_CONFLICT);
    assert_string_equal(error.text, "Event table with ID `4097` is not empty");
    tx_rollback(tx);
    tx = tx_begin(world->store);
    assert_status_ok(tx_change_columns(tx, table, maker_schema(&after), &error), error);
    assert_int_equal(insert(tx, table, key_text("text")), INSERT_ADDED);
    assert_int_equal(delta_of(tx_commit(tx), table)->inserted.count, 1);
    tx_release(tx);
    assert_row(world->store, "st_column [4097,0,\"a\",\"04\"]");
    assert_no_row(world->store, "st_column [4097,1,\"b\",\"0b\"]");
    maker_done(&before);
    maker_done(&after);
}

// One column, whose row is 15 bytes and its name.
static void descriptions_have_a_limit(void **state) {
    World *world = *state;
    char *name = calloc(1, STORE_SCHEMA_ROWS_BYTES_MAX);
    memset(name, 'n', STORE_SCHEMA_ROWS_BYTES_MAX - 1);
    SchemaMaker maker;
    maker_init(&maker, "large");
    maker_column(&maker, "", type_primitive(TYPE_U32));
    maker.columns[0].accessor = BYTES_NONE;
    maker.columns[0].name = bytes_of(name, STORE_SCHEMA_ROWS_BYTES_MAX - 15);
    Table *table = NULL;
    Error error = {0};
    Tx *tx = tx_begin(world->store);
    assert_status_ok(tx_create_table(tx, maker_schema(&maker), &table, &error), error);
    tx_rollback(tx);
    maker.columns[0].name = bytes_of(name, STORE_SCHEMA_ROWS_BYTES_MAX - 14);
    tx = tx_begin(world->store);
    assert_int_equal(tx_create_table(tx, maker_schema(&maker), &table, &error), STATUS_LIMIT);
    tx_rollback(tx);
    maker_done(&maker);
    free(name);
}

// ---- views, rules, program ----

static void views_have_backing_tables(void **state) {
    World *world = *state;
    ColumnSchema columns[] = {{.name = BYTES_LITERAL("id"),
                               .accessor = BYTES_LITERAL("id"),
                               .type = type_primitive(TYPE_U32)}};
    Arena arena;
    arena_init(&arena, 1u << 20);
    TypeField params[] = {{BYTES_LITERAL("limit"), type_primitive(TYPE_U64)}};
    ViewDef view = {.name = BYTES_LITERAL("some"),
                    .source_name = BYTES_LITERAL("some"),
                    .is_public = true,
                    .params = type_product(&arena, params, 1),
                    .columns = columns,
                    .column_count = 1,
                    .primary_key = 0};
    Error error = {0};
    Table *table = NULL;
    for (uint32_t round = 0; round < 2; round++) {
        Tx *tx = tx_begin(world->store);
        assert_status_ok(tx_create_view(tx, &view, &table, &error), error);
        if (round == 0)
            tx_rollback(tx);
        else
            commit(tx);
        store_check(world->store);
    }
    assert_row(world->store, "st_view [4096,\"some\",[0,4097],true,false]");
    assert_row(world->store, "st_view_param [4096,0,\"limit\",\"0d\"]");
    assert_row(world->store, "st_view_column [4096,0,\"id\",\"0b\"]");
    assert_row(world->store, "st_index [4099,4097,\"some_arg_hash_id_idx_btree\",[1,[0,1]]]");
    assert_true(table_is_ephemeral(table));
    // Its rows come and go without being logged.
    Tx *tx = tx_begin(world->store);
    uint8_t row[36] = {1};
    assert_int_equal(insert(tx, table, bytes_of(row, 36)), INSERT_ADDED);
    const Commit *done = tx_commit(tx);
    assert_false(done->is_logged);
    assert_true(done->tables[0].is_ephemeral);
    tx_release(tx);
    tx = tx_begin(world->store);
    assert_int_equal(tx_drop_view(tx, BYTES_LITERAL("nothing"), &error), STATUS_NOT_FOUND);
    assert_string_equal(error.text, "view 'nothing' not found");
    assert_status_ok(tx_drop_view(tx, BYTES_LITERAL("some"), &error), error);
    commit(tx);
    assert_no_row(world->store, "st_view_param [4096,0,\"limit\",\"0d\"]");
    assert_null(store_find_table_by_name(world->store, BYTES_LITERAL("some")));
    arena_done(&arena);
}

static void rules_come_and_go(void **state) {
    World *world = *state;
    Error error = {0};
    Bytes sql = BYTES_LITERAL("SELECT * FROM person");
    Tx *tx = tx_begin(world->store);
    assert_status_ok(tx_set_row_level_security(tx, 4096, sql, true, &error), error);
    commit(tx);
    assert_row(world->store, "st_row_level_security [4096,\"SELECT * FROM person\"]");
    tx = tx_begin(world->store);
    assert_status_ok(tx_set_row_level_security(tx, 4096, sql, false, &error), error);
    assert_status_ok(tx_set_row_level_security(tx, 4096, sql, true, &error), error);
    assert_false(tx_commit(tx)->is_logged);  // removed and added again: nothing
    tx_release(tx);
    tx = tx_begin(world->store);
    assert_status_ok(tx_set_row_level_security(tx, 4096, sql, false, &error), error);
    commit(tx);
    assert_no_row(world->store, "st_row_level_security [4096,\"SELECT * FROM person\"]");
}

static void program_is_one_row(void **state) {
    World *world = *state;
    ProgramInfo info = {.kind = 1, .program = BYTES_LITERAL("first")};
    memset(info.database.bytes, 0xda, sizeof info.database.bytes);
    memset(info.owner.bytes, 0x0e, sizeof info.owner.bytes);
    memset(info.hash.bytes, 0x11, sizeof info.hash.bytes);
    ProgramInfo found;
    assert_false(store_program(world->store, &found));
    Tx *tx = tx_begin(world->store);
    tx_set_program(tx, &info);
    commit(tx);
    assert_true(store_program(world->store, &found));
    info.program = BYTES_LITERAL("second, and longer");
    info.hash.bytes[0] = 0x22;
    tx = tx_begin(world->store);
    tx_set_program(tx, &info);
    const TableDelta *delta = delta_of(tx_commit(tx), store_find_table(world->store, ST_MODULE));
    assert_int_equal(delta->inserted.count, 1);
    assert_int_equal(delta->deleted.count, 1);
    tx_release(tx);
    assert_true(store_program(world->store, &found));
    assert_bytes_equal(found.program, info.program);
    assert_int_equal(found.kind, 1);
    assert_true(hash_equal(&found.hash, &info.hash));
    assert_true(identity_equal(&found.owner, &info.owner) &&
                identity_equal(&found.database, &info.database));
    tx = tx_begin(world->store);
    tx_set_program(tx, &found);  // the same again
    assert_int_equal(tx_commit(tx)->table_count, 0);
    tx_release(tx);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_store_has_the_system_tables),
        cmocka_unit_test(golden_module_gives_golden_rows),
        WITH_WORLD(indexes_come_and_go),
        WITH_WORLD(constraints_come_and_go),
        WITH_WORLD(sequences_come_and_go),
        WITH_WORLD(properties_change),
        WITH_WORLD(dropped_tables_are_truncated),
        WITH_WORLD(created_and_dropped_leaves_nothing),
        WITH_WORLD(names_are_unique),
        WITH_WORLD(added_columns_make_a_new_table),
        WITH_WORLD(added_columns_log_every_row),
        WITH_WORLD(variants_are_added),
        WITH_WORLD(event_tables_change_freely),
        WITH_WORLD(descriptions_have_a_limit),
        WITH_WORLD(views_have_backing_tables),
        WITH_WORLD(rules_come_and_go),
        WITH_WORLD(program_is_one_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
