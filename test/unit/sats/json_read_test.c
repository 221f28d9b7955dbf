// json_read_test.c - values from JSON: what sats.md 4.5 and 4.6 accept and refuse, with the texts, columns
// and paths of the original.
//
// The expected answers were written down from the original's published crate given the same types and texts.
#include "helpers.h"

typedef struct Case {
    const Type *type;
    const char *json;
    const char *bsatn;  // NULL: it fails
    const char *path;
    const char *text;
} Case;

#define READS(type, json, bsatn) {type, json, bsatn, NULL, NULL}
#define FAILS(type, json, path, text) {type, json, NULL, path, text}

static void run_with(const Case *cases, size_t count, JsonReadOptions options) {
    for (size_t i = 0; i < count; i++) {
        Buffer bsatn;
        Buffer path;
        buffer_init(&bsatn, 1u << 20);
        buffer_init(&path, 1u << 16);
        Error error = {.text = ""};
        // A copy of exactly that size, so that a sanitizer sees a byte too many.
        size_t json_count = strlen(cases[i].json);
        uint8_t *json = mem_alloc(json_count);
        memcpy(json, cases[i].json, json_count);
        Status status = json_read_value(bytes_of(json, json_count), TYPESPACE_NONE, cases[i].type,
                                        options, &bsatn, &path, &error);
        if (cases[i].bsatn) {
            assert_string_equal(error.text, "");
            assert_int_equal(status, STATUS_OK);
            assert_string_equal(to_hex(buffer_bytes(&bsatn)), cases[i].bsatn);
            assert_string_equal(check_text(TYPESPACE_NONE, cases[i].type, buffer_bytes(&bsatn)),
                                "");
        } else {
            assert_int_equal(status, STATUS_INVALID);
            assert_string_equal(error.text, cases[i].text);
            buffer_u8(&path, 0);
            assert_string_equal((const char *)path.data, cases[i].path);
        }
        mem_free(json);
        buffer_done(&bsatn);
        buffer_done(&path);
    }
}

static void run(const Case *cases, size_t count) {
    run_with(cases, count, (JsonReadOptions){.names = JSON_NAMES_VALUE});
}

static const Type *point(void) {
    return PRODUCT(field("x", t(TYPE_U8)), field("y", t(TYPE_I16)));
}

static const Type *named(void) {
    return PRODUCT(field("id", t(TYPE_U32)), field("pos", point()));
}

static const Type *one(void) {
    return PRODUCT(field("a", t(TYPE_U8)));
}

static const Type *three(void) {
    return PRODUCT(field("a", t(TYPE_U8)), field("b", t(TYPE_U8)), field(NULL, t(TYPE_U8)));
}

static const Type *status(void) {
    return SUM(field("active", type_unit()), field("bannedUntil", t(TYPE_U32)),
               field(NULL, t(TYPE_BOOL)));
}

static const Type *arguments(void) {
    return PRODUCT(field("a", t(TYPE_U32)), field("b", option_of(t(TYPE_U32))));
}

static void test_integers(void **state) {
    (void)state;
    const Case cases[] = {
        READS(t(TYPE_U8), "0", "00"),
        READS(t(TYPE_U8), "255", "ff"),
        FAILS(t(TYPE_U8), "256", ".",
              "invalid value: integer `256`, expected u8 at line 1 column 3"),
        FAILS(t(TYPE_U8), "-1", ".", "invalid value: integer `-1`, expected u8 at line 1 column 2"),
        FAILS(t(TYPE_U8), "-0", ".",
              "invalid type: floating point `-0.0`, expected u8 at line 1 column 2"),
        FAILS(t(TYPE_U8), "1.0", ".",
              "invalid type: floating point `1.0`, expected u8 at line 1 column 3"),
        FAILS(t(TYPE_U8), "1e0", ".",
              "invalid type: floating point `1.0`, expected u8 at line 1 column 3"),
        FAILS(t(TYPE_U8), "01", ".", "invalid number at line 1 column 2"),
        FAILS(t(TYPE_U8), "+1", ".", "expected value at line 1 column 1"),
        FAILS(t(TYPE_U8), "\"1\"", ".",
              "invalid type: string \"1\", expected u8 at line 1 column 3"),
        FAILS(t(TYPE_U8), "true", ".",
              "invalid type: boolean `true`, expected u8 at line 1 column 4"),
        FAILS(t(TYPE_U8), "null", ".", "invalid type: null, expected u8 at line 1 column 4"),
        FAILS(t(TYPE_U8), "[]", ".", "invalid type: sequence, expected u8 at line 1 column 0"),
        FAILS(t(TYPE_U8), "{}", ".", "invalid type: map, expected u8 at line 1 column 0"),
        FAILS(t(TYPE_U8), "", ".", "EOF while parsing a value at line 1 column 0"),
        FAILS(t(TYPE_U8), "-", ".", "EOF while parsing a value at line 1 column 1"),
        FAILS(t(TYPE_U8), "1x", "", "trailing characters at line 1 column 2"),
        READS(t(TYPE_U8), " \n\t\r 7 ", "07"),
        FAILS(t(TYPE_U8), "1 2", "", "trailing characters at line 1 column 3"),
        READS(t(TYPE_I8), "-128", "80"),
        READS(t(TYPE_I8), "127", "7f"),
        FAILS(t(TYPE_I8), "-129", ".",
              "invalid value: integer `-129`, expected i8 at line 1 column 4"),
        FAILS(t(TYPE_I8), "128", ".",
              "invalid value: integer `128`, expected i8 at line 1 column 3"),
        READS(t(TYPE_I16), "-32768", "0080"),
        FAILS(t(TYPE_I16), "32768", ".",
              "invalid value: integer `32768`, expected i16 at line 1 column 5"),
        READS(t(TYPE_U16), "65535", "ffff"),
        FAILS(t(TYPE_U16), "65536", ".",
              "invalid value: integer `65536`, expected u16 at line 1 column 5"),
        READS(t(TYPE_I32), "-2147483648", "00000080"),
        FAILS(t(TYPE_I32), "2147483648", ".",
              "invalid value: integer `2147483648`, expected i32 at line 1 column 10"),
        READS(t(TYPE_U32), "4294967295", "ffffffff"),
        FAILS(t(TYPE_U32), "4294967296", ".",
              "invalid value: integer `4294967296`, expected u32 at line 1 column 10"),
        READS(t(TYPE_I64), "-9223372036854775808", "0000000000000080"),
        READS(t(TYPE_I64), "9223372036854775807", "ffffffffffffff7f"),
        FAILS(t(TYPE_I64), "9223372036854775808", ".",
              "invalid value: integer `9223372036854775808`, expected i64 at line 1 column 19"),
        FAILS(t(TYPE_I64), "-9223372036854775809", ".",
              "invalid type: floating point `-9.223372036854776e18`, expected i64 at line 1 column "
              "20"),
        READS(t(TYPE_U64), "18446744073709551615", "ffffffffffffffff"),
        FAILS(t(TYPE_U64), "18446744073709551616", ".",
              "invalid type: floating point `1.8446744073709552e19`, expected u64 at line 1 column "
              "20"),
        FAILS(t(TYPE_U64), "-1", ".",
              "invalid value: integer `-1`, expected u64 at line 1 column 2"),
        FAILS(t(TYPE_U64), "1e400", ".", "number out of range at line 1 column 5"),
    };
    run(cases, COUNT_OF(cases));
}

static void test_integers_128(void **state) {
    (void)state;
    const Case cases[] = {
        READS(t(TYPE_U128), "0", "00000000000000000000000000000000"),
        READS(t(TYPE_U128), "340282366920938463463374607431768211455",
              "ffffffffffffffffffffffffffffffff"),
        FAILS(t(TYPE_U128), "340282366920938463463374607431768211456", ".",
              "number out of range at line 1 column 39"),
        FAILS(t(TYPE_U128), "-1", ".", "number out of range at line 1 column 1"),
        FAILS(t(TYPE_U128), "1.0", "", "trailing characters at line 1 column 2"),
        FAILS(t(TYPE_U128), "1e3", "", "trailing characters at line 1 column 2"),
        FAILS(t(TYPE_U128), "\"1\"", ".", "invalid number at line 1 column 1"),
        FAILS(t(TYPE_U128), "null", ".", "invalid number at line 1 column 1"),
        FAILS(t(TYPE_U128), "00", ".", "invalid number at line 1 column 2"),
        FAILS(t(TYPE_U128), "", ".", "EOF while parsing a value at line 1 column 0"),
        READS(t(TYPE_I128), "-170141183460469231731687303715884105728",
              "00000000000000000000000000000080"),
        READS(t(TYPE_I128), "170141183460469231731687303715884105727",
              "ffffffffffffffffffffffffffffff7f"),
        FAILS(t(TYPE_I128), "170141183460469231731687303715884105728", ".",
              "number out of range at line 1 column 39"),
        FAILS(t(TYPE_I128), "-170141183460469231731687303715884105729", ".",
              "number out of range at line 1 column 40"),
        READS(t(TYPE_I128), "-0", "00000000000000000000000000000000"),
        FAILS(t(TYPE_I128), "-", ".", "invalid number at line 1 column 1"),
        FAILS(t(TYPE_I128), "-x", ".", "invalid number at line 1 column 2"),
        FAILS(t(TYPE_I128), "- 1", ".", "invalid number at line 1 column 2"),
    };
    run(cases, COUNT_OF(cases));
}

static void test_integers_256(void **state) {
    (void)state;
    const Case cases[] = {
        READS(t(TYPE_U256), "\"0x0\"",
              "0000000000000000000000000000000000000000000000000000000000000000"),
        READS(t(TYPE_U256), "\"0x00ff\"",
              "ff00000000000000000000000000000000000000000000000000000000000000"),
        READS(t(TYPE_U256), "\"+0xFF\"",
              "ff00000000000000000000000000000000000000000000000000000000000000"),
        READS(t(TYPE_U256),
              "\"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"",
              "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        FAILS(t(TYPE_U256),
              "\"0x10000000000000000000000000000000000000000000000000000000000000000\"", ".",
              "number too large to fit in target type at line 1 column 69"),
        FAILS(t(TYPE_U256), "\"-0x1\"", ".", "invalid digit found in string at line 1 column 6"),
        FAILS(t(TYPE_U256), "\"0X1\"", ".", "invalid digit found in string at line 1 column 5"),
        FAILS(t(TYPE_U256), "\"1\"", ".", "invalid digit found in string at line 1 column 3"),
        FAILS(t(TYPE_U256), "\"\"", ".",
              "cannot parse integer from empty string at line 1 column 2"),
        FAILS(t(TYPE_U256), "\"0x\"", ".", "invalid digit found in string at line 1 column 4"),
        FAILS(t(TYPE_U256), "\"0xg\"", ".", "invalid digit found in string at line 1 column 5"),
        FAILS(t(TYPE_U256), "\"+\"", ".", "invalid digit found in string at line 1 column 3"),
        FAILS(t(TYPE_U256), "1", ".",
              "invalid type: integer `1`, expected a formatted 256-bit integer at line 1 column 1"),
        FAILS(t(TYPE_U256), "null", ".",
              "invalid type: null, expected a formatted 256-bit integer at line 1 column 4"),
        READS(t(TYPE_U256), "\"\\u0030x1\"",
              "0100000000000000000000000000000000000000000000000000000000000000"),
        READS(t(TYPE_U256),
              "\"0x00000000000000000000000000000000000000000000000000000000000000000000000000000000"
              "1\"",
              "0100000000000000000000000000000000000000000000000000000000000000"),
        READS(t(TYPE_I256), "\"-0x1\"",
              "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        READS(t(TYPE_I256),
              "\"-0x8000000000000000000000000000000000000000000000000000000000000000\"",
              "0000000000000000000000000000000000000000000000000000000000000080"),
        READS(t(TYPE_I256),
              "\"0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"",
              "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        FAILS(t(TYPE_I256),
              "\"0x8000000000000000000000000000000000000000000000000000000000000000\"", ".",
              "number too large to fit in target type at line 1 column 68"),
        FAILS(t(TYPE_I256),
              "\"-0x8000000000000000000000000000000000000000000000000000000000000001\"", ".",
              "number too small to fit in target type at line 1 column 69"),
        FAILS(t(TYPE_I256), "\"-1\"", ".", "invalid digit found in string at line 1 column 4"),
    };
    run(cases, COUNT_OF(cases));
}

static void test_floats(void **state) {
    (void)state;
    const Case cases[] = {
        READS(t(TYPE_F64), "1", "000000000000f03f"),
        READS(t(TYPE_F64), "-1", "000000000000f0bf"),
        READS(t(TYPE_F64), "0.1", "9a9999999999b93f"),
        READS(t(TYPE_F64), "-0", "0000000000000080"),
        READS(t(TYPE_F64), "-0.0", "0000000000000080"),
        READS(t(TYPE_F64), "1e2", "0000000000005940"),
        READS(t(TYPE_F64), "1E+2", "0000000000005940"),
        READS(t(TYPE_F64), "1e-2", "7b14ae47e17a843f"),
        FAILS(t(TYPE_F64), "1.", ".", "EOF while parsing a value at line 1 column 2"),
        FAILS(t(TYPE_F64), "1.e1", ".", "invalid number at line 1 column 3"),
        FAILS(t(TYPE_F64), ".5", ".", "expected value at line 1 column 1"),
        FAILS(t(TYPE_F64), "1e", ".", "EOF while parsing a value at line 1 column 2"),
        FAILS(t(TYPE_F64), "1e+", ".", "EOF while parsing a value at line 1 column 3"),
        FAILS(t(TYPE_F64), "1e400", ".", "number out of range at line 1 column 5"),
        FAILS(t(TYPE_F64), "-1e400", ".", "number out of range at line 1 column 6"),
        READS(t(TYPE_F64), "1e-400", "0000000000000000"),
        FAILS(t(TYPE_F64), "\"1\"", ".",
              "invalid type: string \"1\", expected f64 at line 1 column 3"),
        FAILS(t(TYPE_F64), "null", ".", "invalid type: null, expected f64 at line 1 column 4"),
        FAILS(t(TYPE_F64), "NaN", ".", "expected value at line 1 column 1"),
        READS(t(TYPE_F64), "123456789012345678901234567890", "3e376cff90eef845"),
        READS(t(TYPE_F64), "1.7976931348623157e308", "ffffffffffffef7f"),
        READS(t(TYPE_F64), "0e99999999999", "0000000000000000"),
        FAILS(t(TYPE_F64), "true", ".",
              "invalid type: boolean `true`, expected f64 at line 1 column 4"),
        FAILS(t(TYPE_F64), "[]", ".", "invalid type: sequence, expected f64 at line 1 column 0"),
        READS(t(TYPE_F32), "0.1", "cdcccc3d"),
        READS(t(TYPE_F32), "1e39", "0000807f"),
        READS(t(TYPE_F32), "16777217", "0000804b"),
        FAILS(t(TYPE_F32), "x", ".", "expected value at line 1 column 1"),
    };
    run(cases, COUNT_OF(cases));
}

static void test_bools_and_strings(void **state) {
    (void)state;
    const Case cases[] = {
        READS(t(TYPE_BOOL), "true", "01"),
        READS(t(TYPE_BOOL), "false", "00"),
        FAILS(t(TYPE_BOOL), "1", ".",
              "invalid type: integer `1`, expected a boolean at line 1 column 1"),
        FAILS(t(TYPE_BOOL), "\"true\"", ".",
              "invalid type: string \"true\", expected a boolean at line 1 column 6"),
        FAILS(t(TYPE_BOOL), "null", ".",
              "invalid type: null, expected a boolean at line 1 column 4"),
        FAILS(t(TYPE_BOOL), "tru", ".", "EOF while parsing a value at line 1 column 3"),
        FAILS(t(TYPE_BOOL), "falsy", ".", "expected ident at line 1 column 5"),
        FAILS(t(TYPE_BOOL), "t", ".", "EOF while parsing a value at line 1 column 1"),
        FAILS(t(TYPE_BOOL), "", ".", "EOF while parsing a value at line 1 column 0"),
        READS(t(TYPE_STRING), "\"\"", "00000000"),
        READS(t(TYPE_STRING), "\"abc\"", "03000000616263"),
        READS(t(TYPE_STRING), "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "08000000225c2f080c0a0d09"),
        READS(t(TYPE_STRING), "\"\\u00e9\\u65e5\\ud83d\\ude00\"", "09000000c3a9e697a5f09f9880"),
        READS(t(TYPE_STRING), "\"\346\227\245\346\234\254\"", "06000000e697a5e69cac"),
        FAILS(t(TYPE_STRING), "\"\\ud800\"", ".",
              "unexpected end of hex escape at line 1 column 8"),
        FAILS(t(TYPE_STRING), "\"\\udc00\"", ".",
              "lone leading surrogate in hex escape at line 1 column 7"),
        FAILS(t(TYPE_STRING), "\"\\ud800x\"", ".",
              "unexpected end of hex escape at line 1 column 8"),
        FAILS(t(TYPE_STRING), "\"\\ud800\\n\"", ".",
              "unexpected end of hex escape at line 1 column 9"),
        FAILS(t(TYPE_STRING), "\"\\ud800\\u0041\"", ".",
              "lone leading surrogate in hex escape at line 1 column 13"),
        FAILS(t(TYPE_STRING), "\"\\u12\"", ".", "EOF while parsing a string at line 1 column 6"),
        FAILS(t(TYPE_STRING), "\"\\uzzzz\"", ".", "invalid escape at line 1 column 7"),
        FAILS(t(TYPE_STRING), "\"\\x\"", ".", "invalid escape at line 1 column 3"),
        FAILS(t(TYPE_STRING), "\"abc", ".", "EOF while parsing a string at line 1 column 4"),
        FAILS(t(TYPE_STRING), "\"ab\\", ".", "EOF while parsing a string at line 1 column 4"),
        FAILS(
            t(TYPE_STRING), "\"a\tb\"", ".",
            "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 3"),
        FAILS(t(TYPE_STRING), "1", ".",
              "invalid type: integer `1`, expected a string at line 1 column 1"),
        FAILS(t(TYPE_STRING), "null", ".",
              "invalid type: null, expected a string at line 1 column 4"),
        FAILS(t(TYPE_STRING), "'a'", ".", "expected value at line 1 column 1"),
        FAILS(t(TYPE_STRING), "[\"a\"]", ".",
              "invalid type: sequence, expected a string at line 1 column 0"),
        FAILS(t(TYPE_STRING), "{\"a\":1}", ".",
              "invalid type: map, expected a string at line 1 column 0"),
    };
    run(cases, COUNT_OF(cases));
}

static void test_bytes_and_arrays(void **state) {
    (void)state;
    const Case cases[] = {
        READS(array_of(t(TYPE_U8)), "\"\"", "00000000"),
        READS(array_of(t(TYPE_U8)), "\"00ff\"", "0200000000ff"),
        READS(array_of(t(TYPE_U8)), "\"FFaB\"", "02000000ffab"),
        READS(array_of(t(TYPE_U8)), "[]", "00000000"),
        READS(array_of(t(TYPE_U8)), "[0,255]", "0200000000ff"),
        FAILS(array_of(t(TYPE_U8)), "[256]", "[0]",
              "invalid value: integer `256`, expected u8 at line 1 column 4"),
        FAILS(array_of(t(TYPE_U8)), "[\"a\"]", "[0]",
              "invalid type: string \"a\", expected u8 at line 1 column 4"),
        FAILS(array_of(t(TYPE_U8)), "\"0x00\"", ".",
              "invalid value: string \"0x00\", expected a byte array or hex string at line 1 "
              "column 6"),
        FAILS(array_of(t(TYPE_U8)), "\"abc\"", ".",
              "invalid value: string \"abc\", expected a byte array or hex string at line 1 column "
              "5"),
        FAILS(
            array_of(t(TYPE_U8)), "\"zz\"", ".",
            "invalid value: string \"zz\", expected a byte array or hex string at line 1 column 4"),
        FAILS(array_of(t(TYPE_U8)), "1", ".",
              "invalid type: integer `1`, expected a byte array or hex string at line 1 column 1"),
        FAILS(array_of(t(TYPE_U8)), "null", ".",
              "invalid type: null, expected a byte array or hex string at line 1 column 4"),
        FAILS(array_of(t(TYPE_U8)), "{}", ".",
              "invalid type: map, expected a byte array or hex string at line 1 column 2"),
        FAILS(array_of(t(TYPE_U8)), "{\"a\":1}", ".",
              "invalid type: map, expected a byte array or hex string at line 1 column 1"),
        FAILS(array_of(t(TYPE_U8)), "[1", ".", "EOF while parsing a list at line 1 column 2"),
        FAILS(array_of(t(TYPE_U8)), "[1,", ".", "EOF while parsing a value at line 1 column 3"),
        FAILS(array_of(t(TYPE_U8)), "[1,]", ".", "trailing comma at line 1 column 4"),
        FAILS(array_of(t(TYPE_U8)), "[1 2]", ".", "expected `,` or `]` at line 1 column 4"),
        READS(array_of(t(TYPE_U8)), "\"\\u0030\\u0031\"", "0100000001"),
        FAILS(array_of(t(TYPE_U8)), "\"q\\\"\\n\\u007f\\u0001\303\251\"", ".",
              "invalid value: string \"q\\\"\\n\\u{7f}\\u{1}\303\251\", expected a byte array or "
              "hex string at line 1 column 21"),
        READS(array_of(t(TYPE_U16)), "[]", "00000000"),
        READS(array_of(t(TYPE_U16)), "[1,515]", "0200000001000302"),
        READS(array_of(t(TYPE_U16)), "[ 1 , 2 ]", "0200000001000200"),
        FAILS(array_of(t(TYPE_U16)), "\"0001\"", ".",
              "invalid type: string \"0001\", expected a vec at line 1 column 6"),
        FAILS(array_of(t(TYPE_U16)), "1", ".",
              "invalid type: integer `1`, expected a vec at line 1 column 1"),
        FAILS(array_of(t(TYPE_U16)), "{}", ".",
              "invalid type: map, expected a vec at line 1 column 0"),
        FAILS(array_of(t(TYPE_U16)), "null", ".",
              "invalid type: null, expected a vec at line 1 column 4"),
        FAILS(array_of(t(TYPE_U16)), "[1,x]", "[1]", "expected value at line 1 column 4"),
        FAILS(array_of(t(TYPE_U16)), "[1,-1]", "[1]",
              "invalid value: integer `-1`, expected u16 at line 1 column 5"),
        FAILS(array_of(t(TYPE_U16)), "[,]", "[0]", "expected value at line 1 column 2"),
        READS(array_of(array_of(t(TYPE_U8))), "[\"01\",[2,3],\"\"]",
              "03000000010000000102000000020300000000"),
        FAILS(array_of(array_of(t(TYPE_U8))), "[[\"x\"]]", "[0][0]",
              "invalid type: string \"x\", expected u8 at line 1 column 5"),
    };
    run(cases, COUNT_OF(cases));
}

static void test_products(void **state) {
    (void)state;
    const Case cases[] = {
        READS(point(), "[1,-2]", "01feff"),
        READS(point(), "{\"x\":1,\"y\":-2}", "01feff"),
        READS(point(), "{\"y\":-2,\"x\":1}", "01feff"),
        FAILS(
            point(), "[1]", ".",
            "invalid length 1, expected product type <product> with 2 elements at line 1 column 3"),
        FAILS(
            point(), "[]", ".",
            "invalid length 0, expected product type <product> with 2 elements at line 1 column 2"),
        FAILS(point(), "[1,2,3]", ".", "trailing characters at line 1 column 6"),
        FAILS(point(), "[1,2,]", ".", "trailing comma at line 1 column 6"),
        FAILS(point(), "{\"x\":1}", ".", "missing field `y` at line 1 column 7"),
        FAILS(point(), "{}", ".", "missing field `x` at line 1 column 2"),
        FAILS(point(), "{\"x\":1,\"x\":2}", ".", "duplicate field `x` at line 1 column 10"),
        FAILS(point(), "{\"z\":1}", "z", "unknown field `z`, expected , `x``y` at line 1 column 4"),
        FAILS(point(), "{\"x\":1,\"y\":2,\"z\":3}", ".", "trailing comma at line 1 column 13"),
        FAILS(point(), "{\"x\":1,\"y\":2,}", ".", "trailing comma at line 1 column 13"),
        FAILS(point(), "{\"x\":1,}", "?", "trailing comma at line 1 column 8"),
        FAILS(point(), "{\"x\" 1}", ".", "expected `:` at line 1 column 6"),
        FAILS(point(), "{\"x\":}", "x", "expected value at line 1 column 6"),
        FAILS(point(), "{x:1}", "?", "key must be a string at line 1 column 2"),
        FAILS(point(), "{\"x\":1 \"y\":2}", "?", "expected `,` or `}` at line 1 column 8"),
        FAILS(point(), "{\"x\":1", "?", "EOF while parsing an object at line 1 column 6"),
        FAILS(point(), "{", "?", "EOF while parsing an object at line 1 column 1"),
        FAILS(point(), "{\"x\"", ".", "EOF while parsing an object at line 1 column 4"),
        FAILS(point(), "{\"x\":", "x", "EOF while parsing a value at line 1 column 5"),
        FAILS(point(), "{\"x\":1,", "?", "EOF while parsing a value at line 1 column 7"),
        FAILS(point(), "5", ".",
              "invalid type: integer `5`, expected a 2-element tuple at line 1 column 1"),
        FAILS(point(), "1.5", ".",
              "invalid type: floating point `1.5`, expected a 2-element tuple at line 1 column 3"),
        FAILS(point(), "\"p\"", ".",
              "invalid type: string \"p\", expected a 2-element tuple at line 1 column 3"),
        FAILS(point(), "null", ".",
              "invalid type: null, expected a 2-element tuple at line 1 column 4"),
        FAILS(point(), "true", ".",
              "invalid type: boolean `true`, expected a 2-element tuple at line 1 column 4"),
        FAILS(point(), "[1,\"a\"]", "[1]",
              "invalid type: string \"a\", expected i16 at line 1 column 6"),
        FAILS(point(), "{\"y\":\"a\"}", "y",
              "invalid type: string \"a\", expected i16 at line 1 column 8"),
        READS(point(), "{\"\\u0078\":1,\"\\u0079\":2}", "010200"),
        FAILS(point(), "{\"0\":1}", "0", "unknown field `0`, expected , `x``y` at line 1 column 4"),
        FAILS(point(), "x", ".", "expected value at line 1 column 1"),
    };
    run(cases, COUNT_OF(cases));
}

static void test_nested_products(void **state) {
    (void)state;
    const Case cases[] = {
        READS(named(), "{\"pos\":{\"y\":1,\"x\":2},\"id\":3}", "03000000020100"),
        FAILS(named(), "{\"pos\":[1],\"id\":3}", "pos",
              "invalid length 1, expected product type <product> with 2 elements at line 1 column "
              "10"),
        FAILS(named(), "[1,{\"x\":1,\"y\":70000}]", "[1].y",
              "invalid value: integer `70000`, expected i16 at line 1 column 19"),
        FAILS(named(), "{\"pos\":{\"q\":1}}", "pos.q",
              "unknown field `q`, expected , `x``y` at line 1 column 11"),
        FAILS(named(), "{\"a.b\":1}", "a.b",
              "unknown field `a.b`, expected , `id``pos` at line 1 column 6"),
        FAILS(one(), "{\"b\":1}", "b", "unknown field `b`, expected `a` at line 1 column 4"),
        FAILS(three(), "{\"zz\":1}", "zz",
              "unknown field `zz`, expected , `a`one of `b`, `0` at line 1 column 5"),
        FAILS(three(), "{\"a\":1,\"b\":2}", ".", "missing field (index 2) at line 1 column 13"),
        READS(three(), "[1,2,3]", "010203"),
        FAILS(three(), "{\"2\":1}", "2",
              "unknown field `2`, expected , `a`one of `b`, `0` at line 1 column 4"),
        FAILS(three(), "{\"0\":1}", "0",
              "unknown field `0`, expected , `a`one of `b`, `0` at line 1 column 4"),
        READS(type_unit(), "[]", ""),
        READS(type_unit(), "{}", ""),
        READS(type_unit(), "[ ]", ""),
        FAILS(type_unit(), "[1]", ".", "trailing characters at line 1 column 2"),
        FAILS(type_unit(), "{\"a\":1}", ".", "trailing characters at line 1 column 2"),
        FAILS(type_unit(), "null", ".",
              "invalid type: null, expected a 0-element tuple at line 1 column 4"),
        FAILS(type_unit(), "1", ".",
              "invalid type: integer `1`, expected a 0-element tuple at line 1 column 1"),
        READS(type_special(SPECIAL_IDENTITY), "[\"0x5\"]",
              "0500000000000000000000000000000000000000000000000000000000000000"),
        READS(type_special(SPECIAL_IDENTITY), "{\"__identity__\":\"0xc2\"}",
              "c200000000000000000000000000000000000000000000000000000000000000"),
        FAILS(type_special(SPECIAL_IDENTITY), "\"0x5\"", ".",
              "invalid type: string \"0x5\", expected a 1-element tuple at line 1 column 5"),
        FAILS(
            type_special(SPECIAL_IDENTITY), "{\"__identity__\":5}", "__identity__",
            "invalid type: integer `5`, expected a formatted 256-bit integer at line 1 column 17"),
    };
    run(cases, COUNT_OF(cases));
}

static void test_sums(void **state) {
    (void)state;
    const Case cases[] = {
        READS(option_of(t(TYPE_U32)), "null", "01"),
        READS(option_of(t(TYPE_U32)), "{\"some\":1}", "0001000000"),
        READS(option_of(t(TYPE_U32)), "{\"none\":[]}", "01"),
        READS(option_of(t(TYPE_U32)), "{\"none\":{}}", "01"),
        READS(option_of(t(TYPE_U32)), "[0,1]", "0001000000"),
        READS(option_of(t(TYPE_U32)), "[1,[]]", "01"),
        READS(option_of(t(TYPE_U32)), "[\"some\",1]", "0001000000"),
        READS(option_of(t(TYPE_U32)), "{\"0\":1}", "0001000000"),
        READS(option_of(t(TYPE_U32)), "[\"1\",{}]", "01"),
        FAILS(option_of(t(TYPE_U32)), "1", ".",
              "invalid type: integer `1`, expected sum type at line 1 column 1"),
        FAILS(option_of(t(TYPE_U32)), "\"none\"", ".",
              "invalid type: string \"none\", expected sum type at line 1 column 6"),
        FAILS(option_of(t(TYPE_U32)), "{}", ".",
              "expected map representing sum type to have exactly one field at line 1 column 2"),
        FAILS(option_of(t(TYPE_U32)), "[]", ".",
              "expected seq representing sum type to have exactly two fields at line 1 column 2"),
        FAILS(option_of(t(TYPE_U32)), "[0]", ".",
              "expected seq representing sum type to have exactly two fields at line 1 column 3"),
        FAILS(option_of(t(TYPE_U32)), "[0,1,2]", ".", "trailing characters at line 1 column 6"),
        FAILS(option_of(t(TYPE_U32)), "{\"some\":1,\"none\":[]}", ".",
              "trailing comma at line 1 column 10"),
        FAILS(option_of(t(TYPE_U32)), "{\"Some\":1}", "Some",
              "unknown variant `Some`, expected , `some``none` at line 1 column 7"),
        FAILS(option_of(t(TYPE_U32)), "{\"2\":1}", "2",
              "unknown tag 0x2 for sum type <unknown> at line 1 column 4"),
        FAILS(option_of(t(TYPE_U32)), "[2,1]", "[0]",
              "unknown tag 0x2 for sum type <unknown> at line 1 column 2"),
        FAILS(option_of(t(TYPE_U32)), "[256,1]", "[0]",
              "invalid value: integer `256`, expected a u8 tag at line 1 column 4"),
        FAILS(option_of(t(TYPE_U32)), "[-1,1]", "[0]",
              "invalid type: integer `-1`, expected variant identifier (string or int) at line 1 "
              "column 3"),
        FAILS(option_of(t(TYPE_U32)), "[0.5,1]", "[0]",
              "invalid type: floating point `0.5`, expected variant identifier (string or int) at "
              "line 1 column 4"),
        FAILS(option_of(t(TYPE_U32)), "[true,1]", "[0]",
              "invalid type: boolean `true`, expected variant identifier (string or int) at line 1 "
              "column 5"),
        FAILS(option_of(t(TYPE_U32)), "[null,1]", "[0]",
              "invalid type: null, expected variant identifier (string or int) at line 1 column 5"),
        FAILS(option_of(t(TYPE_U32)), "[[],1]", "[0]",
              "invalid type: sequence, expected variant identifier (string or int) at line 1 "
              "column 3"),
        FAILS(option_of(t(TYPE_U32)), "[{},1]", "[0]",
              "invalid type: map, expected variant identifier (string or int) at line 1 column 3"),
        FAILS(option_of(t(TYPE_U32)), "[\"x\",1]", "[0]",
              "unknown variant `x`, expected , `some``none` at line 1 column 4"),
        FAILS(option_of(t(TYPE_U32)), "[x]", "[0]", "expected value at line 1 column 2"),
        FAILS(option_of(t(TYPE_U32)), "nul", ".", "EOF while parsing a value at line 1 column 3"),
        FAILS(option_of(t(TYPE_U32)), "{\"some\":null}", "some",
              "invalid type: null, expected u32 at line 1 column 12"),
        READS(option_of(t(TYPE_U32)), "{\"+0\":7}", "0007000000"),
        READS(option_of(t(TYPE_U32)), "{\"00\":7}", "0007000000"),
        FAILS(option_of(t(TYPE_U32)), "{\"256\":7}", "256",
              "unknown variant `256`, expected , `some``none` at line 1 column 6"),
        FAILS(option_of(t(TYPE_U32)), "{\"some\"}", ".", "expected `:` at line 1 column 8"),
        FAILS(option_of(t(TYPE_U32)), "{\"some\":1,}", ".", "trailing comma at line 1 column 10"),
        FAILS(option_of(t(TYPE_U32)), "[0 1]", ".", "expected `,` or `]` at line 1 column 4"),
    };
    run(cases, COUNT_OF(cases));
}

static void test_enums(void **state) {
    (void)state;
    const Case cases[] = {
        READS(status(), "{\"active\":[]}", "00"),
        READS(status(), "{\"bannedUntil\":5}", "0105000000"),
        READS(status(), "{\"2\":true}", "0201"),
        READS(status(), "[2,false]", "0200"),
        FAILS(status(), "\"active\"", ".",
              "invalid type: string \"active\", expected sum type at line 1 column 8"),
        FAILS(status(), "null", ".", "invalid type: null, expected sum type at line 1 column 4"),
        FAILS(
            status(), "{\"banneduntil\":1}", "banneduntil",
            "unknown variant `banneduntil`, expected , `active``bannedUntil` at line 1 column 14"),
        FAILS(status(), "5", ".",
              "invalid type: integer `5`, expected sum type at line 1 column 1"),
        FAILS(status(), "{\"3\":1}", "3",
              "unknown tag 0x3 for sum type <unknown> at line 1 column 4"),
        FAILS(never(), "[0,1]", "[0]", "unknown tag 0x0 for sum type <unknown> at line 1 column 2"),
        FAILS(never(), "{\"a\":1}", "a",
              "unknown variant `a`, there are no variants at line 1 column 4"),
        READS(type_special(SPECIAL_SCHEDULE_AT),
              "{\"Interval\":{\"__time_duration_micros__\":1000000}}", "0040420f0000000000"),
        READS(type_special(SPECIAL_SCHEDULE_AT), "[0,[1000000]]", "0040420f0000000000"),
        READS(type_special(SPECIAL_SCHEDULE_AT), "{\"Time\":[5]}", "010500000000000000"),
        FAILS(type_special(SPECIAL_SCHEDULE_AT), "{\"time\":[5]}", "time",
              "unknown variant `time`, expected , `Interval``Time` at line 1 column 7"),
    };
    run(cases, COUNT_OF(cases));
}

static void test_arguments(void **state) {
    (void)state;
    const Case cases[] = {
        READS(arguments(), "[1,null]", "0100000001"),
        READS(arguments(), "{\"b\":null,\"a\":1}", "0100000001"),
        FAILS(arguments(), "[\"x\"]", "[0]",
              "invalid type: string \"x\", expected u32 at line 1 column 4"),
        FAILS(arguments(), "[1]", ".",
              "invalid length 1, expected reducer args for fun with 2 elements at line 1 column 3"),
        FAILS(arguments(), "[]", ".",
              "invalid length 0, expected reducer args for fun with 2 elements at line 1 column 2"),
        FAILS(arguments(), "", ".", "EOF while parsing a value at line 1 column 0"),
        FAILS(arguments(), "[1,", ".", "EOF while parsing a value at line 1 column 3"),
        FAILS(arguments(), "{\"a\":1}", ".", "missing reducer argument `b` at line 1 column 7"),
        FAILS(arguments(), "{\"a\":1,\"a\":2}", ".",
              "duplicate reducer argument `a` at line 1 column 10"),
        FAILS(arguments(), "{\"c\":1}", "c",
              "unknown reducer argument `c`, expected , `a``b` at line 1 column 4"),
        FAILS(arguments(), "[1,null,2]", ".", "trailing characters at line 1 column 9"),
        FAILS(arguments(), "5", ".",
              "invalid type: integer `5`, expected a fun tuple at line 1 column 1"),
        FAILS(arguments(), "\"x\"", ".",
              "invalid type: string \"x\", expected a fun tuple at line 1 column 3"),
        FAILS(arguments(), "[1,{\"some\":\"y\"}]", "[1].some",
              "invalid type: string \"y\", expected u32 at line 1 column 14"),
        FAILS(arguments(), "[\n1,\n  {\"some\":\ntrue}]", "[1].some",
              "invalid type: boolean `true`, expected u32 at line 4 column 4"),
        FAILS(arguments(), "[1,null] x", "", "trailing characters at line 1 column 10"),
        READS(type_unit(), "[]", ""),
        READS(type_unit(), "{}", ""),
        FAILS(type_unit(), "", ".", "EOF while parsing a value at line 1 column 0"),
        FAILS(type_unit(), "[1]", ".", "trailing characters at line 1 column 2"),
        FAILS(type_unit(), "null", ".",
              "invalid type: null, expected a fun tuple at line 1 column 4"),
    };
    run_with(cases, COUNT_OF(cases),
             (JsonReadOptions){.names = JSON_NAMES_ARGUMENTS, .function = BYTES_LITERAL("fun")});
}

static void test_trailing(void **state) {
    (void)state;
    const Case cases[] = {
        FAILS(t(TYPE_U8), "1,", "", "trailing characters at line 1 column 2"),
        FAILS(t(TYPE_U8), "1 \n\n 2", "", "trailing characters at line 3 column 2"),
        FAILS(type_unit(), "[]]", "", "trailing characters at line 1 column 3"),
        FAILS(t(TYPE_STRING), "\"a\"\"b\"", "", "trailing characters at line 1 column 4"),
    };
    run(cases, COUNT_OF(cases));
}

// ---- beyond the tables ----

static Status read_json(const Typespace *typespace, const Type *type, Bytes json, Buffer *bsatn,
                        Error *error) {
    return json_read_value(json, typespace, type, (JsonReadOptions){0}, bsatn, NULL, error);
}

// `depth` arrays in each other, and the type they are of.
static void nest(uint32_t depth, const Type **ret_type, Bytes *ret_json) {
    const Type *type = t(TYPE_U16);
    uint8_t *json = arena_alloc(&test_arena, (size_t)depth * 2);
    for (uint32_t i = 0; i < depth; i++) {
        type = array_of(type);
        json[i] = '[';
        json[depth + i] = ']';
    }
    *ret_type = type;
    *ret_json = (Bytes){json, depth * 2};
}

static void test_depth_limit(void **state) {
    (void)state;
    const Type *type = NULL;
    Bytes json = BYTES_NONE;
    Error error = {.text = ""};
    Buffer bsatn;
    buffer_init(&bsatn, 1u << 16);
    nest(JSON_DEPTH_MAX - 1, &type, &json);
    assert_int_equal(read_json(TYPESPACE_NONE, type, json, &bsatn, &error), STATUS_OK);
    buffer_clear(&bsatn);
    nest(JSON_DEPTH_MAX, &type, &json);
    assert_int_equal(read_json(TYPESPACE_NONE, type, json, &bsatn, &error), STATUS_INVALID);
    assert_string_equal(error.text, "recursion limit exceeded at line 1 column 128");
    buffer_done(&bsatn);
}

// tree = (value: U8, children: Array<&0>)
static void test_recursive_type(void **state) {
    (void)state;
    const Type *tree = PRODUCT(field("value", t(TYPE_U8)), field("children", array_of(ref_to(0))));
    Typespace typespace = TYPESPACE(tree);
    Buffer bsatn;
    buffer_init(&bsatn, 1u << 16);
    Bytes json = BYTES_LITERAL("{\"children\":[{\"value\":2,\"children\":[]},[3,[]]],\"value\":1}");
    assert_int_equal(read_json(&typespace, ref_to(0), json, &bsatn, NULL), STATUS_OK);
    assert_bytes_equal(buffer_bytes(&bsatn), "01 02000000 02 00000000 03 00000000");
    assert_string_equal(check_text(&typespace, ref_to(0), buffer_bytes(&bsatn)), "");
    buffer_done(&bsatn);
}

static void test_dangling_ref(void **state) {
    (void)state;
    Buffer bsatn;
    buffer_init(&bsatn, 1u << 16);
    Error error;
    assert_int_equal(
        read_json(TYPESPACE_NONE, array_of(ref_to(0)), BYTES_LITERAL("[1]"), &bsatn, &error),
        STATUS_INVALID);
    buffer_done(&bsatn);
}

// Fields in every order give the same bytes, nested ones too.
static void test_any_order(void **state) {
    (void)state;
    const Type *inner = PRODUCT(field("s", t(TYPE_STRING)), field("n", t(TYPE_U8)));
    const Type *type = PRODUCT(field("a", t(TYPE_STRING)), field("b", inner),
                               field("c", t(TYPE_U16)));
    static const char *const texts[] = {
        "{\"a\":\"xyz\",\"b\":{\"n\":7,\"s\":\"q\"},\"c\":258}",
        "{\"a\":\"xyz\",\"c\":258,\"b\":{\"s\":\"q\",\"n\":7}}",
        "{\"b\":{\"n\":7,\"s\":\"q\"},\"a\":\"xyz\",\"c\":258}",
        "{\"b\":[\"q\",7],\"c\":258,\"a\":\"xyz\"}",
        "{\"c\":258,\"a\":\"xyz\",\"b\":{\"n\":7,\"s\":\"q\"}}",
        "{\"c\":258,\"b\":{\"n\":7,\"s\":\"q\"},\"a\":\"xyz\"}",
        "[\"xyz\",{\"n\":7,\"s\":\"q\"},258]",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        Buffer bsatn;
        buffer_init(&bsatn, 1u << 16);
        buffer_u8(&bsatn, 0xee);  // what was there before stays
        assert_int_equal(read_json(TYPESPACE_NONE, type, bytes_of_text(texts[i]), &bsatn, NULL),
                         STATUS_OK);
        assert_bytes_equal(buffer_bytes(&bsatn), "ee 03000000 78797a 01000000 71 07 0201");
        buffer_done(&bsatn);
    }
}

static void test_full_buffer(void **state) {
    (void)state;
    Error error;
    Buffer bsatn;
    buffer_init(&bsatn, 8);
    assert_int_equal(
        read_json(TYPESPACE_NONE, t(TYPE_STRING), BYTES_LITERAL("\"abcd\""), &bsatn, &error),
        STATUS_OK);
    buffer_clear(&bsatn);
    assert_int_equal(
        read_json(TYPESPACE_NONE, t(TYPE_STRING), BYTES_LITERAL("\"abcde\""), &bsatn, &error),
        STATUS_LIMIT);
    buffer_clear(&bsatn);
    assert_int_equal(
        read_json(TYPESPACE_NONE, array_of(t(TYPE_U16)), BYTES_LITERAL("[1,2,3]"), &bsatn, &error),
        STATUS_LIMIT);
    buffer_clear(&bsatn);
    assert_int_equal(read_json(TYPESPACE_NONE, array_of(t(TYPE_U8)),
                               BYTES_LITERAL("\"0102030405\""), &bsatn, &error),
                     STATUS_LIMIT);
    buffer_done(&bsatn);
}

static void test_not_utf8(void **state) {
    (void)state;
    Error error;
    Buffer bsatn;
    buffer_init(&bsatn, 64);
    assert_int_equal(
        read_json(TYPESPACE_NONE, t(TYPE_STRING), BYTES_LITERAL("\"\xff\""), &bsatn, &error),
        STATUS_INVALID);
    buffer_done(&bsatn);
}

static void test_empty_elements_limit(void **state) {
    (void)state;
    for (uint32_t over = 0; over < 2; over++) {
        Buffer json;
        Buffer bsatn;
        Error error = {.text = ""};
        buffer_init(&json, 1u << 20);
        buffer_init(&bsatn, 64);
        buffer_u8(&json, '[');
        for (uint32_t i = 0; i < SATS_EMPTY_ELEMENTS_MAX + over; i++) {
            buffer_append_text(&json, i == 0 ? "[]" : ",{}");
        }
        buffer_u8(&json, ']');
        Status answer = read_json(TYPESPACE_NONE, array_of(type_unit()), buffer_bytes(&json),
                                  &bsatn, &error);
        assert_int_equal(answer, over ? STATUS_INVALID : STATUS_OK);
        buffer_done(&json);
        buffer_done(&bsatn);
    }
}

// A text far longer than an Error still has its position at the end.
static void test_long_texts(void **state) {
    (void)state;
    Buffer json;
    Buffer bsatn;
    Error error;
    buffer_init(&json, 1u << 20);
    buffer_init(&bsatn, 64);
    buffer_u8(&json, '"');
    for (int i = 0; i < 5000; i++) buffer_append_text(&json, "\xc3\xa9");
    buffer_u8(&json, '"');
    assert_int_equal(read_json(TYPESPACE_NONE, t(TYPE_U8), buffer_bytes(&json), &bsatn, &error),
                     STATUS_INVALID);
    const char *end = ", expected u8 at line 1 column 10002";
    assert_string_equal(error.text + strlen(error.text) - strlen(end), end);
    assert_true(utf8_is_valid(bytes_of_text(error.text)));
    buffer_done(&json);
    buffer_done(&bsatn);
}

// A name in a text is cut between characters, wherever the cut falls.
static void test_long_names(void **state) {
    (void)state;
    for (uint32_t start = 0; start < 4; start++) {
        Buffer json;
        Buffer bsatn;
        Error error;
        buffer_init(&json, 1u << 20);
        buffer_init(&bsatn, 64);
        buffer_append_text(&json, "{\"");
        for (uint32_t i = 0; i < start; i++) buffer_u8(&json, 'a');
        for (int i = 0; i < 2000; i++) buffer_append_text(&json, "\xe6\x97\xa5");
        buffer_append_text(&json, "\":1}");
        Bytes function = bytes_slice(buffer_bytes(&json), 2 + start, 6000);
        for (uint32_t kind = 0; kind < 3; kind++) {
            JsonReadOptions options = {.names = JSON_NAMES_ARGUMENTS, .function = function};
            Bytes text = kind == 0   ? buffer_bytes(&json)
                         : kind == 1 ? BYTES_LITERAL("[]")
                                     : BYTES_LITERAL("1");
            Status answer = json_read_value(text, TYPESPACE_NONE, point(), options, &bsatn, NULL,
                                            &error);
            assert_int_equal(answer, STATUS_INVALID);
            assert_true(utf8_is_valid(bytes_of_text(error.text)));
            assert_non_null(strstr(error.text, " at line 1 column "));
        }
        buffer_done(&json);
        buffer_done(&bsatn);
    }
}

// Decimal texts with many digits are read to the closest float, whatever their length.
static void test_long_floats(void **state) {
    (void)state;
    char text[3000];
    memset(text, '0', sizeof text);
    // One, and half a unit in the last place more; then a digit far behind decides.
    const char *tie = "1.00000000000000011102230246251565404236316680908203125";
    memcpy(text, tie, strlen(tie));
    text[sizeof text - 1] = '1';
    Buffer bsatn;
    buffer_init(&bsatn, 64);
    assert_int_equal(read_json(TYPESPACE_NONE, t(TYPE_F64), bytes_of_text(tie), &bsatn, NULL),
                     STATUS_OK);
    assert_bytes_equal(buffer_bytes(&bsatn), "000000000000f03f");
    buffer_clear(&bsatn);
    assert_int_equal(
        read_json(TYPESPACE_NONE, t(TYPE_F64), bytes_of(text, sizeof text), &bsatn, NULL),
        STATUS_OK);
    assert_bytes_equal(buffer_bytes(&bsatn), "010000000000f03f");
    buffer_done(&bsatn);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_integers_128),
        cmocka_unit_test(test_integers_256),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_bools_and_strings),
        cmocka_unit_test(test_bytes_and_arrays),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_nested_products),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_enums),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_trailing),
        cmocka_unit_test(test_depth_limit),
        cmocka_unit_test(test_recursive_type),
        cmocka_unit_test(test_dangling_ref),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_full_buffer),
        cmocka_unit_test(test_not_utf8),
        cmocka_unit_test(test_empty_elements_limit),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_long_floats),
    };
    return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
