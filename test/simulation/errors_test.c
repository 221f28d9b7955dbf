// errors_test.c - goal: a disk that refuses, fills up or rots costs nothing that was confirmed, and is named.
//
// Method: the same run of random transactions again and again, with an error at each call in turn. After a failed
// write or sync nothing more is confirmed, and what the program is told when it starts anew does not hang on what
// the system believes to have written. After a full disk everything goes on. Bits that turn in what is stored are
// found by the next opening, unless nothing hangs on them.
#include "base/log.h"
#include "world.h"

#define SEGMENT_BYTES 6000u
#define TRANSACTIONS 14u
#define SEEDS 2u

static void fail_if_wrong(const World *world, uint64_t seed, uint64_t call) {
    if (!world_is_wrong(world)) return;
    fail_msg("seed %llu, call %llu: %s", (unsigned long long)seed, (unsigned long long)call,
             world->failure);
}

static void must_open(World *world) {
    Error error;
    if (world_open(world, &error)) return;
    world_wrong(world, "cannot be opened: %s", error.text);
}

static void transact(World *world, uint32_t count) {
    for (uint32_t i = 0; i < count && log_state(world->log, NULL) == LOG_STATE_OPEN; i++) {
        world_transact(world);
        world_step(world);
    }
}

static uint64_t reached(const World *world) {
    return atomic_load(&log_gate(world->log)->reached);
}

// ---- a disk that fails ----

// After the failure nothing is confirmed, though the log is asked to go on.
static void check_stays_failed(World *world) {
    Error error;
    if (log_state(world->log, &error) != LOG_STATE_FAILED) return;
    if (strstr(error.text, "Input/output error") == NULL ||
        strstr(error.text, "read-only") == NULL) {
        world_wrong(world, "unclear: %s", error.text);
    }
    uint64_t before = reached(world);
    world_transact(world);
    world_drain(world);
    if (reached(world) != before) world_wrong(world, "confirmed after a failure");
}

// With the power on, and then without it: first the system's memory is what the program sees.
static void run_with_error(uint64_t seed, uint64_t call) {
    World world;
    world_init(&world, seed, SEGMENT_BYTES);
    sim_disk_fault_at(world.disk, sim_disk_calls(world.disk) + call, SIM_EIO);
    Error error;
    if (world_open(&world, &error)) {
        transact(&world, TRANSACTIONS);
        check_stays_failed(&world);
    }
    world_close(&world);
    if (!world_is_wrong(&world)) must_open(&world);
    if (!world_is_wrong(&world)) {
        transact(&world, 3);
        world_drain(&world);
    }
    world_close(&world);
    sim_disk_restart(world.disk);
    if (!world_is_wrong(&world)) must_open(&world);
    fail_if_wrong(&world, seed, call);
    world_done(&world);
}

static uint64_t calls_of_run(uint64_t seed) {
    World world;
    world_init(&world, seed, SEGMENT_BYTES);
    uint64_t before = sim_disk_calls(world.disk);
    must_open(&world);
    transact(&world, TRANSACTIONS);
    world_drain(&world);
    uint64_t calls = sim_disk_calls(world.disk) - before;
    world_done(&world);
    return calls;
}

static void an_error_confirms_nothing(void **state) {
    (void)state;
    for (uint64_t seed = test_seed(1); seed < test_seed(1) + SEEDS * test_rounds(1); seed++) {
        uint64_t calls = calls_of_run(seed);
        for (uint64_t call = 1; call <= calls; call++) run_with_error(seed, call);
    }
}

// ---- a disk that is full ----

// The log writes what it kept, as soon as it can.
static void run_with_full_call(uint64_t seed, uint64_t call) {
    World world;
    world_init(&world, seed, SEGMENT_BYTES);
    sim_disk_fault_at(world.disk, sim_disk_calls(world.disk) + call, SIM_ENOSPC);
    Error error;
    if (!world_open(&world, &error)) {
        if (strstr(error.text, "No space left") == NULL &&
            strstr(error.text, "Input/output") == NULL) {
            world_wrong(&world, "unclear: %s", error.text);
        }
        must_open(&world);
    }
    for (uint32_t i = 0; i < TRANSACTIONS && !world_is_wrong(&world); i++) {
        world_transact(&world);
        world_step(&world);
        if (log_state(world.log, NULL) == LOG_STATE_FAILED) break;  // it was a sync
    }
    world_drain(&world);
    world_drain(&world);  // the first may have met the fault
    bool has_failed = log_state(world.log, NULL) == LOG_STATE_FAILED;
    uint64_t appended = world.states.count;
    if (!has_failed && reached(&world) != appended)
        world_wrong(&world, "not everything was written");
    world_close(&world);
    sim_disk_restart(world.disk);
    if (!world_is_wrong(&world)) must_open(&world);
    if (!has_failed && world.states.count != appended) world_wrong(&world, "something was lost");
    fail_if_wrong(&world, seed, call);
    world_done(&world);
}

static void no_room_for_a_moment_costs_nothing(void **state) {
    (void)state;
    for (uint64_t seed = test_seed(1); seed < test_seed(1) + SEEDS * test_rounds(1); seed++) {
        uint64_t calls = calls_of_run(seed);
        for (uint64_t call = 1; call <= calls; call++) run_with_full_call(seed, call);
    }
}

static void a_full_disk_refuses_until_there_is_room(void **state) {
    (void)state;
    World world;
    world_init(&world, test_seed(1), SEGMENT_BYTES);
    must_open(&world);
    world_drain(&world);
    uint64_t room = 12000;
    for (uint32_t round = 0; round < 8 && !world_is_wrong(&world); round++) {
        do {  // one transaction may want more than that
            room += 7000;
            assert_true(room < 4000000);
            sim_disk_set_room(world.disk, room);
            world_drain(&world);
        } while (log_state(world.log, NULL) == LOG_STATE_FULL);
        assert_int_equal(log_state(world.log, NULL), LOG_STATE_OPEN);
        uint64_t confirmed = 0;
        for (uint32_t i = 0; i < 500 && log_state(world.log, NULL) == LOG_STATE_OPEN; i++) {
            confirmed = reached(&world);
            world_transact(&world);
            (void)log_step(world.log);
        }
        Error error;
        assert_int_equal(log_state(world.log, &error), LOG_STATE_FULL);
        assert_non_null(strstr(error.text, "No space left"));
        assert_non_null(strstr(error.text, "refused until there is room"));
        assert_false(log_failure(world.log, &error));
        assert_true(reached(&world) >= confirmed);
        assert_true(reached(&world) < world.states.count);
        world_transact(&world);  // what cannot be refused, such as a client that leaves
        assert_false(log_step(world.log));
        assert_int_equal(log_state(world.log, NULL), LOG_STATE_FULL);
    }
    sim_disk_set_room(world.disk, UINT64_MAX);
    world_drain(&world);
    assert_int_equal(log_state(world.log, NULL), LOG_STATE_OPEN);
    assert_int_equal(reached(&world), world.states.count);
    uint64_t appended = world.states.count;
    world_close(&world);
    sim_disk_restart(world.disk);
    must_open(&world);
    fail_if_wrong(&world, test_seed(1), 0);
    assert_int_equal(world.states.count, appended);
    world_done(&world);
}

// ---- a disk that forgets ----

typedef struct Files {
    Os *os;
    const char *directory;
    char paths[400][256];
    uint32_t count;
} Files;

static void note_file(void *user, const char *name, bool is_directory) {
    Files *files = user;
    if (is_directory) {
        Files inner = *files;
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s", files->directory, name);
        inner.directory = path;
        assert_int_equal(files->os->directory_list(files->os, path, note_file, &inner, NULL),
                         STATUS_OK);
        memcpy(files->paths, inner.paths, sizeof files->paths);
        files->count = inner.count;
    } else if (strstr(name, ".stdb.ofs") == NULL && files->count < 400) {
        (void)snprintf(files->paths[files->count++], sizeof files->paths[0], "%s/%s",
                       files->directory, name);
    }
}

// Turns a bit of what was synced: the opening names the file and the byte, or all is as it was. A snapshot is never
// missed, as long as there is the log.
static void run_with_rot(World *world, const char *path, uint64_t bit) {
    Error error;
    uint32_t known = world->states.count;
    bool is_snapshot = strstr(path, "snapshots") != NULL;
    assert_true(sim_disk_flip_bit(world->disk, path, bit));
    if (world_open(world, &error)) {
        if (world->states.count != known) world_wrong(world, "lost without a word");
        world_close(world);
    } else if (!world_is_wrong(world)) {
        if (is_snapshot) world_wrong(world, "cannot be opened: %s", error.text);
        if (strstr(error.text, path) == NULL)
            world_wrong(world, "no file is named: %s", error.text);
        bool names_place = strstr(error.text, "byte position") || strstr(error.text, "at byte 0") ||
                           strstr(error.text, "version") || strstr(error.text, "algorithm");
        if (!names_place) world_wrong(world, "no place is named: %s", error.text);
    }
    if (world_is_wrong(world)) {
        fail_msg("bit %llu of %s: %s", (unsigned long long)bit, path, world->failure);
    }
    // A snapshot was set aside, if the bit counted.
    if (!is_snapshot) assert_true(sim_disk_flip_bit(world->disk, path, bit));
}

// Gives up what is damaged, as the error advises: what is before it is there again, what is behind it not.
static void repair(World *world, const char *advice) {
    const char *keep = strstr(advice, "--keep ");
    assert_non_null(keep);
    uint64_t transactions = strtoull(keep + strlen("--keep "), NULL, 10);
    assert_true(transactions < world->states.count);
    Error error = {.text = ""};
    Os *os = sim_disk_os(world->disk);
    Status status = log_repair(os, WORLD_DIRECTORY, WORLD_SNAPSHOTS, transactions, &error);
    if (status != STATUS_OK) {
        world_wrong(world, "cannot be repaired: %s", error.text);
        return;
    }
    world->confirmed = transactions;
    must_open(world);
    // An empty log begins anew with its transaction 0.
    if (!world_is_wrong(world) && transactions > 0 && world->states.count != transactions)
        world_wrong(world, "not %llu transactions are left", (unsigned long long)transactions);
}

static void what_is_damaged_can_be_given_up(void **state) {
    (void)state;
    uint32_t repaired = 0;
    for (uint64_t seed = test_seed(1); seed < test_seed(1) + 10 * test_rounds(1); seed++) {
        World world;
        world_init(&world, seed, SEGMENT_BYTES);
        must_open(&world);
        transact(&world, TRANSACTIONS);
        world_close(&world);
        static Files files;
        files = (Files){.os = sim_disk_os(world.disk), .directory = WORLD_DIRECTORY};
        assert_int_equal(
            files.os->directory_list(files.os, WORLD_DIRECTORY, note_file, &files, NULL),
            STATUS_OK);
        const char *path = files.paths[sim_disk_random(world.disk, files.count)];
        uint64_t bytes = sim_disk_file_bytes(world.disk, path);
        // Behind the header: a log of another version is no damage to give up.
        uint64_t bit = 80 + sim_disk_random(world.disk, bytes * 8 - 80);
        assert_true(sim_disk_flip_bit(world.disk, path, bit));
        Error error;
        if (world_open(&world, &error)) {
            world_close(&world);
        } else if (!world_is_wrong(&world) && strstr(error.text, "--keep ")) {
            repair(&world, error.text);
            if (!world_is_wrong(&world)) transact(&world, 4);
            uint32_t count = world.states.count;
            world_close(&world);
            sim_disk_restart(world.disk);
            if (!world_is_wrong(&world)) must_open(&world);
            if (world.states.count != count) world_wrong(&world, "lost after the repair");
            repaired++;
        }
        if (world_is_wrong(&world))
            fail_msg("seed %llu, bit %llu of %s: %s", (unsigned long long)seed,
                     (unsigned long long)bit, path, world.failure);
        world_done(&world);
    }
    assert_true(repaired > 2);
}

static void rotten_bits_are_found(void **state) {
    (void)state;
    uint32_t tried = 0;
    for (uint64_t seed = test_seed(1); seed < test_seed(1) + SEEDS; seed++) {
        World world;
        world_init(&world, seed, SEGMENT_BYTES);
        must_open(&world);
        transact(&world, TRANSACTIONS);
        world_close(&world);
        for (uint32_t i = 0; i < 60 * test_rounds(1); i++) {
            static Files files;
            files = (Files){.os = sim_disk_os(world.disk), .directory = "/data"};
            assert_int_equal(files.os->directory_list(files.os, "/data", note_file, &files, NULL),
                             STATUS_OK);
            assert_true(files.count > 5);
            const char *path = files.paths[sim_disk_random(world.disk, files.count)];
            uint64_t bytes = sim_disk_file_bytes(world.disk, path);
            run_with_rot(&world, path, sim_disk_random(world.disk, bytes * 8));
            tried++;
        }
        must_open(&world);  // with every bit back all is there
        fail_if_wrong(&world, seed, 0);
        world_done(&world);
    }
    print_message("%u bits turned\n", tried);
}

int main(void) {
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_confirms_nothing),
        cmocka_unit_test(no_room_for_a_moment_costs_nothing),
        cmocka_unit_test(a_full_disk_refuses_until_there_is_room),
        cmocka_unit_test(rotten_bits_are_found),
        cmocka_unit_test(what_is_damaged_can_be_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
