// limits_test.c - what is bounded, at n and at n + 1: sets and queries of a client, and the size of a message.

#include "fixture.h"

#define TAG_APPLIED 1
#define TAG_ERROR 3
#define TAG_UPDATE 4
#define TAG_RESULT 6

// ---- sets and queries of a client ----

static void test_query_sets(void **state) {
    (void)state;
    World *world = world_open();
    world_person(world);
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    for (uint32_t i = 0; i < CLIENT_QUERY_SETS_MAX; i++) {
        world_subscribe_all(world, client, 1, i, (Texts){{NULL}});
        (void)world_expect_tag(world, 1, TAG_APPLIED);
        world_expect_nothing(world);
    }
    world_subscribe_all(world, client, 1, CLIENT_QUERY_SETS_MAX, (Texts){{NULL}});
    world_expect_error(world, 1, 1, CLIENT_QUERY_SETS_MAX,
                       "a client may hold 100000 query sets; unsubscribe some first");
    world_expect_nothing(world);
    assert_int_equal(sync_stats(world->sync).query_sets, CLIENT_QUERY_SETS_MAX);
    // Another client is another; one that leaves makes room.
    SyncClient *other = world_client(world, 2, PROTOCOL_V2);
    world_subscribe_all(world, other, 1, 1, (Texts){{NULL}});
    (void)world_expect_tag(world, 2, TAG_APPLIED);
    world_unsubscribe(world, client, 1, 7, 0);
    (void)world_expect_tag(world, 1, 2);
    world_expect_nothing(world);
    world_subscribe_all(world, client, 1, CLIENT_QUERY_SETS_MAX, (Texts){{NULL}});
    (void)world_expect_tag(world, 1, TAG_APPLIED);
    world_close(world);
}

// Queries are counted over all sets, shared or not.
static void test_queries(void **state) {
    (void)state;
    World *world = world_open();
    world_person(world);
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    Texts four = {{"SELECT * FROM person WHERE id = 1", "SELECT * FROM person WHERE id = 2",
                   "SELECT * FROM person WHERE id = 3", "SELECT * FROM person WHERE id = 4"}};
    static_assert(CLIENT_QUERIES_MAX % 4 == 0 && CLIENT_QUERIES_MAX / 4 < CLIENT_QUERY_SETS_MAX,
                  "whole sets of four");
    for (uint32_t i = 0; i < CLIENT_QUERIES_MAX / 4; i++) {
        world_subscribe_all(world, client, 1, i, four);
        (void)world_expect_tag(world, 1, TAG_APPLIED);
        world_expect_nothing(world);
    }
    static const char *const TEXTS[] = {"SELECT * FROM person WHERE id = 1",
                                        "SELECT * FROM person"};
    for (uint32_t i = 0; i < 2; i++) {
        world_subscribe(world, client, 1, UINT32_MAX, TEXTS[i]);
        world_expect_error(world, 1, 1, UINT32_MAX,
                           "a client may hold 100000 queries; unsubscribe some first");
    }
    world_expect_nothing(world);
    assert_int_equal(sync_stats(world->sync).queries, 4);
    // An update for all of these sets is one message.
    world_run(world, "INSERT INTO person (id, name) VALUES (3, 'Lin')");
    Bytes bytes = world_expect_tag(world, 1, TAG_UPDATE);
    assert_int_equal(load_u32le(bytes.data + 1), CLIENT_QUERIES_MAX / 4);
    world_expect_nothing(world);
    world_unsubscribe(world, client, 1, 5, 0);
    (void)world_expect_tag(world, 1, 2);
    world_subscribe_all(world, client, 1, 5, four);
    (void)world_expect_tag(world, 1, TAG_APPLIED);
    sync_remove_client(world->sync, client);
    assert_int_equal(sync_stats(world->sync).queries, 0);
    world_close(world);
}

// ---- the size of a message ----

#define MESSAGE_MAX 4096u

static World *with_limit(void) {
    World *world = malloc(sizeof *world);
    world_open_limited(world, MESSAGE_MAX);
    world_person(world);
    return world;
}

// A row of `count` bytes: the id, a length, and the rest.
static const char *row_text(uint32_t id, uint32_t count) {
    static char text[2 * MESSAGE_MAX];
    int head = snprintf(text, sizeof text, "INSERT INTO person (id, name) VALUES (%u, '", id);
    memset(text + head, 'x', count - 8);
    snprintf(text + head + (count - 8), sizeof text - (size_t)head - (count - 8), "')");
    return text;
}

static void insert(World *world, uint32_t id, uint32_t count, SyncEvent event) {
    Tx *tx = tx_begin(world->store);
    world_change(world, tx, row_text(id, count));
    world_commit(world, event);
}

#define TOO_LARGE "the rows are more than the 4096 bytes that a message may have"

// SubscribeApplied: tag, two ids, a count, the name, FixedSize and a length are 30 bytes around the row.
static void test_large_answers(void **state) {
    (void)state;
    const uint32_t fits = MESSAGE_MAX - 30;
    World *world = with_limit();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    insert(world, 1, fits, (SyncEvent){0});
    world_subscribe(world, client, 1, 1, "SELECT * FROM person WHERE id = 1");
    assert_int_equal(world_expect_tag(world, 1, TAG_APPLIED).count, MESSAGE_MAX);
    insert(world, 2, fits + 1, (SyncEvent){0});
    world_subscribe(world, client, 1, 2, "SELECT * FROM person WHERE id = 2");
    world_expect_error(world, 1, 1, 2, TOO_LARGE);
    world_subscribe(world, client, 1, 2, "SELECT * FROM person");  // by rows alone
    world_expect_error(world, 1, 1, 2, TOO_LARGE);
    assert_int_equal(sync_stats(world->sync).query_sets, 1);
    assert_int_equal(sync_stats(world->sync).queries, 1);
    world_one_off(world, client, 5, "SELECT * FROM person");
    Bytes bytes = world_expect_tag(world, 1, 5);
    assert_true(bytes_contain(bytes, TOO_LARGE));
    // In a batch the one that does not fit says so in its place.
    Buffer buffer;
    buffer_init(&buffer, 1000);
    buffer_u8(&buffer, 5);
    buffer_u32(&buffer, 3);
    buffer_u32(&buffer, 3);
    for (uint32_t i = 0; i < 3; i++) {
        buffer_u32(&buffer, 10 + i);
        put_texts(&buffer, &(Texts){{i == 1 ? "SELECT * FROM person"
                                            : "SELECT * FROM person WHERE id = 9"}});
    }
    world_ask_buffer(world, client, &buffer);
    bytes = world_expect_tag(world, 1, 8);
    assert_true(bytes_contain(bytes, TOO_LARGE));
    assert_hex(bytes_slice(bytes, 0, 14), "08 03000000 03000000 0a000000 00");
    assert_int_equal(sync_stats(world->sync).query_sets, 3);
    // One that has grown meanwhile ends all the same, but cannot say with what.
    world_subscribe(world, client, 1, 3, "SELECT * FROM person WHERE id > 100");
    (void)world_expect_tag(world, 1, TAG_APPLIED);
    for (uint32_t i = 101; i < 104; i++) {
        insert(world, i, 2000, (SyncEvent){0});
        (void)world_expect_tag(world, 1, TAG_UPDATE);
    }
    world_unsubscribe(world, client, 1, 3, 1);
    world_expect_error(world, 1, 1, 3, TOO_LARGE);
    assert_int_equal(sync_stats(world->sync).query_sets, 3);
    world_expect_nothing(world);
    world_close(world);
}

static void test_large_answers_v1(void **state) {
    (void)state;
    World *world = with_limit();
    SyncClient *clients[] = {world_client(world, 1, PROTOCOL_V1_BSATN),
                             world_client(world, 2, PROTOCOL_V1_JSON)};
    insert(world, 1, 2000, (SyncEvent){0});
    insert(world, 2, MESSAGE_MAX, (SyncEvent){0});
    static const char *const REQUESTS[] = {
        "{\"Subscribe\":{\"query_strings\":[\"SELECT * FROM person\"],\"request_id\":1}}",
        "{\"SubscribeSingle\":{\"query\":\"SELECT * FROM "
        "person\",\"request_id\":1,\"query_id\":{\"id\":1}}}",
        ("{\"SubscribeMulti\":{\"query_strings\":[\"SELECT * FROM person\"],\"request_id\":1,"
         "\"query_id\":{\"id\":1}}}"),
        "{\"OneOffQuery\":{\"message_id\":\"\",\"query_string\":\"SELECT * FROM person\"}}",
    };
    for (uint32_t c = 0; c < 2; c++) {
        for (uint32_t i = 0; i < COUNT_OF(REQUESTS); i++) {
            world_ask_text(world, clients[c], REQUESTS[i]);
            assert_true(bytes_contain(world_take(world, c + 1), TOO_LARGE));
        }
        world_ask_text(world, clients[c],
                       "{\"Subscribe\":{\"query_strings\":[\"SELECT * FROM person WHERE id = 1\"],"
                       "\"request_id\":1}}");
        assert_false(bytes_contain(world_take(world, c + 1), TOO_LARGE));
    }
    assert_int_equal(sync_stats(world->sync).query_sets, 2);
    assert_int_equal(sync_stats(world->sync).queries, 1);
    world_close(world);
}

// A commit whose rows no message can carry ends the sets that wanted them, before the update of the others.
static void test_large_update(void **state) {
    (void)state;
    World *world = with_limit();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    SyncClient *old = world_client(world, 2, PROTOCOL_V1_BSATN);
    world_subscribe(world, client, 1, 1, "SELECT * FROM person");
    world_subscribe(world, client, 1, 2, "SELECT * FROM person WHERE id = 2");
    static const char *const REQUESTS[] = {
        "{\"Subscribe\":{\"query_strings\":[\"SELECT * FROM person\"],\"request_id\":1}}",
        ("{\"SubscribeMulti\":{\"query_strings\":[\"SELECT * FROM person WHERE id = "
         "2\"],\"request_id\":1,"
         "\"query_id\":{\"id\":1}}}"),
    };
    for (uint32_t i = 0; i < 2; i++) world_ask_text(world, old, REQUESTS[i]);
    world_forget(world);
    Request request = {.kind = REQUEST_CALL_REDUCER, .request_id = 3};
    Tx *tx = tx_begin(world->store);
    world_change(world, tx, row_text(1, MESSAGE_MAX));
    world_change(world, tx, row_text(2, 100));
    world_commit(world, (SyncEvent){.caller = client, .request = &request});
    for (uint32_t i = 0; i < 2; i++) {
        if (world->sent[world->sent_first].to == 2) {
            Bytes bytes = world_expect_tag(world, 2, 7);
            assert_hex(bytes_slice(bytes, 0, 12), "07 0000000000000000 01 01 01");
            assert_true(bytes_contain(bytes, TOO_LARGE ", executing: `SELECT * FROM person`"));
        } else {
            world_expect_error(world, 1, UINT32_MAX, 1,
                               TOO_LARGE ", executing: `SELECT * FROM person`");
        }
    }
    Bytes bytes = world_expect_tag(world, 1, TAG_RESULT);
    assert_hex(bytes_slice(bytes, 18, 8), "01000000 02000000");
    world_expect_nothing(world);
    assert_int_equal(sync_stats(world->sync).query_sets, 1);
    assert_int_equal(sync_stats(world->sync).queries, 1);
    world_run(world, "DELETE FROM person WHERE id = 2");
    (void)world_expect_tag(world, 1, TAG_UPDATE);
    world_expect_nothing(world);
    world_close(world);
}

// Every part fits, all of them together do not.
static void test_large_sum(void **state) {
    (void)state;
    World *world = with_limit();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    SyncClient *other = world_client(world, 2, PROTOCOL_V2);
    for (uint32_t i = 0; i < 3; i++) world_subscribe(world, client, 1, i, "SELECT * FROM person");
    world_subscribe(world, client, 1, 3, "SELECT * FROM person WHERE id = 2");
    world_subscribe(world, other, 1, 3, "SELECT * FROM person");
    world_forget(world);
    Request request = {.kind = REQUEST_CALL_REDUCER, .request_id = 3};
    insert(world, 1, 2000, (SyncEvent){.caller = client, .request = &request});
    for (uint32_t i = 0; i < 3; i++) {
        Bytes bytes = world_expect_tag(world, 1, TAG_ERROR);
        assert_int_equal(bytes.data[1], 1);
        assert_true(load_u32le(bytes.data + 2) < 3);
        assert_true(bytes_contain(bytes, TOO_LARGE));
    }
    // The result without the update, as nothing of it concerns a set that is left.
    world_expect(world, 1, "06 03000000 0000000000000000 00 00000000 00000000");
    (void)world_expect_tag(world, 2, TAG_UPDATE);
    world_expect_nothing(world);
    assert_int_equal(sync_stats(world->sync).query_sets, 2);
    insert(world, 2, 1000, (SyncEvent){0});
    for (uint32_t i = 0; i < 2; i++) {
        (void)world_expect_tag(world, world->sent[world->sent_first].to, TAG_UPDATE);
    }
    world_expect_nothing(world);
    world_close(world);
}

// A join of many with many stops when its rows are too many, not when memory ends.
static void test_large_join(void **state) {
    (void)state;
    World *world = malloc(sizeof *world);
    world_open_limited(world, 1u << 20);
    const TypeField columns[] = {COLUMN("id", type_primitive(TYPE_U32)),
                                 COLUMN("side", type_primitive(TYPE_U32))};
    static const WorldIndex INDEXES[] = {{INDEX_BTREE, false, 1}};
    WorldTable table = {.name = "many",
                        .columns = columns,
                        .column_count = 2,
                        .indexes = INDEXES,
                        .index_count = 1};
    Table *many = store_find_table(world->store, world_table(world, &table));
    Tx *tx = tx_begin(world->store);
    for (uint32_t i = 0; i < 20000; i++) {
        uint8_t row[8] = {0};
        store_u32le(row, i);
        InsertResult result;
        assert_int_equal(tx_insert(tx, many, bytes_of(row, sizeof row), &result), INSERT_ADDED);
    }
    world_commit(world, (SyncEvent){0});
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe(world, client, 1, 1, "SELECT a.* FROM many a JOIN many b ON a.side = b.side");
    world_expect_error(world, 1, 1, 1,
                       "the rows are more than the 1048576 bytes that a message may have");
    world_one_off(world, client, 2, "SELECT a.* FROM many a JOIN many b");
    assert_int_equal(world_expect_tag(world, 1, 5).data[5], 1);
    world_close(world);
}

// ---- a commit ----

#define NAME_100                                         \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
// A row list of one person of that name: kind, hint, size, count, row; and an empty one.
#define PERSON_BYTES (1 + 1 + 2 + 4 + 108 + 1 + 4 + 4)

static World *with_commit_limit(uint32_t bytes) {
    World *world = malloc(sizeof *world);
    world_open_with(world, (SyncOutput){.commit_bytes_max = bytes});
    world_person(world);
    return world;
}

// What all queries are told together: at the limit all of them are, past it the last one ends.
static void check_queries_of_a_commit(uint32_t bytes, bool fits) {
    World *world = with_commit_limit(bytes);
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    for (uint32_t i = 0; i < 3; i++) {
        char text[64];
        snprintf(text, sizeof text, "SELECT * FROM person WHERE id < %u", 10 + i);
        world_subscribe(world, client, 1, i, text);
        (void)world_expect_tag(world, 1, TAG_APPLIED);
    }
    world_run(world, "INSERT INTO person (id, name) VALUES (1, '" NAME_100 "')");
    if (!fits) {
        world_expect_error(world, 1, UINT32_MAX, 2,
                           "what the transaction changed for all queries is more than");
    }
    Bytes update = world_expect_tag(world, 1, TAG_UPDATE);
    assert_int_equal(load_u32le(update.data + 1), fits ? 3 : 2);
    world_expect_nothing(world);
    // The next commit begins anew.
    world_run(world, "INSERT INTO person (id, name) VALUES (2, 'Eve')");
    update = world_expect_tag(world, 1, TAG_UPDATE);
    assert_int_equal(load_u32le(update.data + 1), fits ? 3 : 2);
    world_expect_nothing(world);
    world_close(world);
}

static void test_queries_of_a_commit(void **state) {
    (void)state;
    check_queries_of_a_commit(3 * PERSON_BYTES, true);
    check_queries_of_a_commit(3 * PERSON_BYTES - 1, false);
}

// What different messages have in all: clients that share one do not count again.
static void test_messages_of_a_commit(void **state) {
    (void)state;
    enum { CLIENTS = 6, IDS = 3 };
    World *world = with_commit_limit(2 * 400);
    for (uint8_t i = 0; i < CLIENTS; i++) {
        bool is_owner = i >= IDS;  // whose query is another one, though told by the same evaluation
        SyncClient *client = is_owner ? world_owner(world, (uint8_t)(i + 1), PROTOCOL_V2)
                                      : world_client(world, (uint8_t)(i + 1), PROTOCOL_V2);
        world_subscribe(world, client, 1, i % IDS, "SELECT * FROM person");
        (void)world_expect_tag(world, i + 1u, TAG_APPLIED);
    }
    // Some 300 bytes a message with what is around the rows: two fit, the third does not.
    world_run(world, "INSERT INTO person (id, name) VALUES (1, '" NAME_100 NAME_100 "')");
    uint32_t updates = 0, errors = 0;
    while (world->sent_first < world->sent_count) {
        uintptr_t to = world->sent[world->sent_first].to;
        Bytes message = world_take(world, to);
        bool is_third = (to - 1) % IDS == 2;
        assert_int_equal(message.data[0], is_third ? TAG_ERROR : TAG_UPDATE);
        if (is_third) {
            assert_true(bytes_contain(message, "what the transaction changed for all clients"));
            errors++;
        } else {
            updates++;
        }
    }
    assert_int_equal(updates, 4);
    assert_int_equal(errors, 2);
    assert_int_equal(sync_stats(world->sync).query_sets, 4);
    world_run(world, "INSERT INTO person (id, name) VALUES (2, 'Eve')");
    assert_int_equal(world->sent_count - world->sent_first, 4);
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_sets),           cmocka_unit_test(test_queries),
        cmocka_unit_test(test_large_answers),        cmocka_unit_test(test_large_answers_v1),
        cmocka_unit_test(test_large_update),         cmocka_unit_test(test_large_sum),
        cmocka_unit_test(test_large_join),           cmocka_unit_test(test_queries_of_a_commit),
        cmocka_unit_test(test_messages_of_a_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
