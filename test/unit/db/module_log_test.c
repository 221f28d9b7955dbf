// module_log_test.c - goal: a module that logs in a loop fills neither the disk nor memory, and what is kept is whole
// lines. Method: a ModuleLog of its own, days as the test likes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

// The name of the file of so many days ago.
static void day_name(char name[16], int64_t days_ago) {
    time_t seconds = (time_t)(os_real()->time_micros(os_real()) / 1000000 - days_ago * 86400);
    struct tm day;
    assert_non_null(gmtime_r(&seconds, &day));
    assert_int_equal(strftime(name, 16, "%Y-%m-%d.log", &day), 14);
}

// Large files of the past make room, the oldest first. They are sparse: nothing is written to them.
static void old_files_go(void **state) {
    (void)state;
    Os *os = os_real();
    Error error;
    char directory[256];
    (void)snprintf(directory, sizeof directory, "%s/logs", root);
    char days[3][16];
    for (int i = 0; i < 3; i++) day_name(days[i], 5 - i);
    const char *const NAMES[] = {days[0], days[1], days[2], "other.log", "2001-01-01.txt"};
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

static void put_file(const char *directory, const char *name) {
    char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    File file = FILE_NONE;
    Error error;
    assert_int_equal(os_real()->file_open(os_real(), path, OS_OPEN_CREATE, &file, &error),
                     STATUS_OK);
    os_file_close(os_real(), file);
}

static bool has_file(const char *directory, const char *name) {
    char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return os_path_exists(os_real(), path);
}

// Whatever their size: also when the day changes while the log is open.
static void aged_files_go(void **state) {
    (void)state;
    char directory[256];
    (void)snprintf(directory, sizeof directory, "%s/aged", root);
    Error error;
    assert_int_equal(os_real()->directory_create(os_real(), directory, &error), STATUS_OK);
    char gone[16];
    char last[16];
    day_name(gone, MODULE_LOG_DAYS_MAX);
    day_name(last, MODULE_LOG_DAYS_MAX - 1);
    put_file(directory, gone);
    put_file(directory, last);
    ModuleLog log;
    module_log_init(&log, os_real(), directory, DAY_MAX);
    assert_false(has_file(directory, gone));
    assert_true(has_file(directory, last));
    write_lines(&log, 1, os_real()->time_micros(os_real()) + DAY_MICROS);
    assert_false(has_file(directory, last));
    module_log_done(&log);
}

// ---- readers ----

static Database *reading;

static Bytes tail(Buffer *text, uint32_t lines, LogPosition *end) {
    Error error;
    buffer_clear(text);
    assert_int_equal(database_log_tail(reading, lines, text, end, &error), STATUS_OK);
    return buffer_bytes(text);
}

static Bytes since(Buffer *text, const LogPosition *position) {
    Error error;
    buffer_clear(text);
    assert_int_equal(database_log_since(reading, position, text, &error), STATUS_OK);
    return buffer_bytes(text);
}

static uint32_t count_lines(Bytes text) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < text.count; i++) count += text.data[i] == '\n';
    return count;
}

// Who read the tail and follows from there on gets every line once, also across the change of a day.
static void check_following(ModuleLog *log, int64_t now) {
    Buffer text;
    buffer_init(&text, MODULE_LOG_MEMORY_BYTES);
    LogPosition end;
    write_lines(log, 5, now);
    assert_int_equal(count_lines(tail(&text, 3, &end)), 3);
    assert_int_equal(count_lines(tail(&text, UINT32_MAX, &end)), 5);
    assert_int_equal(count_lines(since(&text, &end)), 0);
    write_lines(log, 2, now);
    assert_int_equal(count_lines(since(&text, &end)), 2);
    write_lines(log, 4, now + DAY_MICROS);
    assert_int_equal(count_lines(since(&text, &end)), 6);
    assert_int_equal(text.data[0], '{');
    buffer_done(&text);
}

static void following_begins_where_the_tail_ended(void **state) {
    (void)state;
    char directory[256];
    (void)snprintf(directory, sizeof directory, "%s/follow", root);
    reading = mem_alloc_zero(sizeof *reading);  // of it, the log alone is used
    ModuleLog *log = &reading->module_log;
    module_log_init(log, os_real(), directory, 1u << 20);
    check_following(log, os_real()->time_micros(os_real()) + 2 * DAY_MICROS);
    module_log_done(log);
    module_log_init(log, os_real(), NULL, 0);
    check_following(log, 1);
    module_log_done(log);
    mem_free(reading);
}

// Readers on other threads see whole lines only, whatever is being written.
#define RACE_LINES 20000u

static _Atomic bool race_ends;

static void race_reader(void *user) {
    _Atomic uint32_t *reads = user;
    Buffer text;
    buffer_init(&text, MODULE_LOG_TAIL_BYTES_MAX);
    while (!race_ends) {
        LogPosition end;
        Bytes all = tail(&text, 10, &end);
        assert_true(all.count == 0 || (all.data[0] == '{' && all.data[all.count - 1] == '\n'));
        assert_true(count_lines(all) <= 10);
        atomic_fetch_add(reads, 1);
    }
    buffer_done(&text);
}

static void race(ModuleLog *log, int64_t day) {
    _Atomic uint32_t reads = 0;
    Thread reader = {0};
    race_ends = false;
    thread_start(&reader, "reader", race_reader, &reads);
    for (uint32_t i = 0; i < RACE_LINES || reads < 3; i++)
        write_lines(log, 1, (day + (int64_t)(i / 5000)) * DAY_MICROS);
    race_ends = true;
    thread_join(&reader);
}

static void readers_see_whole_lines(void **state) {
    (void)state;
    char directory[256];
    (void)snprintf(directory, sizeof directory, "%s/race", root);
    reading = mem_alloc_zero(sizeof *reading);
    ModuleLog *log = &reading->module_log;
    module_log_init(log, os_real(), directory, 1u << 30);
    race(log, os_real()->time_micros(os_real()) / DAY_MICROS + 1);
    module_log_done(log);
    module_log_init(log, os_real(), NULL, 0);
    race(log, 1);
    module_log_done(log);
    mem_free(reading);
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
        cmocka_unit_test(aged_files_go),
        cmocka_unit_test(following_begins_where_the_tail_ended),
        cmocka_unit_test(readers_see_whole_lines),
        cmocka_unit_test(memory_keeps_the_newest),
        cmocka_unit_test(long_records_are_replaced),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
