// catalog_rows.c - writers mirror readers; fields in the order of the system tables' columns.
#include "store/catalog_rows.h"

#define OPTION_SOME 0u
#define OPTION_NONE 1u
#define CONSTRAINT_UNIQUE 1u

static __int128 reader_i128(Reader *reader);
static void buffer_i128(Buffer *buffer, __int128 value);
static ColumnBytes reader_columns(Reader *reader);
static void buffer_columns(Buffer *buffer, ColumnList columns);

bool table_row_read(Bytes row, TableRow *ret_row) {
    Reader reader = reader_of(row);
    TableRow table = {.primary_key = COLUMN_NONE};
    table.id = reader_u32(&reader);
    table.name = reader_bytes(&reader);
    Bytes origin = reader_bytes(&reader);
    Bytes access = reader_bytes(&reader);
    if (reader_u8(&reader) == OPTION_SOME) {
        ColumnBytes columns = reader_columns(&reader);
        if (columns.count != 1) return false;
        table.primary_key = column_bytes_get(columns, 0);
    }
    if (!reader_finish(&reader)) return false;
    if (!bytes_equal_text(origin, "system") && !bytes_equal_text(origin, "user")) return false;
    if (!bytes_equal_text(access, "public") && !bytes_equal_text(access, "private")) return false;
    table.origin = bytes_equal_text(origin, "system") ? TABLE_SYSTEM : TABLE_USER;
    table.access = bytes_equal_text(access, "public") ? TABLE_PUBLIC : TABLE_PRIVATE;
    *ret_row = table;
    return true;
}

bool column_row_read(Bytes row, ColumnRow *ret_row) {
    Reader reader = reader_of(row);
    ColumnRow column = {0};
    column.owner = reader_u32(&reader);
    column.position = reader_u16(&reader);
    column.name = reader_bytes(&reader);
    column.type = reader_bytes(&reader);
    *ret_row = column;
    return reader_finish(&reader);
}

bool sequence_row_read(Bytes row, SequenceRow *ret_row) {
    Reader reader = reader_of(row);
    SequenceRow sequence = {0};
    sequence.id = reader_u32(&reader);
    sequence.name = reader_bytes(&reader);
    sequence.table = reader_u32(&reader);
    sequence.column = reader_u16(&reader);
    sequence.increment = reader_i128(&reader);
    sequence.start = reader_i128(&reader);
    sequence.min = reader_i128(&reader);
    sequence.max = reader_i128(&reader);
    sequence.allocated = reader_i128(&reader);
    *ret_row = sequence;
    return reader_finish(&reader);
}

bool index_row_read(Bytes row, IndexRow *ret_row) {
    Reader reader = reader_of(row);
    IndexRow index = {0};
    index.id = reader_u32(&reader);
    index.table = reader_u32(&reader);
    index.name = reader_bytes(&reader);
    uint8_t kind = reader_u8(&reader);
    if (kind != INDEX_BTREE && kind != INDEX_DIRECT && kind != INDEX_HASH) return false;
    index.kind = (IndexKind)kind;
    if (kind == INDEX_DIRECT) {
        index.columns = (ColumnBytes){reader_take(&reader, sizeof(uint16_t)), 1};
    } else {
        index.columns = reader_columns(&reader);
    }
    *ret_row = index;
    return reader_finish(&reader) && index.columns.count > 0;
}

bool constraint_row_read(Bytes row, ConstraintRow *ret_row) {
    Reader reader = reader_of(row);
    ConstraintRow constraint = {0};
    constraint.id = reader_u32(&reader);
    constraint.name = reader_bytes(&reader);
    constraint.table = reader_u32(&reader);
    if (reader_u8(&reader) != CONSTRAINT_UNIQUE) return false;
    constraint.columns = reader_columns(&reader);
    *ret_row = constraint;
    return reader_finish(&reader);
}

bool schedule_row_read(Bytes row, ScheduleRow *ret_row) {
    Reader reader = reader_of(row);
    ScheduleRow schedule = {0};
    schedule.id = reader_u32(&reader);
    schedule.table = reader_u32(&reader);
    schedule.function = reader_bytes(&reader);
    schedule.name = reader_bytes(&reader);
    schedule.at_column = reader_u16(&reader);
    *ret_row = schedule;
    return reader_finish(&reader);
}

bool view_row_read(Bytes row, ViewRow *ret_row) {
    Reader reader = reader_of(row);
    ViewRow view = {0};
    view.id = reader_u32(&reader);
    view.name = reader_bytes(&reader);
    view.has_table = reader_u8(&reader) == OPTION_SOME;
    if (view.has_table) view.table = reader_u32(&reader);
    view.is_public = reader_u8(&reader) != 0;
    view.is_anonymous = reader_u8(&reader) != 0;
    *ret_row = view;
    return reader_finish(&reader);
}

bool accessor_row_read(Bytes row, AccessorRow *ret_row) {
    Reader reader = reader_of(row);
    AccessorRow accessor = {0};
    accessor.name = reader_bytes(&reader);
    accessor.accessor = reader_bytes(&reader);
    *ret_row = accessor;
    return reader_finish(&reader);
}

bool column_accessor_row_read(Bytes row, AccessorRow *ret_row) {
    Reader reader = reader_of(row);
    AccessorRow accessor = {0};
    accessor.name = reader_bytes(&reader);
    accessor.column = reader_bytes(&reader);
    accessor.accessor = reader_bytes(&reader);
    *ret_row = accessor;
    return reader_finish(&reader);
}

// ---- writers ----

void table_row_write(Buffer *buffer, const TableRow *row) {
    ASSERT(row->name.data != NULL);
    buffer_u32(buffer, row->id);
    buffer_string(buffer, row->name);
    buffer_string(buffer, bytes_of_text(row->origin == TABLE_SYSTEM ? "system" : "user"));
    buffer_string(buffer, bytes_of_text(row->access == TABLE_PUBLIC ? "public" : "private"));
    if (row->primary_key == COLUMN_NONE) {
        buffer_u8(buffer, OPTION_NONE);
    } else {
        buffer_u8(buffer, OPTION_SOME);
        buffer_columns(buffer, (ColumnList){&row->primary_key, 1});
    }
}

void column_row_write(Buffer *buffer, uint32_t owner, uint16_t position, Bytes name,
                      const Type *type) {
    ASSERT(type != NULL);
    buffer_u32(buffer, owner);
    buffer_u16(buffer, position);
    buffer_string(buffer, name);
    size_t at = buffer->count;
    buffer_u32(buffer, 0);
    type_write(buffer, type);
    if (buffer->failed) return;
    store_u32le(buffer->data + at, (uint32_t)(buffer->count - at - sizeof(uint32_t)));
}

void sequence_row_write(Buffer *buffer, const SequenceRow *row) {
    ASSERT(row->name.data != NULL);
    buffer_u32(buffer, row->id);
    buffer_string(buffer, row->name);
    buffer_u32(buffer, row->table);
    buffer_u16(buffer, row->column);
    buffer_i128(buffer, row->increment);
    buffer_i128(buffer, row->start);
    buffer_i128(buffer, row->min);
    buffer_i128(buffer, row->max);
    buffer_i128(buffer, row->allocated);
}

void index_row_write(Buffer *buffer, IndexId id, TableId table, const IndexSchema *schema) {
    ASSERT(schema->columns.count > 0);
    buffer_u32(buffer, id);
    buffer_u32(buffer, table);
    buffer_string(buffer, schema->name);
    buffer_u8(buffer, (uint8_t)schema->kind);
    if (schema->kind == INDEX_DIRECT) {
        ASSERT(schema->columns.count == 1);
        buffer_u16(buffer, schema->columns.items[0]);
    } else {
        buffer_columns(buffer, schema->columns);
    }
}

void constraint_row_write(Buffer *buffer, ConstraintId id, TableId table,
                          const ConstraintSchema *schema) {
    ASSERT(schema->columns.count > 0);
    buffer_u32(buffer, id);
    buffer_string(buffer, schema->name);
    buffer_u32(buffer, table);
    buffer_u8(buffer, CONSTRAINT_UNIQUE);
    buffer_columns(buffer, schema->columns);
}

void schedule_row_write(Buffer *buffer, const ScheduleRow *row) {
    buffer_u32(buffer, row->id);
    buffer_u32(buffer, row->table);
    buffer_string(buffer, row->function);
    buffer_string(buffer, row->name);
    buffer_u16(buffer, row->at_column);
}

void view_row_write(Buffer *buffer, const ViewRow *row) {
    ASSERT(row->name.data != NULL);
    buffer_u32(buffer, row->id);
    buffer_string(buffer, row->name);
    buffer_u8(buffer, (uint8_t)(row->has_table ? OPTION_SOME : OPTION_NONE));
    if (row->has_table) buffer_u32(buffer, row->table);
    buffer_u8(buffer, row->is_public);
    buffer_u8(buffer, row->is_anonymous);
}

void accessor_row_write(Buffer *buffer, Bytes name, Bytes accessor) {
    buffer_string(buffer, name);
    buffer_string(buffer, accessor);
}

void column_accessor_row_write(Buffer *buffer, Bytes table, Bytes column, Bytes accessor) {
    buffer_string(buffer, table);
    buffer_string(buffer, column);
    buffer_string(buffer, accessor);
}

// ---- parts ----

static __int128 reader_i128(Reader *reader) {
    uint64_t low = reader_u64(reader);
    uint64_t high = reader_u64(reader);
    return (__int128)((unsigned __int128)high << 64 | low);
}

static void buffer_i128(Buffer *buffer, __int128 value) {
    buffer_u64(buffer, (uint64_t)value);
    buffer_u64(buffer, (uint64_t)((unsigned __int128)value >> 64));
}

static ColumnBytes reader_columns(Reader *reader) {
    uint32_t count = reader_count(reader, sizeof(uint16_t));
    if (count > UINT16_MAX) reader->failed = true;
    const uint8_t *data = reader_take(reader, (size_t)count * sizeof(uint16_t));
    return (ColumnBytes){data, data ? (uint16_t)count : 0};
}

static void buffer_columns(Buffer *buffer, ColumnList columns) {
    ASSERT(columns.items != NULL || columns.count == 0);
    buffer_u32(buffer, columns.count);
    for (uint32_t i = 0; i < columns.count; i++) buffer_u16(buffer, columns.items[i]);
}
