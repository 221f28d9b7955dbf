// views_test.c - goal: views answer what their function says now, whoever asks, whatever was written in between; and a
// view that fails, traps, loops or writes hurts nobody but those the specification says. Method: the scripted module,
// SQL and subscribers; the number of runs is looked at where it matters.
#include "guest.h"

#define FATAL "The instance encountered a fatal error."

static GuestView count_view(RemoteScript *script) {
    *script = script_make();
    script_count_items(script);
    return (GuestView){.name = "counted", .script = script, .words = COUNT_ITEMS_WORDS};
}

static GuestView find_view(RemoteScript *script, const char *name, uint64_t id) {
    *script = script_make();
    script_find_item(script, id);
    return (GuestView){.name = name, .script = script, .words = FIND_ITEM_WORDS};
}

// ---- reading ----

static void sql_materialises_and_writes_refresh(void **state) {
    (void)state;
    RemoteScript script;
    GuestSpec spec = {.views = {count_view(&script)}, .view_count = 1};
    Database *database = guest_create(&spec, NULL);
    expect_rows(database, "SELECT * FROM counted", "\"rows\":[[0]]");
    assert_int_equal(inside(database).view_runs, 1);
    expect_rows(database, "SELECT * FROM counted", "\"rows\":[[0]]");
    assert_int_equal(inside(database).view_runs, 1);  // nothing was written
    insert_item(database, 1, 10, 100);
    insert_item(database, 2, 10, 100);
    assert_int_equal(inside(database).view_runs, 3);
    expect_rows(database, "SELECT word FROM counted WHERE word = 2", "\"rows\":[[2]]");
    delete_item(database, 1);
    expect_rows(database, "SELECT word FROM counted WHERE word > 0", "\"rows\":[[1]]");
    assert_int_equal(sql(database, "INSERT INTO item (id, grp, value) VALUES (7, 7, 7)").status,
                     STATUS_OK);
    expect_rows(database, "SELECT word FROM counted WHERE word > 0", "\"rows\":[[2]]");
    assert_int_equal(sql(database, "DELETE FROM counted").status, STATUS_INVALID);
    assert_int_equal(inside(database).view_runs, 5);
    close_database(database);
    script_done(&script);
}

static void a_point_read_concerns_its_key_only(void **state) {
    (void)state;
    RemoteScript script;
    GuestSpec spec = {.views = {find_view(&script, "five", 5)}, .view_count = 1};
    Database *database = guest_create(&spec, NULL);
    expect_rows(database, "SELECT word FROM five WHERE word = 500", "\"rows\":[]");
    insert_item(database, 4, 1, 400);
    insert_item(database, 6, 1, 600);
    update_item(database, 4, 1, 401);
    delete_item(database, 6);
    assert_int_equal(inside(database).view_runs, 1);
    insert_item(database, 5, 1, 500);  // the key appears
    assert_int_equal(inside(database).view_runs, 2);
    expect_rows(database, "SELECT word FROM five WHERE word = 500", "\"rows\":[[500]]");
    update_item(database, 5, 1, 501);
    expect_rows(database, "SELECT word FROM five WHERE word > 499 AND word < 600",
                "\"rows\":[[501]]");
    delete_item(database, 5);
    expect_rows(database, "SELECT word FROM five WHERE word > 499 AND word < 600", "\"rows\":[]");
    assert_int_equal(inside(database).view_runs, 4);
    close_database(database);
    script_done(&script);
}

static void each_sender_has_rows_of_its_own(void **state) {
    (void)state;
    RemoteScript script = script_make();
    SCRIPT_OP(&script, REMOTE_READ, GUEST_SENDER_AT, 8);
    script_count_items(&script);
    GuestSpec spec = {
        .views = {{.name = "who", .is_per_sender = true, .script = &script, .words = 5}},
        .view_count = 1};
    Database *database = guest_create(&spec, NULL);
    Identity people[] = {person("one"), person("two")};
    for (uint32_t i = 0; i < 2; i++) {
        char rows[64];
        (void)snprintf(rows, sizeof rows, "[%llu]",
                       (unsigned long long)load_u64le(people[i].bytes));
        Sql answer = sql_as(database, &people[i], "SELECT * FROM who");
        assert_int_equal(answer.status, STATUS_OK);
        assert_non_null(strstr(answer.answer, rows));
        (void)snprintf(rows, sizeof rows, "[%llu]",
                       (unsigned long long)load_u64le(people[1 - i].bytes));
        assert_null(strstr(answer.answer, rows));
    }
    assert_int_equal(inside(database).views, 2);
    insert_item(database, 77, 1, 1);
    assert_int_equal(inside(database).view_runs, 4);  // both, each with its own sender
    Sql answer = sql_as(database, &people[0], "SELECT COUNT(*) AS n FROM who");
    assert_non_null(strstr(answer.answer, "\"rows\":[[3]]"));  // the sender, 0 and 1
    close_database(database);
    script_done(&script);
}

static void arguments_make_instances_of_their_own(void **state) {
    (void)state;
    GuestSpec spec = {.views = {{.name = "num", .takes_number = true},
                                {.name = "mine", .takes_number = true, .is_per_sender = true}},
                      .view_count = 2};
    Database *database = guest_create(&spec, NULL);
    expect_rows(database, "SELECT * FROM num(500)", "[500]");
    expect_rows(database, "SELECT * FROM num(600)", "[600]");
    expect_rows(database, "SELECT * FROM mine(700)", "[700]");
    Identity other = person("other");
    assert_non_null(strstr(sql_as(database, &other, "SELECT * FROM mine(700)").answer, "[700]"));
    assert_int_equal(inside(database).views, 4);
    assert_int_equal(inside(database).view_runs, 4);
    insert_item(database, 1, 1, 1);
    assert_int_equal(inside(database).view_runs, 8);  // each again, with its own arguments
    expect_rows(database, "SELECT * FROM num(600)", "[600]");
    expect_rows(database, "SELECT * FROM num(600)", "[1]");
    Subscriber subscriber;
    subscriber_join(database, &subscriber, "reader", "SELECT * FROM num(500)");
    assert_int_equal(subscriber_message(&subscriber, 1).data[0], 1);
    insert_item(database, 2, 1, 1);
    assert_int_equal(subscriber_message(&subscriber, 2).data[0], 4);
    assert_int_equal(inside(database).view_runs, 12);
    assert_int_equal(sql(database, "SELECT * FROM num").status, STATUS_INVALID);
    assert_int_equal(sql(database, "SELECT * FROM num('x')").status, STATUS_INVALID);
    subscriber_leave(database, &subscriber);
    close_database(database);
}

static void sql_views_follow_their_tables(void **state) {
    (void)state;
    GuestSpec spec = {
        .views = {{.name = "ones", .sql = "SELECT * FROM item WHERE grp = 1"},
                  {.name = "blank", .sql = " \n"},
                  {.name = "of_view", .sql = "SELECT * FROM ones"},
                  {.name = "of_columns", .sql = "SELECT id FROM item"},
                  {.name = "of_sender", .sql = "SELECT * FROM item WHERE :sender = :sender"},
                  {.name = "of_other", .sql = "SELECT * FROM timer"},
                  {.name = "of_nonsense", .sql = "SELEKT"}},
        .view_count = 7};
    Database *database = guest_create(&spec, NULL);
    insert_item(database, 1, 1, 10);
    expect_rows(database, "SELECT * FROM ones", "\"rows\":[[1,1,10]]");
    insert_item(database, 2, 2, 20);
    insert_item(database, 3, 1, 30);
    expect_rows(database, "SELECT COUNT(*) AS n FROM ones", "\"rows\":[[2]]");
    expect_rows(database, "SELECT i.id FROM ones o JOIN item i ON o.id = i.id WHERE i.value = 30",
                "\"rows\":[[3]]");
    const char *empty[] = {"blank",     "of_view",  "of_columns",
                           "of_sender", "of_other", "of_nonsense"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "SELECT COUNT(*) AS n FROM %s", empty[i]);
        expect_rows(database, text, "\"rows\":[[0]]");
    }
    insert_item(database, 4, 1, 40);  // those that failed stay out of it
    expect_rows(database, "SELECT COUNT(*) AS n FROM ones", "\"rows\":[[3]]");
    close_database(database);
}

// ---- subscribers ----

static void subscribers_get_the_difference_in_one_message(void **state) {
    (void)state;
    GuestSpec spec = {.views = {{.name = "ones", .sql = "SELECT * FROM item WHERE grp = 1"}},
                      .view_count = 1};
    Database *database = guest_create(&spec, NULL);
    for (uint64_t i = 1; i <= 50; i++) insert_item(database, i, 1, i);
    Subscriber subscriber;
    subscriber_join(database, &subscriber, "reader", "SELECT * FROM ones");
    Bytes applied = subscriber_message(&subscriber, 1);
    assert_int_equal(applied.data[0], 1);
    assert_int_equal(applied.count, 1 + 4 + 4 + 4 + (4 + 4) + 3 + 4 + 50 * 24);
    insert_item(database, 60, 2, 1);  // not in the view: no message
    update_item(database, 7, 1, 700);
    Bytes update = subscriber_message(&subscriber, 2);
    assert_int_equal(update.data[0], 4);
    // One set, one table, one update of persistent rows: one row in, one out.
    assert_int_equal(update.count, 1 + 4 + 4 + 4 + (4 + 4) + 4 + 1 + 2 * (3 + 4 + 24));
    assert_int_equal(connection_count(&subscriber.connection), 3);
    subscriber_leave(database, &subscriber);
    close_database(database);
}

static void instances_go_when_nobody_needs_them(void **state) {
    (void)state;
    RemoteScript script;
    GuestSpec spec = {.views = {count_view(&script)}, .view_count = 1};
    Database *database = guest_create(&spec, NULL);
    Subscriber subscriber;
    subscriber_join(database, &subscriber, "reader", "SELECT * FROM counted");
    assert_int_equal(inside(database).idle_views, 0);
    harness.clock_shift_nanos += 3600ll * 1000000000;
    pause_ms(50);
    assert_int_equal(inside(database).views, 1);  // somebody has subscribed to it
    on_executor(database, unsubscribe_step, &subscriber);
    assert_int_equal(inside(database).idle_views, 1);
    expect_rows(database, "SELECT COUNT(*) AS n FROM counted", "\"rows\":[[1]]");
    assert_int_equal(inside(database).view_runs, 1);
    harness.clock_shift_nanos += 700ll * 1000000000;
    for (int i = 0; i < 200 && inside(database).views > 0; i++) pause_ms(10);
    assert_int_equal(inside(database).views, 0);
    insert_item(database, 1, 1, 1);
    assert_int_equal(inside(database).view_runs, 1);  // it reads nothing any more
    expect_rows(database, "SELECT COUNT(*) AS n FROM counted", "\"rows\":[[2]]");
    subscriber_leave(database, &subscriber);
    close_database(database);
    script_done(&script);
}

// ---- failures ----

// What the view `fragile` does once item 9 exists.
typedef enum Fragility { FAILS, ANSWERS_NONSENSE, SAYS_TOO_LITTLE, TRAPS, WRITES, LOOPS } Fragility;
#define FRAGILITY_COUNT 6u

static GuestView fragile_view(RemoteScript *script, Fragility fragility) {
    *script = script_make();
    script_find_item(script, 9);
    SCRIPT_OP(script, REMOTE_SKIP, ROW_BUFFER_AT, 1);
    switch (fragility) {
    case FAILS: SCRIPT_OP(script, REMOTE_RETURN, 1); break;
    case ANSWERS_NONSENSE: SCRIPT_OP(script, REMOTE_RETURN, 77); break;
    case SAYS_TOO_LITTLE: SCRIPT_OP(script, REMOTE_RETURN, 0); break;
    case TRAPS: SCRIPT_OP(script, REMOTE_TRAP, 0); break;
    case WRITES: SCRIPT_CALL(script, "datastore_clear", ids.item, OUT_AT); break;
    case LOOPS: SCRIPT_OP(script, REMOTE_SPIN, 0); break;
    }
    SCRIPT_CALL(script, "datastore_table_row_count", ids.item, OUT_AT);
    return (GuestView){.name = "fragile", .script = script, .words = FIND_ITEM_WORDS + 2};
}

// In each way: the writer hears of it, nothing is left of what it wrote, and the database goes on.
static void writers_fail_with_their_views(void **state) {
    (void)state;
    static const char SHORT_TEXT[] =
        "Error materializing view `fragile`: Error deserializing rows returned by view";
    for (uint32_t i = 0; i < FRAGILITY_COUNT; i++) {
        Fragility fragility = (Fragility)i;
        harness.call_seconds = 1;
        RemoteScript script;
        GuestSpec spec = {.views = {fragile_view(&script, fragility)}, .view_count = 1, .salt = i};
        Database *database = guest_create(&spec, NULL);
        expect_rows(database, "SELECT COUNT(*) AS n FROM fragile", "\"rows\":[[2]]");
        RemoteScript write = script_make();
        script_insert_item(&write, 8, 1, 80);
        script_insert_item(&write, 9, 1, 90);
        Call call = run_script(database, "run", &write, 0);
        assert_int_equal(call.outcome,
                         fragility == LOOPS ? FUNCTION_OUT_OF_ENERGY : FUNCTION_FATAL);
        if (fragility != LOOPS)
            assert_string_equal(call.text, fragility == SAYS_TOO_LITTLE ? SHORT_TEXT : FATAL);
        Sql dml = sql(database, "INSERT INTO item (id, grp, value) VALUES (9, 1, 1)");
        assert_int_equal(dml.status, STATUS_INVALID);
        assert_non_null(strstr(dml.answer, "The module instance encountered a fatal error: "));
        expect_rows(database, "SELECT COUNT(*) AS n FROM item", "\"rows\":[[0]]");
        insert_item(database, 8, 1, 80);  // a fresh instance, a healthy view
        expect_rows(database, "SELECT COUNT(*) AS n FROM fragile", "\"rows\":[[2]]");
        close_database(database);
        script_done(&script);
    }
}

// The same when the view fails the first time: the one who asked hears of a trap, others never.
static void a_view_that_fails_at_first_stays_out_of_others_way(void **state) {
    (void)state;
    for (uint32_t i = 0; i < FRAGILITY_COUNT; i++) {
        Fragility fragility = (Fragility)i;
        harness.call_seconds = 1;
        RemoteScript script;
        GuestSpec spec = {.views = {fragile_view(&script, fragility)}, .view_count = 1, .salt = i};
        Database *database = guest_create(&spec, NULL);
        insert_item(database, 9, 1, 90);
        bool traps = fragility >= TRAPS;
        Sql answer = sql(database, "SELECT * FROM fragile");
        assert_int_equal(answer.status, traps ? STATUS_INVALID : STATUS_OK);
        if (traps) assert_string_equal(answer.answer, FATAL);
        if (!traps) assert_non_null(strstr(answer.answer, "\"rows\":[]"));
        Subscriber subscriber;
        subscriber_join(database, &subscriber, "reader", "SELECT * FROM fragile");
        Bytes reply = subscriber_message(&subscriber, 1);
        assert_int_equal(reply.data[0], traps ? 3 : 1);  // SubscriptionError or SubscribeApplied
        update_item(database, 9, 1, 91);                 // nobody's transaction fails
        insert_item(database, 1, 1, 10);
        delete_item(database, 9);  // now it could run; who has subscribed hears of its rows
        if (!traps) {
            Bytes update = subscriber_message(&subscriber, 2);
            assert_int_equal(update.data[0], 4);
            assert_int_equal(update.count,
                             1 + 4 + 4 + 4 + (4 + 7) + 4 + 1 + (3 + 4 + 16) + (1 + 4 + 4));
        }
        expect_rows(database, "SELECT COUNT(*) AS n FROM fragile", "\"rows\":[[2]]");
        subscriber_leave(database, &subscriber);
        close_database(database);
        script_done(&script);
    }
}

// Clients go whatever views say: the one that fails, or traps, is empty afterwards.
static void nobody_is_kept_by_a_view(void **state) {
    (void)state;
    for (uint32_t traps = 0; traps < 2; traps++) {
        // Bad once nobody is connected: the first skip then leaves out the second, which leaves out the bad record.
        RemoteScript script = script_make();
        SCRIPT_CALL(&script, "datastore_table_row_count", ST_CLIENT, OUT_AT);
        SCRIPT_OP(&script, REMOTE_SKIP, OUT_AT, 1);
        SCRIPT_OP(&script, REMOTE_SKIP, OUT_AT + 8, 1);
        SCRIPT_OP(&script, traps ? REMOTE_TRAP : REMOTE_RETURN, 1);
        GuestSpec spec = {.views = {{.name = "clients", .script = &script, .words = 3}},
                          .view_count = 1,
                          .salt = traps};
        Database *database = guest_create(&spec, NULL);
        Subscriber subscriber;
        subscriber_join(database, &subscriber, "reader", "SELECT * FROM clients");
        assert_int_equal(subscriber_message(&subscriber, 1).data[0], 1);
        subscriber_leave(database, &subscriber);
        expect_rows(database, "SELECT COUNT(*) AS n FROM st_client", "\"rows\":[[0]]");
        insert_item(database, 1, 1, 1);
        close_database(database);
        script_done(&script);
    }
}

// ---- publishing ----

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

static Update publish(Database *database, const GuestSpec *spec) {
    Update update = {.program = guest_module_build(spec, &harness.arena)};
    on_executor(database, update_step, &update);
    return update;
}

static void a_new_program_runs_its_views(void **state) {
    (void)state;
    GuestSpec spec = {.views = {{.name = "some", .sql = "SELECT * FROM item WHERE grp = 1"},
                                {.name = "other", .sql = "SELECT * FROM item"}},
                      .view_count = 2};
    Database *database = guest_create(&spec, NULL);
    insert_item(database, 1, 1, 10);
    insert_item(database, 2, 2, 20);
    Subscriber subscriber;
    subscriber_join(database, &subscriber, "reader", "SELECT * FROM some");
    expect_rows(database, "SELECT COUNT(*) AS n FROM other", "\"rows\":[[2]]");
    // The same views, one of which answers something else.
    GuestSpec next = {.views = {{.name = "some", .sql = "SELECT * FROM item WHERE grp = 2"},
                                {.name = "other", .sql = "SELECT * FROM item"}},
                      .view_count = 2};
    Update update = publish(database, &next);
    if (update.outcome != PUBLISH_DONE) fail_msg("%s", update.error.text);
    Bytes message = subscriber_message(&subscriber, 2);
    assert_int_equal(message.data[0], 4);
    expect_rows(database, "SELECT * FROM some", "\"rows\":[[2,2,20]]");
    insert_item(database, 3, 2, 30);
    assert_int_equal(subscriber_message(&subscriber, 3).data[0], 4);
    // One whose views fail is refused, and the old one goes on.
    GuestSpec bad = {.views = {{.name = "some", .sql = "SELECT * FROM nothing"},
                               {.name = "other", .sql = "SELECT * FROM item"}},
                     .view_count = 2};
    update = publish(database, &bad);
    assert_int_equal(update.outcome, PUBLISH_REJECTED);
    assert_non_null(strstr(update.error.text, "Views evaluation did not complete successfully"));
    insert_item(database, 4, 2, 40);
    expect_rows(database, "SELECT COUNT(*) AS n FROM some", "\"rows\":[[3]]");
    expect_rows(database, "SELECT COUNT(*) AS n FROM other", "\"rows\":[[4]]");
    subscriber_leave(database, &subscriber);
    close_database(database);
}

// ---- against a model ----

#define MODEL_KEYS 6u
#define MODEL_STEPS 400u

// Views of points and of the whole, random writes: after each, every view says what it would say if it were run now.
static void views_equal_what_they_would_say_now(void **state) {
    (void)state;
    RemoteScript scripts[5];
    GuestSpec spec = {.view_count = 7};
    spec.views[0] = count_view(&scripts[0]);
    char names[4][8];
    for (uint32_t i = 0; i < 4; i++) {
        (void)snprintf(names[i], sizeof names[i], "find%u", i);
        spec.views[1 + i] = find_view(&scripts[1 + i], names[i], i + 1);
    }
    spec.views[5] = (GuestView){.name = "ones", .sql = "SELECT * FROM item WHERE grp = 1"};
    spec.views[6] = (GuestView){.name = "everything", .sql = "SELECT * FROM item"};
    Database *database = guest_create(&spec, NULL);
    uint64_t values[MODEL_KEYS + 1] = {0};
    uint64_t groups[MODEL_KEYS + 1] = {0};
    uint64_t seed = 42;
    for (uint32_t step = 0; step < MODEL_STEPS; step++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        uint64_t id = 1 + (seed >> 33) % MODEL_KEYS;
        uint64_t grp = (seed >> 40) % 2 + 1;
        uint64_t value = 1000 + step;
        if (values[id] == 0) {
            insert_item(database, id, grp, value);
        } else if ((seed >> 50) % 2 == 0) {
            update_item(database, id, grp, value);
        } else {
            delete_item(database, id);
            value = 0;
        }
        values[id] = value;
        groups[id] = value ? grp : 0;
        uint64_t count = 0;
        uint64_t ones = 0;
        for (uint32_t i = 1; i <= MODEL_KEYS; i++) {
            if (values[i]) count++;
            if (values[i] && groups[i] == 1) ones++;
        }
        char rows[64];
        char text[96];
        (void)snprintf(rows, sizeof rows, "\"rows\":[[%llu]]", (unsigned long long)ones);
        expect_rows(database, "SELECT COUNT(*) AS n FROM ones", rows);
        (void)snprintf(rows, sizeof rows, "\"rows\":[[%llu]]", (unsigned long long)count);
        expect_rows(database, "SELECT COUNT(*) AS n FROM everything", rows);
        (void)snprintf(text, sizeof text, "SELECT COUNT(*) AS n FROM counted WHERE word = %llu",
                       (unsigned long long)count);
        expect_rows(database, text, "\"rows\":[[1]]");
        if (id > 4) continue;
        (void)snprintf(text, sizeof text,
                       "SELECT word FROM find%llu WHERE word > 999 AND word < 9999",
                       (unsigned long long)id - 1);
        (void)snprintf(rows, sizeof rows, value ? "\"rows\":[[%llu]]" : "\"rows\":[]",
                       (unsigned long long)value);
        expect_rows(database, text, rows);
    }
    close_database(database);
    for (uint32_t i = 0; i < 5; i++) script_done(&scripts[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(sql_materialises_and_writes_refresh, harness_test_setup),
        cmocka_unit_test_setup(a_point_read_concerns_its_key_only, harness_test_setup),
        cmocka_unit_test_setup(each_sender_has_rows_of_its_own, harness_test_setup),
        cmocka_unit_test_setup(arguments_make_instances_of_their_own, harness_test_setup),
        cmocka_unit_test_setup(sql_views_follow_their_tables, harness_test_setup),
        cmocka_unit_test_setup(subscribers_get_the_difference_in_one_message, harness_test_setup),
        cmocka_unit_test_setup(instances_go_when_nobody_needs_them, harness_test_setup),
        cmocka_unit_test_setup(writers_fail_with_their_views, harness_test_setup),
        cmocka_unit_test_setup(a_view_that_fails_at_first_stays_out_of_others_way,
                               harness_test_setup),
        cmocka_unit_test_setup(nobody_is_kept_by_a_view, harness_test_setup),
        cmocka_unit_test_setup(a_new_program_runs_its_views, harness_test_setup),
        cmocka_unit_test_setup(views_equal_what_they_would_say_now, harness_test_setup),
    };
    return cmocka_run_group_tests(tests, guest_setup, harness_teardown);
}
