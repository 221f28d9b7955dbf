// clock.c - time that a test moves: an Os whose two clocks are one number.
//
// Nothing in the product knows of it. Threads that wait for a time wait by the machine's clock and look again when they
// wake; moving the clock wakes them.

#include "db/executor.h"

struct VirtualClock {
    Os os;  // first: an Os that is ours is a VirtualClock
    int64_t start_micros;
    _Atomic int64_t
        elapsed_nanos;  // movers add, all read: sequentially consistent, it is no hot path
};

// The monotonic clock is never 0: that means "no timer" to who sets one.
#define MONOTONIC_START_NANOS 1000000000

static int64_t clock_time_micros(Os *os) {
    return virtual_clock_now((VirtualClock *)(void *)os);
}

static int64_t clock_monotonic_nanos(Os *os) {
    VirtualClock *clock = (VirtualClock *)(void *)os;
    return MONOTONIC_START_NANOS + atomic_load(&clock->elapsed_nanos);
}

VirtualClock *virtual_clock_create(Os *below, int64_t now_micros) {
    ASSERT(now_micros > 0);
    VirtualClock *clock = mem_alloc_zero(sizeof *clock);
    clock->os = *below;  // its functions find what is theirs in `user`
    clock->os.time_micros = clock_time_micros;
    clock->os.monotonic_nanos = clock_monotonic_nanos;
    clock->start_micros = now_micros;
    return clock;
}

void virtual_clock_free(VirtualClock *clock) {
    mem_free(clock);
}

Os *virtual_clock_os(VirtualClock *clock) {
    return &clock->os;
}

int64_t virtual_clock_now(const VirtualClock *clock) {
    return clock->start_micros + atomic_load(&clock->elapsed_nanos) / 1000;
}

void virtual_clock_advance(VirtualClock *clock, ExecutorPool *pool, int64_t micros) {
    ASSERT(micros >= 0);
    ASSERT(micros <= (INT64_MAX - MONOTONIC_START_NANOS) / 1000);
    int64_t left = micros * 1000;
    for (;;) {
        int64_t due = executor_pool_settle(pool);
        ASSERT(due > 0);
        int64_t step = due < left ? due : left;
        if (step == 0) return;
        (void)atomic_fetch_add(&clock->elapsed_nanos, step);
        left -= step;
        executor_pool_time_moved(pool);
    }
}

void virtual_clock_jump(VirtualClock *clock, ExecutorPool *pool, int64_t micros) {
    ASSERT(micros >= 0);
    (void)atomic_fetch_add(&clock->elapsed_nanos, micros * 1000);
    executor_pool_time_moved(pool);
}
