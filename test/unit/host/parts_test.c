// parts_test.c - the pieces of host/ that stand alone: handles and chunks, texts, when schedules are due.
#include "fixture.h"
#include "host/text.h"

// ---- handles ----

static void sources(void **state) {
    (void)state;
    ByteSources *sources = mem_alloc_zero(sizeof *sources);
    assert_int_equal(byte_sources_open(sources, B("one")), 1);
    assert_int_equal(byte_sources_open(sources, B("two")), 2);
    assert_null(byte_sources_find(sources, 0));
    assert_null(byte_sources_find(sources, 3));
    byte_sources_close(sources, byte_sources_find(sources, 1));
    assert_null(byte_sources_find(sources, 1));
    assert_true(bytes_equal_text(byte_sources_find(sources, 2)->rest, "two"));
    assert_int_equal(byte_sources_open(sources, BYTES_NONE), 3);  // numbers are not used again
    byte_sources_clear(sources);
    assert_null(byte_sources_find(sources, 2));
    for (uint32_t i = 1; i <= MODULE_BYTES_SOURCES_MAX; i++)
        assert_int_equal(byte_sources_open(sources, B("x")), i);
    assert_int_equal(byte_sources_open(sources, B("x")), 0);
    byte_sources_close(sources, byte_sources_find(sources, 7));
    assert_int_equal(byte_sources_open(sources, B("x")), MODULE_BYTES_SOURCES_MAX + 1);
    mem_free(sources);
}

static void sinks(void **state) {
    (void)state;
    ByteSinks sinks;
    byte_sinks_init(&sinks);
    assert_null(byte_sinks_find(&sinks, 0));
    assert_null(byte_sinks_find(&sinks, 1));
    assert_int_equal(byte_sinks_open(&sinks), 1);
    buffer_append_text(byte_sinks_find(&sinks, 1), "text");
    assert_int_equal(byte_sinks_open(&sinks), 2);
    assert_null(byte_sinks_find(&sinks, 3));
    byte_sinks_close(&sinks, 0);
    assert_true(bytes_equal_text(byte_sinks_written(&sinks, 1), "text"));
    assert_null(byte_sinks_find(&sinks, 1));
    assert_int_equal(byte_sinks_open(&sinks), 1);
    assert_int_equal(byte_sinks_find(&sinks, 1)->count, 0);
    byte_sinks_done(&sinks);
}

static uint32_t iter_of(RowIters *iters, const uint32_t *row_bytes, uint32_t row_count) {
    RowWriter writer;
    row_writer_init(&writer, iters);
    uint8_t *row = mem_alloc(1 << 20);
    for (uint32_t i = 0; i < row_count; i++) {
        memset(row, (int)i + 1, row_bytes[i]);
        assert_true(row_writer_add(&writer, bytes_of(row, row_bytes[i])));
    }
    mem_free(row);
    return row_writer_finish(&writer);
}

// A chunk closes once it is longer than 32768 bytes, not when it has them.
static void chunks(void **state) {
    (void)state;
    RowIters iters = {0};
    static const struct {
        uint32_t rows[4], row_count, chunks[4], chunk_count;
    } CASES[] = {
        {{0}, 0, {0}, 0},
        {{5}, 1, {5}, 1},
        {{32768, 1, 1}, 3, {32769, 1}, 2},
        {{32769, 1}, 2, {32769, 1}, 2},
        {{32768, 100000, 7}, 3, {132768, 7}, 2},
        {{300000, 300000, 1, 2}, 4, {300000, 300000, 3}, 3},
        {{16384, 16384, 16384, 16384}, 4, {49152, 16384}, 2},
        {{0, 0, 0}, 3, {0}, 1},  // rows without bytes make a chunk without bytes
    };
    uint8_t *buffer = mem_alloc(1 << 21);
    for (int pass = 0; pass < 3; pass++) {
        for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
            uint32_t iter = iter_of(&iters, CASES[c].rows, CASES[c].row_count);
            assert_int_equal(iter, 1);  // the slot that was closed last is used again
            uint32_t count = 99;
            for (uint32_t i = 0; i < CASES[c].chunk_count; i++) {
                uint32_t bytes = CASES[c].chunks[i];
                if (bytes > 0) {
                    assert_int_equal(row_iters_advance(&iters, iter, buffer, bytes - 1, &count),
                                     ROW_ITER_TOO_SMALL);
                    assert_int_equal(count, bytes);
                }
                RowIterStep step = row_iters_advance(&iters, iter, buffer, bytes, &count);
                assert_int_equal(step,
                                 i + 1 == CASES[c].chunk_count ? ROW_ITER_END : ROW_ITER_MORE);
                assert_int_equal(count, bytes);
            }
            if (CASES[c].chunk_count == 0) {
                assert_int_equal(row_iters_advance(&iters, iter, buffer, 0, &count), ROW_ITER_END);
                assert_int_equal(count, 0);
            }
            assert_null(row_iters_find(&iters, iter));
        }
        assert_int_equal(iters.bytes, 0);
    }
    // All at once: chunks are copied while they fit.
    uint32_t count;
    uint32_t iter = iter_of(&iters, (uint32_t[]){40000, 40000, 10}, 3);
    assert_int_equal(row_iters_advance(&iters, iter, buffer, 80009, &count), ROW_ITER_MORE);
    assert_int_equal(count, 80000);
    assert_int_equal(buffer[0], 1);
    assert_int_equal(buffer[79999], 2);
    assert_int_equal(row_iters_advance(&iters, iter, buffer, 80009, &count), ROW_ITER_END);
    assert_int_equal(count, 10);
    mem_free(buffer);
    row_iters_done(&iters);
}

static void iter_slab(void **state) {
    (void)state;
    RowIters iters = {0};
    for (uint32_t i = 1; i <= 4; i++) assert_int_equal(iter_of(&iters, (uint32_t[]){1}, 1), i);
    row_iters_close(&iters, 2);
    row_iters_close(&iters, 4);
    assert_null(row_iters_find(&iters, 4));
    assert_null(row_iters_find(&iters, 0));
    assert_null(row_iters_find(&iters, 5));
    assert_null(row_iters_find(&iters, UINT32_MAX));
    assert_int_equal(iter_of(&iters, (uint32_t[]){1}, 1), 4);
    assert_int_equal(iter_of(&iters, (uint32_t[]){1}, 1), 2);
    assert_int_equal(iter_of(&iters, (uint32_t[]){1}, 1), 5);
    row_iters_done(&iters);
    for (uint32_t i = 1; i <= MODULE_ROW_ITERS_MAX; i++)
        assert_int_equal(iter_of(&iters, NULL, 0), i);
    assert_int_equal(iter_of(&iters, (uint32_t[]){1}, 1), 0);
    assert_int_equal(iters.bytes, 0);
    row_iters_close(&iters, 9);
    assert_int_equal(iter_of(&iters, NULL, 0), 9);
    row_iters_done(&iters);
}

// What open iterators hold is bounded; the limit is reached by pretending that they hold a lot.
static void iter_bytes(void **state) {
    (void)state;
    RowIters iters = {.bytes = MODULE_ROW_ITER_BYTES_MAX - 10};
    RowWriter writer;
    row_writer_init(&writer, &iters);
    assert_true(row_writer_add(&writer, B("0123456789")));
    row_writer_drop(&writer);
    row_writer_init(&writer, &iters);
    assert_false(row_writer_add(&writer, B("0123456789x")));
    row_writer_drop(&writer);
    assert_true(iters.bytes == MODULE_ROW_ITER_BYTES_MAX - 10);
    row_iters_done(&iters);
}

static void timer_slab(void **state) {
    (void)state;
    Timers timers = {0};
    assert_int_equal(timers_open(&timers, B("a"), 5), 1);
    assert_int_equal(timers_open(&timers, BYTES_NONE, 6), 2);
    timers_close(&timers, 1);
    assert_null(timers_find(&timers, 1));
    assert_int_equal(timers_find(&timers, 2)->start_nanos, 6);
    assert_int_equal(timers_open(&timers, B("b"), 7), 1);
    while (timers.open_count < MODULE_TIMERS_MAX)
        assert_int_not_equal(timers_open(&timers, B("c"), 8), 0);
    assert_int_equal(timers_open(&timers, B("d"), 9), 0);
    timers_done(&timers);
}

// ---- texts ----

static void lossy(void **state) {
    (void)state;
#define R "\xEF\xBF\xBD"
    static const struct {
        const char *in, *out;
    } CASES[] = {
        {"", ""},
        {"plain", "plain"},
        {"\xC3\xA4", "\xC3\xA4"},
        {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
        {"a\xFF"
         "b",
         "a" R "b"},
        {"\xC3", R},
        {"\xC3(", R "("},
        {"\x80\x80", R R},
        {"\xC0\x80", R R},
        {"\xE2\x82", R},
        {"\xE2\x82z", R "z"},
        {"\xED\xA0\x80", R R R},
        {"\xE0\x80\x80", R R R},
        {"\xF0\x9F\x98", R},
        {"\xF0\x9F\x98\xC3\xA4", R "\xC3\xA4"},
        {"\xF4\x90\x80\x80", R R R R},
        {"\xF5", R},
        {"x\xE2", "x" R},
    };
#undef R
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        Buffer buffer;
        buffer_init(&buffer, 100);
        text_write_lossy(&buffer, bytes_of_text(CASES[i].in));
        assert_true(bytes_equal_text(buffer_bytes(&buffer), CASES[i].out));
        assert_true(utf8_is_valid(buffer_bytes(&buffer)));
        buffer_done(&buffer);
    }
}

static void debug_text(void **state) {
    (void)state;
    Buffer buffer;
    buffer_init(&buffer, 200);
    static const char TEXT[] = "a\"b\\c\n\r\t\0\x01\x1f\x7f\xC2\x85\xC3\xA4\xE2\x82\xAC'";
    text_write_debug(&buffer, bytes_of(TEXT, sizeof TEXT - 1));
    assert_true(bytes_equal_text(
        buffer_bytes(&buffer),
        "\"a\\\"b\\\\c\\n\\r\\t\\0\\u{1}\\u{1f}\\u{7f}\\u{85}\xC3\xA4\xE2\x82\xAC'\""));
    buffer_done(&buffer);
}

static void duration(void **state) {
    (void)state;
    static const struct {
        uint64_t nanos;
        const char *text;
    } CASES[] = {
        {0, "0ns"},
        {1, "1ns"},
        {456, "456ns"},
        {999, "999ns"},
        {1000, "1\xC2\xB5s"},
        {1001, "1.001\xC2\xB5s"},
        {1230000, "1.23ms"},
        {17000001, "17.000001ms"},
        {999999999, "999.999999ms"},
        {1000000000, "1s"},
        {2000000000, "2s"},
        {1000000001, "1.000000001s"},
        {90500000000, "90.5s"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        Buffer buffer;
        buffer_init(&buffer, 100);
        text_write_duration(&buffer, CASES[i].nanos);
        buffer_u8(&buffer, 0);
        assert_string_equal((const char *)buffer.data, CASES[i].text);
        buffer_done(&buffer);
    }
}

// ---- schedules ----

static void due(void **state) {
    (void)state;
    Arena arena;
    arena_init(&arena, 1 << 16);
    ColumnSchema columns[] = {{.name = B("s"), .type = type_primitive(TYPE_STRING)},
                              {.name = B("at"), .type = type_special(SPECIAL_SCHEDULE_AT)}};
    TableSchema table = {
        .columns = columns, .column_count = 2, .has_schedule = true, .schedule.at_column = 1};
    const int64_t limit = SCHEDULE_DELAY_MS_MAX * 1000;
    static const int64_t NOW = 1000000;
    const struct {
        uint8_t tag;
        int64_t micros;
        bool is_due;
        int64_t due;
    } cases[] = {
        {0, 5, true, NOW + 5},
        {0, -5, true, NOW + 5},
        {0, 0, true, NOW},
        {0, limit - 1, true, NOW + limit - 1},
        {0, limit, false, 0},
        {0, -limit, false, 0},
        {0, INT64_MIN, false, 0},
        {0, INT64_MAX, false, 0},
        {1, NOW + 7, true, NOW + 7},
        {1, 3, true, 3},
        {1, INT64_MIN, true, INT64_MIN},
        {1, NOW + limit - 1, true, NOW + limit - 1},
        {1, NOW + limit, false, 0},
        {1, INT64_MAX, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Buffer row;
        buffer_init(&row, 100);
        buffer_string(&row, B("skipped"));
        buffer_u8(&row, cases[i].tag);
        buffer_u64(&row, (uint64_t)cases[i].micros);
        int64_t micros = 42;
        assert_int_equal(schedule_due(&table, buffer_bytes(&row), NOW, &micros), cases[i].is_due);
        assert_true(micros == (cases[i].is_due ? cases[i].due : 42));
        buffer_done(&row);
    }
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources),   cmocka_unit_test(sinks),      cmocka_unit_test(chunks),
        cmocka_unit_test(iter_slab), cmocka_unit_test(iter_bytes), cmocka_unit_test(timer_slab),
        cmocka_unit_test(lossy),     cmocka_unit_test(debug_text), cmocka_unit_test(duration),
        cmocka_unit_test(due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
