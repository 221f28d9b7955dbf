// scheduler_test.c - goal: rows of scheduled tables run when they are due, in their order, as often as they should and no
// oftener: once, at intervals, late, after a restart, changed or deleted meanwhile, by thousands (module-abi.md 5). Method: the
// scripted module under a clock that the test moves; what ran writes its timestamp into a table.
#include "guest.h"

#define START INT64_C(1700000000000000)  // micros
#define SECOND INT64_C(1000000)
#define MILLI INT64_C(1000)
#define ALARM_ROWS_MAX 64u

static ExecutorPool *real_pool;
static TableId alarm_table;

static void alarm_id_step(Database *database, void *user) {
    (void)user;
    alarm_table = table_id(store_find_table_by_name(database->store, BYTES_LITERAL("wakeup")));
}

static int clock_setup(void **state) {
    if (harness_test_setup(state) != 0) return -1;
    harness.clock = virtual_clock_create(&harness.os, START);
    real_pool = harness.pool;
    harness.pool = executor_pool_create(virtual_clock_os(harness.clock), 2);
    return 0;
}

static int clock_teardown(void **state) {
    (void)state;
    executor_pool_free(harness.pool);
    harness.pool = real_pool;
    virtual_clock_free(harness.clock);
    harness.clock = NULL;
    return 0;
}

static void advance(int64_t micros) {
    virtual_clock_advance(harness.clock, harness.pool, micros);
}

static int64_t now(void) {
    return virtual_clock_now(harness.clock) - START;
}

static const GuestSpec SPEC = {.has_alarm = true};

static Database *create(const char *directory) {
    Database *database = guest_create(&SPEC, directory);
    on_executor(database, alarm_id_step, NULL);
    return database;
}

static Database *reopen(Database *database, const char *directory, int64_t away_micros) {
    close_database(database);
    advance(0);  // closing is a job of the pool
    virtual_clock_jump(harness.clock, harness.pool, away_micros);
    DatabaseOptions options = options_for(directory);
    Error error = {0};
    if (database_open(&options, &database, &error) != STATUS_OK) fail_msg("%s", error.text);
    return database;
}

// ---- alarms: rows whose function runs a script ----

typedef struct Alarm {
    uint64_t id;
    bool is_interval;
    int64_t micros;  // since START, or the interval
    bool is_procedure;
    RemoteScript *script;  // given up
} Alarm;

static uint32_t alarm_write(Buffer *row, const Alarm *alarm) {
    Buffer bytes;
    buffer_init(&bytes, SCRIPT_BYTES_MAX);
    script_finish_at(alarm->script, &bytes, SCRIPT_AT, 0);
    buffer_u64(row, alarm->id);
    buffer_u8(row, alarm->is_interval ? 0 : 1);
    buffer_u64(row, (uint64_t)(alarm->is_interval ? alarm->micros : START + alarm->micros));
    buffer_string(row, buffer_bytes(&bytes));
    buffer_done(&bytes);
    return (uint32_t)row->count;
}

static void script_put_alarm(RemoteScript *script, const char *call, const Alarm *alarm) {
    Buffer row;
    buffer_init(&row, SCRIPT_BYTES_MAX);
    TableId table = alarm->is_procedure ? ids.timer : alarm_table;
    uint32_t count = alarm_write(&row, alarm);
    script_write(script, WRITE_AT + 0x4000, buffer_bytes(&row));
    script_write_u32(script, LENGTH_CELL, count);
    SCRIPT_CALL(script, call, table, WRITE_AT + 0x4000, LENGTH_CELL);
    buffer_done(&row);
}

static void schedule(Database *database, const Alarm *alarm) {
    RemoteScript script = script_make();
    script_put_alarm(&script, "datastore_insert_bsatn", alarm);
    assert_int_equal(run_script(database, "run", &script, 0).outcome, FUNCTION_COMMITTED);
    script_done(alarm->script);
}

// Inserts item(id: the timestamp, grp, value 0).
static void script_note(RemoteScript *script, uint64_t grp) {
    uint64_t row[] = {0, grp, 0};
    script_write(script, WRITE_AT, bytes_of(row, sizeof row));
    script_write_u32(script, LENGTH_CELL, sizeof row);
    SCRIPT_OP(script, REMOTE_COPY, WRITE_AT, GUEST_TIME_AT, 8);
    SCRIPT_CALL(script, "datastore_insert_bsatn", ids.item, WRITE_AT, LENGTH_CELL);
}

static RemoteScript note(uint64_t grp) {
    RemoteScript script = script_make();
    script_note(&script, grp);
    return script;
}

// Asserts that exactly these runs were noted, by their times since START, up to a negative one.
static void expect_runs(Database *database, uint64_t grp, const int64_t *times) {
    char query[128];
    char expected[2048] = "\"rows\":[";
    (void)snprintf(query, sizeof query, "SELECT id FROM item WHERE grp = %llu ORDER BY id",
                   (unsigned long long)grp);
    size_t count = strlen(expected);
    for (uint32_t i = 0; times[i] >= 0; i++) {
        int written = snprintf(expected + count, sizeof expected - count, "%s[%lld]",
                               i > 0 ? "," : "", (long long)(START + times[i]));
        assert_true(written > 0 && (size_t)written < sizeof expected - count);
        count += (size_t)written;
    }
    (void)snprintf(expected + count, sizeof expected - count, "]");
    expect_rows(database, query, expected);
}
#define EXPECT_RUNS(database, grp, ...) \
    expect_runs(database, grp, (const int64_t[]){__VA_ARGS__, -1})
#define EXPECT_NO_RUNS(database, grp) expect_runs(database, grp, (const int64_t[]){-1})

static void expect_alarms(Database *database, uint32_t count) {
    char rows[64];
    (void)snprintf(rows, sizeof rows, "\"rows\":[[%u]]", count);
    expect_rows(database, "SELECT COUNT(*) AS n FROM wakeup", rows);
}

// ---- once ----

static void a_row_runs_once_at_its_time(void **state) {
    (void)state;
    Database *database = create(NULL);
    RemoteScript first = note(1);
    RemoteScript second = note(1);
    RemoteScript late = note(2);
    schedule(database, &(Alarm){.id = 1, .micros = 5 * SECOND, .script = &first});
    schedule(database, &(Alarm){.id = 2, .micros = 3 * SECOND, .script = &second});
    advance(3 * SECOND - 1);
    EXPECT_NO_RUNS(database, 1);
    expect_alarms(database, 2);
    advance(1);
    EXPECT_RUNS(database, 1, 3 * SECOND);
    expect_alarms(database, 1);
    // Two at their own times within one step of the clock; one that is past its time runs at once, as of now.
    advance(10 * SECOND);
    EXPECT_RUNS(database, 1, 3 * SECOND, 5 * SECOND);
    schedule(database, &(Alarm){.id = 3, .micros = -40 * SECOND, .script = &late});
    advance(0);
    EXPECT_RUNS(database, 2, 13 * SECOND);
    expect_alarms(database, 0);
    advance(1000 * SECOND);
    EXPECT_RUNS(database, 1, 3 * SECOND, 5 * SECOND);
    close_database(database);
}

static void a_failure_is_not_repeated(void **state) {
    (void)state;
    Database *database = create(NULL);
    RemoteScript fails = note(1);
    SCRIPT_OP(&fails, REMOTE_RETURN, 1);
    RemoteScript traps = note(1);
    SCRIPT_OP(&traps, REMOTE_TRAP, 0);
    RemoteScript works = note(1);
    schedule(database, &(Alarm){.id = 1, .micros = 1 * SECOND, .script = &fails});
    schedule(database, &(Alarm){.id = 2, .micros = 2 * SECOND, .script = &traps});
    schedule(database, &(Alarm){.id = 3, .micros = 3 * SECOND, .script = &works});
    advance(60 * SECOND);
    EXPECT_RUNS(database, 1, 3 * SECOND);
    expect_alarms(database, 0);
    // What failed at an interval goes on at it.
    RemoteScript again = note(2);
    SCRIPT_OP(&again, REMOTE_TRAP, 0);
    schedule(database, &(Alarm){.id = 4, .is_interval = true, .micros = SECOND, .script = &again});
    advance(3 * SECOND);
    EXPECT_NO_RUNS(database, 2);
    expect_alarms(database, 1);
    close_database(database);
}

static void what_was_undone_never_runs(void **state) {
    (void)state;
    Database *database = create(NULL);
    RemoteScript script = script_make();
    RemoteScript noting = note(1);
    Alarm alarm = {.id = 1, .micros = SECOND, .script = &noting};
    script_put_alarm(&script, "datastore_insert_bsatn", &alarm);
    script_done(&noting);
    SCRIPT_OP(&script, REMOTE_TRAP, 0);
    assert_int_equal(run_script(database, "run", &script, 0).outcome, FUNCTION_FATAL);
    advance(10 * SECOND);
    EXPECT_NO_RUNS(database, 1);
    close_database(database);
}

// ---- intervals ----

static void intervals_keep_their_beat(void **state) {
    (void)state;
    Database *database = create(NULL);
    RemoteScript ticks = note(1);
    RemoteScript backwards = note(2);
    advance(7 * MILLI);
    schedule(database,
             &(Alarm){.id = 1, .is_interval = true, .micros = 100 * MILLI, .script = &ticks});
    schedule(database,
             &(Alarm){.id = 2, .is_interval = true, .micros = -250 * MILLI, .script = &backwards});
    advance(450 * MILLI);
    EXPECT_RUNS(database, 1, 107 * MILLI, 207 * MILLI, 307 * MILLI, 407 * MILLI);
    EXPECT_RUNS(database, 2, 257 * MILLI);
    expect_alarms(database, 2);
    close_database(database);
}

// The beat stays that of the intended times: what was missed is skipped, a late run moves nothing (module-abi.md 5.4).
static void late_runs_skip_what_they_missed(void **state) {
    (void)state;
    Database *database = create(NULL);
    RemoteScript ticks = note(1);
    schedule(database,
             &(Alarm){.id = 1, .is_interval = true, .micros = 100 * MILLI, .script = &ticks});
    advance(100 * MILLI);
    virtual_clock_jump(harness.clock, harness.pool, 350 * MILLI);  // 450
    advance(0);
    EXPECT_RUNS(database, 1, 100 * MILLI, 450 * MILLI);
    advance(60 * MILLI);
    EXPECT_RUNS(database, 1, 100 * MILLI, 450 * MILLI, 500 * MILLI);
    // Exactly on a beat: that one counts as past, the next is a whole interval away.
    virtual_clock_jump(harness.clock, harness.pool, 190 * MILLI);  // 700
    advance(0);
    advance(99 * MILLI);
    EXPECT_RUNS(database, 1, 100 * MILLI, 450 * MILLI, 500 * MILLI, 700 * MILLI);
    advance(1 * MILLI);
    EXPECT_RUNS(database, 1, 100 * MILLI, 450 * MILLI, 500 * MILLI, 700 * MILLI, 800 * MILLI);
    close_database(database);
}

// A thousand intervals of an hour each: not a microsecond of drift.
static void nothing_drifts(void **state) {
    (void)state;
    Database *database = create(NULL);
    RemoteScript ticks = script_make();
    SCRIPT_CALL(&ticks, "datastore_clear", ids.item, OUT_AT);
    script_note(&ticks, 1);
    schedule(database,
             &(Alarm){.id = 1, .is_interval = true, .micros = 3600 * SECOND + 1, .script = &ticks});
    advance(1000 * (3600 * SECOND + 1));
    EXPECT_RUNS(database, 1, 1000 * (3600 * SECOND + 1));
    close_database(database);
}

// ---- changes ----

static void changed_and_deleted_rows(void **state) {
    (void)state;
    Database *database = create(NULL);
    RemoteScript gone = note(1);
    RemoteScript moved = note(2);
    schedule(database, &(Alarm){.id = 1, .micros = SECOND, .script = &gone});
    schedule(database, &(Alarm){.id = 2, .micros = SECOND, .script = &moved});
    RemoteScript clear = script_make();
    SCRIPT_CALL(&clear, "datastore_clear", alarm_table, OUT_AT);
    assert_int_equal(run_script(database, "run", &clear, 0).outcome, FUNCTION_COMMITTED);
    RemoteScript later = note(2);
    schedule(database, &(Alarm){.id = 2, .micros = 4 * SECOND, .script = &later});
    advance(3 * SECOND);
    EXPECT_NO_RUNS(database, 1);
    EXPECT_NO_RUNS(database, 2);
    advance(SECOND);
    EXPECT_RUNS(database, 2, 4 * SECOND);
    close_database(database);
}

// While it runs: an interval that deletes its own row, and a one-shot that puts a new row in its place.
static void deletion_while_running(void **state) {
    (void)state;
    Database *database = create(NULL);
    RemoteScript ends = note(1);
    SCRIPT_CALL(&ends, "datastore_clear", alarm_table, OUT_AT);
    schedule(database, &(Alarm){.id = 1, .is_interval = true, .micros = SECOND, .script = &ends});
    advance(10 * SECOND);
    EXPECT_RUNS(database, 1, SECOND);
    expect_alarms(database, 0);

    RemoteScript inner = note(3);
    RemoteScript outer = note(2);
    SCRIPT_CALL(&outer, "datastore_clear", alarm_table, OUT_AT);
    Alarm next = {.id = 2, .micros = 30 * SECOND, .script = &inner};
    script_put_alarm(&outer, "datastore_insert_bsatn", &next);
    script_done(&inner);
    schedule(database, &(Alarm){.id = 3, .micros = 20 * SECOND, .script = &outer});
    advance(15 * SECOND);
    EXPECT_RUNS(database, 2, 20 * SECOND);
    expect_alarms(database, 1);
    advance(5 * SECOND);
    EXPECT_RUNS(database, 3, 30 * SECOND);
    expect_alarms(database, 0);
    close_database(database);
}

// ---- thousands ----

#define CROWD 5000u

// Inserts CROWD alarms, ids 1 to CROWD, whose script inserts an item each.
static void script_crowd(RemoteScript *script, int64_t due) {
    RemoteScript fire = script_make();
    script_write(&fire, LENGTH_START_AT, BYTES_LITERAL("\x18\0\0\0\x01\0\0\0\0\0\0\0"));
    SCRIPT_OP(&fire, REMOTE_COPY, ROW_AT + 16, GUEST_TIME_AT, 8);
    SCRIPT_CALL(&fire, "datastore_insert_bsatn", ids.item, ROW_AT, LENGTH_AT);
    Buffer row;
    buffer_init(&row, SCRIPT_BYTES_MAX);
    Alarm alarm = {.id = 0, .micros = due, .script = &fire};
    uint32_t count = alarm_write(&row, &alarm);
    script_done(&fire);
    assert_true(ROW_AT + count <= PARAMS_AT);
    script_write(script, ROW_AT, buffer_bytes(&row));
    uint32_t steps[] = {count, 1, 0};
    script_write(script, LENGTH_START_AT, bytes_of(steps, sizeof steps));
    buffer_done(&row);
    uint64_t args[] = {alarm_table, ROW_AT, LENGTH_AT};
    script_add(script, remote_op("datastore_insert_bsatn"), CROWD, args, 3);
}

typedef struct Glance {
    _Atomic uint64_t items;
    _Atomic bool is_taken;
} Glance;
static Glance glance;

static uint64_t count_items(Database *database) {
    return table_row_count(store_find_table(database->store, ids.item));
}

static void glance_run(Database *database, DbMessage *message) {
    mem_free(message);
    glance.items = count_items(database);
    glance.is_taken = true;
}

static void jump_step(Database *database, void *user) {
    (void)user;
    virtual_clock_jump(harness.clock, harness.pool, 60 * SECOND);
    DbMessage *message = mem_alloc_zero(sizeof *message);
    message->run = glance_run;
    database_post(database, message);
}

static void crowd_step(Database *database, void *user) {
    *(uint64_t *)user = count_items(database);
}

static void thousands_due_at_once(void **state) {
    (void)state;
    Database *database = create(NULL);
    RemoteScript script = script_make();
    script_crowd(&script, 60 * SECOND);
    assert_int_equal(run_script(database, "run", &script, 0).outcome, FUNCTION_COMMITTED);
    expect_alarms(database, CROWD);
    glance = (Glance){0};
    on_executor(database, jump_step, NULL);
    advance(0);
    // Somebody who came while they ran did not wait for them all.
    assert_true(glance.is_taken);
    assert_true(glance.items < CROWD);
    uint64_t items = 0;
    on_executor(database, crowd_step, &items);
    assert_int_equal(items, CROWD);
    expect_alarms(database, 0);
    expect_rows(database, "SELECT COUNT(*) AS n FROM item WHERE value = 1700000060000000",
                "\"rows\":[[5000]]");
    close_database(database);
}

// ---- restarts and updates ----

static void missed_rows_run_after_a_restart(void **state) {
    (void)state;
    char directory[128];
    (void)snprintf(directory, sizeof directory, "%s/restart", harness.root);
    Database *database = create(directory);
    RemoteScript missed = note(1);
    RemoteScript future = note(2);
    RemoteScript ticks = note(3);
    schedule(database, &(Alarm){.id = 1, .micros = 10 * SECOND, .script = &missed});
    schedule(database, &(Alarm){.id = 2, .micros = 40 * SECOND, .script = &future});
    schedule(database,
             &(Alarm){.id = 3, .is_interval = true, .micros = 8 * SECOND, .script = &ticks});
    advance(9 * SECOND);
    EXPECT_RUNS(database, 3, 8 * SECOND);
    database = reopen(database, directory, 21 * SECOND);
    assert_int_equal(now(), 30 * SECOND);
    advance(0);
    EXPECT_RUNS(database, 1, 30 * SECOND);
    // Intervals start over: those of the time between are skipped.
    advance(8 * SECOND);
    EXPECT_RUNS(database, 3, 8 * SECOND, 38 * SECOND);
    advance(2 * SECOND);
    EXPECT_RUNS(database, 2, 40 * SECOND);
    expect_alarms(database, 1);
    // Nothing ran twice.
    EXPECT_RUNS(database, 1, 30 * SECOND);
    close_database(database);
    advance(0);
}

typedef struct Update {
    Bytes program;
    PublishOutcome outcome;
} Update;

static void update_step(Database *database, void *user) {
    Update *update = user;
    UpdateRequest request = {.kind = PROGRAM_WASM, .program = update->program};
    uint64_t ticket = 0;
    Error error = {0};
    update->outcome = database_update(database, &request, &ticket, &error);
}

static void an_update_queues_everything_anew(void **state) {
    (void)state;
    Database *database = create(NULL);
    RemoteScript once = note(1);
    RemoteScript ticks = note(2);
    schedule(database, &(Alarm){.id = 1, .micros = 5 * SECOND, .script = &once});
    schedule(database,
             &(Alarm){.id = 2, .is_interval = true, .micros = 4 * SECOND, .script = &ticks});
    advance(3 * SECOND);
    GuestSpec other = SPEC;
    other.salt = 77;
    Update update = {.program = guest_module_build(&other, &harness.arena)};
    on_executor(database, update_step, &update);
    assert_int_equal(update.outcome, PUBLISH_DONE);
    advance(9 * SECOND);  // 12
    EXPECT_RUNS(database, 1, 5 * SECOND);
    EXPECT_RUNS(database, 2, 7 * SECOND, 11 * SECOND);
    close_database(database);
}

// ---- procedures ----

static void script_note_in_tx(RemoteScript *script, uint64_t grp) {
    SCRIPT_CALL(script, "procedure_start_mut_tx", OUT_AT);
    script_note(script, grp);
    SCRIPT_CALL(script, "procedure_commit_mut_tx", 0);
}

static void a_procedure_runs_once_and_sleeps_by_the_clock(void **state) {
    (void)state;
    Database *database = create(NULL);
    RemoteScript tick = script_make();
    script_note_in_tx(&tick, 1);
    SCRIPT_CALL(&tick, "procedure_sleep_until", (uint64_t)(START + 9 * SECOND));
    // The row went before it started; what it does after the sleep comes when the sleep is over.
    SCRIPT_CALL(&tick, "procedure_start_mut_tx", OUT_AT);
    script_insert_item(&tick, 5, 2, 5);
    SCRIPT_CALL(&tick, "procedure_commit_mut_tx", 0);
    schedule(database,
             &(Alarm){.id = 1, .micros = 2 * SECOND, .is_procedure = true, .script = &tick});
    advance(2 * SECOND);
    EXPECT_RUNS(database, 1, 2 * SECOND);
    expect_rows(database, "SELECT COUNT(*) AS n FROM timer", "\"rows\":[[0]]");
    advance(7 * SECOND - 1);
    expect_rows(database, "SELECT value FROM item WHERE grp = 2", "\"rows\":[]");
    advance(1);
    expect_rows(database, "SELECT value FROM item WHERE grp = 2", "\"rows\":[[5]]");
    close_database(database);
}

// An interval of 100 ms whose first procedure takes 250: the next tick is fixed before it starts and runs, late, when it
// has ended (module-abi.md 5.6).
static void a_procedure_longer_than_its_interval(void **state) {
    (void)state;
    Database *database = create(NULL);
    RemoteScript tick = script_make();
    script_note_in_tx(&tick, 1);
    SCRIPT_CALL(&tick, "procedure_sleep_until", (uint64_t)(START + 350 * MILLI));
    schedule(database, &(Alarm){.id = 1,
                                .is_interval = true,
                                .micros = 100 * MILLI,
                                .is_procedure = true,
                                .script = &tick});
    advance(349 * MILLI);
    EXPECT_RUNS(database, 1, 100 * MILLI);
    advance(1 * MILLI);
    EXPECT_RUNS(database, 1, 100 * MILLI, 350 * MILLI);
    advance(150 * MILLI);
    EXPECT_RUNS(database, 1, 100 * MILLI, 350 * MILLI, 400 * MILLI, 500 * MILLI);
    close_database(database);
}

static void a_stop_ends_sleep_on_a_clock_that_stands(void **state) {
    (void)state;
    Database *database = create(NULL);
    RemoteScript tick = script_make();
    script_note_in_tx(&tick, 1);
    SCRIPT_CALL(&tick, "procedure_sleep_until", (uint64_t)(START + 9000 * SECOND));
    schedule(database, &(Alarm){.id = 1, .micros = 0, .is_procedure = true, .script = &tick});
    advance(0);
    EXPECT_RUNS(database, 1, 0);
    assert_int_equal(inside(database).running, 1);
    close_database(database);
    advance(0);  // would not return if somebody still ran
    assert_int_equal(now(), 0);
}

int main(void) {
#define SCHEDULER_TEST(name) cmocka_unit_test_setup_teardown(name, clock_setup, clock_teardown)
    const struct CMUnitTest tests[] = {
        SCHEDULER_TEST(a_row_runs_once_at_its_time),
        SCHEDULER_TEST(a_failure_is_not_repeated),
        SCHEDULER_TEST(what_was_undone_never_runs),
        SCHEDULER_TEST(intervals_keep_their_beat),
        SCHEDULER_TEST(late_runs_skip_what_they_missed),
        SCHEDULER_TEST(nothing_drifts),
        SCHEDULER_TEST(changed_and_deleted_rows),
        SCHEDULER_TEST(deletion_while_running),
        SCHEDULER_TEST(thousands_due_at_once),
        SCHEDULER_TEST(missed_rows_run_after_a_restart),
        SCHEDULER_TEST(an_update_queues_everything_anew),
        SCHEDULER_TEST(a_procedure_runs_once_and_sleeps_by_the_clock),
        SCHEDULER_TEST(a_procedure_longer_than_its_interval),
        SCHEDULER_TEST(a_stop_ends_sleep_on_a_clock_that_stands),
    };
    return cmocka_run_group_tests(tests, guest_setup, harness_teardown);
}
