// schema_test.c - what happens to subscriptions when the schema, or the rules of row-level security, change under
// them: they go on exactly, or they end with an error (sync.h, sync_schema_changed).

#include "fixture.h"

#define TAG_APPLIED 1
#define TAG_ERROR 3
#define TAG_UPDATE 4
#define UNASKED UINT32_MAX

static World *with_people(void) {
    World *world = world_open();
    world_numbers(world, "first", false);
    world_person(world);
    world_run(world, "INSERT INTO person (id, name) VALUES (1, 'Ada'), (2, 'Grace'), (3, 'Lin')");
    return world;
}

static Table *find(World *world, const char *name) {
    Table *table = store_find_table_by_name(world->store, bytes_of_text(name));
    assert_non_null(table);
    return table;
}

static void must(Status status, const Error *error) {
    if (status != STATUS_OK) fail_msg("%s", error->text);
}

// ---- tables that go ----

static void test_dropped_table(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    SyncClient *other = world_client(world, 2, PROTOCOL_V3);
    world_subscribe_all(world, client, 1, 1,
                        (Texts){{"SELECT * FROM first", "SELECT * FROM person"}});
    world_subscribe(world, client, 1, 2, "SELECT * FROM first");
    world_subscribe(world, client, 1, 3, "SELECT * FROM person WHERE id = 1");
    world_subscribe(world, other, 1, 1, "SELECT * FROM person");
    world_forget(world);
    Error error;
    Tx *tx = tx_begin(world->store);
    must(tx_drop_table(tx, find(world, "person"), &error), &error);
    world_change(world, tx, "INSERT INTO first (id) VALUES (7)");
    world_commit(world, (SyncEvent){0});
    // The sets that read it end; what else the transaction did is told to the one that is left.
    uint32_t errors = 0;
    for (uint32_t i = world->sent_first; i < world->sent_count; i++) {
        const Sent *sent = &world->sent[i];
        if (shared_slice_bytes(sent->slice).data[0] != TAG_ERROR) continue;
        assert_int_equal(sent->ticket, world->ticket);
        assert_int_equal(i, world->sent_first + errors);  // before any update
        errors++;
    }
    assert_int_equal(errors, 3);
    for (uint32_t i = 0; i < 3; i++) {
        uintptr_t to = world->sent[world->sent_first].to;
        Bytes bytes = world_expect_tag(world, to, TAG_ERROR);
        assert_int_equal(bytes.data[1], 1);  // nobody asked
        assert_true(bytes_contain(bytes, "no such table: `person`"));
        assert_true(bytes_contain(bytes, ", executing: `SELECT * FROM person"));
        uint32_t id = load_u32le(bytes.data + 2);
        assert_true(to == 1 ? id == 1 || id == 3 : id == 1);
    }
    Bytes update = world_expect_tag(world, 1, TAG_UPDATE);
    assert_hex(bytes_slice(update, 0, 9), "04 01000000 02000000");
    world_expect_nothing(world);
    assert_int_equal(sync_stats(world->sync).query_sets, 1);
    assert_int_equal(sync_stats(world->sync).queries, 1);
    // Their ids are free.
    world_subscribe(world, client, 2, 1, "SELECT * FROM first");
    (void)world_expect_tag(world, 1, TAG_APPLIED);
    world_close(world);
}

// On v1 all of a connection's subscriptions end at once, with one error.
static void test_dropped_table_v1(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *client = world_client(world, 1, PROTOCOL_V1_BSATN);
    static const char *const REQUESTS[] = {
        ("{\"SubscribeMulti\":{\"query_strings\":[\"SELECT * FROM first\"],\"request_id\":1,"
         "\"query_id\":{\"id\":1}}}"),
        ("{\"SubscribeMulti\":{\"query_strings\":[\"SELECT * FROM person\"],\"request_id\":1,"
         "\"query_id\":{\"id\":2}}}"),
        "{\"Subscribe\":{\"query_strings\":[\"SELECT * FROM first\"],\"request_id\":1}}",
    };
    for (uint32_t i = 0; i < COUNT_OF(REQUESTS); i++) world_ask_text(world, client, REQUESTS[i]);
    world_forget(world);
    Error error;
    Tx *tx = tx_begin(world->store);
    must(tx_drop_table(tx, find(world, "person"), &error), &error);
    world_change(world, tx, "INSERT INTO first (id) VALUES (7)");
    world_commit(world, (SyncEvent){0});
    Bytes bytes = world_expect_tag(world, 1, 7);
    assert_hex(bytes_slice(bytes, 0, 12), "07 0000000000000000 01 01 01");
    world_expect_nothing(world);
    assert_int_equal(sync_stats(world->sync).query_sets, 0);
    world_run(world, "INSERT INTO first (id) VALUES (8)");
    world_expect_nothing(world);
    // And it may begin anew.
    world_ask_text(world, client, REQUESTS[0]);
    (void)world_expect_tag(world, 1, 8);
    world_run(world, "INSERT INTO first (id) VALUES (9)");
    (void)world_expect_tag(world, 1, 1);
    world_close(world);
}

// A table of that name again is another table: the client's rows came from the first.
static void test_replaced_table(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe(world, client, 1, 1, "SELECT * FROM first");
    world_forget(world);
    Error error;
    Table *table = find(world, "first");
    const TypeField columns[] = {COLUMN("id", type_primitive(TYPE_U32)),
                                 COLUMN("more", type_primitive(TYPE_U32))};
    WorldTable wanted = {.name = "first", .columns = columns, .column_count = 2};
    TableSchema schema = world_schema(world, &wanted);
    uint8_t zero[4] = {0};
    ((ColumnSchema *)(uintptr_t)schema.columns)[1].default_value = bytes_of(zero, 4);
    Tx *tx = tx_begin(world->store);
    must(tx_add_columns(tx, table, &schema, &table, &error), &error);
    world_commit(world, (SyncEvent){0});
    world_expect_error(world, 1, UNASKED, 1,
                       "what it reads was replaced, executing: `SELECT * FROM first`");
    world_expect_nothing(world);
    world_subscribe(world, client, 2, 1, "SELECT * FROM first");
    (void)world_expect_tag(world, 1, TAG_APPLIED);
    world_run(world, "INSERT INTO first (id, more) VALUES (1, 2)");
    (void)world_expect_tag(world, 1, TAG_UPDATE);
    world_close(world);
}

// ---- indexes and access ----

#define JOIN "SELECT p.* FROM person p JOIN member m ON p.id = m.person_id"

static void with_member(World *world) {
    const TypeField columns[] = {COLUMN("id", type_primitive(TYPE_U32)),
                                 COLUMN("person_id", type_primitive(TYPE_U32))};
    static const WorldIndex INDEXES[] = {{INDEX_BTREE, false, 1}, {INDEX_HASH, false, 0}};
    WorldTable member = {.name = "member",
                         .columns = columns,
                         .column_count = 2,
                         .indexes = INDEXES,
                         .index_count = 2};
    world_table(world, &member);
    world_run(world, "INSERT INTO member (id, person_id) VALUES (1, 1), (2, 1)");
}

// Rows of a transaction that drops an index are told by plans that do without. If joins must have one, the query
// ends instead.
static void check_dropped_index(bool is_index_demanded) {
    World *world = with_people();
    with_member(world);
    if (is_index_demanded) world_run(world, "SET join_without_index = false");
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe(world, client, 1, 1, JOIN);
    world_subscribe(world, client, 1, 2, "SELECT * FROM member");
    world_forget(world);
    Error error;
    Tx *tx = tx_begin(world->store);
    Index *unused = store_find_index_by_name(world->store, bytes_of_text("member_idx_1"));
    must(tx_drop_index(tx, unused, &error), &error);
    world_change(world, tx, "INSERT INTO member (id, person_id) VALUES (3, 2)");
    world_commit(world, (SyncEvent){0});
    Bytes bytes = world_expect_tag(world, 1, TAG_UPDATE);
    assert_hex(bytes_slice(bytes, 0, 9), "04 02000000 01000000");
    tx = tx_begin(world->store);
    Index *needed = store_find_index_by_name(world->store, bytes_of_text("member_idx_0"));
    must(tx_drop_index(tx, needed, &error), &error);
    world_change(world, tx, "INSERT INTO member (id, person_id) VALUES (4, 2)");
    world_commit(world, (SyncEvent){0});
    if (is_index_demanded) {
        world_expect_error(world, 1, UNASKED, 1,
                           "Subscriptions require indexes on join columns, executing: `SELECT");
    }
    bytes = world_expect_tag(world, 1, TAG_UPDATE);
    assert_hex(bytes_slice(bytes, 0, 9),
               is_index_demanded ? "04 01000000 02000000" : "04 02000000 01000000");
    world_expect_nothing(world);
    world_close(world);
}

static void test_indexes(void **state) {
    (void)state;
    check_dropped_index(false);
    check_dropped_index(true);
}

// A table becomes private: the owner goes on, others end.
static void test_access(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    SyncClient *owner = world_owner(world, 2, PROTOCOL_V2);
    world_subscribe(world, client, 1, 1, "SELECT * FROM person");
    world_subscribe(world, owner, 1, 1, "SELECT * FROM person");
    world_forget(world);
    Error error;
    Tx *tx = tx_begin(world->store);
    must(tx_set_access(tx, find(world, "person"), TABLE_PRIVATE, &error), &error);
    world_change(world, tx, "DELETE FROM person WHERE id = 1");
    world_commit(world, (SyncEvent){0});
    world_expect_error(world, 1, UNASKED, 1, "no such table: `person`");
    (void)world_expect_tag(world, 2, TAG_UPDATE);
    world_expect_nothing(world);
    world_close(world);
}

// What does not concern a query changes nothing for it, however often it happens.
static void test_unrelated_changes(void **state) {
    (void)state;
    World *world = with_people();
    with_member(world);
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe_all(world, client, 1, 1, (Texts){{JOIN, "SELECT * FROM person WHERE id = 1"}});
    world_forget(world);
    for (uint32_t i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "another_%u", i);
        Bytes copy = arena_copy(&world->arena, bytes_of(name, strlen(name) + 1));
        WorldTable table = {.name = (const char *)copy.data,
                            .columns = (const TypeField[]){COLUMN("id", type_primitive(TYPE_U32))},
                            .column_count = 1};
        TableSchema schema = world_schema(world, &table);
        Table *created;
        Error error;
        Tx *tx = tx_begin(world->store);
        must(tx_create_table(tx, &schema, &created, &error), &error);
        world_commit(world, (SyncEvent){0});
        world_expect_nothing(world);
        world_run(world, i % 2 ? "UPDATE person SET name = 'Ada' WHERE id = 1"
                               : "UPDATE person SET name = 'Eve' WHERE id = 1");
        Bytes bytes = world_expect_tag(world, 1, TAG_UPDATE);
        assert_hex(bytes_slice(bytes, 0, 27),
                   "04 01000000 01000000 01000000 06000000 706572736f6e 02000000");
    }
    assert_int_equal(sync_stats(world->sync).query_sets, 1);
    world_close(world);
}

// A publish that failed was rolled back: the schema is the old one, but what plans pointed to may not be.
static void test_rolled_back(void **state) {
    (void)state;
    World *world = with_people();
    with_member(world);
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe_all(world, client, 1, 1,
                        (Texts){{JOIN, "SELECT * FROM person WHERE name = 'Kim'"}});
    world_forget(world);
    for (uint32_t round = 0; round < 3; round++) {
        Error error;
        Tx *tx = tx_begin(world->store);
        if (round > 0)
            must(tx_set_access(tx, find(world, "person"), TABLE_PRIVATE, &error), &error);
        if (round > 1) must(tx_drop_table(tx, find(world, "member"), &error), &error);
        tx_rollback(tx);
        if (round == 2) {
            world_subscribe(world, client, 9, 9, JOIN);
            (void)world_expect_tag(world, 1, TAG_APPLIED);
            world_unsubscribe(world, client, 9, 9, 1);
            (void)world_expect_tag(world, 1, 2);
        }
        world_run(world, "INSERT INTO person (id, name) VALUES (9, 'Kim');"
                         "INSERT INTO member (id, person_id) VALUES (9, 9)");
        (void)world_expect_tag(world, 1, TAG_UPDATE);
        world_run(world, "DELETE FROM person WHERE id = 9; DELETE FROM member WHERE id = 9");
        (void)world_expect_tag(world, 1, TAG_UPDATE);
        world_expect_nothing(world);
    }
    world_close(world);
}

// ---- row-level security ----

static void set_rule(World *world, const char *text, bool is_present) {
    SqlContext owner = {.store = world->store, .is_owner = true};
    TableId table = 0;
    Error error;
    Bytes rule = bytes_of_text(text);
    must(sql_check_row_level_security(&owner, rule, &table, &error), &error);
    Tx *tx = tx_begin(world->store);
    must(tx_set_row_level_security(tx, table, rule, is_present, &error), &error);
    world_change(world, tx, "UPDATE person SET name = 'Eve' WHERE id = 1");
    world_commit(world, (SyncEvent){0});
    world_run(world, "UPDATE person SET name = 'Ada' WHERE id = 1");
}

// A rule comes or goes: nobody but the owner may go on with the old plan, nor get it as a new subscriber.
static void test_rules(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    SyncClient *owner = world_owner(world, 2, PROTOCOL_V2);
    SyncClient *newcomer = world_client(world, 3, PROTOCOL_V2);
    world_subscribe(world, client, 1, 1, "SELECT * FROM person");
    world_subscribe(world, owner, 1, 1, "SELECT * FROM person");
    world_forget(world);
    set_rule(world, "SELECT * FROM person WHERE id = 2", true);
    world_expect_error(world, 1, UNASKED, 1,
                       "rules of row-level security changed, executing: `SELECT * FROM person`");
    (void)world_expect_tag(world, 2, TAG_UPDATE);
    (void)world_expect_tag(world, 2, TAG_UPDATE);
    world_expect_nothing(world);
    world_subscribe(world, newcomer, 1, 1, "SELECT * FROM person");
    world_expect(world, 3,
                 "01 01000000 01000000 01000000 06000000 706572736f6e 00 0d00 0d000000"
                 "02000000 05000000 4772616365");
    set_rule(world, "SELECT * FROM person WHERE id = 2", false);
    world_expect_error(world, 3, UNASKED, 1, "rules of row-level security changed");
    world_forget(world);
    world_subscribe(world, newcomer, 1, 1, "SELECT * FROM person WHERE id = 3");
    world_expect(world, 3,
                 "01 01000000 01000000 01000000 06000000 706572736f6e 00 0b00 0b000000"
                 "03000000 03000000 4c696e");
    world_close(world);
}

// ---- views ----

// Two anonymous views of the same rows; the second wants an argument.
static Table *with_views(World *world) {
    Arena *arena = &world->arena;
    static const ColumnSchema COLUMNS[] = {
        {.name = {(const uint8_t *)"id", 2}, .accessor = {(const uint8_t *)"id", 2}},
        {.name = {(const uint8_t *)"ok", 2}, .accessor = {(const uint8_t *)"ok", 2}},
    };
    ColumnSchema *columns = ARENA_ARRAY(arena, ColumnSchema, 2);
    memcpy(columns, COLUMNS, sizeof COLUMNS);
    columns[0].type = type_primitive(TYPE_U32);
    columns[1].type = type_primitive(TYPE_BOOL);
    const TypeField fields[] = {COLUMN("id", columns[0].type), COLUMN("ok", columns[1].type)};
    const TypeField parameters[] = {COLUMN("least", type_primitive(TYPE_U32))};
    ViewDef view = {.name = BYTES_LITERAL("adults"),
                    .source_name = BYTES_LITERAL("adults"),
                    .is_public = true,
                    .is_anonymous = true,
                    .params = type_unit(),
                    .canonical_params = type_unit(),
                    .return_type = type_array(arena, type_product(arena, fields, 2)),
                    .columns = columns,
                    .column_count = 2,
                    .primary_key = COLUMN_NONE};
    ViewDef older = view;
    older.name = older.source_name = BYTES_LITERAL("older");
    older.params = older.canonical_params = type_product(arena, parameters, 1);
    Error error;
    Table *table;
    Tx *tx = tx_begin(world->store);
    must(tx_create_view(tx, &older, &table, &error), &error);
    must(tx_create_view(tx, &view, &table, &error), &error);
    world_commit(world, (SyncEvent){0});
    return table;
}

// A row of the anonymous instance, and one of another.
static void insert_view_rows(World *world, Table *table) {
    uint8_t row[37] = {0};
    const char *hash = "e8b8b119022591171d4b06f6240a1ee6c7a4b209b187d2e07b973c1e54e2e8b2";
    assert_true(hex_decode(bytes_of_text(hash), row, 32));
    row[32] = 5;
    row[36] = 1;
    InsertResult result;
    Tx *tx = tx_begin(world->store);
    assert_int_equal(tx_insert(tx, table, bytes_of(row, sizeof row), &result), INSERT_ADDED);
    row[0] ^= 1;
    row[32] = 6;
    assert_int_equal(tx_insert(tx, table, bytes_of(row, sizeof row), &result), INSERT_ADDED);
    world_commit(world, (SyncEvent){.withhold_reducer = true});
}

// Subscriptions to views give what is in the backing table now, without the hidden column.
static void test_views(void **state) {
    (void)state;
    World *world = with_people();
    Table *table = with_views(world);
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    SyncClient *text = world_client(world, 2, PROTOCOL_V1_JSON);
    world_subscribe(world, client, 1, 1, "SELECT * FROM adults");
    world_expect(world, 1, "01 01000000 01000000 00000000");
    world_ask_text(
        world, text,
        "{\"Subscribe\":{\"query_strings\":[\"SELECT * FROM adults\"],\"request_id\":1}}");
    world_forget(world);
    insert_view_rows(world, table);
    for (uint32_t i = 0; i < 2; i++) {
        uintptr_t to = world->sent[world->sent_first].to;
        if (to == 1) {
            world_expect(world, 1,
                         "04 01000000 01000000 01000000 06000000 6164756c7473 01000000"
                         "00 00 0500 05000000 05000000 01 01 00000000 00000000");
        } else {
            assert_true(bytes_contain(world_take(world, 2), "\"inserts\":[\"[5,true]\"]"));
        }
    }
    // Rows of views are arrays from the start; SELECT * FROM * leaves out views that want arguments.
    world_ask_text(world, text,
                   "{\"Subscribe\":{\"query_strings\":[\"SELECT * FROM *\"],\"request_id\":1}}");
    Bytes bytes = world_take(world, 2);
    if (!bytes_contain(bytes, "\"inserts\":[\"[5,true]\"]")) fail_msg("%.*s", BYTES_FORMAT(bytes));
    assert_false(bytes_contain(bytes, "older"));
    world_unsubscribe(world, client, 2, 1, 1);
    world_expect(
        world, 1,
        "02 02000000 01000000 00 01000000 06000000 6164756c7473 00 0500 05000000 05000000 01");
    world_close(world);
}

typedef struct Keeper {
    uint32_t held;  // now
    uint32_t holds;
    Identity sender;  // of the last one
    bool fails;
} Keeper;

static Status keeper_hold(void *user, const Identity *sender, const Query *query, Error *error) {
    Keeper *keeper = user;
    uint32_t count = 0;
    const QueryView *views = query_views(query, &count);
    assert_int_equal(count, 1);
    assert_int_equal(views[0].key.count, VIEW_KEY_BYTES);
    keeper->holds++;
    if (keeper->fails) return error_set(error, STATUS_INVALID, "the view failed");
    keeper->held++;
    keeper->sender = *sender;
    return STATUS_OK;
}

static void keeper_release(void *user, const Query *query) {
    Keeper *keeper = user;
    uint32_t count = 0;
    (void)query_views(query, &count);
    assert_true(count == 1 && keeper->held > 0);
    keeper->held--;
}

// Who keeps views hears of each distinct query that reads one, once, and of its end.
static void test_view_keeper(void **state) {
    (void)state;
    World *world = with_people();
    (void)with_views(world);
    Keeper keeper = {0};
    sync_set_views(world->sync, &(SyncViews){&keeper, keeper_hold, keeper_release});
    SyncClient *first = world_client(world, 1, PROTOCOL_V2);
    SyncClient *second = world_client(world, 2, PROTOCOL_V2);
    world_subscribe(world, first, 1, 1, "SELECT * FROM person");
    assert_int_equal(keeper.holds, 0);
    world_subscribe(world, first, 1, 2, "SELECT * FROM adults");
    world_subscribe(world, second, 1, 2, "SELECT * FROM adults");
    Identity identity = world_identity(1);
    assert_true(identity_equal(&keeper.sender, &identity));
    assert_int_equal(keeper.holds, 1);
    world_subscribe(world, second, 1, 3, "SELECT * FROM adults WHERE id = 1");
    assert_int_equal(keeper.held, 2);
    // Compiled anew, it is held anew before it is let go.
    world_numbers(world, "another", false);
    world_run(world, "");
    assert_int_equal(keeper.holds, 4);
    assert_int_equal(keeper.held, 2);
    world_unsubscribe(world, first, 1, 2, 0);
    assert_int_equal(keeper.held, 2);
    sync_remove_client(world->sync, second);
    assert_int_equal(keeper.held, 0);
    // A set that fails lets go; a view that fails fails its set.
    world_forget(world);
    world_subscribe_all(world, first, 2, 5, (Texts){{"SELECT * FROM adults", "SELECT * FROM x"}});
    world_expect_error(world, 1, 2, 5, "no such table: `x`");
    assert_int_equal(keeper.held, 0);
    keeper.fails = true;
    world_subscribe_all(world, first, 2, 5,
                        (Texts){{"SELECT * FROM person", "SELECT * FROM adults"}});
    world_expect_error(world, 1, 2, 5, "the view failed, executing: `SELECT * FROM adults`");
    assert_int_equal(sync_stats(world->sync).queries, 1);
    world_expect_nothing(world);
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dropped_table),  cmocka_unit_test(test_dropped_table_v1),
        cmocka_unit_test(test_replaced_table), cmocka_unit_test(test_indexes),
        cmocka_unit_test(test_access),         cmocka_unit_test(test_unrelated_changes),
        cmocka_unit_test(test_rolled_back),    cmocka_unit_test(test_rules),
        cmocka_unit_test(test_views),          cmocka_unit_test(test_view_keeper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
