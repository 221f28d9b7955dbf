// db_calls_bench.c - an empty reducer from the executor's queue to its result in the client's queue. Goal: 500 ns.
//
//   db_calls_bench [DIRECTORY]     without a directory the database is in memory
//
// Method: the scripted module of db's tests, with an empty script; all calls are queued before the first one runs, so that
// the time is the executor's alone: message, arguments, transaction, module, commit, log record, result. Best of RUNS.
#include <stdio.h>
#include <stdlib.h>

#include "guest_module.h"  // of test/unit/db

#include "base/log.h"
#include "base/thread.h"
#include "db/db.h"

#define RUNS 7
#define CALLS 100000u

typedef struct CallMessage {
    DbMessage message;
    struct Bench *bench;
} CallMessage;

typedef struct Bench {
    SyncClient *client;
    Request request;
    CallMessage calls[CALLS];
    uint64_t results;
    uint32_t run_count;
    int64_t start;
    double best_nanos;
    Mutex mutex;
    Condition changed;
    // ---- under mutex ----
    bool is_done;
} Bench;

static int64_t now(void) {
    return os_real()->monotonic_nanos(os_real());
}

static void output_send(void *user, void *connection, SharedSlice slice, uint64_t ticket) {
    (void)user;
    (void)ticket;
    ((Bench *)connection)->results++;
    shared_buf_unref(slice.buf);
}

static void close_connection(void *user, void *connection, uint16_t code, Bytes reason) {
    (void)user;
    (void)connection;
    (void)code;
    (void)reason;
}

static void finish(Bench *bench) {
    mutex_lock(&bench->mutex);
    bench->is_done = true;
    condition_signal(&bench->changed);
    mutex_unlock(&bench->mutex);
}

static void wait(Bench *bench) {
    mutex_lock(&bench->mutex);
    while (!bench->is_done) condition_wait(&bench->changed, &bench->mutex);
    bench->is_done = false;
    mutex_unlock(&bench->mutex);
}

static void run_call(Database *database, DbMessage *message) {
    Bench *bench = ((CallMessage *)(void *)message)->bench;
    if (bench->run_count == 0) bench->start = now();
    database_client_request(database, bench->client, &bench->request);
    if (++bench->run_count < CALLS) return;
    double nanos = (double)(now() - bench->start) / CALLS;
    if (bench->best_nanos == 0 || nanos < bench->best_nanos) bench->best_nanos = nanos;
    finish(bench);
}

// Queues all calls while the executor is inside this message.
static void run_queue(Database *database, DbMessage *message) {
    Bench *bench = ((CallMessage *)(void *)message)->bench;
    bench->run_count = 0;
    for (uint32_t i = 0; i < CALLS; i++) {
        bench->calls[i] = (CallMessage){.message.run = run_call, .bench = bench};
        database_post(database, &bench->calls[i].message);
    }
}

static void run_join(Database *database, DbMessage *message) {
    Bench *bench = ((CallMessage *)(void *)message)->bench;
    Caller caller = {.identity = database_options(database)->owner,
                     .connection = database_new_connection_id(database)};
    Error error;
    if (database_connect(database, &caller, &error) != CONNECT_OK) abort();
    SyncClientOptions options = {.protocol = PROTOCOL_V2,
                                 .identity = caller.identity,
                                 .connection_id = caller.connection,
                                 .confirmed = true,
                                 .connection = bench};
    bench->client = database_add_client(database, &options, BYTES_LITERAL("token"));
    finish(bench);
}

static void run_stop(Database *database, DbMessage *message) {
    Bench *bench = ((CallMessage *)(void *)message)->bench;
    database_remove_client(database, bench->client);
    database_stop(database);
    finish(bench);
}

static void on_executor(Database *database, Bench *bench,
                        void (*run)(Database *database, DbMessage *message)) {
    static CallMessage message;
    message = (CallMessage){.message.run = run, .bench = bench};
    database_post(database, &message.message);
    wait(bench);
}

int main(int argc, char **argv) {
    log_set_level(LOG_ERROR);
    static Bench bench;
    Arena arena;
    arena_init(&arena, 64u << 20);
    HostEngine *engine = NULL;
    Database *database = NULL;
    Error error;
    GuestSpec spec = {0};
    ExecutorPool *pool = executor_pool_create(os_real(), 1);
    if (host_engine_create(os_real(), NULL, &engine, &error) != STATUS_OK) abort();
    DatabaseOptions options = {
        .os = os_real(),
        .engine = engine,
        .pool = pool,
        .directory = argc > 1 ? argv[1] : NULL,
        .identity = identity_derive(BYTES_LITERAL("localhost"), BYTES_LITERAL("database")),
        .owner = identity_derive(BYTES_LITERAL("localhost"), BYTES_LITERAL("owner")),
        .output = {.send = output_send},
        .close_connection = close_connection,
    };
    if (database_create(&options, PROGRAM_WASM, guest_module_build(&spec, &arena), &database,
                        &error) != STATUS_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    mutex_init(&bench.mutex);
    condition_init(&bench.changed);
    bench.request = (Request){.kind = REQUEST_CALL_REDUCER,
                              .request_id = 1,
                              .function = BYTES_LITERAL("run"),
                              .args = BYTES_LITERAL("\x08\0\0\0\0\0\0\0\0\0\0\0")};
    on_executor(database, &bench, run_join);
    uint64_t hello = bench.results;
    for (int run = 0; run < RUNS; run++) on_executor(database, &bench, run_queue);
    if (bench.results != hello + (uint64_t)RUNS * CALLS) abort();
    printf("empty reducer, queue to result, %-6s %7.1f ns\n", argc > 1 ? "log" : "memory",
           bench.best_nanos);
    on_executor(database, &bench, run_stop);
    database_unref(database);
    executor_pool_free(pool);
    host_engine_free(engine);
    arena_done(&arena);
    return 0;
}
