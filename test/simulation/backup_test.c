// backup_test.c - goal: a copy of a log that is being written is a database as it was at some transaction, chosen by its
// number or its time; it can be interrupted and gone on with; what is damaged is named, not copied.
//
// Method: transaction i adds a row and says that it happened at i seconds; copies are opened and their rows counted.
#include "replica.h"
#include "values.h"

#define SEGMENT_BYTES 8192u
#define SECOND 1000000

typedef struct Backup {
    TestReplica source;
    char segments[200];  // of the copy
    char snapshots[200];
    SchemaMaker maker;
    LogCopied copied;
    Error error;
    uint32_t calls_left;  // of the progress
} Backup;

static void begin(Backup *backup) {
    *backup = (Backup){.calls_left = UINT32_MAX};
    replica_init(&backup->source);
    backup->source.options.segment_bytes_max = SEGMENT_BYTES;
    (void)snprintf(backup->segments, sizeof backup->segments, "%s/copy/clog",
                   backup->source.directory);
    (void)snprintf(backup->snapshots, sizeof backup->snapshots, "%s/copy/snapshots",
                   backup->source.directory);
    replica_open(&backup->source);
    maker_init(&backup->maker, "t");
    maker_column(&backup->maker, "n", type_primitive(TYPE_U32));
    maker_index(&backup->maker, "t_idx", INDEX_BTREE, "0");
    Tx *tx = tx_begin(backup->source.store);
    create_table_in(tx, maker_schema(&backup->maker));
    LogInputs none = {0};
    (void)log_append(backup->source.log, &none, tx_commit(tx));  // transaction 1
    tx_release(tx);
    log_wake(backup->source.log);
    test_wait_until(gate_is_open(log_gate(backup->source.log), 2));
}

static void end(Backup *backup) {
    maker_done(&backup->maker);
    replica_done(&backup->source);
}

static Table *table_of(TestReplica *replica) {
    return store_find_table_by_name(replica->store, BYTES_LITERAL("t"));
}

// Transactions first .. last - 1, each at its second.
static void add(Backup *backup, uint32_t first, uint32_t last) {
    for (uint32_t i = first; i < last; i++) {
        Tx *tx = tx_begin(backup->source.store);
        (void)insert(tx, table_of(&backup->source), key_u32(i));
        LogInputs inputs = {
            .present = true, .reducer = BYTES_LITERAL("add"), .timestamp = (int64_t)i * SECOND};
        assert_int_equal(log_append(backup->source.log, &inputs, tx_commit(tx)), i + 1);
        tx_release(tx);
        if (i % 20 > 0) continue;
        log_wake(backup->source.log);
        test_wait_until(gate_is_open(log_gate(backup->source.log), i + 1));
    }
    log_wake(backup->source.log);
    test_wait_until(gate_is_open(log_gate(backup->source.log), last));
}

static void snapshot(Backup *backup) {
    assert_true(log_snapshot_begin(backup->source.log, backup->source.store));
    test_wait_until(!log_snapshot_is_running(backup->source.log));
}

static bool progress(void *user, uint64_t done, uint64_t total) {
    Backup *backup = user;
    assert_true(done <= total);
    if (backup->calls_left == 0) return false;
    backup->calls_left--;
    return true;
}

static Status copy(Backup *backup, uint64_t transactions, int64_t micros) {
    LogCopy options = {.os = os_real(),
                       .segments = backup->source.segments,
                       .snapshots = backup->source.snapshots,
                       .to_segments = backup->segments,
                       .to_snapshots = backup->snapshots,
                       .transactions = transactions,
                       .micros = micros,
                       .progress = progress,
                       .user = backup};
    return log_copy(&options, &backup->copied, &backup->error);
}

static void must_copy(Backup *backup, uint64_t transactions, int64_t micros) {
    if (copy(backup, transactions, micros) != STATUS_OK) fail_msg("%s", backup->error.text);
}

// Opens the copy, checks it, and removes it.
static void check_copy(Backup *backup, uint64_t transactions) {
    assert_int_equal(backup->copied.transactions, transactions);
    for (int way = 0; way < 2; way++) {
        TestReplica opened = backup->source;
        (void)snprintf(opened.segments, sizeof opened.segments, "%.150s", backup->segments);
        (void)snprintf(opened.snapshots, sizeof opened.snapshots, "%.150s", backup->snapshots);
        opened.options.snapshots = way == 0 ? opened.snapshots : NULL;
        replica_open(&opened);
        assert_int_equal(log_ticket(opened.log), transactions);
        assert_int_equal(table_row_count(table_of(&opened)), transactions - 2);
        assert_int_equal(opened.report.snapshot_transactions,
                         way == 0 ? backup->copied.snapshot_transactions : 0);
        store_check(opened.store);
        replica_close(&opened);
    }
    char path[200];
    (void)snprintf(path, sizeof path, "%s/copy", backup->source.directory);
    test_remove_tree(path);
}

static void a_copy_is_the_database_at_a_transaction(void **state) {
    (void)state;
    Backup backup;
    begin(&backup);
    add(&backup, 2, 700);
    snapshot(&backup);
    add(&backup, 700, 1500);
    snapshot(&backup);  // compresses what is before it
    add(&backup, 1500, 1600);
    must_copy(&backup, UINT64_MAX, INT64_MAX);
    assert_int_equal(backup.copied.snapshot_transactions, 1500);
    assert_int_equal(backup.copied.micros, 1599 * (int64_t)SECOND);
    check_copy(&backup, 1600);
    static const uint64_t TRANSACTIONS[] = {2, 3, 699, 700, 701, 1000, 1499, 1500, 1501, 1599};
    for (size_t i = 0; i < sizeof TRANSACTIONS / sizeof TRANSACTIONS[0]; i++) {
        must_copy(&backup, TRANSACTIONS[i], INT64_MAX);
        uint64_t expected = TRANSACTIONS[i] >= 1500 ? 1500 : TRANSACTIONS[i] >= 700 ? 700 : 0;
        assert_int_equal(backup.copied.snapshot_transactions, expected);
        check_copy(&backup, TRANSACTIONS[i]);
    }
    static const uint32_t SECONDS[] = {2, 650, 1200, 1599, 5000};
    for (size_t i = 0; i < sizeof SECONDS / sizeof SECONDS[0]; i++) {
        must_copy(&backup, UINT64_MAX, SECONDS[i] * (int64_t)SECOND + SECOND / 2);
        check_copy(&backup, SECONDS[i] < 1600 ? SECONDS[i] + 1 : 1600);
    }
    end(&backup);
}

static void a_copy_goes_on_where_it_ended(void **state) {
    (void)state;
    Backup backup;
    begin(&backup);
    add(&backup, 2, 900);
    snapshot(&backup);
    for (uint32_t calls = 0;; calls++) {
        backup.calls_left = calls;
        if (copy(&backup, UINT64_MAX, INT64_MAX) == STATUS_OK) break;
        assert_int_equal(backup.error.status, STATUS_CONFLICT);
        assert_true(calls < 1000);
    }
    check_copy(&backup, 900);
    // And again, when there is more.
    backup.calls_left = UINT32_MAX;
    must_copy(&backup, UINT64_MAX, INT64_MAX);
    uint64_t bytes = backup.copied.bytes;
    add(&backup, 900, 1000);
    must_copy(&backup, UINT64_MAX, INT64_MAX);
    assert_true(backup.copied.bytes < bytes / 2);
    check_copy(&backup, 1000);
    end(&backup);
}

static void a_copy_beside_a_writer_is_whole(void **state) {
    (void)state;
    Backup backup;
    begin(&backup);
    for (uint32_t round = 0; round < 20; round++) {
        // Appended and being written while the copy is made.
        uint32_t first = 2 + round * 100;
        for (uint32_t i = first; i < first + 100; i++) {
            Tx *tx = tx_begin(backup.source.store);
            (void)insert(tx, table_of(&backup.source), key_u32(i));
            LogInputs none = {0};
            (void)log_append(backup.source.log, &none, tx_commit(tx));
            tx_release(tx);
            log_wake(backup.source.log);
        }
        must_copy(&backup, UINT64_MAX, INT64_MAX);
        assert_true(backup.copied.transactions <= first + 100);
        check_copy(&backup, backup.copied.transactions);
    }
    end(&backup);
}

static void anothers_copy_is_left_alone(void **state) {
    (void)state;
    Backup backup;
    begin(&backup);
    add(&backup, 2, 400);
    must_copy(&backup, UINT64_MAX, INT64_MAX);
    assert_int_equal(copy(&backup, 3, INT64_MAX), STATUS_CONFLICT);
    assert_non_null(strstr(backup.error.text, "holds another log"));
    check_copy(&backup, 400);
    end(&backup);
}

static void damage_is_not_copied(void **state) {
    (void)state;
    Backup backup;
    begin(&backup);
    add(&backup, 2, 400);
    snapshot(&backup);
    add(&backup, 400, 500);
    replica_close(&backup.source);
    TestNames *names = test_list(backup.source.segments);
    uint32_t tried = 0;
    for (uint32_t i = 0; i < names->count; i++) {
        if (strstr(names->names[i], ".stdb.log") == NULL) continue;
        char path[512];
        char kept[600];
        (void)snprintf(path, sizeof path, "%s/%.80s", backup.source.segments, names->names[i]);
        (void)snprintf(kept, sizeof kept, "%s/kept", backup.source.directory);
        test_copy_file(path, kept);
        File file;
        uint8_t byte = 0;
        uint64_t size;
        Os *os = os_real();
        assert_int_equal(os->file_open(os, path, OS_OPEN_READ_WRITE, &file, NULL), STATUS_OK);
        assert_int_equal(os->file_size(os, file, &size, NULL), STATUS_OK);
        assert_int_equal(os->file_read(os, file, size / 2, &byte, 1, NULL), STATUS_OK);
        byte ^= 1;
        assert_int_equal(os->file_write(os, file, size / 2, &byte, 1, NULL), STATUS_OK);
        os->file_close(os, file);
        if (copy(&backup, UINT64_MAX, INT64_MAX) == STATUS_OK) fail_msg("copied: %s", path);
        assert_int_equal(backup.error.status, STATUS_CORRUPT);
        test_copy_file(kept, path);
        tried++;
    }
    mem_free(names);
    assert_true(tried > 2);
    must_copy(&backup, UINT64_MAX, INT64_MAX);
    check_copy(&backup, 500);
    replica_open(&backup.source);
    end(&backup);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_the_database_at_a_transaction),
        cmocka_unit_test(a_copy_goes_on_where_it_ended),
        cmocka_unit_test(a_copy_beside_a_writer_is_whole),
        cmocka_unit_test(anothers_copy_is_left_alone),
        cmocka_unit_test(damage_is_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
