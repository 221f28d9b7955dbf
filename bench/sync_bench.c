// sync_bench.c - what subscribers cost a commit, without sockets and module: sync_commit alone, beside the goals.
//
// usage: sync_bench [COMMITS]   (default 20000). Times are CPU time of the process, so that a busy machine does not
// show much; nothing here waits. Messages are counted and dropped. Ratios are of one run.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/gate.h"
#include "sync/sync.h"

#define ROWS 10000u
#define OWNERS 1000u
#define SETS 10000u
#define JOINS 1000u
#define FANOUT 1000u
#define WIDE_ROWS 1000u
#define COSTS_BYTES_MAX (256u << 20)

typedef struct Bench {
    Store *store;
    Sync *sync;
    Table *accounts;  // (id: U32 unique, balance: U32)
    Table *players;   // (id: U32 unique, owner: U32 indexed, score: U32)
    Table *items;     // (id: U32 unique, player: U32 indexed, kind: U32)
    uint64_t messages;
    uint64_t bytes;
    int64_t first_sent;  // when a commit's first message came; 0: none yet
    uint32_t round;
    uint32_t random;
} Bench;

static int64_t cpu_nanos(void *user) {
    (void)user;
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int64_t wall_nanos(void *user) {
    (void)user;
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void drop_message(void *user, void *connection, SharedSlice message, uint64_t ticket) {
    Bench *bench = user;
    (void)connection;
    (void)ticket;
    if (bench->first_sent == 0) bench->first_sent = wall_nanos(NULL);
    bench->messages++;
    bench->bytes += message.count;
    shared_buf_unref(message.buf);
}

// ---- tables ----

// Columns are U32; the first one is unique, the second one indexed if there are three.
static Table *table_create(Store *store, const char *name, const char *const *columns,
                           uint32_t count) {
    Arena arena;
    arena_init(&arena, 1u << 20);
    ColumnSchema schemas[3] = {0};
    TypeField fields[3] = {0};
    for (uint32_t i = 0; i < count; i++) {
        schemas[i].name = schemas[i].accessor = bytes_of_text(columns[i]);
        schemas[i].type = type_primitive(TYPE_U32);
        fields[i] = (TypeField){schemas[i].name, schemas[i].type};
    }
    static const uint16_t FIRST[] = {0}, SECOND[] = {1};
    IndexSchema indexes[] = {{.name = arena_format(&arena, "%s_first", name),
                              .kind = INDEX_BTREE,
                              .columns = {FIRST, 1}},
                             {.name = arena_format(&arena, "%s_second", name),
                              .kind = INDEX_BTREE,
                              .columns = {SECOND, 1}}};
    ConstraintSchema constraint = {.name = arena_format(&arena, "%s_key", name),
                                   .columns = {FIRST, 1}};
    TableSchema schema = {.name = bytes_of_text(name),
                          .accessor = bytes_of_text(name),
                          .columns = schemas,
                          .column_count = (uint16_t)count,
                          .row_type = type_product(&arena, fields, count),
                          .indexes = indexes,
                          .index_count = count - 1,
                          .constraints = &constraint,
                          .constraint_count = 1,
                          .primary_key = COLUMN_NONE,
                          .origin = TABLE_USER,
                          .access = TABLE_PUBLIC};
    Error error;
    Table *table = NULL;
    Tx *tx = tx_begin(store);
    if (tx_create_table(tx, &schema, &table, &error) != STATUS_OK) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    (void)tx_commit(tx);
    tx_release(tx);
    arena_done(&arena);
    return table;
}

static void insert(Tx *tx, Table *table, uint32_t first, uint32_t second, uint32_t third) {
    uint8_t row[12];
    InsertResult result;
    store_u32le(row, first);
    store_u32le(row + 4, second);
    store_u32le(row + 8, third);
    uint32_t count = table_schema(table)->row_type->fixed_bytes;
    if (tx_insert(tx, table, bytes_of(row, count), &result) != INSERT_ADDED) abort();
}

static void bench_open(Bench *bench) {
    static const char *const ACCOUNTS[] = {"id", "balance"};
    static const char *const PLAYERS[] = {"id", "owner", "score"};
    static const char *const ITEMS[] = {"id", "player", "kind"};
    *bench = (Bench){.store = store_create(), .random = 1, .round = ROWS};
    SyncOutput output = {.user = bench, .send = drop_message};
    bench->sync = sync_create(bench->store, &output);
    SyncNotices notices = {.nanos = wall_nanos};
    sync_set_notices(bench->sync, &notices);
    bench->accounts = table_create(bench->store, "accounts", ACCOUNTS, 2);
    bench->players = table_create(bench->store, "players", PLAYERS, 3);
    bench->items = table_create(bench->store, "items", ITEMS, 3);
    Tx *tx = tx_begin(bench->store);
    for (uint32_t i = 0; i < ROWS; i++) {
        insert(tx, bench->accounts, i, 1000, 0);
        insert(tx, bench->players, i, i % OWNERS, i);
        insert(tx, bench->items, i, (i * 31u) % ROWS, 0);
    }
    (void)tx_commit(tx);
    tx_release(tx);
}

static void bench_close(Bench *bench) {
    sync_free(bench->sync);
    store_free(bench->store);
}

// ---- clients ----

static SyncClient *add_client(Bench *bench, uint32_t number) {
    SyncClientOptions options = {.protocol = PROTOCOL_V2};
    store_u32le(options.identity.bytes, number);
    store_u32le(options.connection_id.bytes, number);
    return sync_add_client(bench->sync, &options);
}

static void subscribe(Bench *bench, SyncClient *client, uint32_t id, const char *text) {
    Bytes query = bytes_of_text(text);
    RequestSet set = {.query_set_id = id, .queries = &query, .query_count = 1};
    Request request = {.kind = REQUEST_SUBSCRIBE, .request_id = id, .sets = &set, .set_count = 1};
    sync_request(bench->sync, client, &request, TICKET_NONE);
}

static void remove_clients(Bench *bench) {
    for (SyncClient *client = sync_next_client(bench->sync, NULL); client;
         client = sync_next_client(bench->sync, NULL)) {
        sync_remove_client(bench->sync, client);
    }
}

// ---- commits ----

static uint32_t below(Bench *bench, uint32_t limit) {
    bench->random = bench->random * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)bench->random * limit >> 32);
}

static void update(Bench *bench, Tx *tx, Table *table, uint32_t id, uint32_t second) {
    static const uint16_t FIRST[] = {0};
    Index *key = table_find_index(table, (ColumnList){FIRST, 1});
    uint8_t row[12];
    InsertResult result;
    store_u32le(row, id);
    store_u32le(row + 4, second);
    store_u32le(row + 8, ++bench->round);
    uint32_t count = table_schema(table)->row_type->fixed_bytes;
    if (count == 8) store_u32le(row + 4, bench->round);
    if (tx_update(tx, key, bytes_of(row, count), &result) != UPDATE_DONE) abort();
}

// Two accounts change.
static void change_two(Bench *bench, Tx *tx) {
    uint32_t first = below(bench, ROWS);
    update(bench, tx, bench->accounts, first, 0);
    update(bench, tx, bench->accounts, (first + 1 + below(bench, ROWS - 1)) % ROWS, 0);
}

// A thousand items of different players change their kind.
static void change_items(Bench *bench, Tx *tx) {
    uint32_t first = below(bench, ROWS);
    for (uint32_t i = 0; i < WIDE_ROWS; i++) {
        uint32_t id = (first + i) % ROWS;
        update(bench, tx, bench->items, id, (id * 31u) % ROWS);
    }
}

typedef struct Cost {
    double store_us;  // changing, committing, releasing
    double sync_us;   // telling it
    double send_us;   // of that: messages, from the first one on
} Cost;

// Per commit.
static Cost run_commits(Bench *bench, uint32_t count, void (*change)(Bench *bench, Tx *tx)) {
    SyncEvent event = {.result = RESULT_COMMITTED, .reducer_id = UINT32_MAX};
    int64_t telling = 0, sending = 0, start = 0;
    for (uint32_t i = 0; i < count + count / 10; i++) {
        if (i == count / 10) {  // warm
            telling = sending = 0;
            bench->messages = bench->bytes = 0;
            start = cpu_nanos(NULL);
        }
        Tx *tx = tx_begin(bench->store);
        change(bench, tx);
        const Commit *commit = tx_commit(tx);
        int64_t before = wall_nanos(NULL);
        bench->first_sent = 0;
        sync_commit(bench->sync, &event, commit);
        int64_t after = wall_nanos(NULL);
        telling += after - before;
        if (bench->first_sent > 0) sending += after - bench->first_sent;
        tx_release(tx);
    }
    double all_us = (double)(cpu_nanos(NULL) - start) / 1e3 / count;
    double sync_us = (double)telling / 1e3 / count;
    return (Cost){all_us - sync_us, sync_us, (double)sending / 1e3 / count};
}

// Of all deltas so far, as owners see them.
static double costs_us(Bench *bench, const char *name) {
    Buffer json;
    double sum = 0;
    buffer_init(&json, COSTS_BYTES_MAX);
    sync_write_costs(bench->sync, UINT32_MAX, &json);
    buffer_u8(&json, 0);
    for (const char *at = (const char *)json.data; (at = strstr(at, name)) != NULL;) {
        at += strlen(name);
        sum += strtod(at, NULL);
    }
    buffer_done(&json);
    return sum;
}

// ---- cases ----

// Query sets that wait for one account each.
static void bench_sets(Bench *bench, uint32_t commits) {
    Cost none = run_commits(bench, commits, change_two);
    printf("commit of two rows, nobody subscribed: %.2f us, of that sync %.2f us\n",
           none.store_us + none.sync_us, none.sync_us);
    static const uint32_t FIRST[] = {ROWS, 0};
    for (uint32_t which = 0; which < 2; which++) {
        SyncClient *client = add_client(bench, 1);
        int64_t start = cpu_nanos(NULL);
        for (uint32_t i = 0; i < SETS; i++) {
            char text[96];
            snprintf(text, sizeof text, "SELECT * FROM accounts WHERE id = %u", FIRST[which] + i);
            subscribe(bench, client, i, text);
        }
        double ms = (double)(cpu_nanos(NULL) - start) / 1e6;
        Cost some = run_commits(bench, commits, change_two);
        printf("%u query sets WHERE id = k: subscribed in %.1f ms (goal 200)\n", SETS, ms);
        printf("  commit of two rows that %s: %.2f us, %+.2f us, %.2f messages, of them deltas "
               "%.2f us\n",
               which == 0 ? "none of them wants" : "two of them want", some.store_us + some.sync_us,
               some.store_us + some.sync_us - none.store_us - none.sync_us,
               (double)bench->messages / commits,
               costs_us(bench, "\"microseconds\":") / (commits + commits / 10));
        remove_clients(bench);
    }
}

// Many clients with the same query and the same query set id: one message, shared.
static void bench_fanout(Bench *bench, uint32_t commits) {
    for (uint32_t i = 0; i < FANOUT; i++)
        subscribe(bench, add_client(bench, i), 1, "SELECT * FROM accounts WHERE balance >= 0");
    Cost cost = run_commits(bench, commits, change_two);
    printf("%u subscribers of a filtered query: %.1f us, %.1f ns a delivery\n", FANOUT,
           cost.sync_us, cost.sync_us * 1e3 / FANOUT);
    remove_clients(bench);
}

typedef struct WideCase {
    const char *what;
    const char *format;  // with the number of the query
} WideCase;

static const WideCase WIDE[] = {
    {"queries WHERE id = k", "SELECT * FROM items WHERE id = %u"},
    {"queries WHERE id >= k * 10 AND id < k * 10 + 10",
     "SELECT * FROM items WHERE id >= %u0 AND id <= %u9"},
    {"joins, players.owner = k",
     "SELECT items.* FROM items JOIN players ON items.player = players.id WHERE players.owner = "
     "%u"},
    {"joins, players.id = k",
     "SELECT items.* FROM items JOIN players ON items.player = players.id WHERE players.id = %u"},
};

// A thousand changed rows under a thousand queries, each of another client.
static void bench_wide(Bench *bench, uint32_t commits) {
    Cost none = run_commits(bench, commits, change_items);
    printf("commit of %u rows, nobody subscribed: %.1f us\n", WIDE_ROWS,
           none.store_us + none.sync_us);
    for (uint32_t which = 0; which < sizeof WIDE / sizeof *WIDE; which++) {
        for (uint32_t i = 0; i < JOINS; i++) {
            char text[256];
            snprintf(text, sizeof text, WIDE[which].format, i, i);
            subscribe(bench, add_client(bench, i), 1, text);
        }
        uint64_t before = sync_stats(bench->sync).evaluations;
        Cost some = run_commits(bench, commits, change_items);
        uint32_t runs = commits + commits / 10;
        double deltas = costs_us(bench, "\"microseconds\":") / runs;
        printf("%u rows under %u %s: sync %.1f us\n", WIDE_ROWS, JOINS, WIDE[which].what,
               some.sync_us);
        printf("  finding queries and rows %.1f us, deltas of %.0f queries %.1f us (%.0f rows "
               "scanned), "
               "%.0f messages of %.0f bytes %.1f us\n",
               some.sync_us - deltas - some.send_us,
               (double)(sync_stats(bench->sync).evaluations - before) / runs, deltas,
               costs_us(bench, "\"rows_scanned\":") / runs, (double)bench->messages / commits,
               bench->messages > 0 ? (double)bench->bytes / (double)bench->messages : 0.0,
               some.send_us);
        remove_clients(bench);
    }
}

int main(int argc, char **argv) {
    uint32_t commits = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 20000u;
    if (commits < 100) commits = 100;
    Bench bench;
    bench_open(&bench);
    bench_sets(&bench, commits * 10);
    bench_fanout(&bench, commits / 5);
    bench_wide(&bench, commits / 50);
    bench_close(&bench);
    return 0;
}
