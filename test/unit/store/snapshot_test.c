// snapshot_test.c - goal: a snapshot stays what it was, on any thread, while the writer goes on;
// and holds memory only as long as it lives.
//
// Method: reader threads sum up what they were given again and again while the main thread changes
// every row. Built with the thread sanitizer, this is the proof that no lock is missing.
#include "fixture.h"

#include <stdatomic.h>

#include "base/thread.h"

#define ROWS 3000u
#define READERS 3u
#define HANDED 40u

typedef struct Job {
    TableSnapshot *snapshot;
    uint64_t sum;  // of all ids and the lengths of all names
} Job;

typedef struct ReaderThread {
    Thread thread;
    Job jobs[HANDED];
    _Atomic uint32_t
        given;  // jobs up to here may be read; release by the writer, acquire by the reader
} ReaderThread;

static uint64_t row_sum(Bytes row) {
    return load_u32le(row.data) + (uint64_t)load_u32le(row.data + 4) * 1000003;
}

static uint64_t snapshot_sum(const TableSnapshot *snapshot, uint64_t *ret_count) {
    SnapshotScan scan = table_snapshot_scan(snapshot);
    Row row;
    uint64_t sum = 0;
    *ret_count = 0;
    while (table_snapshot_next(&scan, &row)) {
        sum += row_sum(row.bytes);
        (*ret_count)++;
    }
    return sum;
}

static void reader_run(void *user) {
    ReaderThread *reader = user;
    for (uint32_t done = 0; done < HANDED;) {
        if (atomic_load_explicit(&reader->given, memory_order_acquire) <= done) continue;
        Job *job = &reader->jobs[done++];
        for (uint32_t round = 0; round < 3; round++) {
            uint64_t count;
            uint64_t sum = snapshot_sum(job->snapshot, &count);
            if (sum != job->sum || count != table_snapshot_row_count(job->snapshot)) abort();
        }
        table_snapshot_release(job->snapshot);
    }
}

static uint64_t table_sum(const Table *table) {
    TableScan scan = table_scan(table);
    Row row;
    uint64_t sum = 0;
    while (table_scan_next(&scan, &row)) sum += row_sum(row.bytes);
    return sum;
}

static void change(Store *store, Table *table, Index *by_id, Random *random) {
    Tx *tx = tx_begin(store);
    char name[200];
    for (uint32_t i = 0; i < 400; i++) {
        uint32_t id = random_below(random, ROWS);
        uint32_t count = random_below(random, sizeof name - 1);
        memset(name, 'n', count);
        name[count] = 0;
        InsertResult result;
        Row row;
        if (!index_find(by_id, key_u32(id), &row)) {
            assert_int_equal(insert(tx, table, person(id, name)), INSERT_ADDED);
        } else if (random_below(random, 3) == 0) {
            tx_delete(tx, table, row.id);
        } else {
            (void)tx_update(tx, by_id, person(id, name), &result);
        }
    }
    if (random_below(random, 20) == 0) (void)tx_clear(tx, table);
    if (random_below(random, 5) == 0) {
        tx_rollback(tx);
    } else {
        commit(tx);
    }
}

static void readers_see_what_was(void **state) {
    (void)state;
    SchemaMaker maker;
    maker_person(&maker, "person");
    Store *store = store_create();
    Table *table = create_table(store, maker_schema(&maker));
    Index *by_id = store_find_index_by_name(store, BYTES_LITERAL("person_id_idx_btree"));
    ReaderThread *readers = calloc(READERS, sizeof *readers);
    Random random = {test_seed(5)};
    for (uint32_t i = 0; i < READERS; i++)
        thread_start(&readers[i].thread, "reader", reader_run, &readers[i]);
    for (uint32_t handed = 0; handed < HANDED; handed++) {
        for (uint32_t i = 0; i < READERS; i++) {
            change(store, table, by_id, &random);
            readers[i].jobs[handed] = (Job){table_snapshot_create(table), table_sum(table)};
            atomic_store_explicit(&readers[i].given, handed + 1, memory_order_release);
        }
    }
    for (uint32_t i = 0; i < READERS; i++) thread_join(&readers[i].thread);
    store_check(store);
    store_free(store);
    free(readers);
    maker_done(&maker);
}

static void snapshots_outlive_the_store(void **state) {
    (void)state;
    SchemaMaker maker;
    maker_person(&maker, "person");
    Store *store = store_create();
    Table *table = create_table(store, maker_schema(&maker));
    TableSnapshot *empty = table_snapshot_create(table);
    Tx *tx = tx_begin(store);
    for (uint32_t id = 0; id < 100; id++)
        assert_int_equal(insert(tx, table, person(id, "x")), INSERT_ADDED);
    commit(tx);
    TableSnapshot *full = table_snapshot_create(table);
    store_free(store);
    uint64_t count;
    (void)snapshot_sum(empty, &count);
    assert_int_equal(count, 0);
    (void)snapshot_sum(full, &count);
    assert_int_equal(count, 100);
    table_snapshot_release(empty);
    table_snapshot_release(full);
    table_snapshot_release(NULL);
    maker_done(&maker);
}

// Between commit and release, too.
static void snapshot_of_a_committed_transaction(void **state) {
    (void)state;
    SchemaMaker maker;
    maker_person(&maker, "person");
    Store *store = store_create();
    Table *table = create_table(store, maker_schema(&maker));
    Tx *tx = tx_begin(store);
    for (uint32_t id = 0; id < 100; id++)
        assert_int_equal(insert(tx, table, person(id, "x")), INSERT_ADDED);
    commit(tx);
    tx = tx_begin(store);
    for (uint32_t id = 0; id < 50; id++) assert_true(tx_delete_equal(tx, table, person(id, "x")));
    const Commit *done = tx_commit(tx);
    TableSnapshot *snapshot = table_snapshot_create(table);
    assert_bytes_equal(delta_of(done, table)->deleted.items[7].bytes, person(7, "x"));
    tx_release(tx);
    tx = tx_begin(store);
    for (uint32_t id = 200; id < 300; id++)
        assert_int_equal(insert(tx, table, person(id, "yy")), INSERT_ADDED);
    commit(tx);
    uint64_t count;
    uint64_t sum = snapshot_sum(snapshot, &count);
    assert_int_equal(count, 50);
    assert_int_equal(sum, 50u * 1000003u + (50u + 99u) * 25u);
    table_snapshot_release(snapshot);
    store_check(store);
    store_free(store);
    maker_done(&maker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_what_was),
        cmocka_unit_test(snapshots_outlive_the_store),
        cmocka_unit_test(snapshot_of_a_committed_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
