// log_test.c - goal: what was appended and became durable comes back, and nothing else; a torn end is cut off, a hole is
// refused; a failed disk stops the gate. Method: real files in a temporary directory, and an Os whose writes fail.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/thread.h"
#include "log/log.h"

static char directory[64];

static int make_directory(void **state) {
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/stdb-log-test-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static void remove_entry(void *user, const char *name, bool is_directory) {
    (void)user;
    (void)is_directory;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    Error error;
    assert_int_equal(os_real()->remove(os_real(), path, &error), STATUS_OK);
}

static int drop_directory(void **state) {
    (void)state;
    Error error;
    assert_int_equal(os_real()->directory_list(os_real(), directory, remove_entry, NULL, &error),
                     STATUS_OK);
    assert_int_equal(os_real()->remove(os_real(), directory, &error), STATUS_OK);
    return 0;
}

typedef struct Opened {
    Store *store;
    Log *log;
    LogReport report;
    Error error;
    Status status;
} Opened;

static Opened open_with(Os *os, uint64_t segment_bytes_max) {
    Opened opened = {.store = store_create()};
    LogOptions options = {.segment_bytes_max = segment_bytes_max};
    opened.status = log_open(os, directory, &options, opened.store, &opened.log, &opened.report,
                             &opened.error);
    return opened;
}

static void close_all(Opened *opened) {
    if (opened->status == STATUS_OK) log_close(opened->log);
    store_free(opened->store);
}

// A table t(id u32 primary key, text string).
static Table *create_table(Opened *opened) {
    static const uint16_t FIRST[] = {0};
    Arena arena;
    arena_init(&arena, 1 << 20);
    ColumnSchema columns[2] = {
        {.name = BYTES_LITERAL("id"),
         .accessor = BYTES_LITERAL("id"),
         .type = type_primitive(TYPE_U32)},
        {.name = BYTES_LITERAL("text"),
         .accessor = BYTES_LITERAL("text"),
         .type = type_primitive(TYPE_STRING)},
    };
    TypeField fields[2] = {{columns[0].name, columns[0].type}, {columns[1].name, columns[1].type}};
    IndexSchema index = {
        .name = BYTES_LITERAL("t_id_idx_btree"), .kind = INDEX_BTREE, .columns = {FIRST, 1}};
    ConstraintSchema constraint = {.name = BYTES_LITERAL("t_id_key"), .columns = {FIRST, 1}};
    TableSchema schema = {.name = BYTES_LITERAL("t"),
                          .accessor = BYTES_LITERAL("t"),
                          .columns = columns,
                          .column_count = 2,
                          .row_type = type_product(&arena, fields, 2),
                          .indexes = &index,
                          .index_count = 1,
                          .constraints = &constraint,
                          .constraint_count = 1,
                          .primary_key = 0,
                          .origin = TABLE_USER,
                          .access = TABLE_PUBLIC};
    Tx *tx = tx_begin(opened->store);
    Table *table = NULL;
    Error error;
    assert_int_equal(tx_create_table(tx, &schema, &table, &error), STATUS_OK);
    LogInputs none = {0};
    (void)log_append(opened->log, &none, tx_commit(tx));
    tx_release(tx);
    arena_done(&arena);
    return store_find_table_by_name(opened->store, BYTES_LITERAL("t"));
}

static uint64_t insert(Opened *opened, Table *table, uint32_t id) {
    uint8_t row[64];
    store_u32le(row, id);
    int count = snprintf((char *)row + 8, 40, "row %u", id);
    store_u32le(row + 4, (uint32_t)count);
    Tx *tx = tx_begin(opened->store);
    InsertResult result;
    assert_int_equal(tx_insert(tx, table, bytes_of(row, 8 + (size_t)count), &result), INSERT_ADDED);
    LogInputs inputs = {.present = true,
                        .reducer = BYTES_LITERAL("insert"),
                        .timestamp = 7,
                        .args = bytes_of(row, 4)};
    uint64_t ticket = log_append(opened->log, &inputs, tx_commit(tx));
    tx_release(tx);
    return ticket;
}

static void wait_for(Opened *opened, uint64_t ticket) {
    Mutex mutex;
    Condition never;
    mutex_init(&mutex);
    condition_init(&never);
    mutex_lock(&mutex);
    log_wake(opened->log);
    for (int i = 0; i < 5000 && !gate_is_open(log_gate(opened->log), ticket); i++) {
        (void)condition_wait_ms(&never, &mutex, 1);
    }
    mutex_unlock(&mutex);
    condition_done(&never);
    mutex_done(&mutex);
    assert_true(gate_is_open(log_gate(opened->log), ticket));
}

static uint64_t rows_of_t(Opened *opened) {
    Table *table = store_find_table_by_name(opened->store, BYTES_LITERAL("t"));
    return table ? table_row_count(table) : UINT64_MAX;
}

static void a_new_log_begins_with_the_system_schema(void **state) {
    (void)state;
    Opened first = open_with(os_real(), 0);
    assert_int_equal(first.status, STATUS_OK);
    assert_int_equal(log_ticket(first.log), 1);
    wait_for(&first, 1);
    close_all(&first);
    Opened again = open_with(os_real(), 0);
    assert_int_equal(again.status, STATUS_OK);
    assert_int_equal(again.report.transactions, 1);
    assert_int_equal(log_ticket(again.log), 1);
    close_all(&again);
}

static void rows_come_back(void **state) {
    (void)state;
    Opened first = open_with(os_real(), 0);
    Table *table = create_table(&first);
    for (uint32_t id = 1; id <= 1000; id++) (void)insert(&first, table, id);
    uint64_t last = log_ticket(first.log);
    assert_int_equal(last, 1002);
    wait_for(&first, last);
    close_all(&first);

    Opened again = open_with(os_real(), 0);
    assert_int_equal(again.status, STATUS_OK);
    assert_int_equal(rows_of_t(&again), 1000);
    assert_int_equal(log_ticket(again.log), last);
    table = store_find_table_by_name(again.store, BYTES_LITERAL("t"));
    assert_int_equal(table_schema(table)->primary_key, 0);
    uint8_t key[4];
    store_u32le(key, 500);
    static const uint16_t FIRST[] = {0};
    Row row;
    assert_true(
        index_find(table_find_index(table, (ColumnList){FIRST, 1}), bytes_of(key, 4), &row));
    assert_true(bytes_equal(bytes_slice(row.bytes, 8, 7), BYTES_LITERAL("row 500")));
    (void)insert(&again, table, 1001);
    close_all(&again);  // closing drains: no wait needed
    Opened third = open_with(os_real(), 0);
    assert_int_equal(rows_of_t(&third), 1001);
    close_all(&third);
}

static uint32_t segment_count;

static void count_segment(void *user, const char *name, bool is_directory) {
    (void)user;
    (void)is_directory;
    if (strstr(name, ".stdb.log")) segment_count++;
}

static void segments_rotate_and_replay(void **state) {
    (void)state;
    Opened first = open_with(os_real(), 4096);
    Table *table = create_table(&first);
    for (uint32_t id = 1; id <= 500; id++) {
        uint64_t ticket = insert(&first, table, id);
        if (id % 50 == 0) wait_for(&first, ticket);
    }
    close_all(&first);
    segment_count = 0;
    Error error;
    assert_int_equal(os_real()->directory_list(os_real(), directory, count_segment, NULL, &error),
                     STATUS_OK);
    assert_true(segment_count > 5);
    Opened again = open_with(os_real(), 4096);
    assert_int_equal(again.status, STATUS_OK);
    assert_int_equal(rows_of_t(&again), 500);
    close_all(&again);
}

static void truncate_by(const char *name, uint64_t bytes, uint64_t *ret_size) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    File file;
    Error error;
    assert_int_equal(os_real()->file_open(os_real(), path, OS_OPEN_READ_WRITE, &file, &error),
                     STATUS_OK);
    assert_int_equal(os_real()->file_size(os_real(), file, ret_size, &error), STATUS_OK);
    assert_int_equal(os_real()->file_truncate(os_real(), file, *ret_size - bytes, &error),
                     STATUS_OK);
    os_file_close(os_real(), file);
}

#define FIRST_SEGMENT "00000000000000000000.stdb.log"

static void a_torn_end_is_cut_at_every_byte(void **state) {
    (void)state;
    Opened first = open_with(os_real(), 0);
    Table *table = create_table(&first);
    for (uint32_t id = 1; id <= 60; id++) (void)insert(&first, table, id);
    close_all(&first);
    uint64_t expected = 60;
    uint64_t cut_total = 0;
    // Each round loses some bytes: at most the commits that they belonged to.
    for (uint32_t cut = 1; cut <= 40; cut += 3) {
        uint64_t size = 0;
        truncate_by(FIRST_SEGMENT, cut, &size);
        Opened again = open_with(os_real(), 0);
        assert_int_equal(again.status, STATUS_OK);
        assert_int_equal(rows_of_t(&again), expected - 1);  // a commit is longer than 40 bytes
        cut_total += again.report.torn_bytes;
        expected--;
        // Writing goes on where the log ends now.
        (void)insert(&again, store_find_table_by_name(again.store, BYTES_LITERAL("t")), 1000 + cut);
        expected++;
        close_all(&again);
    }
    assert_true(cut_total > 0);
}

static void flip(const char *name, uint64_t at) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    File file;
    Error error;
    uint8_t byte = 0;
    assert_int_equal(os_real()->file_open(os_real(), path, OS_OPEN_READ_WRITE, &file, &error),
                     STATUS_OK);
    assert_int_equal(os_real()->file_read(os_real(), file, at, &byte, 1, &error), STATUS_OK);
    byte ^= 0x10;
    assert_int_equal(os_real()->file_write(os_real(), file, at, &byte, 1, &error), STATUS_OK);
    os_file_close(os_real(), file);
}

static void damage_before_good_commits_is_refused(void **state) {
    (void)state;
    Opened first = open_with(os_real(), 0);
    Table *table = create_table(&first);
    for (uint32_t id = 1; id <= 60; id++) (void)insert(&first, table, id);
    close_all(&first);
    uint64_t size = 0;
    truncate_by(FIRST_SEGMENT, 0, &size);
    flip(FIRST_SEGMENT, size - 500);
    Opened again = open_with(os_real(), 0);
    assert_int_equal(again.status, STATUS_CORRUPT);
    assert_non_null(strstr(again.error.text, FIRST_SEGMENT));
    assert_non_null(strstr(again.error.text, "byte position"));
    close_all(&again);
    flip(FIRST_SEGMENT, size - 500);  // nothing was touched: with the bit back all is there
    Opened third = open_with(os_real(), 0);
    assert_int_equal(third.status, STATUS_OK);
    assert_int_equal(rows_of_t(&third), 60);
    close_all(&third);
}

// ---- a disk that fails ----

static _Atomic int syncs_until_failure;

static Status failing_sync(Os *os, File file, Error *error) {
    (void)os;
    if (atomic_fetch_sub(&syncs_until_failure, 1) <= 0) {
        return error_set(error, STATUS_IO, "fdatasync: Input/output error");
    }
    return os_real()->file_sync(os_real(), file, error);
}

static void a_failed_sync_stops_the_gate_for_good(void **state) {
    (void)state;
    Opened first = open_with(os_real(), 0);
    (void)create_table(&first);
    close_all(&first);

    Os failing = *os_real();
    failing.file_sync = failing_sync;
    syncs_until_failure = 2;  // one while opening, one for the first group
    Opened again = open_with(&failing, 0);
    assert_int_equal(again.status, STATUS_OK);
    Table *table = store_find_table_by_name(again.store, BYTES_LITERAL("t"));
    wait_for(&again, insert(&again, table, 1));
    uint64_t lost = insert(&again, table, 2);
    log_wake(again.log);
    Error failure;
    for (int i = 0; i < 20000 && !log_failure(again.log, &failure); i++) {
        int64_t until = os_real()->monotonic_nanos(os_real()) + 100000;
        while (os_real()->monotonic_nanos(os_real()) < until) {}
    }
    assert_true(log_failure(again.log, &failure));
    assert_non_null(strstr(failure.text, "Input/output error"));
    assert_false(gate_is_open(log_gate(again.log), lost));
    (void)insert(&again, table, 3);  // goes nowhere
    log_wake(again.log);
    assert_false(gate_is_open(log_gate(again.log), lost));
    close_all(&again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_log_begins_with_the_system_schema, make_directory,
                                        drop_directory),
        cmocka_unit_test_setup_teardown(rows_come_back, make_directory, drop_directory),
        cmocka_unit_test_setup_teardown(segments_rotate_and_replay, make_directory, drop_directory),
        cmocka_unit_test_setup_teardown(a_torn_end_is_cut_at_every_byte, make_directory,
                                        drop_directory),
        cmocka_unit_test_setup_teardown(damage_before_good_commits_is_refused, make_directory,
                                        drop_directory),
        cmocka_unit_test_setup_teardown(a_failed_sync_stops_the_gate_for_good, make_directory,
                                        drop_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
