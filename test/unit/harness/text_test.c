// text_test.c - goal: words, durations and the bits of JSON are read as docs/testing-modules.md says, also where the
// text is cut off or hostile. Method: small tables of texts and what is to come of them.
#include "harness/trial.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static Arena arena;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 1u << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static void durations(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t micros;  // -1: refused
    } CASES[] = {
        {"0", 0},           {"5", 5000000},
        {"5s", 5000000},    {"10ms", 10000},
        {"7us", 7},         {"2m", 120000000},
        {"1h", 3600000000}, {"3650d", 315360000000000},
        {"3651d", -1},      {"99999999999999", -1},
        {"", -1},           {"-1s", -1},
        {"s", -1},          {"1 s", -1},
        {"1x", -1},         {"18446744073709551617s", -1},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int64_t micros = -1;
        bool is_one = text_duration(bytes_of_text(CASES[i].text), &micros);
        assert_int_equal(is_one, CASES[i].micros >= 0);
        assert_int_equal(micros, CASES[i].micros);
    }
}

static void words(void **state) {
    (void)state;
    Bytes text = BYTES_LITERAL("  call \t join  [1, 2] \r\n");
    assert_true(bytes_equal_text(text_word(&text), "call"));
    assert_true(bytes_equal_text(text_word(&text), "join"));
    assert_true(bytes_equal_text(text, "[1, 2]"));
    Bytes empty = BYTES_NONE;
    assert_int_equal(text_word(&empty).count, 0);
    assert_true(text_contains(BYTES_LITERAL("abc"), BYTES_LITERAL("bc")));
    assert_true(text_contains(BYTES_LITERAL("abc"), BYTES_NONE));
    assert_false(text_contains(BYTES_LITERAL("abc"), BYTES_LITERAL("abcd")));
    assert_false(text_contains(BYTES_NONE, BYTES_LITERAL("a")));
}

static bool is_same(const char *left, const char *right) {
    return json_is_same(bytes_of_text(left), bytes_of_text(right), &arena);
}

static void json(void **state) {
    (void)state;
    assert_true(is_same("[ [1, \"a b\"] ]", "[[1,\"a b\"]]"));
    assert_false(is_same("[\"a b\"]", "[\"ab\"]"));
    assert_true(is_same("[\"a\\\" b\"]", " [ \"a\\\" b\" ] "));
    assert_false(is_same("[18446744073709551615]", "[18446744073709551614]"));
    assert_true(is_same("[\"cut off", "[\"cut off"));
    assert_true(is_same("[\"\\", "[\"\\"));
}

static void rows(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        const char *rows;
    } CASES[] = {
        {"[{\"schema\":{\"rows\":[0]},\"rows\":[[1,\"]\"],[2]],\"x\":1}]", "[[1,\"]\"],[2]]"},
        {"[{\"schema\":\"\\\"rows\\\":[7]\",\"rows\":[]}]", "[]"},
        {"[{\"rows\":[[1", "[[1"},
        {"[{\"rows\":", ""},
        {"[]", ""},
        {"", ""},
        {"]]]]", ""},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        Bytes found = json_rows(bytes_of_text(CASES[i].answer));
        assert_true(bytes_equal_text(found, CASES[i].rows));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(words),
        cmocka_unit_test(json),
        cmocka_unit_test(rows),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
