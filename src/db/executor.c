// executor.c - the pool: a run queue of actors, a heap of timers, and threads that wait for either.
//
// An actor is in the run queue at most once. The pusher of a message and the thread that finishes a turn
// both try to move it from idle to queued; sequential consistency between inbox and state makes sure that one
// of them sees the other's step.

#include "db/executor.h"

#include "base/vec.h"
#include "db/wait_threads.h"

VEC(ActorVec, actor_vec, Actor *)
VEC(ThreadVec, thread_vec, Thread)

#define POOL_THREADS_DEFAULT 4u
#define POOL_THREADS_MAX 64u

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
    bool stop;
    ThreadVec threads;
    // ---- their own ----
    WaitThreads waiters;
};

static void pool_run(void *user);
static bool pool_next(ExecutorPool *pool, Actor **ret_actor, PoolJob **ret_job, Actor **ret_due);
static void pool_wait(ExecutorPool *pool);
static Actor *pool_take_due(ExecutorPool *pool);
static void pool_run_actor(ExecutorPool *pool, Actor *actor);
static void pool_finish_turn(ExecutorPool *pool, Actor *actor);
static void pool_enqueue(ExecutorPool *pool, Actor *actor);
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
    thread_vec_reserve(&pool->threads, threads);
    for (uint32_t i = 0; i < threads; i++) {
        Thread *thread = thread_vec_add(&pool->threads);
        *thread = (Thread){0};
        thread_start(thread, "executor", pool_run, pool);
    }
    return pool;
}

void executor_pool_free(ExecutorPool *pool) {
    if (pool == NULL) return;
    wait_threads_done(&pool->waiters);
    mutex_lock(&pool->mutex);
    pool->stop = true;
    condition_broadcast(&pool->work);
    mutex_unlock(&pool->mutex);
    for (uint32_t i = 0; i < pool->threads.count; i++) thread_join(&pool->threads.items[i]);
    ASSERT(pool->run_first == NULL);
    ASSERT(pool->waiting_jobs == 0);
    ASSERT(pool->sleepers == NULL);
    thread_vec_done(&pool->threads);
    actor_vec_done(&pool->timers);
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
    bool wake = pool->waiting > 0;
    mutex_unlock(&pool->mutex);
    if (wake) condition_signal(&pool->work);
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
    bool wake = pool->waiting > 0;
    mutex_unlock(&pool->mutex);
    if (wake) condition_signal(&pool->work);
}

static void pool_run(void *user) {
    ExecutorPool *pool = user;
    Actor *actor = NULL;
    PoolJob *job = NULL;
    Actor *due = NULL;
    while (pool_next(pool, &actor, &job, &due)) {
        if (due) {
            due->timer(due);
            due->release(due);
        }
        if (actor) pool_run_actor(pool, actor);
        if (job) job->run(job);
    }
}

// Waits for one thing to do; false: the pool ends.
static bool pool_next(ExecutorPool *pool, Actor **ret_actor, PoolJob **ret_job, Actor **ret_due) {
    *ret_actor = NULL;
    *ret_job = NULL;
    *ret_due = NULL;
    mutex_lock(&pool->mutex);
    while (!*ret_actor && !*ret_job && !*ret_due) {
        *ret_due = pool_take_due(pool);
        if (*ret_due) break;
        if (pool->run_first) {
            *ret_actor = pool->run_first;
            pool->run_first = pool->run_first->next;
            if (!pool->run_first) pool->run_last = NULL;
        } else if (pool->job_first) {
            *ret_job = pool->job_first;
            pool->job_first = (PoolJob *)(void *)pool->job_first->node.next;
            if (!pool->job_first) pool->job_last = NULL;
        } else if (pool->stop) {
            break;
        } else {
            pool_wait(pool);
        }
    }
    mutex_unlock(&pool->mutex);
    return *ret_actor || *ret_job || *ret_due;
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
    if (pool->run_first || pool->job_first || pool->waiting < pool->threads.count) return false;
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
