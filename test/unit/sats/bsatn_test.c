// bsatn_test.c - checking and measuring values: the examples and texts of sats.md 3, and hostile input.
//
// Every good value is also cut at each of its bytes, which must fail, and measured.
#include "helpers.h"

static void assert_value(const Type *type, const char *bsatn) {
    Bytes bytes = hex(bsatn);
    assert_string_equal(check_text(TYPESPACE_NONE, type, bytes), "");
    assert_int_equal(bsatn_size(type, bytes.data), bytes.count);
    for (uint32_t count = 0; count < bytes.count; count++) {
        // A copy of exactly that size, so that a sanitizer sees one byte too many.
        uint8_t *cut = mem_alloc(count);
        memcpy(cut, bytes.data, count);
        Reader reader = reader_of((Bytes){cut, count});
        Error error;
        assert_int_equal(bsatn_check(TYPESPACE_NONE, type, &reader, &error), STATUS_INVALID);
        assert_true(reader.failed);
        assert_memory_equal(error.text, "data too short for ", 19);
        mem_free(cut);
    }
}

static void test_examples(void **state) {
    (void)state;
    assert_value(PRODUCT(field("id", t(TYPE_U64)), field("name", t(TYPE_STRING))),
                 "0100000000000000 02000000 416c");
    assert_value(option_of(t(TYPE_STRING)), "00 02000000 6869");
    assert_value(option_of(t(TYPE_STRING)), "01");
    assert_value(array_of(t(TYPE_U16)), "02000000 0100 0302");
    assert_value(t(TYPE_I128), "feffffffffffffffffffffffffffffff");
    assert_value(type_special(SPECIAL_SCHEDULE_AT), "00 40420f0000000000");
    assert_value(t(TYPE_F32), "0000c03f");
    assert_value(t(TYPE_F64), "0000000000000080");
    assert_value(t(TYPE_BOOL), "00");
    assert_value(t(TYPE_BOOL), "01");
    assert_value(type_unit(), "");
    assert_value(array_of(t(TYPE_U8)), "03000000 010203");
    assert_value(array_of(array_of(t(TYPE_STRING))), "02000000 01000000 01000000 61 00000000");
    assert_value(array_of(t(TYPE_BOOL)), "03000000 000100");
    assert_value(result_of(t(TYPE_U8), t(TYPE_STRING)), "01 00000000");
    assert_value(PRODUCT(field("a", t(TYPE_BOOL)), field("b", option_of(t(TYPE_U8))),
                         field("c", t(TYPE_U256))),
                 "01 00ff 0000000000000000000000000000000000000000000000000000000000000000");
    assert_value(array_of(PRODUCT(field("a", t(TYPE_U8)), field("b", t(TYPE_F32)))),
                 "02000000 01 0000c07f 02 00000000");
}

static void test_trailing_bytes_stay(void **state) {
    (void)state;
    Bytes bytes = hex("01000000 02");
    Reader reader = reader_of(bytes);
    assert_int_equal(bsatn_check(TYPESPACE_NONE, t(TYPE_U32), &reader, NULL), STATUS_OK);
    assert_ptr_equal(reader.at, bytes.data + 4);
    reader = reader_of(hex("01000000 61 ff"));
    assert_int_equal(bsatn_check(TYPESPACE_NONE, t(TYPE_STRING), &reader, NULL), STATUS_OK);
    assert_int_equal(reader_left(&reader), 1);
}

typedef struct TextCase {
    const Type *type;
    const char *bsatn;
    const char *text;
} TextCase;

static void test_texts(void **state) {
    (void)state;
    const Type *pair = PRODUCT(field("a", t(TYPE_U8)), field("b", t(TYPE_U32)));
    const TextCase cases[] = {
        {t(TYPE_BOOL), "02", "byte 2 not valid as `bool` (must be 0 or 1)"},
        {t(TYPE_BOOL), "", "data too short for u8: Expected 1, given 0"},
        {t(TYPE_I8), "", "data too short for i8: Expected 1, given 0"},
        {t(TYPE_U16), "00", "data too short for u16: Expected 2, given 1"},
        {t(TYPE_I16), "00", "data too short for i16: Expected 2, given 1"},
        {t(TYPE_U32), "00", "data too short for u32: Expected 4, given 1"},
        {t(TYPE_I32), "00", "data too short for i32: Expected 4, given 1"},
        {t(TYPE_U64), "00", "data too short for u64: Expected 8, given 1"},
        {t(TYPE_I64), "00", "data too short for i64: Expected 8, given 1"},
        {t(TYPE_U128), "00", "data too short for u128: Expected 16, given 1"},
        {t(TYPE_I128), "00", "data too short for i128: Expected 16, given 1"},
        {t(TYPE_U256), "00", "data too short for u256: Expected 32, given 1"},
        {t(TYPE_I256), "00", "data too short for i256: Expected 32, given 1"},
        {t(TYPE_F32), "000000", "data too short for u32: Expected 4, given 3"},
        {t(TYPE_F64), "00", "data too short for u64: Expected 8, given 1"},
        {t(TYPE_STRING), "0500", "data too short for u32: Expected 4, given 2"},
        {t(TYPE_STRING), "05000000 6161", "data too short for [u8]: Expected 5, given 2"},
        {array_of(t(TYPE_U8)), "05000000 6161", "data too short for [u8]: Expected 5, given 2"},
        {array_of(t(TYPE_I8)), "05000000 6161", "data too short for i8: Expected 1, given 0"},
        {array_of(t(TYPE_U32)), "02000000 00000000 0000",
         "data too short for u32: Expected 4, given 2"},
        {array_of(t(TYPE_U32)), "ffffffff", "data too short for u32: Expected 4, given 0"},
        {array_of(t(TYPE_STRING)), "ffffffff", "data too short for u32: Expected 4, given 0"},
        {pair, "01 000000", "data too short for u32: Expected 4, given 3"},
        {pair, "", "data too short for u8: Expected 1, given 0"},
        {array_of(pair), "02000000 01 00000000 02 0000",
         "data too short for u32: Expected 4, given 2"},
        {option_of(t(TYPE_U8)), "", "data too short for u8: Expected 1, given 0"},
        {option_of(t(TYPE_U8)), "03", "unknown tag 0x3 for sum type <unknown>"},
        {option_of(t(TYPE_U8)), "ff", "unknown tag 0xff for sum type <unknown>"},
        {never(), "00", "unknown tag 0x0 for sum type <unknown>"},
        {t(TYPE_STRING), "01000000 ff", "invalid utf8"},
        {t(TYPE_STRING), "02000000 c080", "invalid utf8"},    // overlong
        {t(TYPE_STRING), "03000000 eda080", "invalid utf8"},  // a surrogate
        {PRODUCT(field("s", t(TYPE_STRING))), "01000000 80", "invalid utf8"},
        {ref_to(0), "00", "Type reference &0 out of bounds"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_string_equal(check_text(TYPESPACE_NONE, cases[i].type, hex(cases[i].bsatn)),
                            cases[i].text);
    }
}

// ---- elements without bytes ----

static Bytes count_bytes(uint32_t count) {
    uint8_t *bytes = arena_alloc(&test_arena, 4);
    store_u32le(bytes, count);
    return (Bytes){bytes, 4};
}

static void test_empty_elements_limit(void **state) {
    (void)state;
    const Type *units = array_of(type_unit());
    assert_string_equal(check_text(TYPESPACE_NONE, units, count_bytes(SATS_EMPTY_ELEMENTS_MAX)),
                        "");
    assert_string_equal(check_text(TYPESPACE_NONE, units, count_bytes(SATS_EMPTY_ELEMENTS_MAX + 1)),
                        "allocation of 65537 elements failed");
    assert_string_equal(check_text(TYPESPACE_NONE, units, count_bytes(UINT32_MAX)),
                        "allocation of 4294967295 elements failed");
    assert_int_equal(bsatn_size(units, count_bytes(SATS_EMPTY_ELEMENTS_MAX).data), 4);
}

// The same through Refs, and summed over several arrays.
static void test_empty_elements_limit_refs(void **state) {
    (void)state;
    Typespace typespace = TYPESPACE(type_unit(),
                                    PRODUCT(field("a", ref_to(0)), field("b", ref_to(0))));
    const Type *units = array_of(ref_to(0));
    assert_string_equal(check_text(&typespace, units, count_bytes(SATS_EMPTY_ELEMENTS_MAX)), "");
    assert_string_equal(check_text(&typespace, units, count_bytes(SATS_EMPTY_ELEMENTS_MAX + 1)),
                        "allocation of 1 elements failed");
    assert_string_equal(check_text(&typespace, array_of(ref_to(1)), count_bytes(UINT32_MAX)),
                        "allocation of 1 elements failed");
    const Type *nested = array_of(array_of(type_unit()));
    assert_string_equal(check_text(TYPESPACE_NONE, nested, hex("02000000 00800000 00800000")), "");
    assert_string_equal(check_text(TYPESPACE_NONE, nested, hex("02000000 00800000 01800000")),
                        "allocation of 32769 elements failed");
}

// Thirty types, each a pair of Refs to the one before, over a unit: no bytes, a billion of parts.
static void test_empty_doubling(void **state) {
    (void)state;
    const Type *types[30];
    types[0] = type_unit();
    for (uint32_t i = 1; i < COUNT_OF(types); i++) {
        types[i] = PRODUCT(field("a", ref_to(i - 1)), field("b", ref_to(i - 1)));
    }
    Typespace typespace = {types, COUNT_OF(types)};
    assert_string_equal(check_text(&typespace, ref_to(10), hex("")), "");
    assert_string_equal(check_text(&typespace, ref_to(29), hex("")),
                        "allocation of 1 elements failed");
}

// ---- recursion ----

// list = (value: U8, next: Option<&0>)
static Typespace list_typespace(void) {
    static const Type *types[1];
    types[0] = PRODUCT(field("value", t(TYPE_U8)), field("next", option_of(ref_to(0))));
    return (Typespace){types, 1};
}

static Bytes list_bytes(uint32_t node_count) {
    uint8_t *bytes = arena_alloc(&test_arena, (size_t)node_count * 2);
    for (uint32_t i = 0; i < node_count; i++) {
        bytes[i * 2] = (uint8_t)i;
        bytes[i * 2 + 1] = i + 1 == node_count ? 1 : 0;
    }
    return (Bytes){bytes, node_count * 2};
}

static void test_recursive_type(void **state) {
    (void)state;
    Typespace typespace = list_typespace();
    assert_string_equal(check_text(&typespace, ref_to(0), list_bytes(1)), "");
    assert_string_equal(check_text(&typespace, ref_to(0), list_bytes(3)), "");
    // Each node is a Ref, a product and a sum deep.
    assert_string_equal(check_text(&typespace, ref_to(0), list_bytes(SATS_DEPTH_MAX / 3)), "");
    assert_string_equal(check_text(&typespace, ref_to(0), list_bytes(SATS_DEPTH_MAX / 3 + 1)),
                        "value is nested deeper than 256");
    assert_string_equal(check_text(&typespace, ref_to(0), list_bytes(100000)),
                        "value is nested deeper than 256");
}

static void test_recursive_status(void **state) {
    (void)state;
    Typespace typespace = list_typespace();
    Reader reader = reader_of(list_bytes(1000));
    assert_int_equal(bsatn_check(&typespace, ref_to(0), &reader, NULL), STATUS_LIMIT);
}

// Checked values inside a failed reader stay failed.
static void test_failed_reader(void **state) {
    (void)state;
    Reader reader = reader_of(hex("0102030405060708"));
    reader.failed = true;
    (void)bsatn_check(TYPESPACE_NONE, t(TYPE_U32), &reader, NULL);
    assert_true(reader.failed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_trailing_bytes_stay),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_empty_elements_limit),
        cmocka_unit_test(test_empty_elements_limit_refs),
        cmocka_unit_test(test_empty_doubling),
        cmocka_unit_test(test_recursive_type),
        cmocka_unit_test(test_recursive_status),
        cmocka_unit_test(test_failed_reader),
    };
    return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
