// assert_test.c - a failed ASSERT ends the process with place, text and stack; a true one costs nothing.
// Method: the failing ones run in a child process.
#include "base/assert.h"

#include "death.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void fail_plainly(void *user) {
    ASSERT(user == NULL);
    int wrong = 1;
    ASSERT(wrong == 2);
}

static void reach_the_unreachable(void *user) {
    (void)user;
    UNREACHABLE();
}

static void fail_slowly(void *user) {
    (void)user;
    ASSERT_SLOW(1 == 2);
}

static void test_failure_names_place_and_condition(void **state) {
    (void)state;
    assert_true(death_says(fail_plainly, NULL, "wrong == 2"));
    assert_true(death_says(fail_plainly, NULL, "assert_test.c:"));
    assert_true(death_says(reach_the_unreachable, NULL, "unreachable"));
}

static void test_failure_prints_a_stack(void **state) {
    (void)state;
    char said[4096];
    death_run(fail_plainly, NULL, said);
    int lines = 0;
    for (const char *at = said; (at = strchr(at, '\n')) != NULL; at++) lines++;
    assert_true(lines >= 4);  // the text, then assert_failed, fail_plainly, death_run
}

static void test_true_conditions_pass(void **state) {
    (void)state;
    int evaluated = 0;
    ASSERT(++evaluated == 1);
    assert_int_equal(evaluated, 1);
}

static void test_slow_assertions_follow_the_build(void **state) {
    (void)state;
    char said[4096];
    int status = death_run(fail_slowly, NULL, said);
#ifdef STDB_SLOW_CHECKS
    assert_true(WIFSIGNALED(status));
#else
    assert_int_equal(status, 0);
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failure_names_place_and_condition),
        cmocka_unit_test(test_failure_prints_a_stack),
        cmocka_unit_test(test_true_conditions_pass),
        cmocka_unit_test(test_slow_assertions_follow_the_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
