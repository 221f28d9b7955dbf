// bytes_test.c - slices, buffers with their limit at n and n + 1, hex, UTF-8 against a slow decoder.
#include "base/bytes.h"

#include "death.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// ---- Bytes ----

static void test_equal_and_compare(void **state) {
    (void)state;
    assert_true(bytes_equal(BYTES_NONE, BYTES_LITERAL("")));
    assert_true(bytes_equal_text(BYTES_LITERAL("abc"), "abc"));
    assert_false(bytes_equal_text(BYTES_LITERAL("abc"), "abd"));
    assert_false(bytes_equal_text(BYTES_LITERAL("abc"), "ab"));
    assert_int_equal(bytes_compare(BYTES_NONE, BYTES_NONE), 0);
    assert_true(bytes_compare(BYTES_NONE, BYTES_LITERAL("a")) < 0);
    assert_true(bytes_compare(BYTES_LITERAL("ab"), BYTES_LITERAL("a")) > 0);
    assert_true(bytes_compare(BYTES_LITERAL("ab"), BYTES_LITERAL("b")) < 0);
    assert_true(bytes_compare(BYTES_LITERAL("\xff"), BYTES_LITERAL("\x01")) > 0);  // unsigned
}

static void slice_past_the_end(void *user) {
    (void)user;
    bytes_slice(BYTES_LITERAL("abc"), 2, 2);
}

static void slice_that_wraps(void *user) {
    (void)user;
    bytes_slice(BYTES_LITERAL("abc"), 2, UINT32_MAX);
}

static void test_slice(void **state) {
    (void)state;
    assert_true(bytes_equal_text(bytes_slice(BYTES_LITERAL("abcdef"), 2, 3), "cde"));
    assert_int_equal(bytes_slice(BYTES_LITERAL("abc"), 3, 0).count, 0);
    assert_int_equal(bytes_slice(BYTES_NONE, 0, 0).count, 0);
    assert_true(death_says(slice_past_the_end, NULL, "count <= bytes.count - at"));
    assert_true(death_says(slice_that_wraps, NULL, "count <= bytes.count - at"));
}

static void count_past_u32(void *user) {
    bytes_of(user, (size_t)UINT32_MAX + 1);
}

static void test_bytes_of_limit(void **state) {
    (void)state;
    char one = 0;
    assert_int_equal(bytes_of(&one, UINT32_MAX).count, UINT32_MAX);
    assert_true(death_says(count_past_u32, &one, "count <= UINT32_MAX"));
}

static void test_load_and_store(void **state) {
    (void)state;
    uint8_t bytes[9] = {0};
    store_u64le(bytes + 1, 0x0123456789abcdefu);  // not aligned
    assert_int_equal(bytes[1], 0xef);
    assert_int_equal(bytes[8], 0x01);
    assert_true(load_u64le(bytes + 1) == 0x0123456789abcdefu);
    assert_int_equal(load_u32le(bytes + 1), 0x89abcdefu);
    assert_int_equal(load_u16le(bytes + 1), 0xcdef);
    store_u32le(bytes, 0xdeadbeef);
    store_u16le(bytes + 4, 0x1234);
    assert_memory_equal(bytes, "\xef\xbe\xad\xde\x34\x12", 6);
}

static void test_checked_arithmetic(void **state) {
    (void)state;
    size_t result = 7;
    assert_true(checked_add(SIZE_MAX - 1, 1, &result));
    assert_true(result == SIZE_MAX);
    assert_false(checked_add(SIZE_MAX, 1, &(size_t){0}));
    assert_true(checked_mul(SIZE_MAX / 2, 2, &result));
    assert_true(result == SIZE_MAX - 1);
    assert_false(checked_mul(SIZE_MAX / 2 + 1, 2, &(size_t){0}));
}

// ---- Buffer ----

static void test_buffer_writes(void **state) {
    (void)state;
    Buffer buffer;
    buffer_init(&buffer, 1000);
    buffer_u8(&buffer, 0x01);
    buffer_u16(&buffer, 0x0302);
    buffer_u32(&buffer, 0x07060504);
    buffer_u64(&buffer, 0x0f0e0d0c0b0a0908u);
    assert_memory_equal(buffer.data, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
                        15);
    assert_int_equal(buffer.count, 15);
    buffer_clear(&buffer);
    buffer_string(&buffer, BYTES_LITERAL("hi"));
    buffer_append_text(&buffer, "!");
    buffer_append_bytes(&buffer, BYTES_NONE);
    buffer_append_hex(&buffer, BYTES_LITERAL("\x00\xfa"));
    buffer_append_format(&buffer, "%d", 42);
    assert_false(buffer.failed);
    assert_int_equal(buffer.count, 13);
    assert_memory_equal(buffer.data, "\x02\x00\x00\x00hi!00fa42", 13);
    assert_int_equal(buffer_bytes(&buffer).count, 13);
    buffer_done(&buffer);
    assert_null(buffer.data);
}

static void test_buffer_varint(void **state) {
    (void)state;
    Buffer buffer;
    buffer_init(&buffer, 100);
    buffer_varint(&buffer, 0);
    buffer_varint(&buffer, 127);
    buffer_varint(&buffer, 128);
    buffer_varint(&buffer, 300);
    buffer_varint(&buffer, UINT64_MAX);
    assert_int_equal(buffer.count, 1 + 1 + 2 + 2 + 10);
    assert_memory_equal(buffer.data,
                        "\x00\x7f\x80\x01\xac\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 16);
    buffer_done(&buffer);
}

static void test_buffer_limit(void **state) {
    (void)state;
    Buffer buffer;
    buffer_init(&buffer, 100);
    for (int i = 0; i < 100; i++) buffer_u8(&buffer, (uint8_t)i);
    assert_false(buffer.failed);  // n fits
    assert_int_equal(buffer.count, 100);
    buffer_u8(&buffer, 1);  // n + 1 does not
    assert_true(buffer.failed);
    assert_int_equal(buffer.count, 100);
    assert_true(buffer.capacity <= 100);
    assert_null(buffer_reserve(&buffer, 0));  // sticky
    buffer_clear(&buffer);
    assert_false(buffer.failed);
    buffer_append(&buffer, NULL, 0);
    assert_non_null(buffer_reserve(&buffer, 100));
    assert_null(buffer_reserve(&buffer, SIZE_MAX));
    assert_true(buffer.failed);
    buffer_done(&buffer);
}

static void test_buffer_failed_write_writes_nothing(void **state) {
    (void)state;
    Buffer buffer;
    buffer_init(&buffer, 6);
    buffer_string(&buffer, BYTES_LITERAL("abc"));
    assert_true(buffer.failed);
    buffer_u8(&buffer, 1);  // would fit, but the failure sticks
    assert_int_equal(buffer.count, 4);
    buffer_done(&buffer);
}

static void test_zeroed_buffer(void **state) {
    (void)state;
    Buffer buffer = {0};
    buffer_u8(&buffer, 1);
    assert_true(buffer.failed);
    assert_int_equal(buffer.count, 0);
    buffer_done(&buffer);
    buffer_done(&buffer);
}

static void test_buffer_reserve_and_advance(void **state) {
    (void)state;
    Buffer buffer;
    buffer_init(&buffer, 1 << 20);
    for (size_t i = 0; i < 1000; i++) {
        uint8_t *at = buffer_reserve(&buffer, 10);
        assert_non_null(at);
        memset(at, (int)(i & 255), 10);
        buffer_advance(&buffer, 7);
        assert_int_equal(buffer.count, (i + 1) * 7);
    }
    assert_int_equal(buffer.data[7 * 999], 999 & 255);
    assert_true(buffer.capacity < 4 * 7000);
    buffer_done(&buffer);
}

static void advance_past_reserved(void *user) {
    buffer_advance(user, 101);
}

static void test_buffer_advance_is_checked(void **state) {
    (void)state;
    Buffer buffer;
    buffer_init(&buffer, 100);
    buffer_reserve(&buffer, 100);
    assert_true(death_says(advance_past_reserved, &buffer, "buffer->capacity - buffer->count"));
    buffer_done(&buffer);
}

// Formatted texts around the size of the stack buffer, with a maximum that leaves no room for a zero.
static void test_buffer_format_lengths(void **state) {
    (void)state;
    for (int count = 250; count < 260; count++) {
        Buffer buffer;
        buffer_init(&buffer, (size_t)count);
        buffer_append_format(&buffer, "%0*d", count, 7);
        assert_false(buffer.failed);
        assert_int_equal(buffer.count, count);
        assert_int_equal(buffer.data[count - 1], '7');
        buffer_done(&buffer);
        buffer_init(&buffer, (size_t)count - 1);
        buffer_append_format(&buffer, "%0*d", count, 7);
        assert_true(buffer.failed);
        assert_int_equal(buffer.count, 0);
        buffer_done(&buffer);
    }
}

static void test_buffer_take(void **state) {
    (void)state;
    Buffer buffer;
    buffer_init(&buffer, 100);
    buffer_append_text(&buffer, "mine");
    size_t count = 0;
    uint8_t *taken = buffer_take(&buffer, &count);
    assert_int_equal(count, 4);
    assert_memory_equal(taken, "mine", 4);
    buffer_append_text(&buffer, "more");  // still usable, with the same maximum
    assert_int_equal(buffer.count, 4);
    assert_int_equal(buffer.max, 100);
    mem_free(taken);
    buffer_done(&buffer);
}

// ---- memory ----

static void test_memory(void **state) {
    (void)state;
    uint8_t *zeroed = mem_alloc_zero(100);
    for (int i = 0; i < 100; i++) assert_int_equal(zeroed[i], 0);
    zeroed = mem_realloc(zeroed, 200);
    mem_free(zeroed);
    void *empty = mem_alloc(0);
    assert_non_null(empty);
    mem_free(empty);
    for (size_t alignment = 1; alignment <= 65536; alignment *= 2) {
        void *memory = mem_alloc_aligned(alignment, 3);
        assert_int_equal((uintptr_t)memory % alignment, 0);
        mem_free(memory);
    }
    mem_free(NULL);
    char *text = mem_copy_text(BYTES_LITERAL("abc"));
    assert_string_equal(text, "abc");
    mem_free(text);
    text = mem_copy_text(BYTES_NONE);
    assert_string_equal(text, "");
    mem_free(text);
}

static void ask_for_everything(void *user) {
    struct rlimit limit = {1u << 30, 1u << 30};
    setrlimit(RLIMIT_AS, &limit);
    // The size comes through memory so that the compiler does not judge it.
    mem_free(mem_alloc(*(volatile size_t *)user));
}

static void test_no_memory_aborts(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();  // the sanitizers' allocators abort themselves, with their own words
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    skip();
#endif
#endif
    size_t count = SIZE_MAX / 4;
    assert_true(death_says(ask_for_everything, &count, "out of memory"));
}

// ---- hex and UTF-8 ----

static void test_hex_decode(void **state) {
    (void)state;
    uint8_t bytes[3] = {9, 9, 9};
    assert_true(hex_decode(BYTES_LITERAL("00fFA5"), bytes, 3));
    assert_memory_equal(bytes, "\x00\xff\xa5", 3);
    assert_false(hex_decode(BYTES_LITERAL("00fFA"), bytes, 3));
    assert_false(hex_decode(BYTES_LITERAL("00fFA50"), bytes, 3));
    assert_false(hex_decode(BYTES_LITERAL("00fFA500"), bytes, 3));
    assert_false(hex_decode(BYTES_LITERAL("1100g0"), bytes, 3));
    assert_false(hex_decode(BYTES_LITERAL("11/0:0"), bytes, 3));
    assert_memory_equal(bytes, "\x00\xff\xa5", 3);  // written only on success
    assert_true(hex_decode(BYTES_NONE, bytes, 0));
}

// The definition, written down slowly: decode to a code point and look whether it needed that many bytes.
static bool slow_utf8_is_valid(const uint8_t *at, size_t left) {
    while (left > 0) {
        uint32_t point = at[0];
        size_t count = point < 0x80             ? 1
                       : (point & 0xe0) == 0xc0 ? 2
                       : (point & 0xf0) == 0xe0 ? 3
                       : (point & 0xf8) == 0xf0 ? 4
                                                : 0;
        if (count == 0 || count > left) return false;
        if (count > 1) point &= 0x7fu >> count;
        for (size_t i = 1; i < count; i++) {
            if ((at[i] & 0xc0) != 0x80) return false;
            point = point << 6 | (at[i] & 0x3f);
        }
        static const uint32_t POINT_MIN[] = {0, 0, 0x80, 0x800, 0x10000};
        if (point < POINT_MIN[count] || point > 0x10ffff) return false;
        if (point >= 0xd800 && point < 0xe000) return false;
        at += count;
        left -= count;
    }
    return true;
}

static void test_utf8_short_inputs_exhaustively(void **state) {
    (void)state;
    // Every pair of first bytes, with the third and fourth from both sides of each boundary, at each offset
    // from the eight-byte steps.
    static const uint8_t MORE[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90,
                                   0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    uint8_t text[16];
    for (uint32_t pair = 0; pair < 65536; pair++) {
        for (uint32_t more = 0; more < sizeof MORE * sizeof MORE; more++) {
            uint32_t lead = pair % 9;
            memset(text, 'a', lead);
            text[lead] = (uint8_t)(pair >> 8);
            text[lead + 1] = (uint8_t)pair;
            text[lead + 2] = MORE[more % sizeof MORE];
            text[lead + 3] = MORE[more / sizeof MORE];
            for (uint32_t count = lead + 1; count <= lead + 4; count += 1 + (more != 0) * 3) {
                bool wanted = slow_utf8_is_valid(text, count);
                if (utf8_is_valid(bytes_of(text, count)) != wanted)
                    fail_msg("%08x", pair << 16 | more);
            }
        }
    }
}

static void test_utf8_known(void **state) {
    (void)state;
    assert_true(utf8_is_valid(BYTES_NONE));
    assert_true(utf8_is_valid(BYTES_LITERAL("plain ascii, and long enough for steps of eight")));
    assert_true(utf8_is_valid(BYTES_LITERAL("\xf4\x8f\xbf\xbf")));
    assert_false(utf8_is_valid(BYTES_LITERAL("\xf4\x90\x80\x80")));  // past U+10FFFF
    assert_false(utf8_is_valid(BYTES_LITERAL("\xed\xa0\x80")));      // a surrogate
    assert_false(utf8_is_valid(BYTES_LITERAL("\xc0\x80")));          // overlong
    assert_false(utf8_is_valid(BYTES_LITERAL("aaaaaaaaaaaaaaa\xe2\x82")));
}

static void test_utf8_cut(void **state) {
    (void)state;
    Bytes text = BYTES_LITERAL("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\x80");  // 1 + 2 + 3 + 4
    static const uint32_t WANTED[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10, 10};
    for (uint32_t max = 0; max < sizeof WANTED / sizeof *WANTED; max++) {
        assert_int_equal(utf8_cut(text, max), WANTED[max]);
    }
    assert_int_equal(utf8_cut(BYTES_NONE, 0), 0);
    assert_int_equal(utf8_cut(BYTES_LITERAL("\x80\x80\x80\x80\x80\x80"), 4), 4);  // not UTF-8
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_and_compare),
        cmocka_unit_test(test_slice),
        cmocka_unit_test(test_bytes_of_limit),
        cmocka_unit_test(test_load_and_store),
        cmocka_unit_test(test_checked_arithmetic),
        cmocka_unit_test(test_buffer_writes),
        cmocka_unit_test(test_buffer_varint),
        cmocka_unit_test(test_buffer_limit),
        cmocka_unit_test(test_buffer_failed_write_writes_nothing),
        cmocka_unit_test(test_zeroed_buffer),
        cmocka_unit_test(test_buffer_reserve_and_advance),
        cmocka_unit_test(test_buffer_advance_is_checked),
        cmocka_unit_test(test_buffer_format_lengths),
        cmocka_unit_test(test_buffer_take),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_no_memory_aborts),
        cmocka_unit_test(test_hex_decode),
        cmocka_unit_test(test_utf8_short_inputs_exhaustively),
        cmocka_unit_test(test_utf8_known),
        cmocka_unit_test(test_utf8_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
