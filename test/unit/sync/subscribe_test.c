// subscribe_test.c - query sets of v2: what they hold, what they answer, who shares what, and that a failure
// leaves nothing behind (websocket.md 8.4, 9.1 to 9.3, 9.8; since-2.8.md 3.1).

#include "fixture.h"

#define TAG_APPLIED 1
#define TAG_UNSUBSCRIBED 2
#define TAG_UPDATE 4
#define TAG_ONE_OFF 5
#define TAG_BATCH 8

// ---- reading answers ----

// The rows of a row list of `person` or of numbers, as their ids.
static uint32_t read_row_list(Reader *reader, uint32_t ret_ids[], uint32_t ids_max) {
    uint8_t hint = reader_u8(reader);
    uint32_t count = 0;
    uint64_t size = 0;
    if (hint == 0) {
        size = reader_u16(reader);
    } else {
        count = reader_u32(reader);
        for (uint32_t i = 0; i < count; i++) (void)reader_u64(reader);
    }
    Bytes rows = reader_bytes(reader);
    if (hint == 0) count = (uint32_t)(rows.count / size);
    assert_true(count <= ids_max);
    Reader row = reader_of(rows);
    for (uint32_t i = 0; i < count; i++) {
        ret_ids[i] = reader_u32(&row);
        if (hint == 0) {
            (void)reader_take(&row, size - 4);
        } else {
            (void)reader_string(&row);
        }
    }
    assert_true(reader_ok(reader) && reader_finish(&row));
    return count;
}

// QueryRows as a text: "person:1,2 other:". Returns a static buffer.
static const char *read_query_rows(Reader *reader) {
    static char text[1024];
    size_t at = 0;
    uint32_t table_count = reader_u32(reader);
    text[0] = 0;
    for (uint32_t t = 0; t < table_count; t++) {
        Bytes name = reader_string(reader);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*s:", t ? " " : "",
                               BYTES_FORMAT(name));
        uint32_t ids[64];
        uint32_t count = read_row_list(reader, ids, 64);
        for (uint32_t i = 0; i < count; i++) {
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%u", i ? "," : "", ids[i]);
        }
        assert_true(at < sizeof text);
    }
    return text;
}

static void expect_applied(World *world, uintptr_t to, uint32_t request_id, uint32_t set_id,
                           const char *rows) {
    Reader reader = reader_of(world_expect_tag(world, to, TAG_APPLIED));
    (void)reader_u8(&reader);
    assert_int_equal(reader_u32(&reader), request_id);
    assert_int_equal(reader_u32(&reader), set_id);
    assert_string_equal(read_query_rows(&reader), rows);
    assert_true(reader_finish(&reader));
}

// rows NULL: none were asked for.
static void expect_unsubscribed(World *world, uintptr_t to, uint32_t request_id, uint32_t set_id,
                                const char *rows) {
    Reader reader = reader_of(world_expect_tag(world, to, TAG_UNSUBSCRIBED));
    (void)reader_u8(&reader);
    assert_int_equal(reader_u32(&reader), request_id);
    assert_int_equal(reader_u32(&reader), set_id);
    assert_int_equal(reader_u8(&reader), rows ? 0 : 1);
    if (rows) assert_string_equal(read_query_rows(&reader), rows);
    assert_true(reader_finish(&reader));
}

static World *with_people(void) {
    World *world = world_open();
    world_person(world);
    world_run(world, "INSERT INTO person (id, name) VALUES (1, 'Ada'), (2, 'Grace'), (3, 'Lin')");
    return world;
}

// ---- sets ----

static void test_duplicate_texts(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    // The same text twice, also with other blanks around it, counts once; another spelling is another query.
    world_subscribe_all(
        world, client, 1, 1,
        (Texts){{"SELECT * FROM person WHERE id = 1", "SELECT * FROM person WHERE id = 1",
                 " SELECT * FROM person WHERE id = 1\n", "select * from person where id = 1"}});
    expect_applied(world, 1, 1, 1, "person:1 person:1");
    assert_int_equal(sync_stats(world->sync).queries, 2);
    assert_int_equal(sync_stats(world->sync).query_sets, 1);
    world_unsubscribe(world, client, 2, 1, 1);
    expect_unsubscribed(world, 1, 2, 1, "person:1 person:1");
    assert_int_equal(sync_stats(world->sync).queries, 0);
    assert_int_equal(sync_stats(world->sync).query_sets, 0);
    world_expect_nothing(world);
    world_close(world);
}

static void test_same_text_in_two_sets(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe(world, client, 1, 1, "SELECT * FROM person WHERE id = 2");
    world_subscribe(world, client, 2, 2, "SELECT * FROM person WHERE id = 2");
    expect_applied(world, 1, 1, 1, "person:2");
    expect_applied(world, 1, 2, 2, "person:2");
    assert_int_equal(sync_stats(world->sync).queries, 1);
    assert_int_equal(sync_stats(world->sync).query_sets, 2);
    world_run(world, "DELETE FROM person WHERE id = 2");
    world_expect(world, 1,
                 "04 02000000"
                 "01000000 01000000 06000000 706572736f6e 01000000 00 010000000000000000"
                 "00 0d00 0d000000 02000000 05000000 4772616365"
                 "02000000 01000000 06000000 706572736f6e 01000000 00 010000000000000000"
                 "00 0d00 0d000000 02000000 05000000 4772616365");
    world_unsubscribe(world, client, 3, 1, 0);
    expect_unsubscribed(world, 1, 3, 1, NULL);
    world_run(world, "INSERT INTO person (id, name) VALUES (2, 'Eve')");
    world_expect(world, 1,
                 "04 01000000"
                 "02000000 01000000 06000000 706572736f6e 01000000 00"
                 "00 0b00 0b000000 02000000 03000000 457665 010000000000000000");
    world_expect_nothing(world);
    world_close(world);
}

static void test_duplicate_id(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    SyncClient *other = world_client(world, 2, PROTOCOL_V2);
    world_subscribe(world, client, 1, 7, "SELECT * FROM person WHERE id = 1");
    expect_applied(world, 1, 1, 7, "person:1");
    world_subscribe(world, client, 2, 7, "SELECT * FROM person");
    world_expect_error(world, 1, 2, 7,
                       "Subscription with id QuerySetId { id: 7 } already exists for client: "
                       "(Identity(c2000000000000000000000000000000000000000000000000000000000000"
                       "01), ConnectionId(00000000000000000000000000000001))");
    assert_int_equal(sync_stats(world->sync).queries, 1);
    // Ids are each client's own; the first set works on.
    world_subscribe(world, other, 3, 7, "SELECT * FROM person WHERE id = 3");
    expect_applied(world, 2, 3, 7, "person:3");
    world_unsubscribe(world, client, 4, 7, 1);
    expect_unsubscribed(world, 1, 4, 7, "person:1");
    // Free again.
    world_subscribe(world, client, 5, 7, "SELECT * FROM person WHERE id = 2");
    expect_applied(world, 1, 5, 7, "person:2");
    world_expect_nothing(world);
    world_close(world);
}

static void test_unknown_set(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *client = world_client(world, 1, PROTOCOL_V3);
    world_unsubscribe(world, client, 5, 99, 1);
    world_expect_error(world, 1, 5, 99,
                       "Subscription not found: "
                       "((Identity(c2000000000000000000000000000000000000000000000000000000000000"
                       "01), ConnectionId(00000000000000000000000000000001)), "
                       "QuerySetId { id: 99 })");
    world_expect_nothing(world);
    world_close(world);
}

static void test_empty_list(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe_all(world, client, 1, 1, (Texts){{NULL}});
    expect_applied(world, 1, 1, 1, "");
    assert_int_equal(sync_stats(world->sync).query_sets, 1);
    world_unsubscribe(world, client, 2, 1, 1);
    expect_unsubscribed(world, 1, 2, 1, "");
    world_close(world);
}

// A bad text among good ones: nothing is registered, and the id is free.
static void test_failure(void **state) {
    (void)state;
    World *world = with_people();
    world_run(world, "SET join_without_index = false");
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    static const struct {
        const char *text;
        const char *error;
    } CASES[] = {
        {"SELECT * FROM nobody",
         "no such table: `nobody`. If the table exists, it may be marked private., executing: "
         "`SELECT * FROM nobody`"},
        {"SELEKT 1", ", executing: `SELEKT 1`"},
        {"SELECT name FROM person", "Column projections are not supported in subscriptions; "
                                    "Subscriptions must return a table type, "
                                    "executing: `SELECT name FROM person`"},
        {"SELECT p.* FROM person p JOIN person q ON p.name = q.name",
         "Subscriptions require indexes on join columns, executing: `SELECT p.*"},
        {"  ", "SubscriptionError: Empty string, executing: ``"},
    };
    for (uint32_t i = 0; i < COUNT_OF(CASES); i++) {
        world_subscribe_all(
            world, client, 1, 1,
            (Texts){{"SELECT * FROM person", CASES[i].text, "SELECT * FROM person"}});
        world_expect_error(world, 1, 1, 1, CASES[i].error);
        assert_int_equal(sync_stats(world->sync).queries, 0);
        assert_int_equal(sync_stats(world->sync).query_sets, 0);
    }
    world_run(world, "DELETE FROM person WHERE id = 1");
    world_expect_nothing(world);
    world_subscribe(world, client, 2, 1, "SELECT * FROM person");
    expect_applied(world, 1, 2, 1, "person:2,3");
    world_close(world);
}

// A fragment over an empty table is left out; one that matches nothing has an empty list.
static void test_first_rows(void **state) {
    (void)state;
    World *world = with_people();
    world_numbers(world, "empty", false);
    world_numbers(world, "other", false);
    world_run(world, "INSERT INTO other (id) VALUES (5), (4)");
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe_all(
        world, client, 1, 1,
        (Texts){{"SELECT * FROM other", "SELECT * FROM empty", "SELECT * FROM person WHERE id = 9",
                 "SELECT * FROM person WHERE id > 1"}});
    expect_applied(world, 1, 1, 1, "other:5,4 person: person:2,3");
    world_unsubscribe(world, client, 2, 1, 1);
    expect_unsubscribed(world, 1, 2, 1, "other:5,4 person: person:2,3");
    world_close(world);
}

// ---- SELECT * FROM * ----

static void test_all_tables(void **state) {
    (void)state;
    World *world = with_people();
    world_numbers(world, "event", true);
    world_numbers(world, "order", false);  // a keyword
    WorldTable secret = {.name = "secret",
                         .columns = (const TypeField[]){COLUMN("id", type_primitive(TYPE_U32))},
                         .column_count = 1,
                         .is_private = true};
    world_table(world, &secret);
    world_run(world, "INSERT INTO secret (id) VALUES (7)");
    world_run(world, "INSERT INTO \"order\" (id) VALUES (8)");
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    SyncClient *owner = world_owner(world, 2, PROTOCOL_V2);
    world_subscribe(world, client, 1, 1, "SELECT * FROM *");
    expect_applied(world, 1, 1, 1, "person:1,2,3 order:8");
    world_subscribe(world, owner, 2, 1, "\tselect  *  from  * ");
    expect_applied(world, 2, 2, 1, "person:1,2,3 order:8 secret:7");
    // It comes first; and what it stands for counts once.
    world_subscribe_all(world, client, 3, 2,
                        (Texts){{"SELECT * FROM person WHERE id = 1", "SELECT * FROM *",
                                 "SELECT * FROM person", "SELECT * FROM *"}});
    expect_applied(world, 1, 3, 2, "person:1,2,3 order:8 person:1");
    world_one_off(world, client, 4, "SELECT * FROM *");
    Bytes bytes = world_expect_tag(world, 1, TAG_ONE_OFF);
    assert_int_equal(bytes.data[5], 1);
    world_close(world);
}

// ---- owners, private tables, senders ----

static void test_private(void **state) {
    (void)state;
    World *world = world_open();
    WorldTable secret = {.name = "secret",
                         .columns = (const TypeField[]){COLUMN("id", type_primitive(TYPE_U32))},
                         .column_count = 1,
                         .is_private = true};
    world_table(world, &secret);
    world_run(world, "INSERT INTO secret (id) VALUES (7)");
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    SyncClient *owner = world_owner(world, 2, PROTOCOL_V2);
    // In this order an owner's plan must not serve the other.
    world_subscribe(world, owner, 1, 1, "SELECT * FROM secret");
    expect_applied(world, 2, 1, 1, "secret:7");
    world_subscribe(world, client, 2, 1, "SELECT * FROM secret");
    world_expect_error(world, 1, 2, 1,
                       "no such table: `secret`. If the table exists, it may be marked private.");
    world_one_off(world, client, 3, "SELECT * FROM secret");
    Bytes bytes = world_expect_tag(world, 1, TAG_ONE_OFF);
    assert_true(bytes_contain(bytes, "no such table: `secret`"));
    world_run(world, "INSERT INTO secret (id) VALUES (8)");
    (void)world_expect_tag(world, 2, TAG_UPDATE);
    world_expect_nothing(world);
    world_close(world);
}

static World *with_mail(void) {
    World *world = world_open();
    const TypeField columns[] = {
        COLUMN("id", type_primitive(TYPE_U32)),
        COLUMN("recipient", type_special(SPECIAL_IDENTITY)),
    };
    WorldTable mail = {.name = "mail", .columns = columns, .column_count = 2};
    world_table(world, &mail);
    return world;
}

static void send_mail(World *world, uint32_t id, uint8_t recipient) {
    char hex[IDENTITY_HEX_COUNT + 1];
    Identity identity = world_identity(recipient);
    identity_to_hex(&identity, hex);
    char text[256];
    snprintf(text, sizeof text, "INSERT INTO mail (id, recipient) VALUES (%u, 0x%s)", id, hex);
    world_run(world, text);
}

// The same text for different senders: different rows, different plans.
static void test_sender(void **state) {
    (void)state;
    World *world = with_mail();
    SyncClient *first = world_client(world, 1, PROTOCOL_V2);
    SyncClient *second = world_client(world, 2, PROTOCOL_V2);
    world_subscribe(world, first, 1, 1, "SELECT * FROM mail WHERE recipient = :sender");
    world_subscribe(world, second, 1, 1, "SELECT * FROM mail WHERE recipient = :sender");
    expect_applied(world, 1, 1, 1, "");
    expect_applied(world, 2, 1, 1, "");
    assert_int_equal(sync_stats(world->sync).queries, 2);
    send_mail(world, 1, 2);
    (void)world_expect_tag(world, 2, TAG_UPDATE);
    world_expect_nothing(world);
    send_mail(world, 2, 1);
    (void)world_expect_tag(world, 1, TAG_UPDATE);
    send_mail(world, 3, 3);
    world_expect_nothing(world);
    world_close(world);
}

static void add_rule(World *world, const char *text) {
    SqlContext owner = {.store = world->store, .is_owner = true};
    TableId table = 0;
    Error error;
    Tx *tx = tx_begin(world->store);
    Bytes rule = bytes_of_text(text);
    if (sql_check_row_level_security(&owner, rule, &table, &error) != STATUS_OK)
        fail_msg("%s", error.text);
    assert_int_equal(tx_set_row_level_security(tx, table, rule, true, &error), STATUS_OK);
    world_commit(world, (SyncEvent){0});
}

// Rules make fragments: each is an entry of its own, and a row that satisfies two is told twice.
static void test_row_level_security(void **state) {
    (void)state;
    World *world = with_mail();
    add_rule(world, "SELECT * FROM mail WHERE recipient = :sender");
    add_rule(world, "SELECT * FROM mail WHERE id < 3");
    SyncClient *first = world_client(world, 1, PROTOCOL_V2);
    SyncClient *owner = world_owner(world, 2, PROTOCOL_V2);
    send_mail(world, 1, 1);  // both rules
    send_mail(world, 2, 9);  // the second
    send_mail(world, 3, 1);  // the first
    send_mail(world, 4, 9);  // none
    world_subscribe(world, first, 1, 1, "SELECT * FROM mail");
    Bytes bytes = world_expect_tag(world, 1, TAG_APPLIED);
    Reader reader = reader_of(bytes_slice(bytes, 9, bytes.count - 9));
    const char *rows = read_query_rows(&reader);
    bool is_either = strcmp(rows, "mail:1,3 mail:1,2") == 0 ||
                     strcmp(rows, "mail:1,2 mail:1,3") == 0;
    if (!is_either) fail_msg("%s", rows);
    world_subscribe(world, owner, 2, 1, "SELECT * FROM mail");
    expect_applied(world, 2, 2, 1, "mail:1,2,3,4");
    // One row, two fragments, two TableUpdateRows; the owner has one.
    world_run(world, "DELETE FROM mail WHERE id = 1");
    bytes = world_expect_tag(world, 1, TAG_UPDATE);
    assert_hex(bytes_slice(bytes, 0, 25),
               "04 01000000 01000000 01000000 04000000 6d61696c 02000000");
    bytes = world_expect_tag(world, 2, TAG_UPDATE);
    assert_hex(bytes_slice(bytes, 0, 25),
               "04 01000000 01000000 01000000 04000000 6d61696c 01000000");
    world_run(world, "DELETE FROM mail WHERE id = 4");
    (void)world_expect_tag(world, 2, TAG_UPDATE);
    // A one-off query merges them in one list.
    world_one_off(world, first, 3, "SELECT * FROM mail");
    bytes = world_expect_tag(world, 1, TAG_ONE_OFF);
    reader = reader_of(bytes_slice(bytes, 6, bytes.count - 6));
    rows = read_query_rows(&reader);
    if (strcmp(rows, "mail:2,3") != 0 && strcmp(rows, "mail:3,2") != 0) fail_msg("%s", rows);
    world_expect_nothing(world);
    world_close(world);
}

// ---- the row limit ----

static void test_row_limit(void **state) {
    (void)state;
    World *world = with_people();
    world_numbers(world, "other", false);
    world_run(world, "INSERT INTO other (id) VALUES (5), (4)");
    world_run(world, "SET row_limit = 4");
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    SyncClient *owner = world_owner(world, 2, PROTOCOL_V2);
    // The sum over what is new counts: 3 + 2.
    world_subscribe_all(world, client, 1, 1,
                        (Texts){{"SELECT * FROM person", "SELECT * FROM other"}});
    world_expect_error(world, 1, 1, 1, "Estimated cardinality (5 rows) exceeds limit (4 rows)");
    assert_int_equal(sync_stats(world->sync).queries, 0);
    world_subscribe(world, client, 2, 1, "SELECT * FROM person");
    expect_applied(world, 1, 2, 1, "person:1,2,3");
    world_subscribe_all(world, client, 3, 2,
                        (Texts){{"SELECT * FROM person", "SELECT * FROM other"}});
    expect_applied(world, 1, 3, 2, "person:1,2,3 other:5,4");
    world_subscribe_all(
        world, owner, 4, 1,
        (Texts){{"SELECT * FROM person", "SELECT * FROM other", "SELECT * FROM *"}});
    expect_applied(world, 2, 4, 1, "person:1,2,3 other:5,4");
    world_one_off(world, client, 5, "SELECT * FROM person WHERE name = 'Ada'");
    Bytes bytes = world_expect_tag(world, 1, TAG_ONE_OFF);
    assert_true(bytes_contain(bytes, "Estimated cardinality (6 rows) exceeds limit (4 rows)"));
    world_one_off(world, client, 6, "SELECT * FROM other");
    bytes = world_expect_tag(world, 1, TAG_ONE_OFF);
    assert_int_equal(bytes.data[5], 0);
    world_close(world);
}

// ---- batches ----

static void test_batch(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *client = world_client(world, 1, PROTOCOL_V3);
    world_subscribe(world, client, 1, 4, "SELECT * FROM person WHERE id = 2");
    expect_applied(world, 1, 1, 4, "person:2");
    Buffer buffer;
    buffer_init(&buffer, 4096);
    buffer_u8(&buffer, 5);
    buffer_u32(&buffer, 2);
    buffer_u32(&buffer, 5);
    static const struct {
        uint32_t id;
        Texts texts;
    } SETS[] = {
        {1, {{"SELECT * FROM person WHERE id = 1"}}},  // good
        {2, {{"SELECT * FROM nobody"}}},               // bad
        {4, {{"SELECT * FROM person"}}},               // taken before
        {1, {{"SELECT * FROM person"}}},               // taken within
        {3, {{"SELECT * FROM person WHERE id = 1", "SELECT * FROM person WHERE id = 3"}}},
    };
    for (uint32_t i = 0; i < COUNT_OF(SETS); i++) {
        buffer_u32(&buffer, SETS[i].id);
        put_texts(&buffer, &SETS[i].texts);
    }
    world->ticket = 12;
    world_ask_buffer(world, client, &buffer);
    assert_int_equal(world->sent[world->sent_first].ticket, 12);
    Reader reader = reader_of(world_expect_tag(world, 1, TAG_BATCH));
    (void)reader_u8(&reader);
    assert_int_equal(reader_u32(&reader), 2);
    assert_int_equal(reader_u32(&reader), 5);
    static const char *const ROWS[] = {"person:1", NULL, NULL, NULL, "person:1 person:3"};
    static const char *const ERRORS[] = {NULL, "no such table: `nobody`",
                                         "QuerySetId { id: 4 } already exists",
                                         "QuerySetId { id: 1 } already exists", NULL};
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(reader_u32(&reader), SETS[i].id);
        assert_int_equal(reader_u8(&reader), ROWS[i] ? 0 : 1);
        if (ROWS[i]) {
            assert_string_equal(read_query_rows(&reader), ROWS[i]);
        } else {
            assert_true(bytes_contain(reader_string(&reader), ERRORS[i]));
        }
    }
    assert_true(reader_finish(&reader));
    assert_int_equal(sync_stats(world->sync).query_sets, 3);
    // The id of the bad one is free; the good ones work.
    world_subscribe(world, client, 3, 2, "SELECT * FROM person WHERE id = 9");
    expect_applied(world, 1, 3, 2, "person:");
    world_run(world, "DELETE FROM person WHERE id = 3");
    Bytes bytes = world_expect_tag(world, 1, TAG_UPDATE);
    assert_hex(bytes_slice(bytes, 0, 9), "04 01000000 03000000");
    world_expect_nothing(world);
    world_close(world);
}

// ---- clients ----

static void test_clients(void **state) {
    (void)state;
    World *world = with_people();
    assert_null(sync_next_client(world->sync, NULL));
    SyncClient *clients[3];
    for (uint8_t i = 0; i < 3; i++) {
        clients[i] = world_client(world, (uint8_t)(i + 1), PROTOCOL_V2);
        assert_int_equal(sync_client_count(world->sync), i + 1);
        assert_int_equal((uintptr_t)sync_client_options(clients[i])->connection, i + 1);
        world_subscribe(world, clients[i], 1, 1, "SELECT * FROM person");
        world_subscribe(world, clients[i], 1, 2, "SELECT * FROM person WHERE id = 1");
        expect_applied(world, i + 1u, 1, 1, "person:1,2,3");
        expect_applied(world, i + 1u, 1, 2, "person:1");
    }
    assert_int_equal(sync_stats(world->sync).queries, 2);
    assert_int_equal(sync_stats(world->sync).query_sets, 6);
    // Each once.
    uint32_t seen = 0;
    for (SyncClient *at = sync_next_client(world->sync, NULL); at;
         at = sync_next_client(world->sync, at)) {
        seen |= 1u << (uintptr_t)sync_client_options(at)->connection;
    }
    assert_int_equal(seen, 0xe);
    // One goes with its sets; the others still hear.
    sync_remove_client(world->sync, clients[1]);
    assert_int_equal(sync_client_count(world->sync), 2);
    assert_int_equal(sync_stats(world->sync).query_sets, 4);
    world_run(world, "DELETE FROM person WHERE id = 1");
    assert_int_equal(world->sent_count - world->sent_first, 2);
    assert_int_equal(world->sent[world->sent_first].to + world->sent[world->sent_first + 1].to, 4);
    world_forget(world);
    sync_remove_client(world->sync, clients[0]);
    sync_remove_client(world->sync, clients[2]);
    assert_int_equal(sync_stats(world->sync).queries, 0);
    world_run(world, "DELETE FROM person WHERE id = 2");
    world_expect_nothing(world);
    world_close(world);
}

// Only confirmed clients wait, and only for what shows committed rows.
static void test_tickets(void **state) {
    (void)state;
    World *world = with_people();
    world->ticket = 40;
    SyncClient *confirmed = world_client(world, 1, PROTOCOL_V2);
    SyncClient *hasty = world_join(world, 2, (SyncClientOptions){.protocol = PROTOCOL_V2});
    SyncClient *clients[] = {confirmed, hasty};
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t ticket = i == 0 ? 40 : TICKET_NONE;
        const Sent *sent = &world->sent[0];
        world_subscribe(world, clients[i], 1, 1, "SELECT * FROM person");
        assert_int_equal(sent->ticket, ticket);
        world_forget(world);
        world_subscribe(world, clients[i], 1, 1, "SELECT * FROM person");  // an error
        assert_int_equal(sent->ticket, TICKET_NONE);
        world_forget(world);
        world_one_off(world, clients[i], 1, "SELECT * FROM person");
        assert_int_equal(sent->ticket, ticket);
        world_forget(world);
        world_unsubscribe(world, clients[i], 1, 1, 1);
        assert_int_equal(sent->ticket, ticket);
        world_forget(world);
        world_subscribe(world, clients[i], 1, 1, "SELECT * FROM person");
        world_forget(world);
    }
    Request request = {.kind = REQUEST_CALL_REDUCER};
    world_run_for(world, "DELETE FROM person WHERE id = 1",
                  (SyncEvent){.caller = confirmed, .request = &request});
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(world->sent[i].ticket, world->sent[i].to == 1 ? 41 : TICKET_NONE);
    }
    world_forget(world);
    SyncEvent failed = {
        .caller = confirmed, .request = &request, .result = RESULT_INTERNAL, .ticket = 41};
    sync_call_failed(world->sync, &failed);
    assert_int_equal(world->sent[0].ticket, TICKET_NONE);
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duplicate_texts),
        cmocka_unit_test(test_same_text_in_two_sets),
        cmocka_unit_test(test_duplicate_id),
        cmocka_unit_test(test_unknown_set),
        cmocka_unit_test(test_empty_list),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_first_rows),
        cmocka_unit_test(test_all_tables),
        cmocka_unit_test(test_private),
        cmocka_unit_test(test_sender),
        cmocka_unit_test(test_row_level_security),
        cmocka_unit_test(test_row_limit),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_clients),
        cmocka_unit_test(test_tickets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
