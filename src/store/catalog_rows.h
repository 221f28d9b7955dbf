// catalog_rows.h - the rows of the system tables that describe the schema, as structs and as BSATN.
//
// Readers take rows that were checked against their table's type. What the type does not say (an
// access other than "public" and "private", a column type that does not decode) is an error of the
// reader's caller.
//
// Threads    none of its own.
// Lifetime   what is read borrows from the row.
// Format     storage.md 7.1, 7.2.
#pragma once

#include "store/store.h"

// u16 values as they lie in a row.
typedef struct ColumnBytes {
    const uint8_t *data;
    uint16_t count;
} ColumnBytes;

static inline uint16_t column_bytes_get(ColumnBytes columns, uint32_t at) {
    ASSERT(at < columns.count);
    return load_u16le(columns.data + (size_t)at * 2);
}

typedef struct TableRow {
    TableId id;
    Bytes name;
    TableOrigin origin;
    TableAccess access;
    uint16_t primary_key;
} TableRow;

// Also of st_view_param and st_view_column, where the id is the view's.
typedef struct ColumnRow {
    uint32_t owner;
    uint16_t position;
    Bytes name;
    Bytes type;  // BSATN of the type
} ColumnRow;

typedef struct SequenceRow {
    SequenceId id;
    Bytes name;
    TableId table;
    uint16_t column;
    __int128 increment, start, min, max, allocated;
} SequenceRow;

typedef struct IndexRow {
    IndexId id;
    TableId table;
    Bytes name;
    IndexKind kind;
    ColumnBytes columns;
} IndexRow;

typedef struct ConstraintRow {
    ConstraintId id;
    Bytes name;
    TableId table;
    ColumnBytes columns;
} ConstraintRow;

typedef struct ScheduleRow {
    uint32_t id;
    TableId table;
    Bytes function;
    Bytes name;
    uint16_t at_column;
} ScheduleRow;

typedef struct ViewRow {
    ViewId id;
    Bytes name;
    bool has_table;
    TableId table;
    bool is_public;
    bool is_anonymous;
} ViewRow;

// st_table_accessor, st_index_accessor: name, accessor. st_column_accessor: name (of the table),
// column, accessor.
typedef struct AccessorRow {
    Bytes name;
    Bytes column;
    Bytes accessor;
} AccessorRow;

// False if the row says something that no version of the server writes.
bool table_row_read(Bytes row, TableRow *ret_row);
bool column_row_read(Bytes row, ColumnRow *ret_row);
bool sequence_row_read(Bytes row, SequenceRow *ret_row);
bool index_row_read(Bytes row, IndexRow *ret_row);
bool constraint_row_read(Bytes row, ConstraintRow *ret_row);
bool schedule_row_read(Bytes row, ScheduleRow *ret_row);
bool view_row_read(Bytes row, ViewRow *ret_row);
bool accessor_row_read(Bytes row, AccessorRow *ret_row);
bool column_accessor_row_read(Bytes row, AccessorRow *ret_row);

// Append one row.
void table_row_write(Buffer *buffer, const TableRow *row);
void column_row_write(Buffer *buffer, uint32_t owner, uint16_t position, Bytes name,
                      const Type *type);
void sequence_row_write(Buffer *buffer, const SequenceRow *row);
void index_row_write(Buffer *buffer, IndexId id, TableId table, const IndexSchema *schema);
void constraint_row_write(Buffer *buffer, ConstraintId id, TableId table,
                          const ConstraintSchema *schema);
void schedule_row_write(Buffer *buffer, const ScheduleRow *row);
void view_row_write(Buffer *buffer, const ViewRow *row);
void accessor_row_write(Buffer *buffer, Bytes name, Bytes accessor);
void column_accessor_row_write(Buffer *buffer, Bytes table, Bytes column, Bytes accessor);
