// harness.h - an engine, a pool and databases for tests of db/, and ways to do things on an executor. What a test does to
// a database goes through on_executor; connections are the test's own.
//
// Threads    one test at a time; steps run on the pool.
#pragma once

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/thread.h"
#include "db/db.h"

typedef struct Harness {
    Os os;  // the machine's, but for what a test replaces
    HostEngine *engine;
    ExecutorPool *pool;
    Arena arena;
    char root[64];
    VirtualClock *clock;  // of databases, if a test has one; the pool is to be of it too
    _Atomic int64_t clock_shift_nanos;  // added to the monotonic clock
    uint32_t procedure_instances;
    uint32_t call_seconds;
    HostHttp http;
} Harness;

static Harness harness;

// cmocka installs signal handlers before each test, over those with which Wasmtime catches traps: they are kept
// after the engine's creation, and put back when a test makes its database.
static const int TRAP_SIGNALS[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
static struct sigaction trap_actions[sizeof TRAP_SIGNALS / sizeof *TRAP_SIGNALS];

static inline int harness_test_setup(void **state) {
    (void)state;
    harness.procedure_instances = 0;
    harness.call_seconds = 0;
    harness.http = (HostHttp){0};
    return 0;
}

static inline int64_t harness_nanos(Os *os) {
    (void)os;
    return os_real()->monotonic_nanos(os_real()) + harness.clock_shift_nanos;
}

static inline int harness_setup(void **state) {
    (void)state;
    harness.os = *os_real();
    harness.os.monotonic_nanos = harness_nanos;
    (void)snprintf(harness.root, sizeof harness.root, "/tmp/stdb-db-test-XXXXXX");
    if (mkdtemp(harness.root) == NULL) return -1;
    arena_init(&harness.arena, 1ull << 30);
    harness.pool = executor_pool_create(&harness.os, 2);
    char path[512];
    (void)snprintf(path, sizeof path, "%s/cache", harness.root);
    Error error;
    if (host_engine_create(&harness.os, path, &harness.engine, &error) != STATUS_OK) return -1;
    for (size_t i = 0; i < sizeof TRAP_SIGNALS / sizeof *TRAP_SIGNALS; i++) {
        sigaction(TRAP_SIGNALS[i], NULL, &trap_actions[i]);
    }
    return 0;
}

static inline int harness_teardown(void **state) {
    (void)state;
    executor_pool_free(harness.pool);
    host_engine_free(harness.engine);
    arena_done(&harness.arena);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", harness.root);
    return system(command);
}

// golden/modules/kinds; false: it is not there, and the reason was printed.
static inline bool harness_kinds(Bytes *ret_program) {
    const char *golden = getenv("STDB_GOLDEN") ? getenv("STDB_GOLDEN") : "../shared/golden";
    char path[512];
    (void)snprintf(path, sizeof path, "%s/modules/kinds/kinds.wasm", golden);
    Error error = {0};
    if (os_file_read_all(os_real(), path, 64u << 20, &harness.arena, ret_program, &error) ==
        STATUS_OK)
        return true;
    print_error("%s (set STDB_GOLDEN)\n", error.text);
    return false;
}

// ---- connections ----

#define INBOX_MAX 256u

typedef struct Connection {
    Mutex mutex;
    // ---- under mutex ----
    Bytes messages[INBOX_MAX];
    uint64_t tickets[INBOX_MAX];
    uint32_t count;
    uint16_t close_code;
} Connection;

static inline void connection_init(Connection *connection) {
    *connection = (Connection){0};
    mutex_init(&connection->mutex);
}

static inline void output_send(void *user, void *to, SharedSlice slice, uint64_t ticket) {
    (void)user;
    Connection *connection = to;
    mutex_lock(&connection->mutex);
    assert_true(connection->count < INBOX_MAX);
    Bytes bytes = shared_slice_bytes(slice);
    uint8_t *copy = mem_alloc(bytes.count);
    memcpy(copy, bytes.data, bytes.count);
    connection->tickets[connection->count] = ticket;
    connection->messages[connection->count++] = bytes_of(copy, bytes.count);
    mutex_unlock(&connection->mutex);
    shared_buf_unref(slice.buf);
}

static inline void connection_done(Connection *connection) {
    for (uint32_t i = 0; i < connection->count; i++)
        mem_free((void *)(uintptr_t)connection->messages[i].data);
    mutex_done(&connection->mutex);
}

static inline uint32_t connection_count(Connection *connection) {
    mutex_lock(&connection->mutex);
    uint32_t count = connection->count;
    mutex_unlock(&connection->mutex);
    return count;
}

static inline void close_connection(void *user, void *connection, uint16_t code, Bytes reason) {
    (void)user;
    (void)reason;
    ((Connection *)connection)->close_code = code;
}

// ---- databases ----

static inline DatabaseOptions options_for(const char *directory) {
    return (DatabaseOptions){
        .os = harness.clock ? virtual_clock_os(harness.clock) : &harness.os,
        .engine = harness.engine,
        .pool = harness.pool,
        .directory = directory,
        .identity = identity_derive(BYTES_LITERAL("localhost"), BYTES_LITERAL("database")),
        .owner = identity_derive(BYTES_LITERAL("localhost"), BYTES_LITERAL("owner")),
        .procedure_instances = harness.procedure_instances,
        .call_seconds = harness.call_seconds,
        .http = harness.http,
        .output = {.send = output_send},
        .close_connection = close_connection,
    };
}

static inline Database *create_from(Bytes program, const char *directory) {
    for (size_t i = 0; i < sizeof TRAP_SIGNALS / sizeof *TRAP_SIGNALS; i++) {
        sigaction(TRAP_SIGNALS[i], &trap_actions[i], NULL);
    }
    DatabaseOptions options = options_for(directory);
    Database *database = NULL;
    Error error = {0};
    Status status = database_create(&options, PROGRAM_WASM, program, &database, &error);
    if (status != STATUS_OK) fail_msg("%s", error.text);
    return database;
}

// ---- running on the executor ----

typedef struct Step {
    DbMessage message;
    void (*run)(Database *database, void *user);
    void *user;
    Mutex mutex;
    Condition done;
    bool is_done;
} Step;

static inline void step_run(Database *database, DbMessage *message) {
    Step *step = (Step *)(void *)message;
    step->run(database, step->user);
    mutex_lock(&step->mutex);
    step->is_done = true;
    condition_signal(&step->done);
    mutex_unlock(&step->mutex);
}

static inline void on_executor(Database *database, void (*run)(Database *, void *), void *user) {
    Step step = {.message.run = step_run, .run = run, .user = user};
    mutex_init(&step.mutex);
    condition_init(&step.done);
    database_post(database, &step.message);
    mutex_lock(&step.mutex);
    while (!step.is_done) condition_wait(&step.done, &step.mutex);
    mutex_unlock(&step.mutex);
    condition_done(&step.done);
    mutex_done(&step.mutex);
}

static inline void stop_step(Database *database, void *user) {
    (void)user;
    database_stop(database);
}

static inline void close_database(Database *database) {
    on_executor(database, stop_step, NULL);
    database_unref(database);
}

static inline void pause_ms(uint64_t ms) {
    Step step = {0};
    mutex_init(&step.mutex);
    condition_init(&step.done);
    mutex_lock(&step.mutex);
    (void)condition_wait_ms(&step.done, &step.mutex, ms);
    mutex_unlock(&step.mutex);
    condition_done(&step.done);
    mutex_done(&step.mutex);
}

// ---- calls ----

// A call over HTTP, procedures included.
typedef struct Call {
    FunctionWaiter waiter;  // first
    const char *name;
    Bytes json;
    Caller caller;
    FunctionOutcome outcome;
    char text[1024];
    char output[1024];
    Mutex mutex;
    Condition changed;
    bool is_done;
} Call;

static inline void call_take(Call *call, FunctionReport *report) {
    call->outcome = report->outcome;
    (void)snprintf(call->text, sizeof call->text, "%.*s",
                   BYTES_FORMAT(buffer_bytes(&report->text)));
    (void)snprintf(call->output, sizeof call->output, "%.*s",
                   BYTES_FORMAT(buffer_bytes(&report->output)));
    buffer_done(&report->text);
    buffer_done(&report->output);
    mutex_lock(&call->mutex);
    call->is_done = true;
    condition_signal(&call->changed);
    mutex_unlock(&call->mutex);
}

static inline void call_done(FunctionWaiter *waiter, Database *database, FunctionReport *report) {
    (void)database;
    call_take((Call *)(void *)waiter, report);
}

static inline void call_step(Database *database, void *user) {
    Call *call = user;
    FunctionReport report;
    database_call_json(database, &call->caller, bytes_of_text(call->name), call->json,
                       &call->waiter, &report);
    if (report.outcome != FUNCTION_STARTED) {
        call_take(call, &report);
    } else {
        buffer_done(&report.text);
        buffer_done(&report.output);
    }
}

// The call lies where it is until call_wait.
static inline void call_start(Database *database, Call *call, const char *name, Bytes json) {
    *call = (Call){.waiter.done = call_done, .name = name, .json = json};
    call->caller.identity = database_options(database)->owner;
    mutex_init(&call->mutex);
    condition_init(&call->changed);
    on_executor(database, call_step, call);
}

static inline bool call_wait_ms(Call *call, uint64_t timeout_ms) {
    mutex_lock(&call->mutex);
    bool is_in_time = true;
    while (!call->is_done && is_in_time)
        is_in_time = condition_wait_ms(&call->changed, &call->mutex, timeout_ms);
    bool is_done = call->is_done;
    mutex_unlock(&call->mutex);
    return is_done;
}

static inline void call_wait(Call *call) {
    if (!call_wait_ms(call, 60000)) fail_msg("%s: no answer within a minute", call->name);
    condition_done(&call->changed);
    mutex_done(&call->mutex);
}

static inline Call call(Database *database, const char *name, const char *json) {
    Call result;
    call_start(database, &result, name, bytes_of_text(json));
    call_wait(&result);
    return result;
}

// ---- SQL ----

typedef struct Sql {
    const char *text;
    Identity sender;
    Status status;
    char answer[8192];
} Sql;

static inline void sql_step(Database *database, void *user) {
    Sql *sql = user;
    Caller caller = {.identity = sql->sender};
    SqlReport report = {0};
    Error error = {0};
    sql->status = database_sql(database, &caller, bytes_of_text(sql->text), &report, &error);
    (void)snprintf(sql->answer, sizeof sql->answer, "%.*s",
                   BYTES_FORMAT(buffer_bytes(&report.json)));
    if (sql->status != STATUS_OK) (void)snprintf(sql->answer, sizeof sql->answer, "%s", error.text);
    buffer_done(&report.json);
}

static inline Sql sql_as(Database *database, const Identity *sender, const char *text) {
    Sql sql = {.text = text, .sender = *sender};
    on_executor(database, sql_step, &sql);
    return sql;
}

static inline Sql sql(Database *database, const char *text) {
    return sql_as(database, &database_options(database)->owner, text);
}

static inline void expect_rows(Database *database, const char *text, const char *rows) {
    Sql answer = sql(database, text);
    if (answer.status != STATUS_OK || strstr(answer.answer, rows) == NULL) {
        fail_msg("%s\n  gave     %s\n  expected %s", text, answer.answer, rows);
    }
}

// ---- subscribers ----

typedef struct Subscriber {
    Connection connection;
    SyncClient *client;
    Identity identity;
    const char *query;
    ConnectOutcome outcome;
    Caller caller;
} Subscriber;

static inline void subscriber_request(Database *database, Subscriber *subscriber, RequestKind kind,
                                      uint32_t request_id) {
    Bytes query = bytes_of_text(subscriber->query);
    RequestSet set = {
        .query_set_id = 7, .queries = &query, .query_count = kind == REQUEST_SUBSCRIBE ? 1 : 0};
    Request request = {.kind = kind, .request_id = request_id, .sets = &set, .set_count = 1};
    database_client_request(database, subscriber->client, &request);
}

static inline void connect_step(Database *database, void *user) {
    Subscriber *subscriber = user;
    subscriber->caller = (Caller){.identity = subscriber->identity,
                                  .connection = database_new_connection_id(database),
                                  .jwt_payload = BYTES_LITERAL("{}")};
    Error error;
    subscriber->outcome = database_connect(database, &subscriber->caller, &error);
    if (subscriber->outcome != CONNECT_OK) return;
    SyncClientOptions options = {
        .protocol = PROTOCOL_V2,
        .identity = subscriber->identity,
        .connection_id = subscriber->caller.connection,
        .is_owner = identity_equal(&subscriber->identity, &database_options(database)->owner),
        .confirmed = true,
        .connection = &subscriber->connection};
    subscriber->client = database_add_client(database, &options, BYTES_LITERAL("token"));
    if (subscriber->query) subscriber_request(database, subscriber, REQUEST_SUBSCRIBE, 1);
}

static inline void unsubscribe_step(Database *database, void *user) {
    subscriber_request(database, user, REQUEST_UNSUBSCRIBE, 2);
}

static inline void leave_step(Database *database, void *user) {
    Subscriber *subscriber = user;
    database_remove_client(database, subscriber->client);
    database_disconnect(database, &subscriber->caller);
}

static inline Identity person(const char *name) {
    return identity_derive(BYTES_LITERAL("localhost"), bytes_of_text(name));
}

static inline void subscriber_join(Database *database, Subscriber *subscriber, const char *name,
                                   const char *query) {
    *subscriber = (Subscriber){.identity = person(name), .query = query};
    connection_init(&subscriber->connection);
    on_executor(database, connect_step, subscriber);
}

static inline void subscriber_leave(Database *database, Subscriber *subscriber) {
    on_executor(database, leave_step, subscriber);
    connection_done(&subscriber->connection);
}

// Message number `at`, once it has come.
static inline Bytes subscriber_message(Subscriber *subscriber, uint32_t at) {
    for (int i = 0; i < 3000 && connection_count(&subscriber->connection) <= at; i++) pause_ms(10);
    assert_true(connection_count(&subscriber->connection) > at);
    return subscriber->connection.messages[at];
}
