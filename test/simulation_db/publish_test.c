// publish_test.c - goal: a publish happens or it does not, whenever the power fails: afterwards the stored program, the
// schema and the rows are those of before, or those of after, and of after if the publisher was told so. Method: the first
// publish, and every update of updates.h that is done, on a simulated disk that fails at its 1st, 2nd, ... n-th call, until
// a publish gets through untouched; after each the power comes back and the database is opened again.
#include "updates.h"

#include "base/log.h"
#include "db/executor.h"
#include "locked_os.h"
#include "sim_disk.h"

// The server makes the first of it, and syncs that, when it starts.
#define PARENT "/replicas"
#define DIRECTORY PARENT "/1"

typedef struct Crash {
    SimDisk *disk;
    LockedOs os;
    const UpdateCase *at;
    uint64_t seed;
} Crash;

static uint64_t crash_count;
static uint64_t kept_count;  // crashes that the publish survived

static void crash_init(Crash *crash, const UpdateCase *at, uint64_t seed) {
    *crash = (Crash){.disk = sim_disk_create(seed), .at = at, .seed = seed};
    locked_os_init(&crash->os, sim_disk_os(crash->disk));
    Os *os = &crash->os.os;
    Error error;
    assert_int_equal(os->directory_create(os, PARENT, &error), STATUS_OK);
    assert_int_equal(os->directory_sync(os, "/", &error), STATUS_OK);
}

static void crash_done(Crash *crash) {
    locked_os_done(&crash->os);
    sim_disk_free(crash->disk);
}

static DatabaseOptions crash_options(Crash *crash) {
    DatabaseOptions options = options_for(DIRECTORY);
    options.os = &crash->os.os;
    return options;
}

static Database *crash_create(Crash *crash, Error *error) {
    DatabaseOptions options = crash_options(crash);
    Database *database = NULL;
    for (size_t i = 0; i < sizeof TRAP_SIGNALS / sizeof *TRAP_SIGNALS; i++)
        sigaction(TRAP_SIGNALS[i], &trap_actions[i], NULL);
    (void)crash->os.os.directory_create(&crash->os.os, DIRECTORY, error);
    if (database_create(&options, PROGRAM_WASM, case_program(crash->at, false), &database, error) !=
        STATUS_OK)
        return NULL;
    return database;
}

// Closes it and waits until it has: its log is gone. NULL: one that could not be created is closing too.
static void crash_close(Database *database) {
    if (database) close_database(database);
    (void)executor_pool_settle(harness.pool);
}

static Database *crash_reopen(Crash *crash, Error *error) {
    sim_disk_fault_at(crash->disk, 0, SIM_CRASH);
    sim_disk_restart(crash->disk);
    DatabaseOptions options = crash_options(crash);
    Database *database = NULL;
    return database_open(&options, &database, error) == STATUS_OK ? database : NULL;
}

typedef struct Confirm {
    DurableWait *wait;
} Confirm;

static void confirm_step(Database *database, void *user) {
    ((Confirm *)user)->wait = durable_begin(database, database_ticket(database));
}

static bool confirm(Database *database) {
    Confirm confirm = {0};
    on_executor(database, confirm_step, &confirm);
    return durable_end(confirm.wait, 60000) == DURABLE_YES;
}

typedef struct Which {
    Hash hash;
} Which;

static void which_step(Database *database, void *user) {
    ((Which *)user)->hash = database_program_hash(database);
}

static bool runs(Database *database, Bytes program) {
    Which which;
    Hash wanted = hash_keccak256(program);
    on_executor(database, which_step, &which);
    return hash_equal(&which.hash, &wanted);
}

// ---- the first publish ----

// False: the disk was not called that often.
static bool create_with_crash(const UpdateCase *at, uint64_t call) {
    Crash crash;
    Error error = {0};
    crash_init(&crash, at, call * 77 + 5);
    sim_disk_fault_at(crash.disk, sim_disk_calls(crash.disk) + call, SIM_CRASH);
    Database *database = crash_create(&crash, &error);
    bool was_told = database && confirm(database);
    crash_close(database);
    bool has_crashed = sim_disk_is_off(crash.disk);
    database = crash_reopen(&crash, &error);
    if (database == NULL && was_told)
        fail_msg("call %llu: published, and gone: %s", (unsigned long long)call, error.text);
    if (database) {
        assert_true(runs(database, case_program(at, false)));
        on_executor(database, agree_step, NULL);
        insert_item(database, 7, 1, 1);
        kept_count++;
    } else if (error.status != STATUS_NOT_FOUND && error.status != STATUS_IO) {
        fail_msg("call %llu: half of it is there: %s", (unsigned long long)call, error.text);
    }
    crash_close(database);
    crash_done(&crash);
    crash_count += has_crashed;
    return has_crashed;
}

static void first_publish(void **state) {
    (void)state;
    const UpdateCase *at = &UPDATE_CASES[UPDATE_CASE_COUNT - 1];
    uint64_t call = 1;
    while (create_with_crash(at, call)) call++;
    assert_true(call > 10);
    print_message("%llu crashes, %llu databases there afterwards\n",
                  (unsigned long long)crash_count, (unsigned long long)kept_count);
}

// ---- updates ----

static bool update_with_crash(const UpdateCase *at, uint64_t call) {
    Crash crash;
    Error error = {0};
    crash_init(&crash, at, call * 131 + (uint64_t)(at - UPDATE_CASES));
    Database *database = crash_create(&crash, &error);
    if (database == NULL) fail_msg("%s: %s", at->name, error.text);
    case_fill(database, at);
    assert_true(confirm(database));
    sim_disk_fault_at(crash.disk, sim_disk_calls(crash.disk) + call, SIM_CRASH);
    Updating updating = {.program = case_program(at, true),
                         .breaks_clients = at->end == END_BREAKS};
    on_executor(database, updating_step, &updating);
    bool was_told = updating.outcome == PUBLISH_DONE &&
                    durable_end(updating.wait, 60000) == DURABLE_YES;
    crash_close(database);
    bool has_crashed = sim_disk_is_off(crash.disk);
    database = crash_reopen(&crash, &error);
    if (database == NULL)
        fail_msg("%s, call %llu: %s", at->name, (unsigned long long)call, error.text);
    bool is_new = runs(database, case_program(at, true));
    if (!is_new) assert_true(runs(database, case_program(at, false)));
    if (was_told && !is_new)
        fail_msg("%s, call %llu: told and lost", at->name, (unsigned long long)call);
    on_executor(database, agree_step, NULL);
    case_check_rows(database, at, is_new);
    insert_item(database, 7, 1, 1);
    crash_close(database);
    crash_done(&crash);
    crash_count += has_crashed;
    kept_count += has_crashed && is_new;
    return has_crashed;
}

static void updates(void **state) {
    (void)state;
    crash_count = kept_count = 0;
    for (size_t i = 0; i < UPDATE_CASE_COUNT; i++) {
        const UpdateCase *at = &UPDATE_CASES[i];
        if (!is_done(at->end)) continue;
        uint64_t call = 1;
        while (update_with_crash(at, call)) call++;
        print_message("%s: %llu\n", at->name, (unsigned long long)call - 1);
        if (call < 3) fail_msg("%s: the disk was hardly used", at->name);
    }
    print_message("%llu crashes, %llu updates there afterwards\n", (unsigned long long)crash_count,
                  (unsigned long long)kept_count);
    assert_true(kept_count > 0 && kept_count < crash_count);
}

int main(void) {
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(first_publish, harness_test_setup),
        cmocka_unit_test_setup(updates, harness_test_setup),
    };
    return cmocka_run_group_tests(tests, guest_setup, harness_teardown);
}
