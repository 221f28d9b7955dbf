// status_test.c - error texts: set, prefixed, cut; each at the limit and one past it.
#include "base/status.h"

#include "base/bytes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_set_writes_both_and_returns_the_status(void **state) {
    (void)state;
    Error error;
    assert_int_equal(error_set(&error, STATUS_LIMIT, "%d of %s", 7, "rows"), STATUS_LIMIT);
    assert_int_equal(error.status, STATUS_LIMIT);
    assert_string_equal(error.text, "7 of rows");
}

static void test_no_error_wanted(void **state) {
    (void)state;
    assert_int_equal(error_set(NULL, STATUS_INVALID, "x"), STATUS_INVALID);
    assert_int_equal(error_set_errno(NULL, ENOENT, "x"), STATUS_IO);
    error_prefix(NULL, "x");
}

static void test_prefix_goes_before(void **state) {
    (void)state;
    Error error;
    (void)error_set(&error, STATUS_CORRUPT, "bad hash");
    error_prefix(&error, "snapshot %d: ", 7);
    assert_string_equal(error.text, "snapshot 7: bad hash");
    assert_int_equal(error.status, STATUS_CORRUPT);
}

static void test_old_text_may_be_an_argument(void **state) {
    (void)state;
    Error error;
    (void)error_set(&error, STATUS_IO, "inner");
    (void)error_set(&error, STATUS_INVALID, "outer (%s)", error.text);
    assert_string_equal(error.text, "outer (inner)");
}

static void test_errno_text_is_appended(void **state) {
    (void)state;
    Error error;
    assert_int_equal(error_set_errno(&error, ENOENT, "open %s", "foo"), STATUS_IO);
    assert_int_equal(error.status, STATUS_IO);
    assert_string_equal(error.text, "open foo: No such file or directory");
}

static void test_text_at_the_limit_and_past_it(void **state) {
    (void)state;
    char text[ERROR_TEXT_MAX + 1];
    memset(text, 'a', sizeof text);
    Error error;
    text[ERROR_TEXT_MAX - 1] = 0;
    (void)error_set(&error, STATUS_INVALID, "%s", text);
    assert_int_equal(strlen(error.text), ERROR_TEXT_MAX - 1);
    assert_string_equal(error.text, text);
    text[ERROR_TEXT_MAX - 1] = 'a';
    text[ERROR_TEXT_MAX] = 0;
    (void)error_set(&error, STATUS_INVALID, "%s", text);
    assert_int_equal(strlen(error.text), ERROR_TEXT_MAX - 1);
}

// Every sequence length at every distance from the cut: the result is UTF-8 and lost at most 3 bytes.
static void test_cut_respects_utf8(void **state) {
    (void)state;
    const char *const sequences[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x9a\x80"};
    for (int s = 0; s < 3; s++) {
        for (uint32_t lead = ERROR_TEXT_MAX - 6; lead < ERROR_TEXT_MAX + 1; lead++) {
            char text[ERROR_TEXT_MAX + 16] = {0};
            memset(text, 'a', lead);
            strcpy(text + lead, sequences[s]);
            Error error;
            (void)error_set(&error, STATUS_INVALID, "%s", text);
            assert_true(utf8_is_valid(bytes_of_text(error.text)));
            assert_memory_equal(error.text, text, strlen(error.text));
            size_t whole = lead + strlen(sequences[s]);
            size_t wanted = whole < ERROR_TEXT_MAX  ? whole
                            : lead < ERROR_TEXT_MAX ? lead
                                                    : ERROR_TEXT_MAX - 1;
            assert_int_equal(strlen(error.text), wanted);
        }
    }
}

static void test_prefix_past_the_limit_keeps_the_front(void **state) {
    (void)state;
    Error error;
    (void)error_set(&error, STATUS_INVALID, "tail");
    char prefix[ERROR_TEXT_MAX - 2];
    memset(prefix, 'p', sizeof prefix);
    prefix[sizeof prefix - 1] = 0;
    error_prefix(&error, "%s", prefix);
    assert_int_equal(strlen(error.text), ERROR_TEXT_MAX - 1);
    assert_string_equal(error.text + sizeof prefix - 1, "ta");
    error_prefix(&error, "%s%s", prefix, prefix);
    assert_int_equal(strlen(error.text), ERROR_TEXT_MAX - 1);
    assert_int_equal(error.status, STATUS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_writes_both_and_returns_the_status),
        cmocka_unit_test(test_no_error_wanted),
        cmocka_unit_test(test_prefix_goes_before),
        cmocka_unit_test(test_old_text_may_be_an_argument),
        cmocka_unit_test(test_errno_text_is_appended),
        cmocka_unit_test(test_text_at_the_limit_and_past_it),
        cmocka_unit_test(test_cut_respects_utf8),
        cmocka_unit_test(test_prefix_past_the_limit_keeps_the_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
