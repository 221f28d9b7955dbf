// catalog.h - names to tables and columns, with the rights of the one who asks; views and rules.
//
// Threads    the database's executor.
// Lifetime   a CatalogTable holds as long as the table's schema.
// Format     sql.md 4, 9, 11.
#pragma once

#include "sql/sql.h"

// A table or view as a statement may see it.
typedef struct CatalogTable {
    Table *table;
    const TableSchema *schema;
    uint32_t view_id;          // 0: a table
    bool is_per_sender;        // a view with rows for each sender
    uint16_t hidden_columns;   // of the stored row, in front: a view's arg_hash
    uint16_t parameter_count;  // a view's
} CatalogTable;

// A parameter of a view.
typedef struct CatalogParameter {
    Bytes name;
    const Type *type;
} CatalogParameter;

static inline bool catalog_is_view(const CatalogTable *table) {
    return table->view_id != 0;
}

// STATUS_NOT_FOUND with upstream's text if there is none, or the caller may not read it.
Status catalog_find_table(const SqlContext *context, Bytes name, CatalogTable *ret_table,
                          Error *error);
// By accessor, then by canonical name; hidden columns have no name. COLUMN_NONE if there is none.
uint16_t catalog_find_column(const CatalogTable *table, Bytes name);
const Type *catalog_column_type(const CatalogTable *table, uint16_t column);
// The columns one sees, as a product.
const Type *catalog_row_type(const CatalogTable *table, Arena *arena);
// As many as table->parameter_count, in order.
const CatalogParameter *catalog_parameters(const SqlContext *context, const CatalogTable *table,
                                           Arena *arena);
// The arg_hash of one instance of a view: VIEW_KEY_BYTES (since-2.8.md 1.6).
Bytes catalog_view_key(const SqlContext *context, const CatalogTable *table, Bytes arguments,
                       Arena *arena);
// The texts of the table's row-level rules. The count is bounded by SQL_FRAGMENTS_MAX; more is
// STATUS_LIMIT.
Status catalog_rules(const SqlContext *context, TableId table, Arena *arena,
                     const Bytes **ret_texts, uint32_t *ret_count, Error *error);
bool catalog_is_outbox(const SqlContext *context, TableId table);
