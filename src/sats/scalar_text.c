// scalar_text.c - one table's worth of scalar texts, shared by display and SATN.
#include "sats/scalar_text.h"

#include "sats/float_text.h"

const uint8_t *scalar_write_text(Buffer *buffer, TypeKind kind, const uint8_t *at) {
    switch (kind) {
    case TYPE_STRING: {
        Bytes text = {at + 4, load_u32le(at)};
        buffer_u8(buffer, '"');
        buffer_append_bytes(buffer, text);
        buffer_u8(buffer, '"');
        return text.data + text.count;
    }
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
    case TYPE_I256: integer_write_decimal(buffer, at, 32, true); return at + 32;
    case TYPE_U256: integer_write_decimal(buffer, at, 32, false); return at + 32;
    case TYPE_F32: {
        float value;
        memcpy(&value, at, sizeof value);
        float_write_positional_f32(buffer, value);
        return at + 4;
    }
    case TYPE_F64: {
        double value;
        memcpy(&value, at, sizeof value);
        float_write_positional_f64(buffer, value);
        return at + 8;
    }
    case TYPE_REF:
    case TYPE_SUM:
    case TYPE_PRODUCT:
    case TYPE_ARRAY:
    case TYPE_KIND_COUNT: break;
    }
    UNREACHABLE();
}
