// literal.c - decimal numbers of any size, hex, and the special types.
//
// A number is read as a string of digits and a power of ten; an integer must come out whole and fit
// its type, up to 256 bits, which are kept as four 64-bit limbs, least significant first.

#include "sql/literal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// Digits of the largest 256-bit number.
#define DIGITS_MAX 78u
// Longest text of a float that is handed to strtod: sign, digits, exponent. Longer ones are cut in
// the digits behind these, which cannot change an f64.
#define FLOAT_DIGITS_MAX 1100u

// A decimal number: digits (without leading zeros) times ten to the power of exponent.
typedef struct Decimal {
    bool is_negative;
    uint8_t *digits;  // values 0 ... 9
    uint32_t count;
    int64_t exponent;
} Decimal;

static bool decimal_read(Bytes text, Arena *arena, Decimal *ret_decimal);
static bool decimal_read_exponent(Bytes text, int64_t *ret_exponent);
static bool decimal_to_limbs(const Decimal *decimal, uint64_t limbs[4]);
static bool integer_read(Bytes text, const Type *type, Arena *arena, Bytes *ret_value);
static bool integer_fits(const Type *type, bool is_negative, const uint64_t limbs[4]);
static bool float_read(Bytes text, const Type *type, Arena *arena, Bytes *ret_value);
static bool hex_read(Bytes text, Arena *arena, Bytes *ret_value);
static bool special_read(Bytes text, const Type *type, Arena *arena, Bytes *ret_value);
static Bytes bytes_without_prefix(Bytes text);

bool type_is_comparable(const Type *type) {
    switch (type->kind) {
    case TYPE_BOOL:
    case TYPE_STRING:
    case TYPE_F32:
    case TYPE_F64: return true;
    case TYPE_ARRAY: return type_is_bytes(type);
    case TYPE_PRODUCT:
        return type->special == SPECIAL_IDENTITY || type->special == SPECIAL_CONNECTION_ID ||
               type->special == SPECIAL_TIMESTAMP || type->special == SPECIAL_UUID;
    default: return type_is_integer(type);
    }
}

bool literal_read(Bytes text, const Type *type, Arena *arena, Bytes *ret_value) {
    if (type_is_integer(type)) return integer_read(text, type, arena, ret_value);
    switch (type->kind) {
    case TYPE_F32:
    case TYPE_F64: return float_read(text, type, arena, ret_value);
    case TYPE_STRING: {
        uint8_t *value = arena_alloc(arena, sizeof(uint32_t) + (size_t)text.count);
        store_u32le(value, text.count);
        if (text.count > 0) memcpy(value + sizeof(uint32_t), text.data, text.count);
        *ret_value = bytes_of(value, sizeof(uint32_t) + (size_t)text.count);
        return true;
    }
    case TYPE_ARRAY: return type_is_bytes(type) && hex_read(text, arena, ret_value);
    case TYPE_PRODUCT: return special_read(text, type, arena, ret_value);
    default: return false;
    }
}

// ---- decimals ----

static bool byte_is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

static bool decimal_read(Bytes text, Arena *arena, Decimal *ret_decimal) {
    Decimal decimal = {.digits = arena_alloc(arena, text.count)};
    uint32_t at = 0, digits_seen = 0;
    if (at < text.count && (text.data[at] == '+' || text.data[at] == '-')) {
        decimal.is_negative = text.data[at] == '-';
        at++;
    }
    bool has_point = false;
    for (; at < text.count; at++) {
        uint8_t byte = text.data[at];
        if (byte == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (!byte_is_digit(byte)) break;
        digits_seen++;
        if (has_point) decimal.exponent--;
        if (decimal.count > 0 || byte != '0')
            decimal.digits[decimal.count++] = (uint8_t)(byte - '0');
    }
    if (digits_seen == 0) return false;
    if (at < text.count) {
        if (text.data[at] != 'e' && text.data[at] != 'E') return false;
        int64_t exponent;
        if (!decimal_read_exponent(bytes_slice(text, at + 1, text.count - at - 1), &exponent))
            return false;
        decimal.exponent += exponent;  // both far from the limits of i64
    }
    *ret_decimal = decimal;
    return true;
}

// Clamped far outside of what any type can hold.
static bool decimal_read_exponent(Bytes text, int64_t *ret_exponent) {
    const int64_t clamp = 1000000000;
    uint32_t at = 0;
    bool is_negative = false;
    if (at < text.count && (text.data[at] == '+' || text.data[at] == '-'))
        is_negative = text.data[at++] == '-';
    if (at == text.count) return false;
    int64_t value = 0;
    for (; at < text.count; at++) {
        if (!byte_is_digit(text.data[at])) return false;
        value = value * 10 + (text.data[at] - '0');
        if (value > clamp) value = clamp;
    }
    *ret_exponent = is_negative ? -value : value;
    return true;
}

// The absolute value; false if it is not whole or has more than 256 bits.
static bool decimal_to_limbs(const Decimal *decimal, uint64_t limbs[4]) {
    memset(limbs, 0, 4 * sizeof limbs[0]);
    uint32_t count = decimal->count;
    int64_t exponent = decimal->exponent;
    while (count > 0 && exponent < 0 && decimal->digits[count - 1] == 0) {
        count--;
        exponent++;
    }
    if (count == 0) return true;
    if (exponent < 0 || exponent > DIGITS_MAX || count > DIGITS_MAX) return false;
    if (count + (uint32_t)exponent > DIGITS_MAX) return false;
    for (uint32_t i = 0; i < count + (uint32_t)exponent; i++) {
        unsigned __int128 carry = i < count ? decimal->digits[i] : 0;
        for (uint32_t limb = 0; limb < 4; limb++) {
            carry += (unsigned __int128)limbs[limb] * 10;
            limbs[limb] = (uint64_t)carry;
            carry >>= 64;
        }
        if (carry != 0) return false;
    }
    return true;
}

// ---- integers ----

static bool integer_read(Bytes text, const Type *type, Arena *arena, Bytes *ret_value) {
    Decimal decimal;
    uint64_t limbs[4];
    if (!decimal_read(text, arena, &decimal) || !decimal_to_limbs(&decimal, limbs)) return false;
    bool is_zero = (limbs[0] | limbs[1] | limbs[2] | limbs[3]) == 0;
    bool is_negative = decimal.is_negative && !is_zero;
    if (!integer_fits(type, is_negative, limbs)) return false;
    if (is_negative) {
        bool carry = true;
        for (uint32_t i = 0; i < 4; i++) {
            limbs[i] = ~limbs[i] + (carry ? 1 : 0);
            carry = carry && limbs[i] == 0;
        }
    }
    uint8_t bytes[32];
    for (uint32_t i = 0; i < 4; i++) store_u64le(bytes + i * 8, limbs[i]);
    ASSERT(type->fixed_bytes <= sizeof bytes);
    *ret_value = arena_copy(arena, bytes_of(bytes, type->fixed_bytes));
    return true;
}

static bool integer_fits(const Type *type, bool is_negative, const uint64_t limbs[4]) {
    bool is_signed = type->kind == TYPE_I8 || type->kind == TYPE_I16 || type->kind == TYPE_I32 ||
                     type->kind == TYPE_I64 || type->kind == TYPE_I128 || type->kind == TYPE_I256;
    if (is_negative && !is_signed) return false;
    uint32_t bits = type->fixed_bytes * 8 - (is_signed ? 1 : 0);
    bool is_above = false, is_limit = true;  // value >= 2^bits; value == 2^bits
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t bit = 0; bit < 64; bit++) {
            bool is_set = (limbs[i] >> bit & 1) != 0;
            uint32_t place = i * 64 + bit;
            if (is_set && place >= bits) is_above = true;
            if (is_set != (place == bits)) is_limit = false;
        }
    }
    return !is_above || (is_negative && is_limit);
}

// ---- floats ----

static bool float_read(Bytes text, const Type *type, Arena *arena, Bytes *ret_value) {
    Decimal decimal;
    if (!decimal_read(text, arena, &decimal)) return false;
    uint32_t count = decimal.count < FLOAT_DIGITS_MAX ? decimal.count : FLOAT_DIGITS_MAX;
    int64_t exponent = decimal.exponent + (decimal.count - count);
    char number[FLOAT_DIGITS_MAX + 32];
    uint32_t at = 0;
    for (; at < count; at++) number[at] = (char)('0' + decimal.digits[at]);
    if (count == 0) number[at++] = '0';
    (void)snprintf(number + at, sizeof number - at, "e%lld",
                   (long long)exponent);  // 32 bytes are enough
    double value = strtod(number, NULL);
    if (decimal.is_negative && value != 0) value = -value;
    uint8_t bytes[8];
    if (type->kind == TYPE_F64) {
        memcpy(bytes, &value, sizeof value);
    } else {
        float narrow = fabs(value) > 3.4028235677973366e38 ? (float)copysign(INFINITY, value)
                                                           : (float)value;
        if (narrow == 0) narrow = 0;
        memcpy(bytes, &narrow, sizeof narrow);
    }
    *ret_value = arena_copy(arena, bytes_of(bytes, type->fixed_bytes));
    return true;
}

// ---- hex and the special types ----

static Bytes bytes_without_prefix(Bytes text) {
    bool has_prefix = text.count >= 2 && text.data[0] == '0' && text.data[1] == 'x';
    return has_prefix ? bytes_slice(text, 2, text.count - 2) : text;
}

static bool hex_read(Bytes text, Arena *arena, Bytes *ret_value) {
    Bytes digits = bytes_without_prefix(text);
    if (digits.count % 2 != 0) return false;
    uint32_t count = digits.count / 2;
    uint8_t *value = arena_alloc(arena, sizeof(uint32_t) + (size_t)count);
    store_u32le(value, count);
    if (!hex_decode(digits, value + sizeof(uint32_t), count)) return false;
    *ret_value = bytes_of(value, sizeof(uint32_t) + (size_t)count);
    return true;
}

static bool special_read(Bytes text, const Type *type, Arena *arena, Bytes *ret_value) {
    switch (type->special) {
    case SPECIAL_IDENTITY: {
        Identity identity;
        if (!identity_parse(text, &identity)) return false;
        *ret_value = arena_copy(arena, bytes_of(identity.bytes, sizeof identity.bytes));
        return true;
    }
    case SPECIAL_CONNECTION_ID: {
        ConnectionId id;
        if (!connection_id_parse(bytes_without_prefix(text), &id)) return false;
        *ret_value = arena_copy(arena, bytes_of(id.bytes, sizeof id.bytes));
        return true;
    }
    case SPECIAL_TIMESTAMP: {
        int64_t micros;
        if (!timestamp_parse(text, &micros)) return false;
        uint8_t bytes[8];
        store_u64le(bytes, (uint64_t)micros);
        *ret_value = arena_copy(arena, bytes_of(bytes, sizeof bytes));
        return true;
    }
    case SPECIAL_UUID: {
        uint8_t bytes[16];
        if (!uuid_parse(text, bytes)) return false;
        *ret_value = arena_copy(arena, bytes_of(bytes, sizeof bytes));
        return true;
    }
    default: return false;
    }
}
