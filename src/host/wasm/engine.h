// engine.h - what all programs share: the compiler, the linked host calls, the clock, the code cache. Private to
// host/wasm/.
//
// Threads    immutable once made, except the ticker, which says so itself, and is_interrupted.
// Lifetime   outlives its programs.
#pragma once

#include "host/host.h"
#include "host/wasm/ticker.h"

#include <wasm.h>
#include <wasmtime.h>

struct HostEngine {
    Os *os;
    char *cache_dir;  // NULL: no cache
    wasm_engine_t *wasm;
    wasmtime_linker_t *linker;  // with every host call
    wasmtime_module_t *tracer;  // exports "trace", which traps: see trap.h
    Ticker ticker;
    _Atomic bool is_interrupted;  // set by any thread; relaxed, as an instance's own
};

// What compiled code depends on beside the program: Wasmtime's version and our settings. Part of a cache file's name.
extern const char ENGINE_SETTINGS[];

// ---- code cache (cache.c) ----

// Maps the compiled code of a program; NULL if there is none that is whole and fits this engine.
wasmtime_module_t *cache_load(const HostEngine *engine, const Hash *program);
// Keeps compiled code; failures are logged and cost only the next start's time.
void cache_store(const HostEngine *engine, const Hash *program, const wasmtime_module_t *module);
