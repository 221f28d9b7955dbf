// replay_end.c - from rows to a database that transactions may run on (storage.md 12.5).
//
// Two known defects of older servers are put right first; neither is logged, both are redone at
// each open.
#include "store/catalog.h"
#include "store/replay.h"
#include "store/system_tables.h"

static void drop_duplicate_sequences(Store *store);
static void drop_orphaned_events(Store *store);
static Status end_built_in(Store *store, Error *error);
static Status end_tables(Store *store, Error *error);
static Status end_table(CatalogLoad *load, const TableRow *row, Error *error);
static Status build_table(Table *table, Error *error);
static Status build_indexes(Store *store, Table *table, Error *error);
static Status check_owners(CatalogLoad *load, Error *error);
static Status end_views(Store *store, Error *error);
static Status add_missing(Store *store, const Commit **ret_commit, Error *error);
static bool has_row(const Table *table, uint32_t id);
static void insert_row(Store *store, TableId table, Bytes row, void *user);

Status store_replay_end(Store *store, const Commit **ret_commit, Error *error) {
    ASSERT(store->replay != NULL);
    ASSERT(store->tx.state == TX_NONE);
    Status status = store_replay_commit(store, error);
    if (status == STATUS_OK) {
        drop_duplicate_sequences(store);
        drop_orphaned_events(store);
        status = end_built_in(store, error);
    }
    if (status == STATUS_OK) status = end_tables(store, error);
    if (status == STATUS_OK) status = end_views(store, error);
    replay_free(store->replay);
    store->replay = NULL;
    store->schema_version++;
    page_graveyard_clear(&store->graveyard);
    if (status != STATUS_OK) return status;
    store_rebuild_names(store);
    return add_missing(store, ret_commit, error);
}

// Of several rows for one system sequence the one that counted furthest stays.
static void drop_duplicate_sequences(Store *store) {
    ASSERT(store->replay != NULL);
    Table *table = store_find_table(store, ST_SEQUENCE);
    TableScan scan = table_scan(table);
    Row row;
    RowIds surplus = {0};
    while (table_scan_next(&scan, &row)) {
        SequenceRow sequence;
        if (!sequence_row_read(row.bytes, &sequence) || sequence.table > USER_ID_MIN) continue;
        TableScan others = table_scan(table);
        Row other;
        while (table_scan_next(&others, &other)) {
            SequenceRow rival;
            if (other.id == row.id || !sequence_row_read(other.bytes, &rival)) continue;
            if (rival.id != sequence.id || rival.table > USER_ID_MIN) continue;
            bool wins = rival.allocated > sequence.allocated ||
                        (rival.allocated == sequence.allocated && other.id > row.id);
            if (!wins) continue;
            row_ids_push(&surplus, row.id);
            break;
        }
    }
    for (uint32_t i = 0; i < surplus.count; i++) table_unload_row(table, surplus.items[i]);
    row_ids_done(&surplus);
}

static void drop_orphaned_events(Store *store) {
    ASSERT(store->replay != NULL);
    Table *table = store_find_table(store, ST_EVENT_TABLE);
    TableScan scan = table_scan(table);
    Row row;
    RowIds orphans = {0};
    while (table_scan_next(&scan, &row)) {
        TableId id = load_u32le(row.bytes.data);
        if (store_find_table(store, id) == NULL) row_ids_push(&orphans, row.id);
    }
    for (uint32_t i = 0; i < orphans.count; i++) table_unload_row(table, orphans.items[i]);
    row_ids_done(&orphans);
}

// ---- tables ----

// Their schemas are ours, whatever their rows say: older databases differ in details that rows do
// not show.
static Status end_built_in(Store *store, Error *error) {
    for (TableId id = 1; id <= ST_COUNT; id++) {
        Table *table = store_find_table(store, id);
        ASSERT(table != NULL);
        Status status = build_indexes(store, table, error);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

static Status end_tables(Store *store, Error *error) {
    ASSERT(store->replay != NULL);
    CatalogLoad load;
    Status status = catalog_load_init(&load, store, error);
    if (status == STATUS_OK) status = check_owners(&load, error);
    const Table *tables = store_find_table(store, ST_TABLE);
    TableScan scan = table_scan(tables);
    Row row;
    while (status == STATUS_OK && table_scan_next(&scan, &row)) {
        TableRow described;
        if (!table_row_read(row.bytes, &described)) {
            status = error_set(error, STATUS_CORRUPT, "st_table: unexpected row");
        } else if (described.id > ST_COUNT) {
            status = end_table(&load, &described, error);
        }
    }
    catalog_load_done(&load);
    return status;
}

static Status end_table(CatalogLoad *load, const TableRow *row, Error *error) {
    ASSERT(row->id > ST_COUNT);
    Table *table = store_find_table(load->store, row->id);
    if (table == NULL) {
        return error_set(error, STATUS_CORRUPT, "table %u is described twice", row->id);
    }
    TableSchema *schema;
    Status status = catalog_load_schema(load, row, &schema, error);
    if (status != STATUS_OK) return status;
    schema->is_event = table->box->schema->is_event;
    bool has_rows = table->rows.count > 0;
    if (has_rows && (table_row_bytes(schema->row_type) != table->rows.row_bytes ||
                     !type_accepts(table->layout.row_type, schema->row_type))) {
        return error_set(error, STATUS_CORRUPT, "table %.*s: its rows do not fit its columns",
                         BYTES_FORMAT(schema->name));
    }
    ASSERT(table->indexes.count == 0);
    schema_box_free(table_set_box(table, schema_box_create(schema)));
    table->is_unsettled = false;
    if (!has_rows) table_reset_rows(table);
    return build_indexes(load->store, table, error);
}

// The indexes that the table's schema names, in place of those it has.
static Status build_indexes(Store *store, Table *table, Error *error) {
    ASSERT(table->tx == NULL);
    while (table->indexes.count > 0) {
        Index *index = table->indexes.items[table->indexes.count - 1];
        id_map_set(&store->indexes, index->id, NULL);
        table_detach_index(table, index);
        index_free(index);
    }
    const TableSchema *schema = table->box->schema;
    for (uint32_t i = 0; i < schema->index_count; i++) {
        const IndexSchema *index_schema = &schema->indexes[i];
        bool is_unique = table_schema_index_is_unique(schema, index_schema);
        if (store_find_index(store, index_schema->id) != NULL) {
            return error_set(error, STATUS_CORRUPT, "index %u is described twice",
                             index_schema->id);
        }
        Index *index = index_create(table, index_schema, is_unique);
        table_attach_index(table, index);
        if (!id_map_set(&store->indexes, index->id, index)) {
            return error_set(error, STATUS_CORRUPT, "index id %u", index->id);
        }
    }
    return build_table(table, error);
}

static Status build_table(Table *table, Error *error) {
    ASSERT(!table->is_dropped);
    const Index *index = NULL;
    RowId first;
    RowId second;
    if (table_rebuild(table, &index, &first, &second)) return STATUS_OK;
    (void)catalog_conflict_error(index, first, second, error);
    if (error != NULL) error->status = STATUS_CORRUPT;
    return STATUS_CORRUPT;
}

// What is described must belong to a table.
static Status check_owners(CatalogLoad *load, Error *error) {
    ASSERT(load->store->replay != NULL);
    static const CatalogList OWNED[] = {LIST_INDEXES, LIST_SEQUENCES};
    for (size_t i = 0; i < sizeof OWNED / sizeof OWNED[0]; i++) {
        const CatalogEntries *entries = &load->lists[OWNED[i]];
        for (uint32_t e = 0; e < entries->count; e++) {
            if (store_find_table(load->store, entries->items[e].table) != NULL) continue;
            return error_set(error, STATUS_CORRUPT, "catalog row of table %u, which does not exist",
                             entries->items[e].table);
        }
    }
    return STATUS_OK;
}

static Status end_views(Store *store, Error *error) {
    ASSERT(store->replay != NULL);
    const Table *views = store_find_table(store, ST_VIEW);
    TableScan scan = table_scan(views);
    Row row;
    while (table_scan_next(&scan, &row)) {
        ViewRow view;
        if (!view_row_read(row.bytes, &view)) {
            return error_set(error, STATUS_CORRUPT, "st_view: unexpected row");
        }
        Table *table = view.has_table ? store_find_table(store, view.table) : NULL;
        if (table != NULL && table->id > ST_COUNT) table->is_ephemeral = true;
    }
    return STATUS_OK;
}

// ---- system tables that the database did not have yet ----

static Status add_missing(Store *store, const Commit **ret_commit, Error *error) {
    ASSERT(store->replay == NULL);
    ASSERT(store->tx.state == TX_NONE);
    Tx *tx = tx_begin(store);
    const Table *tables = store_find_table(store, ST_TABLE);
    const Table *sequences = store_find_table(store, ST_SEQUENCE);
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < ST_COUNT && status == STATUS_OK; i++) {
        const TableSchema *schema = system_table_schema(i, tx_arena(tx));
        if (!has_row(tables, schema->id)) {
            catalog_write_system_rows(store, schema, insert_row, &status);
        }
        // Ids are drawn from these: nothing could be created without.
        for (uint32_t k = 0; k < schema->sequence_count; k++) {
            if (!has_row(sequences, schema->sequences[k].id)) status = STATUS_CORRUPT;
        }
    }
    if (status != STATUS_OK) {
        tx_rollback(tx);
        return error_set(error, STATUS_CORRUPT, "rows of system tables are missing or do not fit");
    }
    *ret_commit = tx_commit(tx);
    return STATUS_OK;
}

// By the first column, an id.
static bool has_row(const Table *table, uint32_t id) {
    ASSERT(table->set_index != NULL && table->set_index->spec.column_count == 1);
    uint8_t key[sizeof(uint32_t)];
    store_u32le(key, id);
    Row row;
    return index_find(table->set_index, bytes_of(key, sizeof key), &row);
}

static void insert_row(Store *store, TableId table, Bytes row, void *user) {
    ASSERT(store->tx.state == TX_OPEN);
    Status *status = user;
    InsertResult result;
    switch (tx_insert(&store->tx, store_find_table(store, table), row, &result)) {
    case INSERT_ADDED:
    case INSERT_EXISTED: break;
    case INSERT_CONFLICT:
    case INSERT_EXHAUSTED: *status = STATUS_CORRUPT; break;
    }
}
