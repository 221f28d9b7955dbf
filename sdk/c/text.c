// text.c - printf's formats, and the texts of values.
//
// A Sink counts every character and stores those that fit, so that one pass serves both to measure
// and to write. Numbers with a fraction are converted exactly: a double is an integer times a power
// of two, which is laid out in base 10^9 and rounded half to even at the wanted digit, as C
// libraries do.
#include "memory.h"

#include <spacetime/module.h>

typedef struct Sink {
    char *data;
    size_t capacity, count;
} Sink;

// One conversion: %-08.3lld
typedef struct Spec {
    bool left, plus, space, alternate, zero;
    int width, precision;  // precision -1: not given
    char size;             // 0, 'H' for hh, 'h', 'l', 'L' for ll, 'z', 't', 'j'
    char conversion;
} Spec;

// Room for the digits of any double: 309 before the point, 1074 behind it, in groups of nine.
#define DIGIT_GROUPS 160
#define GROUP_BASE 1000000000u
// More digits than this behind the point are not asked for in earnest.
#define PRECISION_MAX 400
#define DIGITS_MAX (330 + PRECISION_MAX)

// A number without sign: `count` decimal digits, the point after the first `point` of them.
typedef struct Decimal {
    char digits[DIGITS_MAX + 1];
    int count, point;
} Decimal;

static const char *spec_parse(const char *at, Spec *spec, va_list *arguments);
static void sink_conversion(Sink *sink, const Spec *spec, va_list *arguments);
static void sink_char(Sink *sink, char character);
static void sink_pad(Sink *sink, char character, int count);
static void sink_field(Sink *sink, const Spec *spec, const char *prefix, const char *body,
                       int length);
static uint64_t unsigned_argument(const Spec *spec, va_list *arguments);
static int64_t signed_argument(const Spec *spec, va_list *arguments);
static void sink_integer(Sink *sink, const Spec *spec, uint64_t value, bool is_negative);
static void sink_double(Sink *sink, const Spec *spec, double value);
static int double_expand(double value, uint32_t groups[DIGIT_GROUPS], int *ret_point);
static void decimal_of(double value, Decimal *decimal);
static void decimal_round(Decimal *decimal, int keep);
static int text_fixed(char *text, const Decimal *decimal, int precision, bool alternate);
static int text_exponent(char *text, const Decimal *decimal, int precision, const Spec *spec);
static const char *hex_reversed(const uint8_t *bytes, size_t count);

size_t stdb_format_into(char *buffer, size_t capacity, const char *format, va_list arguments) {
    Sink sink = {buffer, capacity == 0 ? 0 : capacity - 1, 0};
    va_list list;
    va_copy(list, arguments);
    for (const char *at = format; *at != 0;) {
        if (*at != '%') {
            sink_char(&sink, *at++);
            continue;
        }
        Spec spec = {.precision = -1};
        at = spec_parse(at + 1, &spec, &list);
        sink_conversion(&sink, &spec, &list);
    }
    va_end(list);
    if (capacity > 0) buffer[sink.count < sink.capacity ? sink.count : sink.capacity] = 0;
    return sink.count;
}

StdbString stdb_format_list(const char *format, va_list arguments) {
    char *text = (char *)memory_borrow(256);
    size_t capacity = memory_free();
    size_t length = stdb_format_into(text, capacity, format, arguments);
    if (length >= capacity) {
        text = (char *)memory_borrow(length + 1);
        stdb_format_into(text, length + 1, format, arguments);
    }
    memory_keep(length + 1);
    return (StdbString){text, (uint32_t)length};
}

StdbString stdb_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    StdbString text = stdb_format_list(format, arguments);
    va_end(arguments);
    return text;
}

StdbString stdb_string(const char *text) {
    return (StdbString){text, (uint32_t)strlen(text)};
}

StdbString stdb_string_copy(StdbString text) {
    char *copy = stdb_alloc((size_t)text.length + 1);
    if (text.length > 0) memcpy(copy, text.data, text.length);
    return (StdbString){copy, text.length};
}

bool stdb_string_equal(StdbString left, StdbString right) {
    return left.length == right.length && memcmp(left.data, right.data, left.length) == 0;
}

int stdb_string_compare(StdbString left, StdbString right) {
    uint32_t common = left.length < right.length ? left.length : right.length;
    int order = memcmp(left.data, right.data, common);
    if (order != 0) return order;
    return (left.length > right.length) - (left.length < right.length);
}

bool stdb_identity_equal(StdbIdentity left, StdbIdentity right) {
    return memcmp(left.bytes, right.bytes, sizeof left.bytes) == 0;
}

bool stdb_connection_id_equal(StdbConnectionId left, StdbConnectionId right) {
    return memcmp(left.bytes, right.bytes, sizeof left.bytes) == 0;
}

bool stdb_connection_id_is_none(StdbConnectionId connection_id) {
    return stdb_is_zero(connection_id.bytes, sizeof connection_id.bytes);
}

bool stdb_uuid_equal(StdbUuid left, StdbUuid right) {
    return memcmp(left.bytes, right.bytes, sizeof left.bytes) == 0;
}

const char *stdb_identity_text(StdbIdentity identity) {
    return hex_reversed(identity.bytes, sizeof identity.bytes);
}

const char *stdb_connection_id_text(StdbConnectionId connection_id) {
    return hex_reversed(connection_id.bytes, sizeof connection_id.bytes);
}

const char *stdb_uuid_text(StdbUuid uuid) {
    const char *hex = hex_reversed(uuid.bytes, sizeof uuid.bytes);
    return stdb_format("%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20)
        .data;
}

bool stdb_identity_parse(StdbString text, StdbIdentity *ret_identity) {
    const char *digits = text.data;
    if (text.length == 66 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
        digits += 2;
    else if (text.length != 64)
        return false;
    StdbIdentity identity = {0};
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t digit = (uint8_t)digits[i];
        if (digit - '0' < 10)
            digit -= '0';
        else if ((digit | 32) - 'a' < 6)
            digit = (digit | 32) - 'a' + 10;
        else
            return false;
        uint8_t *byte = &identity.bytes[31 - i / 2];
        *byte = (uint8_t)((uint32_t)*byte << 4 | digit);
    }
    *ret_identity = identity;
    return true;
}

const char *stdb_timestamp_text(StdbTimestamp timestamp) {
    int64_t seconds = timestamp.micros / 1000000;
    int64_t micros = timestamp.micros % 1000000;
    if (micros < 0) {
        micros += 1000000;
        seconds--;
    }
    int64_t days = seconds / 86400;
    int64_t second = seconds % 86400;
    if (second < 0) {
        second += 86400;
        days--;
    }
    // Days since 0000-03-01, where leap days come last; then eras of 400 years.
    int64_t day = days + 719468;
    int64_t era = (day >= 0 ? day : day - 146096) / 146097;
    int64_t day_of_era = day - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                           day_of_era / 146096) /
                          365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2);
    return stdb_format("%04lld-%02lld-%02lldT%02lld:%02lld:%02lld.%06lldZ", year, month,
                       day_of_year - (153 * shifted_month + 2) / 5 + 1, second / 3600,
                       second / 60 % 60, second % 60, micros)
        .data;
}

static const char *hex_reversed(const uint8_t *bytes, size_t count) {
    char *text = stdb_alloc(count * 2 + 1);
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = bytes[count - 1 - i];
        text[i * 2] = "0123456789abcdef"[byte >> 4];
        text[i * 2 + 1] = "0123456789abcdef"[byte & 15];
    }
    return text;
}

// `at` stands behind the %. An incomplete conversion at the end of the format yields conversion 0.
static const char *spec_parse(const char *at, Spec *spec, va_list *arguments) {
    for (;; at++) {
        if (*at == '-')
            spec->left = true;
        else if (*at == '+')
            spec->plus = true;
        else if (*at == ' ')
            spec->space = true;
        else if (*at == '#')
            spec->alternate = true;
        else if (*at == '0')
            spec->zero = true;
        else
            break;
    }
    if (*at == '*') {
        spec->width = va_arg(*arguments, int);
        at++;
        if (spec->width < 0) {
            spec->left = true;
            spec->width = -spec->width;
        }
    }
    for (; *at >= '0' && *at <= '9' && spec->width < 100000; at++)
        spec->width = spec->width * 10 + (*at - '0');
    if (*at == '.') {
        at++;
        spec->precision = 0;
        if (*at == '*') {
            spec->precision = va_arg(*arguments, int);
            at++;
        }
        for (; *at >= '0' && *at <= '9' && spec->precision < 100000; at++) {
            spec->precision = spec->precision * 10 + (*at - '0');
        }
        if (spec->precision < 0) spec->precision = -1;
    }
    if (*at == 'h' || *at == 'l' || *at == 'z' || *at == 't' || *at == 'j') {
        spec->size = *at++;
        if (spec->size == 'h' && *at == 'h') spec->size = (char)(*at++ - 'h' + 'H');
        if (spec->size == 'l' && *at == 'l') spec->size = (char)(*at++ - 'l' + 'L');
    }
    spec->conversion = *at;
    return *at == 0 ? at : at + 1;
}

static void sink_conversion(Sink *sink, const Spec *spec, va_list *arguments) {
    switch (spec->conversion) {
    case 'd':
    case 'i': {
        int64_t value = signed_argument(spec, arguments);
        sink_integer(sink, spec, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
        break;
    }
    case 'u':
    case 'x':
    case 'X':
    case 'o': sink_integer(sink, spec, unsigned_argument(spec, arguments), false); break;
    case 'p':
        sink_integer(sink,
                     &(Spec){.alternate = true,
                             .precision = -1,
                             .width = spec->width,
                             .left = spec->left,
                             .conversion = 'x'},
                     (uintptr_t)va_arg(*arguments, void *), false);
        break;
    case 'c': sink_field(sink, spec, "", &(char){(char)va_arg(*arguments, int)}, 1); break;
    case 's': {
        const char *text = va_arg(*arguments, const char *);
        if (text == NULL) text = "(null)";
        int length = 0;
        while ((spec->precision < 0 || length < spec->precision) && text[length] != 0) length++;
        sink_field(sink, &(Spec){.width = spec->width, .left = spec->left}, "", text, length);
        break;
    }
    case 'f':
    case 'F':
    case 'e':
    case 'E':
    case 'g':
    case 'G': sink_double(sink, spec, va_arg(*arguments, double)); break;
    case 0: break;
    default: sink_char(sink, spec->conversion); break;  // %% and what we do not know
    }
}

static void sink_char(Sink *sink, char character) {
    if (sink->count < sink->capacity) sink->data[sink->count] = character;
    sink->count++;
}

static void sink_pad(Sink *sink, char character, int count) {
    for (; count > 0; count--) sink_char(sink, character);
}

// Prefix (sign, 0x) and body within the width; zeros go between the two.
static void sink_field(Sink *sink, const Spec *spec, const char *prefix, const char *body,
                       int length) {
    int pad = spec->width - (int)strlen(prefix) - length;
    if (!spec->left && !spec->zero) sink_pad(sink, ' ', pad);
    for (; *prefix != 0; prefix++) sink_char(sink, *prefix);
    if (!spec->left && spec->zero) sink_pad(sink, '0', pad);
    for (int i = 0; i < length; i++) sink_char(sink, body[i]);
    if (spec->left) sink_pad(sink, ' ', pad);
}

static uint64_t unsigned_argument(const Spec *spec, va_list *arguments) {
    switch (spec->size) {
    case 'H': return (unsigned char)va_arg(*arguments, unsigned);
    case 'h': return (unsigned short)va_arg(*arguments, unsigned);
    case 'L':
    case 'j': return va_arg(*arguments, uint64_t);
    default: return va_arg(*arguments, unsigned);  // long, size_t and ptrdiff_t have 32 bits here
    }
}

static int64_t signed_argument(const Spec *spec, va_list *arguments) {
    switch (spec->size) {
    case 'H': return (signed char)va_arg(*arguments, int);
    case 'h': return (short)va_arg(*arguments, int);
    case 'L':
    case 'j': return va_arg(*arguments, int64_t);
    default: return va_arg(*arguments, int);
    }
}

static void sink_integer(Sink *sink, const Spec *spec, uint64_t value, bool is_negative) {
    const char *digits = spec->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    uint32_t base = spec->conversion == 'o'                              ? 8
                    : spec->conversion == 'x' || spec->conversion == 'X' ? 16
                                                                         : 10;
    bool is_signed = spec->conversion == 'd' || spec->conversion == 'i';
    char text[PRECISION_MAX + 1];
    int at = sizeof text;
    const char *prefix = is_negative                ? "-"
                         : is_signed && spec->plus  ? "+"
                         : is_signed && spec->space ? " "
                                                    : "";
    if (spec->alternate && base == 16 && value != 0) prefix = spec->conversion == 'X' ? "0X" : "0x";
    for (uint64_t rest = value; rest != 0; rest /= base) text[--at] = digits[rest % base];
    int wanted = spec->precision < 0               ? 1
                 : spec->precision > PRECISION_MAX ? PRECISION_MAX
                                                   : spec->precision;
    while ((int)sizeof text - at < wanted) text[--at] = '0';
    if (spec->alternate && base == 8 && (at == sizeof text || text[at] != '0')) text[--at] = '0';
    Spec field = *spec;
    if (spec->precision >= 0) field.zero = false;  // the precision has said how many zeros
    sink_field(sink, &field, prefix, text + at, (int)sizeof text - at);
}

static void sink_double(Sink *sink, const Spec *spec, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bool is_upper = spec->conversion < 'a';
    const char *prefix = bits >> 63 ? "-" : spec->plus ? "+" : spec->space ? " " : "";
    if ((bits >> 52 & 2047) == 2047) {
        const char *text = bits << 12 ? (is_upper ? "NAN" : "nan") : (is_upper ? "INF" : "inf");
        sink_field(sink, &(Spec){.width = spec->width, .left = spec->left}, prefix, text, 3);
        return;
    }
    int precision = spec->precision < 0               ? 6
                    : spec->precision > PRECISION_MAX ? PRECISION_MAX
                                                      : spec->precision;
    Decimal decimal;
    decimal_of(__builtin_fabs(value), &decimal);
    char text[DIGITS_MAX + 16];
    int length;
    switch (spec->conversion | 32) {
    case 'f':
        decimal_round(&decimal, decimal.point + precision);
        length = text_fixed(text, &decimal, precision, spec->alternate);
        break;
    case 'e':
        decimal_round(&decimal, precision + 1);
        length = text_exponent(text, &decimal, precision, spec);
        break;
    default: {  // g: the shorter of the two, without the zeros at the end
        if (precision == 0) precision = 1;
        decimal_round(&decimal, precision);
        int exponent = decimal.point - 1;
        bool is_fixed = exponent >= -4 && exponent < precision;
        precision = is_fixed ? precision - 1 - exponent : precision - 1;
        if (!spec->alternate) {
            int shown = is_fixed ? decimal.count - decimal.point : decimal.count - 1;
            if (shown < 0) shown = 0;
            if (precision > shown) precision = shown;
        }
        length = is_fixed ? text_fixed(text, &decimal, precision, spec->alternate)
                          : text_exponent(text, &decimal, precision, spec);
    }
    }
    sink_field(sink, spec, prefix, text, length);
}

// The digits of a finite number that is not negative. Zero: one digit 0 and the point behind it.
static void decimal_of(double value, Decimal *decimal) {
    uint32_t groups[DIGIT_GROUPS];
    int group_point;
    int group_count = double_expand(value, groups, &group_point);
    decimal->count = 0;
    decimal->point = 0;
    for (int i = 0; i < group_count; i++) {
        for (uint32_t unit = GROUP_BASE / 10; unit > 0; unit /= 10) {
            char digit = (char)('0' + groups[i] / unit % 10);
            bool is_leading = decimal->count == 0 && digit == '0';
            if (i < group_point)
                decimal->point += !is_leading;
            else if (is_leading)
                decimal->point--;
            if (is_leading) continue;
            // Digits past the room matter only as "something follows": fold them into the last one.
            if (decimal->count < DIGITS_MAX)
                decimal->digits[decimal->count++] = digit;
            else if (digit != '0' && decimal->digits[DIGITS_MAX - 1] == '0')
                decimal->digits[DIGITS_MAX - 1] = '1';
        }
    }
    while (decimal->count > 0 && decimal->digits[decimal->count - 1] == '0') decimal->count--;
    if (decimal->count == 0) *decimal = (Decimal){.digits = "0", .count = 1, .point = 1};
}

// Base 10^9, most significant group first, the point after the first ret_point groups. The mantissa
// is an integer; times two carries to the left, divided by two to the right.
static int double_expand(double value, uint32_t groups[DIGIT_GROUPS], int *ret_point) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    int exponent = (int)(bits >> 52 & 2047);
    uint64_t mantissa = bits & ((1ull << 52) - 1);
    if (exponent > 0)
        mantissa |= 1ull << 52;
    else
        exponent = 1;
    int shift = exponent - 1075;
    int first = 36, last = 38;  // 35 groups of room to the left, the rest to the right
    groups[first] = 0;
    groups[first + 1] = (uint32_t)(mantissa / GROUP_BASE);
    groups[first + 2] = (uint32_t)(mantissa % GROUP_BASE);
    for (; shift > 0; shift -= shift < 20 ? shift : 20) {
        int step = shift < 20 ? shift : 20;
        uint64_t carry = 0;
        for (int i = last; i >= first; i--) {
            carry += (uint64_t)groups[i] << step;
            groups[i] = (uint32_t)(carry % GROUP_BASE);
            carry /= GROUP_BASE;
        }
        if (carry > 0) groups[--first] = (uint32_t)carry;
    }
    for (; shift < 0; shift += -shift < 9 ? -shift : 9) {  // 10^9 divides by 2^9 without remainder
        int step = -shift < 9 ? -shift : 9;
        uint32_t carry = 0;
        for (int i = first; i <= last; i++) {
            uint32_t low = groups[i] & ((1u << step) - 1);
            groups[i] = (groups[i] >> step) + carry;
            carry = (GROUP_BASE >> step) * low;
        }
        if (carry > 0) groups[++last] = carry;
    }
    *ret_point = 39 - first;
    memmove(groups, groups + first, (size_t)(last - first + 1) * sizeof groups[0]);
    return last - first + 1;
}

// Keeps the first `keep` digits, rounded half to even; a carry out of the first makes the number
// one digit longer.
static void decimal_round(Decimal *decimal, int keep) {
    if (keep >= decimal->count) return;
    bool is_up = false;
    if (keep >= 0) {
        char next = decimal->digits[keep];
        bool is_half = next == '5' && keep + 1 == decimal->count;
        bool is_odd = keep > 0 && (decimal->digits[keep - 1] & 1);
        is_up = is_half ? is_odd : next >= '5';
    }
    int at = keep < 0 ? 0 : keep;
    while (is_up && at > 0 && decimal->digits[at - 1] == '9') at--;
    if (is_up && at > 0) {
        decimal->digits[at - 1]++;
    } else if (is_up) {
        decimal->digits[0] = '1';
        decimal->point++;
        at = 1;
    }
    while (at > 0 && decimal->digits[at - 1] == '0') at--;
    decimal->count = at;
    if (at == 0) *decimal = (Decimal){.digits = "0", .count = 1, .point = 1};
}

static int text_fixed(char *text, const Decimal *decimal, int precision, bool alternate) {
    int length = 0;
    if (decimal->point <= 0) text[length++] = '0';
    for (int i = 0; i < decimal->point; i++)
        text[length++] = i < decimal->count ? decimal->digits[i] : '0';
    if (precision > 0 || alternate) text[length++] = '.';
    for (int i = decimal->point; i < decimal->point + precision; i++) {
        text[length++] = i >= 0 && i < decimal->count ? decimal->digits[i] : '0';
    }
    return length;
}

static int text_exponent(char *text, const Decimal *decimal, int precision, const Spec *spec) {
    int length = 0;
    int exponent = decimal->digits[0] == '0' ? 0 : decimal->point - 1;
    text[length++] = decimal->digits[0];
    if (precision > 0 || spec->alternate) text[length++] = '.';
    for (int i = 1; i <= precision; i++)
        text[length++] = i < decimal->count ? decimal->digits[i] : '0';
    text[length++] = spec->conversion < 'a' ? 'E' : 'e';
    text[length++] = exponent < 0 ? '-' : '+';
    int size = exponent < 0 ? -exponent : exponent;
    if (size >= 100) text[length++] = (char)('0' + size / 100);
    text[length++] = (char)('0' + size / 10 % 10);
    text[length++] = (char)('0' + size % 10);
    return length;
}
