// update_test.c - commits: who hears what, in which order, and what it costs (websocket.md 5.3, 8.5, 9.5, 9.6).

#include "fixture.h"

#define TAG_APPLIED 1
#define TAG_UPDATE 4
#define TAG_RESULT 6

static World *with_people(void) {
    World *world = world_open();
    world_person(world);
    world_run(world, "INSERT INTO person (id, name) VALUES (1, 'Ada'), (2, 'Grace'), (3, 'Lin')");
    return world;
}

static SyncClient *subscriber(World *world, uint8_t number, const char *text) {
    SyncClient *client = world_client(world, number, PROTOCOL_V2);
    world_subscribe(world, client, 1, 1, text);
    (void)world_expect_tag(world, number, TAG_APPLIED);
    return client;
}

// ---- pruning ----

static uint64_t evaluations(World *world, const char *texts) {
    uint64_t before = sync_stats(world->sync).evaluations;
    world_run(world, texts);
    world_forget(world);
    return sync_stats(world->sync).evaluations - before;
}

// A thousand queries that wait for one value each: a commit costs what it touches.
static void test_pruning(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    for (uint32_t i = 0; i < 1000; i++) {
        char text[64];
        snprintf(text, sizeof text, "SELECT * FROM person WHERE id = %u", i);
        world_subscribe(world, client, i, i, text);
        world_forget(world);
    }
    assert_int_equal(evaluations(world, "INSERT INTO person (id, name) VALUES (5000, 'Eve')"), 0);
    assert_int_equal(evaluations(world, "UPDATE person SET name = 'Bob' WHERE id = 5000"), 0);
    assert_int_equal(evaluations(world, "DELETE FROM person WHERE id = 5000"), 0);
    assert_int_equal(evaluations(world, "INSERT INTO person (id, name) VALUES (999, 'Eve')"), 1);
    assert_int_equal(evaluations(world, "UPDATE person SET name = 'Bob' WHERE id = 999"), 1);
    assert_int_equal(evaluations(world, "UPDATE person SET id = 998 WHERE id = 999"), 2);
    assert_int_equal(evaluations(world, "DELETE FROM person WHERE id = 998"), 1);
    assert_int_equal(
        evaluations(world, "DELETE FROM person; INSERT INTO person (id, name) VALUES (7, 'a')"), 4);
    // Gone queries cost nothing, the others stay where they are.
    for (uint32_t i = 0; i < 1000; i += 2) world_unsubscribe(world, client, 0, i, 0);
    world_forget(world);
    assert_int_equal(
        evaluations(world, "INSERT INTO person (id, name) VALUES (2, 'a'), (3, 'b'), (5, 'c')"), 2);
    assert_int_equal(evaluations(world, "DELETE FROM person WHERE id = 7"), 1);
    world_close(world);
}

// Another table does not matter; a range or OR is looked at for any change of its table.
static void test_pruning_by_table(void **state) {
    (void)state;
    World *world = with_people();
    world_numbers(world, "other", false);
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe_all(world, client, 1, 1,
                        (Texts){{"SELECT * FROM person WHERE id > 100",
                                 "SELECT * FROM person WHERE id = 1 OR name = 'Bob'",
                                 "SELECT * FROM person WHERE name = 'Zoe' AND id > 5"}});
    world_forget(world);
    assert_int_equal(evaluations(world, "INSERT INTO other (id) VALUES (1)"), 0);
    assert_int_equal(evaluations(world, "INSERT INTO person (id, name) VALUES (50, 'Eve')"), 1);
    assert_int_equal(evaluations(world, "INSERT INTO person (id, name) VALUES (51, 'Zoe')"), 2);
    assert_int_equal(evaluations(world, "INSERT INTO person (id, name) VALUES (101, 'Eve')"), 2);
    world_close(world);
}

// Fragments are pruned one by one.
static void test_pruning_by_fragment(void **state) {
    (void)state;
    World *world = with_people();
    SqlContext owner = {.store = world->store, .is_owner = true};
    static const char *const RULES[] = {"SELECT * FROM person WHERE id = 1",
                                        "SELECT * FROM person WHERE id = 2"};
    for (uint32_t i = 0; i < 2; i++) {
        TableId table = 0;
        Error error;
        Bytes rule = bytes_of_text(RULES[i]);
        assert_int_equal(sql_check_row_level_security(&owner, rule, &table, &error), STATUS_OK);
        Tx *tx = tx_begin(world->store);
        assert_int_equal(tx_set_row_level_security(tx, table, rule, true, &error), STATUS_OK);
        world_commit(world, (SyncEvent){0});
    }
    (void)subscriber(world, 1, "SELECT * FROM person");
    assert_int_equal(evaluations(world, "DELETE FROM person WHERE id = 1"), 1);
    assert_int_equal(evaluations(world, "DELETE FROM person WHERE id = 3"), 0);
    assert_int_equal(evaluations(world, "DELETE FROM person WHERE id = 2"), 1);
    world_close(world);
}

// However many hold a query, it is computed once; a commit that changes nothing of it sends nothing.
static void test_shared_evaluation(void **state) {
    (void)state;
    World *world = with_people();
    for (uint8_t i = 1; i <= 20; i++)
        (void)subscriber(world, i, "SELECT * FROM person WHERE id < 10");
    assert_int_equal(evaluations(world, "INSERT INTO person (id, name) VALUES (4, 'Eve')"), 1);
    SyncStats before = sync_stats(world->sync);
    assert_int_equal(before.updates, 20);
    assert_int_equal(before.rows, 1);
    world_run(world, "INSERT INTO person (id, name) VALUES (11, 'Eve')");
    assert_int_equal(sync_stats(world->sync).updates, 20);
    world_run(world, "");
    world_expect_nothing(world);
    world_close(world);
}

// ---- one message for many ----

static void test_shared_bytes(void **state) {
    (void)state;
    World *world = with_people();
    // 1 to 3 have the same set; 4 another id; 5 another query as well.
    for (uint8_t i = 1; i <= 3; i++) (void)subscriber(world, i, "SELECT * FROM person");
    SyncClient *fourth = world_client(world, 4, PROTOCOL_V3);
    world_subscribe(world, fourth, 1, 2, "SELECT * FROM person");
    (void)world_expect_tag(world, 4, TAG_APPLIED);
    SyncClient *fifth = subscriber(world, 5, "SELECT * FROM person");
    world_subscribe(world, fifth, 1, 2, "SELECT * FROM person WHERE id = 9");
    (void)world_expect_tag(world, 5, TAG_APPLIED);
    world_run(world, "INSERT INTO person (id, name) VALUES (9, 'Eve')");
    assert_int_equal(world->sent_count - world->sent_first, 5);
    const Sent *by_number[6] = {0};
    for (uint32_t i = world->sent_first; i < world->sent_count; i++) {
        by_number[world->sent[i].to] = &world->sent[i];
    }
    for (uint32_t i = 2; i <= 3; i++) {
        assert_ptr_equal(by_number[i]->slice.buf, by_number[1]->slice.buf);
        assert_int_equal(by_number[i]->slice.at, by_number[1]->slice.at);
        assert_int_equal(by_number[i]->slice.count, by_number[1]->slice.count);
    }
    assert_int_not_equal(by_number[4]->slice.at, by_number[1]->slice.at);
    assert_int_not_equal(by_number[5]->slice.at, by_number[1]->slice.at);
    assert_true(by_number[5]->slice.count > by_number[1]->slice.count);
    world_close(world);
}

static void set_rule(World *world, const char *text, bool present) {
    SqlContext owner = {.store = world->store, .is_owner = true};
    TableId table = 0;
    Error error;
    Bytes rule = bytes_of_text(text);
    assert_int_equal(sql_check_row_level_security(&owner, rule, &table, &error), STATUS_OK);
    Tx *tx = tx_begin(world->store);
    assert_int_equal(tx_set_row_level_security(tx, table, rule, present, &error), STATUS_OK);
    world_commit(world, (SyncEvent){0});
    world_forget(world);
}

// The owner and others are told the same by one evaluation and one message, as long as they see the same.
static void test_shared_with_owner(void **state) {
    (void)state;
    World *world = with_people();
    static const char TEXT[] = "SELECT * FROM person WHERE id > 3";
    SyncClient *first = subscriber(world, 1, TEXT);
    SyncClient *owner = world_owner(world, 2, PROTOCOL_V2);
    world_subscribe(world, owner, 1, 1, TEXT);
    (void)world_expect_tag(world, 2, TAG_APPLIED);
    SyncClient *old_owner = world_owner(world, 3, PROTOCOL_V1_BSATN);
    world_ask_text(world, old_owner,
                   "{\"SubscribeMulti\":{\"query_strings\":[\"SELECT * FROM person WHERE id > 3\"],"
                   "\"request_id\":1,\"query_id\":{\"id\":3}}}");
    world_forget(world);
    assert_int_equal(sync_stats(world->sync).queries, 2);
    uint64_t before = sync_stats(world->sync).evaluations;
    world_run(world, "INSERT INTO person (id, name) VALUES (4, 'Eve')");
    assert_int_equal(sync_stats(world->sync).evaluations - before, 1);
    assert_int_equal(world->sent_count - world->sent_first, 3);
    Sent to_first = world_next(world, 1), to_owner = world_next(world, 2);
    assert_ptr_equal(to_first.slice.buf, to_owner.slice.buf);
    assert_int_equal(to_first.slice.at, to_owner.slice.at);
    shared_buf_unref(to_first.slice.buf);
    shared_buf_unref(to_owner.slice.buf);
    (void)world_expect_tag(world, 3, 1);  // TransactionUpdate
    // Either may go.
    world_unsubscribe(world, first, 1, 1, 0);
    world_forget(world);
    assert_int_equal(evaluations(world, "INSERT INTO person (id, name) VALUES (5, 'Eve')"), 1);
    world_subscribe(world, first, 1, 1, TEXT);
    sync_remove_client(world->sync, owner);
    sync_remove_client(world->sync, old_owner);
    world_forget(world);
    assert_int_equal(evaluations(world, "INSERT INTO person (id, name) VALUES (6, 'Eve')"), 1);
    world_close(world);
}

static void test_apart_from_owner(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    SyncClient *owner = world_owner(world, 2, PROTOCOL_V2);
    world_subscribe(world, owner, 1, 1, "SELECT * FROM person");
    world_subscribe(world, client, 1, 1, "SELECT * FROM person");
    world_forget(world);
    // A rule ends the other's set; the owner goes on.
    set_rule(world, "SELECT * FROM person WHERE id < 5", true);
    world_subscribe(world, client, 1, 1, "SELECT * FROM person");
    world_forget(world);
    world_run(world, "INSERT INTO person (id, name) VALUES (4, 'Eve'), (7, 'Kim')");
    Bytes of_client = BYTES_NONE, of_owner = BYTES_NONE;
    while (world->sent_first < world->sent_count) {
        bool is_owner = world->sent[world->sent_first].to == 2;
        Bytes *message = is_owner ? &of_owner : &of_client;
        *message = world_expect_tag(world, is_owner ? 2 : 1, TAG_UPDATE);
    }
    assert_true(bytes_contain(of_owner, "Kim") && bytes_contain(of_owner, "Eve"));
    assert_true(bytes_contain(of_client, "Eve"));
    assert_false(bytes_contain(of_client, "Kim"));
    // Without it they are told together again, also when the owner was there first.
    set_rule(world, "SELECT * FROM person WHERE id < 5", false);
    world_subscribe(world, client, 1, 1, "SELECT * FROM person");
    world_forget(world);
    assert_int_equal(sync_stats(world->sync).queries, 2);
    assert_int_equal(evaluations(world, "INSERT INTO person (id, name) VALUES (8, 'Eve')"), 1);
    // What ends for one side goes on for the other: the table becomes private.
    Error error;
    Tx *tx = tx_begin(world->store);
    Table *person = store_find_table_by_name(world->store, BYTES_LITERAL("person"));
    assert_int_equal(tx_set_access(tx, person, TABLE_PRIVATE, &error), STATUS_OK);
    world_commit(world, (SyncEvent){0});
    world_forget(world);
    world_run(world, "INSERT INTO person (id, name) VALUES (9, 'Eve')");
    (void)world_expect_tag(world, 2, TAG_UPDATE);
    world_expect_nothing(world);
    world_close(world);
}

// Every protocol: one evaluation, one encoding for each format; clients of one kind, light or not, share their message.
static void test_shared_by_kind(void **state) {
    (void)state;
    enum { KINDS = 6, EACH = 3, FULL_V1 = 2 };
    static const SyncClientOptions OPTIONS[KINDS] = {
        {.protocol = PROTOCOL_V3},       {.protocol = PROTOCOL_V2},
        {.protocol = PROTOCOL_V1_BSATN}, {.protocol = PROTOCOL_V1_BSATN, .light = true},
        {.protocol = PROTOCOL_V1_JSON},  {.protocol = PROTOCOL_V1_JSON, .light = true},
    };
    World *world = with_people();
    for (uint8_t i = 0; i < KINDS * EACH; i++) {
        SyncClient *client = world_join(world, (uint8_t)(i + 1), OPTIONS[i % KINDS]);
        if (i % KINDS < FULL_V1) {
            world_subscribe(world, client, 1, 1, "SELECT * FROM person WHERE id > 5");
        } else {
            world_ask_text(
                world, client,
                "{\"SubscribeMulti\":{\"query_strings\":[\"SELECT * FROM person WHERE id > "
                "5\"],\"request_id\":1,\"query_id\":{\"id\":1}}}");
        }
    }
    world_forget(world);
    assert_int_equal(sync_stats(world->sync).queries, 1);
    assert_int_equal(evaluations(world, "INSERT INTO person (id, name) VALUES (8, 'Eve')"), 1);
    world_run(world, "INSERT INTO person (id, name) VALUES (9, 'Eve')");
    assert_int_equal(world->sent_count - world->sent_first, KINDS * EACH);
    const Sent *by_number[KINDS * EACH] = {0};
    for (uint32_t i = world->sent_first; i < world->sent_count; i++)
        by_number[world->sent[i].to - 1] = &world->sent[i];
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < KINDS * EACH; i++) {
        bool is_first = true;
        for (uint32_t k = 0; k < i; k++) {
            bool is_same = by_number[i]->slice.buf == by_number[k]->slice.buf &&
                           by_number[i]->slice.at == by_number[k]->slice.at;
            // v2 and v3 are one kind.
            bool is_alike = i % KINDS == k % KINDS || (i % KINDS < FULL_V1 && k % KINDS < FULL_V1);
            assert_int_equal(is_same, is_alike);
            is_first = is_first && !is_same;
        }
        distinct += is_first;
    }
    assert_int_equal(distinct, KINDS - 1);
    world_close(world);
}

// Clients of a hundred kinds, one after the other: as many messages as there are kinds.
static void test_shared_among_many(void **state) {
    (void)state;
    enum { KINDS = 100, CLIENTS = 250 };
    World *world = with_people();
    for (uint32_t i = 0; i < CLIENTS; i++) {
        SyncClient *client = world_client(world, (uint8_t)i, PROTOCOL_V2);
        world_subscribe(world, client, 1, i % KINDS, "SELECT * FROM person");
        world_forget(world);
    }
    world_run(world, "INSERT INTO person (id, name) VALUES (9, 'Eve')");
    assert_int_equal(world->sent_count - world->sent_first, CLIENTS);
    uint32_t distinct = 0;
    for (uint32_t i = world->sent_first; i < world->sent_count; i++) {
        bool is_first = true;
        for (uint32_t k = world->sent_first; k < i; k++)
            is_first = is_first && world->sent[i].slice.at != world->sent[k].slice.at;
        distinct += is_first;
    }
    assert_int_equal(distinct, KINDS);
    world_close(world);
}

// Small messages share slabs, one behind the other; large ones stand alone. Slices keep their bytes.
static void test_slabs(void **state) {
    (void)state;
    World *world = with_people();
    (void)subscriber(world, 1, "SELECT * FROM person");
    for (uint32_t i = 0; i < 2000; i++) {
        char text[128];
        snprintf(text, sizeof text, "UPDATE person SET name = 'name number %u' WHERE id = 1", i);
        world_run(world, text);
    }
    assert_int_equal(world->sent_count - world->sent_first, 2000);
    uint32_t slabs = 1;
    for (uint32_t i = 1; i < 2000; i++) {
        const Sent *previous = &world->sent[world->sent_first + i - 1];
        const Sent *sent = &world->sent[world->sent_first + i];
        if (sent->slice.buf != previous->slice.buf) {
            slabs++;
        } else {
            assert_int_equal(sent->slice.at, previous->slice.at + previous->slice.count);
        }
    }
    assert_true(slabs > 1 && slabs < 10);
    for (uint32_t i = 0; i < 2000; i++) {
        char name[64];
        snprintf(name, sizeof name, "name number %u", i);
        assert_true(bytes_contain(world_take(world, 1), name));
    }
    Tx *tx = tx_begin(world->store);
    for (uint32_t i = 100; i < 1100; i++) {
        char text[128];
        snprintf(text, sizeof text, "INSERT INTO person (id, name) VALUES (%u, 'a')", i);
        world_change(world, tx, text);
    }
    world_commit(world, (SyncEvent){0});
    Sent sent = world_next(world, 1);
    assert_int_equal(sent.slice.at, 0);
    assert_int_equal(sent.slice.count, sent.slice.buf->count);
    assert_true(sent.slice.count > 9000);
    shared_buf_unref(sent.slice.buf);
    world_close(world);
}

// ---- order within a message ----

// Sets ascending by id, tables by name in bytes, inserts before deletes.
static void test_order(void **state) {
    (void)state;
    World *world = world_open();
    static const char *const NAMES[] = {"beta", "alpha", "Zeta", "alp"};
    for (uint32_t i = 0; i < 4; i++) world_numbers(world, NAMES[i], false);
    world_run(world, "INSERT INTO beta (id) VALUES (1)");
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe_all(world, client, 1, 300,
                        (Texts){{"SELECT * FROM beta", "SELECT * FROM alpha", "SELECT * FROM Zeta",
                                 "SELECT * FROM alp", "SELECT * FROM beta WHERE id > 0"}});
    world_subscribe(world, client, 1, 2, "SELECT * FROM beta");
    world_subscribe(world, client, 1, 4000000000u, "SELECT * FROM alpha");
    world_forget(world);
    world_run(
        world,
        "INSERT INTO alp (id) VALUES (5); INSERT INTO Zeta (id) VALUES (6);"
        "INSERT INTO alpha (id) VALUES (7); DELETE FROM beta; INSERT INTO beta (id) VALUES (8)");
#define IN(id) "00 0400 04000000 " id " 01 00000000 00000000"
#define IN_OUT(id, out) "00 00 0400 04000000 " id " 00 0400 04000000 " out
    world_expect(
        world, 1,
        "04 03000000"
        "02000000 01000000"
        "04000000 62657461 01000000" IN_OUT(
            "08000000",
            "01000000") "2c010000 04000000"
                        "04000000 5a657461 01000000 00" IN(
                            "06000000") "03000000 616c70 01000000 "
                                        "00" IN(
                                            "05000000") "0500000"
                                                        "0 "
                                                        "616c706"
                                                        "861 "
                                                        "0100000"
                                                        "0 "
                                                        "00" IN(
                                                            "07000000") "04000000 62657461 "
                                                                        "02000000" IN_OUT("080"
                                                                                          "000"
                                                                                          "00",
                                                                                          "010"
                                                                                          "000"
                                                                                          "00")
                                                                            IN_OUT(
                                                                                "08000000",
                                                                                "01000000") "00286b"
                                                                                            "ee "
                                                                                            "010000"
                                                                                            "00"
                                                                                            "050000"
                                                                                            "00 "
                                                                                            "616c70"
                                                                                            "6861 "
                                                                                            "010000"
                                                                                            "00 "
                                                                                            "00" IN(
                                                                                                "07"
                                                                                                "00"
                                                                                                "00"
                                                                                                "0"
                                                                                                "0"));
    world_expect_nothing(world);
    world_close(world);
}

// A row that moves from one query's range to another's: out and in within one message.
static void test_moving_row(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe_all(
        world, client, 1, 1,
        (Texts){{"SELECT * FROM person WHERE id < 10", "SELECT * FROM person WHERE id >= 10"}});
    world_forget(world);
    world_run(world, "UPDATE person SET id = 20 WHERE id = 1");
    world_expect(world, 1,
                 "04 01000000 01000000 01000000 06000000 706572736f6e 02000000"
                 "00 01 00000000 00000000  00 0b00 0b000000 01000000 03000000 416461"
                 "00 00 0b00 0b000000 14000000 03000000 416461  01 00000000 00000000");
    // Inserted and deleted, or the other way round, in one transaction: nothing happened.
    world_run(world,
              "INSERT INTO person (id, name) VALUES (5, 'Eve'); DELETE FROM person WHERE id = 5");
    world_run(world,
              "DELETE FROM person WHERE id = 2; INSERT INTO person (id, name) VALUES (2, 'Grace')");
    world_expect_nothing(world);
    world_close(world);
}

// ---- callers ----

static void test_caller(void **state) {
    (void)state;
    World *world = with_people();
    SyncClient *caller = subscriber(world, 1, "SELECT * FROM person WHERE id < 100");
    (void)subscriber(world, 2, "SELECT * FROM person WHERE id < 100");
    SyncClient *stranger = world_client(world, 3, PROTOCOL_V2);
    Request request = {.kind = REQUEST_CALL_REDUCER, .request_id = 77};
    SyncEvent event = {.caller = caller, .request = &request, .timestamp = 5};
    world_run_for(world, "INSERT INTO person (id, name) VALUES (7, 'Kim')", event);
    // One result with the update for the caller, one update for the other.
    Bytes result = world_expect_tag(world, 1, TAG_RESULT);
    Bytes update = world_expect_tag(world, 2, TAG_UPDATE);
    assert_hex(bytes_slice(result, 0, 18), "06 4d000000 0500000000000000 00 00000000");
    assert_true(bytes_equal(bytes_slice(result, 18, result.count - 18),
                            bytes_slice(update, 1, update.count - 1)));
    world_expect_nothing(world);
    assert_int_equal(sync_stats(world->sync).updates, 1);
    // A caller whom it does not concern still gets its result.
    event.caller = stranger;
    world_run_for(world, "DELETE FROM person WHERE id = 7", event);
    world_expect(world, 3, "06 4d000000 0500000000000000 00 00000000 00000000");
    (void)world_expect_tag(world, world->sent[world->sent_first].to, TAG_UPDATE);
    (void)world_expect_tag(world, world->sent[world->sent_first].to, TAG_UPDATE);
    // Nobody on a WebSocket called: everybody gets updates.
    world_run(world, "INSERT INTO person (id, name) VALUES (7, 'Kim')");
    (void)world_expect_tag(world, world->sent[world->sent_first].to, TAG_UPDATE);
    (void)world_expect_tag(world, world->sent[world->sent_first].to, TAG_UPDATE);
    world_expect_nothing(world);
    world_close(world);
}

// ---- event tables ----

static void test_event_table(void **state) {
    (void)state;
    World *world = world_open();
    world_numbers(world, "ping", true);
    SyncClient *client = subscriber(world, 1, "SELECT * FROM ping");
    world_subscribe(world, client, 2, 2, "SELECT * FROM ping WHERE id = 2");
    world_expect(world, 1, "01 02000000 02000000 00000000");
    world_run(world, "INSERT INTO ping (id) VALUES (1), (2)");
    world_expect(
        world, 1,
        "04 02000000"
        "01000000 01000000 04000000 70696e67 01000000 01 00 0400 08000000 01000000 02000000"
        "02000000 01000000 04000000 70696e67 01000000 01 00 0400 04000000 02000000");
    // They were never stored: the same again, nothing in answers, nothing to drop.
    world_run(world, "INSERT INTO ping (id) VALUES (1)");
    world_expect(world, 1,
                 "04 01000000"
                 "01000000 01000000 04000000 70696e67 01000000 01 00 0400 04000000 01000000");
    world_one_off(world, client, 3, "SELECT * FROM ping");
    world_expect(world, 1, "05 03000000 00 01000000 04000000 70696e67 01 00000000 00000000");
    world_unsubscribe(world, client, 4, 1, 1);
    world_expect(world, 1, "02 04000000 01000000 00 00000000");
    world_expect_nothing(world);
    world_close(world);
}

// ---- joins ----

static World *with_teams(void) {
    World *world = with_people();
    const TypeField columns[] = {
        COLUMN("id", type_primitive(TYPE_U32)),
        COLUMN("person_id", type_primitive(TYPE_U32)),
    };
    static const WorldIndex INDEXES[] = {{INDEX_BTREE, false, 1}};
    WorldTable member = {.name = "member",
                         .columns = columns,
                         .column_count = 2,
                         .indexes = INDEXES,
                         .index_count = 1};
    world_table(world, &member);
    return world;
}

// Bags: a row that matches three times is there three times, and leaves one by one.
static void test_join_multiplicity(void **state) {
    (void)state;
    World *world = with_teams();
    world_run(world, "INSERT INTO member (id, person_id) VALUES (1, 1), (2, 1), (3, 1), (4, 2)");
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe(world, client, 1, 1,
                    "SELECT person.* FROM person JOIN member ON person.id = member.person_id "
                    "WHERE person.id = 1");
#define ADA "01000000 03000000 416461"
    world_expect(
        world, 1,
        "01 01000000 01000000 01000000 06000000 706572736f6e 00 0b00 21000000" ADA ADA ADA);
    world_run(world, "DELETE FROM member WHERE id = 2");
#define HEAD "04 01000000 01000000 01000000 06000000 706572736f6e 01000000 00"
#define NONE "01 00000000 00000000"
    world_expect(world, 1, HEAD NONE "00 0b00 0b000000" ADA);
    // Partners replaced in one transaction net out.
    world_run(world,
              "DELETE FROM member WHERE id = 1; INSERT INTO member (id, person_id) VALUES (9, 1)");
    world_expect_nothing(world);
    world_run(world, "UPDATE person SET name = 'Eve' WHERE id = 1");
#define EVE "01000000 03000000 457665"
    world_expect(world, 1, HEAD "00 0b00 16000000" EVE EVE "00 0b00 16000000" ADA ADA);
    world_run(world, "DELETE FROM person WHERE id = 1; DELETE FROM member WHERE person_id = 1");
    world_expect(world, 1, HEAD NONE "00 0b00 16000000" EVE EVE);
    world_expect_nothing(world);
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pruning),
        cmocka_unit_test(test_pruning_by_table),
        cmocka_unit_test(test_pruning_by_fragment),
        cmocka_unit_test(test_shared_evaluation),
        cmocka_unit_test(test_shared_bytes),
        cmocka_unit_test(test_shared_with_owner),
        cmocka_unit_test(test_apart_from_owner),
        cmocka_unit_test(test_shared_by_kind),
        cmocka_unit_test(test_shared_among_many),
        cmocka_unit_test(test_slabs),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_moving_row),
        cmocka_unit_test(test_caller),
        cmocka_unit_test(test_event_table),
        cmocka_unit_test(test_join_multiplicity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
