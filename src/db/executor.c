// executor.c - the pool: a run queue of actors, a heap of timers, and threads that wait for either.
//
// When all threads have been inside the same turns for a while and others wait, somebody hogs them: a module in a loop.
// The watcher starts another thread then, which ends when it is not needed any more: so a database's endless loop
// takes processor time, but nobody's turn.
//
// An actor is in the run queue at most once. The pusher of a message and the thread that finishes a turn
// both try to move it from idle to queued; sequential consistency between inbox and state makes sure that one
// of them sees the other's step.

#include "db/executor.h"

#include "base/vec.h"
#include "db/wait_threads.h"

VEC(ActorVec, actor_vec, Actor *)
#define POOL_THREADS_DEFAULT 4u
#define POOL_THREADS_MAX 64u
// Nobody took anything from the queue for so long: another thread is started.
#define POOL_HOGGED_MS 20u

typedef enum SlotState { SLOT_FREE, SLOT_RUNS, SLOT_ENDED } SlotState;

typedef struct PoolThread {
    ExecutorPool *pool;  // constant
    Thread thread;       // of whoever starts and joins: the creator, the watcher
    SlotState state;     // under the pool's mutex
} PoolThread;

struct ExecutorPool {
    Os *os;
    Mutex mutex;
    Condition work;
    // ---- under mutex ----
    Actor *run_first;
    Actor *run_last;
    PoolJob *job_first;
    PoolJob *job_last;
    ActorVec timers;        // a binary heap by timer_due
    uint32_t waiting;       // threads inside the condition
    bool has_timekeeper;    // one of them waits with the earliest timer as its limit
    uint32_t waiting_jobs;  // given to the waiters, not yet over
    PoolSleeper *sleepers;  // a list: the waiters among them that sleep
    uint32_t settlers;      // inside executor_pool_settle
    Condition settled;
    uint64_t taken;           // actors and jobs that threads began with
    uint32_t threads_wanted;  // constant
    uint32_t thread_count;    // that run
    bool is_watched;          // the watcher is to look whether they get on
    Condition watch;
    bool stop;
    PoolThread threads[POOL_THREADS_MAX];
    // ---- their own ----
    Thread watcher;
    WaitThreads waiters;
};

typedef struct PoolWork {
    Actor *actor;
    PoolJob *job;
    Actor *due;
} PoolWork;  // one of them, or none

static void pool_watch(void *user);
static PoolThread *pool_free_slot(ExecutorPool *pool);
static void pool_run(void *user);
static bool pool_next(PoolThread *self, PoolWork *ret_work);
static PoolWork pool_take(ExecutorPool *pool);
static bool pool_is_spare(const ExecutorPool *pool);
static void pool_wait(ExecutorPool *pool);
static Actor *pool_take_due(ExecutorPool *pool);
static void pool_run_actor(ExecutorPool *pool, Actor *actor);
static void pool_finish_turn(ExecutorPool *pool, Actor *actor);
static void pool_enqueue(ExecutorPool *pool, Actor *actor);
static void pool_wake_and_unlock(ExecutorPool *pool);
static void pool_watch_over(ExecutorPool *pool);
static void heap_place(ExecutorPool *pool, uint32_t slot, Actor *actor);
static void heap_up(ExecutorPool *pool, uint32_t slot);
static void heap_down(ExecutorPool *pool, uint32_t slot);
static void heap_remove(ExecutorPool *pool, Actor *actor);
static void waiting_job_over(void *user);
static void tell_settlers(ExecutorPool *pool);
static bool is_quiet(const ExecutorPool *pool);
static int64_t next_due(const ExecutorPool *pool);
static void list_remove(ExecutorPool *pool, PoolSleeper *sleeper);

ExecutorPool *executor_pool_create(Os *os, uint32_t threads) {
    if (threads == 0) threads = POOL_THREADS_DEFAULT;
    if (threads > POOL_THREADS_MAX) threads = POOL_THREADS_MAX;
    ExecutorPool *pool = mem_alloc_zero(sizeof *pool);
    pool->os = os;
    mutex_init(&pool->mutex);
    condition_init(&pool->work);
    condition_init(&pool->settled);
    wait_threads_init(&pool->waiters, waiting_job_over, pool);
    condition_init(&pool->watch);
    pool->threads_wanted = threads;
    pool->thread_count = threads;
    for (uint32_t i = 0; i < POOL_THREADS_MAX; i++) pool->threads[i].pool = pool;
    for (uint32_t i = 0; i < threads; i++) {
        pool->threads[i].state = SLOT_RUNS;
        thread_start(&pool->threads[i].thread, "executor", pool_run, &pool->threads[i]);
    }
    thread_start(&pool->watcher, "watcher", pool_watch, pool);
    return pool;
}

void executor_pool_free(ExecutorPool *pool) {
    if (pool == NULL) return;
    wait_threads_done(&pool->waiters);
    mutex_lock(&pool->mutex);
    pool->stop = true;
    condition_broadcast(&pool->work);
    condition_signal(&pool->watch);
    mutex_unlock(&pool->mutex);
    thread_join(&pool->watcher);  // from here on nobody starts any
    for (uint32_t i = 0; i < POOL_THREADS_MAX; i++) {
        if (pool->threads[i].state != SLOT_FREE) thread_join(&pool->threads[i].thread);
    }
    ASSERT(pool->run_first == NULL);
    ASSERT(pool->waiting_jobs == 0);
    ASSERT(pool->sleepers == NULL);
    actor_vec_done(&pool->timers);
    condition_done(&pool->watch);
    condition_done(&pool->settled);
    condition_done(&pool->work);
    mutex_done(&pool->mutex);
    mem_free(pool);
}

void executor_pool_run(ExecutorPool *pool, PoolJob *job) {
    job->node.next = NULL;
    mutex_lock(&pool->mutex);
    if (pool->job_last) {
        pool->job_last->node.next = &job->node;
    } else {
        pool->job_first = job;
    }
    pool->job_last = job;
    pool_wake_and_unlock(pool);
}

void executor_pool_run_waiting(ExecutorPool *pool, PoolJob *job) {
    mutex_lock(&pool->mutex);
    pool->waiting_jobs++;
    mutex_unlock(&pool->mutex);
    wait_threads_run(&pool->waiters, job);
}

void actor_init(Actor *actor, ExecutorPool *pool) {
    *actor = (Actor){.pool = pool, .state = ACTOR_RUNNING};
    queue_init(&actor->inbox);
}

void actor_start(Actor *actor) {
    actor->retain(actor);
    pool_finish_turn(actor->pool, actor);
}

void actor_post(Actor *actor, QueueNode *node) {
    if (!queue_push(&actor->inbox, node)) return;  // whoever found it empty wakes the actor
    atomic_thread_fence(memory_order_seq_cst);
    int expected = ACTOR_IDLE;
    if (atomic_compare_exchange_strong(&actor->state, &expected, ACTOR_QUEUED)) {
        actor->retain(actor);
        pool_enqueue(actor->pool, actor);
    }
}

void actor_set_timer(Actor *actor, int64_t due_nanos) {
    ExecutorPool *pool = actor->pool;
    mutex_lock(&pool->mutex);
    bool had_timer = actor->timer_slot != 0;
    heap_remove(pool, actor);
    bool wake = false;
    if (due_nanos > 0) {
        if (!had_timer) actor->retain(actor);
        actor->timer_due = due_nanos;
        actor_vec_push(&pool->timers, actor);
        actor->timer_slot = pool->timers.count;
        heap_up(pool, pool->timers.count - 1);
        wake = pool->timers.items[0] == actor && pool->waiting > 0;
    }
    if (wake) condition_broadcast(&pool->work);  // the timekeeper must look at the new limit
    mutex_unlock(&pool->mutex);
    if (had_timer && due_nanos <= 0) actor->release(actor);
}

static void pool_enqueue(ExecutorPool *pool, Actor *actor) {
    mutex_lock(&pool->mutex);
    actor->next = NULL;
    if (pool->run_last) {
        pool->run_last->next = actor;
    } else {
        pool->run_first = actor;
    }
    pool->run_last = actor;
    pool_wake_and_unlock(pool);
}

// Something was queued: a thread takes it, or the watcher sees to it that one does.
static void pool_wake_and_unlock(ExecutorPool *pool) {
    bool wake = pool->waiting > 0;
    if (!wake) pool_watch_over(pool);
    mutex_unlock(&pool->mutex);
    if (wake) condition_signal(&pool->work);
}

static void pool_watch_over(ExecutorPool *pool) {
    if (pool->is_watched) return;
    pool->is_watched = true;
    condition_signal(&pool->watch);
}

// ---- the watcher ----

static void pool_watch(void *user) {
    ExecutorPool *pool = user;
    mutex_lock(&pool->mutex);
    while (!pool->stop) {
        if (!pool->is_watched) {
            condition_wait(&pool->watch, &pool->mutex);
            continue;
        }
        uint64_t taken = pool->taken;
        (void)condition_wait_ms(&pool->watch, &pool->mutex, POOL_HOGGED_MS);
        bool is_queued = pool->run_first || pool->job_first;
        if (!is_queued || pool->waiting > 0) {
            pool->is_watched = false;
            continue;
        }
        PoolThread *slot = pool->taken == taken ? pool_free_slot(pool) : NULL;
        if (slot == NULL || pool->stop) continue;
        Thread ended = slot->state == SLOT_ENDED ? slot->thread : (Thread){0};
        slot->state = SLOT_RUNS;
        pool->thread_count++;
        mutex_unlock(&pool->mutex);
        thread_join(&ended);
        thread_start(&slot->thread, "executor", pool_run, slot);
        mutex_lock(&pool->mutex);
    }
    mutex_unlock(&pool->mutex);
}

static PoolThread *pool_free_slot(ExecutorPool *pool) {
    for (uint32_t i = 0; i < POOL_THREADS_MAX; i++) {
        if (pool->threads[i].state != SLOT_RUNS) return &pool->threads[i];
    }
    return NULL;
}

// ---- the threads ----

static void pool_run(void *user) {
    PoolThread *self = user;
    PoolWork work;
    while (pool_next(self, &work)) {
        if (work.due) {
            work.due->timer(work.due);
            work.due->release(work.due);
        }
        if (work.actor) pool_run_actor(self->pool, work.actor);
        if (work.job) work.job->run(work.job);
    }
}

// Waits for one thing to do; false: the thread ends.
static bool pool_next(PoolThread *self, PoolWork *ret_work) {
    ExecutorPool *pool = self->pool;
    PoolWork work;
    mutex_lock(&pool->mutex);
    for (;;) {
        work = pool_take(pool);
        if (work.due || work.actor || work.job) {
            if ((pool->run_first || pool->job_first) && pool->waiting == 0) pool_watch_over(pool);
            break;
        }
        if (pool->stop || pool_is_spare(pool)) {
            ASSERT(pool->thread_count > 0);
            if (!pool->stop) self->state = SLOT_ENDED;
            pool->thread_count--;
            tell_settlers(pool);
            break;
        }
        pool_wait(pool);
    }
    mutex_unlock(&pool->mutex);
    *ret_work = work;
    return work.due || work.actor || work.job;
}

static PoolWork pool_take(ExecutorPool *pool) {
    PoolWork work = {.due = pool_take_due(pool)};
    if (work.due) return work;
    if (pool->run_first) {
        work.actor = pool->run_first;
        pool->run_first = pool->run_first->next;
        if (!pool->run_first) pool->run_last = NULL;
        pool->taken++;
    } else if (pool->job_first) {
        work.job = pool->job_first;
        pool->job_first = (PoolJob *)(void *)pool->job_first->node.next;
        if (!pool->job_first) pool->job_last = NULL;
        pool->taken++;
    }
    return work;
}

// One that helped out and finds another one waiting. Who waits is not woken for that: it may be the last.
static bool pool_is_spare(const ExecutorPool *pool) {
    return pool->thread_count > pool->threads_wanted && pool->waiting > 0;
}

static void pool_wait(ExecutorPool *pool) {
    pool->waiting++;
    tell_settlers(pool);
    if (pool->timers.count > 0 && !pool->has_timekeeper) {
        pool->has_timekeeper = true;
        int64_t left = pool->timers.items[0]->timer_due - pool->os->monotonic_nanos(pool->os);
        if (left > 0)
            (void)condition_wait_ms(&pool->work, &pool->mutex, (uint64_t)left / 1000000u + 1);
        pool->has_timekeeper = false;
    } else {
        condition_wait(&pool->work, &pool->mutex);
    }
    pool->waiting--;
}

static Actor *pool_take_due(ExecutorPool *pool) {
    if (pool->timers.count == 0) return NULL;
    Actor *first = pool->timers.items[0];
    if (first->timer_due > pool->os->monotonic_nanos(pool->os)) return NULL;
    heap_remove(pool, first);
    return first;
}

static void pool_run_actor(ExecutorPool *pool, Actor *actor) {
    atomic_store(&actor->state, ACTOR_RUNNING);
    switch (actor->turn(actor)) {
    case TURN_DONE: pool_finish_turn(pool, actor); return;
    case TURN_MORE:
        atomic_store(&actor->state, ACTOR_QUEUED);
        pool_enqueue(pool, actor);
        return;
    case TURN_LENT: return;  // the actor may be gone already; its reference went with the turn
    }
    UNREACHABLE();
}

void actor_return(Actor *actor) {
    ASSERT(atomic_load(&actor->state) == ACTOR_RUNNING);
    atomic_store(&actor->state, ACTOR_QUEUED);
    pool_enqueue(actor->pool, actor);
}

// To idle, or to the run queue if something came meanwhile; gives up the turn's reference or passes it on.
static void pool_finish_turn(ExecutorPool *pool, Actor *actor) {
    atomic_store(&actor->state, ACTOR_IDLE);
    atomic_thread_fence(memory_order_seq_cst);
    int expected = ACTOR_IDLE;
    if (!queue_is_empty(&actor->inbox) &&
        atomic_compare_exchange_strong(&actor->state, &expected, ACTOR_QUEUED)) {
        pool_enqueue(pool, actor);  // keeps its reference
    } else {
        actor->release(actor);
    }
}

// ---- the heap: timers.items[0] is due first; an actor knows its slot + 1 ----

static void heap_place(ExecutorPool *pool, uint32_t slot, Actor *actor) {
    pool->timers.items[slot] = actor;
    actor->timer_slot = slot + 1;
}

static void heap_up(ExecutorPool *pool, uint32_t slot) {
    Actor *actor = pool->timers.items[slot];
    while (slot > 0) {
        uint32_t parent = (slot - 1) / 2;
        if (pool->timers.items[parent]->timer_due <= actor->timer_due) break;
        heap_place(pool, slot, pool->timers.items[parent]);
        slot = parent;
    }
    heap_place(pool, slot, actor);
}

static void heap_down(ExecutorPool *pool, uint32_t slot) {
    Actor *actor = pool->timers.items[slot];
    for (;;) {
        uint32_t child = 2 * slot + 1;
        if (child >= pool->timers.count) break;
        if (child + 1 < pool->timers.count &&
            pool->timers.items[child + 1]->timer_due < pool->timers.items[child]->timer_due) {
            child++;
        }
        if (pool->timers.items[child]->timer_due >= actor->timer_due) break;
        heap_place(pool, slot, pool->timers.items[child]);
        slot = child;
    }
    heap_place(pool, slot, actor);
}

static void heap_remove(ExecutorPool *pool, Actor *actor) {
    if (actor->timer_slot == 0) return;
    uint32_t slot = actor->timer_slot - 1;
    actor->timer_slot = 0;
    actor->timer_due = 0;
    Actor *last = pool->timers.items[--pool->timers.count];
    if (last == actor) return;
    heap_place(pool, slot, last);
    heap_up(pool, slot);
    heap_down(pool, last->timer_slot - 1);
}

// ---- time ----

void pool_sleeper_init(PoolSleeper *sleeper) {
    *sleeper = (PoolSleeper){0};
    condition_init(&sleeper->changed);
}

void pool_sleeper_done(PoolSleeper *sleeper) {
    ASSERT(!sleeper->is_asleep);
    condition_done(&sleeper->changed);
}

bool executor_pool_sleep(ExecutorPool *pool, PoolSleeper *sleeper, int64_t until_micros) {
    mutex_lock(&pool->mutex);
    ASSERT(!sleeper->is_asleep);
    sleeper->is_asleep = true;
    sleeper->until_micros = until_micros;
    sleeper->previous = NULL;
    sleeper->next = pool->sleepers;
    if (pool->sleepers) pool->sleepers->previous = sleeper;
    pool->sleepers = sleeper;
    tell_settlers(pool);
    int64_t left = 0;
    while (!sleeper->is_ended && (left = until_micros - pool->os->time_micros(pool->os)) > 0) {
        (void)condition_wait_ms(&sleeper->changed, &pool->mutex, (uint64_t)left / 1000u + 1);
    }
    list_remove(pool, sleeper);
    sleeper->is_asleep = false;
    bool is_ended = sleeper->is_ended;
    mutex_unlock(&pool->mutex);
    return !is_ended;
}

void executor_pool_end_sleep(ExecutorPool *pool, PoolSleeper *sleeper) {
    mutex_lock(&pool->mutex);
    sleeper->is_ended = true;
    condition_signal(&sleeper->changed);
    mutex_unlock(&pool->mutex);
}

static void list_remove(ExecutorPool *pool, PoolSleeper *sleeper) {
    if (sleeper->previous) {
        sleeper->previous->next = sleeper->next;
    } else {
        ASSERT(pool->sleepers == sleeper);
        pool->sleepers = sleeper->next;
    }
    if (sleeper->next) sleeper->next->previous = sleeper->previous;
}

int64_t executor_pool_settle(ExecutorPool *pool) {
    mutex_lock(&pool->mutex);
    pool->settlers++;
    while (!is_quiet(pool)) condition_wait(&pool->settled, &pool->mutex);
    pool->settlers--;
    int64_t due = next_due(pool);
    mutex_unlock(&pool->mutex);
    return due;
}

void executor_pool_time_moved(ExecutorPool *pool) {
    mutex_lock(&pool->mutex);
    condition_broadcast(&pool->work);
    for (PoolSleeper *at = pool->sleepers; at; at = at->next) condition_signal(&at->changed);
    mutex_unlock(&pool->mutex);
}

static void waiting_job_over(void *user) {
    ExecutorPool *pool = user;
    mutex_lock(&pool->mutex);
    ASSERT(pool->waiting_jobs > 0);
    pool->waiting_jobs--;
    tell_settlers(pool);
    mutex_unlock(&pool->mutex);
}

static void tell_settlers(ExecutorPool *pool) {
    if (pool->settlers > 0) condition_broadcast(&pool->settled);
}

// Whoever is not waiting for something to do is doing something; whoever sleeps and is due will be soon.
static bool is_quiet(const ExecutorPool *pool) {
    if (pool->run_first || pool->job_first || pool->waiting < pool->thread_count) return false;
    uint32_t asleep = 0;
    for (const PoolSleeper *at = pool->sleepers; at; at = at->next) asleep += !at->is_ended;
    return asleep == pool->waiting_jobs && next_due(pool) > 0;
}

// Nanoseconds until the first timer or sleeper is due; INT64_MAX: there is none.
static int64_t next_due(const ExecutorPool *pool) {
    int64_t left = INT64_MAX;
    if (pool->timers.count > 0)
        left = pool->timers.items[0]->timer_due - pool->os->monotonic_nanos(pool->os);
    for (const PoolSleeper *at = pool->sleepers; at; at = at->next) {
        int64_t micros = at->until_micros - pool->os->time_micros(pool->os);
        if (micros < left / 1000) left = micros * 1000;
    }
    return left > 0 ? left : 0;
}
