// frame_test.c - goal: ws_frame.h and ws_reader.h sentence by sentence. Method: bytes in, heads and events out;
// the RFC's own examples.
#include "net_client.h"

#include "base/limits.h"
#include "net/ws_reader.h"

static void test_rfc_examples(void **state) {
    (void)state;
    // RFC 6455, 5.7: a single-frame masked text message "Hello".
    uint8_t hello[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
    WsHead head;
    assert_int_equal(ws_head_read(hello, sizeof hello, &head), WS_HEAD_OK);
    assert_int_equal(head.opcode, WS_OP_TEXT);
    assert_true(head.is_final);
    assert_int_equal(head.head_bytes, 6);
    assert_int_equal(head.payload_bytes, 5);
    ws_mask(hello + 6, 5, head.mask);
    assert_memory_equal(hello + 6, "Hello", 5);
    // 256 bytes and 64 KiB of binary, not masked.
    uint8_t sent[WS_SENT_HEAD_BYTES_MAX];
    assert_int_equal(ws_head_write(sent, WS_OP_BINARY, true, 256), 4);
    assert_memory_equal(sent, "\x82\x7e\x01\x00", 4);
    assert_int_equal(ws_head_write(sent, WS_OP_BINARY, true, 65536), 10);
    assert_memory_equal(sent, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
    assert_int_equal(ws_head_write(sent, WS_OP_CONTINUATION, false, 125), 2);
    assert_memory_equal(sent, "\x00\x7d", 2);
}

static void test_head_needs_all_its_bytes(void **state) {
    (void)state;
    static const uint64_t SIZES[] = {0, 1, 125, 126, 65535, 65536, UINT64_MAX >> 1};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        uint8_t bytes[WS_HEAD_BYTES_MAX] = {0};
        uint32_t count = ws_head_write(bytes, WS_OP_BINARY, true, SIZES[i]);
        bytes[1] |= 0x80;
        count += 4;
        WsHead head;
        for (uint32_t cut = 0; cut < count; cut++) {
            assert_int_equal(ws_head_read(bytes, cut, &head), WS_HEAD_MORE);
        }
        assert_int_equal(ws_head_read(bytes, count, &head), WS_HEAD_OK);
        assert_true(head.payload_bytes == SIZES[i]);
        assert_int_equal(head.head_bytes, count);
    }
}

static void test_mask_of_any_length_and_place(void **state) {
    (void)state;
    uint8_t plain[300];
    uint8_t masked[300];
    const uint8_t mask[4] = {1, 20, 0x80, 0xff};
    for (uint32_t i = 0; i < sizeof plain; i++) plain[i] = (uint8_t)(i * 11);
    for (uint32_t at = 0; at < 9; at++) {
        for (uint32_t count = 0; count + at <= sizeof plain; count += 1 + count / 16) {
            memcpy(masked, plain, sizeof plain);
            ws_mask(masked + at, count, load_u32le(mask));
            for (uint32_t i = 0; i < sizeof plain; i++) {
                bool is_inside = i >= at && i < at + count;
                assert_int_equal(masked[i], is_inside ? plain[i] ^ mask[(i - at) & 3] : plain[i]);
            }
            // In two parts: the second goes on where the first has stopped.
            uint32_t first = count / 3;
            ws_mask(masked + at, first, load_u32le(mask));
            ws_mask(masked + at + first, count - first, ws_mask_advance(load_u32le(mask), first));
            assert_memory_equal(masked, plain, sizeof plain);
        }
    }
}

static void test_close_codes(void **state) {
    (void)state;
    static const uint16_t GOOD[] = {1000, 1001, 1002, 1003, 1007, 1011,
                                    1013, 1014, 3000, 4000, 4999};
    static const uint16_t BAD[] = {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535};
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++)
        assert_true(ws_close_code_is_valid(GOOD[i]));
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_false(ws_close_code_is_valid(BAD[i]));
}

// ---- the reader ----

typedef struct Events {
    Buffer text;        // "b5 " for a binary message of 5 bytes, "c9:4 " for a ping with 4
    const uint8_t *at;  // of the last message
    bool stops;
} Events;

static bool on_message(void *user, WsKind kind, Bytes bytes) {
    Events *events = user;
    events->at = bytes.data;
    buffer_append_format(&events->text, "%c%u ", kind == WS_TEXT ? 't' : 'b', bytes.count);
    return !events->stops;
}

static bool on_control(void *user, WsOpcode opcode, Bytes payload) {
    Events *events = user;
    buffer_append_format(&events->text, "c%d:%u ", (int)opcode, payload.count);
    return true;
}

static void expect_events(Events *events, const char *wanted) {
    buffer_u8(&events->text, 0);
    assert_string_equal((char *)events->text.data, wanted);
    buffer_clear(&events->text);
}

static void test_in_place(void **state) {
    (void)state;
    Events events = {0};
    buffer_init(&events.text, 1000);
    WsSink sink = {&events, on_message, on_control};
    WsReader reader;
    ws_reader_init(&reader);
    Buffer in;
    buffer_init(&in, 10000);
    frame_append(&in, 0x82, "first", 5);
    frame_append(&in, 0x89, "pi", 2);
    frame_append(&in, 0x82, "", 0);
    frame_append(&in, 0x82, "second", 6);
    assert_int_equal(ws_reader_feed(&reader, in.data, in.count, &sink), WS_FAULT_NONE);
    expect_events(&events, "b5 c9:2 b0 b6 ");
    // Not copied: the message lies where it was received.
    assert_ptr_equal(events.at, in.data + in.count - 6);
    assert_memory_equal(events.at, "second", 6);
    assert_int_equal(reader.assembly.capacity, 0);
    buffer_done(&in);
    buffer_done(&events.text);
    ws_reader_done(&reader);
}

static void test_assembly_is_given_back(void **state) {
    (void)state;
    Events events = {0};
    buffer_init(&events.text, 1000);
    WsSink sink = {&events, on_message, on_control};
    WsReader reader;
    ws_reader_init(&reader);
    Buffer in;
    buffer_init(&in, 1u << 20);
    uint8_t *payload = mem_alloc_zero(WS_ASSEMBLY_KEEP_BYTES + 1);
    frame_append(&in, 0x82, payload, WS_ASSEMBLY_KEEP_BYTES + 1);
    assert_int_equal(ws_reader_feed(&reader, in.data, 100, &sink), WS_FAULT_NONE);
    expect_events(&events, "");
    assert_int_equal(ws_reader_feed(&reader, in.data + 100, in.count - 100, &sink), WS_FAULT_NONE);
    assert_int_equal(reader.assembly.capacity, 0);
    assert_true(reader.assembly.count == 0);
    mem_free(payload);
    buffer_done(&in);
    buffer_done(&events.text);
    ws_reader_done(&reader);
}

// What was announced is not what is allocated.
static void test_announced_length_costs_nothing(void **state) {
    (void)state;
    Events events = {0};
    WsSink sink = {&events, on_message, on_control};
    WsReader reader;
    ws_reader_init(&reader);
    uint8_t head[] = {0x82, 0xff, 0, 0, 0, 0, 2, 0, 0, 0, 1, 2, 3, 4, 5, 6};
    assert_int_equal(ws_reader_feed(&reader, head, sizeof head, &sink), WS_FAULT_NONE);
    assert_true(reader.assembly.capacity <= 64);
    ws_reader_done(&reader);
}

static void test_nothing_after_stop_or_close(void **state) {
    (void)state;
    for (int stops = 0; stops <= 1; stops++) {
        Events events = {.stops = stops};
        buffer_init(&events.text, 1000);
        WsSink sink = {&events, on_message, on_control};
        WsReader reader;
        ws_reader_init(&reader);
        Buffer in;
        buffer_init(&in, 10000);
        frame_append(&in, stops ? 0x82 : 0x88, "", 0);
        frame_append(&in, 0x82, "x", 1);
        assert_int_equal(ws_reader_feed(&reader, in.data, in.count, &sink), WS_FAULT_NONE);
        expect_events(&events, stops ? "b0 " : "c8:0 ");
        assert_int_equal(reader.state, WS_READ_STOPPED);
        buffer_done(&in);
        buffer_done(&events.text);
        ws_reader_done(&reader);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_examples),
        cmocka_unit_test(test_head_needs_all_its_bytes),
        cmocka_unit_test(test_mask_of_any_length_and_place),
        cmocka_unit_test(test_close_codes),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_assembly_is_given_back),
        cmocka_unit_test(test_announced_length_costs_nothing),
        cmocka_unit_test(test_nothing_after_stop_or_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
