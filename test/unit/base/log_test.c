// log_test.c - the shape of a line, its level, its limit; read back from the log file and standard error.
#include "base/log.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "death.h"

#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// What was appended to the log file since the last look.
static int log_descriptor = -1;
static char lines[8 * LOG_LINE_MAX];

static void look(void) {
    ssize_t count = pread(log_descriptor, lines, sizeof lines - 1, 0);
    assert_true(count >= 0);
    lines[count] = 0;
    assert_int_equal(ftruncate(log_descriptor, 0), 0);
}

static int open_log(void **state) {
    (void)state;
    char path[] = "/tmp/log_test_XXXXXX";
    int descriptor = mkstemp(path);
    if (descriptor < 0) return -1;
    log_descriptor = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    close(descriptor);
    unlink(path);
    log_set_file(log_descriptor);
    return 0;
}

static int close_log(void **state) {
    (void)state;
    log_set_file(-1);
    return close(log_descriptor);
}

static void test_shape(void **state) {
    (void)state;
    log_line(LOG_INFO, "room", "text %d", 7);
    log_line(LOG_ERROR, "base", "%s", "worse");
    look();
    regex_t shape;
    const char *pattern =
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z  INFO room: text 7\n"
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z ERROR base: worse\n$";
    assert_int_equal(regcomp(&shape, pattern, REG_EXTENDED), 0);
    assert_int_equal(regexec(&shape, lines, 0, NULL, 0), 0);
    regfree(&shape);
}

static void test_levels(void **state) {
    (void)state;
    log_line(LOG_DEBUG, "base", "hidden");
    look();
    assert_string_equal(lines, "");
    log_set_level(LOG_DEBUG);
    log_line(LOG_DEBUG, "base", "shown");
    look();
    assert_non_null(strstr(lines, "DEBUG base: shown\n"));
    log_set_level(LOG_ERROR);
    log_line(LOG_WARN, "base", "hidden");
    look();
    assert_string_equal(lines, "");
    log_set_level(LOG_INFO);
}

static void test_one_line_stays_one_line(void **state) {
    (void)state;
    log_line(LOG_WARN, "base", "a\nb\rc\x1b[31m\x7f");
    look();
    assert_non_null(strstr(lines, " WARN base: a b c [31m \n"));
    assert_ptr_equal(strchr(lines, '\n'), lines + strlen(lines) - 1);
}

// Long lines belong into the file only: standard error is what people look at when a test fails.
static void log_quietly(const char *text) {
    int standard_error = dup(STDERR_FILENO);
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDERR_FILENO);
    log_line(LOG_INFO, "base", "%s", text);
    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    close(nowhere);
}

// The longest line that is kept whole, and one byte more.
static void test_limit(void **state) {
    (void)state;
    size_t head = strlen("2026-11-25T02:00:00.000000Z  INFO base: ");
    char text[LOG_LINE_MAX + 100];
    for (size_t more = 0; more < 3; more++) {
        size_t count = LOG_LINE_MAX - 1 - head + more;
        memset(text, 'a', count);
        text[count - 1] = 'z';
        text[count] = 0;
        log_quietly(text);
        look();
        assert_int_equal(strlen(lines), LOG_LINE_MAX);
        assert_int_equal(lines[LOG_LINE_MAX - 1], '\n');
        assert_int_equal(lines[LOG_LINE_MAX - 2], more == 0 ? 'z' : 'a');
    }
    memset(text, 'a', sizeof text);
    memcpy(text + LOG_LINE_MAX - 2 - head, "\xe2\x82\xac", 4);
    log_quietly(text);
    look();
    assert_true(utf8_is_valid(bytes_of_text(lines)));
    assert_int_equal(strlen(lines), LOG_LINE_MAX - 1);
}

static void write_a_line(void *user) {
    log_line(LOG_WARN, "base", "%s", (const char *)user);
}

static void test_standard_error_gets_it_too(void **state) {
    (void)state;
    char said[4096];
    assert_int_equal(death_run(write_a_line, "to both", said), 0);
    assert_non_null(strstr(said, " WARN base: to both\n"));
    look();
    assert_non_null(strstr(lines, " WARN base: to both\n"));
    log_set_file(-1);
    assert_int_equal(death_run(write_a_line, "to one", said), 0);
    assert_non_null(strstr(said, "to one"));
    look();
    assert_string_equal(lines, "");
    log_set_file(log_descriptor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_one_line_stays_one_line),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_standard_error_gets_it_too),
    };
    return cmocka_run_group_tests(tests, open_log, close_log);
}
