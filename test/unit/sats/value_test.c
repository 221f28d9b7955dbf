// value_test.c - order, equality and hash (sats.md 5): every pair of an ascending list is compared both ways.
#include "helpers.h"

// Values of one type, in ascending order; "=" before one says it equals the value before it.
static void assert_ascending(const Type *type, const char *const *values, size_t count) {
    int rank_a = 0;
    for (size_t a = 0; a < count; a++) {
        if (a > 0 && values[a][0] != '=') rank_a++;
        int rank_b = 0;
        for (size_t b = 0; b < count; b++) {
            if (b > 0 && values[b][0] != '=') rank_b++;
            Bytes bytes_a = hex(values[a]);
            Bytes bytes_b = hex(values[b]);
            assert_string_equal(check_text(TYPESPACE_NONE, type, bytes_a), "");
            int order = value_compare(type, bytes_a.data, bytes_b.data);
            int wanted = (rank_a > rank_b) - (rank_a < rank_b);
            assert_int_equal((order > 0) - (order < 0), wanted);
            uint64_t hash_a = value_hash(type, bytes_a.data);
            uint64_t hash_b = value_hash(type, bytes_b.data);
            if (wanted == 0) assert_true(hash_a == hash_b);
            if (wanted != 0) assert_true(hash_a != hash_b);
        }
    }
}

#define ASSERT_ASCENDING(type, ...)                                         \
    do {                                                                    \
        static const char *const values[] = {__VA_ARGS__};                  \
        assert_ascending((type), values, sizeof values / sizeof values[0]); \
    } while (0)

static void test_integers(void **state) {
    (void)state;
    ASSERT_ASCENDING(t(TYPE_BOOL), "00", "01");
    ASSERT_ASCENDING(t(TYPE_U8), "00", "01", "7f", "80", "ff");
    ASSERT_ASCENDING(t(TYPE_I8), "80", "ff", "00", "01", "7f");
    ASSERT_ASCENDING(t(TYPE_U16), "0000", "ff00", "0001", "ff7f", "0080", "ffff");
    ASSERT_ASCENDING(t(TYPE_I16), "0080", "ffff", "0000", "ff00", "0001", "ff7f");
    ASSERT_ASCENDING(t(TYPE_U32), "00000000", "ff000000", "00010000", "00000080", "ffffffff");
    ASSERT_ASCENDING(t(TYPE_I32), "00000080", "ffffffff", "00000000", "00010000", "ffffff7f");
    ASSERT_ASCENDING(t(TYPE_U64), "0000000000000000", "ff00000000000000", "0000000000000080",
                     "ffffffffffffffff");
    ASSERT_ASCENDING(t(TYPE_I64), "0000000000000080", "ffffffffffffffff", "0000000000000000",
                     "ffffffffffffff7f");
    ASSERT_ASCENDING(t(TYPE_U128), "00000000000000000000000000000000",
                     "ff000000000000000000000000000000", "00000000000000000100000000000000",
                     "ffffffffffffffffffffffffffffffff");
    ASSERT_ASCENDING(t(TYPE_I128), "00000000000000000000000000000080",
                     "ffffffffffffffffffffffffffffffff", "00000000000000000000000000000000",
                     "ffffffffffffffff0000000000000000", "00000000000000000100000000000000",
                     "ffffffffffffffffffffffffffffff7f");
}

static void test_wide(void **state) {
    (void)state;
    ASSERT_ASCENDING(t(TYPE_U256),
                     "0000000000000000000000000000000000000000000000000000000000000000",
                     "0100000000000000000000000000000000000000000000000000000000000000",
                     "0000000000000000010000000000000000000000000000000000000000000000",
                     "0000000000000000000000000000000001000000000000000000000000000000",
                     "0000000000000000000000000000000000000000000000000000000000000001",
                     "0000000000000000000000000000000000000000000000000000000000000080");
    ASSERT_ASCENDING(t(TYPE_I256),
                     "0000000000000000000000000000000000000000000000000000000000000080",
                     "feffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                     "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                     "0000000000000000000000000000000000000000000000000000000000000000",
                     "0100000000000000000000000000000000000000000000000000000000000000");
    ASSERT_ASCENDING(type_special(SPECIAL_TIMESTAMP), "0000000000000080", "ffffffffffffffff",
                     "0000000000000000");
}

static void test_floats(void **state) {
    (void)state;
    ASSERT_ASCENDING(t(TYPE_F64), "000000000000f0ff" /* -inf */, "000000000000f0bf",
                     "0100000000000080", "0000000000000080" /* -0 */, "= 0000000000000000",
                     "0100000000000000", "000000000000f03f", "000000000000f07f" /* inf */,
                     "000000000000f87f" /* NaN */, "= 000000000000f8ff", "= 010000000000f07f");
    ASSERT_ASCENDING(t(TYPE_F32), "000080ff", "000080bf", "00000080", "= 00000000", "0000803f",
                     "0000807f", "0000c07f", "= 0000c0ff", "= 0100807f");
}

static void test_strings_and_arrays(void **state) {
    (void)state;
    ASSERT_ASCENDING(t(TYPE_STRING), "00000000", "01000000 41", "02000000 4161", "01000000 61",
                     "02000000 c3a9", "04000000 f09f9880");
    ASSERT_ASCENDING(array_of(t(TYPE_U8)), "00000000", "01000000 01", "02000000 0100",
                     "01000000 ff");
    ASSERT_ASCENDING(array_of(t(TYPE_I8)), "00000000", "01000000 ff", "01000000 01",
                     "02000000 0180");
    ASSERT_ASCENDING(array_of(t(TYPE_STRING)), "00000000", "01000000 00000000",
                     "02000000 00000000 00000000", "01000000 01000000 61");
    ASSERT_ASCENDING(array_of(t(TYPE_F32)), "01000000 000080bf", "01000000 00000080",
                     "= 01000000 00000000", "02000000 00000080 00000000",
                     "= 02000000 00000000 00000080");
    ASSERT_ASCENDING(array_of(type_unit()), "00000000", "01000000", "00010000");
}

static void test_products_and_sums(void **state) {
    (void)state;
    const Type *pair = PRODUCT(field("a", t(TYPE_I8)), field("b", t(TYPE_STRING)));
    ASSERT_ASCENDING(pair, "ff 00000000", "00 00000000", "00 01000000 61", "01 00000000");
    ASSERT_ASCENDING(option_of(t(TYPE_I8)), "00 ff", "00 00", "00 01", "01");  // some before none
    ASSERT_ASCENDING(result_of(t(TYPE_U8), t(TYPE_STRING)), "00 00", "00 ff", "01 00000000");
    ASSERT_ASCENDING(PRODUCT(field("a", option_of(t(TYPE_STRING))), field("b", t(TYPE_U8))),
                     "00 00000000 00", "00 00000000 01", "00 01000000 61 00", "01 00", "01 01");
    ASSERT_ASCENDING(PRODUCT(field("a", array_of(t(TYPE_U16))), field("b", t(TYPE_F64))),
                     "00000000 0000000000000080", "= 00000000 0000000000000000",
                     "01000000 0000 0000000000000000");
    ASSERT_ASCENDING(type_unit(), "", "=");
}

static void test_is_zero(void **state) {
    (void)state;
    uint8_t zero[32] = {0};
    uint8_t top[32] = {0};
    for (int kind = TYPE_I8; kind <= TYPE_U256; kind++) {
        const Type *type = t((TypeKind)kind);
        assert_true(value_is_zero(type, zero));
        memset(top, 0, sizeof top);
        top[type->fixed_bytes - 1] = 0x80;
        assert_false(value_is_zero(type, top));
        memset(top, 0, sizeof top);
        if (type->fixed_bytes < 32) top[type->fixed_bytes] = 1;  // behind it
        assert_true(value_is_zero(type, top));
    }
}

static void test_write_integer(void **state) {
    (void)state;
    uint8_t bytes[33];
    memset(bytes, 0xaa, sizeof bytes);
    value_write_integer(t(TYPE_U16), 0x0304, bytes);
    assert_bytes_equal((Bytes){bytes, 3}, "0403aa");
    value_write_integer(t(TYPE_I8), -1, bytes);
    assert_bytes_equal((Bytes){bytes, 2}, "ff03");
    value_write_integer(t(TYPE_I128), -2, bytes);
    assert_bytes_equal((Bytes){bytes, 17}, "feffffffffffffffffffffffffffffffaa");
    value_write_integer(t(TYPE_I256), -2, bytes);
    assert_bytes_equal((Bytes){bytes, 33},
                       "feffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffaa");
    value_write_integer(t(TYPE_U256), 5, bytes);
    assert_bytes_equal((Bytes){bytes, 33},
                       "0500000000000000000000000000000000000000000000000000000000000000aa");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_strings_and_arrays),
        cmocka_unit_test(test_products_and_sums),
        cmocka_unit_test(test_is_zero),
        cmocka_unit_test(test_write_integer),
    };
    return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
