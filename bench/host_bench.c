// host_bench.c - what the way into a module and out of it costs. Goals: an empty reducer 500 ns, a host call's overhead
// 25 ns, an instance 32 us, loading a cached program 5 ms.
//
//   host_bench [module.wasm]      the module: for loading and instantiating, besides our own
//
// Each figure is the best of several runs. Loops run inside the guest; the loop itself is measured and subtracted.
#include "base/log.h"
#include "guest.h"  // of test/unit/host

#define RUNS 7
#define LOOPS 200000u

static int64_t now(void) {
    return os_real()->monotonic_nanos(os_real());
}

static void print(const char *what, double nanos) {
    if (nanos < 10000) {
        printf("%-34s %9.1f ns\n", what, nanos);
    } else {
        printf("%-34s %9.1f us\n", what, nanos / 1000);
    }
}

// Nanoseconds for each repetition of one record, guest loop included. `before` and `after` run outside of the time.
typedef struct Loop {
    uint32_t op;
    uint64_t args[RECORD_ARGS_MAX];
    const void *row;  // 24 bytes at ROW_AT - 8
    uint32_t length;  // in LENGTH_START_AT
    uint64_t step;    // of the u64 at ROW_AT
    TableId clear;    // table to empty before each run; 0: none
} Loop;

static double loop_nanos(Fixture *fixture, const Loop *loop) {
    double best = 1e18;
    for (int run = 0; run < RUNS; run++) {
        if (loop->clear) CALL(fixture, "datastore_clear", loop->clear, OUT_AT);
        fixture_write_u32(fixture, LENGTH_START_AT, loop->length);
        fixture_write(fixture, ROW_STEP_AT, "\0\0\0\0\0\0\0\0", 8);
        if (loop->row) fixture_write(fixture, ROW_AT - 8, loop->row, 24);
        script_write(&fixture->script, ROW_STEP_AT, bytes_of(&loop->step, 8));
        script_add(&fixture->script, loop->op, LOOPS, loop->args, RECORD_ARGS_MAX);
        int64_t start = now();
        int64_t answer = fixture_result(fixture);
        double nanos = (double)(now() - start) / LOOPS;
        (void)answer;
        if (nanos < best) best = nanos;
        fixture_write(fixture, ROW_STEP_AT, "\0\0\0\0\0\0\0\0", 8);
        tx_rollback(fixture->env.tx);
        fixture->env.tx = tx_begin(fixture->store);
    }
    return best;
}

static TableId plain_table(Fixture *fixture) {
    tx_rollback(fixture->env.tx);
    Arena arena;
    arena_init(&arena, 1 << 20);
    ColumnSchema columns[] = {{B("id"), B("id"), type_primitive(TYPE_U64), BYTES_NONE},
                              {B("x"), B("x"), type_primitive(TYPE_U64), BYTES_NONE}};
    IndexSchema index = {
        .name = B("plain_id_idx_btree"), .kind = INDEX_BTREE, .columns = COLUMNS(0)};
    ConstraintSchema unique = {.name = B("plain_id_key"), .columns = COLUMNS(0)};
    TableSchema schema = fixture_schema("plain", columns, 2, &arena);
    schema.indexes = &index, schema.index_count = 1;
    schema.constraints = &unique, schema.constraint_count = 1;
    schema.primary_key = 0;
    TableId id = table_id(fixture_table(fixture->store, &schema));
    arena_done(&arena);
    fixture->env.tx = tx_begin(fixture->store);
    return id;
}

// A million rows of twelve bytes; the keys of one run after the other lie nowhere near each other.
#define MANY_ROWS 1000000u
#define MANY_STEP UINT64_C(0x9E3779B97F4A7C15)

static void bench_many_rows(Fixture *fixture, IndexKind kind, const char *name, double none) {
    Arena arena;
    arena_init(&arena, 1 << 20);
    ColumnSchema columns[] = {{B("id"), B("id"), type_primitive(TYPE_U64), BYTES_NONE},
                              {B("x"), B("x"), type_primitive(TYPE_U32), BYTES_NONE}};
    char index_name[64];
    (void)snprintf(index_name, sizeof index_name, "%s_id_idx", name);
    IndexSchema index = {.name = bytes_of_text(index_name), .kind = kind, .columns = COLUMNS(0)};
    char constraint_name[64];
    (void)snprintf(constraint_name, sizeof constraint_name, "%s_id_key", name);
    ConstraintSchema unique = {.name = bytes_of_text(constraint_name), .columns = COLUMNS(0)};
    TableSchema schema = fixture_schema(name, columns, 2, &arena);
    schema.indexes = &index, schema.index_count = 1;
    schema.constraints = &unique, schema.constraint_count = 1;
    schema.primary_key = 0;
    tx_rollback(fixture->env.tx);
    Table *table = fixture_table(fixture->store, &schema);
    fixture->env.tx = tx_begin(fixture->store);
    for (uint64_t i = 0; i < MANY_ROWS; i++) {
        uint8_t row[12];
        store_u64le(row, i * MANY_STEP);
        store_u32le(row + 8, (uint32_t)i);
        InsertResult result;
        if (tx_insert(fixture->env.tx, table, bytes_of(row, sizeof row), &result) != INSERT_ADDED)
            fixture_fail("%s", "a row was not added");
    }
    tx_commit(fixture->env.tx);
    tx_release(fixture->env.tx);
    fixture->env.tx = tx_begin(fixture->store);
    uint32_t by_id = fixture_index(fixture, index_name);
    char what[64];
    (void)snprintf(what, sizeof what, "find in 1M rows, %s (two calls)", name);
    print(what, loop_nanos(fixture, &(Loop){.op = REMOTE_FIND,
                                            .args = {by_id, ROW_AT, 8, OUT_AT, BIG_AT},
                                            .row = (uint64_t[]){0, 0, 0},
                                            .length = 65536,
                                            .step = MANY_STEP}) -
                    none);
    arena_done(&arena);
}

static void bench_calls(Fixture *fixture) {
    TableId plain = plain_table(fixture);
    uint32_t by_id = fixture_index(fixture, "plain_id_idx_btree");
    uint64_t row[3] = {0, 1, 7};  // from ROW_AT - 8: unused, id, x
    fixture_write(fixture, DATA_AT, row + 1, 16);
    fixture_write_u32(fixture, COUNT_AT, 16);
    CALL(fixture, "datastore_insert_bsatn", plain, DATA_AT, COUNT_AT);
    fixture_write(fixture, NAME_AT, "person", 6);
    tx_commit(fixture->env.tx);
    tx_release(fixture->env.tx);
    fixture->env.tx = tx_begin(fixture->store);

    double none = loop_nanos(fixture, &(Loop){.op = REMOTE_WRITE - 1});
    print("guest loop", none);
#define PRINT(what, ...) print(what, loop_nanos(fixture, &(Loop){__VA_ARGS__}) - none)
    PRINT("host call that does nothing", .op = remote_op("row_iter_bsatn_close"));
    PRINT("table_id_from_name", .op = remote_op("table_id_from_name"),
          .args = {NAME_AT, 6, OUT_AT});
    PRINT("datastore_table_row_count", .op = remote_op("datastore_table_row_count"),
          .args = {plain, OUT_AT});
    PRINT("datastore_insert_bsatn", .op = remote_op("datastore_insert_bsatn"),
          .args = {plain, ROW_AT, LENGTH_AT}, .row = (uint64_t[]){0, 1000, 7}, .length = 16,
          .step = 1);
    PRINT("find by primary key (two calls)", .op = REMOTE_FIND,
          .args = {by_id, DATA_AT, 8, OUT_AT, BIG_AT}, .length = 65536);
    PRINT("datastore_update_bsatn", .op = remote_op("datastore_update_bsatn"),
          .args = {plain, by_id, ROW_AT - 8, LENGTH_AT}, .row = (uint64_t[]){1, 7, 0}, .length = 16,
          .step = 1);
    PRINT("console_log", .op = remote_op("console_log"),
          .args = {2, NAME_AT, 6, NAME_AT, 6, 1, NAME_AT, 6});
    bench_many_rows(fixture, INDEX_BTREE, "btree", none);
    bench_many_rows(fixture, INDEX_HASH, "hash", none);
}

static void bench_reducer(Fixture *fixture) {
    FunctionCall call = {.name = B("empty")};
    double best = 1e18;
    double best_env = 1e18;
    for (int run = 0; run < RUNS; run++) {
        int64_t start = now();
        for (uint32_t i = 0; i < LOOPS; i++) instance_call_reducer(fixture->instance, &call);
        double nanos = (double)(now() - start) / LOOPS;
        if (nanos < best) best = nanos;
        tx_rollback(fixture->env.tx);
        start = now();
        for (uint32_t i = 0; i < LOOPS; i++) {
            fixture->env.tx = tx_begin(fixture->store);
            instance_call_reducer(fixture->instance, &call);
            tx_commit(fixture->env.tx);
            tx_release(fixture->env.tx);
        }
        nanos = (double)(now() - start) / LOOPS;
        if (nanos < best_env) best_env = nanos;
        fixture->env.tx = tx_begin(fixture->store);
    }
    print("empty reducer", best);
    print("empty reducer with transaction", best_env);
}

static double create_nanos(Program *program, HostEnv *env) {
    double best = 1e18;
    Error error;
    for (int run = 0; run < 200; run++) {
        Instance *instance;
        int64_t start = now();
        if (instance_create(program, env, &instance, &error) != STATUS_OK)
            fixture_fail("%s", error.text);
        double nanos = (double)(now() - start);
        if (nanos < best) best = nanos;
        instance_free(instance);
    }
    return best;
}

static void bench_module(Fixture *fixture, const char *path) {
    char directory[] = "/tmp/host-bench-XXXXXX";
    if (!mkdtemp(directory)) return;
    Arena arena;
    arena_init(&arena, MODULE_PROGRAM_BYTES_MAX);
    Bytes bytes;
    Error error;
    HostEngine *engine;
    Program *program = NULL;
    if (os_file_read_all(os_real(), path, MODULE_PROGRAM_BYTES_MAX, &arena, &bytes, &error) !=
            STATUS_OK ||
        host_engine_create(os_real(), directory, &engine, &error) != STATUS_OK) {
        fixture_fail("%s", error.text);
    }
    Hash hash = hash_keccak256(bytes);
    double best = 1e18;
    for (int run = 0; run < 20; run++) {
        int64_t start = now();
        if (program_create(engine, PROGRAM_WASM, bytes, &hash, &program, &error) != STATUS_OK)
            fixture_fail("%s", error.text);
        double nanos = (double)(now() - start);
        if (run == 0) print("program compiled", nanos);
        if (run > 0 && nanos < best) best = nanos;
        if (run < 19) program_unref(program);
    }
    print("program loaded from the cache", best);
    print("instance with its start-up", create_nanos(program, &fixture->env));
    program_unref(program);
    host_engine_free(engine);
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", directory);
    if (system(command) != 0) printf("%s is left\n", directory);
    arena_done(&arena);
}

int main(int argc, char **argv) {
    log_set_level(LOG_ERROR);
    fixture_signals();
    void *state;
    fixture_setup(&state);
    Fixture *fixture = state;
    fixture->os = *os_real();
    bench_reducer(fixture);
    bench_calls(fixture);
    print("instance (our module)", create_nanos(fixture->program, &fixture->env));
    for (int i = 1; i < argc; i++) {
        printf("%s\n", argv[i]);
        bench_module(fixture, argv[i]);
    }
    fixture_teardown(&state);
    return 0;
}
