// executor_test.c - goal: messages of an actor run one at a time, in order, all of them; timers fire once, when they
// are due; references return to zero. Method: actors of the test's own on a real pool, producers on real threads.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/executor.h"

#define PRODUCERS 4u
#define MESSAGES 20000u

typedef struct Probe {
    Actor actor;
    _Atomic uint32_t refs;
    _Atomic int inside;
    _Atomic uint64_t handled;
    uint64_t next_of[PRODUCERS];
    _Atomic uint32_t timers;
} Probe;

typedef struct ProbeMessage {
    QueueNode node;
    uint32_t producer;
    uint64_t number;
} ProbeMessage;

static ActorTurn probe_turn(Actor *actor) {
    Probe *probe = (Probe *)(void *)actor;
    assert_int_equal(atomic_fetch_add(&probe->inside, 1), 0);
    for (QueueNode *at = queue_take_all(&actor->inbox); at;) {
        ProbeMessage *message = (ProbeMessage *)(void *)at;
        at = at->next;
        assert_int_equal(message->number, probe->next_of[message->producer]);
        probe->next_of[message->producer]++;
        mem_free(message);
        atomic_fetch_add(&probe->handled, 1);
    }
    atomic_fetch_sub(&probe->inside, 1);
    return !queue_is_empty(&actor->inbox);
}

static void probe_timer(Actor *actor) {
    atomic_fetch_add(&((Probe *)(void *)actor)->timers, 1);
}

static void probe_retain(Actor *actor) {
    atomic_fetch_add(&((Probe *)(void *)actor)->refs, 1);
}

static void probe_release(Actor *actor) {
    uint32_t before = atomic_fetch_sub(&((Probe *)(void *)actor)->refs, 1);
    assert_true(before > 0);
}

static void probe_init(Probe *probe, ExecutorPool *pool) {
    *probe = (Probe){0};
    actor_init(&probe->actor, pool);
    probe->actor.turn = probe_turn;
    probe->actor.timer = probe_timer;
    probe->actor.retain = probe_retain;
    probe->actor.release = probe_release;
    actor_start(&probe->actor);
}

typedef struct Producer {
    Probe *probe;
    uint32_t id;
} Producer;

static void produce(void *user) {
    Producer *producer = user;
    for (uint64_t i = 0; i < MESSAGES; i++) {
        ProbeMessage *message = mem_alloc_zero(sizeof *message);
        message->producer = producer->id;
        message->number = i;
        actor_post(&producer->probe->actor, &message->node);
    }
}

static void pause_ms(uint64_t ms) {
    Mutex mutex;
    Condition never;
    mutex_init(&mutex);
    condition_init(&never);
    mutex_lock(&mutex);
    (void)condition_wait_ms(&never, &mutex, ms);
    mutex_unlock(&mutex);
    condition_done(&never);
    mutex_done(&mutex);
}

static void messages_run_one_at_a_time_and_in_order(void **state) {
    (void)state;
    ExecutorPool *pool = executor_pool_create(os_real(), 3);
    Probe probe;
    probe_init(&probe, pool);
    Thread threads[PRODUCERS] = {0};
    Producer producers[PRODUCERS];
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (Producer){&probe, i};
        thread_start(&threads[i], "producer", produce, &producers[i]);
    }
    for (uint32_t i = 0; i < PRODUCERS; i++) thread_join(&threads[i]);
    for (int i = 0; i < 5000 && probe.handled < PRODUCERS * MESSAGES; i++) pause_ms(2);
    assert_int_equal(probe.handled, PRODUCERS * MESSAGES);
    executor_pool_free(pool);
    assert_int_equal(probe.refs, 0);
}

static void timers_fire_once_when_due(void **state) {
    (void)state;
    enum { COUNT = 50 };
    Os *os = os_real();
    ExecutorPool *pool = executor_pool_create(os, 2);
    Probe probes[COUNT];
    int64_t now = os->monotonic_nanos(os);
    for (int i = 0; i < COUNT; i++) {
        probe_init(&probes[i], pool);
        // Every fifth is taken back, the others come due in no order of their making.
        actor_set_timer(&probes[i].actor, now + (int64_t)((i * 37) % COUNT) * 1000000 + 20000000);
        if (i % 5 == 0) actor_set_timer(&probes[i].actor, 0);
    }
    pause_ms(5);
    for (int i = 0; i < COUNT; i++) assert_int_equal(probes[i].timers, 0);
    pause_ms(400);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(probes[i].timers, i % 5 == 0 ? 0 : 1);
        assert_int_equal(probes[i].refs, 0);
    }
    executor_pool_free(pool);
}

typedef struct CountJob {
    PoolJob job;
    _Atomic uint32_t *count;
} CountJob;

static void run_count_job(PoolJob *job) {
    CountJob *count = (CountJob *)(void *)job;
    atomic_fetch_add(count->count, 1);
    mem_free(count);
}

static void jobs_run_once_and_before_the_pool_ends(void **state) {
    (void)state;
    ExecutorPool *pool = executor_pool_create(os_real(), 2);
    _Atomic uint32_t count = 0;
    for (int i = 0; i < 1000; i++) {
        CountJob *job = mem_alloc_zero(sizeof *job);
        job->job.run = run_count_job;
        job->count = &count;
        executor_pool_run(pool, &job->job);
    }
    executor_pool_free(pool);
    assert_int_equal(count, 1000);
}

// ---- hogs ----

#define HOGS 10u
#define LIGHT_JOBS 50u

typedef struct Hog {
    PoolJob job;
    _Atomic bool *ends;
    _Atomic uint32_t *running;
} Hog;

static void run_hog(PoolJob *job) {
    Hog *hog = (Hog *)(void *)job;
    atomic_fetch_add(hog->running, 1);
    while (!*hog->ends) pause_ms(1);
    atomic_fetch_sub(hog->running, 1);
}

static void wait_for(const _Atomic uint32_t *number, uint32_t value) {
    for (int i = 0; i < 10000 && *number != value; i++) pause_ms(1);
    assert_int_equal(*number, value);
}

// However many threads are kept, others get their turn; those that were started for it end.
static void nobody_waits_for_hogs(void **state) {
    (void)state;
    ExecutorPool *pool = executor_pool_create(os_real(), 2);
    for (int round = 0; round < 2; round++) {
        _Atomic bool ends = false;
        _Atomic uint32_t running = 0;
        _Atomic uint32_t count = 0;
        Hog hogs[HOGS];
        for (uint32_t i = 0; i < HOGS; i++) {
            hogs[i] = (Hog){.job.run = run_hog, .ends = &ends, .running = &running};
            executor_pool_run(pool, &hogs[i].job);
        }
        wait_for(&running, HOGS);
        for (uint32_t i = 0; i < LIGHT_JOBS; i++) {
            CountJob *job = mem_alloc_zero(sizeof *job);
            *job = (CountJob){.job.run = run_count_job, .count = &count};
            executor_pool_run(pool, &job->job);
        }
        wait_for(&count, LIGHT_JOBS);
        assert_int_equal(running, HOGS);
        ends = true;
        wait_for(&running, 0);
        assert_int_equal(executor_pool_settle(pool), INT64_MAX);
    }
    executor_pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_run_one_at_a_time_and_in_order),
        cmocka_unit_test(timers_fire_once_when_due),
        cmocka_unit_test(jobs_run_once_and_before_the_pool_ends),
        cmocka_unit_test(nobody_waits_for_hogs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
