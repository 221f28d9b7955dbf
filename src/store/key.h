// key.h - the key of an index: found in rows and in BSATN keys, packed, hashed, compared.
//
// A key is packed into 64 bits that sort as the key does. Keys that fit whole are `exact`: the 64
// bits are all there is to compare. Of longer keys they are a prefix, and ties are settled through
// the row bytes.
//
// Threads    none of its own: pure functions over a spec that changes only with the table's schema.
// Lifetime   a KeySpec borrows types from its table's schema.
#pragma once

#include "sats/sats.h"

// Where the columns of a row are.
typedef struct RowLayout {
    const Type *row_type;
    const uint32_t *offsets;  // of the first offset_count columns
    uint32_t offset_count;    // up to and including the first column of variable size
} RowLayout;

typedef struct KeyColumn {
    const Type *type;
    uint16_t column;
    bool has_float;
} KeyColumn;

typedef enum KeyKind {
    KEY_INTEGER,  // one column that is, at its core, an integer of at most 64 bits: exact
    KEY_PACKED,   // more than that, but it fits: exact
    KEY_LONG,     // the 64 bits are a prefix
} KeyKind;

#define KEY_OFFSET_VARIABLE UINT32_MAX

typedef enum KeyOrder {
    KEY_SORTED,  // by value
    KEY_HASHED,  // by hash, then by value: no ranges
} KeyOrder;

typedef struct KeySpec {
    KeyKind kind;
    KeyOrder order;
    bool is_raw;              // floats compare by their bits (sats.md 5)
    uint8_t integer_bytes;    // KEY_INTEGER
    uint32_t integer_offset;  // in a row; KEY_OFFSET_VARIABLE: behind columns of variable size
    uint64_t integer_flip;    // turns two's complement into an order of unsigned numbers
    uint64_t seed;            // of hashes
    const RowLayout *layout;
    const KeyColumn *columns;
    const Type *type;  // of the key as BSATN
    uint16_t column_count;
} KeySpec;

const uint8_t *row_column(const RowLayout *layout, const uint8_t *row, uint16_t column);

// Fills in what follows from columns, column_count, type, layout and seed.
void key_spec_finish(KeySpec *spec, KeyOrder order, bool is_raw);

static inline bool key_is_exact(const KeySpec *spec) {
    return spec->kind != KEY_LONG && spec->order == KEY_SORTED;
}

// The whole key of a KEY_INTEGER.
static inline uint64_t key_integer(const KeySpec *spec, const uint8_t *at) {
    uint64_t value = 0;
    switch (spec->integer_bytes) {
    case 1: value = at[0]; break;
    case 2: value = load_u16le(at); break;
    case 4: value = load_u32le(at); break;
    case 8: value = load_u64le(at); break;
    default: UNREACHABLE();
    }
    return value ^ spec->integer_flip;
}

static inline uint64_t key_integer_of_row(const KeySpec *spec, const uint8_t *row) {
    if (spec->integer_offset != KEY_OFFSET_VARIABLE) {
        return key_integer(spec, row + spec->integer_offset);
    }
    return key_integer(spec, row_column(spec->layout, row, spec->columns[0].column));
}

// The 64 bits that trees sort by.
uint64_t key_of_row(const KeySpec *spec, const uint8_t *row);
uint64_t key_of_bytes(const KeySpec *spec, const uint8_t *key);
// For hash tables; equal keys hash alike.
uint64_t key_hash_row(const KeySpec *spec, const uint8_t *row);
uint64_t key_hash_bytes(const KeySpec *spec, const uint8_t *key);
uint64_t key_hash_integer(const KeySpec *spec, uint64_t integer);  // of an exact key
bool key_equal_rows(const KeySpec *spec, const uint8_t *a, const uint8_t *b);
bool key_equal_row_bytes(const KeySpec *spec, const uint8_t *row, const uint8_t *key);
// <0, 0, >0 in the order of the index.
int key_compare_rows(const KeySpec *spec, const uint8_t *a, const uint8_t *b);

// A place in key order, between the rows before it and the rows at or after it.
typedef struct KeyBound {
    const KeySpec *spec;
    // Rows whose 64 bits are below low lie before; above high, after. Those in between are equal in
    // what the bound names, or, with needs_tie, have to be compared.
    uint64_t low;
    uint64_t high;
    bool needs_tie;
    bool equal_before;  // rows equal to the bound lie before it
    const uint8_t *prefix;
    const uint8_t *value;  // of the column after the prefix; NULL: the bound is the prefix alone
    uint16_t prefix_columns;
} KeyBound;

typedef enum KeySide { KEY_BEFORE_EQUALS, KEY_AFTER_EQUALS } KeySide;

KeyBound key_bound_whole(const KeySpec *spec, const uint8_t *key, KeySide side);
// value may be NULL.
KeyBound key_bound_prefix(const KeySpec *spec, const uint8_t *prefix, uint16_t prefix_columns,
                          const uint8_t *value, KeySide side);
// Whether a row whose 64 bits lie in low..high is before the bound.
bool key_bound_is_before(const KeyBound *bound, const uint8_t *row);
