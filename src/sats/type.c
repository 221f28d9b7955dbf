// type.c - building types: shared nodes, derived fields, recognition of the special ones,
// resolution.
//
// A Type is never changed after the function that builds it returns. What every value of a type has
// in common (its size, whether any bytes of that size are a value, which special type it is) is
// computed once, here, from the parts, which were built before: nothing walks a type to learn it.
//
// Resolution replaces a Ref by a copy of its target. Copies multiply ("a pair of pairs of pairs"),
// so their nodes are counted, and parts without any Ref are shared with the original instead of
// copied.
#include "base/limits.h"
#include "sats/sats.h"

#define FIELD(text, field_type) {BYTES_LITERAL(text), (field_type)}
#define PRIMITIVE(type_kind, bytes, plain) \
    [type_kind] = {.kind = (type_kind), .fixed_bytes = (bytes), .is_plain = (plain)}
#define WRAPPER(which, bytes, field)   \
    [which] = {.kind = TYPE_PRODUCT,   \
               .special = (which),     \
               .fixed_bytes = (bytes), \
               .is_plain = true,       \
               .fields = (field),      \
               .field_count = 1}

static const Type PRIMITIVES[TYPE_KIND_COUNT] = {
    PRIMITIVE(TYPE_STRING, TYPE_BYTES_VARIABLE, false),
    PRIMITIVE(TYPE_BOOL, 1, false),
    PRIMITIVE(TYPE_I8, 1, true),
    PRIMITIVE(TYPE_U8, 1, true),
    PRIMITIVE(TYPE_I16, 2, true),
    PRIMITIVE(TYPE_U16, 2, true),
    PRIMITIVE(TYPE_I32, 4, true),
    PRIMITIVE(TYPE_U32, 4, true),
    PRIMITIVE(TYPE_I64, 8, true),
    PRIMITIVE(TYPE_U64, 8, true),
    PRIMITIVE(TYPE_I128, 16, true),
    PRIMITIVE(TYPE_U128, 16, true),
    PRIMITIVE(TYPE_I256, 32, true),
    PRIMITIVE(TYPE_U256, 32, true),
    PRIMITIVE(TYPE_F32, 4, true),
    PRIMITIVE(TYPE_F64, 8, true),
};

static const Type UNIT = {.kind = TYPE_PRODUCT, .fixed_bytes = 0, .is_plain = true};

static const TypeField IDENTITY_FIELD[] = {FIELD("__identity__", &PRIMITIVES[TYPE_U256])};
static const TypeField CONNECTION_ID_FIELD[] = {FIELD("__connection_id__", &PRIMITIVES[TYPE_U128])};
static const TypeField TIMESTAMP_FIELD[] = {
    FIELD("__timestamp_micros_since_unix_epoch__", &PRIMITIVES[TYPE_I64])};
static const TypeField TIME_DURATION_FIELD[] = {
    FIELD("__time_duration_micros__", &PRIMITIVES[TYPE_I64])};
static const TypeField UUID_FIELD[] = {FIELD("__uuid__", &PRIMITIVES[TYPE_U128])};

// The products; ScheduleAt refers to two of them and has its own node.
static const Type WRAPPERS[] = {
    WRAPPER(SPECIAL_IDENTITY, 32, IDENTITY_FIELD),
    WRAPPER(SPECIAL_CONNECTION_ID, 16, CONNECTION_ID_FIELD),
    WRAPPER(SPECIAL_TIMESTAMP, 8, TIMESTAMP_FIELD),
    WRAPPER(SPECIAL_TIME_DURATION, 8, TIME_DURATION_FIELD),
    WRAPPER(SPECIAL_UUID, 16, UUID_FIELD),
};

static const TypeField SCHEDULE_AT_FIELDS[] = {
    FIELD("Interval", &WRAPPERS[SPECIAL_TIME_DURATION]),
    FIELD("Time", &WRAPPERS[SPECIAL_TIMESTAMP]),
};
static const Type SCHEDULE_AT = {.kind = TYPE_SUM,
                                 .special = SPECIAL_SCHEDULE_AT,
                                 .fixed_bytes = 9,
                                 .fields = SCHEDULE_AT_FIELDS,
                                 .field_count = 2};

typedef struct Resolver {
    const Typespace *typespace;
    Arena *arena;
    uint32_t nodes_left;
    uint32_t active_count;
    uint32_t active[SATS_DEPTH_MAX];  // the Refs we are inside of, outermost first
    Error *error;
} Resolver;

static void product_derive(Type *type);
static void sum_derive(Type *type);
static TypeSpecial product_special(const Type *type);
static TypeSpecial sum_special(const Type *type);
static bool type_has_ref(const Type *type);
static Status resolve(Resolver *resolver, const Type *type, uint32_t depth, const Type **ret_type);
static Status resolve_ref(Resolver *resolver, const Type *type, uint32_t depth,
                          const Type **ret_type);
static Status resolve_fields(Resolver *resolver, const Type *type, uint32_t depth,
                             const Type **ret_type);

const Type *type_primitive(TypeKind kind) {
    ASSERT(kind >= TYPE_STRING && kind < TYPE_KIND_COUNT);
    return &PRIMITIVES[kind];
}

const Type *type_unit(void) {
    return &UNIT;
}

const Type *type_special(TypeSpecial special) {
    if (special == SPECIAL_SCHEDULE_AT) return &SCHEDULE_AT;
    ASSERT(special >= SPECIAL_IDENTITY && special <= SPECIAL_UUID);
    return &WRAPPERS[special];
}

const Type *type_ref(Arena *arena, uint32_t ref) {
    Type *type = ARENA_NEW(arena, Type);
    type->kind = TYPE_REF;
    type->fixed_bytes = TYPE_BYTES_VARIABLE;
    type->ref = ref;
    return type;
}

const Type *type_array(Arena *arena, const Type *element) {
    Type *type = ARENA_NEW(arena, Type);
    type->kind = TYPE_ARRAY;
    type->fixed_bytes = TYPE_BYTES_VARIABLE;
    type->element = element;
    return type;
}

const Type *type_option(Arena *arena, const Type *some) {
    const TypeField fields[] = {FIELD("some", some), FIELD("none", &UNIT)};
    return type_sum(arena, fields, 2);
}

const Type *type_product(Arena *arena, const TypeField *fields, uint32_t count) {
    TypeField *copy = ARENA_ARRAY(arena, TypeField, count);
    for (uint32_t i = 0; i < count; i++) copy[i] = fields[i];
    Type *type = ARENA_NEW(arena, Type);
    type->kind = TYPE_PRODUCT;
    type->fields = copy;
    type->field_count = count;
    product_derive(type);
    return type;
}

const Type *type_sum(Arena *arena, const TypeField *fields, uint32_t count) {
    TypeField *copy = ARENA_ARRAY(arena, TypeField, count);
    for (uint32_t i = 0; i < count; i++) copy[i] = fields[i];
    Type *type = ARENA_NEW(arena, Type);
    type->kind = TYPE_SUM;
    type->fields = copy;
    type->field_count = count;
    sum_derive(type);
    return type;
}

bool type_equal(const Type *a, const Type *b) {
    if (a == b) return true;
    if (a->kind != b->kind) return false;
    if (a->kind == TYPE_REF) return a->ref == b->ref;
    if (a->kind == TYPE_ARRAY) return type_equal(a->element, b->element);
    if (a->kind != TYPE_PRODUCT && a->kind != TYPE_SUM) return true;
    if (a->field_count != b->field_count) return false;
    for (uint32_t i = 0; i < a->field_count; i++) {
        Bytes name_a = a->fields[i].name;
        Bytes name_b = b->fields[i].name;
        if ((name_a.data == NULL) != (name_b.data == NULL)) return false;
        if (!bytes_equal(name_a, name_b)) return false;
        if (!type_equal(a->fields[i].type, b->fields[i].type)) return false;
    }
    return true;
}

bool type_is_simple_enum(const Type *type) {
    if (type->kind != TYPE_SUM || type->field_count == 0) return false;
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (!type_is_unit(type->fields[i].type)) return false;
    }
    return true;
}

bool type_is_integer(const Type *type) {
    return type->kind >= TYPE_I8 && type->kind <= TYPE_U256;
}

bool type_is_bytes(const Type *type) {
    return type->kind == TYPE_ARRAY && type->element->kind == TYPE_U8;
}

bool type_is_unit(const Type *type) {
    return type->kind == TYPE_PRODUCT && type->field_count == 0;
}

const Type *type_deref(const Typespace *typespace, const Type *type) {
    uint32_t steps = 0;
    while (type->kind == TYPE_REF) {
        if (typespace == NULL || type->ref >= typespace->count) return NULL;
        if (steps++ == typespace->count) return NULL;
        type = typespace->types[type->ref];
    }
    return type;
}

Status type_resolve(const Typespace *typespace, const Type *type, Arena *arena,
                    const Type **ret_type, Error *error) {
    Resolver resolver = {
        .typespace = typespace,
        .arena = arena,
        .nodes_left = SATS_RESOLVED_NODES_MAX,
        .error = error,
    };
    return resolve(&resolver, type, 0, ret_type);
}

void type_layout(const Type *type, uint32_t *ret_size, uint32_t *ret_align) {
    uint32_t size = 0;
    uint32_t align = 1;
    if (type->kind == TYPE_STRING || type->kind == TYPE_ARRAY) {
        size = 4;
        align = 2;
    } else if (type->kind == TYPE_PRODUCT || type->kind == TYPE_SUM) {
        for (uint32_t i = 0; i < type->field_count; i++) {
            uint32_t field_size = 0;
            uint32_t field_align = 0;
            type_layout(type->fields[i].type, &field_size, &field_align);
            if (field_align > align) align = field_align;
            if (type->kind == TYPE_PRODUCT) {
                size = ((size + field_align - 1) & ~(field_align - 1)) + field_size;
            } else if (field_size > size) {
                size = field_size;
            }
        }
        size = (size + align - 1) & ~(align - 1);
        if (type->kind == TYPE_SUM)
            size += align;  // the tag, and what it takes to align the payload
    } else {
        ASSERT(type->kind != TYPE_REF);
        size = type->fixed_bytes;
        align = type->fixed_bytes;
    }
    *ret_size = size;
    *ret_align = align;
}

// ---- derived fields ----

static void product_derive(Type *type) {
    uint64_t bytes = 0;
    bool is_plain = true;
    for (uint32_t i = 0; i < type->field_count; i++) {
        const Type *field = type->fields[i].type;
        is_plain &= field->is_plain;
        if (field->fixed_bytes == TYPE_BYTES_VARIABLE || bytes == TYPE_BYTES_VARIABLE) {
            bytes = TYPE_BYTES_VARIABLE;
        } else {
            bytes += field->fixed_bytes;
            if (bytes > TYPE_BYTES_VARIABLE) bytes = TYPE_BYTES_VARIABLE;
        }
    }
    type->fixed_bytes = (uint32_t)bytes;
    type->is_plain = is_plain && type->fixed_bytes != TYPE_BYTES_VARIABLE;
    type->special = product_special(type);
}

static void sum_derive(Type *type) {
    type->is_plain = false;
    type->special = sum_special(type);
    type->fixed_bytes = TYPE_BYTES_VARIABLE;
    if (type->field_count == 0) return;
    uint32_t payload_bytes = type->fields[0].type->fixed_bytes;
    for (uint32_t i = 1; i < type->field_count; i++) {
        if (type->fields[i].type->fixed_bytes != payload_bytes) return;
    }
    // One less than variable would become variable by adding the tag: the same answer.
    if (payload_bytes != TYPE_BYTES_VARIABLE) type->fixed_bytes = payload_bytes + 1;
}

static TypeSpecial product_special(const Type *type) {
    if (type->field_count != 1) return SPECIAL_NONE;
    TypeField field = type->fields[0];
    for (TypeSpecial special = SPECIAL_IDENTITY; special <= SPECIAL_UUID; special++) {
        TypeField wanted = WRAPPERS[special].fields[0];
        if (field.type->kind == wanted.type->kind && bytes_equal(field.name, wanted.name))
            return special;
    }
    if (field.type->kind == TYPE_REF && bytes_equal_text(field.name, "__query__"))
        return SPECIAL_QUERY;
    return SPECIAL_NONE;
}

static TypeSpecial sum_special(const Type *type) {
    if (type->field_count != 2) return SPECIAL_NONE;
    TypeField first = type->fields[0];
    TypeField second = type->fields[1];
    if (bytes_equal_text(first.name, "some") && bytes_equal_text(second.name, "none")) {
        return type_is_unit(second.type) ? SPECIAL_OPTION : SPECIAL_NONE;
    }
    if (bytes_equal_text(first.name, "ok") && bytes_equal_text(second.name, "err"))
        return SPECIAL_RESULT;
    if (bytes_equal_text(first.name, "Interval") && bytes_equal_text(second.name, "Time") &&
        first.type->special == SPECIAL_TIME_DURATION && second.type->special == SPECIAL_TIMESTAMP) {
        return SPECIAL_SCHEDULE_AT;
    }
    return SPECIAL_NONE;
}

// ---- resolution ----

static bool type_has_ref(const Type *type) {
    if (type->kind == TYPE_REF) return true;
    if (type->kind == TYPE_ARRAY) return type_has_ref(type->element);
    if (type->kind != TYPE_PRODUCT && type->kind != TYPE_SUM) return false;
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (type_has_ref(type->fields[i].type)) return true;
    }
    return false;
}

static Status resolve(Resolver *resolver, const Type *type, uint32_t depth, const Type **ret_type) {
    if (depth == SATS_DEPTH_MAX) {
        return error_set(resolver->error, STATUS_LIMIT, "types are nested deeper than %u",
                         SATS_DEPTH_MAX);
    }
    if (resolver->nodes_left == 0) {
        return error_set(resolver->error, STATUS_LIMIT, "a type has more than %u parts",
                         SATS_RESOLVED_NODES_MAX);
    }
    resolver->nodes_left--;
    switch (type->kind) {
    case TYPE_REF: return resolve_ref(resolver, type, depth, ret_type);
    case TYPE_PRODUCT:
    case TYPE_SUM: return resolve_fields(resolver, type, depth, ret_type);
    case TYPE_ARRAY: {
        const Type *element = NULL;
        Status status = resolve(resolver, type->element, depth + 1, &element);
        if (status != STATUS_OK) return status;
        *ret_type = element == type->element ? type : type_array(resolver->arena, element);
        return STATUS_OK;
    }
    default: *ret_type = type; return STATUS_OK;
    }
}

static Status resolve_ref(Resolver *resolver, const Type *type, uint32_t depth,
                          const Type **ret_type) {
    const Typespace *typespace = resolver->typespace;
    if (typespace == NULL || type->ref >= typespace->count) {
        return error_set(resolver->error, STATUS_INVALID, "Type reference &%u out of bounds",
                         type->ref);
    }
    for (uint32_t i = 0; i < resolver->active_count; i++) {
        if (resolver->active[i] == type->ref) {
            return error_set(resolver->error, STATUS_INVALID, "Found recursive type reference &%u",
                             type->ref);
        }
    }
    ASSERT(resolver->active_count < SATS_DEPTH_MAX);
    resolver->active[resolver->active_count++] = type->ref;
    Status status = resolve(resolver, typespace->types[type->ref], depth + 1, ret_type);
    resolver->active_count--;
    return status;
}

static Status resolve_fields(Resolver *resolver, const Type *type, uint32_t depth,
                             const Type **ret_type) {
    TypeField *fields = NULL;
    if (type_has_ref(type)) fields = ARENA_ARRAY(resolver->arena, TypeField, type->field_count);
    for (uint32_t i = 0; i < type->field_count; i++) {
        const Type *field = NULL;
        Status status = resolve(resolver, type->fields[i].type, depth + 1, &field);
        if (status != STATUS_OK) return status;
        if (fields) fields[i] = (TypeField){type->fields[i].name, field};
    }
    if (fields == NULL) {
        *ret_type = type;
        return STATUS_OK;
    }
    Type *copy = ARENA_NEW(resolver->arena, Type);
    copy->kind = type->kind;
    copy->fields = fields;
    copy->field_count = type->field_count;
    if (type->kind == TYPE_PRODUCT) {
        product_derive(copy);
    } else {
        sum_derive(copy);
    }
    *ret_type = copy;
    return STATUS_OK;
}
