// toml_test.c - goal: what configuration files hold is read as TOML says, the rest is refused with its line.
// Method: small documents, each with what it must give.

#include "base/toml.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static Arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 64u << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static Toml read_good(const char *text) {
    Toml toml;
    Error error = {0};
    Status status = toml_read(bytes_of_text(text), &arena, &toml, &error);
    if (status != STATUS_OK) fail_msg("%s", error.text);
    return toml;
}

static void assert_bad(const char *text, const char *expected) {
    Toml toml;
    Error error = {0};
    assert_int_equal(toml_read(bytes_of_text(text), &arena, &toml, &error), STATUS_INVALID);
    assert_string_equal(error.text, expected);
}

static void assert_text(const TomlValue *value, const char *expected) {
    assert_non_null(value);
    assert_int_equal(value->kind, TOML_STRING);
    assert_true(bytes_equal_text(value->text, expected));
}

static void test_tables_and_kinds(void **state) {
    (void)state;
    Toml toml = read_good("# head\r\n"
                          "top = 1\n\n"
                          "[logs] # with a comment\n"
                          "level = \"error\"\n"
                          "directives = [\n  \"a=b\", # one\n  'c',\n]\n"
                          "  [ websocket ]\n"
                          "ping-interval = \"15s\"\n"
                          "\"quoted key\" = true\n"
                          "fraction=0.67\n"
                          "empty = []\n");
    assert_int_equal(toml_find(&toml, "", "top")->integer, 1);
    assert_text(toml_find(&toml, "logs", "level"), "error");
    const TomlValue *list = toml_find(&toml, "logs", "directives");
    assert_int_equal(list->kind, TOML_ARRAY);
    assert_int_equal(list->count, 2);
    assert_text(&list->items[0], "a=b");
    assert_text(&list->items[1], "c");
    assert_int_equal(list->line, 6);
    assert_text(toml_find(&toml, "websocket", "ping-interval"), "15s");
    assert_true(toml_find(&toml, "websocket", "quoted key")->flag);
    assert_true(toml_find(&toml, "websocket", "fraction")->number == 0.67);
    assert_int_equal(toml_find(&toml, "websocket", "empty")->count, 0);
    assert_null(toml_find(&toml, "logs", "ping-interval"));
    assert_int_equal(toml.count, 7);
}

static void test_numbers(void **state) {
    (void)state;
    Toml toml = read_good("a = 1_073_741_824\nb = -9223372036854775808\nc = 0xff\nd = 0b101\n"
                          "e = 0o17\nf = 1e3\ng = -0.5\nh = inf\ni = +7\n");
    static const int64_t INTEGERS[] = {1073741824, INT64_MIN, 255, 5, 15};
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(toml.entries[i].value.kind, TOML_INTEGER);
        assert_true(toml.entries[i].value.integer == INTEGERS[i]);
    }
    assert_true(toml_find(&toml, "", "f")->number == 1000.0);
    assert_true(toml_find(&toml, "", "g")->number == -0.5);
    assert_true(toml_find(&toml, "", "h")->number > 1e308);
    assert_int_equal(toml_find(&toml, "", "i")->integer, 7);
}

static void test_arrays_of_tables_and_dotted_keys(void **state) {
    (void)state;
    Toml toml = read_good("[[server_configs]]\nnickname = \"local\"\n[[server_configs]]\n"
                          "nickname = \"other\"\n[a]\nb.c = 1\n[d.e]\nf = 2\n");
    assert_int_equal(toml.entries[0].table_index, 0);
    assert_int_equal(toml.entries[1].table_index, 1);
    assert_text(&toml.entries[1].value, "other");
    assert_int_equal(toml_find(&toml, "a.b", "c")->integer, 1);
    assert_int_equal(toml_find(&toml, "d.e", "f")->integer, 2);
}

static void test_escapes(void **state) {
    (void)state;
    Toml toml = read_good("a = \"x\\t\\\"\\\\\\u00e9\\U0001F600\"\nb = 'C:\\n'\n");
    assert_text(toml_find(&toml, "", "a"), "x\t\"\\\xc3\xa9\xf0\x9f\x98\x80");
    assert_text(toml_find(&toml, "", "b"), "C:\\n");
}

static void test_refusals(void **state) {
    (void)state;
    assert_bad("a = 1\na = 2\n", "line 2: the key is there already");
    assert_bad("[a]\n[a]\n", "line 2: the table is there already");
    assert_bad("[[a]]\n[a]\n", "line 2: the table is there already");
    assert_bad("a = \"x\n", "line 1: a string must end on its line and hold no control characters");
    assert_bad("a = \"\"\"x\"\"\"\n", "line 1: multi-line strings are not supported");
    assert_bad("a = {b = 1}\n", "line 1: inline tables are not supported");
    assert_bad("\na = 2026-11-25\n", "line 2: not a value (dates are not supported)");
    assert_bad("a = 1 2\n", "line 1: something stands behind the value");
    assert_bad("a\n", "line 1: a key must be followed by =");
    assert_bad("= 1\n", "line 1: a key is missing");
    assert_bad("[a\n", "line 1: a table's name must end with ]");
    assert_bad("a = [1 2]\n", "line 1: an array needs a comma or ]");
    assert_bad("a = [1,\n", "line 2: not a value (dates are not supported)");
    assert_bad("a = \"\\q\"\n", "line 1: an unknown escape in a string");
    assert_bad("a = \"\\ud800\"\n", "line 1: an escape that is no character");
    assert_bad("a = 9223372036854775808\n", "line 1: not a value (dates are not supported)");
    assert_bad("a = 1__0\n", "line 1: not a value");
    assert_bad("a = 012\n", "line 1: not a value (dates are not supported)");
    assert_bad("a = \xff\n", "not valid UTF-8");
}

// Depth and count: the last that fits, and one more.
static void test_limits(void **state) {
    (void)state;
    char text[128];
    Toml toml;
    Error error = {0};
    for (uint32_t depth = TOML_DEPTH_MAX; depth <= TOML_DEPTH_MAX + 1; depth++) {
        memcpy(text, "a = ", 4);
        memset(text + 4, '[', depth);
        memset(text + 4 + depth, ']', depth);
        Bytes document = bytes_of(text, 4 + 2 * depth);
        Status expected = depth > TOML_DEPTH_MAX ? STATUS_LIMIT : STATUS_OK;
        assert_int_equal(toml_read(document, &arena, &toml, &error), expected);
    }
    for (uint32_t count = TOML_ENTRIES_MAX; count <= TOML_ENTRIES_MAX + 1; count++) {
        Buffer document;
        buffer_init(&document, TOML_BYTES_MAX);
        for (uint32_t i = 0; i < count; i++) buffer_append_format(&document, "k%u = 1\n", i);
        Status expected = count > TOML_ENTRIES_MAX ? STATUS_LIMIT : STATUS_OK;
        assert_int_equal(toml_read(buffer_bytes(&document), &arena, &toml, &error), expected);
        buffer_done(&document);
    }
    uint8_t *large = mem_alloc(TOML_BYTES_MAX + 1);
    memset(large, '\n', TOML_BYTES_MAX + 1);
    assert_int_equal(toml_read(bytes_of(large, TOML_BYTES_MAX), &arena, &toml, &error), STATUS_OK);
    assert_int_equal(toml_read(bytes_of(large, TOML_BYTES_MAX + 1), &arena, &toml, &error),
                     STATUS_LIMIT);
    mem_free(large);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tables_and_kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_arrays_of_tables_and_dotted_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_escapes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
