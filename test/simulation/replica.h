// replica.h - a database in a real temporary directory, for tests of log/; golden data; stores side by side.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/thread.h"
#include "base/vec.h"
#include "log/log.h"

typedef struct TestNames {
    char names[512][256];
    bool is_directory[512];
    uint32_t count;
} TestNames;

static inline void test_name(void *user, const char *name, bool is_directory) {
    TestNames *names = user;
    assert_true(names->count < 512);
    (void)snprintf(names->names[names->count], 256, "%s", name);
    names->is_directory[names->count++] = is_directory;
}

static inline TestNames *test_list(const char *path) {
    TestNames *names = mem_alloc_zero(sizeof *names);
    Error error;
    Status status = os_real()->directory_list(os_real(), path, test_name, names, &error);
    if (status != STATUS_OK) fail_msg("%s", error.text);
    return names;
}

// With everything in it.
static inline void test_remove_tree(const char *path) {
    TestNames *names = test_list(path);
    for (uint32_t i = 0; i < names->count; i++) {
        char inner[1024];
        (void)snprintf(inner, sizeof inner, "%s/%s", path, names->names[i]);
        if (names->is_directory[i]) {
            test_remove_tree(inner);
        } else {
            assert_int_equal(os_real()->remove(os_real(), inner, NULL), STATUS_OK);
        }
    }
    mem_free(names);
    assert_int_equal(os_real()->remove(os_real(), path, NULL), STATUS_OK);
}

static inline void test_copy_file(const char *from, const char *to) {
    Arena arena;
    Error error;
    Bytes bytes;
    arena_init(&arena, 64u << 20);
    Status status = os_file_read_all(os_real(), from, 32u << 20, &arena, &bytes, &error);
    if (status == STATUS_OK) status = os_file_replace(os_real(), to, bytes, &error);
    if (status != STATUS_OK) fail_msg("%s", error.text);
    arena_done(&arena);
}

static inline void test_copy_tree(const char *from, const char *to) {
    assert_int_equal(os_real()->directory_create(os_real(), to, NULL), STATUS_OK);
    TestNames *names = test_list(from);
    for (uint32_t i = 0; i < names->count; i++) {
        char source[1024];
        char target[1024];
        (void)snprintf(source, sizeof source, "%s/%s", from, names->names[i]);
        (void)snprintf(target, sizeof target, "%s/%s", to, names->names[i]);
        if (names->is_directory[i]) {
            test_copy_tree(source, target);
        } else {
            test_copy_file(source, target);
        }
    }
    mem_free(names);
}

// Where the recordings of an unmodified server are.
static inline const char *test_golden(void) {
    const char *from_environment = getenv("STDB_GOLDEN");
    return from_environment ? from_environment : "../shared/golden";
}

// ---- a database in a directory of its own: clog/ and snapshots/ ----

typedef struct TestReplica {
    char directory[128];
    char segments[160];
    char snapshots[160];
    Store *store;
    Log *log;
    LogOptions options;
    LogReport report;
    Error error;
} TestReplica;

static inline void replica_init(TestReplica *replica) {
    *replica = (TestReplica){.directory = "/tmp/stdb-replica-XXXXXX"};
    assert_non_null(mkdtemp(replica->directory));
    (void)snprintf(replica->segments, sizeof replica->segments, "%s/clog", replica->directory);
    (void)snprintf(replica->snapshots, sizeof replica->snapshots, "%s/snapshots",
                   replica->directory);
    replica->options.database.bytes[0] = 0x42;
    replica->options.snapshots = replica->snapshots;
}

static inline Status replica_try_open(TestReplica *replica) {
    replica->store = store_create();
    Status status = log_open(os_real(), replica->segments, &replica->options, replica->store,
                             &replica->log, &replica->report, &replica->error);
    if (status != STATUS_OK) {
        store_free(replica->store);
        replica->store = NULL;
        replica->log = NULL;
    }
    return status;
}

static inline void replica_open(TestReplica *replica) {
    if (replica_try_open(replica) != STATUS_OK) fail_msg("%s", replica->error.text);
}

static inline void replica_close(TestReplica *replica) {
    log_close(replica->log);
    store_free(replica->store);
    replica->log = NULL;
    replica->store = NULL;
}

static inline void replica_done(TestReplica *replica) {
    if (replica->store) replica_close(replica);
    test_remove_tree(replica->directory);
}

// Waits a little, again and again, until it is so.
#define test_wait_until(condition)                                                   \
    do {                                                                             \
        for (int test_round = 0; test_round < 20000 && !(condition); test_round++) { \
            int64_t test_until = os_real()->monotonic_nanos(os_real()) + 500000;     \
            while (os_real()->monotonic_nanos(os_real()) < test_until) {}            \
        }                                                                            \
        assert_true(condition);                                                      \
    } while (0)

// ---- stores side by side ----

VEC(RowVec, row_vec, Bytes)

static inline int compare_row_bytes(const void *a, const void *b) {
    return bytes_compare(*(const Bytes *)a, *(const Bytes *)b);
}

static inline RowVec sorted_rows(Table *table) {
    RowVec rows = {0};
    TableScan scan = table_scan(table);
    Row row;
    while (table_scan_next(&scan, &row)) row_vec_push(&rows, row.bytes);
    if (rows.count > 0) qsort(rows.items, rows.count, sizeof rows.items[0], compare_row_bytes);
    return rows;
}

// Every table that is logged has the same rows and columns in both.
static inline void assert_stores_equal(Store *left, Store *right) {
    TableId left_at = 0;
    TableId right_at = 0;
    for (;;) {
        Table *a = store_next_table(left, &left_at);
        while (a && table_is_ephemeral(a)) a = store_next_table(left, &left_at);
        Table *b = store_next_table(right, &right_at);
        while (b && table_is_ephemeral(b)) b = store_next_table(right, &right_at);
        if (a == NULL || b == NULL) {
            assert_true(a == NULL && b == NULL);
            return;
        }
        assert_int_equal(table_id(a), table_id(b));
        assert_true(type_equal(table_schema(a)->row_type, table_schema(b)->row_type));
        assert_int_equal(table_schema(a)->index_count, table_schema(b)->index_count);
        assert_int_equal(table_row_count(a), table_row_count(b));
        RowVec a_rows = sorted_rows(a);
        RowVec b_rows = sorted_rows(b);
        for (uint32_t i = 0; i < a_rows.count; i++) {
            if (bytes_equal(a_rows.items[i], b_rows.items[i])) continue;
            fail_msg("table %u: row %u differs", table_id(a), i);
        }
        row_vec_done(&a_rows);
        row_vec_done(&b_rows);
    }
}
