// hash_test.c - published vectors, and crc32c against the definition at every length that takes another path.
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_hex(Hash hash, const char *wanted) {
    char text[65];
    hash_to_hex(&hash, text);
    assert_string_equal(text, wanted);
}

static void test_blake3(void **state) {
    (void)state;
    assert_hex(hash_blake3(BYTES_NONE),
               "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    assert_hex(hash_blake3(BYTES_LITERAL("abc")),
               "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
}

static void test_keccak256(void **state) {
    (void)state;
    assert_hex(hash_keccak256(BYTES_NONE),
               "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    assert_hex(hash_keccak256(BYTES_LITERAL("abc")),
               "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
}

static void test_equal(void **state) {
    (void)state;
    Hash a = hash_blake3(BYTES_LITERAL("a"));
    Hash b = a;
    assert_true(hash_equal(&a, &b));
    b.bytes[31] ^= 1;
    assert_false(hash_equal(&a, &b));
}

// RFC 3720, B.4.
static void test_crc32c_vectors(void **state) {
    (void)state;
    uint8_t bytes[32];
    assert_int_equal(crc32c(0, BYTES_NONE), 0);
    assert_int_equal(crc32c(0, BYTES_LITERAL("123456789")), 0xe3069283u);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(crc32c(0, bytes_of(bytes, 32)), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(crc32c(0, bytes_of(bytes, 32)), 0x62a8ab43u);
    for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)i;
    assert_int_equal(crc32c(0, bytes_of(bytes, 32)), 0x46dd794eu);
}

static uint32_t crc32c_bit_by_bit(const uint8_t *at, size_t count) {
    uint32_t crc = UINT32_MAX;
    for (; count > 0; count--) {
        crc ^= *at++;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static void test_crc32c_lengths_and_offsets(void **state) {
    (void)state;
    static uint8_t bytes[5000];
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof bytes; i++) {
        random = random * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(random >> 24);
    }
    for (uint32_t count = 0; count < 4900; count += count < 600 ? 1 : 37) {
        uint32_t offset = count % 9;
        uint32_t wanted = crc32c_bit_by_bit(bytes + offset, count);
        assert_int_equal(crc32c(0, bytes_of(bytes + offset, count)), wanted);
        assert_int_equal(crc32c_portable(0, bytes_of(bytes + offset, count)), wanted);
    }
}

static void test_crc32c_continues(void **state) {
    (void)state;
    uint8_t bytes[1000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7);
    uint32_t whole = crc32c(0, bytes_of(bytes, sizeof bytes));
    for (uint32_t cut = 0; cut <= sizeof bytes; cut += 13) {
        uint32_t crc = crc32c(0, bytes_of(bytes, cut));
        assert_int_equal(crc32c(crc, bytes_of(bytes + cut, sizeof bytes - cut)), whole);
        assert_int_equal(crc32c_portable(crc, bytes_of(bytes + cut, sizeof bytes - cut)), whole);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blake3),
        cmocka_unit_test(test_keccak256),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_crc32c_vectors),
        cmocka_unit_test(test_crc32c_lengths_and_offsets),
        cmocka_unit_test(test_crc32c_continues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
