// ticker_test.c - the clock: it interrupts all threads' guests, it sleeps when nothing runs, and it wakes.
#include "fixture.h"

#include "base/log.h"
#include "base/thread.h"

#include <dirent.h>
#include <unistd.h>

#define THREADS 4u

typedef struct Runner {
    Fixture *fixture;  // engine and program are shared, the rest is this thread's
    Thread thread;
    CallStatus status;
    uint64_t calls;
} Runner;

static void no_log(void *user, const ModuleLogRecord *record) {
    (void)user;
    (void)record;
}

static Instance *instance_of(Runner *runner, HostEnv *env) {
    *env = (HostEnv){.os = os_real(), .store = store_create(), .log = no_log};
    Instance *instance = NULL;
    Error error;
    ASSERT(instance_create(runner->fixture->program, env, &instance, &error) == STATUS_OK);
    return instance;
}

static CallOutcome run_op(Instance *instance, RemoteOp op) {
    RemoteScript script;
    Buffer args;
    script_init(&script);
    buffer_init(&args, SCRIPT_BYTES_MAX);
    SCRIPT_OP(&script, op, 8);
    script_finish(&script, &args);
    FunctionCall call = {.name = B("run"), .args = buffer_bytes(&args)};
    CallOutcome outcome = instance_call_view(instance, VIEW_ANONYMOUS, &call);
    script_done(&script);
    buffer_done(&args);
    return outcome;
}

static void spin(void *user) {
    Runner *runner = user;
    HostEnv env;
    Instance *instance = instance_of(runner, &env);
    instance_set_call_seconds(instance, 1);
    runner->status = run_op(instance, REMOTE_SPIN).status;
    instance_free(instance);
    store_free(env.store);
}

static void call_and_trap(void *user) {
    Runner *runner = user;
    HostEnv env;
    for (uint32_t round = 0; round < 50; round++) {
        Instance *instance = instance_of(runner, &env);
        for (uint32_t i = 0; i < 20; i++) {
            ASSERT(run_op(instance, REMOTE_LOAD).status == CALL_OK);
            runner->calls++;
        }
        ASSERT(run_op(instance, REMOTE_TRAP).status == CALL_TRAPPED);
        instance_free(instance);
        store_free(env.store);
    }
}

static void on_threads(Fixture *fixture, Runner *runners, void (*run)(void *)) {
    guest_signals();
    for (uint32_t i = 0; i < THREADS; i++) {
        runners[i] = (Runner){.fixture = fixture};
        thread_start(&runners[i].thread, "runner", run, &runners[i]);
    }
    for (uint32_t i = 0; i < THREADS; i++) thread_join(&runners[i].thread);
}

static void all_are_interrupted(void **state) {
    Runner runners[THREADS];
    log_set_level(LOG_ERROR);
    on_threads(*state, runners, spin);
    for (uint32_t i = 0; i < THREADS; i++) assert_int_equal(runners[i].status, CALL_OUT_OF_TIME);
}

static void threads_share_a_program(void **state) {
    Runner runners[THREADS];
    on_threads(*state, runners, call_and_trap);
    for (uint32_t i = 0; i < THREADS; i++) assert_int_equal(runners[i].calls, 1000);
}

// How often the clock's thread was switched to and waited again.
static long clock_switches(void) {
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    long switches = -1;
    for (struct dirent *entry; switches < 0 && (entry = readdir(tasks));) {
        char path[300];
        char line[200];
        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        bool is_clock = fgets(line, sizeof line, file) &&
                        strcmp(line, "Name:\tmodule-clock\n") == 0;
        while (is_clock && fgets(line, sizeof line, file)) {
            if (sscanf(line, "voluntary_ctxt_switches: %ld", &switches) == 1) break;
        }
        fclose(file);
    }
    closedir(tasks);
    return switches;
}

static void idle(void **state) {
    Fixture *fixture = *state;
    SCRIPT_OP(&fixture->script, REMOTE_LOAD, 8);
    fixture_result(fixture);
    usleep(1000 * MODULE_TICK_MS * (MODULE_IDLE_TICKS_MAX + 20));
    long asleep = clock_switches();
    assert_true(asleep > 0);
    usleep(300000);
    assert_int_equal(clock_switches(), asleep);  // not once
    // It wakes for a call, also for one that ends at once, and then ticks for a while.
    SCRIPT_OP(&fixture->script, REMOTE_LOAD, 8);
    fixture_result(fixture);
    usleep(1000 * MODULE_TICK_MS * (MODULE_IDLE_TICKS_MAX + 20));
    long again = clock_switches();
    assert_true(again > asleep + 5);
    usleep(300000);
    assert_int_equal(clock_switches(), again);
    instance_set_call_seconds(fixture->instance, 1);
    SCRIPT_OP(&fixture->script, REMOTE_SPIN, 0);
    assert_int_equal(fixture_run(fixture).status, CALL_OUT_OF_TIME);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(idle, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(all_are_interrupted, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(threads_share_a_program, fixture_setup, fixture_teardown),
    };
    fixture_signals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
