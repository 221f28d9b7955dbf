// procedures_test.c - goal: what procedures, handlers and views ask of the host: every errno, every trap, hostile pointers,
// calls within calls, and what a view is said to have read. Method: the remote-controlled module on a fake database side,
// which counts and answers as the test likes.
#include "fixture.h"

#include "base/thread.h"
#include "host/http/http.h"

#define DISABLED_TEXT "module outbound HTTP requests are disabled"

// The database's side.
typedef struct Fake {
    Fixture *fixture;
    int entered;  // minus left
    int enters, commits, sleeps;
    int64_t slept_until;
    const char *failure;  // of the next call that may fail
    bool is_ending;
    bool deletes_claims;  // with the next commit
    // A view to be run by the next commit.
    bool runs_view;
    Buffer view_args;
    CallOutcome view;
} Fake;

static Fake fake;

static Status fake_status(Error *error) {
    if (fake.failure == NULL) return STATUS_OK;
    (void)error_set(error, STATUS_CONFLICT, "%s", fake.failure);
    return STATUS_CONFLICT;
}

static Status fake_enter(void *user, Error *error) {
    assert_ptr_equal(user, fake.fixture);
    assert_int_equal(fake.entered, 0);
    if (fake_status(error) != STATUS_OK) return STATUS_CONFLICT;
    fake.entered++;
    fake.enters++;
    return STATUS_OK;
}

static void fake_leave(void *user) {
    assert_ptr_equal(user, fake.fixture);
    assert_int_equal(fake.entered, 1);
    fake.entered--;
}

static Status fake_commit(void *user, Error *error) {
    Fixture *fixture = fake.fixture;
    fake.commits++;
    Table *credentials = store_find_table(fixture->store, ST_CONNECTION_CREDENTIALS);
    if (fake.deletes_claims) tx_clear(fixture->env.tx, credentials);
    Status status = fake_status(error);
    if (status == STATUS_OK && fake.runs_view) {
        FunctionCall call = {.name = B("inner"), .args = buffer_bytes(&fake.view_args)};
        fake.view = instance_call_view(fixture->instance, VIEW_SENDER, &call);
        if (fake.view.status != CALL_OK)
            status = error_set(error, STATUS_INVALID, "inner: %.*s", BYTES_FORMAT(fake.view.text));
    }
    if (status == STATUS_OK) {
        tx_commit(fixture->env.tx);
        tx_release(fixture->env.tx);
    } else {
        tx_rollback(fixture->env.tx);
    }
    fixture->env.tx = NULL;
    fake_leave(user);
    return status;
}

static Status fake_sleep(void *user, int64_t until_micros, Error *error) {
    (void)user;
    fake.sleeps++;
    fake.slept_until = until_micros;
    return fake_status(error);
}

static bool fake_is_ending(void *user) {
    (void)user;
    return fake.is_ending;
}

static const HostProcedures FAKE_CALLS = {
    .enter = fake_enter,
    .leave = fake_leave,
    .commit = fake_commit,
    .sleep = fake_sleep,
    .is_ending = fake_is_ending,
};

static int setup(void **state) {
    fixture_setup(state);
    Fixture *fixture = *state;
    fake = (Fake){.fixture = fixture};
    buffer_init(&fake.view_args, SCRIPT_BYTES_MAX);
    tx_rollback(fixture->env.tx);
    fixture->env.tx = NULL;
    fixture->env.procedures = &FAKE_CALLS;
    fixture->env.http.is_disabled = true;
    return 0;
}

static int teardown(void **state) {
    assert_int_equal(fake.entered, 0);
    buffer_done(&fake.view_args);
    return fixture_teardown(state);
}

// Runs the script as a procedure and forgets it.
static CallOutcome run(Fixture *fixture) {
    guest_signals();
    buffer_clear(&fixture->args);
    script_finish(&fixture->script, &fixture->args);
    script_clear(&fixture->script);
    FunctionCall call = {
        .name = B("proc"), .timestamp = NOW_MICROS, .args = buffer_bytes(&fixture->args)};
    return fixture->outcome = instance_call_procedure(fixture->instance, &call);
}

static int64_t word(Fixture *fixture, uint32_t at) {
    assert_int_equal(fixture->outcome.status, CALL_OK);
    assert_true(fixture->outcome.output.count >= 8 * (at + 1));
    return (int64_t)load_u64le(fixture->outcome.output.data + 8 * at);
}

static void run_traps(Fixture *fixture, const char *text) {
    CallOutcome outcome = run(fixture);
    assert_int_equal(outcome.status, CALL_TRAPPED);
    if (outcome.text.count < strlen(text) || memcmp(outcome.text.data, text, strlen(text)) != 0)
        fail_msg("trap text: %.*s", BYTES_FORMAT(outcome.text));
    assert_null(fixture->env.tx);
    assert_int_equal(fake.entered, 0);
    fixture_instance(fixture);
}

#define OP(name, ...) SCRIPT_CALL(&fixture->script, name, __VA_ARGS__)
#define WRITE(to, literal) script_write(&fixture->script, to, B(literal))

// ---- transactions ----

static void transactions(void **state) {
    Fixture *fixture = *state;
    OP("procedure_commit_mut_tx", 0);
    OP("procedure_abort_mut_tx", 0);
    OP("procedure_start_mut_tx", OUT_AT);
    OP("procedure_start_mut_tx", OUT_AT);
    OP("datastore_table_row_count", fixture->person, OUT_AT + 8);
    OP("procedure_abort_mut_tx", 0);
    OP("procedure_abort_mut_tx", 0);
    OP("datastore_table_row_count", fixture->person, OUT_AT + 8);
    OP("procedure_start_mut_tx", OUT_AT);
    OP("procedure_commit_mut_tx", 0);
    SCRIPT_OP(&fixture->script, REMOTE_READ, OUT_AT, 8);
    run(fixture);
    static const int64_t RESULTS[] = {18, 18, 0, 17, 0, 0, 18, 2, 0, 0};
    for (uint32_t i = 0; i < 10; i++) assert_int_equal(word(fixture, i), RESULTS[i]);
    assert_int_equal(word(fixture, 10), NOW_MICROS);
    assert_int_equal(fake.enters, 2);
    assert_int_equal(fake.commits, 1);
}

static void transactions_left_open(void **state) {
    Fixture *fixture = *state;
    OP("procedure_start_mut_tx", OUT_AT);
    run(fixture);
    assert_int_equal(fixture->outcome.status, CALL_OK);
    assert_null(fixture->env.tx);
    assert_int_equal(fixture->log_count, 1);
    const ModuleLogRecord *record = &fixture->logs[0].record;
    assert_true(bytes_equal_text(record->message,
                                 "aborting dangling anonymous transaction in procedure proc"));
    assert_int_equal(record->level, MODULE_LOG_ERROR);
    assert_null(record->function.data);
    // The same when the call ends otherwise, and when the time could not be told.
    OP("procedure_start_mut_tx", OUT_AT);
    SCRIPT_OP(&fixture->script, REMOTE_TRAP, 0);
    run_traps(fixture, "wasm trap");
    OP("procedure_start_mut_tx", 0);
    run_traps(fixture, "null pointer");
    OP("procedure_start_mut_tx", REMOTE_BYTES - 7);
    run_traps(fixture, "out of bounds pointer");
    OP("procedure_start_mut_tx", OUT_AT);
    SCRIPT_OP(&fixture->script, REMOTE_RETURN, 4);
    run(fixture);
    assert_int_equal(fixture->outcome.status, CALL_FAILED);
    assert_int_equal(fixture->log_count, 5);
}

static void the_other_side_refuses(void **state) {
    Fixture *fixture = *state;
    fake.failure = "going away";
    OP("procedure_start_mut_tx", OUT_AT);
    run_traps(fixture, "going away");
    OP("procedure_sleep_until", NOW_MICROS + 5);
    run_traps(fixture, "going away");
    fake.failure = NULL;
    OP("procedure_start_mut_tx", OUT_AT);
    run(fixture);  // so far the same script
    fake.failure = "no room";
    OP("procedure_commit_mut_tx", 0);
    run(fixture);
    assert_int_equal(word(fixture, 0), 18);
    fixture->env.procedures = NULL;  // not an instance for procedures
    OP("procedure_start_mut_tx", OUT_AT);
    CallOutcome outcome = fixture_run(fixture);
    assert_int_equal(outcome.status, CALL_TRAPPED);
    fixture->env.procedures = &FAKE_CALLS;
    fake.failure = NULL;
    fixture_instance(fixture);
}

static void commit_fails(void **state) {
    Fixture *fixture = *state;
    // The commit itself fails, the start did not: the fake looks at the number of enters.
    OP("procedure_start_mut_tx", OUT_AT);
    OP("procedure_commit_mut_tx", 0);
    fake.runs_view = true;
    RemoteScript inner;
    script_init(&inner);
    SCRIPT_OP(&inner, REMOTE_TRAP, 0);
    script_finish_at(&inner, &fake.view_args, REMOTE_VIEW_AT, 0);
    script_done(&inner);
    run_traps(fixture, "inner: wasm trap: wasm `unreachable` instruction executed");
    assert_int_equal(fake.commits, 1);
}

// ---- a view within a commit ----

static void calls_within_calls(void **state) {
    Fixture *fixture = *state;
    Tx *tx = tx_begin(fixture->store);
    Buffer row;
    buffer_init(&row, 64);
    buffer_append(&row, (uint8_t[16]){7}, 16);
    buffer_string(&row, B("claims"));
    InsertResult result;
    tx_insert(tx, store_find_table(fixture->store, ST_CONNECTION_CREDENTIALS), buffer_bytes(&row),
              &result);
    tx_commit(tx);
    tx_release(tx);
    buffer_done(&row);

    // The inner call opens sources, writes its own sink and cannot reach the transaction's end.
    RemoteScript inner;
    script_init(&inner);
    script_write(&inner, KEY_AT, bytes_of((uint8_t[16]){7}, 16));
    SCRIPT_CALL(&inner, "get_jwt", KEY_AT, OUT_AT + 64);
    SCRIPT_CALL(&inner, "procedure_commit_mut_tx", 0);
    SCRIPT_CALL(&inner, "procedure_abort_mut_tx", 0);
    SCRIPT_CALL(&inner, "procedure_start_mut_tx", OUT_AT);
    SCRIPT_OP(&inner, REMOTE_READ, OUT_AT + 64, 4);
    script_finish_at(&inner, &fake.view_args, REMOTE_VIEW_AT, 0);
    script_done(&inner);
    fake.runs_view = true;

    script_write(&fixture->script, KEY_AT, bytes_of((uint8_t[16]){7}, 16));
    OP("procedure_start_mut_tx", OUT_AT);
    OP("get_jwt", KEY_AT, OUT_AT + 8);  // source 2: the arguments are 1, and read
    OP("procedure_commit_mut_tx", 0);
    OP("procedure_start_mut_tx", OUT_AT);
    script_write(&fixture->script, COUNT_AT, B("\x03\0\0\0"));
    OP("bytes_source_read", 2, DATA_AT, COUNT_AT);  // still there, with what it had
    OP("bytes_source_read", 4, DATA_AT, COUNT_AT);  // the inner call's is not
    SCRIPT_OP(&fixture->script, REMOTE_READ, DATA_AT, 3);
    OP("procedure_abort_mut_tx", 0);
    CallOutcome outcome = run(fixture);
    assert_int_equal(outcome.status, CALL_OK);
    assert_int_equal(word(fixture, 3), 0);
    assert_int_equal(word(fixture, 6), 0);
    assert_int_equal(word(fixture, 7), ERRNO_NO_SUCH_BYTES);
    assert_memory_equal(outcome.output.data + 64, "cla", 3);
    assert_true(bytes_equal_text(fixture->instance->function, "proc"));
    assert_int_equal(fake.view.status, CALL_OK);
    assert_int_equal(fixture->instance->sources.owned_bytes, 0);
}

// What a source holds stays when the transaction in which it was opened is gone, and the row with it.
static void sources_outlive_their_rows(void **state) {
    Fixture *fixture = *state;
    fake.deletes_claims = true;
    Tx *tx = tx_begin(fixture->store);
    Buffer row;
    buffer_init(&row, 4096);
    buffer_append(&row, (uint8_t[16]){7}, 16);
    buffer_u32(&row, 1000);
    for (uint32_t i = 0; i < 1000; i++) buffer_u8(&row, 'j');
    InsertResult result;
    Table *table = store_find_table(fixture->store, ST_CONNECTION_CREDENTIALS);
    tx_insert(tx, table, buffer_bytes(&row), &result);
    tx_commit(tx);
    tx_release(tx);
    script_write(&fixture->script, KEY_AT, bytes_of((uint8_t[16]){7}, 16));
    OP("procedure_start_mut_tx", OUT_AT);
    OP("get_jwt", KEY_AT, OUT_AT + 8);
    OP("procedure_commit_mut_tx", 0);  // the fake deletes the row
    script_write(&fixture->script, COUNT_AT, B("\x08\0\0\0"));
    OP("bytes_source_read", 2, DATA_AT, COUNT_AT);
    SCRIPT_OP(&fixture->script, REMOTE_READ, DATA_AT, 8);
    CallOutcome outcome = run(fixture);
    assert_int_equal(outcome.status, CALL_OK);
    assert_memory_equal(outcome.output.data + outcome.output.count - 16, "jjjjjjjj", 8);
    buffer_done(&row);
}

// ---- waiting ----

static void sleep_calls(void **state) {
    Fixture *fixture = *state;
    OP("procedure_sleep_until", 0);
    OP("procedure_sleep_until", (uint64_t)INT64_MIN);
    OP("procedure_sleep_until", NOW_MICROS);
    OP("procedure_sleep_until", NOW_MICROS + 1);
    OP("procedure_sleep_until", INT64_MAX);
    run(fixture);
    for (uint32_t i = 0; i < 5; i++) assert_int_equal(word(fixture, i), NOW_MICROS);
    assert_int_equal(fake.sleeps, 2);
    assert_true(fake.slept_until == INT64_MAX);
    OP("procedure_start_mut_tx", OUT_AT);
    OP("procedure_sleep_until", NOW_MICROS + 1);
    run_traps(fixture, "procedure_sleep_until within a transaction");
}

static void interrupter(void *user) {
    Fixture *fixture = user;
    Os *os = os_real();
    int64_t until = os->monotonic_nanos(os) + 200000000;
    while (os->monotonic_nanos(os) < until) {}
    instance_interrupt(fixture->instance);
}

static void interrupted(void **state) {
    Fixture *fixture = *state;
    Thread thread = {0};
    thread_start(&thread, "interrupter", interrupter, fixture);
    SCRIPT_OP(&fixture->script, REMOTE_SPIN, 0);
    CallOutcome outcome = run(fixture);
    thread_join(&thread);
    assert_int_equal(outcome.status, CALL_TRAPPED);
    assert_memory_equal(outcome.text.data, "the module is being stopped", 27);
    fixture_instance(fixture);
}

// ---- outbound HTTP, as far as the call itself goes ----

// GET http://localhost/ over HTTP/1.1.
static const char REQUEST[] = "\0\0\0\0\0\1\x11\0\0\0http://localhost/\2";
#define REQUEST_BYTES ((uint32_t)sizeof REQUEST - 1)

static void write_request(Fixture *fixture) {
    script_write(&fixture->script, DATA_AT, bytes_of(REQUEST, REQUEST_BYTES));
}

static void http_answers_and_pointers(void **state) {
    Fixture *fixture = *state;
    write_request(fixture);
    OP("procedure_http_request", DATA_AT, REQUEST_BYTES, DATA_AT, 0, OUT_AT);
    SCRIPT_OP(&fixture->script, REMOTE_READ, OUT_AT, 8);
    OP("bytes_source_remaining_length", 2, OUT_AT + 8);
    SCRIPT_OP(&fixture->script, REMOTE_READ, OUT_AT + 8, 4);
    script_write(&fixture->script, COUNT_AT, B("\x80\0\0\0"));
    OP("bytes_source_read", 2, DATA_AT, COUNT_AT);
    SCRIPT_OP(&fixture->script, REMOTE_READ, DATA_AT, 4 + sizeof DISABLED_TEXT - 1);
    CallOutcome outcome = run(fixture);
    assert_int_equal(word(fixture, 1), ERRNO_HTTP);
    assert_int_equal(load_u32le(outcome.output.data + 16), 2);
    assert_int_equal(load_u32le(outcome.output.data + 20), 0);  // untouched
    const char *text = (const char *)outcome.output.data + outcome.output.count - 8 -
                       (sizeof DISABLED_TEXT - 1);
    assert_memory_equal(text, DISABLED_TEXT, sizeof DISABLED_TEXT - 1);
    assert_int_equal(load_u32le((const uint8_t *)text - 4), sizeof DISABLED_TEXT - 1);

    // Whatever is cut off it is no request, and nothing is written.
    for (uint32_t count = 0; count < REQUEST_BYTES; count++) {
        write_request(fixture);
        OP("procedure_http_request", DATA_AT, count, 0, 0, 0);
        run(fixture);
        assert_int_equal(word(fixture, 1), ERRNO_BSATN_DECODE);
    }
    static const struct {
        uint64_t args[5];
        const char *text;
    } TRAPS[] = {
        {{0, 4, DATA_AT, 0, OUT_AT}, "null pointer"},
        {{DATA_AT, UINT32_MAX, DATA_AT, 0, OUT_AT}, "out of bounds"},
        {{REMOTE_BYTES - 3, 4, DATA_AT, 0, OUT_AT}, "out of bounds"},
        {{DATA_AT, REQUEST_BYTES, 0, 0, OUT_AT}, "null pointer"},
        {{DATA_AT, REQUEST_BYTES, DATA_AT, UINT32_MAX, OUT_AT}, "out of bounds"},
        {{DATA_AT, REQUEST_BYTES, DATA_AT, 0, 0}, "null pointer"},
        {{DATA_AT, REQUEST_BYTES, DATA_AT, 0, REMOTE_BYTES - 3}, "out of bounds"},
    };
    for (size_t i = 0; i < sizeof TRAPS / sizeof *TRAPS; i++) {
        write_request(fixture);
        script_add(&fixture->script, remote_op("procedure_http_request"), 1, TRAPS[i].args, 5);
        run_traps(fixture, TRAPS[i].text);
    }
    // Each answer is a source of its own; there is a last one.
    write_request(fixture);
    script_add(&fixture->script, remote_op("procedure_http_request"), MODULE_BYTES_SOURCES_MAX + 1,
               (uint64_t[]){DATA_AT, REQUEST_BYTES, DATA_AT, 0, OUT_AT}, 5);
    run_traps(fixture, "too many byte sources are open");
}

static void http_not_within_transactions(void **state) {
    Fixture *fixture = *state;
    fixture->env.http.is_disabled = false;
    write_request(fixture);
    OP("procedure_start_mut_tx", OUT_AT);
    OP("procedure_http_request", DATA_AT, REQUEST_BYTES, DATA_AT, 0, OUT_AT);
    OP("procedure_abort_mut_tx", 0);
    OP("procedure_http_request", DATA_AT, REQUEST_BYTES, DATA_AT, 0,
       OUT_AT);  // localhost is refused
    run(fixture);
    assert_int_equal(word(fixture, 2), ERRNO_WOULD_BLOCK_TRANSACTION);
    assert_int_equal(word(fixture, 4), ERRNO_HTTP);
}

// ---- the environment, outside of transactions ----

static void environment_outside(void **state) {
    Fixture *fixture = *state;
    script_write(&fixture->script, NAME_AT, B("KEY"));
    OP("env_get", NAME_AT, 3, OUT_AT);
    run_traps(fixture, "runtime error calling EnvGet: environment key is not declared");
    assert_int_equal(fake.enters, 1);
    fake.failure = "stopped";
    script_write(&fixture->script, NAME_AT, B("KEY"));
    OP("env_get", NAME_AT, 3, OUT_AT);
    run_traps(fixture, "stopped");
}

// ---- handlers ----

static void handlers_of_the_older_kind(void **state) {
    Fixture *fixture = *state;
    guest_signals();
    OP("procedure_start_mut_tx", OUT_AT);
    OP("procedure_abort_mut_tx", 0);
    buffer_clear(&fixture->args);
    script_finish(&fixture->script, &fixture->args);
    HandlerCall call = {.call = {.name = B("handler"), .args = B("request")},
                        .body = buffer_bytes(&fixture->args),
                        .sender_jwt = B("{}")};
    Bytes body;
    CallOutcome outcome = instance_call_http_handler(fixture->instance, &call, &body);
    assert_int_equal(outcome.status, CALL_OK);
    assert_int_equal(outcome.output.count, 0);
    assert_int_equal(body.count, 16);
    script_clear(&fixture->script);
    SCRIPT_OP(&fixture->script, REMOTE_RETURN, 2);
    buffer_clear(&fixture->args);
    script_finish(&fixture->script, &fixture->args);
    call.body = buffer_bytes(&fixture->args);
    outcome = instance_call_http_handler(fixture->instance, &call, &body);
    assert_int_equal(outcome.status, CALL_FAILED);
    assert_true(bytes_equal_text(outcome.text,
                                 "__call_http_handler__ returned unexpected code 2. HTTP handlers "
                                 "should return code 0 or trap."));
}

// ---- what views read ----

typedef struct Seen {
    TableId table;
    IndexId index;  // 0: the whole table
    uint8_t key[16];
    uint32_t key_count;
} Seen;

static Seen seen[16];
static uint32_t seen_count;

static void note(void *user, Table *table, const Index *index, Bytes key) {
    (void)user;
    Seen *at = &seen[seen_count++];
    *at = (Seen){.table = table_id(table), .key_count = key.count};
    if (index) at->index = index_schema(index)->id;
    if (key.count > 0) memcpy(at->key, key.data, key.count);
}

static void expect_read(Fixture *fixture, TableId table, IndexId index, const void *key,
                        uint32_t key_count) {
    static const ReadTracker READS = {.read = note};
    guest_signals();
    buffer_clear(&fixture->args);
    script_finish_at(&fixture->script, &fixture->args, REMOTE_VIEW_AT, 0);
    script_clear(&fixture->script);
    seen_count = 0;
    FunctionCall call = {.name = B("view"), .args = buffer_bytes(&fixture->args), .reads = &READS};
    fixture->env.procedures = NULL;
    fixture->env.tx = tx_begin(fixture->store);
    CallOutcome outcome = instance_call_view(fixture->instance, VIEW_SENDER, &call);
    tx_rollback(fixture->env.tx);
    fixture->env.tx = NULL;
    if (outcome.status != CALL_OK) fail_msg("%.*s", BYTES_FORMAT(outcome.text));
    assert_null(fixture->instance->reads);
    assert_int_equal(seen_count, table == 0 ? 0 : 1);
    if (table == 0) return;
    assert_int_equal(seen[0].table, table);
    assert_int_equal(seen[0].index, index);
    assert_int_equal(seen[0].key_count, key_count);
    if (key_count > 0) assert_memory_equal(seen[0].key, key, key_count);
}

static IndexId index_named(Fixture *fixture, const char *name) {
    return index_schema(store_find_index_by_name(fixture->store, bytes_of_text(name)))->id;
}

static void reads(void **state) {
    Fixture *fixture = *state;
    IndexId id = index_named(fixture, "person_id_idx_btree");
    IndexId ab = index_named(fixture, "person_a_b_idx_btree");
    IndexId hash = index_named(fixture, "word_n_idx_hash");
    OP("table_id_from_name", NAME_AT, 0, OUT_AT);
    expect_read(fixture, 0, 0, NULL, 0);  // names are no rows
    OP("datastore_table_row_count", fixture->person, OUT_AT);
    expect_read(fixture, fixture->person, 0, NULL, 0);
    OP("datastore_table_scan_bsatn", fixture->word, OUT_AT);
    expect_read(fixture, fixture->word, 0, NULL, 0);
    WRITE(KEY_AT, "\5\0\0\0\0\0\0\0");
    OP("datastore_index_scan_point_bsatn", id, KEY_AT, 8, OUT_AT);
    expect_read(fixture, fixture->person, id, "\5\0\0\0\0\0\0\0", 8);
    WRITE(KEY_AT, "\5\0\0\0rest");
    OP("datastore_index_scan_point_bsatn", hash, KEY_AT, 8,
       OUT_AT);  // what follows the key is none of it
    expect_read(fixture, fixture->word, hash, "\5\0\0\0", 4);
    WRITE(KEY_AT, "\1\0\0\0");
    WRITE(LOWER_AT, "\0\2\0\0\0");
    OP("datastore_index_scan_range_bsatn", ab, KEY_AT, 4, 1, LOWER_AT, 5, LOWER_AT, 5, OUT_AT);
    expect_read(fixture, fixture->person, ab, "\1\0\0\0\2\0\0\0", 8);  // a range that is a point
    WRITE(KEY_AT, "\1\0\0\0");
    WRITE(LOWER_AT, "\2");
    OP("datastore_index_scan_range_bsatn", ab, KEY_AT, 4, 1, LOWER_AT, 1, LOWER_AT, 1, OUT_AT);
    expect_read(fixture, fixture->person, 0, NULL, 0);  // any other range is everything
    WRITE(KEY_AT, "\5");
    OP("datastore_index_scan_point_bsatn", id, KEY_AT, 1, OUT_AT);  // no key, nothing read
    expect_read(fixture, 0, 0, NULL, 0);
    OP("datastore_table_scan_bsatn", 999999, OUT_AT);
    expect_read(fixture, 0, 0, NULL, 0);
}

static void views_cannot_write(void **state) {
    Fixture *fixture = *state;
    static const ReadTracker READS = {.read = note};
    fixture->env.procedures = NULL;
    IndexId id = index_named(fixture, "person_id_idx_btree");
    for (uint32_t i = 0; i < 5; i++) {
        script_write(&fixture->script, COUNT_AT, B("\x10\0\0\0"));
        switch (i) {
        case 0: OP("datastore_insert_bsatn", fixture->person, DATA_AT, COUNT_AT); break;
        case 1: OP("datastore_update_bsatn", fixture->person, id, DATA_AT, COUNT_AT); break;
        case 2: OP("datastore_clear", fixture->person, OUT_AT); break;
        case 3: OP("datastore_delete_by_index_scan_point_bsatn", id, DATA_AT, 8, OUT_AT); break;
        case 4: OP("datastore_delete_all_by_eq_bsatn", fixture->person, DATA_AT, 4, OUT_AT); break;
        }
        buffer_clear(&fixture->args);
        script_finish(&fixture->script, &fixture->args);
        script_clear(&fixture->script);
        seen_count = 0;
        FunctionCall call = {
            .name = B("view"), .args = buffer_bytes(&fixture->args), .reads = &READS};
        guest_signals();
        fixture->env.tx = tx_begin(fixture->store);
        CallOutcome outcome = instance_call_view(fixture->instance, VIEW_ANONYMOUS, &call);
        tx_rollback(fixture->env.tx);
        fixture->env.tx = NULL;
        assert_int_equal(outcome.status, CALL_TRAPPED);
        assert_non_null(memmem(outcome.text.data, outcome.text.count, "views cannot write", 18));
        fixture_instance(fixture);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(transactions),
        TEST(transactions_left_open),
        TEST(the_other_side_refuses),
        TEST(commit_fails),
        TEST(calls_within_calls),
        TEST(sources_outlive_their_rows),
        TEST(sleep_calls),
        TEST(interrupted),
        TEST(http_answers_and_pointers),
        TEST(http_not_within_transactions),
        TEST(environment_outside),
        TEST(handlers_of_the_older_kind),
        TEST(reads),
        TEST(views_cannot_write),
    };
    fixture_signals();
    guest_exports = REMOTE_ALL_EXPORTS;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
