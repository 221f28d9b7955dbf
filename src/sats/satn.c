// satn.c - values as error texts name them (sats.md 6.3): without their types, so that indexes
// stand for names.
#include "sats/scalar_text.h"

static const uint8_t *write_product(Buffer *buffer, const Type *type, const uint8_t *at);
static const uint8_t *write_array(Buffer *buffer, const Type *type, const uint8_t *at);

const uint8_t *satn_value(Buffer *buffer, const Type *type, const uint8_t *at) {
    switch (type->kind) {
    case TYPE_PRODUCT: return write_product(buffer, type, at);
    case TYPE_ARRAY: return write_array(buffer, type, at);
    case TYPE_SUM:
        buffer_append_text(buffer, "( = ");
        at = satn_value(buffer, type->fields[*at].type, at + 1);
        buffer_u8(buffer, ')');
        return at;
    default: return scalar_write_text(buffer, type->kind, at);
    }
}

static const uint8_t *write_product(Buffer *buffer, const Type *type, const uint8_t *at) {
    buffer_u8(buffer, '(');
    for (uint32_t i = 0; i < type->field_count; i++) {
        buffer_append_format(buffer, i == 0 ? "%u = " : ", %u = ", i);
        at = satn_value(buffer, type->fields[i].type, at);
    }
    buffer_u8(buffer, ')');
    return at;
}

static const uint8_t *write_array(Buffer *buffer, const Type *type, const uint8_t *at) {
    uint32_t count = load_u32le(at);
    at += 4;
    if (type_is_bytes(type)) {
        buffer_append_text(buffer, "0x");
        buffer_append_hex(buffer, (Bytes){at, count});
        return at + count;
    }
    buffer_u8(buffer, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) buffer_append_text(buffer, ", ");
        at = satn_value(buffer, type->element, at);
    }
    buffer_u8(buffer, ']');
    return at;
}
