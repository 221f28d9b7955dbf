// json_text_test.c - goal: JSON is looked into without changing it; what is no JSON is refused.
// Method: small texts; the depth limit at n and n + 1.
#include "cli_test.h"

#include "cli/json_text.h"

static Bytes read_good(const char *json) {
    Bytes value = BYTES_NONE;
    assert_true(json_text_read(bytes_of_text(json), &value));
    return value;
}

static void test_members(void **state) {
    (void)state;
    Bytes value = read_good(" { \"a\" : [1, {\"b\": \"}\"}] ,\"c\":-1.5e+3,\"a\":2 } ");
    assert_int_equal(json_text_kind(value), JSON_TEXT_OBJECT);
    assert_bytes(json_text_member(value, "a"), "[1, {\"b\": \"}\"}]");
    assert_bytes(json_text_member(value, "c"), "-1.5e+3");
    assert_null(json_text_member(value, "b").data);
    assert_null(json_text_member(json_text_member(value, "c"), "x").data);
    JsonWalk walk = json_text_walk(json_text_member(value, "a"));
    Bytes key = BYTES_LITERAL("?");
    Bytes item = BYTES_NONE;
    assert_true(json_text_next(&walk, &key, &item));
    assert_null(key.data);
    assert_bytes(item, "1");
    assert_true(json_text_next(&walk, &key, &item));
    assert_bytes(item, "{\"b\": \"}\"}");
    assert_false(json_text_next(&walk, &key, &item));
    walk = json_text_walk(BYTES_LITERAL("1"));
    assert_false(json_text_next(&walk, &key, &item));
}

static void test_variants(void **state) {
    (void)state;
    Bytes name = BYTES_NONE;
    Bytes value = BYTES_NONE;
    assert_true(json_text_variant(read_good("{\"U8\":[]}"), &name, &value));
    assert_bytes(name, "U8");
    assert_bytes(value, "[]");
    assert_false(json_text_variant(read_good("{}"), &name, &value));
    assert_false(json_text_variant(read_good("[1]"), &name, &value));
    assert_false(json_text_variant(read_good("{\"a\":1,\"b\":2}"), &name, &value));
}

static void test_scalars(void **state) {
    (void)state;
    Bytes text = BYTES_NONE;
    uint32_t small = 0;
    int64_t large = 0;
    assert_true(json_text_string(read_good("\"a\\u00e9\\n\\ud83d\\ude00\""), &cli.arena, &text));
    assert_bytes(text, "aé\n😀");
    assert_false(json_text_string(read_good("\"\\ud83d\""), &cli.arena, &text));
    assert_false(json_text_string(read_good("1"), &cli.arena, &text));
    assert_true(json_text_u32(read_good("4294967295"), &small));
    assert_int_equal(small, UINT32_MAX);
    assert_false(json_text_u32(read_good("4294967296"), &small));
    assert_false(json_text_u32(read_good("-1"), &small));
    assert_true(json_text_i64(read_good("-9223372036854775808"), &large));
    assert_true(large == INT64_MIN);
    assert_false(json_text_i64(read_good("9223372036854775808"), &large));
    assert_false(json_text_i64(read_good("1.0"), &large));
    assert_false(json_text_i64(read_good("\"1\""), &large));
}

static void test_refused(void **state) {
    (void)state;
    static const char *const TEXTS[] = {
        "",          " ",      "{",    "[1,]",  "[,1]",     "{\"a\"}",    "{\"a\":}", "{a:1}",
        "[1 2]",     "tru",    "01",   "1.",    "-",        "1e",         "\"a",      "\"\\x\"",
        "\"\\u12\"", "\"\n\"", "[1]x", "nulll", "\"\xff\"", "{\"a\":1,}",
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        Bytes value = BYTES_NONE;
        assert_false(json_text_read(bytes_of_text(TEXTS[i]), &value));
    }
}

static void test_depth(void **state) {
    (void)state;
    for (uint32_t depth = CLI_JSON_DEPTH_MAX; depth <= CLI_JSON_DEPTH_MAX + 1; depth++) {
        char *json = arena_alloc(&cli.arena, 2 * depth);
        memset(json, '[', depth);
        memset(json + depth, ']', depth);
        Bytes value = BYTES_NONE;
        assert_int_equal(json_text_read(bytes_of(json, 2 * depth), &value),
                         depth == CLI_JSON_DEPTH_MAX);
    }
}

static void test_pretty(void **state) {
    (void)state;
    Buffer text;
    buffer_init(&text, 4096);
    json_text_write_pretty(
        &text, read_good("{\"a\":[1,{}],\"b\":{\"c\":340282366920938463463374607431768211455},"
                         "\"d\":[ ],\"sql\":\"SELECT * FROM person WHERE name = 'me'\"}"));
    assert_bytes(buffer_bytes(&text),
                 "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": "
                 "340282366920938463463374607431768211455\n  },\n  \"d\": [],\n  \"sql\": "
                 "\"SELECT * FROM person WHERE name = 'me'\"\n}");
    buffer_done(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_members), TEST(test_variants), TEST(test_scalars),
        TEST(test_refused), TEST(test_depth),    TEST(test_pretty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
