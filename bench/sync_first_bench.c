// sync_first_bench.c - what a large first subscription keeps the executor for, without sockets and module.
//
// usage: sync_first_bench [ROUNDS]   (default 50). One thread: the executor's step and the read follow each other, so
// that each has its own time. Commits in between find all pages held, and copy what they touch.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/gate.h"
#include "sync/sync.h"

#define ROWS 1000000u
#define ROW_BYTES 12u
#define COMMITS 20u
#define ROUNDS_MAX 1000u

typedef struct Bench {
    Store *store;
    Sync *sync;
    Table *table;  // (id: U32, balance: I64)
    SyncClient *client;
    SharedSlice later;
    uint32_t changed;
    double asking_us[ROUNDS_MAX];
    double commit_us[ROUNDS_MAX];  // the longest of a round
    double reading_us[ROUNDS_MAX];
} Bench;

static double now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void keep_later(void *user, void *connection, SharedSlice message, uint64_t ticket) {
    Bench *bench = user;
    (void)connection;
    (void)ticket;
    if (shared_slice_is_later(message)) {
        bench->later = message;
    } else {
        shared_buf_unref(message.buf);
    }
}

static void ignore(void *user) {
    (void)user;
}

static void create_table(Bench *bench) {
    Arena arena;
    arena_init(&arena, 1u << 20);
    ColumnSchema columns[] = {{.name = BYTES_LITERAL("id"), .type = type_primitive(TYPE_U32)},
                              {.name = BYTES_LITERAL("balance"), .type = type_primitive(TYPE_I64)}};
    TypeField fields[2];
    for (uint32_t i = 0; i < 2; i++) {
        columns[i].accessor = columns[i].name;
        fields[i] = (TypeField){columns[i].name, columns[i].type};
    }
    TableSchema schema = {.name = BYTES_LITERAL("accounts"),
                          .accessor = BYTES_LITERAL("accounts"),
                          .columns = columns,
                          .column_count = 2,
                          .row_type = type_product(&arena, fields, 2),
                          .primary_key = COLUMN_NONE,
                          .origin = TABLE_USER,
                          .access = TABLE_PUBLIC};
    Error error;
    Tx *tx = tx_begin(bench->store);
    if (tx_create_table(tx, &schema, &bench->table, &error) != STATUS_OK) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    (void)tx_commit(tx);
    tx_release(tx);
    arena_done(&arena);
}

static void insert(Tx *tx, const Bench *bench, uint32_t id) {
    uint8_t row[ROW_BYTES];
    InsertResult result;
    store_u32le(row, id);
    store_u64le(row + 4, 1000000);
    if (tx_insert(tx, bench->table, bytes_of(row, ROW_BYTES), &result) != INSERT_ADDED) abort();
}

static void commit(Bench *bench, Tx *tx) {
    SyncEvent event = {.result = RESULT_COMMITTED, .reducer_id = UINT32_MAX};
    sync_commit(bench->sync, &event, tx_commit(tx));
    tx_release(tx);
}

static void bench_open(Bench *bench) {
    bench->store = store_create();
    SyncOutput output = {.user = bench, .send = keep_later, .takes_later = true};
    bench->sync = sync_create(bench->store, &output);
    sync_set_apart(bench->sync, &(SyncApart){bench, ignore, ignore});
    create_table(bench);
    Tx *tx = tx_begin(bench->store);
    for (uint32_t i = 0; i < ROWS; i++) insert(tx, bench, i);
    (void)tx_commit(tx);
    tx_release(tx);
}

static void run_round(Bench *bench, uint32_t round) {
    Bytes query = bytes_of_text("SELECT * FROM accounts");
    RequestSet set = {.query_set_id = 1, .queries = &query, .query_count = 1};
    Request request = {.kind = REQUEST_SUBSCRIBE, .request_id = 1, .sets = &set, .set_count = 1};
    SyncClientOptions options = {.protocol = PROTOCOL_V2};
    bench->client = sync_add_client(bench->sync, &options);
    bench->later = (SharedSlice){0};
    double start = now_us();
    sync_request(bench->sync, bench->client, &request, TICKET_NONE);
    bench->asking_us[round] = now_us() - start;
    if (bench->later.buf == NULL) {
        fprintf(stderr, "the executor read the rows itself\n");
        exit(1);
    }
    bench->commit_us[round] = 0;
    for (uint32_t i = 0; i < COMMITS; i++) {
        start = now_us();
        Tx *tx = tx_begin(bench->store);
        insert(tx, bench, ROWS + bench->changed++);
        commit(bench, tx);
        double passed = now_us() - start;
        if (passed > bench->commit_us[round]) bench->commit_us[round] = passed;
    }
    start = now_us();
    sync_run_reads(bench->sync);
    bench->reading_us[round] = now_us() - start;
    SharedSlice slice;
    if (!shared_later_take(bench->later, &slice) || slice.count < ROWS * ROW_BYTES) abort();
    shared_buf_unref(bench->later.buf);
    shared_buf_unref(slice.buf);
    sync_remove_client(bench->sync, bench->client);
}

static int compare(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void print(const char *what, double *us, uint32_t count) {
    qsort(us, count, sizeof *us, compare);
    printf("%s: median %.1f us, longest %.1f us\n", what, us[count / 2], us[count - 1]);
}

int main(int argc, char **argv) {
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 50u;
    if (rounds < 1 || rounds > ROUNDS_MAX) rounds = 50;
    static Bench bench;
    bench_open(&bench);
    for (uint32_t i = 0; i < rounds; i++) run_round(&bench, i);
    printf("first subscription to %u rows of %u bytes\n", ROWS, ROW_BYTES);
    print("  executor, in the step that subscribes (goal 1000)", bench.asking_us, rounds);
    print("  executor, longest of the next commits, each of one row (goal 1000)", bench.commit_us,
          rounds);
    print("  reading, on another thread", bench.reading_us, rounds);
    sync_free(bench.sync);
    store_free(bench.store);
    return 0;
}
