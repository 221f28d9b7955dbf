// query_bench.c - what plans alone cost: compiling, scans, joins, and changes of results by a commit.
//
// usage: query_bench [ROWS]   (default 1000000). Times are CPU time of the process, so that a busy machine does not
// show; nothing here waits. One run each: run it twice.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sql/sql.h"

#define ARENA_MAX (1u << 30)
#define FRAGMENTS 1000u
#define COMMIT_ROWS 1000u
#define OWNERS 1000u

typedef struct Bench {
    Store *store;
    Table *players;  // (id: U32 unique, owner: U32 indexed, score: I32)
    Table *items;    // (id: U32 unique, player: U32 indexed, kind: U32)
    Table *loose;    // (id: U32, player: U32), no index
    uint32_t rows;
    Arena arena;  // of plans; cleared by each part
} Bench;

static double now_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void report(const char *what, double seconds, uint64_t count) {
    printf("%-60s %10.3f ms  %10.1f ns each\n", what, seconds * 1e3,
           count > 0 ? seconds * 1e9 / (double)count : 0);
}

// ---- tables ----

typedef struct TableSpec {
    const char *name;
    const char *columns[3];
    uint32_t column_count;
    bool has_indexes;  // the first column unique, the second one indexed
} TableSpec;

static Table *table_create(Store *store, const TableSpec *spec) {
    Arena arena;
    arena_init(&arena, 1u << 20);
    ColumnSchema columns[3] = {0};
    TypeField fields[3] = {0};
    for (uint32_t i = 0; i < spec->column_count; i++) {
        columns[i].name = columns[i].accessor = bytes_of_text(spec->columns[i]);
        columns[i].type = type_primitive(TYPE_U32);
        fields[i] = (TypeField){columns[i].name, columns[i].type};
    }
    static const uint16_t FIRST[] = {0}, SECOND[] = {1};
    IndexSchema indexes[] = {
        {.name = arena_format(&arena, "%s_first", spec->name),
         .kind = INDEX_BTREE,
         .columns = {FIRST, 1}},
        {.name = arena_format(&arena, "%s_second", spec->name),
         .kind = INDEX_BTREE,
         .columns = {SECOND, 1}},
    };
    ConstraintSchema constraint = {.name = arena_format(&arena, "%s_key", spec->name),
                                   .columns = {FIRST, 1}};
    TableSchema schema = {
        .name = bytes_of_text(spec->name),
        .accessor = bytes_of_text(spec->name),
        .columns = columns,
        .column_count = (uint16_t)spec->column_count,
        .row_type = type_product(&arena, fields, spec->column_count),
        .indexes = indexes,
        .index_count = spec->has_indexes ? 2 : 0,
        .constraints = &constraint,
        .constraint_count = spec->has_indexes ? 1 : 0,
        .primary_key = COLUMN_NONE,
        .origin = TABLE_USER,
    };
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

static void bench_open(Bench *bench, uint32_t rows) {
    *bench = (Bench){.store = store_create(), .rows = rows};
    arena_init(&bench->arena, ARENA_MAX);
    const TableSpec specs[] = {
        {"players", {"id", "owner", "score"}, 3, true},
        {"items", {"id", "player", "kind"}, 3, true},
        {"loose", {"id", "player"}, 2, false},
    };
    bench->players = table_create(bench->store, &specs[0]);
    bench->items = table_create(bench->store, &specs[1]);
    bench->loose = table_create(bench->store, &specs[2]);
    Tx *tx = tx_begin(bench->store);
    for (uint32_t i = 0; i < rows; i++) {
        insert(tx, bench->players, i, i % OWNERS, (i * 7919u) % 100000u);
        insert(tx, bench->items, i, (i * 31u) % rows, i % 16);
        if (i < rows / 10) insert(tx, bench->loose, i, (i * 17u) % rows, 0);
    }
    (void)tx_commit(tx);
    tx_release(tx);
}

// ---- plans ----

static const Query *compile(Bench *bench, SqlUse use, const char *text) {
    SqlContext owner = {.store = bench->store, .is_owner = true};
    const Query *query = NULL;
    Error error;
    if (sql_compile_query(&owner, bytes_of_text(text), use, &bench->arena, &query, &error) !=
        STATUS_OK) {
        fprintf(stderr, "%s: %s\n", text, error.text);
        exit(1);
    }
    return query;
}

static bool count_row(void *user, Bytes row) {
    (void)row;
    ++*(uint64_t *)user;
    return true;
}

static void bench_compile(Bench *bench) {
    double start = now_seconds();
    const uint32_t count = 10000;
    for (uint32_t i = 0; i < count; i++) {
        char text[100];
        snprintf(text, sizeof text, "SELECT * FROM players WHERE id = %u", i);
        (void)compile(bench, SQL_SUBSCRIBE, text);
    }
    report("compile SELECT * FROM players WHERE id = k", now_seconds() - start, count);
    arena_clear(&bench->arena);
    start = now_seconds();
    for (uint32_t i = 0; i < FRAGMENTS; i++) {
        (void)compile(bench, SQL_SUBSCRIBE,
                      "SELECT items.* FROM items JOIN players ON items.player = players.id WHERE "
                      "players.owner = 5");
    }
    report("compile a join of two", now_seconds() - start, FRAGMENTS);
    arena_clear(&bench->arena);
}

static void bench_run(Bench *bench, const char *text) {
    SqlContext owner = {.store = bench->store, .is_owner = true};
    SqlStatement statement = {0};
    Error error;
    if (sql_compile(&owner, bytes_of_text(text), &bench->arena, &statement, &error) != STATUS_OK) {
        printf("%-60s %s\n", text, error.text);
        return;
    }
    uint64_t rows = 0;
    double start = now_seconds();
    query_run(statement.query, bench->store, count_row, &rows);
    report(text, now_seconds() - start, rows);
    arena_clear(&bench->arena);
}

static void bench_estimate(Bench *bench) {
    const Query *query = compile(bench, SQL_ONE_OFF, "SELECT * FROM items WHERE player = 7");
    Tx *tx = tx_begin(bench->store);
    Buffer row;
    InsertResult result;
    buffer_init(&row, 100);
    buffer_string(&row, BYTES_LITERAL("row_limit"));
    buffer_u8(&row, 8);  // the tag of a u64
    buffer_u64(&row, 1000);
    (void)tx_insert(tx, store_find_table(bench->store, ST_VAR), buffer_bytes(&row), &result);
    (void)tx_commit(tx);
    tx_release(tx);
    buffer_done(&row);
    double start = now_seconds();
    uint64_t rows = query_estimate(query, bench->store);
    report("query_estimate over an index that is not unique", now_seconds() - start, 1);
    if (rows == 0) abort();
    arena_clear(&bench->arena);
}

// ---- changes ----

// So many items change their kind.
static const Commit *change_items(Bench *bench, Tx *tx, uint32_t count, uint32_t round) {
    Index *key = store_find_index_by_name(bench->store, BYTES_LITERAL("items_first"));
    for (uint32_t i = 0; i < count; i++) {
        uint8_t row[12];
        InsertResult result;
        store_u32le(row, i);
        store_u32le(row + 4, (i * 31u) % bench->rows);
        store_u32le(row + 8, 100 + round);
        if (tx_update(tx, key, bytes_of(row, sizeof row), &result) != UPDATE_DONE) abort();
    }
    return tx_commit(tx);
}

typedef enum Feed {
    FEED_ALL,    // every fragment gets the whole commit
    FEED_PROBED  // each changed row finds its fragments through an equality or an edge
} Feed;

// Fragments by the number in their text, which is the value of their equality.
typedef struct Probe {
    const Fragment **plans;
    uint32_t count;
    Arena scratch;
    uint64_t rows;
} Probe;

// One changed row to the fragment whose equality has this value.
static void probe_value(Bench *bench, Probe *probe, uint32_t value, TableId table, const Row *row) {
    if (value >= probe->count) return;
    DeltaRows rows = {.table = table, .inserted = {row, 1}};
    DeltaInput input = {bench->store, &rows, 1, &probe->scratch};
    (void)fragment_delta_rows(probe->plans[value], &input, count_row, count_row, &probe->rows);
    arena_clear(&probe->scratch);
}

// What watching by value (and by edge) does with a commit of one table; only the inserted side.
static void probe_commit(Bench *bench, Probe *probe, const TableDelta *change) {
    uint32_t edge_count;
    const Edge *edge = fragment_edges(probe->plans[0], &edge_count);
    for (uint32_t i = 0; i < change->inserted.count; i++) {
        const Row *row = &change->inserted.items[i];
        TableId table = change->schema->id;
        if (edge_count == 0) {
            uint32_t value = load_u32le(table_column(change->table, row->bytes, 0).data);
            probe_value(bench, probe, value, table, row);
            continue;
        }
        const Index *index = store_find_index(bench->store, edge->index);
        IndexScan scan;
        Row found;
        index_scan_point(index, table_column(change->table, row->bytes, edge->column), &scan);
        while (index_scan_next(&scan, &found)) {
            Bytes value = table_column(index_table(index), found.bytes, edge->reached.column);
            probe_value(bench, probe, load_u32le(value.data), table, row);
        }
    }
}

typedef struct DeltaCase {
    const char *what;
    const char *format;  // with the number of the fragment in it
    uint32_t fragments;
    uint32_t rows;  // that change
    Feed feed;
} DeltaCase;

static void bench_delta(Bench *bench, const DeltaCase *of) {
    Probe probe = {.count = of->fragments};
    arena_init(&probe.scratch, ARENA_MAX);
    probe.plans = ARENA_ARRAY(&bench->arena, const Fragment *, of->fragments);
    for (uint32_t i = 0; i < of->fragments; i++) {
        char text[300];
        snprintf(text, sizeof text, of->format, i);
        probe.plans[i] = query_fragment(compile(bench, SQL_SUBSCRIBE, text), 0);
    }
    static uint32_t round;
    Tx *tx = tx_begin(bench->store);
    const Commit *commit = change_items(bench, tx, of->rows, round++);
    double start = now_seconds();
    for (uint32_t i = 0; i < of->fragments && of->feed == FEED_ALL; i++) {
        (void)fragment_delta(probe.plans[i], bench->store, commit, count_row, count_row,
                             &probe.rows);
    }
    if (of->feed == FEED_PROBED) probe_commit(bench, &probe, &commit->tables[0]);
    report(of->what, now_seconds() - start, of->fragments);
    tx_release(tx);
    arena_done(&probe.scratch);
    arena_clear(&bench->arena);
}

static const DeltaCase DELTAS[] = {
    {"1,000 rows x 1,000 fragments WHERE id = k, all rows", "SELECT * FROM items WHERE id = %u",
     FRAGMENTS, COMMIT_ROWS, FEED_ALL},
    {"the same, rows found by equality", "SELECT * FROM items WHERE id = %u", FRAGMENTS,
     COMMIT_ROWS, FEED_PROBED},
    {"1,000 rows x 1,000 joins WHERE players.owner = k, all rows",
     "SELECT items.* FROM items JOIN players ON items.player = players.id WHERE players.owner = %u",
     FRAGMENTS, COMMIT_ROWS, FEED_ALL},
    {"the same, rows found by edge",
     "SELECT items.* FROM items JOIN players ON items.player = players.id WHERE players.owner = %u",
     FRAGMENTS, COMMIT_ROWS, FEED_PROBED},
    {"1 row, join without an index (100,000 rows)",
     "SELECT items.* FROM items JOIN loose ON items.player = loose.player WHERE items.kind <> %u",
     1, 1, FEED_ALL},
    {"1,000 rows, the same join",
     "SELECT items.* FROM items JOIN loose ON items.player = loose.player WHERE items.kind <> %u",
     1, COMMIT_ROWS, FEED_ALL},
    {"1,000 rows, join of four by index",
     "SELECT items.* FROM items JOIN players ON items.player = players.id JOIN items b ON b.player "
     "= players.id "
     "JOIN players c ON c.id = b.player WHERE c.score <> %u",
     1, COMMIT_ROWS, FEED_ALL},
};

int main(int argc, char **argv) {
    uint32_t rows = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000u;
    if (rows < 10 * COMMIT_ROWS) rows = 10 * COMMIT_ROWS;
    Bench bench;
    bench_open(&bench, rows);
    printf("%u rows\n", rows);
    bench_compile(&bench);
    bench_run(&bench, "SELECT * FROM players");
    bench_run(&bench, "SELECT * FROM players WHERE score < 1000");
    bench_run(&bench, "SELECT items.* FROM items JOIN players ON items.player = players.id");
    bench_run(&bench, "SELECT items.* FROM players JOIN items ON items.player = players.id WHERE "
                      "players.owner = 5");
    bench_run(
        &bench,
        "SELECT loose.* FROM loose JOIN items ON loose.player = items.kind WHERE items.id < 100");
    bench_run(&bench, "SELECT * FROM players ORDER BY score LIMIT 10");
    bench_run(&bench, "SELECT * FROM players ORDER BY score");
    bench_run(&bench, "SELECT owner, COUNT(*) AS n, SUM(score) AS s FROM players GROUP BY owner");
    bench_estimate(&bench);
    for (uint32_t i = 0; i < sizeof DELTAS / sizeof DELTAS[0]; i++) bench_delta(&bench, &DELTAS[i]);
    arena_done(&bench.arena);
    store_free(bench.store);
    return 0;
}
