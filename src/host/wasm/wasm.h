// wasm.h - WebAssembly modules in Wasmtime: compiling, caching, instantiating, calling. Private to host/.
//
// Threads    HostEngine and WasmProgram may be shared; a WasmInstance belongs to its Instance's thread.
// Lifetime   WasmInstance < WasmProgram < HostEngine.
// Limits     MODULE_* in base/limits.h.        Format  spec: module-abi.md 1.
#pragma once

#include "host/abi/abi.h"

// The exports that are called after start-up.
typedef enum WasmExport {
    WASM_CALL_REDUCER,
    WASM_CALL_VIEW,
    WASM_CALL_VIEW_ANON,
    WASM_CALL_PROCEDURE,
    WASM_CALL_HTTP_HANDLER,
    WASM_EXPORT_COUNT
} WasmExport;

typedef enum WasmEnd {
    WASM_RETURNED,
    WASM_TRAPPED,      // instance->text has the cause and the backtrace
    WASM_OUT_OF_TIME,  // the same
} WasmEnd;

Status wasm_program_create(HostEngine *engine, Bytes program, const Hash *hash,
                           WasmProgram **ret_program, Error *error);
void wasm_program_free(WasmProgram *program);

// Instantiates instance->program and runs the start-up sequence; fills in instance->wasm, ->engine, ->memory and
// ->description. After a failure wasm_instance_stop cleans up.
Status wasm_instance_start(Instance *instance, Error *error);
void wasm_instance_stop(Instance *instance);  // also when it was never started
bool wasm_instance_has_export(const Instance *instance, WasmExport export);
const char *wasm_export_name(WasmExport export);
// Which of the two signatures its __call_http_handler__ has (since-2.8.md 2.3).
bool wasm_instance_handler_has_sender(const Instance *instance);
size_t wasm_instance_memory_bytes(const Instance *instance);
// Calls an export that is there; values[0] is its result. Its time begins now, unless it is called by a host call.
WasmEnd wasm_instance_call(Instance *instance, WasmExport export, HostValue *values,
                           uint32_t count);
