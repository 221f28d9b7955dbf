// remote.h - a module under remote control: it makes the host calls a test writes into a script, with whatever
// pointers, lengths and handles the test likes, and answers with what they returned.
//
// A script is the argument of a reducer or an anonymous view. In guest memory, from SCRIPT_AT:
//
//   u32 record count, u32 0, records of { u32 op, u32 repeat, u64 args[11] }, data
//
// An op below the number of host calls makes that call (in the order of the table), `repeat` times; before each time
// the guest does u32[LENGTH_AT] = u32[LENGTH_START_AT] and u64[ROW_AT] += u64[ROW_STEP_AT], for loops that insert.
// Each record appends its result (u64) to the sink; REMOTE_READ first appends what it reads.
#pragma once

#include "host/abi/abi.h"
#include "wasm_builder.h"

#define REMOTE_PAGES 32u
#define REMOTE_BYTES (REMOTE_PAGES << 16)
#define SCRIPT_AT 65536u
#define SCRIPT_BYTES_MAX (1u << 19)
#define RECORD_BYTES 96u
#define RECORD_ARGS_MAX 11u
#define LENGTH_AT 32u
#define LENGTH_START_AT 36u
#define ROW_STEP_AT 40u
#define ROW_AT 64u
#define PARAMS_AT 512u  // what __call_reducer__ got: ten u64
#define CALLS_AT 600u   // u64: reducer calls of this instance
#define DESCRIPTION_AT 1024u
#define REMOTE_VIEW_AT 0x180000u  // scripts of sender views: others' stay as they are
#define FREE_AT 0xA0000u          // to the test's liking, from here to REMOTE_BYTES

typedef enum RemoteOp {
    REMOTE_WRITE = 64,  // to, from, count
    REMOTE_READ,        // from, count
    REMOTE_TRAP,
    REMOTE_SPIN,
    REMOTE_GROW,    // pages; the result of memory.grow
    REMOTE_RETURN,  // code
    REMOTE_RECURSE,
    REMOTE_LOAD,  // u32 at any address
    REMOTE_FIND,  // index, key, key bytes, u32 cell, buffer: a point scan and an advance; capacity in LENGTH_AT
    REMOTE_COPY,  // to, from, count
    REMOTE_SKIP,  // at, count: if the u64 there is zero, the next `count` records are left out
    REMOTE_OP_END,
} RemoteOp;

// The example of module-abi.md 3.1: one reducer, say_hi.
static const uint8_t REMOTE_DESCRIPTION[] = {2,   2, 0, 0, 0, 0, 0, 0,   0,   0,   3,   1,
                                             0,   0, 0, 6, 0, 0, 0, 's', 'a', 'y', '_', 'h',
                                             'i', 0, 0, 0, 0, 1, 2, 0,   0,   0,   0,   4};

static inline uint32_t remote_op(const char *name) {
    uint32_t count;
    const HostCall *calls = host_calls(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(calls[i].name, name) == 0) return i;
    }
    ASSERT(false);
    return 0;
}

enum { RUN_SOURCE, RUN_SINK, RUN_PC, RUN_END_AT, RUN_TIMES, RUN_LOCALS };

static inline void remote_emit_args(Buffer *body, const char *signature) {
    for (uint32_t i = 0; signature[i] != ':'; i++) {
        emit_get(body, RUN_PC);
        emit_memory(body, signature[i] == 'i' ? OP_I32_LOAD : OP_I64_LOAD, 8 + 8 * i);
    }
}

// u64[16] = what is on the stack; the address is pushed before.
static inline void remote_emit_result(Buffer *body, char type) {
    if (type == 'i') buffer_u8(body, OP_I64_EXTEND_I32_S);
    emit_memory(body, OP_I64_STORE, 0);
}

static inline void remote_emit_call(Buffer *body, const HostCall *call, uint32_t function) {
    char result = strchr(call->signature, ':')[1];
    if (result != '\0') emit_i32(body, 16);
    remote_emit_args(body, call->signature);
    emit_call(body, function);
    if (result != '\0') remote_emit_result(body, result);
}

static inline void remote_emit_find(Buffer *body) {
    remote_emit_args(body, "iiii:");
    emit_call(body, remote_op("datastore_index_scan_point_bsatn"));
    buffer_u8(body, OP_DROP);
    emit_i32(body, 16);
    emit_get(body, RUN_PC);
    emit_memory(body, OP_I32_LOAD, 32);
    emit_memory(body, OP_I32_LOAD, 0);
    emit_get(body, RUN_PC);
    emit_memory(body, OP_I32_LOAD, 40);
    emit_i32(body, LENGTH_AT);
    emit_call(body, remote_op("row_iter_bsatn_advance"));
    remote_emit_result(body, 'i');
}

static inline void remote_emit_skip(Buffer *body) {
    remote_emit_args(body, "i:");
    emit_memory(body, OP_I64_LOAD, 0);
    buffer_append(body, (uint8_t[]){OP_I64_EQZ, OP_IF, BLOCK_EMPTY}, 3);
    emit_get(body, RUN_PC);
    emit_get(body, RUN_PC);
    emit_memory(body, OP_I32_LOAD, 16);
    emit_i32(body, RECORD_BYTES);
    buffer_append(body, (uint8_t[]){OP_I32_MUL, OP_I32_ADD}, 2);
    emit_set(body, RUN_PC);
    buffer_u8(body, OP_END);
}

static inline void remote_emit_op(Buffer *body, RemoteOp op, uint32_t sink_write, uint32_t self) {
    switch (op) {
    case REMOTE_WRITE:
    case REMOTE_COPY:
        remote_emit_args(body, "iii:");
        buffer_append(body, "\xFC\x0A\x00\x00", 4);  // memory.copy
        break;
    case REMOTE_READ:
        emit_i32(body, 24);
        emit_get(body, RUN_PC);
        emit_memory(body, OP_I32_LOAD, 16);
        emit_memory(body, OP_I32_STORE, 0);
        emit_get(body, RUN_SINK);
        remote_emit_args(body, "i:");
        emit_i32(body, 24);
        emit_call(body, sink_write);
        buffer_u8(body, OP_DROP);
        break;
    case REMOTE_TRAP: buffer_u8(body, OP_UNREACHABLE); break;
    case REMOTE_SPIN:
        buffer_u8(body, OP_LOOP);
        buffer_u8(body, BLOCK_EMPTY);
        emit_br(body, OP_BR, 0);
        buffer_u8(body, OP_END);
        break;
    case REMOTE_GROW:
        emit_i32(body, 16);
        remote_emit_args(body, "i:");
        buffer_append(body, "\x40\x00", 2);
        remote_emit_result(body, 'i');
        break;
    case REMOTE_RETURN:
        remote_emit_args(body, "i:");
        buffer_u8(body, OP_RETURN);
        break;
    case REMOTE_RECURSE:
        emit_get(body, RUN_SOURCE);
        emit_get(body, RUN_SINK);
        emit_call(body, self);
        buffer_u8(body, OP_DROP);
        break;
    case REMOTE_LOAD:
        emit_i32(body, 16);
        remote_emit_args(body, "i:");
        emit_memory(body, OP_I32_LOAD, 0);
        remote_emit_result(body, 'i');
        break;
    case REMOTE_FIND: remote_emit_find(body); break;
    case REMOTE_SKIP: remote_emit_skip(body); break;
    case REMOTE_OP_END: break;
    }
}

// Before each time a call is made.
static inline void remote_emit_step(Buffer *body) {
    emit_i32(body, 0);
    emit_i32(body, 0);
    emit_memory(body, OP_I32_LOAD, LENGTH_START_AT);
    emit_memory(body, OP_I32_STORE, LENGTH_AT);
    emit_i32(body, 0);
    emit_i32(body, 0);
    emit_memory(body, OP_I64_LOAD, ROW_AT);
    emit_i32(body, 0);
    emit_memory(body, OP_I64_LOAD, ROW_STEP_AT);
    buffer_u8(body, OP_I64_ADD);
    emit_memory(body, OP_I64_STORE, ROW_AT);
}

// Where a way of running scripts finds its script.
typedef struct RemoteEntry {
    uint32_t script_at;
    uint32_t skipped;  // bytes of the source before the script
    bool
        writes_count;  // the script's second word goes to the sink first: the results become a BSATN array
} RemoteEntry;

// Reads the script from the source, if there is one: a recursion finds it in memory.
static inline void remote_emit_start(Buffer *body, uint32_t source_read, uint32_t sink_write,
                                     RemoteEntry entry) {
    emit_get(body, RUN_SOURCE);
    buffer_u8(body, OP_IF);
    buffer_u8(body, BLOCK_EMPTY);
    emit_i32(body, 24);
    emit_i32(body, SCRIPT_BYTES_MAX);
    emit_memory(body, OP_I32_STORE, 0);
    emit_get(body, RUN_SOURCE);
    emit_i32(body, entry.script_at - entry.skipped);
    emit_i32(body, 24);
    emit_call(body, source_read);
    buffer_u8(body, OP_DROP);
    buffer_u8(body, OP_END);
    if (entry.writes_count) {
        emit_i32(body, 24);
        emit_i32(body, 4);
        emit_memory(body, OP_I32_STORE, 0);
        emit_get(body, RUN_SINK);
        emit_i32(body, entry.script_at + 4);
        emit_i32(body, 24);
        emit_call(body, sink_write);
        buffer_u8(body, OP_DROP);
    }
    emit_i32(body, entry.script_at + 8);
    emit_set(body, RUN_PC);
    emit_get(body, RUN_PC);
    emit_i32(body, entry.script_at);
    emit_memory(body, OP_I32_LOAD, 0);
    emit_i32(body, RECORD_BYTES);
    buffer_u8(body, OP_I32_MUL);
    buffer_u8(body, OP_I32_ADD);
    emit_set(body, RUN_END_AT);
}

// (source, sink) -> code
static inline void remote_emit_run(Buffer *body, const HostCall *calls, uint32_t call_count,
                                   uint32_t source_read, uint32_t sink_write, uint32_t self,
                                   RemoteEntry entry) {
    buffer_append(body, "\x01\x03\x7F", 3);  // three i32 locals
    remote_emit_start(body, source_read, sink_write, entry);
    buffer_append(body, (uint8_t[]){OP_BLOCK, BLOCK_EMPTY, OP_LOOP, BLOCK_EMPTY}, 4);  // exit, next
    emit_get(body, RUN_PC);
    emit_get(body, RUN_END_AT);
    buffer_u8(body, OP_I32_GE_U);
    emit_br(body, OP_BR_IF, 1);
    emit_get(body, RUN_PC);
    emit_memory(body, OP_I32_LOAD, 4);
    emit_set(body, RUN_TIMES);
    emit_i32(body, 16);
    buffer_append(body, (uint8_t[]){OP_I64_CONST, 0}, 2);
    emit_memory(body, OP_I64_STORE, 0);
    buffer_append(body, (uint8_t[]){OP_LOOP, BLOCK_EMPTY}, 2);  // times
    remote_emit_step(body);
    // A block for each op, innermost for op 0; the table jumps to the end of the op's block.
    uint32_t op_count = REMOTE_OP_END;
    buffer_append(body, (uint8_t[]){OP_BLOCK, BLOCK_EMPTY}, 2);  // done
    for (uint32_t i = 0; i < op_count; i++)
        buffer_append(body, (uint8_t[]){OP_BLOCK, BLOCK_EMPTY}, 2);
    emit_get(body, RUN_PC);
    emit_memory(body, OP_I32_LOAD, 0);
    buffer_u8(body, OP_BR_TABLE);
    buffer_varint(body, op_count);
    for (uint32_t i = 0; i < op_count; i++) buffer_varint(body, i);
    buffer_varint(body, op_count);  // unknown: done
    for (uint32_t i = 0; i < op_count; i++) {
        buffer_u8(body, OP_END);
        if (i < call_count) {
            remote_emit_call(body, &calls[i], i);
        } else if (i >= REMOTE_WRITE) {
            remote_emit_op(body, (RemoteOp)i, sink_write, self);
        }
        emit_br(body, OP_BR, op_count - 1 - i);
    }
    buffer_u8(body, OP_END);  // done
    emit_get(body, RUN_TIMES);
    emit_i32(body, 1);
    buffer_u8(body, OP_I32_SUB);
    emit_set(body, RUN_TIMES);
    emit_get(body, RUN_TIMES);
    emit_br(body, OP_BR_IF, 0);
    buffer_u8(body, OP_END);  // times
    emit_i32(body, 24);
    emit_i32(body, 8);
    emit_memory(body, OP_I32_STORE, 0);
    emit_get(body, RUN_SINK);
    emit_i32(body, 16);
    emit_i32(body, 24);
    emit_call(body, sink_write);
    buffer_u8(body, OP_DROP);
    emit_get(body, RUN_PC);
    emit_i32(body, RECORD_BYTES);
    buffer_u8(body, OP_I32_ADD);
    emit_set(body, RUN_PC);
    emit_br(body, OP_BR, 0);
    buffer_append(body, (uint8_t[]){OP_END, OP_END}, 2);  // next, exit
    emit_i32(body, 0);
    buffer_u8(body, OP_END);
}

// __call_reducer__: keeps its parameters and counts, then runs the script, if there is one.
static inline void remote_emit_reducer(Buffer *body, uint32_t run) {
    static const char SIGNATURE[] = "illlllllii";
    buffer_u8(body, 0);
    for (uint32_t i = 0; i < 10; i++) {
        emit_i32(body, PARAMS_AT + 8 * i);
        emit_get(body, i);
        if (SIGNATURE[i] == 'i') buffer_u8(body, OP_I64_EXTEND_I32_U);
        emit_memory(body, OP_I64_STORE, 0);
    }
    emit_i32(body, CALLS_AT);
    emit_i32(body, CALLS_AT);
    emit_memory(body, OP_I64_LOAD, 0);
    buffer_append(body, (uint8_t[]){OP_I64_CONST, 1, OP_I64_ADD}, 3);
    emit_memory(body, OP_I64_STORE, 0);
    emit_get(body, 8);
    buffer_append(
        body, (uint8_t[]){OP_I32_EQZ, OP_IF, BLOCK_EMPTY, OP_I32_CONST, 0, OP_RETURN, OP_END}, 7);
    emit_get(body, 8);
    emit_get(body, 9);
    emit_call(body, run);
    buffer_u8(body, OP_END);
}

// An export that runs the script of its parameter `source`.
static inline void remote_export_run(WasmBuilder *builder, const char *name, const char *signature,
                                     uint32_t source, uint32_t sink, uint32_t run) {
    Buffer body;
    buffer_init(&body, BUILDER_BYTES_MAX);
    buffer_u8(&body, 0);
    emit_get(&body, source);
    emit_get(&body, sink);
    emit_call(&body, run);
    buffer_u8(&body, OP_END);
    builder_export(builder, name, EXPORT_FUNCTION, builder_function(builder, signature, &body));
    buffer_done(&body);
}

typedef enum RemoteExports { REMOTE_FEW_EXPORTS, REMOTE_ALL_EXPORTS } RemoteExports;

// Appends the module. Few exports: those of reducers and anonymous views.
static inline void remote_build(Buffer *module, RemoteExports exports) {
    WasmBuilder builder;
    builder_init(&builder);
    uint32_t call_count;
    const HostCall *calls = host_calls(&call_count);
    ASSERT(call_count < REMOTE_WRITE);
    uint32_t source_read = 0;
    uint32_t sink_write = 0;
    for (uint32_t i = 0; i < call_count; i++) {
        builder_import(&builder, calls[i].module, calls[i].name, calls[i].signature);
        if (strcmp(calls[i].name, "bytes_source_read") == 0) source_read = i;
        if (strcmp(calls[i].name, "bytes_sink_write") == 0) sink_write = i;
    }
    Buffer body;
    buffer_init(&body, BUILDER_BYTES_MAX);
    RemoteEntry entry = {.script_at = SCRIPT_AT};
    remote_emit_run(&body, calls, call_count, source_read, sink_write, call_count, entry);
    uint32_t run = builder_function(&builder, "ii:i", &body);
    ASSERT(run == call_count);
    builder_name(&builder, run, "_ZN6remote3run17h0123456789abcdefE");

    buffer_clear(&body);
    remote_emit_reducer(&body, run);
    builder_export(&builder, "__call_reducer__", EXPORT_FUNCTION,
                   builder_function(&builder, "illlllllii:i", &body));

    buffer_clear(&body);
    buffer_u8(&body, 0);
    emit_get(&body, 1);
    emit_get(&body, 2);
    emit_call(&body, run);
    buffer_u8(&body, OP_END);
    uint32_t view = builder_function(&builder, "iii:i", &body);
    builder_name(&builder, view, "plain_view");
    builder_export(&builder, "__call_view_anon__", EXPORT_FUNCTION, view);
    if (exports == REMOTE_ALL_EXPORTS) {
        remote_export_run(&builder, "__call_procedure__", "illlllllii:i", 8, 9, run);
        buffer_clear(&body);
        entry.script_at = REMOTE_VIEW_AT;
        uint32_t inner = builder.import_function_count + builder.function_count;
        remote_emit_run(&body, calls, call_count, source_read, sink_write, inner, entry);
        builder_function(&builder, "ii:i", &body);
        remote_export_run(&builder, "__call_view__", "illllii:i", 5, 6, inner);
        // The older one of its two signatures; the request's body is the script.
        remote_export_run(&builder, "__call_http_handler__", "iliiii:i", 3, 5, run);
    }

    buffer_clear(&body);
    buffer_u8(&body, 0);
    emit_i32(&body, 24);
    emit_i32(&body, sizeof REMOTE_DESCRIPTION);
    emit_memory(&body, OP_I32_STORE, 0);
    emit_get(&body, 0);
    emit_i32(&body, DESCRIPTION_AT);
    emit_i32(&body, 24);
    emit_call(&body, sink_write);
    buffer_append(&body, (uint8_t[]){OP_DROP, OP_END}, 2);
    builder_export(&builder, "__describe_module__", EXPORT_FUNCTION,
                   builder_function(&builder, "i:", &body));

    builder_memory(&builder, REMOTE_PAGES);
    builder_export(&builder, "memory", EXPORT_MEMORY, 0);
    builder_data(&builder, DESCRIPTION_AT, bytes_of(REMOTE_DESCRIPTION, sizeof REMOTE_DESCRIPTION));
    builder_finish(&builder, module);
    buffer_done(&body);
    builder_done(&builder);
}

// ---- scripts ----

typedef struct RemoteScript {
    Buffer records;
    Buffer data;
    uint32_t count;
} RemoteScript;

static inline void script_init(RemoteScript *script) {
    *script = (RemoteScript){0};
    buffer_init(&script->records, SCRIPT_BYTES_MAX);
    buffer_init(&script->data, SCRIPT_BYTES_MAX);
}
static inline void script_done(RemoteScript *script) {
    buffer_done(&script->records);
    buffer_done(&script->data);
}
static inline void script_clear(RemoteScript *script) {
    buffer_clear(&script->records);
    buffer_clear(&script->data);
    script->count = 0;
}

static inline void script_add(RemoteScript *script, uint32_t op, uint32_t repeat,
                              const uint64_t *args, uint32_t count) {
    ASSERT(count <= RECORD_ARGS_MAX);
    buffer_u32(&script->records, op);
    buffer_u32(&script->records, repeat);
    for (uint32_t i = 0; i < RECORD_ARGS_MAX; i++)
        buffer_u64(&script->records, i < count ? args[i] : 0);
    script->count++;
}

#define SCRIPT_OP(script, op, ...)                                 \
    script_add((script), (op), 1, (const uint64_t[]){__VA_ARGS__}, \
               sizeof((uint64_t[]){__VA_ARGS__}) / 8)
#define SCRIPT_CALL(script, name, ...) SCRIPT_OP((script), remote_op(name), __VA_ARGS__)

// Puts bytes into guest memory; where they lie in the script is known when it is finished.
static inline void script_write(RemoteScript *script, uint32_t to, Bytes bytes) {
    SCRIPT_OP(script, REMOTE_WRITE, to, script->data.count, bytes.count);
    buffer_append_bytes(&script->data, bytes);
}

// Appends the argument bytes of a script that lies there; `word` is its second word.
static inline void script_finish_at(RemoteScript *script, Buffer *args, uint32_t script_at,
                                    uint32_t word) {
    uint32_t data_at = script_at + 8 + script->count * RECORD_BYTES;
    for (uint32_t i = 0; i < script->count; i++) {
        uint8_t *record = script->records.data + (size_t)i * RECORD_BYTES;
        if (load_u32le(record) == REMOTE_WRITE)
            store_u64le(record + 16, data_at + load_u64le(record + 16));
    }
    buffer_u32(args, script->count);
    buffer_u32(args, word);
    buffer_append(args, script->records.data, script->records.count);
    buffer_append(args, script->data.data, script->data.count);
    ASSERT(!args->failed && args->count <= SCRIPT_BYTES_MAX);
}

// Appends the argument bytes.
static inline void script_finish(RemoteScript *script, Buffer *args) {
    script_finish_at(script, args, SCRIPT_AT, 0);
}
