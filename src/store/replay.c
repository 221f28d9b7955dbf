// replay.c - rows of logged transactions, without constraints, and the catalog they describe.
//
// While replaying, tables find equal rows by their bytes (row_set), so that deletes are fast and
// the new version of a row may come before the old one goes, as logs have it. Only the system
// tables keep their indexes, as indexes that are not unique. A table is there from its st_table row
// on; its columns are put in place when they are first needed after a change (is_unsettled), since
// they arrive one by one.
//
// Within a logged transaction all inserts come before all deletes. So a second st_table row of a
// table is an update of it, whose old row is deleted later; and a second st_column row for a
// position hides the first until that is deleted. Both must be settled when the transaction ends.
#include "store/replay.h"

#include "store/system_tables.h"

#include <stdlib.h>

#define RESERVED_ID_MAX 4096u  // what upstream takes for a system table (storage.md 3.3)

static void begin_table(Store *store, Table *table);
static Status settle(Store *store, Table *table, Error *error);
static Status settle_columns(Store *store, Table *table, Error *error);
static Status put_columns(Table *table, const TableSchema *schema, Error *error);
static bool is_meta_row(TableId table, Bytes row);
static bool is_hidden_column(const Replay *replay, RowId id);
static bool forget_id(RowIds *ids, uint64_t id);
static Status after_insert(Store *store, TableId table, Row row, Error *error);
static Status after_table_insert(Store *store, Row row, Error *error);
static Status after_column_insert(Store *store, Row row, Error *error);
static void after_delete(Store *store, TableId table, RowId id, Bytes row);
static void after_table_delete(Store *store, TableId id);
static void drop_table(Store *store, Table *table);
static Status row_error(const Table *table, Bytes row, const char *text, Error *error);

void store_replay_begin(Store *store) {
    ASSERT(store->replay == NULL);
    ASSERT(store->tx.state == TX_NONE);
    store->replay = mem_alloc_zero(sizeof *store->replay);
    arena_init(&store->replay->arena, STORE_SCHEMA_BYTES_MAX);
    uint32_t at = 0;
    for (Table *table = id_map_next(&store->tables, &at); table != NULL;
         table = id_map_next(&store->tables, &at)) {
        begin_table(store, table);
    }
}

Status store_replay_insert(Store *store, TableId table_id, Bytes row, Error *error) {
    ASSERT(store->tx.state == TX_NONE);
    ASSERT(store->replay != NULL);
    Table *table = store_find_table(store, table_id);
    if (table == NULL) {
        return error_set(error, STATUS_CORRUPT, "Table with ID `%u` not found in `st_table`.",
                         table_id);
    }
    Status status = settle(store, table, error);
    if (status != STATUS_OK) return status;
    if (row.count > STORE_ROW_BYTES_MAX) return row_error(table, row, "row is too large", error);
    if (table->box->schema->is_event) return STATUS_OK;
    RowId id;
    if (table_find_row(table, row, &id)) {
        if (is_meta_row(table_id, row)) return STATUS_OK;
        return row_error(table, row, "Duplicate insertion of row violates set semantics", error);
    }
    id = table_load_row(table, row);
    return after_insert(store, table_id, table_row(table, id), error);
}

Status store_replay_delete(Store *store, TableId table_id, Bytes row, Error *error) {
    ASSERT(store->tx.state == TX_NONE);
    ASSERT(store->replay != NULL);
    Table *table = store_find_table(store, table_id);
    if (table == NULL) {
        // Rows of a table that was dropped a moment ago have gone with it.
        if (replay_find_dropped(store->replay, table_id) != NULL) return STATUS_OK;
        return error_set(error, STATUS_CORRUPT, "Table with ID `%u` not found in `st_table`.",
                         table_id);
    }
    Status status = settle(store, table, error);
    if (status != STATUS_OK) return status;
    RowId id;
    if (!table_find_row(table, row, &id)) {
        return row_error(table, row, "Delete for non-existent row when replaying transaction",
                         error);
    }
    table_unload_row(table, id);
    after_delete(store, table_id, id, row);
    return STATUS_OK;
}

Status store_replay_truncate(Store *store, TableId table_id, Error *error) {
    ASSERT(store->tx.state == TX_NONE);
    ASSERT(store->replay != NULL);
    Table *table = store_find_table(store, table_id);
    if (table == NULL) {
        if (replay_find_dropped(store->replay, table_id) != NULL) return STATUS_OK;
        return error_set(error, STATUS_CORRUPT, "Error truncating table %u: there is none",
                         table_id);
    }
    table_clear_indexes(table);
    uint64_t at = 0;
    RowId id;
    while (rows_next(table->rows.pool.array, &at, &id)) rows_hide(&table->rows, id);
    table_reset_rows(table);
    if (table_id != ST_TABLE && table_id != ST_COLUMN) return STATUS_OK;
    // What a snapshot is loaded into: the built-in tables stay, whatever their rows.
    uint32_t next = 0;
    for (table = id_map_next(&store->tables, &next); table != NULL;
         table = id_map_next(&store->tables, &next)) {
        if (table->id <= ST_COUNT) continue;
        table->is_unsettled = true;
        if (table_id == ST_TABLE) drop_table(store, table);
    }
    return STATUS_OK;
}

const Type *store_replay_row_type(Store *store, TableId table_id) {
    ASSERT(store->replay != NULL);
    Table *table = store_find_table(store, table_id);
    if (table == NULL) {
        table = replay_find_dropped(store->replay, table_id);
        return table != NULL ? table->layout.row_type : NULL;
    }
    Error error;
    if (settle(store, table, &error) != STATUS_OK) return NULL;
    return table->layout.row_type;
}

void store_replay_hint(Store *store, TableId table_id, Bytes row, ReplayHint hint) {
    ASSERT(store->replay != NULL);
    const Table *table = store_find_table(store, table_id);
    if (table == NULL || !table->has_row_set) return;
    uint64_t hash = hash_bytes(row);
    if (hint == REPLAY_HINT_PLACE) {
        hash_index_prefetch(&table->row_set, hash);
        return;
    }
    uint64_t id = hash_index_candidate(&table->row_set, hash);
    if (id == HASH_NO_ID) return;
    const Page *page = page_get(table->rows.pool.array, id);
    __builtin_prefetch(page_slot(page, table->rows.slot_bytes, id), 1);
}

Status store_replay_commit(Store *store, Error *error) {
    Replay *replay = store->replay;
    ASSERT(replay != NULL);
    for (uint32_t i = 0; i < replay->dropped.count; i++) table_free(replay->dropped.items[i]);
    replay_tables_clear(&replay->dropped);
    page_graveyard_clear(&store->graveyard);
    if (replay->hidden_columns.count > 0) {
        return error_set(error, STATUS_CORRUPT, "%u columns were changed and not replaced",
                         replay->hidden_columns.count);
    }
    if (replay->updated_tables.count > 0) {
        return error_set(error, STATUS_CORRUPT, "%u tables were changed and not replaced",
                         replay->updated_tables.count);
    }
    return STATUS_OK;
}

// ---- for replay_end.c ----

Table *replay_find_dropped(const Replay *replay, TableId id) {
    ASSERT(replay != NULL);
    for (uint32_t i = 0; i < replay->dropped.count; i++) {
        if (replay->dropped.items[i]->id == id) return replay->dropped.items[i];
    }
    return NULL;
}

void replay_free(Replay *replay) {
    if (replay == NULL) return;
    for (uint32_t i = 0; i < replay->dropped.count; i++) table_free(replay->dropped.items[i]);
    replay_tables_done(&replay->dropped);
    row_ids_done(&replay->hidden_columns);
    row_ids_done(&replay->updated_tables);
    arena_done(&replay->arena);
    mem_free(replay);
}

// ---- tables ----

static void begin_table(Store *store, Table *table) {
    ASSERT(table->tx == NULL);
    bool keeps_indexes = table->id <= ST_COUNT;
    while (table->indexes.count > 0) {
        Index *index = table->indexes.items[table->indexes.count - 1];
        id_map_set(&store->indexes, index->id, NULL);
        table_detach_index(table, index);
        index_free(index);
    }
    table_use_row_set(table);
    if (!keeps_indexes) return;
    const TableSchema *schema = table->box->schema;
    for (uint32_t i = 0; i < schema->index_count; i++) {
        Index *index = index_create(table, &schema->indexes[i], false);
        RowId first;
        RowId second;
        bool is_built = index_build(index, &first, &second);
        ASSERT(is_built);
        table_attach_index(table, index);
        id_map_set(&store->indexes, index->id, index);
    }
}

static Status settle(Store *store, Table *table, Error *error) {
    if (!table->is_unsettled) return STATUS_OK;
    Status status = settle_columns(store, table, error);
    if (status == STATUS_OK) table->is_unsettled = false;
    return status;
}

static Status settle_columns(Store *store, Table *table, Error *error) {
    ASSERT(table->indexes.count == 0 && table->is_unsettled);
    Replay *replay = store->replay;
    ASSERT(table->id > ST_COUNT);
    arena_clear(&replay->arena);
    const Index *by_table = store_find_index(store, REPLAY_COLUMN_INDEX);
    uint8_t key[sizeof(uint32_t)];
    store_u32le(key, table->id);
    IndexRange range = {
        .prefix = bytes_of(key, sizeof key),
        .prefix_columns = 1,
        .lower = {.kind = BOUND_UNBOUNDED},
        .upper = {.kind = BOUND_UNBOUNDED},
    };
    IndexScan scan;
    Row row;
    CatalogEntries entries = {0};
    index_scan_range(by_table, &range, &scan);
    while (index_scan_next(&scan, &row)) {
        if (is_hidden_column(replay, row.id)) continue;
        catalog_entries_push(&entries, (CatalogEntry){table->id, entries.count, row.bytes});
    }
    TableSchema *schema = ARENA_NEW(&replay->arena, TableSchema);
    *schema = *table->box->schema;
    Status status = catalog_load_columns(entries.items, entries.count, &replay->arena, schema,
                                         error);
    catalog_entries_done(&entries);
    return status == STATUS_OK ? put_columns(table, schema, error) : status;
}

static Status put_columns(Table *table, const TableSchema *schema, Error *error) {
    ASSERT(schema->id == table->id);
    uint32_t row_bytes = table_row_bytes(schema->row_type);
    if (table->rows.count == 0) {
        schema_box_free(table_set_box(table, schema_box_create(schema)));
        table_reset_rows(table);
        return STATUS_OK;
    }
    if (row_bytes != table->rows.row_bytes ||
        !type_accepts(table->layout.row_type, schema->row_type)) {
        return error_set(error, STATUS_CORRUPT,
                         "table %.*s (%u): its columns change though it has rows",
                         BYTES_FORMAT(schema->name), table->id);
    }
    schema_box_free(table_set_box(table, schema_box_create(schema)));
    return STATUS_OK;
}

static void drop_table(Store *store, Table *table) {
    ASSERT(store->replay != NULL);
    ASSERT(replay_find_dropped(store->replay, table->id) == NULL);
    ASSERT(table->id > ST_COUNT);
    id_map_set(&store->tables, table->id, NULL);
    replay_tables_push(&store->replay->dropped, table);
}

// ---- what rows mean ----

// A row that describes a system table and is there already: every database begins with these.
static bool is_meta_row(TableId table, Bytes row) {
    TableRow table_row;
    ColumnRow column;
    SequenceRow sequence;
    IndexRow index;
    ConstraintRow constraint;
    ScheduleRow schedule;
    switch (table) {
    case ST_TABLE: return table_row_read(row, &table_row) && table_row.id <= RESERVED_ID_MAX;
    case ST_COLUMN: return column_row_read(row, &column) && column.owner <= RESERVED_ID_MAX;
    case ST_SEQUENCE: return sequence_row_read(row, &sequence) && sequence.table <= RESERVED_ID_MAX;
    case ST_INDEX: return index_row_read(row, &index) && index.table <= RESERVED_ID_MAX;
    case ST_CONSTRAINT:
        return constraint_row_read(row, &constraint) && constraint.table <= RESERVED_ID_MAX;
    case ST_SCHEDULED:
        return schedule_row_read(row, &schedule) && schedule.table <= RESERVED_ID_MAX;
    case ST_EVENT_TABLE: return load_u32le(row.data) <= RESERVED_ID_MAX;
    default: return false;
    }
}

static Status after_insert(Store *store, TableId table, Row row, Error *error) {
    ASSERT(row.bytes.data != NULL);
    if (table == ST_TABLE) return after_table_insert(store, row, error);
    if (table == ST_COLUMN) return after_column_insert(store, row, error);
    if (table == ST_EVENT_TABLE) {
        Table *event = store_find_table(store, load_u32le(row.bytes.data));
        if (event != NULL && event->id > ST_COUNT) {
            if (event->rows.count > 0) {
                return row_error(event, row.bytes, "an event table has rows", error);
            }
            event->box->schema->is_event = true;
        }
    }
    return STATUS_OK;
}

static Status after_table_insert(Store *store, Row row, Error *error) {
    ASSERT(store->replay != NULL);
    TableRow described;
    if (!table_row_read(row.bytes, &described)) {
        return error_set(error, STATUS_CORRUPT, "st_table: unexpected row");
    }
    Table *table = store_find_table(store, described.id);
    IndexScan scan;
    Row other;
    uint8_t key[sizeof(uint32_t)];
    store_u32le(key, described.id);
    index_scan_point(store_find_index(store, REPLAY_TABLE_INDEX), bytes_of(key, sizeof key), &scan);
    bool is_update = false;
    while (index_scan_next(&scan, &other)) is_update = is_update || other.id != row.id;
    if (is_update) row_ids_push(&store->replay->updated_tables, described.id);
    if (table != NULL) {
        if (table->id <= ST_COUNT) return STATUS_OK;
        TableSchema *schema = table->box->schema;
        if (schema->origin != described.origin) {
            return error_set(error, STATUS_CORRUPT, "table %u changes its type", table->id);
        }
        schema->access = described.access;
        schema->primary_key = described.primary_key;
        schema->name = arena_copy(&table->box->arena, described.name);
        return STATUS_OK;
    }
    TableSchema schema = {
        .id = described.id,
        .name = described.name,
        .origin = described.origin,
        .access = described.access,
        .primary_key = described.primary_key,
        .row_type = type_unit(),
    };
    bool is_valid = described.id > ST_COUNT &&
                    (described.id < USER_ID_MIN || described.id - USER_ID_MIN < STORE_IDS_MAX);
    if (!is_valid) return error_set(error, STATUS_CORRUPT, "table id %u", described.id);
    table = table_create(store, &schema);
    table->is_unsettled = true;
    id_map_set(&store->tables, table->id, table);
    return STATUS_OK;
}

static Status after_column_insert(Store *store, Row row, Error *error) {
    ASSERT(store->replay != NULL);
    ColumnRow column;
    if (!column_row_read(row.bytes, &column)) {
        return error_set(error, STATUS_CORRUPT, "st_column: unexpected row");
    }
    if (column.owner <= ST_COUNT) return STATUS_OK;  // built in
    uint8_t key[sizeof(uint32_t) + sizeof(uint16_t)];
    store_u32le(key, column.owner);
    store_u16le(key + sizeof(uint32_t), column.position);
    IndexScan scan;
    Row other;
    index_scan_point(store_find_index(store, REPLAY_COLUMN_INDEX), bytes_of(key, sizeof key),
                     &scan);
    while (index_scan_next(&scan, &other)) {
        if (other.id == row.id || is_hidden_column(store->replay, other.id)) continue;
        row_ids_push(&store->replay->hidden_columns, other.id);
    }
    Table *table = store_find_table(store, column.owner);
    if (table != NULL) table->is_unsettled = true;
    return STATUS_OK;
}

static void after_delete(Store *store, TableId table, RowId id, Bytes row) {
    ASSERT(store->replay != NULL);
    TableRow described;
    ColumnRow column;
    if (table == ST_TABLE && table_row_read(row, &described)) {
        after_table_delete(store, described.id);
    } else if (table == ST_COLUMN && column_row_read(row, &column)) {
        (void)forget_id(&store->replay->hidden_columns, id);
        Table *owner = store_find_table(store, column.owner);
        if (owner != NULL && owner->id > ST_COUNT) owner->is_unsettled = true;
    } else if (table == ST_EVENT_TABLE) {
        Table *event = store_find_table(store, load_u32le(row.data));
        if (event != NULL && event->id > ST_COUNT) event->box->schema->is_event = false;
    }
}

static void after_table_delete(Store *store, TableId id) {
    ASSERT(store->replay != NULL);
    if (forget_id(&store->replay->updated_tables, id)) return;
    Table *table = store_find_table(store, id);
    if (table == NULL || table->id <= ST_COUNT) return;
    drop_table(store, table);
}

static bool is_hidden_column(const Replay *replay, RowId id) {
    ASSERT(replay->hidden_columns.count <= replay->hidden_columns.capacity);
    for (uint32_t i = 0; i < replay->hidden_columns.count; i++) {
        if (replay->hidden_columns.items[i] == id) return true;
    }
    return false;
}

static bool forget_id(RowIds *ids, uint64_t id) {
    ASSERT(ids->count <= ids->capacity);
    for (uint32_t i = 0; i < ids->count; i++) {
        if (ids->items[i] != id) continue;
        ids->items[i] = ids->items[--ids->count];
        return true;
    }
    return false;
}

static Status row_error(const Table *table, Bytes row, const char *text, Error *error) {
    Buffer shown;
    buffer_init(&shown, ERROR_TEXT_MAX);
    (void)satn_value(&shown, table->layout.row_type, row.data);
    Status status = error_set(error, STATUS_CORRUPT, "table %.*s (%u): %s: %.*s",
                              BYTES_FORMAT(table->box->schema->name), table->id, text,
                              BYTES_FORMAT(buffer_bytes(&shown)));
    buffer_done(&shown);
    return status;
}
