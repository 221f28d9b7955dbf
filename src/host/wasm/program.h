// program.h - a compiled module that is ready to be instantiated. Private to host/wasm/.
//
// Threads    immutable once made; any.
#pragma once

#include "host/wasm/wasm.h"

#include <wasmtime.h>

struct WasmProgram {
    HostEngine *engine;
    wasmtime_instance_pre_t *instance_pre;
    Arena arena;
    const Bytes *preinits;  // full names, in order
    uint32_t preinit_count;
    bool has_initialize;  // exported as () -> ()
    bool has_setup;
    bool has_export[WASM_EXPORT_COUNT];
    bool handler_has_sender;  // __call_http_handler__ has the newer signature
};

// The name an export is known by.
extern const char *const WASM_EXPORT_NAMES[WASM_EXPORT_COUNT];

// ---- what a module must look like (contract.c) ----

// The ABI version (module-abi.md 1.2). Error texts are upstream's.
Status contract_negotiate(const wasm_importtype_vec_t *imports, Error *error);
// Required and optional exports (module-abi.md 1.9); fills in the fields of the program that depend on them.
Status contract_check_exports(const wasm_exporttype_vec_t *exports, WasmProgram *program,
                              Error *error);
