// host.c - the public face: programs and their references, instances, and what a call's result means.
//
// An instance's handles of a call (sources, sinks) end with it, but the bytes of its outcome stay until the next
// one: sinks keep their memory, sources are only forgotten.
#include "host/host.h"

#include "host/instance.h"
#include "host/text.h"
#include "host/wasm/wasm.h"

#include <stdatomic.h>
#include <stdio.h>

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

// A procedure, and a view that its commit refreshes.
#define CALL_DEPTH_MAX 2u

// Of one call.
typedef struct CallFrame {
    uint32_t args;
    uint32_t sink;
    int64_t start_nanos;
} CallFrame;

static CallFrame call_start(Instance *instance, const FunctionCall *call);
static void outer_keep(Instance *instance);
static void outer_restore(Instance *instance);
static CallOutcome call_end(Instance *instance, const CallFrame *frame, WasmEnd end, int32_t code);
static void fill_caller(HostValue values[10], const FunctionCall *call, const CallFrame *frame);
static CallOutcome not_exported(Instance *instance, const char *kind, Bytes name,
                                WasmExport export);
static void close_dangling_tx(Instance *instance);
static void check_procedure_code(Instance *instance, WasmExport export, const char *what,
                                 CallOutcome *outcome);
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
    instance->call_seconds = env->call_seconds > 0 ? env->call_seconds : MODULE_CALL_SECONDS_MAX;
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
    byte_sources_clear(&instance->sources);
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
    CallFrame frame = call_start(instance, call);
    HostValue values[10];
    fill_caller(values, call, &frame);
    WasmEnd end = wasm_instance_call(instance, WASM_CALL_REDUCER, values, 10);
    return call_end(instance, &frame, end, (int32_t)values[0].u32);
}

// Reducers and procedures get the same.
static void fill_caller(HostValue values[10], const FunctionCall *call, const CallFrame *frame) {
    values[0].u32 = call->id;
    for (uint32_t i = 0; i < 4; i++) values[1 + i].u64 = load_u64le(call->sender.bytes + 8 * i);
    for (uint32_t i = 0; i < 2; i++) values[5 + i].u64 = load_u64le(call->connection.bytes + 8 * i);
    values[7].u64 = (uint64_t)call->timestamp;
    values[8].u32 = frame->args;
    values[9].u32 = frame->sink;
}

CallOutcome instance_call_view(Instance *instance, ViewKind kind, const FunctionCall *call) {
    WasmExport export = kind == VIEW_ANONYMOUS ? WASM_CALL_VIEW_ANON : WASM_CALL_VIEW;
    if (!wasm_instance_has_export(instance, export)) {
        return not_exported(instance, kind == VIEW_ANONYMOUS ? "anonymous view" : "view",
                            call->name, export);
    }
    CallFrame frame = call_start(instance, call);
    HostValue values[7];
    uint32_t count = 0;
    values[count++].u32 = call->id;
    if (kind == VIEW_SENDER) {
        for (uint32_t i = 0; i < 4; i++)
            values[count++].u64 = load_u64le(call->sender.bytes + 8 * i);
    }
    values[count++].u32 = frame.args;
    values[count++].u32 = frame.sink;
    WasmEnd end = wasm_instance_call(instance, export, values, count);
    CallOutcome outcome = call_end(instance, &frame, end, (int32_t)values[0].u32);
    if (outcome.status == CALL_FAILED && outcome.code == CODE_VIEW_HEADER) {
        outcome.status = CALL_OK;
        outcome.text = BYTES_NONE;
        outcome.output = byte_sinks_written(&instance->sinks, frame.sink);
    }
    return outcome;
}

CallOutcome instance_call_procedure(Instance *instance, const FunctionCall *call) {
    ASSERT(instance->env->procedures != NULL);
    ASSERT(instance->env->tx == NULL);
    if (!wasm_instance_has_export(instance, WASM_CALL_PROCEDURE))
        return not_exported(instance, "procedure", call->name, WASM_CALL_PROCEDURE);
    CallFrame frame = call_start(instance, call);
    HostValue values[10];
    fill_caller(values, call, &frame);
    WasmEnd end = wasm_instance_call(instance, WASM_CALL_PROCEDURE, values, 10);
    close_dangling_tx(instance);
    CallOutcome outcome = call_end(instance, &frame, end, (int32_t)values[0].u32);
    check_procedure_code(instance, WASM_CALL_PROCEDURE, "Procedures", &outcome);
    return outcome;
}

CallOutcome instance_call_http_handler(Instance *instance, const HandlerCall *handler,
                                       Bytes *ret_body) {
    const FunctionCall *call = &handler->call;
    ASSERT(instance->env->procedures != NULL);
    ASSERT(instance->env->tx == NULL);
    if (!wasm_instance_has_export(instance, WASM_CALL_HTTP_HANDLER))
        return not_exported(instance, "http handler", call->name, WASM_CALL_HTTP_HANDLER);
    CallFrame frame = call_start(instance, call);
    uint32_t body = 0;
    uint32_t jwt = 0;
    if (handler->body.count > 0) body = byte_sources_open(&instance->sources, handler->body);
    bool is_new = wasm_instance_handler_has_sender(instance);
    if (is_new && handler->sender_jwt.count > 0)
        jwt = byte_sources_open(&instance->sources, handler->sender_jwt);
    uint32_t body_sink = byte_sinks_open(&instance->sinks);
    HostValue values[11];
    uint32_t count = 0;
    values[count++].u32 = call->id;
    if (is_new) {
        for (uint32_t i = 0; i < 4; i++)
            values[count++].u64 = load_u64le(call->sender.bytes + 8 * i);
        values[count++].u32 = jwt;
    }
    values[count++].u64 = (uint64_t)call->timestamp;
    values[count++].u32 = frame.args;
    values[count++].u32 = body;
    values[count++].u32 = frame.sink;
    values[count++].u32 = body_sink;
    WasmEnd end = wasm_instance_call(instance, WASM_CALL_HTTP_HANDLER, values, count);
    close_dangling_tx(instance);
    CallOutcome outcome = call_end(instance, &frame, end, (int32_t)values[0].u32);
    check_procedure_code(instance, WASM_CALL_HTTP_HANDLER, "HTTP handlers", &outcome);
    *ret_body = byte_sinks_written(&instance->sinks, body_sink);
    return outcome;
}

void instance_interrupt(Instance *instance) {
    atomic_store_explicit(&instance->is_interrupted, true, memory_order_relaxed);
}

static CallOutcome not_exported(Instance *instance, const char *kind, Bytes name,
                                WasmExport export) {
    buffer_clear(&instance->text);
    buffer_append_format(&instance->text, "Module defines %s %.*s but does not export `%s`", kind,
                         BYTES_FORMAT(name), wasm_export_name(export));
    return (CallOutcome){.status = CALL_FAILED, .text = buffer_bytes(&instance->text)};
}

// A misuse of the calls, which the module's author should hear of (module-abi.md 7.3).
static void close_dangling_tx(Instance *instance) {
    HostEnv *env = instance->env;
    if (env->tx == NULL) return;
    char text[256];
    uint32_t count = utf8_cut(instance->function, 160);
    (void)snprintf(text, sizeof text, "aborting dangling anonymous transaction in procedure %.*s",
                   (int)count, (const char *)instance->function.data);
    ModuleLogRecord record = {
        .level = MODULE_LOG_ERROR, .line = UINT32_MAX, .message = bytes_of_text(text)};
    env->log(env->user, &record);
    tx_rollback(env->tx);
    env->tx = NULL;
    env->procedures->leave(env->user);
}

static void check_procedure_code(Instance *instance, WasmExport export, const char *what,
                                 CallOutcome *outcome) {
    if (outcome->status != CALL_USER_ERROR &&
        !(outcome->status == CALL_FAILED && outcome->code != CODE_OK))
        return;
    outcome->status = CALL_FAILED;
    buffer_clear(&instance->text);
    buffer_append_format(&instance->text,
                         "%s returned unexpected code %d. %s should return code 0 or trap.",
                         wasm_export_name(export), outcome->code, what);
    outcome->text = buffer_bytes(&instance->text);
}

static CallFrame call_start(Instance *instance, const FunctionCall *call) {
    ASSERT(!instance->trapped);  // after a trap the instance must be replaced
    if (__builtin_expect(instance->depth > 0, 0)) outer_keep(instance);
    CallFrame frame = {.start_nanos = instance->env->os->monotonic_nanos(instance->env->os)};
    instance->depth++;
    instance->function = call->name;
    instance->timestamp = call->timestamp;
    instance->reads = call->reads;
    if (call->args.count > 0) frame.args = byte_sources_open(&instance->sources, call->args);
    frame.sink = byte_sinks_open(&instance->sinks);
    return frame;
}

static void outer_keep(Instance *instance) {
    ASSERT(instance->env->procedures != NULL);
    ASSERT(instance->depth < CALL_DEPTH_MAX);
    instance->outer = (OuterCall){.function = instance->function,
                                  .timestamp = instance->timestamp,
                                  .host_call = instance->host_call,
                                  .reads = instance->reads,
                                  .last_source = instance->sources.last_id,
                                  .sink_count = instance->sinks.count};
}

// What called goes on.
static void outer_restore(Instance *instance) {
    const OuterCall *outer = &instance->outer;
    byte_sinks_close(&instance->sinks, outer->sink_count);
    byte_sources_close_newer(&instance->sources, outer->last_source);
    instance->function = outer->function;
    instance->timestamp = outer->timestamp;
    instance->host_call = outer->host_call;
    instance->reads = outer->reads;
    instance->trapped = false;  // the outcome says it
}

static CallOutcome call_end(Instance *instance, const CallFrame *frame, WasmEnd end, int32_t code) {
    if (__builtin_expect(--instance->depth > 0, 0)) {
        outer_restore(instance);
    } else {
        byte_sinks_close(&instance->sinks, 0);
        byte_sources_clear(&instance->sources);
        instance->reads = NULL;
    }
    Bytes output = byte_sinks_written(&instance->sinks, frame->sink);
    Os *os = instance->env->os;
    CallOutcome outcome = {.nanos = (uint64_t)(os->monotonic_nanos(os) - frame->start_nanos)};
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
