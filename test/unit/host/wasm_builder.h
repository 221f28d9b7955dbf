// wasm_builder.h - writes small WebAssembly modules, for tests: good ones, and ones no compiler would make.
//
// Order      types and imports first, then functions; sections are put together at the end.
#pragma once

#include "base/bytes.h"

#define BUILDER_BYTES_MAX (1u << 24)

typedef struct WasmBuilder {
    Buffer types, imports, functions, memories, exports, codes, datas;
    uint32_t type_count, import_count, import_function_count, function_count, memory_count,
        export_count, data_count;
    int64_t start;  // index of the start function, -1: none
    Buffer names;   // of functions
    uint32_t name_count;
} WasmBuilder;

// The opcodes the tests use.
enum {
    OP_UNREACHABLE = 0x00,
    OP_BLOCK = 0x02,
    OP_LOOP = 0x03,
    OP_IF = 0x04,
    OP_END = 0x0B,
    OP_BR = 0x0C,
    OP_BR_IF = 0x0D,
    OP_BR_TABLE = 0x0E,
    OP_RETURN = 0x0F,
    OP_CALL = 0x10,
    OP_DROP = 0x1A,
    OP_LOCAL_GET = 0x20,
    OP_LOCAL_SET = 0x21,
    OP_I32_LOAD = 0x28,
    OP_I64_LOAD = 0x29,
    OP_I32_STORE = 0x36,
    OP_I64_STORE = 0x37,
    OP_MEMORY_GROW = 0x40,
    OP_I32_CONST = 0x41,
    OP_I64_CONST = 0x42,
    OP_I32_EQZ = 0x45,
    OP_I32_GE_U = 0x4F,
    OP_I64_EQZ = 0x50,
    OP_I32_ADD = 0x6A,
    OP_I32_SUB = 0x6B,
    OP_I32_MUL = 0x6C,
    OP_I64_ADD = 0x7C,
    OP_I64_EXTEND_I32_S = 0xAC,
    OP_I64_EXTEND_I32_U = 0xAD,
    BLOCK_EMPTY = 0x40,
};

static inline void builder_init(WasmBuilder *builder) {
    *builder = (WasmBuilder){.start = -1};
    Buffer *buffers[] = {&builder->types,    &builder->imports, &builder->functions,
                         &builder->memories, &builder->exports, &builder->codes,
                         &builder->datas,    &builder->names};
    for (uint32_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        buffer_init(buffers[i], BUILDER_BYTES_MAX);
}

static inline void builder_done(WasmBuilder *builder) {
    Buffer *buffers[] = {&builder->types,    &builder->imports, &builder->functions,
                         &builder->memories, &builder->exports, &builder->codes,
                         &builder->datas,    &builder->names};
    for (uint32_t i = 0; i < sizeof buffers / sizeof *buffers; i++) buffer_done(buffers[i]);
}

static inline void emit_signed(Buffer *buffer, int64_t value) {
    for (bool more = true; more;) {
        uint8_t byte = value & 0x7F;
        value >>= 7;
        more = !((value == 0 && !(byte & 0x40)) || (value == -1 && (byte & 0x40)));
        buffer_u8(buffer, (uint8_t)(byte | (more ? 0x80 : 0)));
    }
}

static inline void emit_name(Buffer *buffer, const char *name) {
    buffer_varint(buffer, strlen(name));
    buffer_append_text(buffer, name);
}

static inline void emit_bytes(Buffer *buffer, const Buffer *bytes) {
    buffer_varint(buffer, bytes->count);
    buffer_append(buffer, bytes->data, bytes->count);
}

// 'i' i32, 'l' i64, 'f' f32, 'd' f64, 'v' v128, 'r' funcref; parameters, ':', results.
static inline uint32_t builder_type(WasmBuilder *builder, const char *signature) {
    buffer_u8(&builder->types, 0x60);
    const char *colon = strchr(signature, ':');
    for (int part = 0; part < 2; part++) {
        const char *at = part == 0 ? signature : colon + 1;
        uint32_t count = part == 0 ? (uint32_t)(colon - signature) : (uint32_t)strlen(colon + 1);
        buffer_varint(&builder->types, count);
        for (uint32_t i = 0; i < count; i++) {
            char c = at[i];
            buffer_u8(&builder->types, c == 'i'   ? 0x7F
                                       : c == 'l' ? 0x7E
                                       : c == 'f' ? 0x7D
                                       : c == 'd' ? 0x7C
                                       : c == 'v' ? 0x7B
                                                  : 0x70);
        }
    }
    return builder->type_count++;
}

static inline uint32_t builder_import(WasmBuilder *builder, const char *module, const char *name,
                                      const char *signature) {
    uint32_t type = builder_type(builder, signature);
    emit_name(&builder->imports, module);
    emit_name(&builder->imports, name);
    buffer_u8(&builder->imports, 0x00);
    buffer_varint(&builder->imports, type);
    builder->import_count++;
    return builder->import_function_count++;
}

// Without the locals' declaration and the final end if `body` is empty: then a body of nothing.
static inline uint32_t builder_function(WasmBuilder *builder, const char *signature,
                                        const Buffer *body) {
    uint32_t type = builder_type(builder, signature);
    buffer_varint(&builder->functions, type);
    if (body) {
        emit_bytes(&builder->codes, body);
    } else {
        buffer_append(&builder->codes, "\x02\x00\x0B", 3);
    }
    return builder->import_function_count + builder->function_count++;
}

static inline void builder_memory(WasmBuilder *builder, uint32_t pages) {
    buffer_u8(&builder->memories, 0x00);
    buffer_varint(&builder->memories, pages);
    builder->memory_count++;
}

typedef enum ExportKind { EXPORT_FUNCTION = 0, EXPORT_MEMORY = 2 } ExportKind;

static inline void builder_export(WasmBuilder *builder, const char *name, ExportKind kind,
                                  uint32_t index) {
    emit_name(&builder->exports, name);
    buffer_u8(&builder->exports, (uint8_t)kind);
    buffer_varint(&builder->exports, index);
    builder->export_count++;
}

static inline void builder_data(WasmBuilder *builder, uint32_t at, Bytes bytes) {
    buffer_u8(&builder->datas, 0x00);
    buffer_u8(&builder->datas, OP_I32_CONST);
    emit_signed(&builder->datas, (int32_t)at);
    buffer_u8(&builder->datas, OP_END);
    buffer_varint(&builder->datas, bytes.count);
    buffer_append_bytes(&builder->datas, bytes);
    builder->data_count++;
}

static inline void builder_section(Buffer *module, uint8_t id, uint32_t count,
                                   const Buffer *content) {
    if (count == 0) return;
    Buffer section;
    buffer_init(&section, BUILDER_BYTES_MAX);
    buffer_varint(&section, count);
    buffer_append(&section, content->data, content->count);
    buffer_u8(module, id);
    emit_bytes(module, &section);
    buffer_done(&section);
}

// For backtraces; in ascending order of functions.
static inline void builder_name(WasmBuilder *builder, uint32_t function, const char *name) {
    buffer_varint(&builder->names, function);
    emit_name(&builder->names, name);
    builder->name_count++;
}

// Appends the whole module.
static inline void builder_finish(WasmBuilder *builder, Buffer *module) {
    buffer_append(module, "\0asm\1\0\0\0", 8);
    builder_section(module, 1, builder->type_count, &builder->types);
    builder_section(module, 2, builder->import_count, &builder->imports);
    builder_section(module, 3, builder->function_count, &builder->functions);
    builder_section(module, 5, builder->memory_count, &builder->memories);
    builder_section(module, 7, builder->export_count, &builder->exports);
    if (builder->start >= 0) {
        Buffer start;
        buffer_init(&start, 16);
        buffer_varint(&start, (uint64_t)builder->start);
        buffer_u8(module, 8);
        emit_bytes(module, &start);
        buffer_done(&start);
    }
    builder_section(module, 10, builder->function_count, &builder->codes);
    builder_section(module, 11, builder->data_count, &builder->datas);
    if (builder->name_count > 0) {
        Buffer section;
        Buffer functions;
        buffer_init(&section, BUILDER_BYTES_MAX);
        buffer_init(&functions, BUILDER_BYTES_MAX);
        emit_name(&section, "name");
        buffer_varint(&functions, builder->name_count);
        buffer_append(&functions, builder->names.data, builder->names.count);
        buffer_u8(&section, 1);
        emit_bytes(&section, &functions);
        buffer_u8(module, 0);
        emit_bytes(module, &section);
        buffer_done(&section);
        buffer_done(&functions);
    }
    ASSERT(!module->failed);
}

// ---- instructions ----

static inline void emit_i32(Buffer *body, uint32_t value) {
    buffer_u8(body, OP_I32_CONST);
    emit_signed(body, (int32_t)value);
}
static inline void emit_get(Buffer *body, uint32_t local) {
    buffer_u8(body, OP_LOCAL_GET);
    buffer_varint(body, local);
}
static inline void emit_set(Buffer *body, uint32_t local) {
    buffer_u8(body, OP_LOCAL_SET);
    buffer_varint(body, local);
}
static inline void emit_call(Buffer *body, uint32_t function) {
    buffer_u8(body, OP_CALL);
    buffer_varint(body, function);
}
// A load or store at the address on the stack plus offset.
static inline void emit_memory(Buffer *body, uint8_t op, uint32_t offset) {
    buffer_u8(body, op);
    buffer_u8(body, 0);  // alignment: any
    buffer_varint(body, offset);
}
static inline void emit_br(Buffer *body, uint8_t op, uint32_t depth) {
    buffer_u8(body, op);
    buffer_varint(body, depth);
}
