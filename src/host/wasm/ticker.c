// ticker.c - one thread per engine. Asleep it waits without a time limit: an idle server has no wake-ups.
#include "host/wasm/ticker.h"

#include "base/assert.h"
#include "base/limits.h"

#include <wasmtime.h>

static void ticker_run(void *user);
static void ticker_sleep(Ticker *ticker, uint64_t seen);

void ticker_start(Ticker *ticker, wasm_engine_t *engine) {
    ticker->engine = engine;
    mutex_init(&ticker->mutex);
    condition_init(&ticker->wake);
    thread_start(&ticker->thread, "module-clock", ticker_run, ticker);
}

void ticker_stop(Ticker *ticker) {
    mutex_lock(&ticker->mutex);
    ticker->stopping = true;
    condition_signal(&ticker->wake);
    mutex_unlock(&ticker->mutex);
    thread_join(&ticker->thread);
    condition_done(&ticker->wake);
    mutex_done(&ticker->mutex);
}

void ticker_wake(Ticker *ticker) {
    mutex_lock(&ticker->mutex);
    condition_signal(&ticker->wake);
    mutex_unlock(&ticker->mutex);
}

static void ticker_run(void *user) {
    Ticker *ticker = user;
    uint64_t seen = 0;
    uint32_t idle_ticks = 0;
    mutex_lock(&ticker->mutex);
    while (!ticker->stopping) {
        uint64_t calls = atomic_load(&ticker->calls);
        bool is_idle = (uint32_t)calls == 0 && calls == seen;
        idle_ticks = is_idle ? idle_ticks + 1 : 0;
        seen = calls;
        if (idle_ticks > MODULE_IDLE_TICKS_MAX) {
            ticker_sleep(ticker, seen);
            idle_ticks = 0;
            continue;
        }
        condition_wait_ms(&ticker->wake, &ticker->mutex, MODULE_TICK_MS);
        wasmtime_engine_increment_epoch(ticker->engine);
    }
    mutex_unlock(&ticker->mutex);
}

// The mutex is held. Until any call begins: one that begins after the look at `calls` finds is_asleep and waits
// for the mutex to signal.
static void ticker_sleep(Ticker *ticker, uint64_t seen) {
    atomic_store(&ticker->is_asleep, true);
    while (!ticker->stopping && atomic_load(&ticker->calls) == seen)
        condition_wait(&ticker->wake, &ticker->mutex);
    atomic_store(&ticker->is_asleep, false);
}
