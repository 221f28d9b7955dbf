// v1_test.c - protocols v1.bsatn and v1.json: the examples of websocket.md 7.2 and what an unmodified server
// answered, byte for byte (durations and energy, which we do not measure, are 0), the sets of 9.4, and who
// gets which transaction message (7.3).

#include "fixture.h"

#define IDENTITY_TEXT "c200f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddee"
#define IDENTITY_HEX "eeddccbbaa998877665544332211001f2e3d4c5b6a798897a6b5c4d3e2f100c2"
#define CONNECTION_TEXT "000102030405060708090a0b0c0d0e0f"
#define CONNECTION_HEX "0f0e0d0c0b0a09080706050403020100"
#define TIMESTAMP 1754000000000000

static SyncClient *join(World *world, uint8_t number, SyncClientOptions options) {
    options.connection = (void *)(uintptr_t)number;
    options.confirmed = true;
    assert_true(identity_parse(bytes_of_text(IDENTITY_TEXT), &options.identity));
    assert_true(connection_id_parse(bytes_of_text(CONNECTION_TEXT), &options.connection_id));
    return sync_add_client(world->sync, &options);
}

static SyncClient *bsatn_client(World *world, uint8_t number) {
    return join(world, number, (SyncClientOptions){.protocol = PROTOCOL_V1_BSATN});
}

static SyncClient *json_client(World *world, uint8_t number) {
    return join(world, number, (SyncClientOptions){.protocol = PROTOCOL_V1_JSON});
}

// `person` has the id 4097, as in the examples.
static World *with_person(void) {
    World *world = world_open();
    world_numbers(world, "first", false);
    assert_int_equal(world_person(world), 4097);
    return world;
}

static World *with_ada(void) {
    World *world = with_person();
    world_run(world, "INSERT INTO person (id, name) VALUES (1, 'Ada')");
    return world;
}

// ---- requests in JSON, on either protocol: short for the tests ----

static void ask(World *world, SyncClient *client, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void ask(World *world, SyncClient *client, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert_true(count > 0 && (size_t)count < sizeof text);
    world_ask_text(world, client, text);
}

static void subscribe_multi(World *world, SyncClient *client, uint32_t id, const char *texts) {
    ask(world, client,
        "{\"SubscribeMulti\":{\"query_strings\":[%s],\"request_id\":1,\"query_id\":{\"id\":%u}}}",
        texts, id);
}

static void subscribe_single(World *world, SyncClient *client, uint32_t id, const char *text) {
    ask(world, client,
        "{\"SubscribeSingle\":{\"query\":%s,\"request_id\":1,\"query_id\":{\"id\":%u}}}", text, id);
}

static void subscribe_legacy(World *world, SyncClient *client, const char *texts) {
    ask(world, client, "{\"Subscribe\":{\"query_strings\":[%s],\"request_id\":1}}", texts);
}

static void unsubscribe(World *world, SyncClient *client, const char *kind, uint32_t id) {
    ask(world, client, "{\"%s\":{\"request_id\":2,\"query_id\":{\"id\":%u}}}", kind, id);
}

#define ALL "\"SELECT * FROM person\""
#define FIRST "\"SELECT * FROM person WHERE id = 1\""
#define SECOND "\"SELECT * FROM person WHERE id = 2\""

// ---- v1.bsatn, byte for byte ----

#define UPDATE_HEAD \
    "01 10 00 00  06 00 00 00 70 65 72 73 6f 6e  01 00 00 00 00 00 00 00  01 00 00 00  00"
#define NO_ROWS "01 00 00 00 00 00 00 00 00"
#define ADA_ROWS "00 0b 00 0b 00 00 00 01 00 00 00 03 00 00 00 41 64 61"
#define LIN_ROWS "00 0b 00 0b 00 00 00 03 00 00 00 03 00 00 00 4c 69 6e"

static void test_bsatn_subscriptions(void **state) {
    (void)state;
    World *world = with_ada();
    SyncClient *client = bsatn_client(world, 1);
    sync_send_hello(world->sync, client, BYTES_LITERAL("tok"));
    world_expect(world, 1, "03" IDENTITY_HEX "03 00 00 00 74 6f 6b" CONNECTION_HEX);
    subscribe_multi(world, client, 7, ALL);
    world_expect(
        world, 1,
        "08  01 00 00 00  00 00 00 00 00 00 00 00  07 00 00 00  01 00 00 00" UPDATE_HEAD NO_ROWS
            ADA_ROWS);
    unsubscribe(world, client, "UnsubscribeMulti", 7);
    world_expect(
        world, 1,
        "09  02 00 00 00  00 00 00 00 00 00 00 00  07 00 00 00  01 00 00 00" UPDATE_HEAD ADA_ROWS
            NO_ROWS);
    subscribe_single(world, client, 8, ALL);
    world_expect(world, 1,
                 "05  01 00 00 00  00 00 00 00 00 00 00 00  08 00 00 00"
                 "01 10 00 00  06 00 00 00 70 65 72 73 6f 6e" UPDATE_HEAD NO_ROWS ADA_ROWS);
    unsubscribe(world, client, "Unsubscribe", 8);
    world_expect(world, 1,
                 "06  02 00 00 00  00 00 00 00 00 00 00 00  08 00 00 00"
                 "01 10 00 00  06 00 00 00 70 65 72 73 6f 6e" UPDATE_HEAD ADA_ROWS NO_ROWS);
    subscribe_legacy(world, client, ALL);
    world_expect(world, 1,
                 "00  01 00 00 00" UPDATE_HEAD NO_ROWS ADA_ROWS
                 "01 00 00 00  00 00 00 00 00 00 00 00");
    subscribe_legacy(world, client, "\"\"");
    world_expect(world, 1,
                 "07  00 00 00 00 00 00 00 00  00 01 00 00 00  01  01  2e 00 00 00"
                 "537562736372697074696f6e4572726f723a20456d70747920737472696e67"
                 "2c20657865637574696e673a206060");
    unsubscribe(world, client, "Unsubscribe", 8);
    Bytes bytes = world_expect_tag(world, 1, 7);
    assert_hex(bytes_slice(bytes, 0, 20),
               "07  00 00 00 00 00 00 00 00  00 02 00 00 00  00 08 00 00 00  01");
    world_expect_nothing(world);
    world_close(world);
}

static void test_bsatn_one_off(void **state) {
    (void)state;
    World *world = with_ada();
    SyncClient *client = bsatn_client(world, 1);
    ask(world, client, "{\"OneOffQuery\":{\"message_id\":\"0102\",\"query_string\":" ALL "}}");
    world_expect(world, 1,
                 "04  02 00 00 00 01 02  01  01 00 00 00  06 00 00 00 70 65 72 73 6f 6e" ADA_ROWS
                 "00 00 00 00 00 00 00 00");
    ask(world, client, "{\"OneOffQuery\":{\"message_id\":\"\",\"query_string\":\"SELECT\"}}");
    Bytes bytes = world_expect_tag(world, 1, 4);
    assert_hex(bytes_slice(bytes, 0, 6), "04 00000000 00");
    Reader reader = reader_of(bytes_slice(bytes, 6, bytes.count - 6));
    assert_true(reader_string(&reader).count > 0);
    assert_int_equal(reader_u32(&reader), 0);
    assert_int_equal(reader_u64(&reader), 0);
    assert_true(reader_finish(&reader));
    world_close(world);
}

// (name: string), the parameters of `add`.
static const Type *add_params(World *world) {
    const TypeField fields[] = {COLUMN("name", type_primitive(TYPE_STRING))};
    return type_product(&world->arena, fields, 1);
}

static SyncEvent add_event(World *world, SyncClient *caller, const Request *request) {
    static const uint8_t ARGS[] = {3, 0, 0, 0, 'L', 'i', 'n'};
    SyncEvent event = {
        .caller = caller,
        .request = request,
        .reducer = BYTES_LITERAL("add"),
        .reducer_id = 1,
        .args = {ARGS, sizeof ARGS},
        .args_type = add_params(world),
        .timestamp = TIMESTAMP,
        .duration_micros = 77,
    };
    assert_true(identity_parse(bytes_of_text(IDENTITY_TEXT), &event.caller_identity));
    assert_true(connection_id_parse(bytes_of_text(CONNECTION_TEXT), &event.caller_connection));
    return event;
}

#define CALL_TAIL                                                                      \
    "00 a0 ef f2 40 3b 06 00" IDENTITY_HEX CONNECTION_HEX                              \
    "03 00 00 00 61 64 64  01 00 00 00  07 00 00 00 03 00 00 00 4c 69 6e  04 00 00 00" \
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  4d 00 00 00 00 00 00 00"

static void test_bsatn_updates(void **state) {
    (void)state;
    World *world = with_person();
    SyncClient *client = bsatn_client(world, 1);
    subscribe_multi(world, client, 7, ALL);
    world_expect(world, 1, "08  01 00 00 00  00 00 00 00 00 00 00 00  07 00 00 00  00 00 00 00");
    world_run_for(world, "INSERT INTO person (id, name) VALUES (3, 'Lin')",
                  (SyncEvent){.withhold_reducer = true, .reducer_id = UINT32_MAX});
    world_expect(world, 1, "02  00 00 00 00  01 00 00 00" UPDATE_HEAD NO_ROWS LIN_ROWS);
    world_run(world, "DELETE FROM person");
    world_forget(world);
    Request request = {.kind = REQUEST_CALL_REDUCER, .request_id = 4};
    SyncEvent event = add_event(world, client, &request);
    event.withhold_reducer = true;  // not from the caller
    world_run_for(world, "INSERT INTO person (id, name) VALUES (3, 'Lin')", event);
    world_expect(world, 1, "01  00  01 00 00 00" UPDATE_HEAD NO_ROWS LIN_ROWS CALL_TAIL);
    // A caller without affected queries; failures.
    world_run_for(world, "", event);
    world_expect(world, 1, "01  00  00 00 00 00" CALL_TAIL);
    event.result = RESULT_USER_ERROR;
    event.text = BYTES_LITERAL("no");
    event.ticket = 9;
    sync_call_failed(world->sync, &event);
    assert_int_equal(world->sent[world->sent_first].ticket, 9);
    world_expect(world, 1, "01  01  02 00 00 00 6e 6f" CALL_TAIL);
    event.result = RESULT_INTERNAL;
    sync_call_failed(world->sync, &event);
    world_expect(world, 1, "01  01  02 00 00 00 6e 6f" CALL_TAIL);
    event.result = RESULT_OUT_OF_ENERGY;
    sync_call_failed(world->sync, &event);
    world_expect(world, 1, "01  02" CALL_TAIL);
    world_close(world);
}

// A call that could not be run: as sent, without arguments and request id.
static void test_refused_call(void **state) {
    (void)state;
    World *world = with_person();
    SyncClient *binary = bsatn_client(world, 1);
    SyncClient *text = json_client(world, 2);
    Request request = {.kind = REQUEST_CALL_REDUCER, .request_id = 4, .flags = 1};
    SyncEvent event = add_event(world, binary, &request);
    event.result = RESULT_INTERNAL;
    event.text = BYTES_LITERAL("no such reducer");
    event.reducer = BYTES_LITERAL("nope");
    event.reducer_id = UINT32_MAX;
    event.args_type = NULL;
    event.duration_micros = 0;
    sync_call_failed(world->sync, &event);
    world_expect(world, 1,
                 "01  01  0f000000 "
                 "6e6f2073756368207265647563657200a0eff2403b0600" IDENTITY_HEX CONNECTION_HEX
                 "04000000 6e6f7065 ffffffff 00000000 00000000"
                 "00000000000000000000000000000000 0000000000000000");
    event.caller = text;
    event.reducer = BYTES_LITERAL("not a name");
    sync_call_failed(world->sync, &event);
    world_expect_text(
        world, 2,
        "{\"TransactionUpdate\":{\"status\":{\"Failed\":\"no such reducer\"},"
        "\"timestamp\":{\"__timestamp_micros_since_unix_epoch__\":1754000000000000},"
        "\"caller_identity\":{\"__identity__\":\"0x" IDENTITY_TEXT "\"},"
        "\"caller_connection_id\":{\"__connection_id__\":5233100606242806050955395731361295},"
        "\"reducer_call\":{\"reducer_name\":\"\",\"reducer_id\":4294967295,\"args\":\"[]\","
        "\"request_id\":0},\"energy_quanta_used\":{\"quanta\":0},"
        "\"total_host_execution_duration\":{\"__time_duration_micros__\":0}}}");
    world_close(world);
}

// ---- v1.json, letter for letter ----

static void test_json_subscriptions(void **state) {
    (void)state;
    World *world = with_ada();
    SyncClient *client = json_client(world, 1);
    sync_send_hello(world->sync, client, BYTES_LITERAL("tok"));
    world_expect_text(
        world, 1,
        "{\"IdentityToken\":{\"identity\":{\"__identity__\":\"0x" IDENTITY_TEXT
        "\"},\"token\":\"tok\","
        "\"connection_id\":{\"__connection_id__\":5233100606242806050955395731361295}}}");
    subscribe_multi(world, client, 7, ALL);
    world_expect_text(
        world, 1,
        "{\"SubscribeMultiApplied\":{\"request_id\":1,\"total_host_execution_duration_micros\":0,"
        "\"query_id\":{\"id\":7},\"update\":{\"tables\":[{\"table_id\":4097,\"table_name\":"
        "\"person\","
        "\"num_rows\":1,\"updates\":[{\"deletes\":[],"
        "\"inserts\":[\"{\\\"id\\\":1,\\\"name\\\":\\\"Ada\\\"}\"]}]}]}}}");
    world_run_for(world, "INSERT INTO person (id, name) VALUES (3, 'Lin')",
                  (SyncEvent){.withhold_reducer = true, .reducer_id = UINT32_MAX});
    world_expect_text(
        world, 1,
        "{\"TransactionUpdateLight\":{\"request_id\":0,\"update\":{\"tables\":[{\"table_id\":4097,"
        "\"table_name\":\"person\",\"num_rows\":1,\"updates\":[{\"deletes\":[],"
        "\"inserts\":[\"[3,\\\"Lin\\\"]\"]}]}]}}}");
    unsubscribe(world, client, "UnsubscribeMulti", 7);
    world_expect_text(
        world, 1,
        "{\"UnsubscribeMultiApplied\":{\"request_id\":2,\"total_host_execution_duration_micros\":0,"
        "\"query_id\":{\"id\":7},\"update\":{\"tables\":[{\"table_id\":4097,\"table_name\":"
        "\"person\","
        "\"num_rows\":2,\"updates\":[{\"deletes\":[\"{\\\"id\\\":1,\\\"name\\\":\\\"Ada\\\"}\","
        "\"{\\\"id\\\":3,\\\"name\\\":\\\"Lin\\\"}\"],\"inserts\":[]}]}]}}}");
    subscribe_single(world, client, 2, SECOND);
    world_expect_text(
        world, 1,
        "{\"SubscribeApplied\":{\"request_id\":1,\"total_host_execution_duration_micros\":0,"
        "\"query_id\":{\"id\":2},\"rows\":{\"table_id\":4097,\"table_name\":\"person\","
        "\"table_rows\":{\"table_id\":4097,\"table_name\":\"person\",\"num_rows\":0,"
        "\"updates\":[{\"deletes\":[],\"inserts\":[]}]}}}}");
    subscribe_legacy(world, client, ALL);
    world_expect_text(
        world, 1,
        "{\"InitialSubscription\":{\"database_update\":{\"tables\":[{\"table_id\":4097,"
        "\"table_name\":\"person\",\"num_rows\":2,\"updates\":[{\"deletes\":[],"
        "\"inserts\":[\"{\\\"id\\\":1,\\\"name\\\":\\\"Ada\\\"}\","
        "\"{\\\"id\\\":3,\\\"name\\\":\\\"Lin\\\"}\"]}]}]},\"request_id\":1,"
        "\"total_host_execution_duration\":{\"__time_duration_micros__\":0}}}");
    subscribe_multi(world, client, 7, "\"SELECT\\n\"");
    Bytes bytes = world_take(world, 1);
    assert_true(bytes_contain(
        bytes, "{\"SubscriptionError\":{\"total_host_execution_duration_micros\":0,"
               "\"request_id\":{\"some\":1},\"query_id\":{\"some\":7},\"table_id\":{\"none\":[]},"
               "\"error\":\""));
    subscribe_legacy(world, client, "\"SELECT\"");
    assert_true(bytes_contain(world_take(world, 1),
                              "\"request_id\":{\"some\":1},\"query_id\":{\"none\":[]},"));
    world_expect_nothing(world);
    world_close(world);
}

static void test_json_one_off(void **state) {
    (void)state;
    World *world = with_ada();
    SyncClient *client = json_client(world, 1);
    ask(world, client, "{\"OneOffQuery\":{\"message_id\":[1,2,3],\"query_string\":" ALL "}}");
    world_expect_text(world, 1,
                      "{\"OneOffQueryResponse\":{\"message_id\":\"010203\",\"error\":{\"none\":[]},"
                      "\"tables\":[{\"table_name\":\"person\",\"rows\":["
                      "\"{\\\"id\\\":1,\\\"name\\\":\\\"Ada\\\"}\"]}],"
                      "\"total_host_execution_duration\":{\"__time_duration_micros__\":0}}}");
    ask(world, client,
        "{\"OneOffQuery\":{\"message_id\":\"\",\"query_string\":\"SELECT * FROM x\"}}");
    world_expect_text(world, 1,
                      "{\"OneOffQueryResponse\":{\"message_id\":\"\",\"error\":{\"some\":"
                      "\"no such table: `x`. If the table exists, it may be marked private.\"},"
                      "\"tables\":[],"
                      "\"total_host_execution_duration\":{\"__time_duration_micros__\":0}}}");
    world_close(world);
}

#define JSON_CALL(args)                                                                    \
    "\"timestamp\":{\"__timestamp_micros_since_unix_epoch__\":1754000000000000},"          \
    "\"caller_identity\":{\"__identity__\":\"0x" IDENTITY_TEXT "\"},"                      \
    "\"caller_connection_id\":{\"__connection_id__\":5233100606242806050955395731361295}," \
    "\"reducer_call\":{\"reducer_name\":\"add\",\"reducer_id\":1,\"args\":\"" args "\","   \
    "\"request_id\":4},\"energy_quanta_used\":{\"quanta\":0},"                             \
    "\"total_host_execution_duration\":{\"__time_duration_micros__\":77}}}"

// Arguments come back as they were sent, or in the array form.
static void test_json_calls(void **state) {
    (void)state;
    World *world = with_person();
    SyncClient *client = json_client(world, 1);
    Request request = {.kind = REQUEST_CALL_REDUCER, .request_id = 4};
    SyncEvent event = add_event(world, client, &request);
    world_run_for(world, "", event);
    world_expect_text(
        world, 1,
        "{\"TransactionUpdate\":{\"status\":{\"Committed\":{\"tables\":[]}}," JSON_CALL(
            "[\\\"Lin\\\"]"));
    request.args_are_json = true;
    request.args = BYTES_LITERAL("{\"name\" : \"Lin\"}");
    event.result = RESULT_USER_ERROR;
    event.text = BYTES_LITERAL("no");
    sync_call_failed(world->sync, &event);
    world_expect_text(world, 1,
                      "{\"TransactionUpdate\":{\"status\":{\"Failed\":\"no\"}," JSON_CALL(
                          "{\\\"name\\\" : \\\"Lin\\\"}"));
    event.result = RESULT_OUT_OF_ENERGY;
    sync_call_failed(world->sync, &event);
    world_expect_text(world, 1,
                      "{\"TransactionUpdate\":{\"status\":{\"OutOfEnergy\":[]}," JSON_CALL(
                          "{\\\"name\\\" : \\\"Lin\\\"}"));
    world_close(world);
}

static void test_procedures(void **state) {
    (void)state;
    World *world = with_person();
    SyncClient *text = json_client(world, 1);
    SyncClient *binary = bsatn_client(world, 2);
    Request request = {.kind = REQUEST_CALL_PROCEDURE, .request_id = 5};
    static const uint8_t SIX[] = {6, 0, 0, 0};
    SyncEvent event = {.caller = text,
                       .request = &request,
                       .value_type = type_primitive(TYPE_U32),
                       .timestamp = TIMESTAMP,
                       .duration_micros = 1500};
    sync_procedure_result(world->sync, &event, bytes_of(SIX, 4));
    world_expect_text(
        world, 1,
        "{\"ProcedureResult\":{\"status\":{\"Returned\":\"6\"},"
        "\"timestamp\":{\"__timestamp_micros_since_unix_epoch__\":1754000000000000},"
        "\"total_host_execution_duration\":{\"__time_duration_micros__\":1500},\"request_id\":5}}");
    event.caller = binary;
    sync_procedure_result(world->sync, &event, bytes_of(SIX, 4));
    world_expect(world, 2, "0a 00 04000000 06000000 00a0eff2403b0600 dc05000000000000 05000000");
    event.result = RESULT_OUT_OF_ENERGY;
    sync_procedure_result(world->sync, &event, BYTES_NONE);
    world_expect(world, 2, "0a 01 0000000000000000 0000000000000000 05000000");
    event.result = RESULT_INTERNAL;
    event.text = BYTES_LITERAL("no");
    sync_procedure_result(world->sync, &event, BYTES_NONE);
    world_expect(world, 2, "0a 02 02000000 6e6f 0000000000000000 0000000000000000 05000000");
    event.caller = text;
    sync_procedure_result(world->sync, &event, BYTES_NONE);
    world_expect_text(
        world, 1,
        "{\"ProcedureResult\":{\"status\":{\"InternalError\":\"no\"},"
        "\"timestamp\":{\"__timestamp_micros_since_unix_epoch__\":0},"
        "\"total_host_execution_duration\":{\"__time_duration_micros__\":0},\"request_id\":5}}");
    world_close(world);
}

// Rows of stored tables are objects whose sums and arrays are not; rows of commits are arrays all through.
static void test_json_rows(void **state) {
    (void)state;
    World *world = world_open();
    Arena *arena = &world->arena;
    const TypeField point[] = {COLUMN("x", type_primitive(TYPE_I32)),
                               COLUMN("y", type_primitive(TYPE_F32))};
    const Type *point_type = type_product(arena, point, 2);
    const TypeField shape[] = {COLUMN("none", type_unit()), COLUMN("at", point_type)};
    const TypeField columns[] = {
        COLUMN("point", point_type),
        COLUMN("shape", type_sum(arena, shape, 2)),
        COLUMN("points", type_array(arena, point_type)),
        COLUMN("bytes", type_array(arena, type_primitive(TYPE_U8))),
        COLUMN("maybe", type_option(arena, type_primitive(TYPE_STRING))),
        COLUMN("who", type_special(SPECIAL_IDENTITY)),
        COLUMN("big", type_primitive(TYPE_U128)),
    };
    WorldTable table = {.name = "things", .columns = columns, .column_count = COUNT_OF(columns)};
    TableId id = world_table(world, &table);
    Buffer row;
    buffer_init(&row, 1000);
    buffer_u32(&row, 7);           // point
    buffer_u32(&row, 0x3f000000);  // 0.5
    buffer_u8(&row, 0);            // shape
    buffer_u32(&row, 1);           // points
    buffer_u32(&row, (uint32_t)-2);
    buffer_u32(&row, 0x7fc00000);  // NaN
    buffer_string(&row, BYTES_LITERAL("\xab\x01"));
    buffer_u8(&row, 0);  // maybe
    buffer_string(&row, BYTES_LITERAL("a \"quote\"\n\x01"));
    buffer_append(&row, world_identity(1).bytes, 32);
    buffer_u64(&row, 0);  // big
    buffer_u64(&row, 1);
    SyncClient *client = json_client(world, 1);
    subscribe_multi(world, client, 1, "\"SELECT * FROM things\"");
    world_forget(world);
    InsertResult result;
    Tx *tx = tx_begin(world->store);
    Table *things = store_find_table(world->store, id);
    assert_int_equal(tx_insert(tx, things, buffer_bytes(&row), &result), INSERT_ADDED);
    world_commit(world, (SyncEvent){.withhold_reducer = true});
    Bytes bytes = world_take(world, 1);
#define ID1 "0xc200000000000000000000000000000000000000000000000000000000000001"
    const char *update =
        "\"inserts\":[\"[[7,0.5],[0,[]],[[-2,null]],\\\"ab01\\\",[0,\\\"a \\\\\\\"quote"
        "\\\\\\\"\\\\n\\\\u0001\\\"],[\\\"" ID1 "\\\"],18446744073709551616]\"]";
    if (!bytes_contain(bytes, update)) fail_msg("%.*s", BYTES_FORMAT(bytes));
    subscribe_single(world, client, 2, "\"SELECT * FROM things\"");
    bytes = world_take(world, 1);
    const char *stored =
        "\"inserts\":[\"{\\\"point\\\":{\\\"x\\\":7,\\\"y\\\":0.5},\\\"shape\\\":[0,{}],"
        "\\\"points\\\":[[-2,null]],\\\"bytes\\\":\\\"ab01\\\",\\\"maybe\\\":[0,\\\"a \\\\\\\"quote"
        "\\\\\\\"\\\\n\\\\u0001\\\"],\\\"who\\\":{\\\"__identity__\\\":\\\"" ID1 "\\\"},"
        "\\\"big\\\":18446744073709551616}\"]";
    if (!bytes_contain(bytes, stored)) fail_msg("%.*s", BYTES_FORMAT(bytes));
    buffer_done(&row);
    world_close(world);
}

// ---- the sets of v1 ----

// How often an insert of this row arrives at a v1.bsatn client: the number of entries of its light update.
static uint32_t entries_of_insert(World *world, uint32_t id) {
    char text[128];
    snprintf(text, sizeof text, "INSERT INTO person (id, name) VALUES (%u, 'x')", id);
    world_run_for(world, text, (SyncEvent){.withhold_reducer = true});
    if (world->sent_first == world->sent_count) return 0;
    Reader reader = reader_of(world_expect_tag(world, 1, 2));
    (void)reader_take(&reader, 5);
    assert_int_equal(reader_u32(&reader), 1);
    assert_int_equal(reader_u32(&reader), 4097);
    (void)reader_string(&reader);
    uint64_t row_count = reader_u64(&reader);
    uint32_t entries = reader_u32(&reader);
    assert_int_equal(row_count, entries);
    world_expect_nothing(world);
    return entries;
}

// The tables of a multi answer, and their rows.
static void expect_multi(World *world, uint8_t tag, uint32_t tables, uint64_t rows) {
    Reader reader = reader_of(world_expect_tag(world, 1, tag));
    (void)reader_take(&reader, 17);
    assert_int_equal(reader_u32(&reader), tables);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < tables; i++) {
        (void)reader_u32(&reader);
        (void)reader_string(&reader);
        seen += reader_u64(&reader);
        assert_int_equal(reader_u32(&reader), 1);
        assert_int_equal(reader_u8(&reader), 0);
        for (uint32_t list = 0; list < 2; list++) {
            if (reader_u8(&reader) == 0) {
                (void)reader_u16(&reader);
            } else {
                (void)reader_take(&reader, 8 * (size_t)reader_u32(&reader));
            }
            (void)reader_bytes(&reader);
        }
    }
    assert_true(reader_finish(&reader));
    assert_int_equal(seen, rows);
}

static void expect_v1_error(World *world, const char *part) {
    Bytes bytes = world_expect_tag(world, 1, 7);
    if (!bytes_contain(bytes, part)) fail_msg("%.*s", BYTES_FORMAT(bytes));
}

// A query under several ids is delivered once; only what is new to the client is listed, only what leaves it.
static void test_counted_queries(void **state) {
    (void)state;
    World *world = with_ada();
    SyncClient *client = bsatn_client(world, 1);
    subscribe_multi(world, client, 1, ALL "," FIRST);
    expect_multi(world, 8, 2, 2);
    subscribe_multi(world, client, 2, ALL "," ALL "," SECOND);
    expect_multi(world, 8, 1, 0);
    subscribe_multi(world, client, 3, ALL);
    expect_multi(world, 8, 0, 0);
    assert_int_equal(entries_of_insert(world, 50), 1);
    assert_int_equal(entries_of_insert(world, 2), 2);
    unsubscribe(world, client, "UnsubscribeMulti", 1);
    expect_multi(world, 9, 1, 1);  // FIRST
    assert_int_equal(entries_of_insert(world, 51), 1);
    unsubscribe(world, client, "UnsubscribeMulti", 3);
    expect_multi(world, 9, 0, 0);
    assert_int_equal(entries_of_insert(world, 52), 1);
    unsubscribe(world, client, "UnsubscribeMulti", 2);
    expect_multi(world, 9, 2, 6);  // ALL with five rows, SECOND with one
    assert_int_equal(entries_of_insert(world, 53), 0);
    assert_int_equal(sync_stats(world->sync).queries, 0);
    assert_int_equal(sync_stats(world->sync).query_sets, 0);
    world_close(world);
}

// Single subscriptions get all rows, whoever holds the query; their end only says what one query loses.
static void test_single(void **state) {
    (void)state;
    World *world = with_ada();
    SyncClient *client = bsatn_client(world, 1);
    subscribe_single(world, client, 1, ALL);
    Bytes first = world_expect_tag(world, 1, 5);
    subscribe_single(world, client, 2, ALL);
    Bytes second = world_expect_tag(world, 1, 5);
    assert_true(bytes_equal(bytes_slice(first, 17, first.count - 17),
                            bytes_slice(second, 17, second.count - 17)));
    assert_int_equal(entries_of_insert(world, 50), 1);
    // Another id still holds it: an error, but the id is gone.
    unsubscribe(world, client, "Unsubscribe", 1);
    expect_v1_error(world, "Internal error");
    unsubscribe(world, client, "Unsubscribe", 1);
    expect_v1_error(world, "Subscription not found: (");
    assert_int_equal(entries_of_insert(world, 51), 1);
    // Several queries under one id.
    subscribe_multi(world, client, 3, FIRST "," SECOND);
    expect_multi(world, 8, 2, 1);
    unsubscribe(world, client, "Unsubscribe", 3);
    expect_v1_error(world, "Internal error");
    assert_int_equal(sync_stats(world->sync).query_sets, 1);
    // One of two leaves.
    subscribe_multi(world, client, 4, ALL "," FIRST);
    expect_multi(world, 8, 1, 1);
    unsubscribe(world, client, "Unsubscribe", 4);
    (void)world_expect_tag(world, 1, 6);
    unsubscribe(world, client, "UnsubscribeMulti", 2);
    expect_multi(world, 9, 1, 3);
    // "SELECT * FROM *" is for the others.
    subscribe_single(world, client, 5, "\"SELECT * FROM *\"");
    expect_v1_error(world, ", executing: `SELECT * FROM *`");
    world_close(world);
}

// The legacy set is replaced as a whole, and stands beside the ids: what both hold comes twice.
static void test_legacy(void **state) {
    (void)state;
    World *world = with_ada();
    SyncClient *client = bsatn_client(world, 1);
    subscribe_legacy(world, client, ALL);
    (void)world_expect_tag(world, 1, 0);
    assert_int_equal(entries_of_insert(world, 50), 1);
    subscribe_multi(world, client, 1, ALL);
    expect_multi(world, 8, 1, 2);
    assert_int_equal(entries_of_insert(world, 51), 2);
    subscribe_legacy(world, client, FIRST);
    (void)world_expect_tag(world, 1, 0);
    assert_int_equal(entries_of_insert(world, 52), 1);
    // A bad one leaves the old one in place.
    subscribe_legacy(world, client, ALL ",\"SELECT * FROM nobody\"");
    expect_v1_error(world, "no such table: `nobody`");
    world_run_for(world, "DELETE FROM person WHERE id = 1", (SyncEvent){.withhold_reducer = true});
    Bytes bytes = world_expect_tag(world, 1, 2);
    Reader reader = reader_of(bytes);
    (void)reader_take(&reader, 13);
    (void)reader_string(&reader);
    assert_int_equal(reader_u64(&reader), 2);
    subscribe_legacy(world, client, "");
    world_expect(world, 1, "00  00 00 00 00  01 00 00 00  00 00 00 00 00 00 00 00");
    assert_int_equal(entries_of_insert(world, 53), 1);
    subscribe_legacy(world, client, "\"SELECT * FROM *\"");
    (void)world_expect_tag(world, 1, 0);
    assert_int_equal(entries_of_insert(world, 54), 2);
    assert_int_equal(sync_stats(world->sync).query_sets, 2);
    sync_remove_client(world->sync, client);
    assert_int_equal(sync_stats(world->sync).query_sets, 0);
    assert_int_equal(sync_stats(world->sync).queries, 0);
    world_close(world);
}

static void test_errors(void **state) {
    (void)state;
    World *world = with_ada();
    world_numbers(world, "ping", true);
    SyncClient *client = bsatn_client(world, 1);
    subscribe_multi(world, client, 1, ALL);
    expect_multi(world, 8, 1, 1);
    subscribe_multi(world, client, 1, FIRST);
    expect_v1_error(
        world, "Subscription with id QuerySetId { id: 1 } already exists for client: (Identity(");
    subscribe_single(world, client, 1, FIRST);
    expect_v1_error(world, "already exists");
    subscribe_multi(world, client, 2, FIRST ",\"SELECT * FROM ping\"");
    expect_v1_error(
        world, "Subscribing to event tables requires WebSocket v2. Please upgrade your client SDK "
               "and regenerate your module bindings.");
    subscribe_single(world, client, 2, "\"SELECT * FROM ping\"");
    expect_v1_error(world, "Subscribing to event tables requires WebSocket v2.");
    subscribe_multi(world, client, 2, FIRST ",\"SELEKT\"");
    expect_v1_error(world, ", executing: `SELEKT`");
    assert_int_equal(sync_stats(world->sync).queries, 1);
    // The legacy subscription does not check: events come as rows.
    subscribe_legacy(world, client, "\"SELECT * FROM ping\"");
    (void)world_expect_tag(world, 1, 0);
    world_run_for(world, "INSERT INTO ping (id) VALUES (3)", (SyncEvent){.withhold_reducer = true});
    world_expect(world, 1,
                 "02 00000000 01000000 02100000 04000000 70696e67 0100000000000000 01000000 00"
                 "01 00000000 00000000  00 0400 04000000 03000000");
    world_run(world, "SET row_limit = 0");
    subscribe_single(world, client, 5, SECOND);
    world_forget(world);
    subscribe_single(world, client, 6, "\"SELECT * FROM person WHERE name = 'x'\"");
    expect_v1_error(world,
                    "Estimated cardinality (2 rows) exceeds limit (0 rows), executing: `SELECT");
    subscribe_multi(world, client, 6, "\"SELECT * FROM person WHERE name = 'x'\"");
    Bytes bytes = world_expect_tag(world, 1, 7);
    assert_true(bytes_contain(bytes, "exceeds limit (0 rows)"));
    assert_false(bytes_contain(bytes, "executing"));
    world_close(world);
}

// ---- who gets which message ----

typedef struct Case {
    bool is_old_module;
    bool is_light;
    uint8_t tag;  // what others get
} Case;

static void test_others(void **state) {
    (void)state;
    static const Case CASES[] = {
        {false, false, 2}, {false, true, 2}, {true, false, 1}, {true, true, 2}};
    for (uint32_t i = 0; i < COUNT_OF(CASES); i++) {
        World *world = with_person();
        SyncClient *caller = bsatn_client(world, 1);
        SyncClient *other = join(
            world, 2,
            (SyncClientOptions){.protocol = PROTOCOL_V1_BSATN, .light = CASES[i].is_light});
        SyncClient *modern = world_client(world, 3, PROTOCOL_V2);
        subscribe_multi(world, caller, 1, ALL);
        subscribe_multi(world, other, 1, ALL);
        world_subscribe(world, modern, 1, 1, "SELECT * FROM person");
        world_forget(world);
        Request request = {.kind = REQUEST_CALL_REDUCER, .request_id = 4};
        SyncEvent event = add_event(world, caller, &request);
        event.withhold_reducer = !CASES[i].is_old_module;
        world_run_for(world, "INSERT INTO person (id, name) VALUES (3, 'Lin')", event);
        assert_int_equal(world->sent_count - world->sent_first, 3);
        for (uint32_t s = world->sent_first; s < world->sent_count; s++) {
            Bytes bytes = shared_slice_bytes(world->sent[s].slice);
            if (world->sent[s].to == 1) {
                assert_hex(bytes, "01 00 01000000" UPDATE_HEAD NO_ROWS LIN_ROWS CALL_TAIL);
            } else if (world->sent[s].to == 3) {
                assert_int_equal(bytes.data[0], 4);
            } else if (CASES[i].tag == 2) {
                // With the caller's request id.
                assert_hex(bytes, "02 04000000 01000000" UPDATE_HEAD NO_ROWS LIN_ROWS);
            } else {
                assert_hex(bytes, "01 00 01000000" UPDATE_HEAD NO_ROWS LIN_ROWS CALL_TAIL);
            }
        }
        world_close(world);
    }
}

// NoSuccessNotify: like any other client, and silence about failures.
static void test_no_success_notify(void **state) {
    (void)state;
    World *world = with_person();
    SyncClient *caller = bsatn_client(world, 1);
    Request request = {.kind = REQUEST_CALL_REDUCER, .request_id = 4, .flags = 1};
    SyncEvent event = add_event(world, caller, &request);
    event.withhold_reducer = true;
    world_run_for(world, "INSERT INTO person (id, name) VALUES (3, 'Lin')", event);
    world_expect_nothing(world);
    subscribe_multi(world, caller, 1, ALL);
    world_forget(world);
    world_run_for(world, "DELETE FROM person; INSERT INTO person (id, name) VALUES (3, 'Lin')",
                  event);
    world_expect_nothing(world);
    world_run_for(world, "DELETE FROM person", event);
    (void)world_expect_tag(world, 1, 2);
    event.withhold_reducer = false;
    world_run_for(world, "INSERT INTO person (id, name) VALUES (3, 'Lin')", event);
    world_expect(world, 1, "01 00 01000000" UPDATE_HEAD NO_ROWS LIN_ROWS CALL_TAIL);
    event.result = RESULT_USER_ERROR;
    sync_call_failed(world->sync, &event);
    event.result = RESULT_OUT_OF_ENERGY;
    sync_call_failed(world->sync, &event);
    world_expect_nothing(world);
    world_close(world);
}

// Transactions without a reducer, seen by clients of both formats; each format is encoded once.
static void test_without_reducer(void **state) {
    (void)state;
    World *world = with_person();
    SyncClient *clients[] = {bsatn_client(world, 1), json_client(world, 2), bsatn_client(world, 3),
                             json_client(world, 4)};
    for (uint32_t i = 0; i < 4; i++) subscribe_legacy(world, clients[i], ALL);
    world_forget(world);
    world_run(world, "INSERT INTO person (id, name) VALUES (3, 'Lin')");
    const Sent *sent[5] = {0};
    assert_int_equal(world->sent_count - world->sent_first, 4);
    for (uint32_t i = world->sent_first; i < world->sent_count; i++) {
        sent[world->sent[i].to] = &world->sent[i];
    }
    for (uint32_t i = 1; i <= 2; i++) {
        assert_ptr_equal(sent[i]->slice.buf, sent[i + 2]->slice.buf);
        assert_int_equal(sent[i]->slice.at, sent[i + 2]->slice.at);
    }
    assert_hex(shared_slice_bytes(sent[1]->slice),
               "01 00 01000000" UPDATE_HEAD NO_ROWS LIN_ROWS "0000000000000000"
               "0000000000000000000000000000000000000000000000000000000000000000"
               "00000000000000000000000000000000 00000000 ffffffff 00000000 00000000"
               "00000000000000000000000000000000 0000000000000000");
    assert_true(bytes_contain(shared_slice_bytes(sent[2]->slice),
                              "\"caller_identity\":{\"__identity__\":\"0x0\"},"
                              "\"caller_connection_id\":{\"__connection_id__\":0},"
                              "\"reducer_call\":{\"reducer_name\":\"\",\"reducer_id\":4294967295,"
                              "\"args\":\"[]\",\"request_id\":0}"));
    world_close(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bsatn_subscriptions),
        cmocka_unit_test(test_bsatn_one_off),
        cmocka_unit_test(test_bsatn_updates),
        cmocka_unit_test(test_refused_call),
        cmocka_unit_test(test_json_subscriptions),
        cmocka_unit_test(test_json_one_off),
        cmocka_unit_test(test_json_calls),
        cmocka_unit_test(test_procedures),
        cmocka_unit_test(test_json_rows),
        cmocka_unit_test(test_counted_queries),
        cmocka_unit_test(test_single),
        cmocka_unit_test(test_legacy),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_no_success_notify),
        cmocka_unit_test(test_without_reducer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
