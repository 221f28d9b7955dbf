// executor.h - actors on a pool of threads: each runs its messages one at a time; idle ones cost nothing.
//
// Threads    actor_post and actor_set_timer from any thread; an actor's `turn` runs on one pool thread at a time.
// Lifetime   an actor that is queued, running or has a timer holds a reference to itself (retain, release).
#pragma once

#include "base/thread.h"
#include "db/db.h"

typedef enum ActorState {
    ACTOR_IDLE,     // nothing to do: not in the run queue
    ACTOR_QUEUED,   // in the run queue, or about to be
    ACTOR_RUNNING,  // a pool thread is inside `turn`
} ActorState;

typedef enum ActorTurn {
    TURN_DONE,  // nothing is left to do
    TURN_MORE,
    TURN_LENT,  // the turn goes on elsewhere: whoever has it gives it back with actor_return
} ActorTurn;

typedef struct Actor {
    // ---- shared ----
    Queue inbox;
    _Atomic int state;  // seq_cst together with the inbox: see actor_post and pool_run_actor
    // ---- under the pool's mutex ----
    struct Actor *next;   // run queue
    int64_t timer_due;    // monotonic nanoseconds; 0: none
    uint32_t timer_slot;  // in the pool's heap, + 1; 0: not in it
    // ---- constant ----
    ExecutorPool *pool;
    // Handles what is in the inbox, at most a batch.
    ActorTurn (*turn)(struct Actor *actor);
    // The timer came due; posts a message. Called under no lock, on a pool thread, not inside a turn.
    void (*timer)(struct Actor *actor);
    void (*retain)(struct Actor *actor);
    void (*release)(struct Actor *actor);  // may free it
} Actor;

// The caller sets turn, timer, retain and release afterwards. Messages wait until actor_start: what its maker
// does before is a turn of its own.
void actor_init(Actor *actor, ExecutorPool *pool);
void actor_start(Actor *actor);
// The caller keeps a reference of its own meanwhile: the message may be the last that holds one.
void actor_post(Actor *actor, QueueNode *node);
// Ends a turn that was lent, on any thread: messages go on. The caller's right to the actor's data ends before.
void actor_return(Actor *actor);
// Replaces the actor's timer; 0 removes it.
void actor_set_timer(Actor *actor, int64_t due_nanos);

// ---- time ----

// Somebody on such a thread who waits for a time.
typedef struct PoolSleeper {
    // ---- under the pool's mutex ----
    Condition changed;
    bool is_asleep;
    bool is_ended;  // it sleeps no more, now and later
    int64_t until_micros;
    struct PoolSleeper *previous;
    struct PoolSleeper *next;
} PoolSleeper;

void pool_sleeper_init(PoolSleeper *sleeper);
void pool_sleeper_done(PoolSleeper *sleeper);  // awake
// Waits until the wall clock of the pool's Os shows this time. False: executor_pool_end_sleep ended it, or had before.
bool executor_pool_sleep(ExecutorPool *pool, PoolSleeper *sleeper, int64_t until_micros);
void executor_pool_end_sleep(ExecutorPool *pool, PoolSleeper *sleeper);  // any thread

// Waits until nobody of the pool has anything to do: no message, no job, no timer that is due, and all who may wait
// sleep. Returns the nanoseconds until the first of them wants to go on; INT64_MAX: none does. Not on a thread of the
// pool's. What others post meanwhile is waited for too.
int64_t executor_pool_settle(ExecutorPool *pool);
// The clock of the pool's Os was set forward: timers and sleepers look at it again.
void executor_pool_time_moved(ExecutorPool *pool);
