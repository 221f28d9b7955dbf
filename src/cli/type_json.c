// type_json.c - reads the JSON of a type recursively, with a depth.
#include "cli/type_json.h"

static const Type *read_type(Bytes json, Arena *arena, uint32_t depth);
static const Type *read_fields(Bytes list, TypeKind kind, Arena *arena, uint32_t depth);
static bool find_primitive(Bytes name, TypeKind *ret_kind);
static uint32_t count_items(Bytes list);

typedef struct PrimitiveName {
    const char *name;
    TypeKind kind;
} PrimitiveName;

static const PrimitiveName PRIMITIVES[] = {
    {"String", TYPE_STRING}, {"Bool", TYPE_BOOL}, {"I8", TYPE_I8},     {"U8", TYPE_U8},
    {"I16", TYPE_I16},       {"U16", TYPE_U16},   {"I32", TYPE_I32},   {"U32", TYPE_U32},
    {"I64", TYPE_I64},       {"U64", TYPE_U64},   {"I128", TYPE_I128}, {"U128", TYPE_U128},
    {"I256", TYPE_I256},     {"U256", TYPE_U256}, {"F32", TYPE_F32},   {"F64", TYPE_F64},
};

const Type *type_of_json(Bytes json, Arena *arena) {
    return read_type(json, arena, 0);
}

const Type *type_of_elements(Bytes json, Arena *arena) {
    return read_fields(json_text_member(json, "elements"), TYPE_PRODUCT, arena, 0);
}

static const Type *read_type(Bytes json, Arena *arena, uint32_t depth) {
    Bytes name = BYTES_NONE;
    Bytes value = BYTES_NONE;
    TypeKind kind = TYPE_REF;
    if (depth > SATS_DEPTH_MAX || !json_text_variant(json, &name, &value)) return NULL;
    if (find_primitive(name, &kind)) return type_primitive(kind);
    if (bytes_equal_text(name, "Ref")) {
        uint32_t ref = 0;
        return json_text_u32(value, &ref) ? type_ref(arena, ref) : NULL;
    }
    if (bytes_equal_text(name, "Array")) {
        const Type *element = read_type(value, arena, depth + 1);
        return element == NULL ? NULL : type_array(arena, element);
    }
    if (bytes_equal_text(name, "Product")) {
        return read_fields(json_text_member(value, "elements"), TYPE_PRODUCT, arena, depth + 1);
    }
    if (bytes_equal_text(name, "Sum")) {
        return read_fields(json_text_member(value, "variants"), TYPE_SUM, arena, depth + 1);
    }
    return NULL;
}

// [{"name":{"some":"x"},"algebraic_type":...}, ...]
static const Type *read_fields(Bytes list, TypeKind kind, Arena *arena, uint32_t depth) {
    if (list.count == 0 || json_text_kind(list) != JSON_TEXT_ARRAY) return NULL;
    uint32_t count = count_items(list);
    TypeField *fields = ARENA_ARRAY(arena, TypeField, count);
    JsonWalk walk = json_text_walk(list);
    Bytes key = BYTES_NONE;
    Bytes item = BYTES_NONE;
    for (uint32_t i = 0; json_text_next(&walk, &key, &item); i++) {
        fields[i].name = name_of_json(json_text_member(item, "name"), arena);
        fields[i].type = read_type(json_text_member(item, "algebraic_type"), arena, depth);
        if (fields[i].type == NULL) return NULL;
    }
    return kind == TYPE_SUM ? type_sum(arena, fields, count) : type_product(arena, fields, count);
}

static bool find_primitive(Bytes name, TypeKind *ret_kind) {
    for (size_t i = 0; i < sizeof PRIMITIVES / sizeof PRIMITIVES[0]; i++) {
        if (!bytes_equal_text(name, PRIMITIVES[i].name)) continue;
        *ret_kind = PRIMITIVES[i].kind;
        return true;
    }
    return false;
}

bool typespace_of_json(Bytes json, Arena *arena, Typespace *ret_typespace) {
    Bytes list = json_text_member(json, "types");
    uint32_t count = count_items(list);
    const Type **types = ARENA_ARRAY(arena, const Type *, count);
    JsonWalk walk = json_text_walk(list);
    Bytes key = BYTES_NONE;
    Bytes item = BYTES_NONE;
    for (uint32_t i = 0; json_text_next(&walk, &key, &item); i++) {
        types[i] = read_type(item, arena, 0);
        if (types[i] == NULL) return false;
    }
    *ret_typespace = (Typespace){types, count};
    return true;
}

Bytes name_of_json(Bytes json, Arena *arena) {
    Bytes name = BYTES_NONE;
    Bytes some = json_text_member(json, "some");
    (void)json_text_string(some.data == NULL ? json : some, arena, &name);  // else: no name
    return name;
}

static uint32_t count_items(Bytes list) {
    uint32_t count = 0;
    JsonWalk walk = json_text_walk(list);
    Bytes key = BYTES_NONE;
    Bytes item = BYTES_NONE;
    while (json_text_next(&walk, &key, &item)) count++;
    return count;
}
