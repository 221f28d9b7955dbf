// database_test.c - goal: one database from publish to restart: calls, errors, SQL, subscriptions, schedules, lifecycle,
// and that what was confirmed is there afterwards. Method: the real module golden/modules/kinds on a real pool, host, log
// and directory; connections are the test's own.

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

static Os *os;
static HostEngine *engine;
static ExecutorPool *pool;
static Arena arena;
static Bytes kinds;
static char root[] = "/tmp/stdb-db-test-XXXXXX";

// cmocka installs signal handlers before each test, over those with which Wasmtime catches traps: they are kept
// after the engine's creation and put back at the start of every test.
static const int TRAP_SIGNALS[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
static struct sigaction trap_actions[sizeof TRAP_SIGNALS / sizeof *TRAP_SIGNALS];

static void restore_traps(void) {
    for (size_t i = 0; i < sizeof TRAP_SIGNALS / sizeof *TRAP_SIGNALS; i++) {
        sigaction(TRAP_SIGNALS[i], &trap_actions[i], NULL);
    }
}

// ---- a connection of the test's ----

#define INBOX_MAX 64u

typedef struct Connection {
    Bytes messages[INBOX_MAX];
    uint64_t tickets[INBOX_MAX];
    uint32_t count;
    uint16_t close_code;
} Connection;

static void output_send(void *user, void *connection, SharedSlice slice, uint64_t ticket) {
    (void)user;
    Connection *to = connection;
    assert_true(to->count < INBOX_MAX);
    to->tickets[to->count] = ticket;
    to->messages[to->count++] = arena_copy(&arena, shared_slice_bytes(slice));
    shared_buf_unref(slice.buf);
}

static void close_connection(void *user, void *connection, uint16_t code, Bytes reason) {
    (void)user;
    (void)reason;
    ((Connection *)connection)->close_code = code;
}

static DatabaseOptions options_for(const char *directory) {
    DatabaseOptions options = {
        .os = os,
        .engine = engine,
        .pool = pool,
        .directory = directory,
        .identity = identity_derive(BYTES_LITERAL("localhost"), BYTES_LITERAL("database")),
        .owner = identity_derive(BYTES_LITERAL("localhost"), BYTES_LITERAL("owner")),
        .output = {.send = output_send},
        .close_connection = close_connection,
    };
    return options;
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

static void step_run(Database *database, DbMessage *message) {
    Step *step = (Step *)(void *)message;
    step->run(database, step->user);
    mutex_lock(&step->mutex);
    step->is_done = true;
    condition_signal(&step->done);
    mutex_unlock(&step->mutex);
}

static void on_executor(Database *database, void (*run)(Database *, void *), void *user) {
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

static void stop_step(Database *database, void *user) {
    (void)user;
    database_stop(database);
}

static void close_database(Database *database) {
    on_executor(database, stop_step, NULL);
    database_unref(database);
}

static void pause_ms(uint64_t ms) {
    Step step = {0};
    mutex_init(&step.mutex);
    condition_init(&step.done);
    mutex_lock(&step.mutex);
    (void)condition_wait_ms(&step.done, &step.mutex, ms);
    mutex_unlock(&step.mutex);
    condition_done(&step.done);
    mutex_done(&step.mutex);
}

typedef struct Call {
    const char *name;
    const char *json;
    Caller caller;
    FunctionOutcome outcome;
    char text[512];
} Call;

static void call_step(Database *database, void *user) {
    Call *call = user;
    FunctionReport report;
    database_call_json(database, &call->caller, bytes_of_text(call->name),
                       bytes_of_text(call->json), NULL, &report);
    call->outcome = report.outcome;
    (void)snprintf(call->text, sizeof call->text, "%.*s", BYTES_FORMAT(buffer_bytes(&report.text)));
    buffer_done(&report.text);
    buffer_done(&report.output);
}

static Call call(Database *database, const char *name, const char *json) {
    Call call = {.name = name, .json = json};
    call.caller.identity = database_options(database)->owner;
    on_executor(database, call_step, &call);
    return call;
}

typedef struct Sql {
    const char *text;
    Status status;
    char answer[4096];
} Sql;

static void sql_step(Database *database, void *user) {
    Sql *sql = user;
    Caller caller = {.identity = database_options(database)->owner};
    SqlReport report = {0};
    Error error = {0};
    sql->status = database_sql(database, &caller, bytes_of_text(sql->text), &report, &error);
    (void)snprintf(sql->answer, sizeof sql->answer, "%.*s",
                   BYTES_FORMAT(buffer_bytes(&report.json)));
    if (sql->status != STATUS_OK) (void)snprintf(sql->answer, sizeof sql->answer, "%s", error.text);
    buffer_done(&report.json);
}

static void expect_rows(Database *database, const char *text, const char *rows) {
    Sql sql = {.text = text};
    on_executor(database, sql_step, &sql);
    if (sql.status != STATUS_OK || strstr(sql.answer, rows) == NULL) {
        fail_msg("%s\n  gave     %s\n  expected %s", text, sql.answer, rows);
    }
}

static Database *create(const char *directory) {
    DatabaseOptions options = options_for(directory);
    Database *database = NULL;
    Error error = {0};
    Status status = database_create(&options, PROGRAM_WASM, kinds, &database, &error);
    if (status != STATUS_OK) fail_msg("%s", error.text);
    return database;
}

// ---- tests ----

static void calls_commit_fail_and_trap(void **state) {
    (void)state;
    restore_traps();
    Database *database = create(NULL);
    assert_int_equal(call(database, "add_plain", "[5,\"five\"]").outcome, FUNCTION_COMMITTED);
    assert_int_equal(call(database, "add_plain", "{\"n\":6,\"s\":\"six\"}").outcome,
                     FUNCTION_COMMITTED);
    Call failed = call(database, "fail", "[0]");
    assert_int_equal(failed.outcome, FUNCTION_USER_ERROR);
    assert_string_equal(failed.text, "asked to fail");
    failed = call(database, "fail", "[1]");
    assert_int_equal(failed.outcome, FUNCTION_FATAL);
    assert_string_equal(failed.text, "The instance encountered a fatal error.");
    assert_int_equal(call(database, "insert_then_fail", "[]").outcome, FUNCTION_USER_ERROR);
    assert_int_equal(call(database, "nope", "[]").outcome, FUNCTION_NOT_FOUND);
    assert_int_equal(call(database, "init", "[]").outcome, FUNCTION_IS_LIFECYCLE);
    failed = call(database, "add_plain", "[\"x\"]");
    assert_int_equal(failed.outcome, FUNCTION_BAD_ARGUMENTS);
    assert_string_equal(
        failed.text,
        "invalid arguments for reducer add_plain: [0]: invalid arguments for function add_plain: "
        "[0]: [0]: invalid type: string \"x\", expected u32 at line 1 column 4");
    // The instance that trapped was replaced, and what failed left nothing.
    expect_rows(database, "SELECT * FROM plain", "\"rows\":[[5,\"five\"],[6,\"six\"]]");
    expect_rows(database, "SELECT COUNT(*) AS n FROM secret", "\"rows\":[[1]]");
    close_database(database);
}

static void sequences_give_values_back(void **state) {
    (void)state;
    Database *database = create(NULL);
    assert_int_equal(call(database, "add_kind", "[1]").outcome, FUNCTION_COMMITTED);
    assert_int_equal(call(database, "add_kind", "[2]").outcome, FUNCTION_COMMITTED);
    expect_rows(database, "SELECT id FROM kinds", "\"rows\":[[1],[2]]");
    close_database(database);
}

typedef struct Subscribe {
    Connection connection;
    SyncClient *client;
    const char *query;
    ConnectOutcome outcome;
} Subscribe;

static void connect_step(Database *database, void *user) {
    Subscribe *subscribe = user;
    Caller caller = {
        .identity = identity_derive(BYTES_LITERAL("localhost"), BYTES_LITERAL("reader")),
        .connection = database_new_connection_id(database),
        .jwt_payload = BYTES_LITERAL("{}")};
    Error error;
    subscribe->outcome = database_connect(database, &caller, &error);
    SyncClientOptions options = {.protocol = PROTOCOL_V2,
                                 .identity = caller.identity,
                                 .connection_id = caller.connection,
                                 .confirmed = true,
                                 .connection = &subscribe->connection};
    subscribe->client = database_add_client(database, &options, BYTES_LITERAL("token"));
    Bytes query = bytes_of_text(subscribe->query);
    RequestSet set = {.query_set_id = 7, .queries = &query, .query_count = 1};
    Request request = {.kind = REQUEST_SUBSCRIBE, .request_id = 1, .sets = &set, .set_count = 1};
    database_client_request(database, subscribe->client, &request);
}

static void leave_step(Database *database, void *user) {
    Subscribe *subscribe = user;
    Caller caller = {.identity = sync_client_options(subscribe->client)->identity,
                     .connection = sync_client_options(subscribe->client)->connection_id};
    database_remove_client(database, subscribe->client);
    database_disconnect(database, &caller);
}

static void subscribers_hear_of_commits(void **state) {
    (void)state;
    Database *database = create(NULL);
    assert_int_equal(call(database, "fill_fixed", "[1,12]").outcome, FUNCTION_COMMITTED);
    Subscribe near = {.query = "SELECT * FROM fixed WHERE x < 3"};
    Subscribe far = {.query = "SELECT * FROM fixed WHERE id = 900"};
    on_executor(database, connect_step, &near);
    on_executor(database, connect_step, &far);
    assert_int_equal(near.outcome, CONNECT_OK);
    expect_rows(database, "SELECT COUNT(*) AS n FROM st_client", "\"rows\":[[2]]");
    // Hello, and the two rows x = 1, 2 of 14 bytes each (u32, i32, i32, u16).
    assert_int_equal(near.connection.count, 2);
    assert_int_equal(near.connection.messages[0].data[0], 0);
    assert_int_equal(near.connection.messages[1].data[0], 1);
    assert_int_equal(near.connection.messages[1].count, 1 + 4 + 4 + 4 + (4 + 5) + 3 + 4 + 28);
    assert_int_equal(call(database, "move_fixed", "[9,2,2]").outcome, FUNCTION_COMMITTED);
    assert_int_equal(call(database, "move_fixed", "[10,50,2]").outcome, FUNCTION_COMMITTED);
    assert_int_equal(near.connection.count, 3);
    assert_int_equal(near.connection.messages[2].data[0], 4);
    assert_int_equal(far.connection.count, 2);  // pruned: nothing for it
    on_executor(database, leave_step, &near);
    on_executor(database, leave_step, &far);
    expect_rows(database, "SELECT COUNT(*) AS n FROM st_client", "\"rows\":[[0]]");
    close_database(database);
}

static void scheduled_rows_fire(void **state) {
    (void)state;
    Database *database = create(NULL);
    assert_int_equal(call(database, "schedule", "[\"once\",30,false]").outcome, FUNCTION_COMMITTED);
    expect_rows(database, "SELECT COUNT(*) AS n FROM timer", "\"rows\":[[1]]");
    for (int i = 0; i < 100; i++) {
        pause_ms(20);
        Sql sql = {.text = "SELECT COUNT(*) AS n FROM timer"};
        on_executor(database, sql_step, &sql);
        if (strstr(sql.answer, "[[0]]")) break;
    }
    expect_rows(database, "SELECT COUNT(*) AS n FROM timer", "\"rows\":[[0]]");
    close_database(database);
}

static void everything_is_there_after_a_restart(void **state) {
    (void)state;
    char directory[128];
    (void)snprintf(directory, sizeof directory, "%s/restart", root);
    Database *database = create(directory);
    for (int i = 0; i < 3; i++)
        assert_int_equal(call(database, "add_kind", "[3]").outcome, FUNCTION_COMMITTED);
    assert_int_equal(call(database, "fill_fixed", "[1,1000]").outcome, FUNCTION_COMMITTED);
    Subscribe left = {.query = "SELECT * FROM fixed WHERE id = 4"};
    on_executor(database, connect_step, &left);
    close_database(database);
    pause_ms(200);  // closing is a job of the pool
    assert_int_equal(left.connection.close_code, 1001);

    DatabaseOptions options = options_for(directory);
    Error error = {0};
    Status status = database_open(&options, &database, &error);
    if (status != STATUS_OK) fail_msg("%s", error.text);
    expect_rows(database, "SELECT COUNT(*) AS n FROM fixed", "\"rows\":[[1000]]");
    expect_rows(database, "SELECT COUNT(*) AS n FROM st_client", "\"rows\":[[0]]");
    assert_int_equal(call(database, "add_kind", "[4]").outcome, FUNCTION_COMMITTED);
    expect_rows(database, "SELECT id FROM kinds WHERE id > 2", "\"rows\":[[3],[4]]");
    close_database(database);
}

static void a_bad_module_leaves_nothing(void **state) {
    (void)state;
    char directory[128];
    (void)snprintf(directory, sizeof directory, "%s/bad", root);
    DatabaseOptions options = options_for(directory);
    Database *database = NULL;
    Error error = {0};
    assert_int_not_equal(
        database_create(&options, PROGRAM_WASM, BYTES_LITERAL("hello"), &database, &error),
        STATUS_OK);
    assert_true(strlen(error.text) > 0);
    assert_false(os_path_exists(os, directory));
}

static int setup(void **state) {
    (void)state;
    os = os_real();
    if (mkdtemp(root) == NULL) return -1;
    arena_init(&arena, 1ull << 30);
    pool = executor_pool_create(os, 2);
    Error error = {0};
    const char *golden = getenv("STDB_GOLDEN") ? getenv("STDB_GOLDEN") : "../shared/golden";
    char path[512];
    (void)snprintf(path, sizeof path, "%s/modules/kinds/kinds.wasm", golden);
    if (os_file_read_all(os, path, 64u << 20, &arena, &kinds, &error) != STATUS_OK) {
        print_error("%s (set STDB_GOLDEN)\n", error.text);
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/cache", root);
    if (host_engine_create(os, path, &engine, &error) != STATUS_OK) return -1;
    for (size_t i = 0; i < sizeof TRAP_SIGNALS / sizeof *TRAP_SIGNALS; i++) {
        sigaction(TRAP_SIGNALS[i], NULL, &trap_actions[i]);
    }
    return 0;
}

static int teardown(void **state) {
    (void)state;
    executor_pool_free(pool);
    host_engine_free(engine);
    arena_done(&arena);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_commit_fail_and_trap),
        cmocka_unit_test(sequences_give_values_back),
        cmocka_unit_test(subscribers_hear_of_commits),
        cmocka_unit_test(scheduled_rows_fire),
        cmocka_unit_test(everything_is_there_after_a_restart),
        cmocka_unit_test(a_bad_module_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
