// values.h - random types and values for the randomised tests of store/. Values come from few, so
// that they meet.
#pragma once

#include "fixture.h"

#define VALUE_TYPE_COUNT 22u

static inline const Type *random_type(Random *random, Arena *arena) {
    const Type *u16 = type_primitive(TYPE_U16);
    const Type *u32 = type_primitive(TYPE_U32);
    const Type *string = type_primitive(TYPE_STRING);
    TypeField pair[] = {{BYTES_LITERAL("a"), u16}, {BYTES_LITERAL("b"), type_primitive(TYPE_I16)}};
    TypeField mixed[] = {{BYTES_LITERAL("a"), string},
                         {BYTES_LITERAL("b"), type_primitive(TYPE_F32)}};
    TypeField colours[] = {{BYTES_LITERAL("r"), type_unit()},
                           {BYTES_LITERAL("g"), type_unit()},
                           {BYTES_LITERAL("b"), type_unit()}};
    TypeField either[] = {{BYTES_LITERAL("n"), u32}, {BYTES_LITERAL("s"), string}};
    switch (random_below(random, VALUE_TYPE_COUNT)) {
    case 0: return type_primitive(TYPE_BOOL);
    case 1: return type_primitive(TYPE_I8);
    case 2: return type_primitive(TYPE_U8);
    case 3: return type_primitive(TYPE_I32);
    case 4: return type_primitive(TYPE_I64);
    case 5: return type_primitive(TYPE_U64);
    case 6: return type_primitive(TYPE_I128);
    case 7: return type_primitive(TYPE_U128);
    case 8: return type_primitive(TYPE_I256);
    case 9: return type_primitive(TYPE_U256);
    case 10: return type_primitive(TYPE_F32);
    case 11: return type_primitive(TYPE_F64);
    case 12: return string;
    case 13: return type_array(arena, type_primitive(TYPE_U8));
    case 14: return type_array(arena, type_primitive(TYPE_I32));
    case 15: return type_option(arena, u32);
    case 16: return type_sum(arena, colours, 3);
    case 17: return type_product(arena, pair, 2);
    case 18: return type_sum(arena, either, 2);
    case 19: return type_product(arena, mixed, 2);
    case 20: return type_special(SPECIAL_IDENTITY);
    default: return u32;
    }
}

static inline void random_float(Random *random, const Type *type, Buffer *buffer) {
    static const double VALUES[] = {
        0.0, -0.0, 1.5, -1.5, 1e300, -1e300, __builtin_inf(), -__builtin_inf()};
    uint32_t at = random_below(random, 10);
    if (type->kind == TYPE_F64) {
        uint64_t bits = at == 8 ? 0x7ff8000000000000u : 0xfff8000000000001u;
        if (at < 8) memcpy(&bits, &VALUES[at], sizeof bits);
        buffer_u64(buffer, bits);
        return;
    }
    uint32_t bits = at == 8 ? 0x7fc00000u : 0xffc00001u;
    float narrow = at < 8 ? (float)(at == 4 ? 1e30 : at == 5 ? -1e30 : VALUES[at]) : 0;
    if (at < 8) memcpy(&bits, &narrow, sizeof bits);
    buffer_u32(buffer, bits);
}

static inline void random_text(Random *random, Buffer *buffer) {
    static const char *const TEXTS[] = {"", "a", "ab", "abcdefgh", "abcdefghi", "abcdefghj", "b"};
    uint32_t at = random_below(random, 9);
    if (at < 7) {
        buffer_string(buffer, bytes_of_text(TEXTS[at]));
    } else if (at == 7) {
        buffer_string(buffer, bytes_of("a\0", 2));
    } else {
        // Long enough for pages of their own, now and then.
        uint32_t count = random_below(random, 40) == 0 ? 20000 : 300;
        buffer_u32(buffer, count);
        for (uint32_t i = 0; i < count; i++) buffer_u8(buffer, 'x');
    }
}

static inline void random_value(Random *random, const Type *type, Buffer *buffer) {
    switch (type->kind) {
    case TYPE_F32:
    case TYPE_F64: random_float(random, type, buffer); return;
    case TYPE_STRING: random_text(random, buffer); return;
    case TYPE_BOOL: buffer_u8(buffer, (uint8_t)random_below(random, 2)); return;
    case TYPE_ARRAY: {
        uint32_t count = random_below(random, 3);
        buffer_u32(buffer, count);
        for (uint32_t i = 0; i < count; i++) random_value(random, type->element, buffer);
        return;
    }
    case TYPE_PRODUCT:
        for (uint32_t i = 0; i < type->field_count; i++) {
            random_value(random, type->fields[i].type, buffer);
        }
        return;
    case TYPE_SUM: {
        uint8_t tag = (uint8_t)random_below(random, type->field_count);
        buffer_u8(buffer, tag);
        random_value(random, type->fields[tag].type, buffer);
        return;
    }
    default: {
        // Integers: small, or small in the most significant byte.
        uint8_t bytes[32] = {0};
        uint32_t value = random_below(random, 14);
        bool is_signed = type->kind == TYPE_I8 || type->kind == TYPE_I16 ||
                         type->kind == TYPE_I32 || type->kind == TYPE_I64 ||
                         type->kind == TYPE_I128 || type->kind == TYPE_I256;
        bytes[0] = (uint8_t)value;
        if (value >= 10) bytes[type->fixed_bytes - 1] = (uint8_t)(value * 20);
        if (is_signed && value < 4) memset(bytes, 0xff - (int)value, type->fixed_bytes);
        buffer_append(buffer, bytes, type->fixed_bytes);
        return;
    }
    }
}
