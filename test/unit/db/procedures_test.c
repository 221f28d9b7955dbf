// procedures_test.c - goal: procedures and HTTP handlers run beside their database, see and change it only in their
// transactions, and end whatever happens: values, errors, traps, stops, new programs, slow disks. Method: the scripted
// module, called over HTTP, by WebSocket clients and by the scheduler.
#include "guest.h"

#define PREFIX "The module instance encountered a fatal error: "

static Database *plain_database(const char *directory) {
    static const GuestSpec SPEC = {0};
    return guest_create(&SPEC, directory);
}

static int64_t now_micros(void) {
    return os_real()->time_micros(os_real());
}

static void script_start(RemoteScript *script) {
    SCRIPT_CALL(script, "procedure_start_mut_tx", OUT_AT);
}

static void script_commit(RemoteScript *script) {
    SCRIPT_CALL(script, "procedure_commit_mut_tx", 0);
}

static void script_sleep_ms(RemoteScript *script, int64_t ms) {
    SCRIPT_CALL(script, "procedure_sleep_until", (uint64_t)(now_micros() + ms * 1000));
}

// ---- results ----

static void values_and_failures_are_told(void **state) {
    (void)state;
    harness.call_seconds = 1;
    Database *database = plain_database(NULL);
    RemoteScript script = script_make();
    SCRIPT_CALL(&script, "datastore_table_row_count", ids.item, OUT_AT);  // not in a transaction: 2
    SCRIPT_CALL(&script, "procedure_commit_mut_tx", 0);                   // 18
    SCRIPT_CALL(&script, "procedure_abort_mut_tx", 0);
    SCRIPT_CALL(&script, "procedure_sleep_until", 5);  // long ago: now
    Call call = run_script(database, "run_p", &script, 3);
    assert_int_equal(call.outcome, FUNCTION_RETURNED);
    assert_string_equal(call.output, "[2,18,18]");  // what follows the value is ignored

    script = script_make();
    script_count_items(&script);
    call = run_script(database, "run_p", &script, 100);
    assert_int_equal(call.outcome, FUNCTION_PROCEDURE_FAILED);
    assert_non_null(strstr(call.text, PREFIX "data too short"));
    script = script_make();
    script_count_items(&script);
    call = run_script(database, "wrong", &script, 7);
    assert_int_equal(call.outcome, FUNCTION_PROCEDURE_FAILED);
    assert_non_null(strstr(call.text, PREFIX));

    script = script_make();
    SCRIPT_OP(&script, REMOTE_RETURN, 1);
    call = run_script(database, "run_p", &script, 0);
    assert_string_equal(call.text,
                        PREFIX "__call_procedure__ returned unexpected code 1. Procedures "
                               "should return code 0 or trap.");
    script = script_make();
    SCRIPT_OP(&script, REMOTE_TRAP, 0);
    call = run_script(database, "run_p", &script, 0);
    assert_int_equal(call.outcome, FUNCTION_PROCEDURE_FAILED);
    assert_string_equal(call.text, PREFIX "wasm trap: wasm `unreachable` instruction executed");
    script = script_make();
    SCRIPT_OP(&script, REMOTE_SPIN, 0);
    call = run_script(database, "run_p", &script, 0);
    assert_int_equal(call.outcome, FUNCTION_PROCEDURE_OUT_OF_ENERGY);
    assert_string_equal(call.text, "Procedure terminated due to insufficient budget");

    call = run_script(database, "nope", &(RemoteScript){0}, 0);
    assert_int_equal(call.outcome, FUNCTION_NOT_FOUND);
    Call bad;
    call_start(database, &bad, "run_p", BYTES_LITERAL("[1,2]"));
    call_wait(&bad);
    assert_int_equal(bad.outcome, FUNCTION_BAD_ARGUMENTS);
    assert_non_null(strstr(bad.text, "invalid arguments for procedure run_p"));
    close_database(database);
}

// ---- transactions ----

static void transactions_commit_and_abort(void **state) {
    (void)state;
    Database *database = plain_database(NULL);
    RemoteScript script = script_make();
    script_start(&script);
    script_insert_item(&script, 1, 1, 10);
    SCRIPT_CALL(&script, "procedure_start_mut_tx", OUT_AT);         // 17
    SCRIPT_CALL(&script, "procedure_http_request", 0, 0, 0, 0, 0);  // a null pointer comes first
    Call call = run_script(database, "run_p", &script, 0);
    assert_non_null(strstr(call.text, "null pointer"));
    expect_rows(database, "SELECT COUNT(*) AS n FROM item", "\"rows\":[[0]]");
    assert_true(log_has(database, "aborting dangling anonymous transaction in procedure run_p"));

    script = script_make();
    script_start(&script);
    script_insert_item(&script, 1, 1, 10);
    SCRIPT_CALL(&script, "procedure_start_mut_tx", OUT_AT);
    script_commit(&script);
    script_start(&script);
    script_insert_item(&script, 2, 1, 20);
    SCRIPT_CALL(&script, "procedure_abort_mut_tx", 0);
    SCRIPT_CALL(&script, "datastore_table_row_count", ids.item, OUT_AT);
    script_start(&script);
    script_insert_item(&script, 3, 1, 30);
    script_count_items(&script);
    script_commit(&script);
    call = run_script(database, "run_p", &script, 17);
    assert_int_equal(call.outcome, FUNCTION_RETURNED);
    // start, two writes, insert, 17, commit, start, two writes, insert, abort, 2, start, two writes, insert,
    // count (twice: the result, then what it counted).
    assert_non_null(strstr(call.output, ",17,0,"));
    expect_rows(database, "SELECT id FROM item", "\"rows\":[[1],[3]]");

    // A reducer has a transaction, and it is not its own to end.
    script = script_make();
    script_start(&script);
    SCRIPT_OP(&script, REMOTE_SKIP, 16, 0);  // 17 is at 16: the result of the last call
    SCRIPT_CALL(&script, "procedure_commit_mut_tx", 0);
    SCRIPT_CALL(&script, "procedure_abort_mut_tx", 0);
    script_insert_item(&script, 4, 1, 40);
    assert_int_equal(run_script(database, "run", &script, 0).outcome, FUNCTION_COMMITTED);
    expect_rows(database, "SELECT COUNT(*) AS n FROM item", "\"rows\":[[3]]");
    script = script_make();
    SCRIPT_CALL(&script, "procedure_sleep_until", 5);
    assert_int_equal(run_script(database, "run", &script, 0).outcome, FUNCTION_FATAL);
    close_database(database);
}

static void a_sleeping_procedure_stops_nobody(void **state) {
    (void)state;
    Database *database = plain_database(NULL);
    RemoteScript script = script_make();
    script_sleep_ms(&script, 400);
    script_start(&script);
    script_count_items(&script);
    script_commit(&script);
    Call slow;
    int64_t start = os_real()->monotonic_nanos(os_real());
    call_start(database, &slow, "run_p", script_json(&script, 6));
    for (uint64_t i = 1; i <= 20; i++) insert_item(database, i, 1, i);
    script = script_make();
    script_start(&script);
    script_insert_item(&script, 21, 1, 21);
    script_commit(&script);
    assert_int_equal(run_script(database, "run_p", &script, 5).outcome, FUNCTION_RETURNED);
    assert_false(call_wait_ms(&slow, 0));
    call_wait(&slow);
    assert_true(os_real()->monotonic_nanos(os_real()) - start >= 400000000);
    assert_int_equal(slow.outcome, FUNCTION_RETURNED);
    assert_non_null(strstr(slow.output, ",0,0,21,"));
    // Within a transaction everybody would wait.
    script = script_make();
    script_start(&script);
    script_sleep_ms(&script, 10);
    Call call = run_script(database, "run_p", &script, 2);
    assert_non_null(strstr(call.text, PREFIX "procedure_sleep_until within a transaction"));
    insert_item(database, 22, 1, 22);
    close_database(database);
}

#define QUEUE_CALLS 40u

static void further_ones_wait_for_an_instance(void **state) {
    (void)state;
    harness.procedure_instances = 3;
    Database *database = plain_database(NULL);
    Call *calls = mem_alloc_zero(sizeof *calls * QUEUE_CALLS);
    for (uint32_t i = 0; i < QUEUE_CALLS; i++) {
        RemoteScript script = script_make();
        script_sleep_ms(&script, 60);
        script_start(&script);
        script_insert_item(&script, i + 1, 1, i);
        script_commit(&script);
        call_start(database, &calls[i], "run_p", script_json(&script, 5));
    }
    Inside now = inside(database);
    assert_int_equal(now.running, 3);
    assert_int_equal(now.waiting, QUEUE_CALLS - 3);
    for (uint32_t i = 0; i < QUEUE_CALLS; i++) {
        call_wait(&calls[i]);
        assert_int_equal(calls[i].outcome, FUNCTION_RETURNED);
    }
    expect_rows(database, "SELECT COUNT(*) AS n FROM item", "\"rows\":[[40]]");
    assert_int_equal(inside(database).running, 0);
    mem_free(calls);
    close_database(database);
}

// Many transactions of many procedures and reducers at once: none is lost, none overlaps.
#define RUSH_CALLS 24u
#define RUSH_TRANSACTIONS 20u

static void transactions_exclude_each_other(void **state) {
    (void)state;
    Database *database = plain_database(NULL);
    insert_item(database, 1, 1, 0);
    Call *calls = mem_alloc_zero(sizeof *calls * RUSH_CALLS);
    for (uint32_t i = 0; i < RUSH_CALLS; i++) {
        RemoteScript script = script_make();
        for (uint32_t t = 0; t < RUSH_TRANSACTIONS; t++) {
            script_start(&script);
            script_insert_item(&script, 100 + i * RUSH_TRANSACTIONS + t, 2, 0);
            script_update_item(&script, 1, 1, i * RUSH_TRANSACTIONS + t);
            script_commit(&script);
        }
        call_start(database, &calls[i], "run_p", script_json(&script, 8 * RUSH_TRANSACTIONS));
        insert_item(database, 10000 + i, 3, 0);
    }
    for (uint32_t i = 0; i < RUSH_CALLS; i++) {
        call_wait(&calls[i]);
        assert_int_equal(calls[i].outcome, FUNCTION_RETURNED);
        assert_null(strstr(calls[i].output, ",12,"));
    }
    expect_rows(database, "SELECT COUNT(*) AS n FROM item WHERE grp = 2", "\"rows\":[[480]]");
    expect_rows(database, "SELECT COUNT(*) AS n FROM item WHERE grp = 3", "\"rows\":[[24]]");
    mem_free(calls);
    close_database(database);
}

static void commits_are_durable_and_there_after_a_restart(void **state) {
    (void)state;
    char directory[128];
    (void)snprintf(directory, sizeof directory, "%s/durable", harness.root);
    Database *database = plain_database(directory);
    RemoteScript script = script_make();
    script_start(&script);
    script_insert_item(&script, 1, 1, 10);
    script_commit(&script);
    Call call = {.waiter = {.done = call_done, .is_confirmed = true}, .name = "run_p"};
    call.json = script_json(&script, 5);
    call.caller.identity = database_options(database)->owner;
    mutex_init(&call.mutex);
    condition_init(&call.changed);
    on_executor(database, call_step, &call);
    call_wait(&call);
    assert_int_equal(call.outcome, FUNCTION_RETURNED);
    close_database(database);
    pause_ms(300);
    DatabaseOptions options = options_for(directory);
    Error error = {0};
    if (database_open(&options, &database, &error) != STATUS_OK) fail_msg("%s", error.text);
    expect_rows(database, "SELECT * FROM item", "\"rows\":[[1,1,10]]");
    close_database(database);
}

// ---- views at the commit ----

static void commits_refresh_views_on_their_own_instance(void **state) {
    (void)state;
    RemoteScript script = script_make();
    script_count_items(&script);
    GuestSpec spec = {.views = {{.name = "counted", .script = &script, .words = COUNT_ITEMS_WORDS}},
                      .view_count = 1};
    Database *database = guest_create(&spec, NULL);
    Subscriber subscriber;
    subscriber_join(database, &subscriber, "reader", "SELECT * FROM counted");
    assert_int_equal(subscriber_message(&subscriber, 1).data[0], 1);
    RemoteScript run = script_make();
    script_start(&run);
    script_insert_item(&run, 7, 1, 1);
    script_commit(&run);
    script_start(&run);  // the procedure goes on after the view has run in its middle
    script_insert_item(&run, 8, 1, 1);
    script_commit(&run);
    Call call = run_script(database, "run_p", &run, 10);
    assert_int_equal(call.outcome, FUNCTION_RETURNED);
    assert_string_equal(call.output, "[0,0,0,0,0,0,0,0,0,0]");
    assert_int_equal(inside(database).view_runs, 3);
    assert_int_equal(subscriber_message(&subscriber, 2).data[0], 4);
    assert_int_equal(subscriber_message(&subscriber, 3).data[0], 4);
    expect_rows(database, "SELECT word FROM counted WHERE word > 1", "\"rows\":[[2]]");
    subscriber_leave(database, &subscriber);
    close_database(database);
    script_done(&script);
}

// Within a view that a commit runs: nothing that would end or leave the transaction.
static void a_view_cannot_use_the_procedure_it_runs_in(void **state) {
    (void)state;
    static const char *const NAMES[] = {"procedure_commit_mut_tx", "procedure_abort_mut_tx",
                                        "procedure_start_mut_tx"};
    for (uint32_t i = 0; i < 3; i++) {
        RemoteScript script = script_make();
        script_count_items(&script);
        SCRIPT_CALL(&script, NAMES[i], OUT_AT);
        GuestSpec spec = {
            .views = {{.name = "nosy", .script = &script, .words = 4}}, .view_count = 1, .salt = i};
        Database *database = guest_create(&spec, NULL);
        expect_rows(database, "SELECT COUNT(*) AS n FROM nosy",
                    "\"rows\":[[2]]");  // 0 and an errno
        RemoteScript run = script_make();
        script_start(&run);
        script_insert_item(&run, 7, 1, 1);
        script_commit(&run);
        Call call = run_script(database, "run_p", &run, 5);
        assert_int_equal(call.outcome, FUNCTION_RETURNED);
        expect_rows(database,
                    i == 2 ? "SELECT word FROM nosy WHERE word = 17"
                           : "SELECT word FROM nosy WHERE word = 18",
                    i == 2 ? "[[17]]" : "[[18]]");
        expect_rows(database, "SELECT COUNT(*) AS n FROM item", "\"rows\":[[1]]");
        close_database(database);
        script_done(&script);
    }
}

static void a_failing_view_ends_the_procedure(void **state) {
    (void)state;
    static const RemoteOp OPS[] = {REMOTE_TRAP, REMOTE_RETURN, REMOTE_SPIN};
    for (uint32_t i = 0; i < 3; i++) {
        harness.call_seconds = 1;
        RemoteScript script = script_make();
        script_find_item(&script, 9);
        SCRIPT_OP(&script, REMOTE_SKIP, ROW_BUFFER_AT, 1);
        SCRIPT_OP(&script, OPS[i], 1);
        GuestSpec spec = {
            .views = {{.name = "fragile", .script = &script, .words = FIND_ITEM_WORDS + 1}},
            .view_count = 1,
            .salt = i};
        Database *database = guest_create(&spec, NULL);
        expect_rows(database, "SELECT COUNT(*) AS n FROM fragile", "\"rows\":[[2]]");
        RemoteScript run = script_make();
        script_start(&run);
        script_insert_item(&run, 8, 1, 1);
        script_commit(&run);
        script_start(&run);
        script_insert_item(&run, 9, 1, 1);
        script_commit(&run);
        Call call = run_script(database, "run_p", &run, 10);
        if (OPS[i] == REMOTE_SPIN) {
            assert_int_equal(call.outcome, FUNCTION_PROCEDURE_OUT_OF_ENERGY);
        } else {
            assert_string_equal(call.text, PREFIX "The instance encountered a fatal error.");
        }
        expect_rows(database, "SELECT id FROM item", "\"rows\":[[8]]");
        insert_item(database, 10, 1, 1);
        close_database(database);
        script_done(&script);
    }
}

// ---- WebSocket ----

typedef struct ClientCallStep {
    Subscriber *subscriber;
    Bytes args;
    const char *function;
} ClientCallStep;

static void client_call_step(Database *database, void *user) {
    ClientCallStep *step = user;
    Request request = {.kind = REQUEST_CALL_PROCEDURE,
                       .request_id = 33,
                       .function = bytes_of_text(step->function),
                       .args = step->args};
    database_client_request(database, step->subscriber->client, &request);
}

// BSATN: an array of bytes.
static Bytes script_bsatn(RemoteScript *script, uint32_t words) {
    Buffer bytes;
    Buffer args;
    buffer_init(&bytes, SCRIPT_BYTES_MAX);
    buffer_init(&args, SCRIPT_BYTES_MAX);
    script_finish_at(script, &bytes, SCRIPT_AT, words);
    buffer_string(&args, buffer_bytes(&bytes));
    Bytes result = arena_copy(&harness.arena, buffer_bytes(&args));
    buffer_done(&bytes);
    buffer_done(&args);
    script_done(script);
    return result;
}

static void clients_get_updates_before_results(void **state) {
    (void)state;
    Database *database = plain_database(NULL);
    Subscriber caller;
    Subscriber other;
    subscriber_join(database, &caller, "caller", "SELECT * FROM item");
    subscriber_join(database, &other, "other", "SELECT * FROM item");
    RemoteScript script = script_make();
    script_start(&script);
    script_insert_item(&script, 1, 1, 1);
    script_commit(&script);
    ClientCallStep step = {&caller, script_bsatn(&script, 5), "run_p"};
    on_executor(database, client_call_step, &step);
    assert_int_equal(subscriber_message(&caller, 2).data[0], 4);
    Bytes result = subscriber_message(&caller, 3);
    assert_int_equal(result.data[0], 7);
    assert_int_equal(result.data[1], 0);  // returned
    assert_int_equal(load_u32le(result.data + 2), 4 + 5 * 8);
    assert_int_equal(load_u32le(result.data + result.count - 4), 33);
    assert_int_equal(subscriber_message(&other, 2).data[0], 4);

    // What is wrong with a call is said at once, in the same kind of message.
    step = (ClientCallStep){&caller, BYTES_LITERAL("\x05"), "run_p"};
    on_executor(database, client_call_step, &step);
    result = subscriber_message(&caller, 4);
    assert_int_equal(result.data[1], 1);
    assert_non_null(memmem(result.data, result.count, "invalid arguments for procedure run_p", 37));
    step.function = "none";
    on_executor(database, client_call_step, &step);
    assert_non_null(memmem(subscriber_message(&caller, 5).data, 30, "No such procedure", 17));

    // Nobody waits any more: the procedure runs to its end, and nothing is sent.
    script = script_make();
    script_sleep_ms(&script, 150);
    script_start(&script);
    script_insert_item(&script, 2, 1, 1);
    script_commit(&script);
    step = (ClientCallStep){&caller, script_bsatn(&script, 6), "run_p"};
    on_executor(database, client_call_step, &step);
    subscriber_leave(database, &caller);
    assert_int_equal(subscriber_message(&other, 3).data[0], 4);
    for (int i = 0; i < 500 && inside(database).running > 0; i++) pause_ms(10);
    assert_int_equal(inside(database).running, 0);
    subscriber_leave(database, &other);
    close_database(database);
}

// ---- schedules ----

// Schedules `tick` with a script that inserts an item.
static void schedule_tick(Database *database, uint64_t id, bool is_interval, int64_t micros,
                          RemoteScript *tick) {
    Buffer bytes;
    Buffer row;
    buffer_init(&bytes, SCRIPT_BYTES_MAX);
    buffer_init(&row, SCRIPT_BYTES_MAX);
    script_finish_at(tick, &bytes, SCRIPT_AT, 0);
    buffer_u64(&row, id);
    buffer_u8(&row, is_interval ? 0 : 1);
    buffer_u64(&row, (uint64_t)micros);
    buffer_string(&row, buffer_bytes(&bytes));
    RemoteScript script = script_make();
    script_write(&script, WRITE_AT, buffer_bytes(&row));
    script_write_u32(&script, LENGTH_CELL, (uint32_t)row.count);
    SCRIPT_CALL(&script, "datastore_insert_bsatn", ids.timer, WRITE_AT, LENGTH_CELL);
    assert_int_equal(run_script(database, "run", &script, 0).outcome, FUNCTION_COMMITTED);
    buffer_done(&bytes);
    buffer_done(&row);
    script_done(tick);
}

static void wait_for_rows(Database *database, const char *text, const char *rows) {
    for (int i = 0; i < 500; i++) {
        if (strstr(sql(database, text).answer, rows)) return;
        pause_ms(10);
    }
    expect_rows(database, text, rows);
}

static void scheduled_procedures_run(void **state) {
    (void)state;
    Database *database = plain_database(NULL);
    // One shot: the row is gone before the procedure runs, even if that traps.
    RemoteScript tick = script_make();
    script_start(&tick);
    SCRIPT_CALL(&tick, "datastore_table_row_count", ids.timer, OUT_AT);
    SCRIPT_OP(&tick, REMOTE_SKIP, OUT_AT, 1);
    SCRIPT_OP(&tick, REMOTE_TRAP, 0);
    script_insert_item(&tick, 1, 1, 1);
    script_commit(&tick);
    SCRIPT_OP(&tick, REMOTE_TRAP, 0);
    schedule_tick(database, 1, false, now_micros() + 30000, &tick);
    wait_for_rows(database, "SELECT id FROM item", "\"rows\":[[1]]");
    expect_rows(database, "SELECT COUNT(*) AS n FROM timer", "\"rows\":[[0]]");

    // An interval goes on until its row is deleted; a procedure that takes longer than its interval runs once at a time.
    tick = script_make();
    script_start(&tick);
    SCRIPT_CALL(&tick, "datastore_clear", ids.item, OUT_AT);
    script_insert_item(&tick, 2, 1, 1);
    script_commit(&tick);
    script_log(&tick, "ticked");
    schedule_tick(database, 2, true, 20000, &tick);
    wait_for_rows(database, "SELECT id FROM item", "\"rows\":[[2]]");
    delete_item(database, 2);
    wait_for_rows(database, "SELECT id FROM item", "\"rows\":[[2]]");  // it ticked again
    RemoteScript script = script_make();
    SCRIPT_CALL(&script, "datastore_clear", ids.timer, OUT_AT);
    assert_int_equal(run_script(database, "run", &script, 0).outcome, FUNCTION_COMMITTED);
    for (int i = 0; i < 100 && inside(database).running > 0; i++) pause_ms(10);
    delete_item(database, 2);
    pause_ms(100);
    expect_rows(database, "SELECT COUNT(*) AS n FROM item", "\"rows\":[[0]]");
    close_database(database);
}

// ---- ends ----

static void stopping_ends_them_all(void **state) {
    (void)state;
    harness.procedure_instances = 3;
    Database *database = plain_database(NULL);
    Call calls[5];
    for (uint32_t i = 0; i < 5; i++) {
        RemoteScript script = script_make();
        if (i == 0) {
            script_sleep_ms(&script, 3600000);
        } else if (i == 1) {
            SCRIPT_OP(&script, REMOTE_SPIN, 0);
        } else {
            script_sleep_ms(&script, 100);
            script_start(&script);
            script_sleep_ms(&script, 10000);
        }
        call_start(database, &calls[i], "run_p", script_json(&script, 1));
    }
    int64_t start = os_real()->monotonic_nanos(os_real());
    close_database(database);
    for (uint32_t i = 0; i < 5; i++) {
        call_wait(&calls[i]);
        assert_int_equal(calls[i].outcome, FUNCTION_PROCEDURE_FAILED);
        if (i < 2) assert_string_equal(calls[i].text, PREFIX "the module is being stopped");
        if (i > 2) assert_string_equal(calls[i].text, "no such module");
    }
    assert_true(os_real()->monotonic_nanos(os_real()) - start < 5000000000);
}

typedef struct Update {
    Bytes program;
    PublishOutcome outcome;
    Error error;
} Update;

static void update_step(Database *database, void *user) {
    Update *update = user;
    UpdateRequest request = {
        .kind = PROGRAM_WASM, .program = update->program, .policy = UPDATE_COMPATIBLE};
    uint64_t ticket;
    update->outcome = database_update(database, &request, &ticket, &update->error);
}

static void a_replaced_program_writes_nothing_more(void **state) {
    (void)state;
    harness.procedure_instances = 1;
    Database *database = plain_database(NULL);
    RemoteScript script = script_make();
    script_sleep_ms(&script, 300);
    script_start(&script);
    script_insert_item(&script, 1, 1, 1);
    script_commit(&script);
    Call running;
    call_start(database, &running, "run_p", script_json(&script, 1));
    script = script_make();
    script_start(&script);
    script_insert_item(&script, 2, 1, 1);
    script_commit(&script);
    Call waiting;
    call_start(database, &waiting, "run_p", script_json(&script, 5));
    GuestSpec next = {.salt = 1, .has_extra_table = true};
    Update update = {.program = guest_module_build(&next, &harness.arena)};
    on_executor(database, update_step, &update);
    if (update.outcome != PUBLISH_DONE) fail_msg("%s", update.error.text);
    call_wait(&running);
    assert_string_equal(running.text, PREFIX "module was replaced while this function was running");
    call_wait(&waiting);  // it ran the new one
    assert_int_equal(waiting.outcome, FUNCTION_RETURNED);
    expect_rows(database, "SELECT id FROM item", "\"rows\":[[2]]");
    close_database(database);
}

// ---- the log ----

#define LOG_FLOOD 3000u

static void lines_keep_their_order_and_wait_for_the_log(void **state) {
    (void)state;
    Database *database = plain_database(NULL);
    RemoteScript script = script_make();
    script_log(&script, "first");
    script_start(&script);
    script_log(&script, "second");
    script_commit(&script);
    script_log(&script, "third");
    assert_int_equal(run_script(database, "run_p", &script, 0).outcome, FUNCTION_RETURNED);
    LogText log;
    on_executor(database, log_step_run, &log);
    const char *first = strstr(log.text, "\"function\":\"run_p\",\"message\":\"first\"");
    const char *second = strstr(log.text, "\"message\":\"second\"");
    const char *third = strstr(log.text, "\"message\":\"third\"");
    assert_non_null(first);
    assert_true(first < second);
    assert_true(second < third);
    // More than may wait: the module is held back, and nothing is lost.
    script = script_make();
    uint8_t *long_text = mem_alloc(1024);
    memset(long_text, 'x', 1024);
    script_write(&script, WRITE_AT, bytes_of(long_text, 1024));
    mem_free(long_text);
    const uint64_t args[] = {2, 0, 0, 0, 0, UINT32_MAX, WRITE_AT, 1024};
    script_add(&script, remote_op("console_log"), LOG_FLOOD, args, 8);
    script_log(&script, "the end");
    assert_int_equal(run_script(database, "run_p", &script, 0).outcome, FUNCTION_RETURNED);
    assert_true(log_has(database, "the end"));
    close_database(database);
}

// ---- HTTP handlers ----

typedef struct RouteStep {
    RouteWaiter waiter;  // first
    RouteRequest request;
    RouteOutcome outcome;
    Mutex mutex;
    Condition changed;
    bool is_done;
    bool is_failed;
    uint32_t status;
    uint32_t field_count;
    char text[512];
    Bytes body;
} RouteStep;

static void route_done(RouteWaiter *waiter, Database *database, const RouteReply *reply) {
    (void)database;
    RouteStep *step = (RouteStep *)(void *)waiter;
    step->is_failed = reply->is_failed;
    step->status = reply->status;
    step->field_count = reply->field_count;
    if (reply->field_count > 0) {
        assert_true(bytes_equal_text(reply->fields[0].name, "x-guest"));
        assert_true(bytes_equal_text(reply->fields[0].value, "yes"));
    }
    (void)snprintf(step->text, sizeof step->text, "%.*s", BYTES_FORMAT(reply->text));
    step->body = arena_copy(&harness.arena, reply->body);
    mutex_lock(&step->mutex);
    step->is_done = true;
    condition_signal(&step->changed);
    mutex_unlock(&step->mutex);
}

static void route_step(Database *database, void *user) {
    RouteStep *step = user;
    step->outcome = database_call_route(database, &step->request, &step->waiter);
}

static RouteStep route(Database *database, const char *method, const char *path, Bytes body) {
    static const RouteField FIELDS[] = {
        {{(const uint8_t *)"Accept", 6}, {(const uint8_t *)"*/*", 3}},
        {{(const uint8_t *)"X-Two", 5}, {(const uint8_t *)"", 0}}};
    RouteStep step = {.waiter.done = route_done,
                      .request = {.method = bytes_of_text(method),
                                  .path = bytes_of_text(path),
                                  .uri = BYTES_LITERAL("http://host/v1/database/x/route/echo?a=b"),
                                  .fields = FIELDS,
                                  .field_count = 2,
                                  .version_minor = 1,
                                  .body = body,
                                  .sender = person("somebody"),
                                  .jwt_payload = BYTES_LITERAL("{\"sub\":1}")}};
    RouteStep *kept = mem_alloc_zero(sizeof *kept);
    *kept = step;
    mutex_init(&kept->mutex);
    condition_init(&kept->changed);
    on_executor(database, route_step, kept);
    mutex_lock(&kept->mutex);
    while (kept->outcome == ROUTE_STARTED && !kept->is_done)
        condition_wait(&kept->changed, &kept->mutex);
    mutex_unlock(&kept->mutex);
    step = *kept;
    condition_done(&kept->changed);
    mutex_done(&kept->mutex);
    mem_free(kept);
    return step;
}

static Bytes script_body(RemoteScript *script) {
    Buffer bytes;
    buffer_init(&bytes, SCRIPT_BYTES_MAX);
    script_finish_at(script, &bytes, SCRIPT_AT, 0);
    Bytes result = arena_copy(&harness.arena, buffer_bytes(&bytes));
    buffer_done(&bytes);
    script_done(script);
    return result;
}

static void handlers_answer(void **state) {
    (void)state;
    Database *database = plain_database(NULL);
    RouteStep step = route(database, "GET", "/echo", BYTES_NONE);
    assert_int_equal(step.outcome, ROUTE_STARTED);
    assert_false(step.is_failed);
    assert_int_equal(step.status, 201);
    assert_int_equal(step.field_count, 1);
    static const uint8_t EXPECTED[] = "\0\2\0\0\0"
                                      "\6\0\0\0Accept\3\0\0\0*/*\5\0\0\0X-Two\0\0\0\0"
                                      "\1\x28\0\0\0http://host/v1/database/x/route/echo?a=b\2";
    assert_int_equal(step.body.count, sizeof EXPECTED - 1);
    assert_memory_equal(step.body.data, EXPECTED, sizeof EXPECTED - 1);
    assert_int_equal(route(database, "POST", "/echo", BYTES_NONE).outcome, ROUTE_NONE);
    assert_int_equal(route(database, "GET", "/echo/", BYTES_NONE).outcome, ROUTE_NONE);
    assert_int_equal(route(database, "get", "/echo", BYTES_NONE).outcome, ROUTE_NONE);
    step = route(database, "PURGE", "/any", BYTES_NONE);
    assert_int_equal(step.body.data[0], 9);

    // The sender and its token, and a transaction.
    RemoteScript script = script_make();
    SCRIPT_OP(&script, REMOTE_READ, GUEST_SENDER_AT, 36);
    script_start(&script);
    script_insert_item(&script, 5, 5, 5);
    script_commit(&script);
    step = route(database, "POST", "/run", script_body(&script));
    Identity sender = person("somebody");
    assert_memory_equal(step.body.data, sender.bytes, 32);
    assert_int_not_equal(load_u32le(step.body.data + 32), 0);
    expect_rows(database, "SELECT id FROM item", "\"rows\":[[5]]");

    script = script_make();
    SCRIPT_OP(&script, REMOTE_TRAP, 0);
    step = route(database, "POST", "/run", script_body(&script));
    assert_true(step.is_failed);
    assert_string_equal(step.text, "wasm trap: wasm `unreachable` instruction executed");
    script = script_make();
    SCRIPT_OP(&script, REMOTE_WRITE, GUEST_HEAD_AT + 23, 0, 0);
    SCRIPT_OP(&script, REMOTE_RETURN, 3);
    step = route(database, "POST", "/run", script_body(&script));
    assert_true(step.is_failed);
    close_database(database);
}

// Responses that are none, from the next call on: the head is patched in the instance's memory.
static void bad_responses_are_refused(void **state) {
    (void)state;
    static const struct {
        uint32_t at;
        uint8_t value;
        const char *text;
    } CASES[] = {
        {23, 99, "invalid status code"},                       // 99
        {0, 200, "the handler's response cannot be decoded"},  // two hundred headers
        {22, 9, "the handler's response cannot be decoded"},   // an unknown version
    };
    for (uint32_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        harness.procedure_instances = 1;
        Database *database = plain_database(NULL);
        RemoteScript script = script_make();
        script_write(&script, GUEST_HEAD_AT + CASES[i].at, bytes_of(&CASES[i].value, 1));
        assert_false(route(database, "POST", "/run", script_body(&script)).is_failed);
        RouteStep step = route(database, "GET", "/echo", BYTES_NONE);
        assert_true(step.is_failed);
        assert_string_equal(step.text, CASES[i].text);
        close_database(database);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(values_and_failures_are_told, harness_test_setup),
        cmocka_unit_test_setup(transactions_commit_and_abort, harness_test_setup),
        cmocka_unit_test_setup(a_sleeping_procedure_stops_nobody, harness_test_setup),
        cmocka_unit_test_setup(further_ones_wait_for_an_instance, harness_test_setup),
        cmocka_unit_test_setup(transactions_exclude_each_other, harness_test_setup),
        cmocka_unit_test_setup(commits_are_durable_and_there_after_a_restart, harness_test_setup),
        cmocka_unit_test_setup(commits_refresh_views_on_their_own_instance, harness_test_setup),
        cmocka_unit_test_setup(a_view_cannot_use_the_procedure_it_runs_in, harness_test_setup),
        cmocka_unit_test_setup(a_failing_view_ends_the_procedure, harness_test_setup),
        cmocka_unit_test_setup(clients_get_updates_before_results, harness_test_setup),
        cmocka_unit_test_setup(scheduled_procedures_run, harness_test_setup),
        cmocka_unit_test_setup(stopping_ends_them_all, harness_test_setup),
        cmocka_unit_test_setup(a_replaced_program_writes_nothing_more, harness_test_setup),
        cmocka_unit_test_setup(lines_keep_their_order_and_wait_for_the_log, harness_test_setup),
        cmocka_unit_test_setup(handlers_answer, harness_test_setup),
        cmocka_unit_test_setup(bad_responses_are_refused, harness_test_setup),
    };
    return cmocka_run_group_tests(tests, guest_setup, harness_teardown);
}
