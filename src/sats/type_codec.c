// type_codec.c - the BSATN and JSON form of types (sats.md 1.1-1.4).
//
// Types are described by themselves: a Type is a sum of twenty variants, whose tag is TypeKind.
// Decoding counts depth and nodes, because a byte of input can become a node of memory.
#include "base/limits.h"
#include "sats/sats.h"

// The shortest element of a field array: the tag of an absent name and a type without payload.
#define FIELD_BYTES_MIN 2u

// The variant names, in tag order: JSON keys and error texts.
static const char *const KIND_NAMES[TYPE_KIND_COUNT] = {
    "Ref", "Sum", "Product", "Array", "String", "Bool", "I8",   "U8",   "I16", "U16",
    "I32", "U32", "I64",     "U64",   "I128",   "U128", "I256", "U256", "F32", "F64",
};

typedef struct TypeReader {
    Reader *reader;
    Arena *arena;
    uint32_t nodes_left;
} TypeReader;

static const Type *read_type(TypeReader *types, uint32_t depth);
static const Type *read_fields(TypeReader *types, TypeKind kind, uint32_t depth);
static Bytes read_name(TypeReader *types);
static const Type *fail(TypeReader *types);
static bool arena_has_room(const Arena *arena, size_t count);
static void write_fields_json(Buffer *buffer, const Type *type, const char *list_name);
static void write_fields_text(Buffer *buffer, const Type *type);

const Type *type_read(Reader *reader, Arena *arena) {
    TypeReader types = {reader, arena, SATS_TYPE_NODES_MAX};
    return read_type(&types, 0);
}

bool typespace_read(Reader *reader, Arena *arena, Typespace *ret_typespace) {
    TypeReader types = {reader, arena, SATS_TYPE_NODES_MAX};
    uint32_t count = reader_count(reader, 1);
    if (!arena_has_room(arena, sizeof(Type *) * (size_t)count)) fail(&types);
    if (reader->failed) return false;
    const Type **items = ARENA_ARRAY(arena, const Type *, count);
    for (uint32_t i = 0; i < count; i++) {
        items[i] = read_type(&types, 0);
        if (items[i] == NULL) return false;
    }
    *ret_typespace = (Typespace){items, count};
    return true;
}

void type_write(Buffer *buffer, const Type *type) {
    buffer_u8(buffer, (uint8_t)type->kind);
    if (type->kind == TYPE_REF) {
        buffer_u32(buffer, type->ref);
    } else if (type->kind == TYPE_ARRAY) {
        type_write(buffer, type->element);
    } else if (type->kind == TYPE_PRODUCT || type->kind == TYPE_SUM) {
        buffer_u32(buffer, type->field_count);
        for (uint32_t i = 0; i < type->field_count; i++) {
            Bytes name = type->fields[i].name;
            buffer_u8(buffer, name.data ? 0 : 1);
            if (name.data) buffer_string(buffer, name);
            type_write(buffer, type->fields[i].type);
        }
    }
}

void typespace_write(Buffer *buffer, const Typespace *typespace) {
    buffer_u32(buffer, typespace->count);
    for (uint32_t i = 0; i < typespace->count; i++) type_write(buffer, typespace->types[i]);
}

void type_write_json(Buffer *buffer, const Type *type) {
    buffer_append_format(buffer, "{\"%s\":", KIND_NAMES[type->kind]);
    switch (type->kind) {
    case TYPE_REF: buffer_append_format(buffer, "%u", type->ref); break;
    case TYPE_ARRAY: type_write_json(buffer, type->element); break;
    case TYPE_PRODUCT: write_fields_json(buffer, type, "elements"); break;
    case TYPE_SUM: write_fields_json(buffer, type, "variants"); break;
    default: buffer_append_text(buffer, "[]"); break;
    }
    buffer_u8(buffer, '}');
}

void type_write_text(Buffer *buffer, const Type *type) {
    switch (type->kind) {
    case TYPE_REF: buffer_append_format(buffer, "&%u", type->ref); break;
    case TYPE_ARRAY:
        buffer_append_text(buffer, "Array<");
        type_write_text(buffer, type->element);
        buffer_u8(buffer, '>');
        break;
    case TYPE_PRODUCT:
    case TYPE_SUM: write_fields_text(buffer, type); break;
    default: buffer_append_text(buffer, KIND_NAMES[type->kind]); break;
    }
}

// ---- reading ----

static const Type *read_type(TypeReader *types, uint32_t depth) {
    if (depth == SATS_DEPTH_MAX || types->nodes_left == 0) return fail(types);
    types->nodes_left--;
    uint8_t tag = reader_u8(types->reader);
    if (types->reader->failed || tag >= TYPE_KIND_COUNT) return fail(types);
    if (!arena_has_room(types->arena, sizeof(Type))) return fail(types);
    TypeKind kind = (TypeKind)tag;
    switch (kind) {
    case TYPE_REF: {
        uint32_t ref = reader_u32(types->reader);
        return types->reader->failed ? NULL : type_ref(types->arena, ref);
    }
    case TYPE_ARRAY: {
        const Type *element = read_type(types, depth + 1);
        return element ? type_array(types->arena, element) : NULL;
    }
    case TYPE_PRODUCT:
    case TYPE_SUM: return read_fields(types, kind, depth);
    default: return type_primitive(kind);
    }
}

static const Type *read_fields(TypeReader *types, TypeKind kind, uint32_t depth) {
    uint32_t count = reader_count(types->reader, FIELD_BYTES_MIN);
    if (types->reader->failed || count > types->nodes_left) return fail(types);
    if (!arena_has_room(types->arena, sizeof(TypeField) * (size_t)count * 2)) return fail(types);
    TypeField *fields = ARENA_ARRAY(types->arena, TypeField, count);
    for (uint32_t i = 0; i < count; i++) {
        fields[i].name = read_name(types);
        fields[i].type = read_type(types, depth + 1);
        if (fields[i].type == NULL) return NULL;
    }
    if (kind == TYPE_SUM) return type_sum(types->arena, fields, count);
    return type_product(types->arena, fields, count);
}

// An Option<String>; empty names are there, absent ones have no data.
static Bytes read_name(TypeReader *types) {
    uint8_t tag = reader_u8(types->reader);
    if (tag > 1) types->reader->failed = true;
    if (types->reader->failed || tag == 1) return BYTES_NONE;
    Bytes name = reader_string(types->reader);
    if (types->reader->failed || !arena_has_room(types->arena, name.count)) {
        types->reader->failed = true;
        return BYTES_NONE;
    }
    if (name.count == 0) return BYTES_LITERAL("");
    return arena_copy(types->arena, name);
}

static const Type *fail(TypeReader *types) {
    types->reader->failed = true;
    return NULL;
}

// An arena aborts at its maximum, so that outside sizes have to stay away from it: they get three
// quarters.
static bool arena_has_room(const Arena *arena, size_t count) {
    size_t block_left = (size_t)(arena->end - arena->at);
    if (count <= block_left) return true;
    size_t room = arena->max - arena->max / 4;
    return arena->used < room && count < (room - arena->used) / 2;
}

// ---- writing ----

static void write_fields_json(Buffer *buffer, const Type *type, const char *list_name) {
    buffer_append_format(buffer, "{\"%s\":[", list_name);
    for (uint32_t i = 0; i < type->field_count; i++) {
        Bytes name = type->fields[i].name;
        buffer_append_text(buffer, i == 0 ? "{\"name\":" : ",{\"name\":");
        if (name.data) {
            buffer_append_text(buffer, "{\"some\":");
            json_write_string(buffer, name);
            buffer_append_text(buffer, "},\"algebraic_type\":");
        } else {
            buffer_append_text(buffer, "{\"none\":[]},\"algebraic_type\":");
        }
        type_write_json(buffer, type->fields[i].type);
        buffer_u8(buffer, '}');
    }
    buffer_append_text(buffer, "]}");
}

static void write_fields_text(Buffer *buffer, const Type *type) {
    bool is_sum = type->kind == TYPE_SUM;
    buffer_u8(buffer, '(');
    if (is_sum && type->field_count == 0) buffer_u8(buffer, '|');
    for (uint32_t i = 0; i < type->field_count; i++) {
        Bytes name = type->fields[i].name;
        if (i > 0) buffer_append_text(buffer, is_sum ? " | " : ", ");
        if (name.data) {
            buffer_append_bytes(buffer, name);
            buffer_append_text(buffer, ": ");
        } else if (!is_sum) {
            buffer_append_format(buffer, "%u: ", i);
        }
        type_write_text(buffer, type->fields[i].type);
    }
    buffer_u8(buffer, ')');
}
