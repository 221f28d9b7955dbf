// update_test.c - goal: every change that an update can bring does what http-api.md 8 says: it is done and clients stay or go,
// or it is refused, or it fails on what is stored; and then nothing has changed. Method: the cases of updates.h, each with
// rows and a client, in memory; old and new program are made by the module builder.
#include "updates.h"

static void expect_words(Database *database, const UpdateCase *at, const Updating *updating) {
    bool is_there = is_done(at->end) ? log_has(database, at->words)
                                     : strstr(updating->text, at->words) != NULL;
    if (!is_there) fail_msg("%s: no \"%s\" (%s)", at->name, at->words, updating->text);
}

static void check_refused_without_token(Database *database, const UpdateCase *at) {
    Updating updating = {.program = case_program(at, true)};
    on_executor(database, updating_step, &updating);
    if (updating.outcome != PUBLISH_REJECTED) fail_msg("%s: was not refused", at->name);
    assert_string_equal(
        updating.text,
        "Failed to create or update the database: Migration plan contains a client-breaking change "
        "which is disallowed under current policy");
    on_executor(database, agree_step, NULL);
}

static void run_case(const UpdateCase *at) {
    print_message("%s\n", at->name);
    Database *database = create_from(case_program(at, false), NULL);
    case_fill(database, at);
    Subscriber client;
    subscriber_join(database, &client, "reader", "SELECT * FROM item");
    assert_int_equal(client.outcome, CONNECT_OK);
    if (at->end == END_BREAKS) check_refused_without_token(database, at);
    Updating updating = {.program = case_program(at, true),
                         .breaks_clients = at->end == END_BREAKS || at->end == END_FAILED};
    on_executor(database, updating_step, &updating);
    PublishOutcome wanted = is_done(at->end) ? PUBLISH_DONE : PUBLISH_REJECTED;
    if (updating.outcome != wanted)
        fail_msg("%s: %d %s", at->name, updating.outcome, updating.text);
    expect_words(database, at, &updating);
    on_executor(database, agree_step, NULL);
    case_check_rows(database, at, is_done(at->end));
    assert_int_equal(client.connection.close_code, at->end == END_BREAKS ? 1001 : 0);
    insert_item(database, 2, 1, 1);  // the program that runs works
    subscriber_leave(database, &client);
    close_database(database);
}

static void every_change(void **state) {
    (void)state;
    for (size_t i = 0; i < UPDATE_CASE_COUNT; i++) run_case(&UPDATE_CASES[i]);
}

static void wrong_token_step(Database *database, void *user) {
    Updating *updating = user;
    UpdateRequest request = {
        .kind = PROGRAM_WASM, .program = updating->program, .policy = UPDATE_BREAK_CLIENTS};
    uint64_t ticket = TICKET_NONE;
    Error error = {0};
    updating->outcome = database_update(database, &request, &ticket, &error);
    (void)snprintf(updating->text, sizeof updating->text, "%s", error.text);
}

static void a_wrong_token_is_refused(void **state) {
    (void)state;
    const UpdateCase CASE = {.name = "token", .from = PLAIN, .to = TRAY(.has_added = true)};
    Database *database = create_from(case_program(&CASE, false), NULL);
    Updating updating = {.program = case_program(&CASE, true)};
    on_executor(database, wrong_token_step, &updating);
    assert_int_equal(updating.outcome, PUBLISH_REJECTED);
    assert_string_equal(updating.text,
                        "Failed to create or update the database: Token provided is invalid or "
                        "does not match expected hash");
    on_executor(database, agree_step, NULL);
    close_database(database);
}

// What was not asked for keeps its values: generated ids go on where they were.
static void sequences_go_on(void **state) {
    (void)state;
    const UpdateCase CASE = {.name = "sequence",
                             .from = TRAY(.has_sequence = true),
                             .to = TRAY(.has_sequence = true, .has_added = true)};
    Database *database = create_from(case_program(&CASE, false), NULL);
    TableId table = 0;
    on_executor(database, tray_id_step, &table);
    for (uint32_t i = 0; i < 3; i++) insert_tray(database, table, 0, i);
    Updating updating = {.program = case_program(&CASE, true), .breaks_clients = true};
    on_executor(database, updating_step, &updating);
    assert_int_equal(updating.outcome, PUBLISH_DONE);
    on_executor(database, tray_id_step, &table);
    RemoteScript script = script_make();
    uint8_t row[] = {0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0};
    script_write(&script, WRITE_AT, bytes_of(row, sizeof row));
    script_write_u32(&script, LENGTH_CELL, sizeof row);
    SCRIPT_CALL(&script, "datastore_insert_bsatn", table, WRITE_AT, LENGTH_CELL);
    assert_int_equal(run_script(database, "run", &script, 0).outcome, FUNCTION_COMMITTED);
    expect_rows(database, "SELECT id FROM tray ORDER BY id", "\"rows\":[[1],[2],[3],[4]]");
    close_database(database);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_change, harness_test_setup),
        cmocka_unit_test_setup(a_wrong_token_is_refused, harness_test_setup),
        cmocka_unit_test_setup(sequences_go_on, harness_test_setup),
    };
    return cmocka_run_group_tests(tests, guest_setup, harness_teardown);
}
