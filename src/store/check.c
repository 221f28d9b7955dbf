// check.c - the whole store against itself: O(rows), for tests.
#include "store/inside.h"

static void table_check(Table *table);

void store_check(Store *store) {
    ASSERT(store->tx.state != TX_NONE || store->graveyard.count == 0);
    ASSERT(store->replay == NULL);
    uint32_t at = 0;
    for (Table *table = id_map_next(&store->tables, &at); table != NULL;
         table = id_map_next(&store->tables, &at)) {
        ASSERT(table->id == at - 1);
        ASSERT(!table->is_dropped && !table->is_stale);
        ASSERT(store_find_table_by_name(store, table->box->schema->name) == table);
        table_check(table);
    }
}

static void table_check(Table *table) {
    const TableSchema *schema = table->box->schema;
    ASSERT(table->indexes.count == schema->index_count);
    const Index *first_unique = NULL;
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        const Index *index = table->indexes.items[i];
        if (i > 0) ASSERT(table->indexes.items[i - 1]->id < index->id);
        ASSERT(store_find_index(table->store, index->id) == index);
        ASSERT(index->is_unique == table_schema_index_is_unique(schema, index->schema));
        if (first_unique == NULL && index->is_unique) first_unique = index;
        index_check(index);
    }
    ASSERT(table->set_index == first_unique);
    ASSERT(table->has_row_set == (first_unique == NULL));
    if (table->has_row_set) ASSERT(table->row_set.count == table->rows.count);
    uint64_t count = 0;
    TableScan scan = table_scan(table);
    Row row;
    while (table_scan_next(&scan, &row)) {
        count++;
        ASSERT(bsatn_size(schema->row_type, row.bytes.data) == row.bytes.count);
        RowId found;
        ASSERT(table_find_row(table, row.bytes, &found) && found == row.id);
        if (table->tx == NULL) ASSERT(!rows_is_touched(&table->rows, row.id));
    }
    ASSERT(count == table->rows.count);
}
