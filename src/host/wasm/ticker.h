// ticker.h - the clock that interrupts running modules. Private to host/wasm/.
//
// Every MODULE_TICK_MS it advances the engine's epoch, at which running guests call back. It ticks only while
// calls run: after MODULE_IDLE_TICKS_MAX ticks without any it stops, and the next call wakes it.
//
// Threads    ticker_call_begin and ticker_call_end on any thread; the rest by the engine's owner.
// Limits     MODULE_TICK_MS, MODULE_IDLE_TICKS_MAX.
#pragma once

#include "base/thread.h"

#include <stdatomic.h>
#include <wasm.h>

typedef struct Ticker {
    // Calls that run (low half) and calls that ever began (high half). Writers: any; reader: the ticker.
    // Sequentially consistent together with is_asleep: either the beginning call sees the sleep, or the
    // ticker sees the call.
    _Atomic uint64_t calls;
    // Writer: the ticker.
    _Atomic bool is_asleep;
    wasm_engine_t *engine;
    Thread thread;
    Mutex mutex;  // guards `stopping`; nothing is done under it but waiting
    Condition wake;
    bool stopping;
} Ticker;

void ticker_start(Ticker *ticker, wasm_engine_t *engine);
void ticker_stop(Ticker *ticker);
void ticker_wake(Ticker *ticker);

static inline void ticker_call_begin(Ticker *ticker) {
    atomic_fetch_add(&ticker->calls, (1ull << 32) + 1);
    if (__builtin_expect(atomic_load(&ticker->is_asleep), 0)) ticker_wake(ticker);
}
static inline void ticker_call_end(Ticker *ticker) {
    atomic_fetch_sub_explicit(&ticker->calls, 1, memory_order_release);
}
