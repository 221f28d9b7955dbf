// catalog.h - shared by the files that change the schema: rows of system tables, schemas put in
// place.
//
// Threads    the executor.
#pragma once

#include "store/catalog_rows.h"
#include "store/inside.h"

// Where the rows that describe a system table go.
typedef void (*SystemRowSink)(Store *store, TableId table, Bytes row, void *user);
// All of them: st_table, st_column, st_index, st_constraint, st_sequence.
void catalog_write_system_rows(Store *store, const TableSchema *schema, SystemRowSink sink,
                               void *user);

// Makes the indexes of the table's schema; the table has no row yet.
void catalog_attach_indexes(Table *table);

// The scratch buffer, empty, for one row.
Buffer *catalog_row(Store *store);
// Inserts the row in the scratch buffer. ret_id: the id that was generated for its first column, or
// NULL.
Status catalog_insert(Tx *tx, SystemTable table, uint32_t *ret_id, Error *error);
// Deletes all rows whose column has these BSATN bytes.
void catalog_delete(Tx *tx, SystemTable table, uint16_t column, Bytes value);
void catalog_delete_id(Tx *tx, SystemTable table, uint16_t column, uint32_t id);
void catalog_delete_name(Tx *tx, SystemTable table, uint16_t column, Bytes name);

// A shallow copy of the table's schema, to be changed and handed to catalog_set_schema.
TableSchema *catalog_edit(Tx *tx, const Table *table);
Effect *catalog_set_schema(Tx *tx, Table *table, const TableSchema *schema);

// The st_table row of a table is written anew.
void catalog_update_table_row(Tx *tx, Table *table);
// STATUS_LIMIT if the columns' rows are larger than STORE_SCHEMA_ROWS_BYTES_MAX.
Status catalog_check_columns(Store *store, const TableSchema *schema, Error *error);
// The rows of st_column and st_column_accessor say what the schema says.
Status catalog_write_columns(Tx *tx, TableId table, const TableSchema *schema, Error *error);
Status catalog_write_column_accessors(Tx *tx, const TableSchema *schema, Error *error);
Status catalog_write_sequence(Tx *tx, TableId table, const SequenceSchema *schema,
                              SequenceId *ret_id, Error *error);
// An index of the table gets unique, or ceases to be.
Status catalog_replace_index(Tx *tx, Table *table, Index *index, bool is_unique, Error *error);
// After the indexes of a table changed.
void catalog_refresh_set(Table *table);
// The error text of two rows with one key.
Status catalog_conflict_error(const Index *index, RowId first, RowId second, Error *error);

bool columns_same_set(ColumnList a, ColumnList b);
