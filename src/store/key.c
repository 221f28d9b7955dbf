// key.c - see key.h.
//
// Packing appends the columns of a key, most significant first, as fields that sort as unsigned
// numbers: signed integers with the sign flipped, floats in total order, a sum's tag before its
// payload, the first bytes of strings. It stops at the first thing that does not fit or whose end
// is not fixed; up to there equal values give equal bits and smaller values smaller bits.
#include "store/key.h"

#include "base/map.h"

#define HASH_MULTIPLIER 0x9e3779b97f4a7c15u
#define BITS_UNBOUNDED 1000u

typedef struct Packer {
    uint64_t bits;
    uint32_t left;  // free bits
    bool is_exact;  // nothing was left out
} Packer;

// The columns of a key one after the other, in a row or in BSATN.
typedef struct KeyCursor {
    const KeySpec *spec;
    const uint8_t *row;  // NULL: at walks over BSATN
    const uint8_t *at;
} KeyCursor;

static const uint8_t *cursor_next(KeyCursor *cursor, uint32_t column);
static uint32_t type_bits(const Type *type);
static const Type *type_integer_core(const Type *type);
static bool type_has_float(const Type *type);
static Packer pack_all(KeyCursor cursor);
static bool pack_value(Packer *packer, const Type *type, const uint8_t *at);
static bool pack_field(Packer *packer, uint64_t value, uint32_t width);
static bool pack_number(Packer *packer, const Type *type, const uint8_t *at);
static bool pack_float(Packer *packer, const Type *type, const uint8_t *at);
static bool pack_text(Packer *packer, const uint8_t *at);
static bool pack_fields(Packer *packer, const Type *type, const uint8_t *at);
static uint64_t hash_cursor(KeyCursor cursor);
static bool column_equal(const KeySpec *spec, const KeyColumn *column, const uint8_t *a,
                         const uint8_t *b);

const uint8_t *row_column(const RowLayout *layout, const uint8_t *row, uint16_t column) {
    ASSERT(layout->offset_count > 0);
    ASSERT(column < layout->row_type->field_count);
    if (column < layout->offset_count) return row + layout->offsets[column];
    uint32_t at = layout->offset_count - 1;
    const uint8_t *value = row + layout->offsets[at];
    for (; at < column; at++) value += bsatn_size(layout->row_type->fields[at].type, value);
    return value;
}

void key_spec_finish(KeySpec *spec, KeyOrder order, bool is_raw) {
    ASSERT(spec->layout != NULL && spec->type != NULL);
    ASSERT(spec->column_count > 0);
    KeyColumn *columns = (KeyColumn *)(uintptr_t)spec->columns;  // the caller's, just made
    uint32_t bits = 0;
    for (uint32_t i = 0; i < spec->column_count; i++) {
        columns[i].has_float = type_has_float(columns[i].type);
        bits += type_bits(columns[i].type);
        if (bits > BITS_UNBOUNDED) bits = BITS_UNBOUNDED;
        // Bits that differ must not be packed into one value.
        if (columns[i].has_float && is_raw) bits = BITS_UNBOUNDED;
    }
    spec->order = order;
    spec->is_raw = is_raw;
    spec->kind = bits <= 64 ? KEY_PACKED : KEY_LONG;
    const Type *core = spec->column_count == 1 ? type_integer_core(columns[0].type) : NULL;
    if (core == NULL) return;
    spec->kind = KEY_INTEGER;
    spec->integer_bytes = (uint8_t)core->fixed_bytes;
    uint16_t column = columns[0].column;
    bool is_fixed = column < spec->layout->offset_count;
    spec->integer_offset = is_fixed ? spec->layout->offsets[column] : KEY_OFFSET_VARIABLE;
    bool is_signed = core->kind == TYPE_I8 || core->kind == TYPE_I16 || core->kind == TYPE_I32 ||
                     core->kind == TYPE_I64;
    spec->integer_flip = is_signed ? UINT64_C(1) << (core->fixed_bytes * 8 - 1) : 0;
}

uint64_t key_of_row(const KeySpec *spec, const uint8_t *row) {
    ASSERT(row != NULL);
    if (spec->order == KEY_HASHED) return key_hash_row(spec, row);
    if (spec->kind == KEY_INTEGER) {
        return key_integer_of_row(spec, row) << (64 - spec->integer_bytes * 8);
    }
    return pack_all((KeyCursor){spec, row, NULL}).bits;
}

uint64_t key_of_bytes(const KeySpec *spec, const uint8_t *key) {
    if (spec->order == KEY_HASHED) return key_hash_bytes(spec, key);
    if (spec->kind == KEY_INTEGER) {
        return key_integer(spec, key) << (64 - spec->integer_bytes * 8);
    }
    return pack_all((KeyCursor){spec, NULL, key}).bits;
}

uint64_t key_hash_row(const KeySpec *spec, const uint8_t *row) {
    ASSERT(spec->column_count > 0);
    if (spec->kind == KEY_INTEGER) {
        return key_hash_integer(spec, key_integer_of_row(spec, row));
    }
    KeyCursor cursor = {spec, row, NULL};
    if (spec->kind == KEY_PACKED) return key_hash_integer(spec, pack_all(cursor).bits);
    return hash_cursor(cursor);
}

uint64_t key_hash_bytes(const KeySpec *spec, const uint8_t *key) {
    if (spec->kind == KEY_INTEGER) return key_hash_integer(spec, key_integer(spec, key));
    KeyCursor cursor = {spec, NULL, key};
    if (spec->kind == KEY_PACKED) return key_hash_integer(spec, pack_all(cursor).bits);
    return hash_cursor(cursor);
}

uint64_t key_hash_integer(const KeySpec *spec, uint64_t integer) {
    unsigned __int128 product = (unsigned __int128)(integer ^ spec->seed) * HASH_MULTIPLIER;
    return hash_u64((uint64_t)product ^ (uint64_t)(product >> 64));
}

bool key_equal_rows(const KeySpec *spec, const uint8_t *a, const uint8_t *b) {
    ASSERT(a != NULL && b != NULL);
    if (spec->kind == KEY_INTEGER) {
        return key_integer_of_row(spec, a) == key_integer_of_row(spec, b);
    }
    for (uint32_t i = 0; i < spec->column_count; i++) {
        const KeyColumn *column = &spec->columns[i];
        const uint8_t *a_at = row_column(spec->layout, a, column->column);
        const uint8_t *b_at = row_column(spec->layout, b, column->column);
        if (!column_equal(spec, column, a_at, b_at)) return false;
    }
    return true;
}

bool key_equal_row_bytes(const KeySpec *spec, const uint8_t *row, const uint8_t *key) {
    ASSERT(row != NULL && key != NULL);
    KeyCursor cursor = {spec, NULL, key};
    for (uint32_t i = 0; i < spec->column_count; i++) {
        const KeyColumn *column = &spec->columns[i];
        const uint8_t *at = row_column(spec->layout, row, column->column);
        if (!column_equal(spec, column, at, cursor_next(&cursor, i))) return false;
    }
    return true;
}

int key_compare_rows(const KeySpec *spec, const uint8_t *a, const uint8_t *b) {
    ASSERT(a != NULL && b != NULL);
    for (uint32_t i = 0; i < spec->column_count; i++) {
        const KeyColumn *column = &spec->columns[i];
        const uint8_t *a_at = row_column(spec->layout, a, column->column);
        const uint8_t *b_at = row_column(spec->layout, b, column->column);
        int order = value_compare(column->type, a_at, b_at);
        if (order != 0) return order;
    }
    return 0;
}

// ---- bounds ----

KeyBound key_bound_whole(const KeySpec *spec, const uint8_t *key, KeySide side) {
    ASSERT(key != NULL);
    KeyBound bound = {
        .spec = spec,
        .low = key_of_bytes(spec, key),
        .needs_tie = !key_is_exact(spec),
        .equal_before = side == KEY_AFTER_EQUALS,
        .prefix = key,
        .prefix_columns = spec->column_count,
    };
    bound.high = bound.low;
    return bound;
}

KeyBound key_bound_prefix(const KeySpec *spec, const uint8_t *prefix, uint16_t prefix_columns,
                          const uint8_t *value, KeySide side) {
    ASSERT(prefix_columns <= spec->column_count);
    ASSERT(spec->order == KEY_SORTED);
    ASSERT(prefix_columns < spec->column_count || value == NULL);
    Packer packer = {.left = 64, .is_exact = true};
    KeyCursor cursor = {spec, NULL, prefix};
    bool goes_on = true;
    for (uint32_t i = 0; i < prefix_columns && goes_on; i++) {
        const uint8_t *at = cursor_next(&cursor, i);
        goes_on = pack_value(&packer, spec->columns[i].type, at);
    }
    if (value != NULL && goes_on) pack_value(&packer, spec->columns[prefix_columns].type, value);
    uint64_t unknown = packer.left == 64 ? UINT64_MAX : (UINT64_C(1) << packer.left) - 1;
    return (KeyBound){
        .spec = spec,
        .low = packer.bits,
        .high = packer.is_exact ? packer.bits | unknown : packer.bits,
        .needs_tie = !packer.is_exact,
        .equal_before = side == KEY_AFTER_EQUALS,
        .prefix = prefix,
        .value = value,
        .prefix_columns = prefix_columns,
    };
}

bool key_bound_is_before(const KeyBound *bound, const uint8_t *row) {
    if (!bound->needs_tie) return bound->equal_before;
    const KeySpec *spec = bound->spec;
    KeyCursor cursor = {spec, NULL, bound->prefix};
    uint32_t count = bound->prefix_columns + (bound->value != NULL ? 1u : 0u);
    ASSERT(count <= spec->column_count);
    for (uint32_t i = 0; i < count; i++) {
        const KeyColumn *column = &spec->columns[i];
        const uint8_t *at = row_column(spec->layout, row, column->column);
        bool is_value = i == bound->prefix_columns;
        const uint8_t *named = is_value ? bound->value : cursor_next(&cursor, i);
        int order = value_compare(column->type, at, named);
        if (order != 0) return order < 0;
    }
    return bound->equal_before;
}

// ---- the columns of a key ----

static const uint8_t *cursor_next(KeyCursor *cursor, uint32_t column) {
    ASSERT(column < cursor->spec->column_count);
    const KeyColumn *key_column = &cursor->spec->columns[column];
    if (cursor->row != NULL) {
        return row_column(cursor->spec->layout, cursor->row, key_column->column);
    }
    const uint8_t *value = cursor->at;
    cursor->at += bsatn_size(key_column->type, value);
    return value;
}

// Most bits that packing a value of the type takes; BITS_UNBOUNDED if it cannot be packed whole.
static uint32_t type_bits(const Type *type) {
    uint32_t bits = 0;
    switch (type->kind) {
    case TYPE_PRODUCT:
        for (uint32_t i = 0; i < type->field_count; i++) {
            bits += type_bits(type->fields[i].type);
            if (bits > BITS_UNBOUNDED) return BITS_UNBOUNDED;
        }
        return bits;
    case TYPE_SUM:
        for (uint32_t i = 0; i < type->field_count; i++) {
            uint32_t payload = type_bits(type->fields[i].type);
            if (payload > bits) bits = payload;
        }
        return bits + 8;
    case TYPE_BOOL:
    case TYPE_I8:
    case TYPE_U8:
    case TYPE_I16:
    case TYPE_U16:
    case TYPE_I32:
    case TYPE_U32:
    case TYPE_I64:
    case TYPE_U64:
    case TYPE_I128:
    case TYPE_U128:
    case TYPE_I256:
    case TYPE_U256:
    case TYPE_F32:
    case TYPE_F64: return type->fixed_bytes * 8;
    case TYPE_REF:
    case TYPE_ARRAY:
    case TYPE_STRING:
    case TYPE_KIND_COUNT: break;
    }
    return BITS_UNBOUNDED;
}

// The integer that a value of the type consists of; NULL if there is more to it.
static const Type *type_integer_core(const Type *type) {
    ASSERT(type->kind != TYPE_REF);
    while (type->kind == TYPE_PRODUCT && type->field_count == 1) type = type->fields[0].type;
    if (type_is_simple_enum(type)) return type_primitive(TYPE_U8);
    if (type->kind == TYPE_BOOL) return type_primitive(TYPE_U8);
    if (type_is_integer(type) && type->fixed_bytes <= 8) return type;
    return NULL;
}

static bool type_has_float(const Type *type) {
    switch (type->kind) {
    case TYPE_F32:
    case TYPE_F64: return true;
    case TYPE_ARRAY: return type_has_float(type->element);
    case TYPE_PRODUCT:
    case TYPE_SUM:
        for (uint32_t i = 0; i < type->field_count; i++) {
            if (type_has_float(type->fields[i].type)) return true;
        }
        return false;
    default: return false;
    }
}

// ---- packing ----

static Packer pack_all(KeyCursor cursor) {
    Packer packer = {.left = 64, .is_exact = true};
    for (uint32_t i = 0; i < cursor.spec->column_count; i++) {
        const uint8_t *at = cursor_next(&cursor, i);
        if (!pack_value(&packer, cursor.spec->columns[i].type, at)) break;
    }
    return packer;
}

// False once nothing more may be appended.
static bool pack_value(Packer *packer, const Type *type, const uint8_t *at) {
    switch (type->kind) {
    case TYPE_PRODUCT: return pack_fields(packer, type, at);
    case TYPE_SUM:
        if (!pack_field(packer, at[0], 8)) return false;
        return pack_value(packer, type->fields[at[0]].type, at + 1);
    case TYPE_STRING: return pack_text(packer, at);
    case TYPE_ARRAY:
        if (type_is_bytes(type)) return pack_text(packer, at);
        packer->is_exact = false;
        return false;
    case TYPE_F32:
    case TYPE_F64: return pack_float(packer, type, at);
    default: return pack_number(packer, type, at);
    }
}

static bool pack_field(Packer *packer, uint64_t value, uint32_t width) {
    ASSERT(width == 64 || value >> width == 0);
    ASSERT(packer->left <= 64);
    ASSERT(width > 0 && width <= 64);
    if (width <= packer->left) {
        packer->bits |= value << (packer->left - width);
        packer->left -= width;
        return true;
    }
    if (packer->left > 0) packer->bits |= value >> (width - packer->left);
    packer->left = 0;
    packer->is_exact = false;
    return false;
}

static bool pack_number(Packer *packer, const Type *type, const uint8_t *at) {
    uint32_t bytes = type->fixed_bytes;
    bool is_signed = type->kind == TYPE_I8 || type->kind == TYPE_I16 || type->kind == TYPE_I32 ||
                     type->kind == TYPE_I64 || type->kind == TYPE_I128 || type->kind == TYPE_I256;
    ASSERT(bytes >= 1 && bytes <= 32);
    if (bytes <= 8) {
        uint64_t value = 0;
        memcpy(&value, at, bytes);
        if (is_signed) value ^= UINT64_C(1) << (bytes * 8 - 1);
        return pack_field(packer, value, bytes * 8);
    }
    for (uint32_t word = bytes / 8; word > 0; word--) {
        uint64_t value = load_u64le(at + (word - 1) * 8);
        if (is_signed && word == bytes / 8) value ^= UINT64_C(1) << 63;
        if (!pack_field(packer, value, 64)) return false;
    }
    return true;
}

static bool pack_float(Packer *packer, const Type *type, const uint8_t *at) {
    ASSERT(type->fixed_bytes == 4 || type->fixed_bytes == 8);
    uint32_t width = type->fixed_bytes * 8;
    uint64_t sign = UINT64_C(1) << (width - 1);
    uint64_t bits = width == 32 ? load_u32le(at) : load_u64le(at);
    uint64_t infinity = width == 32 ? 0x7f800000u : 0x7ff0000000000000u;
    uint64_t magnitude = bits & (sign - 1);
    if (magnitude > infinity) {
        bits = (sign - 1) | sign;  // every NaN, above all else
    } else if (magnitude == 0) {
        bits = sign;
    } else if (bits & sign) {
        bits = sign - 1 - magnitude;
    } else {
        bits |= sign;
    }
    return pack_field(packer, bits, width);
}

// As many bytes as fit; where it ends is never part of the 64 bits.
static bool pack_text(Packer *packer, const uint8_t *at) {
    uint32_t count = load_u32le(at);
    for (uint32_t i = 0; i < count; i++) {
        if (!pack_field(packer, at[sizeof(uint32_t) + i], 8)) break;
    }
    packer->is_exact = false;
    return false;
}

static bool pack_fields(Packer *packer, const Type *type, const uint8_t *at) {
    ASSERT(type->kind == TYPE_PRODUCT);
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (!pack_value(packer, type->fields[i].type, at)) return false;
        at += bsatn_size(type->fields[i].type, at);
    }
    return true;
}

// ---- hashing and equality ----

static uint64_t hash_cursor(KeyCursor cursor) {
    ASSERT(cursor.spec->column_count > 0);
    uint64_t hash = 0;
    for (uint32_t i = 0; i < cursor.spec->column_count; i++) {
        const KeyColumn *column = &cursor.spec->columns[i];
        const uint8_t *at = cursor_next(&cursor, i);
        bool by_value = column->has_float && !cursor.spec->is_raw;
        uint64_t part = by_value ? value_hash(column->type, at)
                                 : hash_bytes(bytes_of(at, bsatn_size(column->type, at)));
        hash = i == 0 ? part : hash_u64(hash * HASH_MULTIPLIER ^ part);
    }
    return hash ^ cursor.spec->seed;
}

static bool column_equal(const KeySpec *spec, const KeyColumn *column, const uint8_t *a,
                         const uint8_t *b) {
    if (column->has_float && !spec->is_raw) return value_compare(column->type, a, b) == 0;
    uint32_t bytes = bsatn_size(column->type, a);
    return bytes == bsatn_size(column->type, b) && memcmp(a, b, bytes) == 0;
}
