// log_bench.c - what the log costs: confirming one transaction, replaying millions of row operations, writing and
// restoring a snapshot.
//
//   log_bench [DIRECTORY] [ROWS]      a directory on the disk to measure (default .), rows of the table (default 1000000)
//   log_bench --replay DIRECTORY      opens what an earlier run left there, from the whole log and from its snapshot
//
// Seconds are of the clock and of the processor: with others on the machine, look at the latter.
#include "base/thread.h"
#include "log/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ROW_BYTES 16u
#define ROWS_PER_TRANSACTION 1000u
#define TRANSFERS_PER_ROW_NUMERATOR \
    7u  // with ROWS rows: 7/4 * ROWS transfers of four row operations each
#define LATENCY_ROUNDS 2000u

typedef struct Bench {
    char directory[256];
    char segments[300];
    char snapshots[300];
    Store *store;
    Log *log;
    LogOptions options;
    LogReport report;
    Table *table;
    Index *by_id;
    uint64_t round;   // of transfers
    double open_cpu;  // seconds of the last opening
    // the log thread tells that the gate moved
    Mutex mutex;
    Condition moved;
} Bench;

static double seconds(void) {
    return (double)os_real()->monotonic_nanos(os_real()) / 1e9;
}

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void die(const char *what, const Error *error) {
    fprintf(stderr, "%s: %s\n", what, error->text);
    exit(1);
}

static void advanced(void *user) {
    Bench *bench = user;
    mutex_lock(&bench->mutex);
    condition_signal(&bench->moved);
    mutex_unlock(&bench->mutex);
}

static double open_log(Bench *bench) {
    Error error;
    double start = seconds();
    double cpu_start = cpu_seconds();
    bench->store = store_create();
    if (log_open(os_real(), bench->segments, &bench->options, bench->store, &bench->log,
                 &bench->report, &error) != STATUS_OK) {
        die("open", &error);
    }
    double took = seconds() - start;
    bench->open_cpu = cpu_seconds() - cpu_start;
    bench->table = store_find_table_by_name(bench->store, BYTES_LITERAL("accounts"));
    uint32_t at = 0;
    if (bench->table) bench->by_id = table_next_index(bench->table, &at);
    return took;
}

static void close_log(Bench *bench) {
    log_close(bench->log);
    store_free(bench->store);
}

static void wait_for(Bench *bench, uint64_t ticket) {
    log_wake(bench->log);
    mutex_lock(&bench->mutex);
    while (!gate_is_open(log_gate(bench->log), ticket))
        condition_wait(&bench->moved, &bench->mutex);
    mutex_unlock(&bench->mutex);
}

// accounts(id u64 primary key, balance u64)
static void create_table(Bench *bench) {
    static const uint16_t FIRST[] = {0};
    Arena arena;
    Error error;
    arena_init(&arena, 1u << 20);
    ColumnSchema columns[2] = {
        {.name = BYTES_LITERAL("id"), .type = type_primitive(TYPE_U64)},
        {.name = BYTES_LITERAL("balance"), .type = type_primitive(TYPE_U64)}};
    TypeField fields[2] = {{columns[0].name, columns[0].type}, {columns[1].name, columns[1].type}};
    IndexSchema index = {
        .name = BYTES_LITERAL("accounts_id_idx_btree"), .kind = INDEX_BTREE, .columns = {FIRST, 1}};
    ConstraintSchema constraint = {.name = BYTES_LITERAL("accounts_id_key"), .columns = {FIRST, 1}};
    TableSchema schema = {.name = BYTES_LITERAL("accounts"),
                          .columns = columns,
                          .column_count = 2,
                          .row_type = type_product(&arena, fields, 2),
                          .indexes = &index,
                          .index_count = 1,
                          .constraints = &constraint,
                          .constraint_count = 1,
                          .primary_key = 0,
                          .origin = TABLE_USER};
    Tx *tx = tx_begin(bench->store);
    if (tx_create_table(tx, &schema, &bench->table, &error) != STATUS_OK) die("table", &error);
    LogInputs none = {0};
    (void)log_append(bench->log, &none, tx_commit(tx));
    tx_release(tx);
    uint32_t at = 0;
    bench->by_id = table_next_index(bench->table, &at);
    arena_done(&arena);
}

static void put_row(uint8_t row[ROW_BYTES], uint64_t id, uint64_t balance) {
    store_u64le(row, id);
    store_u64le(row + 8, balance);
}

static uint64_t end(Bench *bench, Tx *tx) {
    LogInputs inputs = {.present = true, .reducer = BYTES_LITERAL("transfer")};
    uint64_t ticket = log_append(bench->log, &inputs, tx_commit(tx));
    tx_release(tx);
    log_wake(bench->log);
    return ticket;
}

static void insert_rows(Bench *bench, uint64_t rows) {
    for (uint64_t id = 0; id < rows;) {
        Tx *tx = tx_begin(bench->store);
        for (uint32_t i = 0; i < ROWS_PER_TRANSACTION && id < rows; i++, id++) {
            uint8_t row[ROW_BYTES];
            InsertResult result;
            put_row(row, id, 1000000);
            (void)tx_insert(tx, bench->table, bytes_of(row, ROW_BYTES), &result);
        }
        (void)end(bench, tx);
    }
}

static uint64_t transfer(Bench *bench, uint64_t rows) {
    uint64_t round = ++bench->round;
    uint64_t from = round * 0x9e3779b97f4a7c15u % rows;
    uint64_t to = (round * 0xbf58476d1ce4e5b9u + 1) % rows;
    uint8_t row[ROW_BYTES];
    InsertResult result;
    Tx *tx = tx_begin(bench->store);
    put_row(row, from, 2 * round);
    (void)tx_update(tx, bench->by_id, bytes_of(row, ROW_BYTES), &result);
    put_row(row, to, 2 * round + 1);
    (void)tx_update(tx, bench->by_id, bytes_of(row, ROW_BYTES), &result);
    return end(bench, tx);
}

static int compare_doubles(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void print_latency(const char *what, double *micros, uint32_t count) {
    qsort(micros, count, sizeof micros[0], compare_doubles);
    printf("%-34s p50 %8.1f us   p99 %8.1f us\n", what, micros[count / 2],
           micros[count * 99 / 100]);
}

// Appending as many bytes as a transfer's commit has, and a sync, without anything around it.
static void bench_bare_sync(Bench *bench, double *micros) {
    char path[400];
    File file;
    Error error;
    uint8_t bytes[150] = {1};
    (void)snprintf(path, sizeof path, "%s/bare", bench->directory);
    if (os_real()->file_open(os_real(), path, OS_OPEN_CREATE, &file, &error)) die("bare", &error);
    for (uint32_t i = 0; i < LATENCY_ROUNDS; i++) {
        double start = seconds();
        Status status = os_real()->file_write(os_real(), file, i * sizeof bytes, bytes,
                                              sizeof bytes, &error);
        if (status == STATUS_OK) status = os_real()->file_sync(os_real(), file, &error);
        if (status != STATUS_OK) die("bare", &error);
        micros[i] = (seconds() - start) * 1e6;
    }
    os_file_close(os_real(), file);
    print_latency("bare write and fdatasync", micros, LATENCY_ROUNDS);
}

static void bench_latency(Bench *bench, uint64_t rows) {
    double *micros = mem_alloc(sizeof(double) * LATENCY_ROUNDS);
    bench_bare_sync(bench, micros);
    for (uint32_t i = 0; i < LATENCY_ROUNDS; i++) {
        double start = seconds();
        wait_for(bench, transfer(bench, rows));
        micros[i] = (seconds() - start) * 1e6;
    }
    print_latency("one client, confirmed", micros, LATENCY_ROUNDS);
    bench_bare_sync(bench, micros);
    mem_free(micros);
}

static void print_replay(const char *what, const Bench *bench, double took, uint64_t operations) {
    printf("%-34s %6.3f s, cpu %6.3f s   %llu transactions, %llu rows from a snapshot, %.0f MB",
           what, took, bench->open_cpu, (unsigned long long)bench->report.transactions,
           (unsigned long long)bench->report.snapshot_rows, (double)bench->report.bytes / 1e6);
    if (operations > 0)
        printf(", %.1f M row operations/s", (double)operations / bench->open_cpu / 1e6);
    printf("\n");
}

static void bench_snapshot(Bench *bench, uint64_t rows) {
    double start = seconds();
    if (!log_snapshot_begin(bench->log, bench->store)) printf("no snapshot\n");
    double begun = seconds();
    // Transfers go on: the slowest one shows what a snapshot costs the writer.
    double slowest = 0;
    uint64_t round = 0;
    while (log_snapshot_is_running(bench->log)) {
        double before = seconds();
        (void)transfer(bench, rows);
        round++;
        double took = seconds() - before;
        if (took > slowest) slowest = took;
    }
    printf("%-34s %6.3f s   begun in %.0f us; %llu transfers meanwhile, the slowest took %.0f us\n",
           "snapshot written", seconds() - begun, (begun - start) * 1e6, (unsigned long long)round,
           slowest * 1e6);
}

static int replay_only(const char *directory) {
    Bench bench = {0};
    mutex_init(&bench.mutex);
    condition_init(&bench.moved);
    bench.options = (LogOptions){.advanced = advanced, .user = &bench};
    (void)snprintf(bench.segments, sizeof bench.segments, "%s/clog", directory);
    (void)snprintf(bench.snapshots, sizeof bench.snapshots, "%s/snapshots", directory);
    double took = open_log(&bench);
    print_replay("replayed", &bench, took, 0);
    close_log(&bench);
    bench.options.snapshots = bench.snapshots;
    took = open_log(&bench);
    print_replay("restored and replayed", &bench, took, 0);
    close_log(&bench);
    return 0;
}

int main(int argument_count, char **arguments) {
    if (argument_count == 3 && strcmp(arguments[1], "--replay") == 0)
        return replay_only(arguments[2]);
    const char *directory = argument_count > 1 ? arguments[1] : ".";
    uint64_t rows = argument_count > 2 ? strtoull(arguments[2], NULL, 10) : 1000000;
    Bench bench = {0};
    (void)snprintf(bench.directory, sizeof bench.directory, "%s/log_bench_XXXXXX", directory);
    if (rows == 0 || mkdtemp(bench.directory) == NULL) {
        fprintf(stderr, "usage: log_bench [DIRECTORY] [ROWS]\n");
        return 2;
    }
    (void)snprintf(bench.segments, sizeof bench.segments, "%s/clog", bench.directory);
    (void)snprintf(bench.snapshots, sizeof bench.snapshots, "%s/snapshots", bench.directory);
    mutex_init(&bench.mutex);
    condition_init(&bench.moved);
    bench.options = (LogOptions){.advanced = advanced, .user = &bench, .database = {{1}}};

    (void)open_log(&bench);
    create_table(&bench);
    double start = seconds();
    insert_rows(&bench, rows);
    uint64_t transfers = rows * TRANSFERS_PER_ROW_NUMERATOR / 4;
    for (uint64_t i = 0; i < transfers; i++) (void)transfer(&bench, rows);
    wait_for(&bench, log_ticket(bench.log));
    printf("%-34s %6.3f s\n", "written", seconds() - start);
    close_log(&bench);

    uint64_t operations = rows + transfers * 4;
    double took = open_log(&bench);
    print_replay("replayed", &bench, took, operations);
    bench_latency(&bench, rows);
    close_log(&bench);

    bench.options.snapshots = bench.snapshots;
    (void)open_log(&bench);
    bench_snapshot(&bench, rows);
    close_log(&bench);
    took = open_log(&bench);
    print_replay("restored and replayed", &bench, took, 0);
    close_log(&bench);
    printf("files are left in %s\n", bench.directory);
    return 0;
}
