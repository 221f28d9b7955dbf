// crash_test.c - goal: whatever the disk keeps of a database when the power fails, at whichever call to it: everything
// that was confirmed is there, the state is that after some transaction and of no other, indexes and constraints hold,
// and no value of a sequence comes twice.
//
// Method: a database on a simulated disk does random transactions. One run tells how many calls it makes; then the same
// run is done again for each of them, and the power fails there. What is left is recovered and checked, works on,
// and fails again at random, also while it recovers. The suite is tried itself: three ways to break a log are
// each caught. STDB_CRASHES says how many crashes (default 600), STDB_SEED with which seed to begin.
#include "base/log.h"
#include "world.h"

#define CRASHES_DEFAULT 600u
#define TRANSACTIONS_MAX 24u
#define CRASHES_IN_A_ROW 4u
#define SEGMENT_BYTES 6000u

typedef struct Suite {
    SimLie lie;
    void (*on_sync)(void *user);
    uint64_t seed;
    uint64_t crashes;
    uint64_t recovered;  // transactions
    uint64_t lost;       // appended, not confirmed, and gone
    uint64_t restored;   // recoveries that began with a snapshot
    char failure[3 * ERROR_TEXT_MAX];
} Suite;

static void work(World *world, uint32_t transactions) {
    Error error;
    if (world->store == NULL && !world_open(world, &error)) {
        if (!world_is_wrong(world) && !sim_disk_is_off(world->disk)) {
            world_wrong(world, "cannot be opened: %s", error.text);
        }
        return;
    }
    for (uint32_t i = 0; i < transactions && !sim_disk_is_off(world->disk); i++) {
        world_transact(world);
        world_step(world);
    }
}

static void begin(World *world, const Suite *suite, uint64_t seed) {
    world_init(world, seed, SEGMENT_BYTES);
    sim_disk_set_lie(world->disk, suite->lie);
    if (suite->on_sync) sim_disk_on_sync(world->disk, suite->on_sync, world);
}

// The power fails at that call, and a few times more.
static void run_with_crash(Suite *suite, uint64_t seed, uint64_t call) {
    World world;
    begin(&world, suite, seed);
    sim_disk_fault_at(world.disk, sim_disk_calls(world.disk) + call, SIM_CRASH);
    for (uint32_t i = 0; i < CRASHES_IN_A_ROW && !world_is_wrong(&world); i++) {
        work(&world, 1 + random_below(&world.random, TRANSACTIONS_MAX));
        uint64_t appended = world.states.count;
        world_close(&world);
        sim_disk_restart(world.disk);
        suite->crashes++;
        Error error;
        bool is_quick = random_below(&world.random, 2) == 0;  // fails again while it recovers
        uint64_t next = sim_disk_calls(world.disk) + 1 +
                        sim_disk_random(world.disk, is_quick ? 8 : 90);
        if (is_quick) sim_disk_fault_at(world.disk, next, SIM_CRASH);
        if (world_is_wrong(&world) || !world_open(&world, &error)) {
            if (!sim_disk_is_off(world.disk) && !world_is_wrong(&world)) {
                world_wrong(&world, "cannot be opened: %s", error.text);
            }
            world_close(&world);
            if (sim_disk_is_off(world.disk)) sim_disk_restart(world.disk);
            continue;
        }
        suite->recovered += world.states.count;
        suite->lost += appended - world.states.count;
        if (!is_quick) sim_disk_fault_at(world.disk, next, SIM_CRASH);
    }
    // In the end nothing fails: all of it is there.
    world_close(&world);
    if (sim_disk_is_off(world.disk)) sim_disk_restart(world.disk);
    sim_disk_fault_at(world.disk, 0, SIM_CRASH);
    if (!world_is_wrong(&world)) work(&world, 3);
    uint64_t appended = world.states.count;
    world_close(&world);
    if (!world_is_wrong(&world)) work(&world, 0);
    if (!world_is_wrong(&world) && world.states.count != appended) {
        world_wrong(&world, "%llu transactions, but %u after a clean end",
                    (unsigned long long)appended, world.states.count);
    }
    if (world_is_wrong(&world)) {
        (void)snprintf(suite->failure, sizeof suite->failure, "seed %llu, call %llu: %s",
                       (unsigned long long)seed, (unsigned long long)call, world.failure);
    }
    suite->restored += world.restored;
    world_done(&world);
}

static uint64_t calls_of_run(const Suite *suite, uint64_t seed) {
    World world;
    begin(&world, suite, seed);
    uint64_t calls = sim_disk_calls(world.disk);
    work(&world, 1 + random_below(&world.random, TRANSACTIONS_MAX));
    calls = sim_disk_calls(world.disk) - calls;
    world_done(&world);
    return calls;
}

static void run_suite(Suite *suite, uint64_t crashes) {
    for (uint64_t seed = suite->seed; suite->crashes < crashes && suite->failure[0] == 0; seed++) {
        uint64_t calls = calls_of_run(suite, seed);
        for (uint64_t call = 1; call <= calls && suite->failure[0] == 0; call++) {
            run_with_crash(suite, seed, call);
        }
    }
}

static void nothing_confirmed_is_lost(void **state) {
    (void)state;
    const char *text = getenv("STDB_CRASHES");
    uint64_t crashes = text ? strtoull(text, NULL, 10) : CRASHES_DEFAULT;
    Suite suite = {.seed = test_seed(1)};
    run_suite(&suite, crashes);
    print_message("%llu crashes; %llu transactions recovered, %llu times from a snapshot; %llu "
                  "unconfirmed ones lost\n",
                  (unsigned long long)suite.crashes, (unsigned long long)suite.recovered,
                  (unsigned long long)suite.restored, (unsigned long long)suite.lost);
    if (suite.failure[0]) fail_msg("%s", suite.failure);
    assert_true(suite.restored > 0);
    assert_true(suite.lost > 0);  // or the disk was kinder than it should be
}

// ---- the suite itself ----

static void assert_caught(Suite *suite, const char *message) {
    run_suite(suite, CRASHES_DEFAULT);
    print_message("caught after %llu crashes: %s\n", (unsigned long long)suite->crashes,
                  suite->failure);
    if (suite->failure[0] == 0)
        fail_msg("not caught in %llu crashes", (unsigned long long)suite->crashes);
    if (strstr(suite->failure, message) == NULL)
        fail_msg("not \"%s\": %s", message, suite->failure);
}

static void a_log_that_skips_syncs_is_caught(void **state) {
    (void)state;
    Suite suite = {.seed = 1, .lie = SIM_SKIP_FILE_SYNC};
    assert_caught(&suite, "ends with transaction 1, before the snapshot");
}

static void a_log_that_skips_directory_syncs_is_caught(void **state) {
    (void)state;
    Suite suite = {.seed = 1, .lie = SIM_SKIP_DIRECTORY_SYNC};
    assert_caught(&suite, "were confirmed, but only");
}

static void confirm(void *user) {
    const World *world = user;
    if (world->log == NULL) return;  // it is being opened
    Gate *gate = log_gate(world->log);
    if (log_ticket(world->log) > atomic_load(&gate->reached))
        gate_open(gate, log_ticket(world->log));
}

static void a_log_that_confirms_before_the_sync_is_caught(void **state) {
    (void)state;
    Suite suite = {.seed = 1, .on_sync = confirm};
    assert_caught(&suite, "were confirmed, but only");
}

int main(void) {
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_confirmed_is_lost),
        cmocka_unit_test(a_log_that_skips_syncs_is_caught),
        cmocka_unit_test(a_log_that_skips_directory_syncs_is_caught),
        cmocka_unit_test(a_log_that_confirms_before_the_sync_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
