// float_text.h - floats and wide integers as digits, and back; private to sats/.
//
// Threads    any; nothing is shared. The process's locale does not matter.
#pragma once

#include "base/bytes.h"

// Digits of any float: 17 of the shortest F64.
#define FLOAT_DIGITS_MAX 17u

// A finite positive number: 0.DIGITS * 10^point, with the fewest digits that read back as the same
// float and of those the closest ones; no trailing zero, except that zero is "0" with point 1.
typedef struct FloatDigits {
    char digits[FLOAT_DIGITS_MAX + 1];
    int32_t count;
    int32_t point;
} FloatDigits;

FloatDigits float_digits_f64(double value);
FloatDigits float_digits_f32(float value);
// The closest F64 to a JSON number (digits, a point and digits, an exponent); infinite if there is
// none. Negative ones without their sign.
double float_parse(Bytes text);
// Rust's Display: positional, never an exponent, no ".0"; NaN, inf, -inf.
void float_write_positional_f64(Buffer *buffer, double value);
void float_write_positional_f32(Buffer *buffer, float value);

// Decimal text of an integer of `count` little-endian bytes (a multiple of 8, at most 32).
void integer_write_decimal(Buffer *buffer, const uint8_t *at, uint32_t count, bool is_signed);
void integer_write_u64(Buffer *buffer, uint64_t value);
void integer_write_i64(Buffer *buffer, int64_t value);
