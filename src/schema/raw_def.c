// raw_def.c - the outer sum, and the pieces that the versions share.
#include "schema/raw_def.h"

#include "schema/raw_reader.h"

#include <stdio.h>

static const Type *product_of(RawReader *reader, const TypeField *fields, uint32_t count);

Status raw_module_read(Bytes bytes, Arena *arena, RawModule *ret_module, Error *error) {
    RawReader reader = {.bytes = reader_of(bytes), .all = bytes, .arena = arena};
    RawModule module = {0};
    uint8_t tag = raw_read_tag(&reader, 3, "RawModuleDef");
    if (!reader.bytes.failed) {
        static void (*const READ[])(RawReader *, RawModule *) = {raw_v8_read, raw_v9_read,
                                                                 raw_v10_read};
        module.version = 8u + tag;
        READ[tag](&reader, &module);
    }
    if (reader.bytes.failed) {
        if (reader.text[0] != 0) return error_set(error, STATUS_INVALID, "%s", reader.text);
        return error_set(error, STATUS_INVALID, "module description: malformed at byte %zu",
                         (size_t)(reader.bytes.at - bytes.data));
    }
    *ret_module = module;
    return STATUS_OK;
}

void *raw_read_list(RawReader *reader, RawList list, uint32_t *ret_count) {
    uint32_t count = raw_read_count(reader, list.bytes_min);
    uint8_t *items = arena_alloc_zero(reader->arena, list.item_bytes * count);
    for (uint32_t i = 0; i < count; i++) list.read(reader, items + list.item_bytes * i);
    *ret_count = count;
    return items;
}

const void *raw_take_items(RawReader *reader, const void *items, size_t bytes) {
    void *copy = arena_alloc(reader->arena, bytes);
    if (bytes > 0) memcpy(copy, items, bytes);
    return copy;
}

uint8_t raw_read_tag(RawReader *reader, uint32_t variant_count, const char *sum_name) {
    uint8_t tag = reader_u8(&reader->bytes);
    if (tag < variant_count) return tag;
    char text[sizeof reader->text];
    snprintf(text, sizeof text, "unknown tag 0x%x for sum type %s", tag, sum_name);
    raw_fail(reader, text);
    return 0;
}

void raw_fail(RawReader *reader, const char *text) {
    if (reader->bytes.failed) return;
    snprintf(reader->text, sizeof reader->text, "%s", text);
    reader->bytes.failed = true;
}

bool raw_read_bool(RawReader *reader) {
    uint8_t byte = reader_u8(&reader->bytes);
    if (byte > 1) {
        char text[sizeof reader->text];
        snprintf(text, sizeof text, "byte %u not valid as `bool` (must be 0 or 1)", byte);
        raw_fail(reader, text);
    }
    return byte == 1;
}

uint32_t raw_read_count(RawReader *reader, uint32_t element_bytes_min) {
    uint32_t count = reader_count(&reader->bytes, element_bytes_min);
    if (count > MODULE_DEF_ITEMS_MAX) {
        raw_fail(reader, "module description: a list has too many items");
        return 0;
    }
    return count;
}

Bytes raw_read_optional_string(RawReader *reader) {
    if (raw_read_tag(reader, 2, "option") == 1) return BYTES_NONE;
    return reader_string(&reader->bytes);
}

const Bytes *raw_read_strings(RawReader *reader, uint32_t *ret_count) {
    uint32_t count = raw_read_count(reader, 4);
    Bytes *strings = ARENA_ARRAY(reader->arena, Bytes, count);
    for (uint32_t i = 0; i < count; i++) strings[i] = reader_string(&reader->bytes);
    *ret_count = count;
    return strings;
}

ColumnList raw_read_columns(RawReader *reader) {
    uint32_t count = raw_read_count(reader, 2);
    if (count > UINT16_MAX) {
        raw_fail(reader, "module description: a column list is too long");
        count = 0;
    }
    uint16_t *items = ARENA_ARRAY(reader->arena, uint16_t, count);
    for (uint32_t i = 0; i < count; i++) items[i] = reader_u16(&reader->bytes);
    return (ColumnList){items, (uint16_t)count};
}

__int128 raw_read_i128(RawReader *reader) {
    uint64_t low = reader_u64(&reader->bytes);
    uint64_t high = reader_u64(&reader->bytes);
    return (__int128)((unsigned __int128)high << 64 | low);
}

bool raw_read_optional_i128(RawReader *reader, __int128 *ret_value) {
    if (raw_read_tag(reader, 2, "option") == 1) return false;
    *ret_value = raw_read_i128(reader);
    return true;
}

const Type *raw_read_type(RawReader *reader) {
    const Type *type = reader->bytes.failed ? NULL : type_read(&reader->bytes, reader->arena);
    return type ? type : type_unit();
}

const Type *raw_read_product(RawReader *reader) {
    uint32_t count = raw_read_count(reader, 2);
    TypeField *fields = ARENA_ARRAY(reader->arena, TypeField, count);
    for (uint32_t i = 0; i < count; i++) {
        fields[i].name = raw_read_optional_string(reader);
        fields[i].type = raw_read_type(reader);
    }
    return product_of(reader, fields, count);
}

static const Type *product_of(RawReader *reader, const TypeField *fields, uint32_t count) {
    if (reader->bytes.failed || count == 0) return type_unit();
    return type_product(reader->arena, fields, count);
}

void raw_read_typespace(RawReader *reader, Typespace *ret_typespace) {
    Typespace typespace = {0};
    if (reader->bytes.failed) return;
    if (!typespace_read(&reader->bytes, reader->arena, &typespace)) reader->bytes.failed = true;
    if (!reader->bytes.failed) *ret_typespace = typespace;
}

void raw_read_named_type(RawReader *reader, void *item) {
    RawType *ret_type = item;
    ret_type->scope = raw_read_strings(reader, &ret_type->scope_count);
    ret_type->name = reader_string(&reader->bytes);
    ret_type->ref = reader_u32(&reader->bytes);
    ret_type->custom_ordering = raw_read_bool(reader);
}

void raw_read_index(RawReader *reader, void *item) {
    RawIndex *ret_index = item;
    static const IndexKind KINDS[] = {INDEX_BTREE, INDEX_HASH, INDEX_DIRECT};
    ret_index->name = raw_read_optional_string(reader);
    ret_index->accessor = raw_read_optional_string(reader);
    ret_index->kind = KINDS[raw_read_tag(reader, 3, "RawIndexAlgorithm")];
    if (ret_index->kind == INDEX_DIRECT) {
        uint16_t *column = ARENA_NEW(reader->arena, uint16_t);
        *column = reader_u16(&reader->bytes);
        ret_index->columns = (ColumnList){column, 1};
    } else {
        ret_index->columns = raw_read_columns(reader);
    }
}

void raw_read_constraint(RawReader *reader, void *item) {
    RawConstraint *ret_constraint = item;
    ret_constraint->name = raw_read_optional_string(reader);
    (void)raw_read_tag(reader, 1, "RawConstraintDataV9");
    ret_constraint->columns = raw_read_columns(reader);
}

void raw_read_sequence(RawReader *reader, void *item) {
    RawSequence *ret_sequence = item;
    ret_sequence->name = raw_read_optional_string(reader);
    ret_sequence->column = reader_u16(&reader->bytes);
    ret_sequence->has_start = raw_read_optional_i128(reader, &ret_sequence->start);
    ret_sequence->has_min = raw_read_optional_i128(reader, &ret_sequence->min);
    ret_sequence->has_max = raw_read_optional_i128(reader, &ret_sequence->max);
    ret_sequence->increment = raw_read_i128(reader);
}

void raw_read_view(RawReader *reader, void *item) {
    RawView *ret_view = item;
    ret_view->name = reader_string(&reader->bytes);
    ret_view->index = reader_u32(&reader->bytes);
    ret_view->is_public = raw_read_bool(reader);
    ret_view->is_anonymous = raw_read_bool(reader);
    ret_view->params = raw_read_product(reader);
    ret_view->return_type = raw_read_type(reader);
}

Lifecycle raw_read_lifecycle(RawReader *reader) {
    return (Lifecycle)raw_read_tag(reader, LIFECYCLE_COUNT, "Lifecycle");
}

void raw_read_table_kind(RawReader *reader, RawTable *table) {
    table->origin = raw_read_tag(reader, 2, "TableType") == 0 ? TABLE_SYSTEM : TABLE_USER;
    table->access = raw_read_tag(reader, 2, "TableAccess") == 0 ? TABLE_PUBLIC : TABLE_PRIVATE;
}
