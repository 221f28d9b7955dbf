// request_test.c - requests from bytes: the examples of websocket.md 5.1, 6 and 7.1 and since-2.8.md 3.1, and
// everything that is no request, with the text that becomes the reason of a close frame.

#include "fixture.h"

#define PERSON_HEX "14 00 00 00 53 45 4c 45 43 54 20 2a 20 46 52 4f 4d 20 70 65 72 73 6f 6e"

static const char SUBSCRIBE[] = "00  01 00 00 00  07 00 00 00  01 00 00 00 " PERSON_HEX;
static const char UNSUBSCRIBE[] = "01  02 00 00 00  07 00 00 00  01";
static const char ONE_OFF[] = "02  03 00 00 00 " PERSON_HEX;
static const char CALL_REDUCER[] =
    "03  04 00 00 00  00  03 00 00 00 61 64 64  07 00 00 00 03 00 00 00 41 64 61";
static const char CALL_PROCEDURE[] = "04  05 00 00 00  00  04 00 00 00 72 6f 6c 6c  00 00 00 00";
static const char BATCH[] = "05 06000000 01000000 07000000 01000000 " PERSON_HEX;

static const char V1_CALL_REDUCER[] =
    "00  03 00 00 00 61 64 64  07 00 00 00 03 00 00 00 41 64 61  04 00 00 00  01";
static const char V1_SUBSCRIBE[] = "01  01000000 " PERSON_HEX " 02000000";
static const char V1_ONE_OFF[] = "02  02000000 0102 " PERSON_HEX;
static const char V1_SINGLE[] = "03 " PERSON_HEX " 01000000 07000000";
static const char V1_MULTI[] = "04  01 00 00 00 " PERSON_HEX " 01 00 00 00  07 00 00 00";
static const char V1_UNSUBSCRIBE[] = "05  02000000 07000000";
static const char V1_UNSUBSCRIBE_MULTI[] = "06  02000000 07000000";
static const char V1_CALL_PROCEDURE[] = "07  04000000 726f6c6c  00000000  05000000  00";

// ---- reading ----

typedef struct Reading {
    Arena arena;
    Bytes owned;  // the message
    Reader reader;
    Protocol protocol;
    MessageForm form;
    Request request;
    bool is_last;
    Error error;
} Reading;

// Memory of exactly that size, so that a sanitizer sees a read past the end.
static Bytes from_hex(const char *hex) {
    Buffer digits;
    buffer_init(&digits, 1u << 20);
    for (const char *at = hex; *at; at++) {
        if (*at != ' ') buffer_u8(&digits, (uint8_t)*at);
    }
    uint32_t count = (uint32_t)(digits.count / 2);
    uint8_t *bytes = malloc(count + (count == 0));
    assert_true(hex_decode(buffer_bytes(&digits), bytes, count));
    buffer_done(&digits);
    return bytes_of(bytes, count);
}

static void reading_init(Reading *reading, Protocol protocol, MessageForm form, Bytes bytes) {
    *reading = (Reading){.reader = reader_of(bytes), .protocol = protocol, .form = form};
    arena_init(&reading->arena, WORLD_ARENA_MAX);
}

static void reading_init_hex(Reading *reading, Protocol protocol, const char *hex) {
    Bytes bytes = from_hex(hex);
    reading_init(reading, protocol, MESSAGE_BINARY, bytes);
    reading->owned = bytes;
}

static Status reading_next(Reading *reading) {
    return request_read(reading->protocol, reading->form, &reading->reader, &reading->arena,
                        &reading->request, &reading->is_last, &reading->error);
}

static void reading_must(Reading *reading) {
    if (reading_next(reading) != STATUS_OK) fail_msg("%s", reading->error.text);
}

// One whole message that is one request.
static const Request *read_hex(Reading *reading, Protocol protocol, const char *hex) {
    reading_init_hex(reading, protocol, hex);
    reading_must(reading);
    assert_true(reading->is_last);
    assert_int_equal(reader_left(&reading->reader), 0);
    return &reading->request;
}

static const Request *read_text(Reading *reading, const char *text) {
    reading_init(reading, PROTOCOL_V1_JSON, MESSAGE_TEXT, bytes_of_text(text));
    reading_must(reading);
    assert_true(reading->is_last);
    return &reading->request;
}

static void reading_done(Reading *reading) {
    free((void *)(uintptr_t)reading->owned.data);
    arena_done(&reading->arena);
}

static void assert_text(Bytes bytes, const char *text) {
    if (!bytes_equal_text(bytes, text)) fail_msg("wanted %s, got %.*s", text, BYTES_FORMAT(bytes));
}

static void assert_person_set(const Request *request, uint32_t id) {
    assert_int_equal(request->set_count, 1);
    assert_int_equal(request->sets[0].query_set_id, id);
    assert_int_equal(request->sets[0].query_count, 1);
    assert_text(request->sets[0].queries[0], "SELECT * FROM person");
}

// ---- v2 and v3 ----

static void check_v2_examples(Protocol protocol) {
    Reading reading;
    const Request *request = read_hex(&reading, protocol, SUBSCRIBE);
    assert_int_equal(request->kind, REQUEST_SUBSCRIBE);
    assert_int_equal(request->request_id, 1);
    assert_person_set(request, 7);
    reading_done(&reading);

    request = read_hex(&reading, protocol, UNSUBSCRIBE);
    assert_int_equal(request->kind, REQUEST_UNSUBSCRIBE);
    assert_int_equal(request->request_id, 2);
    assert_int_equal(request->set_count, 1);
    assert_int_equal(request->sets[0].query_set_id, 7);
    assert_int_equal(request->sets[0].query_count, 0);
    assert_int_equal(request->flags, 1);
    reading_done(&reading);

    request = read_hex(&reading, protocol, ONE_OFF);
    assert_int_equal(request->kind, REQUEST_ONE_OFF);
    assert_int_equal(request->request_id, 3);
    assert_text(request->query, "SELECT * FROM person");
    reading_done(&reading);

    request = read_hex(&reading, protocol, CALL_REDUCER);
    assert_int_equal(request->kind, REQUEST_CALL_REDUCER);
    assert_int_equal(request->request_id, 4);
    assert_text(request->function, "add");
    assert_hex(request->args, "03 00 00 00 41 64 61");
    assert_false(request->args_are_json);
    reading_done(&reading);

    request = read_hex(&reading, protocol, CALL_PROCEDURE);
    assert_int_equal(request->kind, REQUEST_CALL_PROCEDURE);
    assert_int_equal(request->request_id, 5);
    assert_text(request->function, "roll");
    assert_int_equal(request->args.count, 0);
    reading_done(&reading);

    request = read_hex(&reading, protocol, BATCH);
    assert_int_equal(request->kind, REQUEST_SUBSCRIBE_BATCH);
    assert_int_equal(request->request_id, 6);
    assert_person_set(request, 7);
    reading_done(&reading);
}

static void test_v2_examples(void **state) {
    (void)state;
    check_v2_examples(PROTOCOL_V2);
    check_v2_examples(PROTOCOL_V3);
}

static void test_lists(void **state) {
    (void)state;
    Reading reading;
    const Request *request = read_hex(&reading, PROTOCOL_V2, "00 01000000 02000000 00000000");
    assert_int_equal(request->sets[0].query_count, 0);
    reading_done(&reading);
    request = read_hex(&reading, PROTOCOL_V2,
                       "05 01000000 03000000"
                       "0a000000 02000000 0100000041 00000000"
                       "0b000000 00000000"
                       "0a000000 01000000 03000000e282ac");
    assert_int_equal(request->set_count, 3);
    assert_int_equal(request->sets[0].query_count, 2);
    assert_text(request->sets[0].queries[0], "A");
    assert_text(request->sets[0].queries[1], "");
    assert_int_equal(request->sets[1].query_set_id, 11);
    assert_int_equal(request->sets[1].query_count, 0);
    assert_text(request->sets[2].queries[0], "\xe2\x82\xac");
    reading_done(&reading);
    request = read_hex(&reading, PROTOCOL_V2, "05 01000000 00000000");
    assert_int_equal(request->set_count, 0);
    reading_done(&reading);
}

// ---- what follows ----

// v3 holds several messages; v2 and v1 ignore the rest.
static void test_several(void **state) {
    (void)state;
    char hex[512];
    snprintf(hex, sizeof hex, "%s %s 09", CALL_REDUCER, UNSUBSCRIBE);
    Reading reading;
    reading_init_hex(&reading, PROTOCOL_V3, hex);
    reading_must(&reading);
    assert_int_equal(reading.request.kind, REQUEST_CALL_REDUCER);
    assert_false(reading.is_last);
    reading_must(&reading);
    assert_int_equal(reading.request.kind, REQUEST_UNSUBSCRIBE);
    assert_false(reading.is_last);
    assert_int_equal(reading_next(&reading), STATUS_INVALID);
    assert_text(bytes_of_text(reading.error.text), "unknown tag 0x9 for sum type ClientMessage");
    reading_done(&reading);

    reading_init_hex(&reading, PROTOCOL_V2, hex);
    reading_must(&reading);
    assert_true(reading.is_last);
    reading_done(&reading);

    snprintf(hex, sizeof hex, "%s ff", V1_UNSUBSCRIBE);
    reading_init_hex(&reading, PROTOCOL_V1_BSATN, hex);
    reading_must(&reading);
    assert_true(reading.is_last);
    reading_done(&reading);
}

// ---- v1 ----

// The frame's form decides, not the protocol.
static void test_v1_examples(void **state) {
    (void)state;
    for (Protocol protocol = PROTOCOL_V1_BSATN; protocol <= PROTOCOL_V1_JSON; protocol++) {
        Reading reading;
        const Request *request = read_hex(&reading, protocol, V1_CALL_REDUCER);
        assert_int_equal(request->kind, REQUEST_CALL_REDUCER);
        assert_int_equal(request->request_id, 4);
        assert_text(request->function, "add");
        assert_hex(request->args, "03 00 00 00 41 64 61");
        assert_int_equal(request->flags, 1);
        assert_false(request->args_are_json);
        reading_done(&reading);

        request = read_hex(&reading, protocol, V1_SUBSCRIBE);
        assert_int_equal(request->kind, REQUEST_SUBSCRIBE_LEGACY);
        assert_int_equal(request->request_id, 2);
        assert_person_set(request, 0);
        reading_done(&reading);

        request = read_hex(&reading, protocol, V1_ONE_OFF);
        assert_int_equal(request->kind, REQUEST_ONE_OFF);
        assert_hex(request->message_id, "0102");
        assert_text(request->query, "SELECT * FROM person");
        reading_done(&reading);

        request = read_hex(&reading, protocol, V1_SINGLE);
        assert_int_equal(request->kind, REQUEST_SUBSCRIBE_SINGLE);
        assert_int_equal(request->request_id, 1);
        assert_person_set(request, 7);
        reading_done(&reading);

        request = read_hex(&reading, protocol, V1_MULTI);
        assert_int_equal(request->kind, REQUEST_SUBSCRIBE_MULTI);
        assert_int_equal(request->request_id, 1);
        assert_person_set(request, 7);
        reading_done(&reading);

        request = read_hex(&reading, protocol, V1_UNSUBSCRIBE);
        assert_int_equal(request->kind, REQUEST_UNSUBSCRIBE_SINGLE);
        assert_int_equal(request->request_id, 2);
        assert_int_equal(request->sets[0].query_set_id, 7);
        reading_done(&reading);

        request = read_hex(&reading, protocol, V1_UNSUBSCRIBE_MULTI);
        assert_int_equal(request->kind, REQUEST_UNSUBSCRIBE_MULTI);
        assert_int_equal(request->sets[0].query_set_id, 7);
        reading_done(&reading);

        request = read_hex(&reading, protocol, V1_CALL_PROCEDURE);
        assert_int_equal(request->kind, REQUEST_CALL_PROCEDURE);
        assert_int_equal(request->request_id, 5);
        assert_text(request->function, "roll");
        reading_done(&reading);
    }
}

static void test_v1_json(void **state) {
    (void)state;
    Reading reading;
    const Request *request = read_text(&reading,
                                       "{\"CallReducer\":{\"reducer\":\"add\",\"args\":\"["
                                       "\\\"Ada\\\"]\",\"request_id\":4,\"flags\":0}}");
    assert_int_equal(request->kind, REQUEST_CALL_REDUCER);
    assert_int_equal(request->request_id, 4);
    assert_text(request->function, "add");
    assert_text(request->args, "[\"Ada\"]");
    assert_true(request->args_are_json);
    reading_done(&reading);

    request = read_text(&reading,
                        "{\"SubscribeMulti\":{\"query_strings\":[\"SELECT * FROM person\"],"
                        "\"request_id\":1,\"query_id\":{\"id\":7}}}");
    assert_int_equal(request->kind, REQUEST_SUBSCRIBE_MULTI);
    assert_person_set(request, 7);
    reading_done(&reading);

    request = read_text(
        &reading, "{\"Subscribe\":{\"query_strings\":[\"SELECT * FROM *\"],\"request_id\":3}}");
    assert_int_equal(request->kind, REQUEST_SUBSCRIBE_LEGACY);
    assert_int_equal(request->request_id, 3);
    assert_text(request->sets[0].queries[0], "SELECT * FROM *");
    reading_done(&reading);

    static const char *const ONE_OFFS[] = {
        "{\"OneOffQuery\":{\"message_id\":\"0102\",\"query_string\":\"SELECT * FROM person\"}}",
        "{\"OneOffQuery\":{\"message_id\":[1,2],\"query_string\":\"SELECT * FROM person\"}}",
        " [ 2 , [ [1 ,2] , \"SELECT * FROM person\" ] ] ",
        "{\"2\":{\"query_string\":\"SELECT * FROM person\",\"message_id\":\"0102\"}}",
    };
    for (uint32_t i = 0; i < COUNT_OF(ONE_OFFS); i++) {
        request = read_text(&reading, ONE_OFFS[i]);
        assert_int_equal(request->kind, REQUEST_ONE_OFF);
        assert_hex(request->message_id, "0102");
        assert_text(request->query, "SELECT * FROM person");
        reading_done(&reading);
    }
    request = read_text(&reading,
                        "{\"UnsubscribeMulti\":{\"request_id\":2,\"query_id\":{\"id\":7}}}");
    assert_int_equal(request->kind, REQUEST_UNSUBSCRIBE_MULTI);
    assert_int_equal(request->sets[0].query_set_id, 7);
    reading_done(&reading);
    request = read_text(&reading, "{\"CallProcedure\":{\"procedure\":\"roll\",\"args\":\"[]\","
                                  "\"request_id\":5,\"flags\":0}}");
    assert_int_equal(request->kind, REQUEST_CALL_PROCEDURE);
    assert_text(request->args, "[]");
    reading_done(&reading);
}

// ---- no requests ----

static void refuse(Protocol protocol, MessageForm form, Bytes bytes, const char *text) {
    Reading reading;
    reading_init(&reading, protocol, form, bytes);
    assert_int_equal(reading_next(&reading), STATUS_INVALID);
    assert_true(reading.error.text[0] != 0);
    if (text) assert_text(bytes_of_text(reading.error.text), text);
    reading_done(&reading);
}

static void refuse_hex(Protocol protocol, const char *hex, const char *text) {
    Bytes bytes = from_hex(hex);
    refuse(protocol, MESSAGE_BINARY, bytes, text);
    free((void *)(uintptr_t)bytes.data);
}

static void test_texts(void **state) {
    (void)state;
    refuse(PROTOCOL_V2, MESSAGE_TEXT, BYTES_LITERAL("{}"),
           "v2 websocket does not support text messages");
    refuse(PROTOCOL_V3, MESSAGE_TEXT, BYTES_LITERAL("{}"),
           "v3 websocket does not support text messages");
    refuse(PROTOCOL_V3, MESSAGE_BINARY, BYTES_NONE,
           "v3 websocket binary payload must contain at least one v2 client message");
    refuse(PROTOCOL_V2, MESSAGE_BINARY, BYTES_NONE, "data too short for u8: Expected 1, given 0");
    refuse(PROTOCOL_V1_BSATN, MESSAGE_BINARY, BYTES_NONE,
           "data too short for u8: Expected 1, given 0");
    refuse_hex(PROTOCOL_V2, "090000", "unknown tag 0x9 for sum type ClientMessage");
    refuse_hex(PROTOCOL_V3, "06", "unknown tag 0x6 for sum type ClientMessage");
    refuse_hex(PROTOCOL_V1_JSON, "08", "unknown tag 0x8 for sum type ClientMessage");
    refuse_hex(PROTOCOL_V2, "00 0100", "data too short for u32: Expected 4, given 2");
    refuse_hex(PROTOCOL_V2, "02 03000000 02000000 41",
               "data too short for [u8]: Expected 2, given 1");
    refuse_hex(PROTOCOL_V2, "02 03000000 02000000 ff41", "invalid utf8");
    refuse_hex(PROTOCOL_V2, "00 01000000 07000000 01000000 01000000 c0", "invalid utf8");
    refuse_hex(PROTOCOL_V2, "03 04000000 01 03000000 616464 00000000",
               "invalid call reducer flag 1");
    refuse_hex(PROTOCOL_V2, "04 04000000 02 03000000 616464 00000000",
               "invalid call procedure flag 2");
    refuse_hex(PROTOCOL_V2, "01 02000000 07000000 02",
               "unknown tag 0x2 for sum type UnsubscribeFlags");
    refuse_hex(PROTOCOL_V1_BSATN, "00 03000000 616464 00000000 04000000 02",
               "invalid call reducer flag 2");
    refuse_hex(PROTOCOL_V1_BSATN, "07 03000000 616464 00000000 04000000 01",
               "invalid call procedure flag 1");
    // Counts that the rest cannot hold.
    refuse_hex(PROTOCOL_V2, "00 01000000 07000000 ffffffff",
               "data too short for u32: Expected 4, given 0");
    refuse_hex(PROTOCOL_V2, "05 01000000 ffffffff 00000000", NULL);
    refuse_hex(PROTOCOL_V2, "05 01000000 01000000 00000000 ffffffff", NULL);
}

// Every beginning of every example is refused, and nothing past its end is looked at.
static void test_cut_short(void **state) {
    (void)state;
    static const struct {
        Protocol protocol;
        const char *hex;
    } EXAMPLES[] = {
        {PROTOCOL_V2, SUBSCRIBE},
        {PROTOCOL_V2, UNSUBSCRIBE},
        {PROTOCOL_V2, ONE_OFF},
        {PROTOCOL_V2, CALL_REDUCER},
        {PROTOCOL_V2, CALL_PROCEDURE},
        {PROTOCOL_V2, BATCH},
        {PROTOCOL_V3, SUBSCRIBE},
        {PROTOCOL_V1_BSATN, V1_CALL_REDUCER},
        {PROTOCOL_V1_BSATN, V1_SUBSCRIBE},
        {PROTOCOL_V1_BSATN, V1_ONE_OFF},
        {PROTOCOL_V1_BSATN, V1_SINGLE},
        {PROTOCOL_V1_BSATN, V1_MULTI},
        {PROTOCOL_V1_JSON, V1_UNSUBSCRIBE},
        {PROTOCOL_V1_JSON, V1_UNSUBSCRIBE_MULTI},
        {PROTOCOL_V1_JSON, V1_CALL_PROCEDURE},
    };
    for (uint32_t i = 0; i < COUNT_OF(EXAMPLES); i++) {
        Bytes whole = from_hex(EXAMPLES[i].hex);
        for (uint32_t count = 0; count < whole.count; count++) {
            uint8_t *exact = malloc(count + 1);
            memcpy(exact, whole.data, count);
            refuse(EXAMPLES[i].protocol, MESSAGE_BINARY, bytes_of(exact, count), NULL);
            free(exact);
        }
        free((void *)(uintptr_t)whole.data);
    }
}

static void test_bad_json(void **state) {
    (void)state;
    static const struct {
        const char *json;
        const char *text;
    } CASES[] = {
        {"", "EOF while parsing a value at line 1 column 0"},
        {"{}", NULL},
        {"nonsense", NULL},
        {"{\"Nope\":{}}", NULL},
        {"{\"Subscribe\":{\"query_strings\":[],\"request_id\":0}} x",
         "trailing characters at line 1 column 51"},
        {"{\"Subscribe\":{\"query_strings\":[1],\"request_id\":0}}", NULL},
        {"{\"Subscribe\":{\"query_strings\":[]}}", NULL},
        {"{\"Subscribe\":{\"query_strings\":[],\"request_id\":4294967296}}", NULL},
        {"{\"OneOffQuery\":{\"message_id\":\"012\",\"query_string\":\"\"}}", NULL},
        {"{\"CallReducer\":{\"reducer\":\"a\",\"args\":\"[]\",\"request_id\":0,\"flags\":2}}",
         "invalid call reducer flag 2"},
        {"{\"CallReducer\":{\"reducer\":\"a\",\"args\":[],\"request_id\":0,\"flags\":0}}", NULL},
        {"\"\xff\"", NULL},
    };
    for (uint32_t i = 0; i < COUNT_OF(CASES); i++) {
        refuse(PROTOCOL_V1_JSON, MESSAGE_TEXT, bytes_of_text(CASES[i].json), CASES[i].text);
    }
}

// The sets of a batch are bounded: each costs an answer.
static void test_batch_limit(void **state) {
    (void)state;
    for (uint32_t count = CLIENT_QUERY_SETS_MAX; count <= CLIENT_QUERY_SETS_MAX + 1; count++) {
        Buffer buffer;
        buffer_init(&buffer, WORLD_ARENA_MAX);
        buffer_u8(&buffer, 5);
        buffer_u32(&buffer, 1);
        buffer_u32(&buffer, count);
        for (uint32_t i = 0; i < count; i++) buffer_u64(&buffer, i);
        if (count <= CLIENT_QUERY_SETS_MAX) {
            Reading reading;
            reading_init(&reading, PROTOCOL_V2, MESSAGE_BINARY, buffer_bytes(&buffer));
            reading_must(&reading);
            assert_int_equal(reading.request.set_count, count);
            assert_int_equal(reading.request.sets[count - 1].query_set_id, count - 1);
            reading_done(&reading);
        } else {
            refuse(PROTOCOL_V2, MESSAGE_BINARY, buffer_bytes(&buffer),
                   "SubscribeBatch: more than 100000 query sets");
        }
        buffer_done(&buffer);
    }
}

// ---- protocols ----

static void test_protocols(void **state) {
    (void)state;
    static const struct {
        const char *list;
        int protocol;  // -1: none
    } CASES[] = {
        {"v2.bsatn.spacetimedb, v3.bsatn.spacetimedb", PROTOCOL_V3},
        {"v1.json.spacetimedb,v2.bsatn.spacetimedb", PROTOCOL_V2},
        {"v1.json.spacetimedb , v1.bsatn.spacetimedb", PROTOCOL_V1_BSATN},
        {"\tv1.json.spacetimedb ", PROTOCOL_V1_JSON},
        {"chat,,v2.bsatn.spacetimedb,", PROTOCOL_V2},
        {"V2.BSATN.SPACETIMEDB", -1},
        {"v2.bsatn.spacetimedb2", -1},
        {"v4.bsatn.spacetimedb", -1},
        {"", -1},
        {" ,, ", -1},
    };
    for (uint32_t i = 0; i < COUNT_OF(CASES); i++) {
        Protocol protocol = PROTOCOL_COUNT;
        bool is_chosen = protocol_choose(bytes_of_text(CASES[i].list), &protocol);
        assert_int_equal(is_chosen, CASES[i].protocol >= 0);
        if (is_chosen) assert_int_equal(protocol, CASES[i].protocol);
    }
    assert_string_equal(protocol_name(PROTOCOL_V3), "v3.bsatn.spacetimedb");
    assert_false(protocol_is_v1(PROTOCOL_V2));
    assert_true(protocol_is_v1(PROTOCOL_V1_JSON));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v2_examples), cmocka_unit_test(test_lists),
        cmocka_unit_test(test_several),     cmocka_unit_test(test_v1_examples),
        cmocka_unit_test(test_v1_json),     cmocka_unit_test(test_texts),
        cmocka_unit_test(test_cut_short),   cmocka_unit_test(test_bad_json),
        cmocka_unit_test(test_batch_limit), cmocka_unit_test(test_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
