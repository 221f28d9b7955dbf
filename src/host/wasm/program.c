// program.c - from bytes to a program: compile or load, negotiate, link, check (module-abi.md 1.1).
#include "host/wasm/program.h"

#include "host/wasm/engine.h"

// Names of start-up functions: each of a million exports takes 16 bytes and up to 15 of padding.
#define PROGRAM_ARENA_BYTES_MAX (MODULE_PROGRAM_BYTES_MAX + (64u << 20))

static Status program_check(WasmProgram *program, const wasmtime_module_t *module, Error *error);
static Status take_error(wasmtime_error_t *failure, Error *error);

Status wasm_program_create(HostEngine *engine, Bytes bytes, const Hash *hash,
                           WasmProgram **ret_program, Error *error) {
    WasmProgram *program = mem_alloc_zero(sizeof *program);
    program->engine = engine;
    arena_init(&program->arena, PROGRAM_ARENA_BYTES_MAX);
    Status status = STATUS_OK;
    wasmtime_module_t *module = cache_load(engine, hash);
    if (module) {
        status = program_check(program, module, error);
    } else {
        status = take_error(wasmtime_module_new(engine->wasm, bytes.data, bytes.count, &module),
                            error);
        if (status == STATUS_OK) status = program_check(program, module, error);
        if (status == STATUS_OK) cache_store(engine, hash, module);
    }
    if (module) wasmtime_module_delete(module);  // instance_pre holds its own reference
    if (status != STATUS_OK) {
        wasm_program_free(program);
        return status;
    }
    *ret_program = program;
    return STATUS_OK;
}

void wasm_program_free(WasmProgram *program) {
    if (program->instance_pre) wasmtime_instance_pre_delete(program->instance_pre);
    arena_done(&program->arena);
    mem_free(program);
}

static Status program_check(WasmProgram *program, const wasmtime_module_t *module, Error *error) {
    wasm_importtype_vec_t imports;
    wasmtime_module_imports(module, &imports);
    Status status = contract_negotiate(&imports, error);
    wasm_importtype_vec_delete(&imports);
    if (status != STATUS_OK) return status;
    status = take_error(
        wasmtime_linker_instantiate_pre(program->engine->linker, module, &program->instance_pre),
        error);
    if (status != STATUS_OK) {
        program->instance_pre = NULL;
        return status;
    }
    wasm_exporttype_vec_t exports;
    wasmtime_module_exports(module, &exports);
    status = contract_check_exports(&exports, program, error);
    wasm_exporttype_vec_delete(&exports);
    return status;
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
