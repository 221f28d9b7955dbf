// database_test.c - goal: one database from publish to restart: calls, errors, SQL, subscriptions, schedules, lifecycle,
// and that what was confirmed is there afterwards. Method: the real module golden/modules/kinds on a real pool, host, log
// and directory; connections are the test's own.

#include "harness.h"

static Bytes kinds;

static Database *create(const char *directory) {
    return create_from(kinds, directory);
}

// ---- tests ----

static void calls_commit_fail_and_trap(void **state) {
    (void)state;
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

static void subscribers_hear_of_commits(void **state) {
    (void)state;
    Database *database = create(NULL);
    assert_int_equal(call(database, "fill_fixed", "[1,12]").outcome, FUNCTION_COMMITTED);
    Subscriber near;
    Subscriber far;
    subscriber_join(database, &near, "reader", "SELECT * FROM fixed WHERE x < 3");
    subscriber_join(database, &far, "reader", "SELECT * FROM fixed WHERE id = 900");
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
    subscriber_leave(database, &near);
    subscriber_leave(database, &far);
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
        if (strstr(sql(database, "SELECT COUNT(*) AS n FROM timer").answer, "[[0]]")) break;
    }
    expect_rows(database, "SELECT COUNT(*) AS n FROM timer", "\"rows\":[[0]]");
    close_database(database);
}

static void everything_is_there_after_a_restart(void **state) {
    (void)state;
    char directory[128];
    (void)snprintf(directory, sizeof directory, "%s/restart", harness.root);
    Database *database = create(directory);
    for (int i = 0; i < 3; i++)
        assert_int_equal(call(database, "add_kind", "[3]").outcome, FUNCTION_COMMITTED);
    assert_int_equal(call(database, "fill_fixed", "[1,1000]").outcome, FUNCTION_COMMITTED);
    Subscriber left;
    subscriber_join(database, &left, "reader", "SELECT * FROM fixed WHERE id = 4");
    close_database(database);
    pause_ms(200);  // closing is a job of the pool
    assert_int_equal(left.connection.close_code, 1001);
    connection_done(&left.connection);

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
    (void)snprintf(directory, sizeof directory, "%s/bad", harness.root);
    DatabaseOptions options = options_for(directory);
    Database *database = NULL;
    Error error = {0};
    assert_int_not_equal(
        database_create(&options, PROGRAM_WASM, BYTES_LITERAL("hello"), &database, &error),
        STATUS_OK);
    assert_true(strlen(error.text) > 0);
    assert_false(os_path_exists(&harness.os, directory));
}

static int setup(void **state) {
    return harness_setup(state) == 0 && harness_kinds(&kinds) ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(calls_commit_fail_and_trap, harness_test_setup),
        cmocka_unit_test_setup(sequences_give_values_back, harness_test_setup),
        cmocka_unit_test_setup(subscribers_hear_of_commits, harness_test_setup),
        cmocka_unit_test_setup(scheduled_rows_fire, harness_test_setup),
        cmocka_unit_test_setup(everything_is_there_after_a_restart, harness_test_setup),
        cmocka_unit_test_setup(a_bad_module_leaves_nothing, harness_test_setup),
    };
    return cmocka_run_group_tests(tests, setup, harness_teardown);
}
