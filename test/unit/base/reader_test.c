// reader_test.c - every read at every length of input: whole, or failed for good.
#include "base/reader.h"

#include "death.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_reads_in_order(void **state) {
    (void)state;
    Buffer buffer;
    buffer_init(&buffer, 100);
    buffer_u8(&buffer, 7);
    buffer_u16(&buffer, 0x1234);
    buffer_u32(&buffer, 0x12345678);
    buffer_u64(&buffer, 0x123456789abcdef0u);
    buffer_string(&buffer, BYTES_LITERAL("\xff\xfe"));
    buffer_string(&buffer, BYTES_LITERAL("text"));
    buffer_varint(&buffer, 300);
    Reader reader = reader_of(buffer_bytes(&buffer));
    assert_int_equal(reader_u8(&reader), 7);
    assert_int_equal(reader_u16(&reader), 0x1234);
    assert_int_equal(reader_u32(&reader), 0x12345678);
    assert_true(reader_u64(&reader) == 0x123456789abcdef0u);
    assert_true(bytes_equal(reader_bytes(&reader), BYTES_LITERAL("\xff\xfe")));
    assert_true(bytes_equal_text(reader_string(&reader), "text"));
    assert_false(reader_finish(&reader));
    assert_int_equal(reader_varint(&reader), 300);
    assert_true(reader_finish(&reader));
    buffer_done(&buffer);
}

static void test_short_input_fails_and_sticks(void **state) {
    (void)state;
    static const uint8_t ONES[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    for (uint32_t count = 0; count < 8; count++) {
        Reader reader = reader_of(bytes_of(ONES, count));
        assert_true(reader_u64(&reader) == 0);
        assert_false(reader_ok(&reader));
        assert_int_equal(reader_u8(&reader), 0);  // a byte may be there, but the failure sticks
        assert_null(reader_take(&reader, 0));
        assert_int_equal(reader_left(&reader), count);
        assert_false(reader_finish(&reader));
    }
    Reader reader = reader_of(bytes_of(ONES, 1));
    assert_int_equal(reader_u16(&reader), 0);
    assert_false(reader_ok(&reader));
    reader = reader_of(bytes_of(ONES, 3));
    assert_int_equal(reader_u32(&reader), 0);
    assert_false(reader_ok(&reader));
}

static void test_empty_input(void **state) {
    (void)state;
    Reader reader = reader_of(BYTES_NONE);
    assert_true(reader_finish(&reader));
    assert_non_null(reader_take(&reader, 0));  // no bytes are there to be taken
    assert_true(reader_finish(&reader));
    assert_int_equal(reader_u8(&reader), 0);
    assert_false(reader_ok(&reader));
}

static void test_take_does_not_wrap(void **state) {
    (void)state;
    Reader reader = reader_of(BYTES_LITERAL("abc"));
    assert_null(reader_take(&reader, SIZE_MAX));
    assert_false(reader_ok(&reader));
}

static void test_bytes_length(void **state) {
    (void)state;
    Reader reader = reader_of(BYTES_LITERAL("\x03\x00\x00\x00"
                                            "abc"));
    assert_true(bytes_equal_text(reader_bytes(&reader), "abc"));
    assert_true(reader_finish(&reader));
    reader = reader_of(BYTES_LITERAL("\x04\x00\x00\x00"
                                     "abc"));
    assert_int_equal(reader_bytes(&reader).count, 0);
    assert_false(reader_ok(&reader));
    reader = reader_of(BYTES_LITERAL("\xff\xff\xff\xff"
                                     "abc"));
    assert_int_equal(reader_bytes(&reader).count, 0);
    assert_false(reader_ok(&reader));
    reader = reader_of(BYTES_LITERAL("\x00\x00\x00\x00"));
    assert_int_equal(reader_bytes(&reader).count, 0);
    assert_true(reader_finish(&reader));
}

static void test_string_must_be_utf8(void **state) {
    (void)state;
    Reader reader = reader_of(BYTES_LITERAL("\x02\x00\x00\x00\xc3\xa4"));
    assert_true(bytes_equal_text(reader_string(&reader), "\xc3\xa4"));
    assert_true(reader_finish(&reader));
    reader = reader_of(BYTES_LITERAL("\x01\x00\x00\x00\xc3\xa4"));
    assert_null(reader_string(&reader).data);
    assert_false(reader_ok(&reader));
}

static void test_varint(void **state) {
    (void)state;
    static const uint64_t VALUES[] = {
        0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX / 2, UINT64_MAX};
    for (size_t i = 0; i < sizeof VALUES / sizeof *VALUES; i++) {
        Buffer buffer;
        buffer_init(&buffer, 10);
        buffer_varint(&buffer, VALUES[i]);
        Reader reader = reader_of(buffer_bytes(&buffer));
        assert_true(reader_varint(&reader) == VALUES[i]);
        assert_true(reader_finish(&reader));
        reader = reader_of(bytes_slice(buffer_bytes(&buffer), 0, (uint32_t)buffer.count - 1));
        assert_true(reader_varint(&reader) == 0);  // cut
        assert_false(reader_ok(&reader));
        buffer_done(&buffer);
    }
    Reader reader = reader_of(
        BYTES_LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));  // 65 bits
    assert_true(reader_varint(&reader) == 0);
    assert_false(reader_ok(&reader));
    reader = reader_of(BYTES_LITERAL("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"));  // 11 bytes
    assert_true(reader_varint(&reader) == 0);
    assert_false(reader_ok(&reader));
}

static void count_of_nothing(void *user) {
    reader_count(user, 0);
}

static void test_count_is_believed_only_if_it_fits(void **state) {
    (void)state;
    Bytes bytes = BYTES_LITERAL("\x02\x00\x00\x00"
                                "12345678");
    Reader reader = reader_of(bytes);
    assert_int_equal(reader_count(&reader, 4), 2);  // exactly
    assert_true(reader_ok(&reader));
    reader = reader_of(bytes);
    assert_int_equal(reader_count(&reader, 5), 0);
    assert_false(reader_ok(&reader));
    reader = reader_of(BYTES_LITERAL("\xff\xff\xff\xff"));
    assert_int_equal(reader_count(&reader, UINT32_MAX), 0);
    assert_false(reader_ok(&reader));
    reader = reader_of(BYTES_LITERAL("\x01"));
    assert_int_equal(reader_count(&reader, 1), 0);
    assert_false(reader_ok(&reader));
    assert_true(death_says(count_of_nothing, &reader, "element_bytes_min > 0"));
}

static void test_count_limited(void **state) {
    (void)state;
    Reader reader = reader_of(BYTES_LITERAL("\x10\x00\x00\x00"));
    assert_int_equal(reader_count_limited(&reader, 16), 16);
    assert_true(reader_finish(&reader));
    reader = reader_of(BYTES_LITERAL("\x11\x00\x00\x00"));
    assert_int_equal(reader_count_limited(&reader, 16), 0);
    assert_false(reader_ok(&reader));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_in_order),
        cmocka_unit_test(test_short_input_fails_and_sticks),
        cmocka_unit_test(test_empty_input),
        cmocka_unit_test(test_take_does_not_wrap),
        cmocka_unit_test(test_bytes_length),
        cmocka_unit_test(test_string_must_be_utf8),
        cmocka_unit_test(test_varint),
        cmocka_unit_test(test_count_is_believed_only_if_it_fits),
        cmocka_unit_test(test_count_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
