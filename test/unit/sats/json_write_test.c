// json_write_test.c - values as JSON: scalars and the float table of sats.md 4.1 and 4.2, the shapes of 4.3 and
// 4.4; floats of all sizes read back as what they were, and with as few digits as do.
#include "helpers.h"

#include <float.h>
#include <math.h>

static const char *scalar(const Type *type, const char *bsatn) {
    return json_text(TYPESPACE_NONE, type, bsatn, JSON_UNTYPED);
}

static void test_scalars(void **state) {
    (void)state;
    assert_string_equal(scalar(t(TYPE_BOOL), "00"), "false");
    assert_string_equal(scalar(t(TYPE_BOOL), "01"), "true");
    assert_string_equal(scalar(t(TYPE_I8), "80"), "-128");
    assert_string_equal(scalar(t(TYPE_U8), "ff"), "255");
    assert_string_equal(scalar(t(TYPE_I16), "0080"), "-32768");
    assert_string_equal(scalar(t(TYPE_U16), "ffff"), "65535");
    assert_string_equal(scalar(t(TYPE_I32), "00000080"), "-2147483648");
    assert_string_equal(scalar(t(TYPE_U32), "ffffffff"), "4294967295");
    assert_string_equal(scalar(t(TYPE_I64), "0000000000000080"), "-9223372036854775808");
    assert_string_equal(scalar(t(TYPE_U64), "ffffffffffffffff"), "18446744073709551615");
    assert_string_equal(scalar(t(TYPE_U64), "0000000000000000"), "0");
    assert_string_equal(scalar(t(TYPE_U128), "ffffffffffffffffffffffffffffffff"),
                        "340282366920938463463374607431768211455");
    assert_string_equal(scalar(t(TYPE_I128), "00000000000000000000000000000080"),
                        "-170141183460469231731687303715884105728");
    assert_string_equal(scalar(t(TYPE_I128), "feffffffffffffffffffffffffffffff"), "-2");
    assert_string_equal(scalar(t(TYPE_U128), "00e40b54020000000000000000000000"), "10000000000");
}

static void test_256_bits(void **state) {
    (void)state;
    const char *zero = "0000000000000000000000000000000000000000000000000000000000000000";
    const char *ones = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    const char *lowest = "0000000000000000000000000000000000000000000000000000000000000080";
    assert_string_equal(scalar(t(TYPE_U256), zero), "\"0x0\"");
    assert_string_equal(scalar(t(TYPE_I256), zero), "\"0x0\"");
    assert_string_equal(scalar(t(TYPE_I256), ones), "\"-0x1\"");
    assert_string_equal(scalar(t(TYPE_U256), ones),
                        "\"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"");
    assert_string_equal(scalar(t(TYPE_I256), lowest),
                        "\"-0x8000000000000000000000000000000000000000000000000000000000000000\"");
    assert_string_equal(
        scalar(t(TYPE_U256), "ff0f000000000000000000000000000000000000000000000000000000000000"),
        "\"0xfff\"");
}

static void test_strings(void **state) {
    (void)state;
    Buffer buffer;
    buffer_init(&buffer, 1024);
    uint8_t all[0x21];
    for (uint32_t i = 0; i <= 0x20; i++) all[i] = (uint8_t)i;
    json_write_string(&buffer, bytes_of(all, sizeof all));
    assert_string_equal(take_text(&buffer), "\"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u"
                                            "0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f"
                                            "\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u00"
                                            "17\\u0018\\u0019\\u001a\\u001b\\u001c"
                                            "\\u001d\\u001e\\u001f \"");
    buffer_init(&buffer, 1024);
    json_write_string(&buffer, BYTES_LITERAL("a\"b\\c/\x7f\xc3\xa9"));
    assert_string_equal(take_text(&buffer), "\"a\\\"b\\\\c/\x7f\xc3\xa9\"");
    buffer_init(&buffer, 1024);
    json_write_string(&buffer, BYTES_NONE);
    assert_string_equal(take_text(&buffer), "\"\"");
}

// ---- floats ----

static const char *f64_text(double value) {
    Buffer buffer;
    buffer_init(&buffer, 1024);
    json_write_f64(&buffer, value);
    return take_text(&buffer);
}

static const char *f32_text(float value) {
    Buffer buffer;
    buffer_init(&buffer, 1024);
    json_write_f32(&buffer, value);
    return take_text(&buffer);
}

static void test_f64(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } CASES[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {-1.5, "-1.5"},
        {100, "100.0"},
        {12.34, "12.34"},
        {1e15, "1000000000000000.0"},
        {1e16, "1e16"},
        {123456789012345680.0, "1.2345678901234568e17"},
        {1234567890123456.0, "1234567890123456.0"},
        {0.1, "0.1"},
        {0.00001234, "0.00001234"},
        {0.00001, "0.00001"},
        {0.000001, "1e-6"},
        {1.5e-7, "1.5e-7"},
        {1.2345e300, "1.2345e300"},
        {5e-324, "5e-324"},
        {DBL_MAX, "1.7976931348623157e308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {1.0 / 3, "0.3333333333333333"},
        {0.3, "0.3"},
        {0.1 + 0.2, "0.30000000000000004"},
        {9007199254740993.0, "9007199254740992.0"},
        {9.5367431640625e-7, "9.5367431640625e-7"},
        // The closest decimal of sixteen digits misses at this power of two; its upper neighbour does not.
        {8.41e+21, "8.41e21"},
        {0x1p-44, "5.684341886080802e-14"},
        {2e-323, "2e-323"},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        assert_string_equal(f64_text(CASES[i].value), CASES[i].text);
    assert_string_equal(f64_text((double)NAN), "null");
    assert_string_equal(f64_text((double)INFINITY), "null");
    assert_string_equal(f64_text(-(double)INFINITY), "null");
}

static void test_f32(void **state) {
    (void)state;
    static const struct {
        float value;
        const char *text;
    } CASES[] = {
        {0.1f, "0.1"},
        {1e12f, "1000000000000.0"},
        {1e13f, "1e13"},
        {0.000001f, "0.000001"},
        {0.0000001f, "1e-7"},
        {16777216.0f, "16777216.0"},
        {FLT_MAX, "3.4028235e38"},
        {1e-45f, "1e-45"},
        {-0.0f, "-0.0"},
        {594806.56f, "594806.56"},
        {FLT_MIN, "1.1754944e-38"},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        assert_string_equal(f32_text(CASES[i].value), CASES[i].text);
    assert_string_equal(f32_text(NAN), "null");
}

// Significant digits of a JSON number.
static int digit_count(const char *text) {
    char digits[64];
    int count = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9' && (count > 0 || *text != '0')) digits[count++] = *text;
    }
    while (count > 1 && digits[count - 1] == '0') count--;
    return count;
}

// Random bit patterns: each text reads back, and no text of fewer digits does.
static void test_f64_shortest(void **state) {
    (void)state;
    uint64_t random = 0x9e3779b97f4a7c15u;
    for (int i = 0; i < 30000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint64_t bits = random & 0x7fffffffffffffffu;
        if (i % 3 == 0) bits &= 0x7ff0000000000000u;  // powers of two
        if (i % 7 == 0) bits &= 0x000fffffffffffffu;  // subnormal
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value) || value == 0) continue;
        const char *text = f64_text(value);
        assert_true(strtod(text, NULL) == value);
        int count = digit_count(text);
        char shorter[64];
        for (int fewer = 1; fewer < count; fewer++) {
            snprintf(shorter, sizeof shorter, "%.*e", fewer - 1, value);
            assert_false(strtod(shorter, NULL) == value);
        }
    }
}

static void test_f32_shortest(void **state) {
    (void)state;
    uint32_t random = 0x9e3779b9u;
    for (int i = 0; i < 30000; i++) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        uint32_t bits = random & 0x7fffffffu;
        if (i % 3 == 0) bits &= 0x7f800000u;
        if (i % 7 == 0) bits &= 0x007fffffu;
        float value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value) || value == 0) continue;
        const char *text = f32_text(value);
        assert_true(strtof(text, NULL) == value);
        int count = digit_count(text);
        char shorter[64];
        for (int fewer = 1; fewer < count; fewer++) {
            snprintf(shorter, sizeof shorter, "%.*e", fewer - 1, (double)value);
            assert_false(strtof(shorter, NULL) == value);
        }
    }
}

static void test_wide_functions(void **state) {
    (void)state;
    Buffer buffer;
    buffer_init(&buffer, 1024);
    json_write_u128(&buffer, ~(unsigned __int128)0);
    buffer_u8(&buffer, ' ');
    json_write_i128(&buffer, -1);
    buffer_u8(&buffer, ' ');
    json_write_u256_hex(
        &buffer, hex("00ff000000000000000000000000000000000000000000000000000000000000").data);
    assert_string_equal(take_text(&buffer),
                        "340282366920938463463374607431768211455 -1 \"0xff00\"");
}

// ---- shapes ----

typedef struct ShapeCase {
    const Type *type;
    const char *bsatn;
    const char *untyped;
    const char *typed;
    const char *derived;
    const char *row;
} ShapeCase;

static void run(const ShapeCase *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const ShapeCase *it = &cases[i];
        assert_string_equal(json_text(TYPESPACE_NONE, it->type, it->bsatn, JSON_UNTYPED),
                            it->untyped);
        assert_string_equal(json_text(TYPESPACE_NONE, it->type, it->bsatn, JSON_TYPED), it->typed);
        assert_string_equal(json_text(TYPESPACE_NONE, it->type, it->bsatn, JSON_DERIVED),
                            it->derived);
        assert_string_equal(json_text(TYPESPACE_NONE, it->type, it->bsatn, JSON_ROW_OBJECT),
                            it->row);
    }
}

static void test_shapes(void **state) {
    (void)state;
    const Type *row = PRODUCT(field("id", t(TYPE_U64)), field("name", t(TYPE_STRING)));
    const Type *status = SUM(field("active", type_unit()), field("bannedUntil", t(TYPE_U32)),
                             field(NULL, t(TYPE_U8)));
    const ShapeCase cases[] = {
        {row, "0100000000000000 01000000 78", "[1,\"x\"]", "{\"id\":1,\"name\":\"x\"}",
         "{\"id\":1,\"name\":\"x\"}", "{\"id\":1,\"name\":\"x\"}"},
        {option_of(t(TYPE_I32)), "00 05000000", "[0,5]", "{\"some\":5}", "{\"some\":5}", "[0,5]"},
        {option_of(t(TYPE_I32)), "01", "[1,[]]", "{\"none\":{}}", "{\"none\":[]}", "[1,{}]"},
        {result_of(t(TYPE_U8), t(TYPE_STRING)), "01 00000000", "[1,\"\"]", "{\"err\":\"\"}",
         "{\"err\":\"\"}", "[1,\"\"]"},
        {type_unit(), "", "[]", "{}", "{}", "{}"},
        {status, "00", "[0,[]]", "{\"active\":{}}", "{\"active\":[]}", "[0,{}]"},
        {status, "01 07000000", "[1,7]", "{\"bannedUntil\":7}", "{\"bannedUntil\":7}", "[1,7]"},
        {status, "02 09", "[2,9]", "[2,9]", "[2,9]", "[2,9]"},
        {array_of(t(TYPE_U8)), "02000000 0aff", "\"0aff\"", "\"0aff\"", "\"0aff\"", "\"0aff\""},
        {array_of(t(TYPE_U8)), "00000000", "\"\"", "\"\"", "\"\"", "\"\""},
        {array_of(t(TYPE_I8)), "02000000 0aff", "[10,-1]", "[10,-1]", "[10,-1]", "[10,-1]"},
        {array_of(row), "01000000 0100000000000000 00000000", "[[1,\"\"]]",
         "[{\"id\":1,\"name\":\"\"}]", "[{\"id\":1,\"name\":\"\"}]", "[[1,\"\"]]"},
        {PRODUCT(field("pos", PRODUCT(field("x", t(TYPE_U8)))), field("s", status)), "05 00",
         "[[5],[0,[]]]", "{\"pos\":{\"x\":5},\"s\":{\"active\":{}}}",
         "{\"pos\":{\"x\":5},\"s\":{\"active\":[]}}", "{\"pos\":{\"x\":5},\"s\":[0,{}]}"},
        {PRODUCT(field("a\"", t(TYPE_U8))), "05", "[5]", "{\"a\\\"\":5}", "{\"a\\\"\":5}",
         "{\"a\\\"\":5}"},
        // Unnamed elements have no object: upstream refuses, and this is what remains.
        {PRODUCT(field("a", t(TYPE_U8)), field(NULL, t(TYPE_U8))), "05 06", "[5,6]", "[5,6]",
         "[5,6]", "[5,6]"},
    };
    run(cases, COUNT_OF(cases));
}

static void test_special_shapes(void **state) {
    (void)state;
    const char *identity = "5d262a478b8f95220f3068040c203e32ac0eedc698d84435e9a25303603500c2";
    const ShapeCase cases[] = {
        {type_special(SPECIAL_IDENTITY), identity,
         "[\"0xc20035600353a2e93544d898c6ed0eac323e200c0468300f22958f8b472a265d\"]",
         "{\"__identity__\":"
         "\"0xc20035600353a2e93544d898c6ed0eac323e200c0468300f22958f8b472a265d\"}",
         "{\"__identity__\":"
         "\"0xc20035600353a2e93544d898c6ed0eac323e200c0468300f22958f8b472a265d\"}",
         "{\"__identity__\":"
         "\"0xc20035600353a2e93544d898c6ed0eac323e200c0468300f22958f8b472a265d\"}"},
        {type_special(SPECIAL_CONNECTION_ID), "100f0e0d0c0b0a090807060504030201",
         "[1339673755198158349044581307228491536]",
         "{\"__connection_id__\":1339673755198158349044581307228491536}",
         "{\"__connection_id__\":1339673755198158349044581307228491536}",
         "{\"__connection_id__\":1339673755198158349044581307228491536}"},
        {type_special(SPECIAL_TIMESTAMP), "00401e18240a0600", "[1700000000000000]",
         "{\"__timestamp_micros_since_unix_epoch__\":1700000000000000}",
         "{\"__timestamp_micros_since_unix_epoch__\":1700000000000000}",
         "{\"__timestamp_micros_since_unix_epoch__\":1700000000000000}"},
        {type_special(SPECIAL_UUID), "01000000000000000000000000000000", "[1]", "{\"__uuid__\":1}",
         "{\"__uuid__\":1}", "{\"__uuid__\":1}"},
        {type_special(SPECIAL_SCHEDULE_AT), "00 40420f0000000000", "[0,[1000000]]",
         "{\"Interval\":{\"__time_duration_micros__\":1000000}}",
         "{\"Interval\":{\"__time_duration_micros__\":1000000}}",
         "[0,{\"__time_duration_micros__\":1000000}]"},
    };
    run(cases, COUNT_OF(cases));
}

static void test_refs(void **state) {
    (void)state;
    Typespace typespace = TYPESPACE(
        PRODUCT(field("value", t(TYPE_U8)), field("next", option_of(ref_to(0)))), t(TYPE_U8),
        ref_to(0));
    assert_string_equal(json_text(&typespace, ref_to(2), "01 00 02 01", JSON_DERIVED),
                        "{\"value\":1,\"next\":{\"some\":{\"value\":2,\"next\":{\"none\":[]}}}}");
    assert_string_equal(json_text(&typespace, array_of(ref_to(1)), "02000000 0102", JSON_UNTYPED),
                        "\"0102\"");
    assert_string_equal(
        json_text(&typespace, array_of(ref_to(2)), "01000000 0101", JSON_ROW_OBJECT),
        "[[1,[1,[]]]]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),      cmocka_unit_test(test_256_bits),
        cmocka_unit_test(test_strings),      cmocka_unit_test(test_f64),
        cmocka_unit_test(test_f32),          cmocka_unit_test(test_f64_shortest),
        cmocka_unit_test(test_f32_shortest), cmocka_unit_test(test_wide_functions),
        cmocka_unit_test(test_shapes),       cmocka_unit_test(test_special_shapes),
        cmocka_unit_test(test_refs),
    };
    return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
