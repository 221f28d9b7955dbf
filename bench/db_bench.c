// db_bench.c - what a transfer costs inside one database, without sockets: request decoded, reducer run, commit logged,
// result encoded. One thread, the bank module.
//
// usage: db_bench BANK.wasm [CALLS] [DIRECTORY]     without a directory the database is in memory
#include <stdio.h>
#include <stdlib.h>

#include "base/thread.h"
#include "db/db.h"

#define ACCOUNTS 10000u
#define BATCH 40u  // messages of one socket read

typedef struct Bench {
    DbMessage message;
    uint64_t calls;
    uint64_t results;
    uint64_t nanos;
    uint64_t ticket;
    Mutex mutex;
    Condition done;
    bool is_done;
} Bench;

static void output_send(void *user, void *connection, SharedSlice slice, uint64_t ticket) {
    (void)user;
    (void)ticket;
    Bench *bench = connection;
    bench->results++;
    shared_buf_unref(slice.buf);
}

static void close_connection(void *user, void *connection, uint16_t code, Bytes reason) {
    (void)user;
    (void)connection;
    (void)code;
    (void)reason;
}

static void write_call(Buffer *buffer, const char *reducer, const void *args, uint32_t count) {
    buffer_u8(buffer, 3);
    buffer_u32(buffer, 1);
    buffer_u8(buffer, 0);
    buffer_string(buffer, bytes_of_text(reducer));
    buffer_string(buffer, bytes_of(args, count));
}

static void submit(Database *database, SyncClient *client, Arena *arena, const Buffer *message) {
    Reader reader = reader_of(buffer_bytes(message));
    bool is_last = false;
    while (!is_last) {
        Request request;
        Error error;
        if (request_read(PROTOCOL_V3, MESSAGE_BINARY, &reader, arena, &request, &is_last, &error) !=
            STATUS_OK) {
            (void)fprintf(stderr, "%s\n", error.text);
            exit(1);
        }
        database_client_request(database, client, &request);
    }
    arena_clear(arena);
}

static void run(Database *database, DbMessage *message) {
    Bench *bench = (Bench *)(void *)message;
    Os *os = database_options(database)->os;
    Caller caller = {.identity = database_options(database)->owner,
                     .connection = database_new_connection_id(database)};
    Error error;
    if (database_connect(database, &caller, &error) != CONNECT_OK) exit(1);
    SyncClientOptions options = {.protocol = PROTOCOL_V3,
                                 .identity = caller.identity,
                                 .connection_id = caller.connection,
                                 .confirmed = true,
                                 .connection = bench};
    SyncClient *client = database_add_client(database, &options, BYTES_LITERAL("token"));
    Arena arena;
    arena_init(&arena, 1u << 24);
    Buffer buffer;
    buffer_init(&buffer, 1u << 24);
    uint8_t args[16];
    store_u32le(args, ACCOUNTS);
    store_u64le(args + 4, 1000000);
    write_call(&buffer, "seed", args, 12);
    submit(database, client, &arena, &buffer);

    uint64_t seed = 1;
    int64_t start = os->monotonic_nanos(os);
    for (uint64_t i = 0; i < bench->calls; i += BATCH) {
        buffer_clear(&buffer);
        for (uint32_t k = 0; k < BATCH; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            uint32_t from = (uint32_t)(seed >> 33) % ACCOUNTS;
            store_u32le(args, from);
            store_u32le(args + 4, (from + 1) % ACCOUNTS);
            store_u64le(args + 8, 1);
            write_call(&buffer, "transfer", args, 16);
        }
        submit(database, client, &arena, &buffer);
    }
    bench->nanos = (uint64_t)(os->monotonic_nanos(os) - start);
    bench->ticket = database_ticket(database);
    database_remove_client(database, client);
    database_disconnect(database, &caller);
    database_stop(database);
    buffer_done(&buffer);
    arena_done(&arena);
    mutex_lock(&bench->mutex);
    bench->is_done = true;
    condition_signal(&bench->done);
    mutex_unlock(&bench->mutex);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        (void)fprintf(stderr, "usage: db_bench BANK.wasm [CALLS] [DIRECTORY]\n");
        return 2;
    }
    Os *os = os_real();
    Error error = {0};
    HostEngine *engine = NULL;
    Arena arena;
    arena_init(&arena, 1u << 28);
    Bytes program;
    if (os_file_read_all(os, argv[1], 1u << 26, &arena, &program, &error) != STATUS_OK ||
        host_engine_create(os, NULL, &engine, &error) != STATUS_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    ExecutorPool *pool = executor_pool_create(os, 2);
    DatabaseOptions options = {.os = os,
                               .engine = engine,
                               .pool = pool,
                               .directory = argc > 3 ? argv[3] : NULL,
                               .output = {.send = output_send},
                               .close_connection = close_connection};
    Database *database = NULL;
    if (database_create(&options, PROGRAM_WASM, program, &database, &error) != STATUS_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    Bench bench = {.message.run = run, .calls = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000u};
    mutex_init(&bench.mutex);
    condition_init(&bench.done);
    database_post(database, &bench.message);
    mutex_lock(&bench.mutex);
    while (!bench.is_done) condition_wait(&bench.done, &bench.mutex);
    mutex_unlock(&bench.mutex);
    (void)printf("%llu transfers, %llu results, %.0f ns each\n", (unsigned long long)bench.calls,
                 (unsigned long long)bench.results, (double)bench.nanos / (double)bench.calls);
    database_unref(database);
    executor_pool_free(pool);
    host_engine_free(engine);
    arena_done(&arena);
    return 0;
}
