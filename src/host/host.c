// host.c - the public face: programs and their references, instances, and what a call's result means.
//
// An instance's handles of a call (sources, sinks) end with it, but the bytes of its outcome stay until the next
// one: sinks keep their memory, sources are only forgotten.
#include "host/host.h"

#include "host/instance.h"
#include "host/text.h"
#include "host/wasm/wasm.h"

#include <stdatomic.h>

// A key is at most as large as the guest memory its parts came from, twice.
#define KEY_BYTES_MAX (2 * MODULE_MEMORY_BYTES_MAX)
// Three texts of a log record, each byte of which may become three.
#define REPAIR_BYTES_MAX (9u * MODULE_LOG_TEXT_BYTES_MAX)
// An error text, each byte of which may become three.
#define TEXT_BYTES_MAX (3ull * MODULE_SINK_BYTES_MAX)
static_assert(TEXT_BYTES_MAX <= UINT32_MAX, "an outcome's text is Bytes");
static_assert(REPAIR_BYTES_MAX > 6 * 3 * MODULE_TIMER_NAME_BYTES_MAX, "an escaped timer name fits");
// Names of the frames of one backtrace.
#define SCRATCH_BYTES_MAX (64u << 20)

// Return codes of the exports (module-abi.md 2.2).
enum { CODE_OK = 0, CODE_USER_ERROR = 1, CODE_VIEW_HEADER = 2 };

typedef struct CallHandles {
    uint32_t args;
    uint32_t sink;
} CallHandles;

static CallHandles call_start(Instance *instance, const FunctionCall *call);
static CallOutcome call_end(Instance *instance, WasmEnd end, int32_t code, int64_t start_nanos);
static Bytes text_valid(Instance *instance, Bytes text);

Status program_create(HostEngine *engine, ProgramKind kind, Bytes program, const Hash *hash,
                      Program **ret_program, Error *error) {
    if (kind != PROGRAM_WASM)
        return error_set(error, STATUS_UNSUPPORTED, "JavaScript modules are not supported");
    if (program.count > MODULE_PROGRAM_BYTES_MAX) {
        return error_set(error, STATUS_LIMIT, "a module of %u bytes is larger than %u",
                         program.count, MODULE_PROGRAM_BYTES_MAX);
    }
    WasmProgram *wasm = NULL;
    Status status = wasm_program_create(engine, program, hash, &wasm, error);
    if (status != STATUS_OK) return status;
    Program *result = mem_alloc_zero(sizeof *result);
    atomic_store_explicit(&result->refs, 1, memory_order_relaxed);
    result->engine = engine;
    result->hash = *hash;
    result->wasm = wasm;
    *ret_program = result;
    return STATUS_OK;
}

Program *program_ref(Program *program) {
    atomic_fetch_add_explicit(&program->refs, 1, memory_order_relaxed);
    return program;
}

void program_unref(Program *program) {
    if (!program) return;
    uint32_t before = atomic_fetch_sub_explicit(&program->refs, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before > 1) return;
    wasm_program_free(program->wasm);
    mem_free(program);
}

Status instance_create(Program *program, HostEnv *env, Instance **ret_instance, Error *error) {
    ASSERT(env->os != NULL && env->store != NULL && env->log != NULL);
    Instance *instance = mem_alloc_zero(sizeof *instance);
    instance->program = program_ref(program);
    instance->env = env;
    instance->call_seconds = MODULE_CALL_SECONDS_MAX;
    byte_sinks_init(&instance->sinks);
    buffer_init(&instance->key, KEY_BYTES_MAX);
    buffer_init(&instance->text, TEXT_BYTES_MAX);
    buffer_init(&instance->repair, REPAIR_BYTES_MAX);
    buffer_init(&instance->description, MODULE_DEF_BYTES_MAX);
    arena_init(&instance->scratch, SCRATCH_BYTES_MAX);
    Status status = wasm_instance_start(instance, error);
    if (status != STATUS_OK) {
        instance_free(instance);
        return status;
    }
    *ret_instance = instance;
    return STATUS_OK;
}

void instance_free(Instance *instance) {
    if (!instance) return;
    wasm_instance_stop(instance);
    row_iters_done(&instance->row_iters);
    timers_done(&instance->timers);
    byte_sinks_done(&instance->sinks);
    row_id_vec_done(&instance->row_ids);
    buffer_done(&instance->key);
    buffer_done(&instance->text);
    buffer_done(&instance->repair);
    buffer_done(&instance->description);
    arena_done(&instance->scratch);
    program_unref(instance->program);
    mem_free(instance);
}

Bytes instance_description(const Instance *instance) {
    return buffer_bytes(&instance->description);
}

size_t instance_memory_bytes(const Instance *instance) {
    return wasm_instance_memory_bytes(instance);
}

void instance_set_call_seconds(Instance *instance, uint32_t seconds) {
    ASSERT(seconds > 0);
    instance->call_seconds = seconds;
}

CallOutcome instance_call_reducer(Instance *instance, const FunctionCall *call) {
    int64_t start_nanos = instance->env->os->monotonic_nanos(instance->env->os);
    CallHandles handles = call_start(instance, call);
    HostValue values[10];
    values[0].u32 = call->id;
    for (uint32_t i = 0; i < 4; i++) values[1 + i].u64 = load_u64le(call->sender.bytes + 8 * i);
    for (uint32_t i = 0; i < 2; i++) values[5 + i].u64 = load_u64le(call->connection.bytes + 8 * i);
    values[7].u64 = (uint64_t)call->timestamp;
    values[8].u32 = handles.args;
    values[9].u32 = handles.sink;
    WasmEnd end = wasm_instance_call(instance, WASM_CALL_REDUCER, values, 10);
    return call_end(instance, end, (int32_t)values[0].u32, start_nanos);
}

CallOutcome instance_call_view(Instance *instance, ViewKind kind, const FunctionCall *call) {
    int64_t start_nanos = instance->env->os->monotonic_nanos(instance->env->os);
    WasmExport export = kind == VIEW_ANONYMOUS ? WASM_CALL_VIEW_ANON : WASM_CALL_VIEW;
    if (!wasm_instance_has_export(instance, export)) {
        buffer_clear(&instance->text);
        buffer_append_format(&instance->text, "Module defines %sview %.*s but does not export `%s`",
                             kind == VIEW_ANONYMOUS ? "anonymous " : "", BYTES_FORMAT(call->name),
                             kind == VIEW_ANONYMOUS ? "__call_view_anon__" : "__call_view__");
        return (CallOutcome){.status = CALL_FAILED, .text = buffer_bytes(&instance->text)};
    }
    CallHandles handles = call_start(instance, call);
    HostValue values[7];
    uint32_t count = 0;
    values[count++].u32 = call->id;
    if (kind == VIEW_SENDER) {
        for (uint32_t i = 0; i < 4; i++)
            values[count++].u64 = load_u64le(call->sender.bytes + 8 * i);
    }
    values[count++].u32 = handles.args;
    values[count++].u32 = handles.sink;
    WasmEnd end = wasm_instance_call(instance, export, values, count);
    CallOutcome outcome = call_end(instance, end, (int32_t)values[0].u32, start_nanos);
    if (outcome.status == CALL_FAILED && outcome.code == CODE_VIEW_HEADER) {
        outcome.status = CALL_OK;
        outcome.text = BYTES_NONE;
        outcome.output = buffer_bytes(&instance->sinks.items[0]);
    }
    return outcome;
}

static CallHandles call_start(Instance *instance, const FunctionCall *call) {
    ASSERT(!instance->in_call);
    ASSERT(!instance->trapped);  // after a trap the instance must be replaced
    instance->in_call = true;
    instance->function = call->name;
    instance->timestamp = call->timestamp;
    CallHandles handles = {0};
    if (call->args.count > 0) handles.args = byte_sources_open(&instance->sources, call->args);
    handles.sink = byte_sinks_open(&instance->sinks);
    return handles;
}

static CallOutcome call_end(Instance *instance, WasmEnd end, int32_t code, int64_t start_nanos) {
    instance->in_call = false;
    byte_sources_clear(&instance->sources);
    Bytes output = byte_sinks_close_all(&instance->sinks);
    Os *os = instance->env->os;
    CallOutcome outcome = {.nanos = (uint64_t)(os->monotonic_nanos(os) - start_nanos)};
    switch (end) {
    case WASM_RETURNED: break;
    case WASM_TRAPPED:
        outcome.status = CALL_TRAPPED;
        outcome.text = buffer_bytes(&instance->text);
        return outcome;
    case WASM_OUT_OF_TIME:
        outcome.status = CALL_OUT_OF_TIME;
        outcome.text = buffer_bytes(&instance->text);
        return outcome;
    }
    outcome.code = code;
    if (code == CODE_OK) {
        outcome.output = output;
    } else if (code == CODE_USER_ERROR) {
        outcome.status = CALL_USER_ERROR;
        outcome.text = text_valid(instance, output);
    } else {
        outcome.status = CALL_FAILED;
        outcome.text = BYTES_LITERAL("unknown return code");
    }
    return outcome;
}

static Bytes text_valid(Instance *instance, Bytes text) {
    if (utf8_is_valid(text)) return text;
    buffer_clear(&instance->text);
    text_write_lossy(&instance->text, text);
    ASSERT(!instance->text.failed);
    return buffer_bytes(&instance->text);
}
