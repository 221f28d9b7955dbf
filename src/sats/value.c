// value.c - order, equality and hash of BSATN values (sats.md 5), and integers written by type.
//
// compare_at and hash_at walk; a cursor moves past what was walked. Comparing stops at the first
// difference, so the cursors are only good while the values are equal.
#include "base/map.h"
#include "sats/sats.h"

#define F32_NAN_BITS 0x7fc00000u
#define F64_NAN_BITS 0x7ff8000000000000u
// Where a composite's hash starts: the empty array and the unit have different ones.
#define HASH_ARRAY 0x9ae16a3b2f90404fu
#define HASH_PRODUCT 0xc3a5c85c97cb3127u

static int compare_at(const Type *type, const uint8_t **a, const uint8_t **b);
static int compare_array(const Type *type, const uint8_t **a, const uint8_t **b);
static int compare_sum(const Type *type, const uint8_t **a, const uint8_t **b);
static int compare_string(const uint8_t **a, const uint8_t **b);
static int compare_scalar(TypeKind kind, const uint8_t *a, const uint8_t *b);
static int compare_wide(const uint8_t *a, const uint8_t *b, uint32_t word_count, bool is_signed);
static int compare_f32(const uint8_t *a, const uint8_t *b);
static int compare_f64(const uint8_t *a, const uint8_t *b);
static uint64_t hash_at(const Type *type, const uint8_t **at);
static uint64_t hash_array(const Type *type, const uint8_t **at);
static uint64_t hash_f32(const uint8_t *at);
static uint64_t hash_f64(const uint8_t *at);
static uint64_t hash_join(uint64_t hash, uint64_t next);

// -1, 0, 1 without branches.
#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

int value_compare(const Type *type, const uint8_t *a, const uint8_t *b) {
    if (type->kind >= TYPE_BOOL) return compare_scalar(type->kind, a, b);
    return compare_at(type, &a, &b);
}

uint64_t value_hash(const Type *type, const uint8_t *at) {
    if (type->kind >= TYPE_BOOL && type->kind <= TYPE_U256) {
        return hash_bytes((Bytes){at, type->fixed_bytes});
    }
    return hash_at(type, &at);
}

bool value_is_zero(const Type *type, const uint8_t *at) {
    ASSERT(type_is_integer(type));
    for (uint32_t i = 0; i < type->fixed_bytes; i++) {
        if (at[i] != 0) return false;
    }
    return true;
}

void value_write_integer(const Type *type, __int128 value, uint8_t *at) {
    ASSERT(type_is_integer(type));
    uint32_t count = type->fixed_bytes < sizeof value ? type->fixed_bytes : (uint32_t)sizeof value;
    memcpy(at, &value, count);
    if (count < type->fixed_bytes)
        memset(at + count, value < 0 ? 0xff : 0, type->fixed_bytes - count);
}

// ---- order ----

static int compare_at(const Type *type, const uint8_t **a, const uint8_t **b) {
    switch (type->kind) {
    case TYPE_REF: UNREACHABLE();
    case TYPE_STRING: return compare_string(a, b);
    case TYPE_ARRAY: return compare_array(type, a, b);
    case TYPE_SUM: return compare_sum(type, a, b);
    case TYPE_PRODUCT:
        for (uint32_t i = 0; i < type->field_count; i++) {
            int order = compare_at(type->fields[i].type, a, b);
            if (order != 0) return order;
        }
        return 0;
    default: {
        int order = compare_scalar(type->kind, *a, *b);
        *a += type->fixed_bytes;
        *b += type->fixed_bytes;
        return order;
    }
    }
}

static int compare_array(const Type *type, const uint8_t **a, const uint8_t **b) {
    if (type_is_bytes(type)) return compare_string(a, b);
    uint32_t count_a = load_u32le(*a);
    uint32_t count_b = load_u32le(*b);
    *a += 4;
    *b += 4;
    if (type->element->fixed_bytes == 0) return COMPARE(count_a, count_b);
    uint32_t count = count_a < count_b ? count_a : count_b;
    for (uint32_t i = 0; i < count; i++) {
        int order = compare_at(type->element, a, b);
        if (order != 0) return order;
    }
    return COMPARE(count_a, count_b);
}

static int compare_sum(const Type *type, const uint8_t **a, const uint8_t **b) {
    uint8_t tag_a = *(*a)++;
    uint8_t tag_b = *(*b)++;
    if (tag_a != tag_b) return COMPARE(tag_a, tag_b);
    return compare_at(type->fields[tag_a].type, a, b);
}

// Strings by code point is strings by byte.
static int compare_string(const uint8_t **a, const uint8_t **b) {
    Bytes bytes_a = {*a + 4, load_u32le(*a)};
    Bytes bytes_b = {*b + 4, load_u32le(*b)};
    *a += 4 + (size_t)bytes_a.count;
    *b += 4 + (size_t)bytes_b.count;
    return bytes_compare(bytes_a, bytes_b);
}

static int compare_scalar(TypeKind kind, const uint8_t *a, const uint8_t *b) {
    switch (kind) {
    case TYPE_BOOL:
    case TYPE_U8: return COMPARE(*a, *b);
    case TYPE_I8: return COMPARE((int8_t)*a, (int8_t)*b);
    case TYPE_I16: return COMPARE((int16_t)load_u16le(a), (int16_t)load_u16le(b));
    case TYPE_U16: return COMPARE(load_u16le(a), load_u16le(b));
    case TYPE_I32: return COMPARE((int32_t)load_u32le(a), (int32_t)load_u32le(b));
    case TYPE_U32: return COMPARE(load_u32le(a), load_u32le(b));
    case TYPE_I64: return COMPARE((int64_t)load_u64le(a), (int64_t)load_u64le(b));
    case TYPE_U64: return COMPARE(load_u64le(a), load_u64le(b));
    case TYPE_I128: return compare_wide(a, b, 2, true);
    case TYPE_U128: return compare_wide(a, b, 2, false);
    case TYPE_I256: return compare_wide(a, b, 4, true);
    case TYPE_U256: return compare_wide(a, b, 4, false);
    case TYPE_F32: return compare_f32(a, b);
    case TYPE_F64: return compare_f64(a, b);
    case TYPE_REF:
    case TYPE_SUM:
    case TYPE_PRODUCT:
    case TYPE_ARRAY:
    case TYPE_STRING:
    case TYPE_KIND_COUNT: break;
    }
    UNREACHABLE();
}

static int compare_wide(const uint8_t *a, const uint8_t *b, uint32_t word_count, bool is_signed) {
    uint32_t top = word_count - 1;
    uint64_t flip = is_signed ? 1ull << 63 : 0;
    uint64_t top_a = load_u64le(a + (size_t)top * 8) ^ flip;
    uint64_t top_b = load_u64le(b + (size_t)top * 8) ^ flip;
    if (top_a != top_b) return COMPARE(top_a, top_b);
    for (uint32_t i = top; i-- > 0;) {
        uint64_t word_a = load_u64le(a + (size_t)i * 8);
        uint64_t word_b = load_u64le(b + (size_t)i * 8);
        if (word_a != word_b) return COMPARE(word_a, word_b);
    }
    return 0;
}

static int compare_f32(const uint8_t *a, const uint8_t *b) {
    float value_a;
    float value_b;
    memcpy(&value_a, a, sizeof value_a);
    memcpy(&value_b, b, sizeof value_b);
    bool is_nan_a = value_a != value_a;
    bool is_nan_b = value_b != value_b;
    if (is_nan_a || is_nan_b) return COMPARE(is_nan_a, is_nan_b);
    return COMPARE(value_a, value_b);
}

static int compare_f64(const uint8_t *a, const uint8_t *b) {
    double value_a;
    double value_b;
    memcpy(&value_a, a, sizeof value_a);
    memcpy(&value_b, b, sizeof value_b);
    bool is_nan_a = value_a != value_a;
    bool is_nan_b = value_b != value_b;
    if (is_nan_a || is_nan_b) return COMPARE(is_nan_a, is_nan_b);
    return COMPARE(value_a, value_b);
}

// ---- hash ----

static uint64_t hash_at(const Type *type, const uint8_t **at) {
    const uint8_t *start = *at;
    switch (type->kind) {
    case TYPE_REF: UNREACHABLE();
    case TYPE_ARRAY: return hash_array(type, at);
    case TYPE_STRING: {
        uint32_t count = load_u32le(start);
        *at += 4 + (size_t)count;
        return hash_bytes((Bytes){start + 4, count});
    }
    case TYPE_SUM: {
        *at += 1;
        uint64_t payload = hash_at(type->fields[*start].type, at);
        return hash_join(*start, payload);
    }
    case TYPE_PRODUCT: {
        uint64_t hash = HASH_PRODUCT;
        for (uint32_t i = 0; i < type->field_count; i++) {
            hash = hash_join(hash, hash_at(type->fields[i].type, at));
        }
        return hash;
    }
    case TYPE_F32: *at += 4; return hash_f32(start);
    case TYPE_F64: *at += 8; return hash_f64(start);
    default: *at += type->fixed_bytes; return hash_bytes((Bytes){start, type->fixed_bytes});
    }
}

static uint64_t hash_array(const Type *type, const uint8_t **at) {
    uint32_t count = load_u32le(*at);
    *at += 4;
    if (type_is_bytes(type)) {
        *at += count;
        return hash_bytes((Bytes){*at - count, count});
    }
    uint64_t hash = hash_join(HASH_ARRAY, count);
    if (type->element->fixed_bytes == 0) return hash;
    for (uint32_t i = 0; i < count; i++) hash = hash_join(hash, hash_at(type->element, at));
    return hash;
}

static uint64_t hash_f32(const uint8_t *at) {
    float value;
    memcpy(&value, at, sizeof value);
    uint32_t bits = load_u32le(at);
    if (value == 0) bits = 0;
    if (value != value) bits = F32_NAN_BITS;
    return hash_bytes(bytes_of(&bits, sizeof bits));
}

static uint64_t hash_f64(const uint8_t *at) {
    double value;
    memcpy(&value, at, sizeof value);
    uint64_t bits = load_u64le(at);
    if (value == 0) bits = 0;
    if (value != value) bits = F64_NAN_BITS;
    return hash_bytes(bytes_of(&bits, sizeof bits));
}

static uint64_t hash_join(uint64_t hash, uint64_t next) {
    return hash_u64((hash << 7 | hash >> 57) + next);
}
