// catalog_load.h - schemas read back from the rows of the system tables.
//
// Threads    the executor, while replaying.
// Lifetime   a CatalogLoad borrows rows: nothing may change between init and done.
#pragma once

#include "store/catalog_rows.h"
#include "store/inside.h"

typedef struct CatalogEntry {
    TableId table;
    uint32_t order;  // id or position
    Bytes row;
} CatalogEntry;

VEC(CatalogEntries, catalog_entries, CatalogEntry)

typedef enum CatalogList {
    LIST_COLUMNS,
    LIST_INDEXES,
    LIST_CONSTRAINTS,
    LIST_SEQUENCES,
    LIST_SCHEDULES,
    LIST_COUNT,
} CatalogList;

typedef struct CatalogLoad {
    Store *store;
    Arena arena;                       // of the maps
    Arena schema_arena;                // of the schema loaded last
    CatalogEntries lists[LIST_COUNT];  // by table, then order
    BytesMap table_accessors;          // name -> Bytes in the arena
    BytesMap index_accessors;
    BytesMap column_accessors;  // table name, zero byte, column name
} CatalogLoad;

Status catalog_load_init(CatalogLoad *load, Store *store, Error *error);
void catalog_load_done(CatalogLoad *load);
// The schema of a table that has an st_table row; valid until the next one is loaded.
Status catalog_load_schema(CatalogLoad *load, const TableRow *table, TableSchema **ret_schema,
                           Error *error);

// Decodes column types and builds the row type. rows: sorted by position, 0 to n-1.
Status catalog_load_columns(const CatalogEntry *rows, uint32_t count, Arena *arena,
                            TableSchema *schema, Error *error);
