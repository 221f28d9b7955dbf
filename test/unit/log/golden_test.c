// golden_test.c - goal: the commitlog that an unmodified upstream server (2.8.3) wrote replays into its tables.
// Method: a copy of golden/data's segment (it holds the first publish).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "log/log.h"

#define SEGMENT "00000000000000000000.stdb.log"
#define SEGMENT_BYTES_MAX (16u << 20)

static const char *golden(void) {
    const char *from_environment = getenv("STDB_GOLDEN");
    return from_environment ? from_environment : "../shared/golden";
}

static void copy_segment(const char *directory) {
    char path[512];
    Arena arena;
    arena_init(&arena, SEGMENT_BYTES_MAX * 2);
    Bytes bytes;
    Error error = {0};
    (void)snprintf(path, sizeof path, "%s/data/replicas/1/clog/" SEGMENT, golden());
    Status status = os_file_read_all(os_real(), path, SEGMENT_BYTES_MAX, &arena, &bytes, &error);
    if (status != STATUS_OK) fail_msg("%s (set STDB_GOLDEN)", error.text);
    (void)snprintf(path, sizeof path, "%s/" SEGMENT, directory);
    assert_int_equal(os_file_replace(os_real(), path, bytes, &error), STATUS_OK);
    arena_done(&arena);
}

static void remove_entry(void *user, const char *name, bool is_directory) {
    char path[512];
    Error error;
    assert_false(is_directory);
    (void)snprintf(path, sizeof path, "%s/%s", (const char *)user, name);
    assert_int_equal(os_real()->remove(os_real(), path, &error), STATUS_OK);
}

static void upstreams_log_replays(void **state) {
    (void)state;
    char directory[] = "/tmp/stdb-golden-log-XXXXXX";
    assert_non_null(mkdtemp(directory));
    copy_segment(directory);
    Store *store = store_create();
    Log *log = NULL;
    LogOptions options = {0};
    LogReport report;
    Error error = {0};
    Status status = log_open(os_real(), directory, &options, store, &log, &report, &error);
    if (status != STATUS_OK) fail_msg("%s", error.text);
    if (report.torn_bytes > 0 || report.transactions != 1)
        fail_msg("%llu transactions, %llu torn bytes", (unsigned long long)report.transactions,
                 (unsigned long long)report.torn_bytes);
    static const struct {
        const char *table;
        uint64_t rows;
    } EXPECTED[] = {
        {"fixed", 0},
        {"kinds", 0},
        {"secret", 1},  // written by init, the one transaction that this log holds
        {"st_row_level_security", 1},
        {"st_module", 1},
    };
    for (size_t i = 0; i < sizeof EXPECTED / sizeof EXPECTED[0]; i++) {
        Table *table = store_find_table_by_name(store, bytes_of_text(EXPECTED[i].table));
        assert_non_null(table);
        assert_int_equal(table_row_count(table), EXPECTED[i].rows);
    }
    ProgramInfo program;
    assert_true(store_program(store, &program));
    Hash hash = hash_keccak256(program.program);
    assert_true(hash_equal(&hash, &program.hash));
    // It opens again with what this one left.
    uint64_t ticket = log_ticket(log);
    assert_true(ticket >= report.transactions);
    log_close(log);
    store_free(store);
    store = store_create();
    status = log_open(os_real(), directory, &options, store, &log, &report, &error);
    if (status != STATUS_OK) fail_msg("%s", error.text);
    assert_int_equal(report.transactions, ticket);
    assert_int_equal(log_ticket(log), ticket);
    log_close(log);
    store_free(store);
    assert_int_equal(
        os_real()->directory_list(os_real(), directory, remove_entry, directory, &error),
        STATUS_OK);
    assert_int_equal(os_real()->remove(os_real(), directory, &error), STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(upstreams_log_replays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
