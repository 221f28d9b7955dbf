// migrate_default.c - a default value as the plan shows it: the multi-line debug form of upstream's
// value type.
#include "schema/migrate.h"

static const uint8_t *write_scalar(Buffer *buffer, const Type *type, const uint8_t *at,
                                   uint32_t indent);
static void write_indent(Buffer *buffer, uint32_t indent);

// By kind; those without a name have their own form.
static const char *const KIND_NAMES[TYPE_KIND_COUNT] = {
    [TYPE_STRING] = "String", [TYPE_BOOL] = "Bool", [TYPE_I8] = "I8",     [TYPE_U8] = "U8",
    [TYPE_I16] = "I16",       [TYPE_U16] = "U16",   [TYPE_I32] = "I32",   [TYPE_U32] = "U32",
    [TYPE_I64] = "I64",       [TYPE_U64] = "U64",   [TYPE_I128] = "I128", [TYPE_U128] = "U128",
    [TYPE_I256] = "I256",     [TYPE_U256] = "U256", [TYPE_F32] = "F32",   [TYPE_F64] = "F64",
};

const uint8_t *migration_write_default(Buffer *buffer, const Type *type, const uint8_t *at,
                                       uint32_t indent) {
    if (type->kind == TYPE_SUM) {
        const TypeField *variant = &type->fields[*at];
        buffer_append_text(buffer, "Sum(\n");
        write_indent(buffer, indent + 1);
        buffer_append_text(buffer, "SumValue {\n");
        write_indent(buffer, indent + 2);
        buffer_append_format(buffer, "tag: %u,\n", *at);
        write_indent(buffer, indent + 2);
        buffer_append_text(buffer, "value: ");
        at = migration_write_default(buffer, variant->type, at + 1, indent + 2);
        buffer_append_text(buffer, ",\n");
    } else if (type->kind == TYPE_PRODUCT) {
        buffer_append_text(buffer, "Product(\n");
        write_indent(buffer, indent + 1);
        buffer_append_text(buffer, "ProductValue {\n");
        write_indent(buffer, indent + 2);
        buffer_append_text(buffer, type->field_count == 0 ? "elements: [" : "elements: [\n");
        for (uint32_t i = 0; i < type->field_count; i++) {
            write_indent(buffer, indent + 3);
            at = migration_write_default(buffer, type->fields[i].type, at, indent + 3);
            buffer_append_text(buffer, ",\n");
        }
        if (type->field_count > 0) write_indent(buffer, indent + 2);
        buffer_append_text(buffer, "],\n");
    } else {
        return write_scalar(buffer, type, at, indent);
    }
    write_indent(buffer, indent + 1);
    buffer_append_text(buffer, "},\n");
    write_indent(buffer, indent);
    buffer_u8(buffer, ')');
    return at;
}

// Arrays count as scalars here: upstream's form of them differs by element type and says no more.
static const uint8_t *write_scalar(Buffer *buffer, const Type *type, const uint8_t *at,
                                   uint32_t indent) {
    const char *name = KIND_NAMES[type->kind];
    buffer_append_format(buffer, "%s(\n", name ? name : "Array");
    write_indent(buffer, indent + 1);
    at = json_write_value(buffer, TYPESPACE_NONE, type, at, JSON_UNTYPED);
    buffer_append_text(buffer, ",\n");
    write_indent(buffer, indent);
    buffer_u8(buffer, ')');
    return at;
}

static void write_indent(Buffer *buffer, uint32_t indent) {
    for (uint32_t i = 0; i < indent; i++) buffer_append_text(buffer, "    ");
}
