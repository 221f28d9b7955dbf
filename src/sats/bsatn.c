// bsatn.c - checking values once, at the edge, and measuring them afterwards.
//
// Types whose every byte string is a value (no bool, sum, string or array in them) need a
// comparison of lengths; only when that fails are they walked, to name the part that is missing as
// upstream does. Everything else is a walk over the fields, with the plain and the string ones
// handled in the loop.
//
// Values without bytes cost the sender nothing, so their number is bounded over the whole value:
// elements of an array of them, and Refs that lead to them (each Ref may lead to two more).
#include "base/limits.h"
#include "sats/sats.h"

typedef struct Checker {
    const Typespace *typespace;
    const uint8_t *at;
    const uint8_t *end;
    uint32_t empty_left;
    Status status;  // of the failure
    Error *error;
} Checker;

// What a kind is called when its bytes are missing; floats are read as integers.
static const char *const KIND_WORDS[TYPE_KIND_COUNT] = {
    [TYPE_BOOL] = "u8",   [TYPE_I8] = "i8",     [TYPE_U8] = "u8",     [TYPE_I16] = "i16",
    [TYPE_U16] = "u16",   [TYPE_I32] = "i32",   [TYPE_U32] = "u32",   [TYPE_I64] = "i64",
    [TYPE_U64] = "u64",   [TYPE_I128] = "i128", [TYPE_U128] = "u128", [TYPE_I256] = "i256",
    [TYPE_U256] = "u256", [TYPE_F32] = "u32",   [TYPE_F64] = "u64",
};

static bool check(Checker *checker, const Type *type, uint32_t depth);
static bool check_product(Checker *checker, const Type *type, uint32_t depth);
static bool check_sum(Checker *checker, const Type *type, uint32_t depth);
static bool check_array(Checker *checker, const Type *type, uint32_t depth);
static bool check_ref(Checker *checker, const Type *type, uint32_t depth);
static bool check_string(Checker *checker);
static bool check_bool(Checker *checker);
static bool check_empty(Checker *checker, uint32_t count);
static bool take_count(Checker *checker, uint32_t *ret_count);
static bool take(Checker *checker, const char *word, size_t count);
static size_t left(const Checker *checker);

Status bsatn_check(const Typespace *typespace, const Type *type, Reader *reader, Error *error) {
    if (type->is_plain && reader_take(reader, type->fixed_bytes) != NULL) return STATUS_OK;
    Checker checker = {
        .typespace = typespace,
        .at = reader->at,
        .end = reader->end,
        .empty_left = SATS_EMPTY_ELEMENTS_MAX,
        .error = error,
    };
    bool is_value = check(&checker, type, 0);
    reader->at = checker.at;
    reader->failed |= !is_value;
    return is_value ? STATUS_OK : checker.status;
}

uint32_t bsatn_size(const Type *type, const uint8_t *at) {
    if (type->fixed_bytes != TYPE_BYTES_VARIABLE) return type->fixed_bytes;
    const uint8_t *start = at;
    switch (type->kind) {
    case TYPE_STRING: return 4 + load_u32le(at);
    case TYPE_SUM: return 1 + bsatn_size(type->fields[*at].type, at + 1);
    case TYPE_PRODUCT:
        for (uint32_t i = 0; i < type->field_count; i++) {
            const Type *field = type->fields[i].type;
            if (field->fixed_bytes != TYPE_BYTES_VARIABLE) {
                at += field->fixed_bytes;
            } else if (field->kind == TYPE_STRING) {
                at += 4 + (size_t)load_u32le(at);
            } else {
                at += bsatn_size(field, at);
            }
        }
        break;
    case TYPE_ARRAY: {
        uint32_t count = load_u32le(at);
        at += 4;
        uint32_t element_bytes = type->element->fixed_bytes;
        if (element_bytes != TYPE_BYTES_VARIABLE) {
            at += (size_t)count * element_bytes;
            break;
        }
        for (uint32_t i = 0; i < count; i++) at += bsatn_size(type->element, at);
        break;
    }
    default: UNREACHABLE();
    }
    ASSERT((size_t)(at - start) < UINT32_MAX);
    return (uint32_t)(at - start);
}

// ---- checking ----

static bool check(Checker *checker, const Type *type, uint32_t depth) {
    if (type->is_plain && left(checker) >= type->fixed_bytes) {
        checker->at += type->fixed_bytes;
        return true;
    }
    if (depth == SATS_DEPTH_MAX) {
        checker->status = error_set(checker->error, STATUS_LIMIT, "value is nested deeper than %u",
                                    SATS_DEPTH_MAX);
        return false;
    }
    switch (type->kind) {
    case TYPE_REF: return check_ref(checker, type, depth);
    case TYPE_PRODUCT: return check_product(checker, type, depth);
    case TYPE_SUM: return check_sum(checker, type, depth);
    case TYPE_ARRAY: return check_array(checker, type, depth);
    case TYPE_STRING: return check_string(checker);
    case TYPE_BOOL: return check_bool(checker);
    default: return take(checker, KIND_WORDS[type->kind], type->fixed_bytes);
    }
}

static bool check_product(Checker *checker, const Type *type, uint32_t depth) {
    for (uint32_t i = 0; i < type->field_count; i++) {
        const Type *field = type->fields[i].type;
        if (field->is_plain && left(checker) >= field->fixed_bytes) {
            checker->at += field->fixed_bytes;
        } else if (field->kind == TYPE_STRING) {
            if (!check_string(checker)) return false;
        } else {
            if (!check(checker, field, depth + 1)) return false;
        }
    }
    return true;
}

static bool check_sum(Checker *checker, const Type *type, uint32_t depth) {
    if (!take(checker, "u8", 1)) return false;
    uint8_t tag = checker->at[-1];
    if (tag >= type->field_count) {
        checker->status = error_set(checker->error, STATUS_INVALID,
                                    "unknown tag 0x%x for sum type <unknown>", tag);
        return false;
    }
    return check(checker, type->fields[tag].type, depth + 1);
}

static bool check_array(Checker *checker, const Type *type, uint32_t depth) {
    uint32_t count = 0;
    if (!take_count(checker, &count)) return false;
    const Type *element = type->element;
    const Type *target = type_deref(checker->typespace, element);
    if (target && target->kind == TYPE_U8) return take(checker, "[u8]", count);
    if (element->is_plain) {
        if (element->fixed_bytes == 0) return check_empty(checker, count);
        uint64_t bytes = (uint64_t)count * element->fixed_bytes;
        if (bytes <= left(checker)) {
            checker->at += bytes;
            return true;
        }
        // One of them is cut off: skip the whole ones and let its walk name what is missing.
        checker->at += left(checker) / element->fixed_bytes * element->fixed_bytes;
        return check(checker, element, depth + 1);
    }
    // Elements without bytes that are no plain ones lie behind Refs, which are counted: the loop is
    // bounded by the input.
    for (uint32_t i = 0; i < count; i++) {
        if (!check(checker, element, depth + 1)) return false;
    }
    return true;
}

static bool check_ref(Checker *checker, const Type *type, uint32_t depth) {
    const Type *target = type_deref(checker->typespace, type);
    if (target == NULL) {
        checker->status = error_set(checker->error, STATUS_INVALID,
                                    "Type reference &%u out of bounds", type->ref);
        return false;
    }
    const uint8_t *before = checker->at;
    if (!check(checker, target, depth + 1)) return false;
    return checker->at > before || check_empty(checker, 1);
}

static bool check_string(Checker *checker) {
    uint32_t count = 0;
    if (!take_count(checker, &count) || !take(checker, "[u8]", count)) return false;
    if (!utf8_is_valid((Bytes){checker->at - count, count})) {
        checker->status = error_set(checker->error, STATUS_INVALID, "invalid utf8");
        return false;
    }
    return true;
}

static bool check_bool(Checker *checker) {
    if (!take(checker, "u8", 1)) return false;
    uint8_t byte = checker->at[-1];
    if (byte > 1) {
        checker->status = error_set(checker->error, STATUS_INVALID,
                                    "byte %u not valid as `bool` (must be 0 or 1)", byte);
        return false;
    }
    return true;
}

static bool check_empty(Checker *checker, uint32_t count) {
    if (count > checker->empty_left) {
        checker->status = error_set(checker->error, STATUS_LIMIT,
                                    "allocation of %u elements failed", count);
        return false;
    }
    checker->empty_left -= count;
    return true;
}

static bool take_count(Checker *checker, uint32_t *ret_count) {
    if (!take(checker, "u32", 4)) return false;
    *ret_count = load_u32le(checker->at - 4);
    return true;
}

static bool take(Checker *checker, const char *word, size_t count) {
    size_t given = left(checker);
    if (given < count) {
        checker->status = error_set(checker->error, STATUS_INVALID,
                                    "data too short for %s: Expected %zu, given %zu", word, count,
                                    given);
        return false;
    }
    checker->at += count;
    return true;
}

static size_t left(const Checker *checker) {
    return (size_t)(checker->end - checker->at);
}
