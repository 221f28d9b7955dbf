// display.c - values as `spacetime sql` shows them (sats.md 6.1).
//
// Upstream decides by the column or field that a value stands in, not by the value: a special
// product is shown as what it means where the field is declared as it, and as a record (whose one
// field is then special) inside a sum or an array. Hence the two walks, show_field and show_value.
#include "sats/scalar_text.h"

static const uint8_t *show_field(Buffer *buffer, const Type *type, const uint8_t *at);
static const uint8_t *show_value(Buffer *buffer, const Type *type, const uint8_t *at);
static const uint8_t *show_special(Buffer *buffer, TypeSpecial special, const uint8_t *at);
static const uint8_t *show_record(Buffer *buffer, const Type *type, const uint8_t *at);
static const uint8_t *show_sum(Buffer *buffer, const Type *type, const uint8_t *at);
static const uint8_t *show_array(Buffer *buffer, const Type *type, const uint8_t *at);
static void show_name(Buffer *buffer, Bytes name, uint32_t index);
static bool is_special_product(const Type *type);
static void show_hex_number(Buffer *buffer, const uint8_t *at, uint32_t count);

const uint8_t *display_value(Buffer *buffer, const Type *type, const uint8_t *at) {
    return show_field(buffer, type, at);
}

static const uint8_t *show_field(Buffer *buffer, const Type *type, const uint8_t *at) {
    if (is_special_product(type)) return show_special(buffer, type->special, at);
    return show_value(buffer, type, at);
}

static const uint8_t *show_value(Buffer *buffer, const Type *type, const uint8_t *at) {
    switch (type->kind) {
    case TYPE_PRODUCT: return show_record(buffer, type, at);
    case TYPE_SUM: return show_sum(buffer, type, at);
    case TYPE_ARRAY: return show_array(buffer, type, at);
    default: return scalar_write_text(buffer, type->kind, at);
    }
}

static const uint8_t *show_special(Buffer *buffer, TypeSpecial special, const uint8_t *at) {
    switch (special) {
    case SPECIAL_IDENTITY: show_hex_number(buffer, at, 32); return at + 32;
    case SPECIAL_CONNECTION_ID: show_hex_number(buffer, at, 16); return at + 16;
    case SPECIAL_TIMESTAMP: timestamp_write_text(buffer, (int64_t)load_u64le(at)); return at + 8;
    case SPECIAL_TIME_DURATION:
        time_duration_write_text(buffer, (int64_t)load_u64le(at));
        return at + 8;
    case SPECIAL_UUID:
        buffer_u8(buffer, '"');
        uuid_write_text(buffer, at);
        buffer_u8(buffer, '"');
        return at + 16;
    case SPECIAL_NONE:
    case SPECIAL_OPTION:
    case SPECIAL_RESULT:
    case SPECIAL_SCHEDULE_AT:
    case SPECIAL_QUERY: break;
    }
    UNREACHABLE();
}

static const uint8_t *show_record(Buffer *buffer, const Type *type, const uint8_t *at) {
    buffer_u8(buffer, '(');
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (i > 0) buffer_append_text(buffer, ", ");
        show_name(buffer, type->fields[i].name, i);
        if (is_special_product(type)) {
            at = show_special(buffer, type->special, at);
        } else {
            at = show_field(buffer, type->fields[i].type, at);
        }
    }
    buffer_u8(buffer, ')');
    return at;
}

static const uint8_t *show_sum(Buffer *buffer, const Type *type, const uint8_t *at) {
    uint8_t tag = *at++;
    ASSERT(tag < type->field_count);
    buffer_u8(buffer, '(');
    show_name(buffer, type->fields[tag].name, tag);
    at = show_value(buffer, type->fields[tag].type, at);
    buffer_u8(buffer, ')');
    return at;
}

// Nothing stands between or around the elements: that is what users see, and what scripts compare.
static const uint8_t *show_array(Buffer *buffer, const Type *type, const uint8_t *at) {
    uint32_t count = load_u32le(at);
    at += 4;
    if (type_is_bytes(type)) {
        buffer_append_text(buffer, "0x");
        buffer_append_hex(buffer, (Bytes){at, count});
        return at + count;
    }
    for (uint32_t i = 0; i < count; i++) at = show_value(buffer, type->element, at);
    return at;
}

static void show_name(Buffer *buffer, Bytes name, uint32_t index) {
    if (name.data) {
        buffer_append_bytes(buffer, name);
        buffer_append_text(buffer, " = ");
    } else {
        buffer_append_format(buffer, "col_%u = ", index);
    }
}

static bool is_special_product(const Type *type) {
    return type->special >= SPECIAL_IDENTITY && type->special <= SPECIAL_UUID;
}

static void show_hex_number(Buffer *buffer, const uint8_t *at, uint32_t count) {
    buffer_append_text(buffer, "0x");
    for (uint32_t i = count; i-- > 0;) buffer_append_hex(buffer, (Bytes){at + i, 1});
}
