// message_v2_test.c - every server message of v2, against the examples of websocket.md 5.2 and 6 and
// since-2.8.md 3.1, byte for byte (without the compression tag, which the connection writes).

#include "fixture.h"

#define IDENTITY_HEX "eeddccbbaa99887766554433221100 1f2e3d4c5b6a798897a6b5c4d3e2f100c2"
#define CONNECTION_HEX "0f0e0d0c0b0a09080706050403020100"

#define TIMESTAMP 1754000000000000

static SyncClient *subscribed(World *world) {
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_subscribe(world, client, 1, 7, "SELECT * FROM person");
    return client;
}

static void test_initial_connection(void **state) {
    (void)state;
    World *world = world_open();
    SyncClientOptions options = {
        .protocol = PROTOCOL_V3, .connection = (void *)1, .confirmed = true};
    assert_true(identity_parse(
        bytes_of_text("c200f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddee"),
        &options.identity));
    assert_true(connection_id_parse(bytes_of_text("000102030405060708090a0b0c0d0e0f"),
                                    &options.connection_id));
    SyncClient *client = sync_add_client(world->sync, &options);
    world->ticket = 5;
    sync_send_hello(world->sync, client, BYTES_LITERAL("tok"));
    assert_int_equal(world->sent[0].ticket, TICKET_NONE);  // nothing may precede it
    world_expect(world, 1, "00" IDENTITY_HEX CONNECTION_HEX "03000000746f6b");
    world_close(world);
}

static void test_subscribe(void **state) {
    (void)state;
    World *world = world_open();
    world_person(world);
    SyncClient *client = subscribed(world);
    world_expect(world, 1, "01  01 00 00 00  07 00 00 00  00 00 00 00");
    world_unsubscribe(world, client, 2, 7, 0);
    world_expect(world, 1, "02  02 00 00 00  07 00 00 00  01");
    world_run(world, "INSERT INTO person (id, name) VALUES (1, 'Ada'), (2, 'Grace')");
    world_subscribe(world, client, 1, 7, "SELECT * FROM person");
    world_expect(
        world, 1,
        "01  01 00 00 00  07 00 00 00  01 00 00 00  06 00 00 00 70 65 72 73 6f 6e"
        "01 02 00 00 00 00 00 00 00 00 00 00 00 0b 00 00 00 00 00 00 00"
        "18 00 00 00 01 00 00 00 03 00 00 00 41 64 61 02 00 00 00 05 00 00 00 47 72 61 63 65");
    world_run(world, "DELETE FROM person WHERE id = 2");
    (void)world_expect_tag(world, 1, 4);
    world_unsubscribe(world, client, 2, 7, 1);
    world_expect(world, 1,
                 "02  02 00 00 00  07 00 00 00  00  01 00 00 00  06 00 00 00 70 65 72 73 6f 6e"
                 "00 0b 00 0b 00 00 00 01 00 00 00 03 00 00 00 41 64 61");
    world_expect_nothing(world);
    world_close(world);
}

static void test_transaction_update(void **state) {
    (void)state;
    World *world = world_open();
    world_person(world);
    world_numbers(world, "ping", true);
    SyncClient *client = subscribed(world);
    (void)world_expect_tag(world, 1, 1);
    world_run(world, "INSERT INTO person (id, name) VALUES (3, 'Lin')");
    world_expect(
        world, 1,
        "04  01 00 00 00  07 00 00 00  01 00 00 00  06 00 00 00 70 65 72 73 6f 6e  01 00 00 00"
        "00  00 0b 00 0b 00 00 00 03 00 00 00 03 00 00 00 4c 69 6e  01 00 00 00 00 00 00 00 00");
    world_unsubscribe(world, client, 2, 7, 0);
    (void)world_expect_tag(world, 1, 2);
    world_subscribe(world, client, 3, 7, "SELECT * FROM ping");
    world_expect(world, 1, "01  03 00 00 00  07 00 00 00  00 00 00 00");
    world_run(world, "INSERT INTO ping (id) VALUES (9)");
    world_expect(world, 1,
                 "04  01 00 00 00  07 00 00 00  01 00 00 00  04 00 00 00 70 69 6e 67  01 00 00 00"
                 "01  00 04 00 04 00 00 00 09 00 00 00");
    world_expect_nothing(world);
    world_close(world);
}

static void test_errors(void **state) {
    (void)state;
    World *world = world_open();
    world_numbers(world, "gone", false);
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    // The layout with the text of the examples; the texts themselves are tested elsewhere.
    world_subscribe(world, client, 1, 7, "");
    world_expect(world, 1,
                 "03  00 01 00 00 00  07 00 00 00  2e 00 00 00"
                 "537562736372697074696f6e4572726f723a20456d70747920737472696e67"
                 "2c20657865637574696e673a206060");
    world_subscribe(world, client, 2, 7, "SELECT * FROM gone");
    (void)world_expect_tag(world, 1, 1);
    Tx *tx = tx_begin(world->store);
    Error error;
    Table *table = store_find_table_by_name(world->store, bytes_of_text("gone"));
    assert_int_equal(tx_drop_table(tx, table, &error), STATUS_OK);
    world_commit(world, (SyncEvent){0});
    Bytes unasked = world_expect_tag(world, 1, 3);
    assert_hex(bytes_slice(unasked, 0, 6), "03  01  07 00 00 00");
    assert_int_equal(load_u32le(unasked.data + 6), unasked.count - 10);
    world_expect_nothing(world);
    world_close(world);
}

static void test_one_off(void **state) {
    (void)state;
    World *world = world_open();
    world_person(world);
    world_run(world, "INSERT INTO person (id, name) VALUES (1, 'Ada')");
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    world_one_off(world, client, 3, "SELECT * FROM person");
    world_expect(world, 1,
                 "05  03 00 00 00  00  01 00 00 00 06 00 00 00 70 65 72 73 6f 6e"
                 "00 0b 00 0b 00 00 00 01 00 00 00 03 00 00 00 41 64 61");
    // One table even without rows; unlike subscriptions.
    world_one_off(world, client, 4, "SELECT * FROM person WHERE id = 9");
    world_expect(world, 1, "05 04000000 00 01000000 06000000 706572736f6e 01 00000000 00000000");
    world_one_off(world, client, 3, "SELECT * FROM nobody");
    Bytes bytes = world_expect_tag(world, 1, 5);
    assert_hex(bytes_slice(bytes, 0, 6), "05  03 00 00 00  01");
    assert_true(bytes_contain(bytes, "no such table: `nobody`"));
    assert_false(bytes_contain(bytes, "executing"));
    world_close(world);
}

static SyncEvent event_of(SyncClient *client, const Request *request) {
    return (SyncEvent){.caller = client, .request = request, .timestamp = TIMESTAMP};
}

static void test_reducer_result(void **state) {
    (void)state;
    World *world = world_open();
    world_person(world);
    SyncClient *client = subscribed(world);
    (void)world_expect_tag(world, 1, 1);
    Request request = {.kind = REQUEST_CALL_REDUCER, .request_id = 4};
    SyncEvent event = event_of(client, &request);
    world_run_for(world, "", event);
    world_expect(world, 1,
                 "06  04 00 00 00  00 a0 ef f2 40 3b 06 00  00  00 00 00 00  00 00 00 00");
    event.result = RESULT_USER_ERROR;
    event.text = BYTES_LITERAL("no");
    sync_call_failed(world->sync, &event);
    world_expect(world, 1,
                 "06  04 00 00 00  00 a0 ef f2 40 3b 06 00  02  06 00 00 00 02 00 00 00 6e 6f");
    static const CallResult INTERNAL[] = {RESULT_INTERNAL, RESULT_OUT_OF_ENERGY};
    for (uint32_t i = 0; i < 2; i++) {
        event.result = INTERNAL[i];
        sync_call_failed(world->sync, &event);
        world_expect(world, 1, "06  04 00 00 00  00 a0 ef f2 40 3b 06 00  03  02 00 00 00 6e 6f");
    }
    // With its update, and in its place: the example of a v3 payload, as two messages.
    world_run_for(world, "INSERT INTO person (id, name) VALUES (3, 'Lin')",
                  event_of(client, &request));
    world_expect(
        world, 1,
        "06 04 00 00 00 00 a0 ef f2 40 3b 06 00 00 00 00 00 00"
        "01 00 00 00 07 00 00 00 01 00 00 00 06 00 00 00 70 65 72 73 6f 6e 01 00 00 00"
        "00 00 0b 00 0b 00 00 00 03 00 00 00 03 00 00 00 4c 69 6e 01 00 00 00 00 00 00 00 00");
    world_expect_nothing(world);
    // Nobody waits on a WebSocket.
    event.caller = NULL;
    sync_call_failed(world->sync, &event);
    sync_procedure_result(world->sync, &event, BYTES_NONE);
    world_expect_nothing(world);
    world_close(world);
}

static void test_procedure_result(void **state) {
    (void)state;
    World *world = world_open();
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    Request request = {.kind = REQUEST_CALL_PROCEDURE, .request_id = 5};
    SyncEvent event = event_of(client, &request);
    event.duration_micros = 1500;
    event.ticket = 17;
    static const uint8_t SIX[] = {6, 0, 0, 0};
    sync_procedure_result(world->sync, &event, bytes_of(SIX, 4));
    assert_int_equal(world->sent[0].ticket, 17);
    world_expect(world, 1,
                 "07  00 04 00 00 00 06 00 00 00  00 a0 ef f2 40 3b 06 00  dc 05 00 00 00 00 00 00"
                 "05 00 00 00");
    event.result = RESULT_INTERNAL;
    event.text = BYTES_LITERAL("No such procedure");
    sync_procedure_result(world->sync, &event, BYTES_NONE);
    world_expect(world, 1,
                 "07  01 11 00 00 00 4e 6f 20 73 75 63 68 20 70 72 6f 63 65 64 75 72 65"
                 "00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  05 00 00 00");
    world_close(world);
}

static void test_batch(void **state) {
    (void)state;
    World *world = world_open();
    world_person(world);
    SyncClient *client = world_client(world, 1, PROTOCOL_V2);
    Buffer buffer;
    buffer_init(&buffer, 1000);
    buffer_u8(&buffer, 5);
    buffer_u32(&buffer, 6);
    buffer_u32(&buffer, 2);
    buffer_u32(&buffer, 7);
    put_texts(&buffer, &(Texts){{"SELECT * FROM person"}});
    buffer_u32(&buffer, 8);
    put_texts(&buffer, &(Texts){{""}});
    world_ask_buffer(world, client, &buffer);
    world_expect(world, 1,
                 "08 06000000 02000000 07000000 00 00000000 08000000 01 2e000000"
                 "537562736372697074696f6e4572726f723a20456d70747920737472696e67"
                 "2c20657865637574696e673a206060");
    world_expect_nothing(world);
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initial_connection),
        cmocka_unit_test(test_subscribe),
        cmocka_unit_test(test_transaction_update),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_one_off),
        cmocka_unit_test(test_reducer_result),
        cmocka_unit_test(test_procedure_result),
        cmocka_unit_test(test_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
