// instance.c - one store, one instance: start-up, calls, the clock, backtraces (module-abi.md 1.10, 2).
//
// Time is counted in ticks that a running guest notices. A guest that waits for a processor notices none, so on a
// busy machine this measures what it used rather than what passed; a long host call counts as one.
#include "base/log.h"
#include "host/text.h"
#include "host/wasm/engine.h"
#include "host/wasm/program.h"
#include "host/wasm/trap.h"

#define TICKS_PER_SECOND (1000u / MODULE_TICK_MS)
// The module and, once it panicked, the tracer.
#define STORE_INSTANCES_MAX 2
// No export takes more values.
#define VALUES_MAX 16u
#define OUT_OF_TIME_TEXT "the call used up its time"
#define INTERRUPTED_TEXT "the module is being stopped"

struct WasmInstance {
    HostEngine *engine;
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    wasmtime_instance_t instance;
    wasmtime_memory_t memory;
    wasmtime_func_t exports[WASM_EXPORT_COUNT];
    wasmtime_func_t tracer;
    bool has_memory;  // false while the start function runs
    bool has_tracer;
    bool out_of_time;
    bool interrupted;
    uint32_t ticks;      // noticed since the budget began
    uint32_t ticks_max;  // the budget
};

static Status start_exports(Instance *instance, Error *error);
static Status start_call(Instance *instance, const char *name, HostValue *values, uint32_t count,
                         Error *error);
static Status start_setup(Instance *instance, Error *error);
static Status start_describe(Instance *instance, Error *error);
static bool export_function(const WasmInstance *wasm, Bytes name, wasmtime_func_t *ret_function);
static void budget_start(Instance *instance);
static WasmEnd function_call(Instance *instance, const wasmtime_func_t *function, HostValue *values,
                             uint32_t count);
static WasmEnd call_failed(Instance *instance, wasmtime_error_t *failure, wasm_trap_t *trap);
static wasmtime_error_t *instance_tick(wasmtime_context_t *context, void *user, uint64_t *ret_delta,
                                       wasmtime_update_deadline_kind_t *ret_kind);
static void memory_refresh(Instance *instance);
static uint32_t instance_trace(Instance *instance, Arena *arena, ModuleLogFrame *frames,
                               uint32_t frame_max);
static bool tracer_prepare(WasmInstance *wasm);
static void wait_begin(Instance *instance);
static void wait_end(Instance *instance);

static const InstanceEngine WASM_ENGINE = {.memory_refresh = memory_refresh,
                                           .trace = instance_trace,
                                           .wait_begin = wait_begin,
                                           .wait_end = wait_end};

Status wasm_instance_start(Instance *instance, Error *error) {
    WasmProgram *program = instance->program->wasm;
    WasmInstance *wasm = mem_alloc_zero(sizeof *wasm);
    instance->wasm = wasm;
    instance->engine = &WASM_ENGINE;
    wasm->engine = program->engine;
    wasm->store = wasmtime_store_new(wasm->engine->wasm, instance, NULL);
    wasm->context = wasmtime_store_context(wasm->store);
    uint64_t memory_max = instance->env->memory_bytes_max;
    if (memory_max == 0 || memory_max > MODULE_MEMORY_BYTES_MAX)
        memory_max = MODULE_MEMORY_BYTES_MAX;
    wasmtime_store_limiter(wasm->store, (int64_t)memory_max, MODULE_TABLE_ELEMENTS_MAX,
                           STORE_INSTANCES_MAX, MODULE_TABLES_MAX, MODULE_MEMORIES_MAX);
    wasmtime_store_epoch_deadline_callback(wasm->store, instance_tick, instance, NULL);

    budget_start(instance);
    wasm_trap_t *trap = NULL;
    ticker_call_begin(&wasm->engine->ticker);
    wasmtime_error_t *failure = wasmtime_instance_pre_instantiate(
        program->instance_pre, wasm->context, &wasm->instance, &trap);
    ticker_call_end(&wasm->engine->ticker);
    if (failure || trap) {
        call_failed(instance, failure, trap);
        return error_set(error, STATUS_INVALID, "%.*s",
                         BYTES_FORMAT(buffer_bytes(&instance->text)));
    }
    wasmtime_extern_t memory;
    bool has_memory = wasmtime_instance_export_get(wasm->context, &wasm->instance, "memory", 6,
                                                   &memory);
    ASSERT(has_memory && memory.kind == WASMTIME_EXTERN_MEMORY);  // contract.c looked
    wasm->memory = memory.of.memory;
    wasm->has_memory = true;
    memory_refresh(instance);
    return start_exports(instance, error);
}

// One budget for all of them.
static Status start_exports(Instance *instance, Error *error) {
    WasmProgram *program = instance->program->wasm;
    WasmInstance *wasm = instance->wasm;
    Status status = STATUS_OK;
    if (program->has_initialize) status = start_call(instance, "_initialize", NULL, 0, error);
    for (uint32_t i = 0; i < program->preinit_count && status == STATUS_OK; i++) {
        char *name = arena_copy_text(&instance->scratch, program->preinits[i]);
        status = start_call(instance, name, NULL, 0, error);
        arena_clear(&instance->scratch);
    }
    if (program->has_setup && status == STATUS_OK) status = start_setup(instance, error);
    if (status == STATUS_OK) status = start_describe(instance, error);
    byte_sources_clear(&instance->sources);
    for (uint32_t i = 0; i < WASM_EXPORT_COUNT && status == STATUS_OK; i++) {
        if (!program->has_export[i]) continue;
        bool is_there = export_function(wasm, bytes_of_text(WASM_EXPORT_NAMES[i]),
                                        &wasm->exports[i]);
        ASSERT(is_there);
    }
    return status;
}

static Status start_call(Instance *instance, const char *name, HostValue *values, uint32_t count,
                         Error *error) {
    wasmtime_func_t function;
    bool is_there = export_function(instance->wasm, bytes_of_text(name), &function);
    ASSERT(is_there);
    if (function_call(instance, &function, values, count) == WASM_RETURNED) return STATUS_OK;
    return error_set(error, STATUS_INVALID, "wasm trap while calling \"%s\": %.*s", name,
                     BYTES_FORMAT(buffer_bytes(&instance->text)));
}

static Status start_setup(Instance *instance, Error *error) {
    HostValue values[1];
    values[0].u32 = byte_sinks_open(&instance->sinks);
    Status status = start_call(instance, "__setup__", values, 1, error);
    byte_sinks_close(&instance->sinks, 0);
    Bytes text = byte_sinks_written(&instance->sinks, 1);
    if (status != STATUS_OK || values[0].u32 == 0) return status;
    if (values[0].u32 != ERRNO_HOST_CALL_FAILURE) {
        return error_set(error, STATUS_INVALID,
                         "wasm trap while calling \"__setup__\": unknown return code");
    }
    buffer_clear(&instance->text);
    text_write_lossy(&instance->text, text);
    return error_set(error, STATUS_INVALID, "setup function returned an error: %.*s",
                     BYTES_FORMAT(buffer_bytes(&instance->text)));
}

// Exactly once in each instance: Rust builds its dispatch tables in there, and panics the second time.
static Status start_describe(Instance *instance, Error *error) {
    HostValue values[1];
    values[0].u32 = byte_sinks_open(&instance->sinks);
    Status status = start_call(instance, "__describe_module__", values, 1, error);
    byte_sinks_close(&instance->sinks, 0);
    Bytes description = byte_sinks_written(&instance->sinks, 1);
    if (status != STATUS_OK) {
        return error_set(error, status, "error getting module description: %.*s",
                         BYTES_FORMAT(buffer_bytes(&instance->text)));
    }
    if (description.count > MODULE_DEF_BYTES_MAX) {
        return error_set(error, STATUS_LIMIT,
                         "error getting module description: %u bytes are more than %u",
                         description.count, MODULE_DEF_BYTES_MAX);
    }
    buffer_append_bytes(&instance->description, description);
    return STATUS_OK;
}

void wasm_instance_stop(Instance *instance) {
    if (!instance->wasm) return;
    wasmtime_store_delete(instance->wasm->store);
    mem_free(instance->wasm);
}

bool wasm_instance_has_export(const Instance *instance, WasmExport export) {
    return instance->program->wasm->has_export[export];
}

const char *wasm_export_name(WasmExport export) {
    return WASM_EXPORT_NAMES[export];
}

bool wasm_instance_handler_has_sender(const Instance *instance) {
    return instance->program->wasm->handler_has_sender;
}

size_t wasm_instance_memory_bytes(const Instance *instance) {
    return wasmtime_memory_data_size(instance->wasm->context, &instance->wasm->memory);
}

WasmEnd wasm_instance_call(Instance *instance, WasmExport export, HostValue *values,
                           uint32_t count) {
    if (instance->depth == 1) budget_start(instance);
    return function_call(instance, &instance->wasm->exports[export], values, count);
}

static bool export_function(const WasmInstance *wasm, Bytes name, wasmtime_func_t *ret_function) {
    wasmtime_extern_t item;
    if (!wasmtime_instance_export_get(wasm->context, &wasm->instance, (const char *)name.data,
                                      name.count, &item)) {
        return false;
    }
    ASSERT(item.kind == WASMTIME_EXTERN_FUNC);
    *ret_function = item.of.func;
    return true;
}

static void budget_start(Instance *instance) {
    WasmInstance *wasm = instance->wasm;
    uint64_t ticks = (uint64_t)instance->call_seconds * TICKS_PER_SECOND;
    wasm->ticks = 0;
    wasm->out_of_time = false;
    wasm->ticks_max = ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
    wasmtime_context_set_epoch_deadline(wasm->context, 1);
}

static WasmEnd function_call(Instance *instance, const wasmtime_func_t *function, HostValue *values,
                             uint32_t count) {
    ASSERT(count <= VALUES_MAX);
    WasmInstance *wasm = instance->wasm;
    wasm_trap_t *trap = NULL;
    ticker_call_begin(&wasm->engine->ticker);
    wasmtime_error_t *failure = wasmtime_func_call_unchecked(
        wasm->context, function, (wasmtime_val_raw_t *)values, count, &trap);
    ticker_call_end(&wasm->engine->ticker);
    if (__builtin_expect(!failure && !trap, 1)) return WASM_RETURNED;
    return call_failed(instance, failure, trap);
}

static WasmEnd call_failed(Instance *instance, wasmtime_error_t *failure, wasm_trap_t *trap) {
    buffer_clear(&instance->text);
    Bytes cause = BYTES_NONE;
    if (instance->wasm->out_of_time) cause = BYTES_LITERAL(OUT_OF_TIME_TEXT);
    if (instance->wasm->interrupted) cause = BYTES_LITERAL(INTERRUPTED_TEXT);
    if (instance->trapped) cause = bytes_of_text(instance->trap.text);
    trap_take_text(failure, trap, cause, &instance->text);
    ASSERT(!instance->text.failed);
    return instance->wasm->out_of_time ? WASM_OUT_OF_TIME : WASM_TRAPPED;
}

// On the guest's thread, each time it notices that the epoch has advanced.
static wasmtime_error_t *instance_tick(wasmtime_context_t *context, void *user, uint64_t *ret_delta,
                                       wasmtime_update_deadline_kind_t *ret_kind) {
    (void)context;
    Instance *instance = user;
    WasmInstance *wasm = instance->wasm;
    wasm->ticks++;
    if (atomic_load_explicit(&instance->is_interrupted, memory_order_relaxed) ||
        atomic_load_explicit(&wasm->engine->is_interrupted, memory_order_relaxed)) {
        wasm->interrupted = true;
        return wasmtime_error_new(INTERRUPTED_TEXT);
    }
    if (wasm->ticks >= wasm->ticks_max) {
        wasm->out_of_time = true;
        return wasmtime_error_new(OUT_OF_TIME_TEXT);
    }
    if (wasm->ticks % TICKS_PER_SECOND == 0) {
        log_line(LOG_WARN, "host", "module function %.*s has been running for %u s",
                 BYTES_FORMAT(instance->function), wasm->ticks / TICKS_PER_SECOND);
    }
    *ret_delta = 1;
    *ret_kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
    return NULL;
}

static void wait_begin(Instance *instance) {
    ticker_call_end(&instance->wasm->engine->ticker);
}

static void wait_end(Instance *instance) {
    ticker_call_begin(&instance->wasm->engine->ticker);
}

static void memory_refresh(Instance *instance) {
    WasmInstance *wasm = instance->wasm;
    if (!wasm->has_memory) return;
    instance->memory = wasmtime_memory_data(wasm->context, &wasm->memory);
    instance->memory_bytes = wasmtime_memory_data_size(wasm->context, &wasm->memory);
}

// The C API has no call for it, but every trap brings the backtrace of all frames below it in the same store, the
// guest's among them. So a function that traps is called, and its own frame left out.
static uint32_t instance_trace(Instance *instance, Arena *arena, ModuleLogFrame *frames,
                               uint32_t frame_max) {
    WasmInstance *wasm = instance->wasm;
    if (!tracer_prepare(wasm)) return 0;
    wasm_trap_t *trap = NULL;
    wasmtime_val_raw_t none;
    wasmtime_error_t *failure = wasmtime_func_call_unchecked(wasm->context, &wasm->tracer, &none, 0,
                                                             &trap);
    uint32_t count = trap ? trap_frames(trap, 1, arena, frames, frame_max) : 0;
    if (trap) wasm_trap_delete(trap);
    if (failure) wasmtime_error_delete(failure);
    return count;
}

static bool tracer_prepare(WasmInstance *wasm) {
    if (wasm->has_tracer) return true;
    wasmtime_instance_t instance;
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *failure = wasmtime_instance_new(wasm->context, wasm->engine->tracer, NULL, 0,
                                                      &instance, &trap);
    if (failure) wasmtime_error_delete(failure);
    if (trap) wasm_trap_delete(trap);
    if (failure || trap) return false;
    wasmtime_extern_t item;
    bool is_there = wasmtime_instance_export_get(wasm->context, &instance, "trace", 5, &item);
    ASSERT(is_there && item.kind == WASMTIME_EXTERN_FUNC);
    wasm->tracer = item.of.func;
    wasm->has_tracer = true;
    return true;
}
