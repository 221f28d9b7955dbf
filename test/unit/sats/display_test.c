// display_test.c - cells of `spacetime sql` (sats.md 6.1) and values in error texts (6.3).
#include "helpers.h"

typedef struct Case {
    const Type *type;
    const char *bsatn;
    const char *display;
    const char *satn;
} Case;

static void run(const Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        Bytes bytes = hex(cases[i].bsatn);
        assert_string_equal(check_text(TYPESPACE_NONE, cases[i].type, bytes), "");
        Buffer buffer;
        buffer_init(&buffer, 1u << 16);
        assert_ptr_equal(display_value(&buffer, cases[i].type, bytes.data),
                         bytes.data + bytes.count);
        assert_string_equal(take_text(&buffer), cases[i].display);
        buffer_init(&buffer, 1u << 16);
        assert_ptr_equal(satn_value(&buffer, cases[i].type, bytes.data), bytes.data + bytes.count);
        assert_string_equal(take_text(&buffer), cases[i].satn);
    }
}

static void test_scalars(void **state) {
    (void)state;
    const Case cases[] = {
        {t(TYPE_BOOL), "01", "true", "true"},
        {t(TYPE_BOOL), "00", "false", "false"},
        {t(TYPE_I8), "ff", "-1", "-1"},
        {t(TYPE_U8), "ff", "255", "255"},
        {t(TYPE_I16), "ffff", "-1", "-1"},
        {t(TYPE_U16), "ffff", "65535", "65535"},
        {t(TYPE_I32), "ffffffff", "-1", "-1"},
        {t(TYPE_U32), "ffffffff", "4294967295", "4294967295"},
        {t(TYPE_I64), "ffffffffffffffff", "-1", "-1"},
        {t(TYPE_U64), "ffffffffffffffff", "18446744073709551615", "18446744073709551615"},
        {t(TYPE_I128), "ffffffffffffffffffffffffffffffff", "-1", "-1"},
        {t(TYPE_U128), "00000000000000000100000000000000", "18446744073709551616",
         "18446744073709551616"},
        {t(TYPE_U256), "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
         "115792089237316195423570985008687907853269984665640564039457584007913129639935",
         "115792089237316195423570985008687907853269984665640564039457584007913129639935"},
        {t(TYPE_I256), "0000000000000000000000000000000000000000000000000000000000000080",
         "-57896044618658097711785492504343953926634992332820282019728792003956564819968",
         "-57896044618658097711785492504343953926634992332820282019728792003956564819968"},
    };
    run(cases, COUNT_OF(cases));
}

static void test_floats(void **state) {
    (void)state;
    const Case cases[] = {
        {t(TYPE_F64), "000000000000f03f", "1", "1"},
        {t(TYPE_F64), "9a9999999999b93f", "0.1", "0.1"},
        {t(TYPE_F64), "0000000000000080", "-0", "-0"},
        {t(TYPE_F64), "000000000000f87f", "NaN", "NaN"},
        {t(TYPE_F64), "000000000000f07f", "inf", "inf"},
        {t(TYPE_F64), "000000000000f0ff", "-inf", "-inf"},
        {t(TYPE_F64), "0000001962355342", "330000000000", "330000000000"},
        {t(TYPE_F32), "69371149", "594806.56", "594806.56"},
        {t(TYPE_F32), "cdcccc3d", "0.1", "0.1"},
        // A tie between two decimals: JSON takes the even one, this the upper.
        {t(TYPE_F32), "59be6f4a", "3927958.3", "3927958.3"},
        {t(TYPE_F64), "25a95b8ecda6ac3b", "0.0000000000000000000030336034",
         "0.0000000000000000000030336034"},
    };
    run(cases, COUNT_OF(cases));
    // Large ones are written out.
    Buffer buffer;
    buffer_init(&buffer, 1024);
    double huge = 1e300;
    display_value(&buffer, t(TYPE_F64), (const uint8_t *)&huge);
    const char *text = take_text(&buffer);
    assert_int_equal(strlen(text), 301);
    assert_int_equal(strspn(text + 1, "0"), 300);
    buffer_init(&buffer, 1024);
    double tiny = 1.5e-7;
    display_value(&buffer, t(TYPE_F64), (const uint8_t *)&tiny);
    assert_string_equal(take_text(&buffer), "0.00000015");
}

static void test_strings_and_arrays(void **state) {
    (void)state;
    const Case cases[] = {
        {t(TYPE_STRING), "00000000", "\"\"", "\"\""},
        {t(TYPE_STRING), "03000000 61 22 0a", "\"a\"\n\"", "\"a\"\n\""},
        {array_of(t(TYPE_U8)), "02000000 0aff", "0x0aff", "0x0aff"},
        {array_of(t(TYPE_U8)), "00000000", "0x", "0x"},
        {array_of(t(TYPE_U16)), "03000000 0100 0200 0300", "123", "[1, 2, 3]"},
        {array_of(t(TYPE_U16)), "00000000", "", "[]"},
        {array_of(t(TYPE_STRING)), "02000000 01000000 61 01000000 62", "\"a\"\"b\"",
         "[\"a\", \"b\"]"},
        {array_of(option_of(t(TYPE_U8))), "02000000 0001 01", "(some = 1)(none = ())",
         "[( = 1), ( = ())]"},
    };
    run(cases, COUNT_OF(cases));
}

static void test_products_and_sums(void **state) {
    (void)state;
    const Type *status = SUM(field("active", type_unit()), field(NULL, t(TYPE_U8)));
    const Case cases[] = {
        {PRODUCT(field("a", t(TYPE_U8)), field("b", t(TYPE_STRING))), "01 01000000 78",
         "(a = 1, b = \"x\")", "(0 = 1, 1 = \"x\")"},
        {PRODUCT(field(NULL, t(TYPE_U8)), field("b", t(TYPE_U8))), "01 02", "(col_0 = 1, b = 2)",
         "(0 = 1, 1 = 2)"},
        {type_unit(), "", "()", "()"},
        {option_of(t(TYPE_BOOL)), "00 01", "(some = true)", "( = true)"},
        {option_of(t(TYPE_BOOL)), "01", "(none = ())", "( = ())"},
        {status, "00", "(active = ())", "( = ())"},
        {status, "01 05", "(col_1 = 5)", "( = 5)"},
        {PRODUCT(field("s", status)), "00", "(s = (active = ()))", "(0 = ( = ()))"},
    };
    run(cases, COUNT_OF(cases));
}

// Special where a field is declared as it, a record inside sums and arrays.
static void test_special(void **state) {
    (void)state;
    const char *number = "0100000000000000000000000000000000000000000000000000000000000000";
    const char *identity_text =
        "0x0000000000000000000000000000000000000000000000000000000000000001";
    char wrapped[128];
    char nested[128];
    snprintf(wrapped, sizeof wrapped, "(some = (__identity__ = %s))", identity_text);
    snprintf(nested, sizeof nested, "(id = %s)", identity_text);
    char some[80];
    snprintf(some, sizeof some, "00 %s", number);
    char many[80];
    snprintf(many, sizeof many, "01000000 %s", number);
    const Type *identity = type_special(SPECIAL_IDENTITY);
    const Case cases[] = {
        {identity, number, identity_text, "(0 = 1)"},
        {option_of(identity), some, wrapped, "( = (0 = 1))"},
        {PRODUCT(field("id", identity)), number, nested, "(0 = (0 = 1))"},
        {array_of(identity), many,
         "(__identity__ = 0x0000000000000000000000000000000000000000000000000000000000000001)",
         "[(0 = 1)]"},
        {type_special(SPECIAL_CONNECTION_ID), "100f0e0d0c0b0a090807060504030201",
         "0x0102030405060708090a0b0c0d0e0f10", "(0 = 1339673755198158349044581307228491536)"},
        {type_special(SPECIAL_TIMESTAMP), "0000000000000000", "1970-01-01T00:00:00+00:00",
         "(0 = 0)"},
        {type_special(SPECIAL_TIME_DURATION), "40420f0000000000", "+1.000000", "(0 = 1000000)"},
        {type_special(SPECIAL_UUID), "100f0e0d0c0b0a090807060504030201",
         "\"01020304-0506-0708-090a-0b0c0d0e0f10\"", "(0 = 1339673755198158349044581307228491536)"},
        {type_special(SPECIAL_SCHEDULE_AT), "00 40420f0000000000",
         "(Interval = (__time_duration_micros__ = +1.000000))", "( = (0 = 1000000))"},
        {type_special(SPECIAL_SCHEDULE_AT), "01 0000000000000000",
         "(Time = (__timestamp_micros_since_unix_epoch__ = 1970-01-01T00:00:00+00:00))",
         "( = (0 = 0))"},
        {t(TYPE_U256), number, "1", "1"},  // raw, as in the system tables
    };
    run(cases, COUNT_OF(cases));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_strings_and_arrays),
        cmocka_unit_test(test_products_and_sums),
        cmocka_unit_test(test_special),
    };
    return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
