// updates_test.c - goal: frames and messages of a subscription are decoded, and nothing else passes.
// Method: the examples of the specification; each frame cut at every byte; the limits.
#include "cli_test.h"

#include "cli/updates.h"
#include "cli/ws_frames.h"

static const char MODULE[] =
    "{\"sections\":[{\"Typespace\":{\"types\":[{\"Product\":{\"elements\":[{\"name\":{\"some\":"
    "\"name\"}"
    ",\"algebraic_type\":{\"String\":[]}}]}}]}},{\"Tables\":[{\"source_name\":\"t\","
    "\"product_type_ref\":0}]}]}";

static ModuleInfo module;
static FrameReader frames;

static int set_up_module(void **state) {
    (void)set_up(state);
    frame_reader_init(&frames);
    assert_int_equal(module_info_read(&cli, bytes_of_text(MODULE), &module), STATUS_OK);
    return 0;
}

static int tear_down_module(void **state) {
    frame_reader_done(&frames);
    return tear_down(state);
}

static Bytes of_hex(const char *hex) {
    size_t count = strlen(hex) / 2;
    uint8_t *bytes = arena_alloc(&cli.arena, count);
    assert_true(hex_decode(bytes_of_text(hex), bytes, count));
    return bytes_of(bytes, count);
}

static const char APPLIED[] =
    "0100000000000000000100000001000000740101000000000000000000000006000000"
    "02000000416c";
static const char CHANGES[] =
    "0401000000000000000100000001000000740100000000010100000000000000000000"
    "000600000002000000416c010000000000000000";

static const char *line_of(const char *hex, UpdateKind expected) {
    Reader reader = reader_of(of_hex(hex));
    Update update;
    assert_int_equal(update_read(&cli, &reader, &update), STATUS_OK);
    assert_true(reader_finish(&reader));
    assert_int_equal(update.kind, expected);
    Buffer line;
    buffer_init(&line, 4096);
    if (update_write_line(&cli, &update, &module, &line) != STATUS_OK) fail_msg("%s", fault_text());
    const char *text = arena_copy_text(&cli.arena, buffer_bytes(&line));
    buffer_done(&line);
    return text;
}

static void test_examples(void **state) {
    (void)state;
    static const char LINE[] = "{\"t\":{\"deletes\":[],\"inserts\":[{\"name\":\"Al\"}]}}\n";
    assert_string_equal(line_of(APPLIED, UPDATE_APPLIED), LINE);
    assert_string_equal(line_of(CHANGES, UPDATE_CHANGES), LINE);
    // Two query sets with one table: deletes of a fixed size, events as inserts.
    assert_string_equal(
        line_of("0402000000"
                "000000000100000001000000740100000000"
                "010000000000000000"
                "0006000600000002000000"
                "4262"
                "000000000100000001000000740100000001"
                "0006000600000002000000"
                "416c",
                UPDATE_CHANGES),
        "{\"t\":{\"deletes\":[{\"name\":\"Bb\"}],\"inserts\":[{\"name\":\"Al\"}]}}\n");
    assert_string_equal(line_of("0400000000", UPDATE_CHANGES), "{}\n");
}

static void test_request(void **state) {
    (void)state;
    Buffer message;
    buffer_init(&message, 4096);
    const char *const queries[] = {"SELECT * FROM t"};
    subscribe_write(&message, queries, 1);
    assert_true(
        bytes_equal(buffer_bytes(&message),
                    of_hex("000000000000000000010000000f00000053454c454354202a2046524f4d2074")));
    buffer_done(&message);
}

static void test_errors(void **state) {
    (void)state;
    Reader reader = reader_of(of_hex("03000000000000000000020000006e6f"));
    Update update;
    assert_int_equal(update_read(&cli, &reader, &update), STATUS_OK);
    assert_int_equal(update.kind, UPDATE_ERROR);
    assert_bytes(update.error, "no");
    static const char *const WRONG[] = {
        "",
        "07",
        "09",
        "01",
        "0100000000000000000100000001000000740201000000",
        "04ffffffff",
        "0401000000000000000100000001000000740100000002",  // no such kind
        "010000000000000000010000000100000074000000"
        "00000000",  // rows of 0 bytes
        "01000000000000000001000000010000007400050006000000"
        "02000000416c",  // 6 % 5
        "010000000000000000010000000100000074010100000007000000000000000600000002000000416c",
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        reader = reader_of(of_hex(WRONG[i]));
        assert_int_equal(update_read(&cli, &reader, &update), STATUS_INVALID);
    }
    // Cut anywhere, a message is no message.
    Bytes whole = of_hex(CHANGES);
    for (uint32_t count = 0; count < whole.count; count++) {
        reader = reader_of(bytes_slice(whole, 0, count));
        assert_int_equal(update_read(&cli, &reader, &update), STATUS_INVALID);
    }
}

static void test_rows_of_another_type(void **state) {
    (void)state;
    Buffer line;
    buffer_init(&line, 4096);
    Update update;
    Reader reader = reader_of(of_hex("010000000000000000010000000100000078010000000000000000"));
    assert_int_equal(update_read(&cli, &reader, &update), STATUS_OK);
    assert_int_equal(update_write_line(&cli, &update, &module, &line), STATUS_INVALID);
    assert_string_equal(fault_text(), "error formatting response: table not found in schema");
    reader = reader_of(of_hex("010000000000000000010000000100000074000600060000000200000041ff"));
    assert_int_equal(update_read(&cli, &reader, &update), STATUS_OK);
    assert_int_equal(update_write_line(&cli, &update, &module, &line), STATUS_INVALID);
    buffer_done(&line);
}

// ---- frames ----

static const uint8_t MASK[4] = {1, 2, 3, 4};

// A server's frame: the client's without its mask.
static void server_frame(Buffer *buffer, uint8_t first, Bytes payload) {
    buffer_u8(buffer, first);
    if (payload.count < 126) {
        buffer_u8(buffer, (uint8_t)payload.count);
    } else {
        buffer_u8(buffer, 127);
        for (int shift = 56; shift >= 0; shift -= 8) {
            buffer_u8(buffer, (uint8_t)((uint64_t)payload.count >> shift));
        }
    }
    buffer_append_bytes(buffer, payload);
}

static void test_frames_in_pieces(void **state) {
    (void)state;
    Buffer wire;
    buffer_init(&wire, 65536);
    server_frame(&wire, 0x81, BYTES_LITERAL("text"));
    server_frame(&wire, 0x02, BYTES_LITERAL("ab"));
    server_frame(&wire, 0x89, BYTES_LITERAL("ping"));
    server_frame(&wire, 0x00, BYTES_LITERAL(""));
    server_frame(&wire, 0x80, BYTES_LITERAL("cd"));
    server_frame(&wire, 0x88, BYTES_LITERAL("\x03\xe8"));
    Buffer seen;
    buffer_init(&seen, 4096);
    for (size_t i = 0; i < wire.count; i++) {
        assert_true(frame_reader_feed(&frames, bytes_of(wire.data + i, 1)));
        WsFrameKind kind = WS_FRAME_CLOSE;
        Bytes bytes = BYTES_NONE;
        while (frame_reader_next(&frames, &kind, &bytes) == FRAME_READ_FRAME) {
            buffer_append_format(&seen, "%x:", kind);
            buffer_append_bytes(&seen, bytes);
            buffer_u8(&seen, ' ');
        }
    }
    assert_bytes(buffer_bytes(&seen), "1:text 9:ping 2:abcd 8:\x03\xe8 ");
    buffer_done(&seen);
    buffer_done(&wire);
}

static void test_broken_frames(void **state) {
    (void)state;
    static const char *const FRAMES[] = {
        "c100", "8180", "8000", "0000", "8300", "0900", "897e0080", "817f0000000001000001",
    };
    for (size_t i = 0; i < sizeof FRAMES / sizeof FRAMES[0]; i++) {
        frame_reader_done(&frames);
        frame_reader_init(&frames);
        assert_true(frame_reader_feed(&frames, of_hex(FRAMES[i])));
        WsFrameKind kind = WS_FRAME_CLOSE;
        Bytes bytes = BYTES_NONE;
        assert_int_equal(frame_reader_next(&frames, &kind, &bytes), FRAME_READ_BROKEN);
    }
}

// A message of the largest size in frames of the largest size; one byte more is too much.
static void test_message_limit(void **state) {
    (void)state;
    uint8_t *zeros = arena_alloc_zero(&cli.arena, CLI_WS_FRAME_BYTES_MAX);
    Buffer wire;
    buffer_init(&wire, CLI_WS_FRAME_BYTES_MAX + 64ull);
    const uint32_t frame_count = CLI_WS_MESSAGE_BYTES_MAX / CLI_WS_FRAME_BYTES_MAX;
    for (uint32_t more = 0; more < 2; more++) {
        frame_reader_done(&frames);
        frame_reader_init(&frames);
        WsFrameKind kind = WS_FRAME_CLOSE;
        Bytes bytes = BYTES_NONE;
        FrameReadOutcome outcome = FRAME_READ_NOTHING;
        for (uint32_t i = 0; i < frame_count + more; i++) {
            bool is_last = i + 1 == frame_count + more;
            buffer_clear(&wire);
            server_frame(&wire, (uint8_t)((is_last ? 0x80 : 0) | (i == 0 ? 2 : 0)),
                         bytes_of(zeros, i < frame_count ? CLI_WS_FRAME_BYTES_MAX : 1));
            assert_true(frame_reader_feed(&frames, buffer_bytes(&wire)));
            outcome = frame_reader_next(&frames, &kind, &bytes);
        }
        assert_int_equal(outcome, more == 0 ? FRAME_READ_FRAME : FRAME_READ_BROKEN);
        if (more == 0) assert_int_equal(bytes.count, CLI_WS_MESSAGE_BYTES_MAX);
    }
    buffer_done(&wire);
}

static void test_written_frames(void **state) {
    (void)state;
    static const uint32_t COUNTS[] = {0, 125, 126, 65535, 65536};
    uint8_t *letters = arena_alloc_zero(&cli.arena, 65536);
    for (size_t i = 0; i < sizeof COUNTS / sizeof COUNTS[0]; i++) {
        Buffer frame;
        buffer_init(&frame, 70000);
        ws_frame_write(&frame, WS_FRAME_BINARY, bytes_of(letters, COUNTS[i]), MASK);
        size_t head = COUNTS[i] < 126 ? 6 : COUNTS[i] < 65536 ? 8 : 14;
        assert_int_equal(frame.count, head + COUNTS[i]);
        assert_int_equal(frame.data[0], 0x82);
        assert_int_equal(frame.data[1] & 0x80, 0x80);
        for (uint32_t b = 0; b < COUNTS[i]; b++)
            assert_int_equal(frame.data[head + b], MASK[b % 4]);
        buffer_done(&frame);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_module, tear_down_module)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_examples),         TEST(test_request),
        TEST(test_errors),           TEST(test_rows_of_another_type),
        TEST(test_frames_in_pieces), TEST(test_broken_frames),
        TEST(test_message_limit),    TEST(test_written_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
