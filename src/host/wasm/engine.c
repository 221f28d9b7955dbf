// engine.c - settings of the compiler, and linking the host calls.
//
// Guests run with signals-based traps: an access past the guest's memory is a fault that Wasmtime's handlers turn
// into a trap. The 4 GiB of address space a 32-bit guest can name are reserved for each memory, so memory never
// moves when it grows, and neither loads nor host calls need to look where it is.
#include "host/wasm/engine.h"

#include "host/wasm/wasm.h"

#include <curl/curl.h>

// Upstream's set (module-abi.md 1.11). Threads, garbage collection and exceptions are not built in. Whoever changes
// anything here changes the text: code compiled otherwise must not be loaded.
const char ENGINE_SETTINGS[] = "wasmtime " WASMTIME_VERSION " speed epoch stack512k reserve4g v1";

// (module (func (export "trace") unreachable))
// clang-format off
static const uint8_t TRACER_PROGRAM[] = {0x00, 'a',  's',  'm',  0x01, 0x00, 0x00, 0x00,               // header
                                         0x01, 0x04, 0x01, 0x60, 0x00, 0x00,                           // types
                                         0x03, 0x02, 0x01, 0x00,                                       // functions
                                         0x07, 0x09, 0x01, 0x05, 't',  'r',  'a',  'c',  'e',  0x00, 0x00,  // exports
                                         0x0A, 0x05, 0x01, 0x03, 0x00, 0x00, 0x0B};                    // code
// clang-format on

static wasm_config_t *engine_config(void);
static Status engine_link(HostEngine *engine, Error *error);
static wasm_functype_t *function_type(const char *signature);
static wasm_trap_t *engine_host_call(void *call, wasmtime_caller_t *caller,
                                     wasmtime_val_raw_t *values, size_t count);
static Status take_error(wasmtime_error_t *failure, Error *error);

static_assert(sizeof(HostValue) == sizeof(wasmtime_val_raw_t),
              "handlers read Wasmtime's values in place");

Status host_engine_create(Os *os, const char *cache_dir, HostEngine **ret_engine, Error *error) {
    CURLcode code = curl_global_init(
        CURL_GLOBAL_DEFAULT);  // for http/; counted, and safe on any thread
    if (code != CURLE_OK)
        return error_set(error, STATUS_IO, "libcurl: %s", curl_easy_strerror(code));
    HostEngine *engine = mem_alloc_zero(sizeof *engine);
    engine->os = os;
    if (cache_dir) engine->cache_dir = mem_copy_text(bytes_of_text(cache_dir));
    engine->wasm = wasm_engine_new_with_config(engine_config());
    ASSERT(engine->wasm != NULL);  // our settings do not depend on anything outside
    engine->linker = wasmtime_linker_new(engine->wasm);
    ticker_start(&engine->ticker, engine->wasm);
    Status status = engine_link(engine, error);
    if (status == STATUS_OK) {
        status = take_error(wasmtime_module_new(engine->wasm, TRACER_PROGRAM, sizeof TRACER_PROGRAM,
                                                &engine->tracer),
                            error);
    }
    if (status == STATUS_OK && cache_dir) status = os->directory_create(os, cache_dir, error);
    if (status != STATUS_OK) {
        host_engine_free(engine);
        return status;
    }
    *ret_engine = engine;
    return STATUS_OK;
}

void host_engine_interrupt(HostEngine *engine) {
    atomic_store_explicit(&engine->is_interrupted, true, memory_order_relaxed);
}

void host_engine_free(HostEngine *engine) {
    if (!engine) return;
    ticker_stop(&engine->ticker);
    if (engine->tracer) wasmtime_module_delete(engine->tracer);
    wasmtime_linker_delete(engine->linker);
    wasm_engine_delete(engine->wasm);
    mem_free(engine->cache_dir);
    mem_free(engine);
    curl_global_cleanup();
}

static wasm_config_t *engine_config(void) {
    wasm_config_t *config = wasm_config_new();
    wasmtime_config_strategy_set(config, WASMTIME_STRATEGY_CRANELIFT);
    wasmtime_config_cranelift_opt_level_set(config, WASMTIME_OPT_LEVEL_SPEED);
    wasmtime_config_parallel_compilation_set(config, true);
    wasmtime_config_epoch_interruption_set(config, true);
    wasmtime_config_max_wasm_stack_set(config, MODULE_STACK_BYTES_MAX);
    wasmtime_config_memory_reservation_set(config, MODULE_MEMORY_BYTES_MAX);
    wasmtime_config_memory_may_move_set(config, false);
    wasmtime_config_memory_init_cow_set(config, true);
    wasmtime_config_wasm_bulk_memory_set(config, true);
    wasmtime_config_wasm_multi_value_set(config, true);
    wasmtime_config_wasm_simd_set(config, true);
    wasmtime_config_wasm_relaxed_simd_set(config, true);
    wasmtime_config_wasm_tail_call_set(config, true);
    wasmtime_config_wasm_multi_memory_set(config, true);
    wasmtime_config_wasm_memory64_set(config, true);
    wasmtime_config_shared_memory_set(config, false);
    return config;
}

static Status engine_link(HostEngine *engine, Error *error) {
    uint32_t call_count;
    const HostCall *calls = host_calls(&call_count);
    for (uint32_t i = 0; i < call_count; i++) {
        const HostCall *call = &calls[i];
        wasm_functype_t *type = function_type(call->signature);
        wasmtime_error_t *failure = wasmtime_linker_define_func_unchecked(
            engine->linker, call->module, strlen(call->module), call->name, strlen(call->name),
            type, engine_host_call, (void *)call, NULL);
        wasm_functype_delete(type);
        if (failure) return take_error(failure, error);
    }
    return STATUS_OK;
}

// "iil:i" -> (i32, i32, i64) -> i32.
static wasm_functype_t *function_type(const char *signature) {
    wasm_valtype_t *types[16];
    size_t param_count = 0;
    size_t count = 0;
    for (const char *at = signature; *at; at++) {
        if (*at == ':') {
            param_count = count;
            continue;
        }
        ASSERT(*at == 'i' || *at == 'l');
        ASSERT(count < sizeof types / sizeof *types);
        types[count++] = wasm_valtype_new(*at == 'i' ? WASM_I32 : WASM_I64);
    }
    wasm_valtype_vec_t params;
    wasm_valtype_vec_t results;
    wasm_valtype_vec_new(&params, param_count, types);
    wasm_valtype_vec_new(&results, count - param_count, types + param_count);
    return wasm_functype_new(&params, &results);
}

// Every import of every module arrives here; NULL: the guest goes on.
static wasm_trap_t *engine_host_call(void *user, wasmtime_caller_t *caller,
                                     wasmtime_val_raw_t *values, size_t count) {
    (void)count;
    const HostCall *call = user;
    Instance *instance = wasmtime_context_get_data(wasmtime_caller_context(caller));
    HostValue *args = (HostValue *)values;
    if (call->needs_tx && !instance->env->tx) {
        args[0].u64 = ERRNO_NOT_IN_TRANSACTION;
        return NULL;
    }
    instance->host_call = call;
    int64_t result = call->handler(instance, args);
    if (__builtin_expect(instance->trapped, 0)) {
        return wasmtime_trap_new(instance->trap.text, strlen(instance->trap.text));
    }
    args[0].u64 = (uint64_t)result;  // an i32 result is its low half; without a result nobody looks
    return NULL;
}

static Status take_error(wasmtime_error_t *failure, Error *error) {
    if (!failure) return STATUS_OK;
    wasm_name_t message;
    wasmtime_error_message(failure, &message);
    Status status = error_set(error, STATUS_INVALID, "%.*s", (int)message.size, message.data);
    wasm_name_delete(&message);
    wasmtime_error_delete(failure);
    return status;
}
