// json_write.c - values as SATS-JSON (sats.md 4.1-4.4).
//
// The shapes differ in three questions only: are products objects, are sums objects, and what does
// the empty product look like. A Shape answers them; it changes on the way down (array elements of
// stored rows are untyped, a derived sum's unit payload is an array).
#include "sats/float_text.h"
#include "sats/sats.h"

#include <math.h>

// Between these points a float is written without an exponent.
#define F64_POINT_MAX 16
#define F64_POINT_MIN (-5)
#define F32_POINT_MAX 13
#define F32_POINT_MIN (-6)

typedef struct Writer {
    Buffer *buffer;
    const Typespace *typespace;
} Writer;

static const uint8_t *write_value(Writer *writer, const Type *type, const uint8_t *at,
                                  JsonShape shape);
static const uint8_t *write_product(Writer *writer, const Type *type, const uint8_t *at,
                                    JsonShape shape);
static const uint8_t *write_object(Writer *writer, const Type *type, const uint8_t *at,
                                   JsonShape shape);
static const uint8_t *write_sum(Writer *writer, const Type *type, const uint8_t *at,
                                JsonShape shape);
static const uint8_t *write_payload(Writer *writer, const Type *type, const uint8_t *at,
                                    JsonShape shape);
static const uint8_t *write_array(Writer *writer, const Type *type, const uint8_t *at,
                                  JsonShape shape);
static const uint8_t *write_scalar(Buffer *buffer, TypeKind kind, const uint8_t *at);
static bool has_all_names(const Type *type);
static bool write_float_start(Buffer *buffer, double value);
static void write_digits(Buffer *buffer, const FloatDigits *digits, int32_t point_min,
                         int32_t point_max);
static void write_escape(Buffer *buffer, uint8_t byte);
static void write_hex_number(Buffer *buffer, const uint8_t at[32]);

const uint8_t *json_write_value(Buffer *buffer, const Typespace *typespace, const Type *type,
                                const uint8_t *at, JsonShape shape) {
    Writer writer = {buffer, typespace};
    return write_value(&writer, type, at, shape);
}

void json_write_string(Buffer *buffer, Bytes text) {
    buffer_u8(buffer, '"');
    uint32_t start = 0;
    for (uint32_t i = 0; i < text.count; i++) {
        uint8_t byte = text.data[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
        if (i > start) buffer_append(buffer, text.data + start, i - start);
        write_escape(buffer, byte);
        start = i + 1;
    }
    if (text.count > start) buffer_append(buffer, text.data + start, text.count - start);
    buffer_u8(buffer, '"');
}

void json_write_f64(Buffer *buffer, double value) {
    if (!write_float_start(buffer, value)) return;
    FloatDigits digits = float_digits_f64(fabs(value));
    write_digits(buffer, &digits, F64_POINT_MIN, F64_POINT_MAX);
}

void json_write_f32(Buffer *buffer, float value) {
    if (!write_float_start(buffer, (double)value)) return;
    FloatDigits digits = float_digits_f32(fabsf(value));
    write_digits(buffer, &digits, F32_POINT_MIN, F32_POINT_MAX);
}

void json_write_u128(Buffer *buffer, unsigned __int128 value) {
    integer_write_decimal(buffer, (const uint8_t *)&value, sizeof value, false);
}

void json_write_i128(Buffer *buffer, __int128 value) {
    integer_write_decimal(buffer, (const uint8_t *)&value, sizeof value, true);
}

void json_write_u256_hex(Buffer *buffer, const uint8_t *at) {
    buffer_u8(buffer, '"');
    write_hex_number(buffer, at);
    buffer_u8(buffer, '"');
}

// ---- values ----

static const uint8_t *write_value(Writer *writer, const Type *type, const uint8_t *at,
                                  JsonShape shape) {
    type = type_deref(writer->typespace, type);
    ASSERT(type != NULL);  // the value was checked, so that the Ref leads somewhere
    switch (type->kind) {
    case TYPE_PRODUCT: return write_product(writer, type, at, shape);
    case TYPE_SUM: return write_sum(writer, type, at, shape);
    case TYPE_ARRAY: return write_array(writer, type, at, shape);
    case TYPE_STRING: {
        Bytes text = {at + 4, load_u32le(at)};
        json_write_string(writer->buffer, text);
        return text.data + text.count;
    }
    default: return write_scalar(writer->buffer, type->kind, at);
    }
}

static const uint8_t *write_product(Writer *writer, const Type *type, const uint8_t *at,
                                    JsonShape shape) {
    // Upstream refuses to write an object with unnamed elements; such products have no other form
    // than this.
    if (shape != JSON_UNTYPED && has_all_names(type)) return write_object(writer, type, at, shape);
    buffer_u8(writer->buffer, '[');
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (i > 0) buffer_u8(writer->buffer, ',');
        at = write_value(writer, type->fields[i].type, at, shape);
    }
    buffer_u8(writer->buffer, ']');
    return at;
}

static const uint8_t *write_object(Writer *writer, const Type *type, const uint8_t *at,
                                   JsonShape shape) {
    buffer_u8(writer->buffer, '{');
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (i > 0) buffer_u8(writer->buffer, ',');
        json_write_string(writer->buffer, type->fields[i].name);
        buffer_u8(writer->buffer, ':');
        at = write_value(writer, type->fields[i].type, at, shape);
    }
    buffer_u8(writer->buffer, '}');
    return at;
}

static const uint8_t *write_sum(Writer *writer, const Type *type, const uint8_t *at,
                                JsonShape shape) {
    uint8_t tag = *at++;
    ASSERT(tag < type->field_count);
    TypeField variant = type->fields[tag];
    bool is_object = (shape == JSON_TYPED || shape == JSON_DERIVED) && variant.name.data != NULL;
    if (is_object) {
        buffer_u8(writer->buffer, '{');
        json_write_string(writer->buffer, variant.name);
        buffer_u8(writer->buffer, ':');
    } else {
        buffer_u8(writer->buffer, '[');
        integer_write_u64(writer->buffer, tag);
        buffer_u8(writer->buffer, ',');
    }
    at = write_payload(writer, variant.type, at, shape);
    buffer_u8(writer->buffer, is_object ? '}' : ']');
    return at;
}

static const uint8_t *write_payload(Writer *writer, const Type *type, const uint8_t *at,
                                    JsonShape shape) {
    if (shape == JSON_DERIVED && type_is_unit(type)) {
        buffer_append_text(writer->buffer, "[]");
        return at;
    }
    return write_value(writer, type, at, shape);
}

static const uint8_t *write_array(Writer *writer, const Type *type, const uint8_t *at,
                                  JsonShape shape) {
    Buffer *buffer = writer->buffer;
    const Type *element = type_deref(writer->typespace, type->element);
    ASSERT(element != NULL || load_u32le(at) == 0);
    uint32_t count = load_u32le(at);
    at += 4;
    if (element != NULL && element->kind == TYPE_U8) {
        buffer_u8(buffer, '"');
        buffer_append_hex(buffer, (Bytes){at, count});
        buffer_u8(buffer, '"');
        return at + count;
    }
    if (shape == JSON_ROW_OBJECT) shape = JSON_UNTYPED;
    buffer_u8(buffer, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) buffer_u8(buffer, ',');
        at = write_value(writer, element, at, shape);
    }
    buffer_u8(buffer, ']');
    return at;
}

static const uint8_t *write_scalar(Buffer *buffer, TypeKind kind, const uint8_t *at) {
    switch (kind) {
    case TYPE_BOOL: buffer_append_text(buffer, *at ? "true" : "false"); return at + 1;
    case TYPE_I8: integer_write_i64(buffer, (int8_t)*at); return at + 1;
    case TYPE_U8: integer_write_u64(buffer, *at); return at + 1;
    case TYPE_I16: integer_write_i64(buffer, (int16_t)load_u16le(at)); return at + 2;
    case TYPE_U16: integer_write_u64(buffer, load_u16le(at)); return at + 2;
    case TYPE_I32: integer_write_i64(buffer, (int32_t)load_u32le(at)); return at + 4;
    case TYPE_U32: integer_write_u64(buffer, load_u32le(at)); return at + 4;
    case TYPE_I64: integer_write_i64(buffer, (int64_t)load_u64le(at)); return at + 8;
    case TYPE_U64: integer_write_u64(buffer, load_u64le(at)); return at + 8;
    case TYPE_I128: integer_write_decimal(buffer, at, 16, true); return at + 16;
    case TYPE_U128: integer_write_decimal(buffer, at, 16, false); return at + 16;
    case TYPE_U256: json_write_u256_hex(buffer, at); return at + 32;
    case TYPE_I256: {
        // Sign and magnitude.
        uint8_t magnitude[32];
        bool is_negative = at[31] >> 7;
        uint32_t carry = is_negative;
        for (uint32_t i = 0; i < 32; i++) {
            carry += is_negative ? (uint8_t)~at[i] : at[i];
            magnitude[i] = (uint8_t)carry;
            carry >>= 8;
        }
        buffer_append_text(buffer, is_negative ? "\"-" : "\"");
        write_hex_number(buffer, magnitude);
        buffer_u8(buffer, '"');
        return at + 32;
    }
    case TYPE_F32: {
        float value;
        memcpy(&value, at, sizeof value);
        json_write_f32(buffer, value);
        return at + 4;
    }
    case TYPE_F64: {
        double value;
        memcpy(&value, at, sizeof value);
        json_write_f64(buffer, value);
        return at + 8;
    }
    case TYPE_REF:
    case TYPE_SUM:
    case TYPE_PRODUCT:
    case TYPE_ARRAY:
    case TYPE_STRING:
    case TYPE_KIND_COUNT: break;
    }
    UNREACHABLE();
}

static bool has_all_names(const Type *type) {
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (type->fields[i].name.data == NULL) return false;
    }
    return true;
}

// ---- scalars ----

// The sign, or all of what is not a number; true if digits follow.
static bool write_float_start(Buffer *buffer, double value) {
    if (!isfinite(value)) {
        buffer_append_text(buffer, "null");
        return false;
    }
    if (signbit(value)) buffer_u8(buffer, '-');
    return true;
}

// sats.md 4.2, where kk is the point and k the point less the number of digits.
static void write_digits(Buffer *buffer, const FloatDigits *digits, int32_t point_min,
                         int32_t point_max) {
    int32_t point = digits->point;
    if (point > 0 && point <= point_max) {
        for (int32_t i = 0; i < point || i < digits->count; i++) {
            if (i == point) buffer_u8(buffer, '.');
            buffer_u8(buffer, (uint8_t)(i < digits->count ? digits->digits[i] : '0'));
        }
        if (digits->count <= point) buffer_append_text(buffer, ".0");
    } else if (point > point_min && point <= 0) {
        buffer_append_text(buffer, "0.");
        for (int32_t i = point; i < 0; i++) buffer_u8(buffer, '0');
        buffer_append(buffer, digits->digits, (size_t)digits->count);
    } else {
        buffer_u8(buffer, (uint8_t)digits->digits[0]);
        if (digits->count > 1) {
            buffer_u8(buffer, '.');
            buffer_append(buffer, digits->digits + 1, (size_t)digits->count - 1);
        }
        buffer_u8(buffer, 'e');
        integer_write_i64(buffer, (int64_t)point - 1);
    }
}

static void write_escape(Buffer *buffer, uint8_t byte) {
    switch (byte) {
    case '"': buffer_append_text(buffer, "\\\""); break;
    case '\\': buffer_append_text(buffer, "\\\\"); break;
    case '\b': buffer_append_text(buffer, "\\b"); break;
    case '\f': buffer_append_text(buffer, "\\f"); break;
    case '\n': buffer_append_text(buffer, "\\n"); break;
    case '\r': buffer_append_text(buffer, "\\r"); break;
    case '\t': buffer_append_text(buffer, "\\t"); break;
    default: buffer_append_format(buffer, "\\u%04x", byte); break;
    }
}

static void write_hex_number(Buffer *buffer, const uint8_t at[32]) {
    static const char DIGITS[] = "0123456789abcdef";
    char text[66] = "0x";
    uint32_t count = 2;
    for (uint32_t i = 64; i-- > 0;) {
        uint8_t digit = (at[i / 2] >> (i % 2 * 4)) & 0xf;
        if (digit == 0 && count == 2 && i > 0) continue;
        text[count++] = DIGITS[digit];
    }
    buffer_append(buffer, text, count);
}
