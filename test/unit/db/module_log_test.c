// module_log_test.c - goal: a module that logs in a loop fills neither the disk nor memory, and what is kept is whole
// lines. Method: a ModuleLog of its own, days as the test likes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "db/database.h"

#define DAY_MICROS 86400000000ll
#define DAY_MAX 4096u

static char root[] = "/tmp/stdb-log-test-XXXXXX";

static void write_lines(ModuleLog *log, uint32_t count, int64_t now) {
    ModuleLogRecord record = {.level = MODULE_LOG_INFO,
                              .line = UINT32_MAX,
                              .message = BYTES_LITERAL("a message of some length")};
    for (uint32_t i = 0; i < count; i++) module_log_append(log, &record, now);
}

static void a_day_has_an_end(void **state) {
    (void)state;
    char directory[256];
    (void)snprintf(directory, sizeof directory, "%s/logs", root);
    ModuleLog log;
    module_log_init(&log, os_real(), directory, DAY_MAX);
    int64_t day = os_real()->time_micros(os_real()) / DAY_MICROS + 10;
    write_lines(&log, 10, day * DAY_MICROS);
    uint64_t ten = log.file_bytes;
    assert_true(ten > 0 && ten < DAY_MAX / 2);
    write_lines(&log, 10000, day * DAY_MICROS);
    assert_true(log.file_bytes <= DAY_MAX + 256);
    assert_true(log.file_bytes > DAY_MAX - 256);
    uint64_t full = log.file_bytes;
    write_lines(&log, 10, day * DAY_MICROS + 5);
    assert_int_equal(log.file_bytes, full);
    write_lines(&log, 10, (day + 1) * DAY_MICROS);  // the next day is another file
    assert_int_equal(log.file_bytes, ten);
    module_log_done(&log);
}

// Large files of the past make room, the oldest first. They are sparse: nothing is written to them.
static void old_files_go(void **state) {
    (void)state;
    Os *os = os_real();
    Error error;
    char directory[256];
    (void)snprintf(directory, sizeof directory, "%s/logs", root);
    static const char *const NAMES[] = {"2001-01-01.log", "2001-01-02.log", "2001-01-03.log",
                                        "other.log", "2001-01-01.txt"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        char path[300];
        (void)snprintf(path, sizeof path, "%s/%s", directory, NAMES[i]);
        File file;
        assert_int_equal(os->file_open(os, path, OS_OPEN_CREATE, &file, &error), STATUS_OK);
        assert_int_equal(os->file_truncate(os, file, MODULE_LOG_FILES_BYTES_MAX / 2, &error),
                         STATUS_OK);
        os_file_close(os, file);
    }
    ModuleLog log;
    module_log_init(&log, os, directory, DAY_MAX);
    write_lines(&log, 1, os->time_micros(os));
    static const bool KEPT[] = {false, false, true, true, true};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        char path[300];
        (void)snprintf(path, sizeof path, "%s/%s", directory, NAMES[i]);
        assert_int_equal(os_path_exists(os, path), KEPT[i]);
        if (KEPT[i]) assert_int_equal(os->remove(os, path, &error), STATUS_OK);
    }
    module_log_done(&log);
}

static void memory_keeps_the_newest(void **state) {
    (void)state;
    ModuleLog log;
    module_log_init(&log, os_real(), NULL, 0);
    write_lines(&log, 400000, 1);
    assert_true(log.memory.count <= MODULE_LOG_MEMORY_BYTES);
    assert_true(log.memory.count >= MODULE_LOG_MEMORY_BYTES / 2 - MODULE_LOG_LINE_BYTES_MAX);
    assert_int_equal(log.memory.data[0], '{');
    assert_int_equal(log.memory.data[log.memory.count - 1], '\n');
    module_log_done(&log);
}

static void long_records_are_replaced(void **state) {
    (void)state;
    ModuleLog log;
    module_log_init(&log, os_real(), NULL, 0);
    uint8_t *text = mem_alloc(MODULE_LOG_LINE_BYTES_MAX);
    memset(text, 'x', MODULE_LOG_LINE_BYTES_MAX);
    ModuleLogRecord record = {.level = MODULE_LOG_INFO,
                              .line = UINT32_MAX,
                              .message = bytes_of(text, MODULE_LOG_LINE_BYTES_MAX)};
    module_log_append(&log, &record, 1);
    assert_true(log.memory.count < 256);
    assert_non_null(memmem(log.memory.data, log.memory.count, "was dropped", 11));
    mem_free(text);
    module_log_done(&log);
}

static int setup(void **state) {
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_has_an_end),
        cmocka_unit_test(old_files_go),
        cmocka_unit_test(memory_keeps_the_newest),
        cmocka_unit_test(long_records_are_replaced),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
