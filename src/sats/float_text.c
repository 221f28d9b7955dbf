// float_text.c - shortest digits of floats, floats from decimal text, decimal text of wide
// integers.
//
// The C library converts correctly in both directions; what it lacks is "as few digits as needed".
// Numbers with at most fifteen digits (nearly all that people write) are found by scaling to an
// integer and checking that the division gives the number back. For the others digits are added
// until reading gives the number back. At powers of two the numbers below lie closer than those
// above: there the closest decimal can miss while its upper neighbour, a little further off, reads
// back; it is tried too.
//
// Texts for strtod are written without a point ("1234e-2"), texts from printf are taken apart
// around it: the locale decides which character it is.
#include "sats/float_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// Decimals of at most this many digits are told apart by every F64, F32.
#define F64_DIGITS_SAFE 15
#define F32_DIGITS_SAFE 6
#define F32_DIGITS_MAX 9
// More digits than this cannot move the closest F64: 767 decide, one more stands for all that
// follow.
#define SIGNIFICANT_DIGITS_MAX 770u
// Exponents past this give zero or infinity whatever the digits (those of a text are fewer).
#define EXPONENT_MAX 1000000000
// A number with this many digits is taken for exact.
#define TIE_DIGITS 50
// The powers of ten that are exact, up to which the scaling is tried.
#define SCALE_MAX 6u

static const double SCALES[SCALE_MAX + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};

typedef struct DecimalText {
    char digits[SIGNIFICANT_DIGITS_MAX + 32];
    uint32_t count;
    int64_t exponent;  // of the last digit
} DecimalText;

static bool digits_by_scaling_f64(double value, FloatDigits *ret_digits);
static bool digits_by_scaling_f32(float value, FloatDigits *ret_digits);
static FloatDigits digits_of_integer(uint64_t value, int32_t scale);
static FloatDigits digits_of(double value, int32_t digit_count);
static bool reads_back_f64(const FloatDigits *digits, double value);
static bool reads_back_f32(const FloatDigits *digits, float value);
static FloatDigits digits_next_up(FloatDigits digits);
static void digits_trim(FloatDigits *digits);
static bool is_tie(double value, const FloatDigits *digits);
static void digits_to_text(const FloatDigits *digits, char *ret_text, size_t text_max);
static void write_positional(Buffer *buffer, const FloatDigits *digits);
static bool write_not_finite(Buffer *buffer, double value);
static void decimal_add(DecimalText *decimal, char digit);

FloatDigits float_digits_f64(double value) {
    ASSERT(isfinite(value) && !signbit(value));
    FloatDigits digits;
    if (digits_by_scaling_f64(value, &digits)) return digits;
    int exponent = 0;
    bool is_power = frexp(value, &exponent) == 0.5;
    // What fifteen digits tell apart from its neighbours is found by dropping zeros; where floats
    // are sparser than that (the subnormal ones), fewer digits can do although fifteen differ.
    bool is_dense = value >= DBL_MIN;
    for (int32_t count = is_dense ? F64_DIGITS_SAFE : 1; count <= (int32_t)FLOAT_DIGITS_MAX;
         count++) {
        digits = digits_of(value, count);
        if (reads_back_f64(&digits, value)) break;
        FloatDigits up = digits_next_up(digits);
        if (is_power && reads_back_f64(&up, value)) {
            digits = up;
            break;
        }
    }
    digits_trim(&digits);
    return digits;
}

FloatDigits float_digits_f32(float value) {
    ASSERT(isfinite(value) && !signbit(value));
    FloatDigits digits;
    if (digits_by_scaling_f32(value, &digits)) return digits;
    int exponent = 0;
    bool is_power = frexpf(value, &exponent) == 0.5f;
    bool is_dense = value >= FLT_MIN;
    for (int32_t count = is_dense ? F32_DIGITS_SAFE : 1; count <= F32_DIGITS_MAX; count++) {
        digits = digits_of((double)value, count);
        if (reads_back_f32(&digits, value)) break;
        FloatDigits up = digits_next_up(digits);
        if (is_power && reads_back_f32(&up, value)) {
            digits = up;
            break;
        }
    }
    digits_trim(&digits);
    return digits;
}

double float_parse(Bytes text) {
    DecimalText decimal = {.count = 0};
    const uint8_t *at = text.data;
    const uint8_t *end = text.data + text.count;
    for (; at < end && *at >= '0' && *at <= '9'; at++) decimal_add(&decimal, (char)*at);
    if (at < end && *at == '.') {
        for (at++; at < end && *at >= '0' && *at <= '9'; at++) {
            decimal_add(&decimal, (char)*at);
            decimal.exponent--;
        }
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        bool is_negative = at < end && *at == '-';
        if (at < end && (*at == '-' || *at == '+')) at++;
        int64_t exponent = 0;
        for (; at < end; at++) {
            if (exponent < EXPONENT_MAX) exponent = exponent * 10 + (*at - '0');
        }
        decimal.exponent += is_negative ? -exponent : exponent;
    }
    if (decimal.count == 0) return 0;
    snprintf(decimal.digits + decimal.count, sizeof decimal.digits - decimal.count, "e%lld",
             (long long)decimal.exponent);
    return strtod(decimal.digits, NULL);
}

void float_write_positional_f64(Buffer *buffer, double value) {
    if (write_not_finite(buffer, value)) return;
    if (signbit(value)) buffer_u8(buffer, '-');
    value = fabs(value);
    FloatDigits digits = float_digits_f64(value);
    FloatDigits up = digits_next_up(digits);
    if (is_tie(value, &digits) && reads_back_f64(&up, value)) digits = up;
    digits_trim(&digits);
    write_positional(buffer, &digits);
}

void float_write_positional_f32(Buffer *buffer, float value) {
    if (write_not_finite(buffer, (double)value)) return;
    if (signbit(value)) buffer_u8(buffer, '-');
    value = fabsf(value);
    FloatDigits digits = float_digits_f32(value);
    FloatDigits up = digits_next_up(digits);
    if (is_tie((double)value, &digits) && reads_back_f32(&up, value)) digits = up;
    digits_trim(&digits);
    write_positional(buffer, &digits);
}

void integer_write_decimal(Buffer *buffer, const uint8_t *at, uint32_t count, bool is_signed) {
    ASSERT(count % 8 == 0 && count > 0 && count <= 32);
    uint32_t words[8];
    uint32_t word_count = count / 4;
    for (uint32_t i = 0; i < word_count; i++) words[i] = load_u32le(at + (size_t)i * 4);
    if (is_signed && words[word_count - 1] >> 31) {
        buffer_u8(buffer, '-');
        uint64_t carry = 1;
        for (uint32_t i = 0; i < word_count; i++) {
            carry += (uint32_t)~words[i];
            words[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    // Nine digits at a time, from the right.
    char text[80];
    uint32_t start = sizeof text;
    while (word_count > 0) {
        uint64_t rest = 0;
        for (uint32_t i = word_count; i-- > 0;) {
            rest = rest << 32 | words[i];
            words[i] = (uint32_t)(rest / 1000000000u);
            rest %= 1000000000u;
        }
        while (word_count > 0 && words[word_count - 1] == 0) word_count--;
        for (uint32_t i = 0; i < 9 && (word_count > 0 || rest > 0); i++) {
            text[--start] = (char)('0' + rest % 10);
            rest /= 10;
        }
    }
    if (start == sizeof text) text[--start] = '0';
    buffer_append(buffer, text + start, sizeof text - start);
}

void integer_write_u64(Buffer *buffer, uint64_t value) {
    char text[20];
    uint32_t start = sizeof text;
    do {
        text[--start] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buffer_append(buffer, text + start, sizeof text - start);
}

void integer_write_i64(Buffer *buffer, int64_t value) {
    if (value < 0) buffer_u8(buffer, '-');
    integer_write_u64(buffer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

// ---- shortest digits ----

// m / 10^k for small k, where m has at most fifteen digits: then no shorter text and no other one
// of that length reads back, and both m and 10^k are exact, so that the division rounds as reading
// does.
static bool digits_by_scaling_f64(double value, FloatDigits *ret_digits) {
    if (value >= 1e15) return false;
    for (uint32_t scale = 0; scale <= SCALE_MAX; scale++) {
        double scaled = value * SCALES[scale];
        if (scaled >= 1e15) return false;
        double whole = floor(scaled + 0.5);
        if (whole / SCALES[scale] == value) {
            *ret_digits = digits_of_integer((uint64_t)whole, (int32_t)scale);
            return true;
        }
    }
    return false;
}

// The same with six digits; the product is exact enough in 64 bits to find the integer.
static bool digits_by_scaling_f32(float value, FloatDigits *ret_digits) {
    for (uint32_t scale = 0; scale <= SCALE_MAX; scale++) {
        double whole = floor((double)value * SCALES[scale] + 0.5);
        if (whole >= 1e6) return false;
        if ((float)whole / (float)SCALES[scale] == value) {
            *ret_digits = digits_of_integer((uint64_t)whole, (int32_t)scale);
            return true;
        }
    }
    return false;
}

static FloatDigits digits_of_integer(uint64_t value, int32_t scale) {
    FloatDigits digits = {.point = 0};
    int length = snprintf(digits.digits, sizeof digits.digits, "%llu", (unsigned long long)value);
    digits.count = length;
    digits.point = length - scale;
    digits_trim(&digits);
    return digits;
}

// The closest decimal of that many digits.
static FloatDigits digits_of(double value, int32_t digit_count) {
    char text[64];
    int length = snprintf(text, sizeof text, "%.*e", digit_count - 1, value);
    ASSERT(length > 0 && (size_t)length < sizeof text);
    FloatDigits digits = {.count = 0};
    char *at = text;
    for (; *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9') digits.digits[digits.count++] = *at;
    }
    digits.point = (int32_t)strtol(at + 1, NULL, 10) + 1;
    return digits;
}

static bool reads_back_f64(const FloatDigits *digits, double value) {
    char text[48];
    digits_to_text(digits, text, sizeof text);
    return strtod(text, NULL) == value;
}

static bool reads_back_f32(const FloatDigits *digits, float value) {
    char text[48];
    digits_to_text(digits, text, sizeof text);
    return strtof(text, NULL) == value;
}

static FloatDigits digits_next_up(FloatDigits digits) {
    int32_t at = digits.count;
    while (at > 0 && digits.digits[at - 1] == '9') digits.digits[--at] = '0';
    if (at > 0) {
        digits.digits[at - 1]++;
        return digits;
    }
    digits.digits[0] = '1';  // 999 -> 1000, of which the first three are kept
    digits.point++;
    return digits;
}

static void digits_trim(FloatDigits *digits) {
    while (digits->count > 1 && digits->digits[digits->count - 1] == '0') digits->count--;
    if (digits->count == 1 && digits->digits[0] == '0') digits->point = 1;
    digits->digits[digits->count] = 0;
}

// Whether the number lies exactly between these digits and the next ones up. Digits are chosen to
// the even side then, as Ryu does for JSON; Rust's Display chooses the upper.
static bool is_tie(double value, const FloatDigits *digits) {
    char text[80];
    snprintf(text, sizeof text, "%.*e", TIE_DIGITS - 1, value);
    int32_t index = 0;
    for (const char *at = text; *at != 'e'; at++) {
        if (*at < '0' || *at > '9') continue;
        char wanted = index < digits->count    ? digits->digits[index]
                      : index == digits->count ? '5'
                                               : '0';
        if (*at != wanted) return false;
        index++;
    }
    return true;
}

static void digits_to_text(const FloatDigits *digits, char *ret_text, size_t text_max) {
    snprintf(ret_text, text_max, "%.*se%d", (int)digits->count, digits->digits,
             (int)(digits->point - digits->count));
}

// ---- text ----

static void write_positional(Buffer *buffer, const FloatDigits *digits) {
    if (digits->point <= 0) {
        buffer_append_text(buffer, "0.");
        for (int32_t i = digits->point; i < 0; i++) buffer_u8(buffer, '0');
        buffer_append(buffer, digits->digits, (size_t)digits->count);
        return;
    }
    for (int32_t i = 0; i < digits->point || i < digits->count; i++) {
        if (i == digits->point) buffer_u8(buffer, '.');
        buffer_u8(buffer, (uint8_t)(i < digits->count ? digits->digits[i] : '0'));
    }
}

static bool write_not_finite(Buffer *buffer, double value) {
    if (isfinite(value)) return false;
    buffer_append_text(buffer, isnan(value) ? "NaN" : signbit(value) ? "-inf" : "inf");
    return true;
}

// Leading zeros are dropped; past the limit any digit but zero counts as one more.
static void decimal_add(DecimalText *decimal, char digit) {
    if (decimal->count == 0 && digit == '0') return;
    if (decimal->count < SIGNIFICANT_DIGITS_MAX) {
        decimal->digits[decimal->count++] = digit;
        return;
    }
    decimal->exponent++;
    if (digit != '0') decimal->digits[SIGNIFICANT_DIGITS_MAX - 1] = '1';
}
