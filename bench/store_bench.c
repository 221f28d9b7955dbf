// store_bench.c - what the store alone costs: rows in and out, updates, look-ups, snapshots,
// memory.
//
// usage: store_bench [ROWS]   (default 1000000). Times are CPU time of the process, so that a busy
// machine does not show; nothing here waits. One run each: run it twice.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "store/store.h"

#define ROW_BYTES 12u
#define SMALL_TXS 200000u

typedef struct Bench {
    Store *store;
    Table *table;
    Index *key;
    uint32_t rows;
} Bench;

static double now_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static uint64_t resident_bytes(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long total = 0;
    unsigned long resident = 0;
    if (file == NULL) return 0;
    if (fscanf(file, "%lu %lu", &total, &resident) != 2) resident = 0;
    fclose(file);
    return (uint64_t)resident * 4096;
}

static void report(const char *what, double seconds, uint64_t count) {
    printf("%-44s %9.3f ms  %8.1f ns each\n", what, seconds * 1e3,
           count > 0 ? seconds * 1e9 / (double)count : 0);
}

// (id: U32, a: U32, b: U32), primary key id; with_order adds an index over a.
static void bench_open(Bench *bench, uint32_t rows, bool with_order) {
    Arena arena;
    arena_init(&arena, 1u << 20);
    bench->rows = rows;
    bench->store = store_create();
    const char *names[] = {"id", "a", "b"};
    ColumnSchema columns[3] = {0};
    TypeField fields[3] = {0};
    for (uint32_t i = 0; i < 3; i++) {
        columns[i].name = bytes_of_text(names[i]);
        columns[i].type = type_primitive(TYPE_U32);
        fields[i] = (TypeField){columns[i].name, columns[i].type};
    }
    uint16_t first = 0;
    uint16_t second = 1;
    IndexSchema indexes[] = {
        {.name = BYTES_LITERAL("t_id_idx_btree"), .kind = INDEX_BTREE, .columns = {&first, 1}},
        {.name = BYTES_LITERAL("t_a_idx_btree"), .kind = INDEX_BTREE, .columns = {&second, 1}},
    };
    ConstraintSchema constraints[] = {{.name = BYTES_LITERAL("t_id_key"), .columns = {&first, 1}}};
    TableSchema schema = {
        .name = BYTES_LITERAL("t"),
        .columns = columns,
        .column_count = 3,
        .row_type = type_product(&arena, fields, 3),
        .indexes = indexes,
        .index_count = with_order ? 2 : 1,
        .constraints = constraints,
        .constraint_count = 1,
        .primary_key = 0,
        .origin = TABLE_USER,
    };
    Error error;
    Tx *tx = tx_begin(bench->store);
    if (tx_create_table(tx, &schema, &bench->table, &error) != STATUS_OK) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    (void)tx_commit(tx);
    tx_release(tx);
    bench->key = store_find_index_by_name(bench->store, BYTES_LITERAL("t_id_idx_btree"));
    arena_done(&arena);
}

static Bytes make_row(uint8_t *row, uint32_t id, uint32_t a, uint32_t b) {
    store_u32le(row, id);
    store_u32le(row + 4, a);
    store_u32le(row + 8, b);
    return bytes_of(row, ROW_BYTES);
}

// A permutation of 0..2^32-1, for keys in no order.
static uint32_t scramble(uint32_t value) {
    value *= 0x9e3779b1u;
    value ^= value >> 15;
    return value * 0x85ebca6bu;
}

static void insert_all(Bench *bench, bool is_scrambled) {
    Tx *tx = tx_begin(bench->store);
    uint8_t row[ROW_BYTES];
    for (uint32_t i = 0; i < bench->rows; i++) {
        InsertResult result;
        uint32_t id = is_scrambled ? scramble(i) : i;
        if (tx_insert(tx, bench->table, make_row(row, id, scramble(i), 0), &result) != INSERT_ADDED)
            abort();
    }
    if (tx_commit(tx)->table_count != 1) abort();
    tx_release(tx);
}

static void update_all(Bench *bench, bool is_scrambled, uint32_t value) {
    Tx *tx = tx_begin(bench->store);
    uint8_t row[ROW_BYTES];
    for (uint32_t i = 0; i < bench->rows; i++) {
        InsertResult result;
        uint32_t id = is_scrambled ? scramble(i) : i;
        if (tx_update(tx, bench->key, make_row(row, id, scramble(i), value), &result) !=
            UPDATE_DONE)
            abort();
    }
    if (tx_commit(tx)->table_count != 1) abort();
    tx_release(tx);
}

static void find_all(Bench *bench, bool is_scrambled) {
    uint8_t key[4];
    for (uint32_t i = 0; i < bench->rows; i++) {
        Row row;
        store_u32le(key, is_scrambled ? scramble(i) : i);
        if (!index_find(bench->key, bytes_of(key, 4), &row)) abort();
    }
}

static void small_txs(Bench *bench) {
    uint8_t row[ROW_BYTES];
    for (uint32_t i = 0; i < SMALL_TXS; i++) {
        Tx *tx = tx_begin(bench->store);
        InsertResult result;
        uint32_t a = scramble(i) % bench->rows;
        uint32_t b = (a + 1) % bench->rows;
        (void)tx_update(tx, bench->key, make_row(row, a, scramble(a), i + 7), &result);
        (void)tx_update(tx, bench->key, make_row(row, b, scramble(b), i + 8), &result);
        (void)tx_commit(tx);
        tx_release(tx);
    }
}

static void range_scan(Bench *bench) {
    IndexRange all = {.lower = {.kind = BOUND_UNBOUNDED}, .upper = {.kind = BOUND_UNBOUNDED}};
    IndexScan scan;
    Row row;
    uint64_t count = 0;
    index_scan_range(bench->key, &all, &scan);
    while (index_scan_next(&scan, &row)) count++;
    if (count != bench->rows) abort();
}

static void table_scan_all(Bench *bench) {
    TableScan scan = table_scan(bench->table);
    Row row;
    uint64_t sum = 0;
    while (table_scan_next(&scan, &row)) sum += load_u32le(row.bytes.data);
    if (sum == 1) abort();
}

static void bench_order(uint32_t rows, bool is_scrambled) {
    Bench bench;
    bench_open(&bench, rows, false);
    printf("\n%u rows of 12 bytes, u32 primary key, keys %s\n", rows,
           is_scrambled ? "in no order" : "ascending");
    uint64_t before = resident_bytes();
    double start = now_seconds();
    insert_all(&bench, is_scrambled);
    report("insert in one transaction", now_seconds() - start, rows);
    printf("%-44s %9.1f bytes\n", "memory per row (resident)",
           (double)(resident_bytes() - before) / rows);
    start = now_seconds();
    update_all(&bench, is_scrambled, 1);
    report("update by primary key in one transaction", now_seconds() - start, rows);
    start = now_seconds();
    find_all(&bench, is_scrambled);
    report("find by primary key", now_seconds() - start, rows);
    start = now_seconds();
    table_scan_all(&bench);
    report("scan", now_seconds() - start, rows);
    if (!is_scrambled) {
        start = now_seconds();
        small_txs(&bench);
        report("transactions of two updates", now_seconds() - start, SMALL_TXS);
    }
    start = now_seconds();
    TableSnapshot *snapshot = table_snapshot_create(bench.table);
    report("snapshot", now_seconds() - start, 0);
    start = now_seconds();
    update_all(&bench, is_scrambled, 2);
    report("update all while a reader holds the pages", now_seconds() - start, rows);
    table_snapshot_release(snapshot);
    start = now_seconds();
    range_scan(&bench);
    report("first range scan (builds the tree)", now_seconds() - start, rows);
    start = now_seconds();
    range_scan(&bench);
    report("range scan", now_seconds() - start, rows);
    start = now_seconds();
    Tx *tx = tx_begin(bench.store);
    (void)tx_clear(tx, bench.table);
    tx_rollback(tx);
    report("clear and roll back", now_seconds() - start, rows);
    start = now_seconds();
    tx = tx_begin(bench.store);
    (void)tx_clear(tx, bench.table);
    (void)tx_commit(tx);
    tx_release(tx);
    report("clear", now_seconds() - start, rows);
    store_free(bench.store);
}

static void bench_two_indexes(uint32_t rows) {
    Bench bench;
    bench_open(&bench, rows, true);
    printf("\nthe same with a second, not unique index in random order\n");
    uint64_t before = resident_bytes();
    double start = now_seconds();
    insert_all(&bench, false);
    report("insert in one transaction", now_seconds() - start, rows);
    printf("%-44s %9.1f bytes\n", "memory per row (resident)",
           (double)(resident_bytes() - before) / rows);
    start = now_seconds();
    update_all(&bench, false, 1);
    report("update, second key unchanged", now_seconds() - start, rows);
    store_free(bench.store);
}

// The rows as a log has them, with the catalog that describes them.
static void bench_replay(uint32_t rows) {
    Bench bench;
    bench_open(&bench, rows, false);
    insert_all(&bench, false);
    Store *store = store_create();
    Error error;
    double start = now_seconds();
    store_replay_begin(store);
    TableId at = 0;
    for (Table *table = store_next_table(bench.store, &at); table;
         table = store_next_table(bench.store, &at)) {
        TableScan scan = table_scan(table);
        Row row;
        while (table_scan_next(&scan, &row)) {
            RowId there;
            Table *same = store_find_table(store, table_id(table));
            if (same && table_id(table) < USER_ID_MIN && table_find_row(same, row.bytes, &there))
                continue;
            if (store_replay_row_type(store, table_id(table)) == NULL) abort();
            Status status = store_replay_insert(store, table_id(table), row.bytes, &error);
            if (status != STATUS_OK) abort();
        }
    }
    const Commit *added;
    // System sequences have counted: the rows they began with are still there, and the older ones
    // go.
    if (store_replay_end(store, &added, &error) != STATUS_OK) abort();
    tx_release(store_tx(store));
    printf("\n");
    report("replay of as many inserted rows", now_seconds() - start, rows);
    store_free(store);
    store_free(bench.store);
}

int main(int argc, char **argv) {
    uint32_t rows = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    if (rows < 2) rows = 2;
    bench_order(rows, false);
    bench_order(rows, true);
    bench_two_indexes(rows);
    bench_replay(rows);
    double start = now_seconds();
    for (uint32_t i = 0; i < 100; i++) store_free(store_create());
    report("create and free an empty database", now_seconds() - start, 100);
    return 0;
}
