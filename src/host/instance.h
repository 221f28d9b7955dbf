// instance.h - a running module as its host calls and its engine see it. Private to host/.
//
// Threads    an Instance belongs to one thread at a time.
// Lifetime   Instance < Program < HostEngine.
// Limits     MODULE_* in base/limits.h.
#pragma once

#include "host/handles.h"
#include "host/host.h"

typedef struct HostCall HostCall;
typedef struct WasmProgram WasmProgram;
typedef struct WasmInstance WasmInstance;

struct Program {
    // Up relaxed; down acquire-release, the last holder frees.
    _Atomic uint32_t refs;
    HostEngine *engine;
    Hash hash;
    WasmProgram *wasm;
};

VEC(RowIdVec, row_id_vec, RowId)

// Answers a host call needs from the engine that runs the module.
typedef struct InstanceEngine {
    // Looks at the guest's memory again: it may have grown.
    void (*memory_refresh)(Instance *instance);
    // The guest's stack, innermost first, into `frames`; names live in the arena. Returns their number.
    uint32_t (*trace)(Instance *instance, Arena *arena, ModuleLogFrame *frames, uint32_t frame_max);
    // Around a wait in a host call: it takes no time of the guest's, and the clock need not tick for it.
    void (*wait_begin)(Instance *instance);
    void (*wait_end)(Instance *instance);
} InstanceEngine;

// What a call leaves aside while another one runs within it.
typedef struct OuterCall {
    Bytes function;
    int64_t timestamp;
    const HostCall *host_call;
    const ReadTracker *reads;
    uint32_t last_source;
    uint32_t sink_count;
} OuterCall;

struct Instance {
    Program *program;
    HostEnv *env;
    const InstanceEngine *engine;
    WasmInstance *wasm;
    uint32_t call_seconds;

    // Guest memory as last seen. It only grows and never moves, so what lies inside is inside.
    uint8_t *memory;
    size_t memory_bytes;

    // ---- the running call ----
    Bytes function;             // of the running or the last call; data == NULL: none yet
    int64_t timestamp;          // micros
    const HostCall *host_call;  // the import that is being executed
    uint32_t depth;             // calls that run: 2 in a view that a procedure's commit refreshes
    OuterCall outer;            // of depth 1, at depth 2
    const ReadTracker
        *reads;    // a view runs and somebody wants to know what it reads; NULL otherwise
    bool trapped;  // a host call failed in a way that ends the guest's call: see `trap`
    Error trap;

    // ---- any thread ----
    _Atomic bool is_interrupted;  // relaxed: learning late costs one more tick

    // ---- handles ----
    ByteSources sources;
    ByteSinks sinks;
    RowIters row_iters;
    Timers timers;

    // ---- memory that is reused ----
    RowIdVec row_ids;
    Buffer key;     // an index key put together from its parts
    Buffer text;    // of the last outcome
    Buffer repair;  // texts whose UTF-8 had to be repaired
    Arena scratch;  // of one host call
    Buffer description;
};
