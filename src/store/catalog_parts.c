// catalog_parts.c - what the schema changes are made of.
#include "store/catalog.h"

static void write_index_rows(Store *store, const TableSchema *schema, SystemRowSink sink,
                             void *user);
static Status write_column(Tx *tx, const Table *columns, TableId table, uint16_t position,
                           const ColumnSchema *column, Error *error);
static Status sequence_check(const SequenceSchema *schema, Error *error);

// ---- system tables ----

void catalog_write_system_rows(Store *store, const TableSchema *schema, SystemRowSink sink,
                               void *user) {
    TableRow row = {
        .id = schema->id,
        .name = schema->name,
        .origin = schema->origin,
        .access = schema->access,
        .primary_key = schema->primary_key,
    };
    ASSERT(schema->id > 0 && schema->origin == TABLE_SYSTEM);
    table_row_write(catalog_row(store), &row);
    sink(store, ST_TABLE, buffer_bytes(&store->scratch), user);
    for (uint16_t i = 0; i < schema->column_count; i++) {
        const ColumnSchema *column = &schema->columns[i];
        column_row_write(catalog_row(store), schema->id, i, column->name, column->type);
        sink(store, ST_COLUMN, buffer_bytes(&store->scratch), user);
    }
    write_index_rows(store, schema, sink, user);
    for (uint32_t i = 0; i < schema->sequence_count; i++) {
        const SequenceSchema *sequence = &schema->sequences[i];
        SequenceRow sequence_row = {
            sequence->id,     sequence->name,      schema->id,
            sequence->column, sequence->increment, sequence->start,
            sequence->min,    sequence->max,       sequence->allocated,
        };
        sequence_row_write(catalog_row(store), &sequence_row);
        sink(store, ST_SEQUENCE, buffer_bytes(&store->scratch), user);
    }
}

static void write_index_rows(Store *store, const TableSchema *schema, SystemRowSink sink,
                             void *user) {
    for (uint32_t i = 0; i < schema->index_count; i++) {
        const IndexSchema *index = &schema->indexes[i];
        index_row_write(catalog_row(store), index->id, schema->id, index);
        sink(store, ST_INDEX, buffer_bytes(&store->scratch), user);
    }
    for (uint32_t i = 0; i < schema->constraint_count; i++) {
        const ConstraintSchema *constraint = &schema->constraints[i];
        constraint_row_write(catalog_row(store), constraint->id, schema->id, constraint);
        sink(store, ST_CONSTRAINT, buffer_bytes(&store->scratch), user);
    }
}

void catalog_attach_indexes(Table *table) {
    ASSERT(table->tx == NULL);
    ASSERT(table->rows.count == 0);
    ASSERT(table->indexes.count == 0);
    const TableSchema *schema = table->box->schema;
    for (uint32_t i = 0; i < schema->index_count; i++) {
        const IndexSchema *index = &schema->indexes[i];
        bool is_unique = table_schema_index_is_unique(schema, index);
        table_attach_index(table, index_create(table, index, is_unique));
    }
    table_refresh_set(table);
}

// ---- rows ----

Buffer *catalog_row(Store *store) {
    buffer_clear(&store->scratch);
    return &store->scratch;
}

Status catalog_insert(Tx *tx, SystemTable table, uint32_t *ret_id, Error *error) {
    ASSERT(tx->state == TX_OPEN);
    Buffer *row = &tx->store->scratch;
    if (row->failed) return error_set(error, STATUS_LIMIT, "catalog row is too large");
    InsertResult result;
    Bytes bytes = buffer_bytes(row);
    switch (tx_insert(tx, store_find_table(tx->store, table), bytes, &result)) {
    case INSERT_ADDED:
    case INSERT_EXISTED: break;
    case INSERT_CONFLICT: {
        Buffer text;
        buffer_init(&text, ERROR_TEXT_MAX);
        store_conflict_text(&result, bytes, &text);
        Status status = error_set(error, STATUS_CONFLICT, "%.*s",
                                  BYTES_FORMAT(buffer_bytes(&text)));
        buffer_done(&text);
        return status;
    }
    case INSERT_EXHAUSTED:
        return error_set(error, STATUS_LIMIT, "no ids left in system table %d", (int)table);
    }
    if (ret_id != NULL) {
        ASSERT(result.generated.count == sizeof(uint32_t));
        *ret_id = load_u32le(result.generated.data);
        if (*ret_id - USER_ID_MIN >= STORE_IDS_MAX) {
            return error_set(error, STATUS_LIMIT, "id %u is past the last one", *ret_id);
        }
    }
    return STATUS_OK;
}

void catalog_delete(Tx *tx, SystemTable table_id, uint16_t column, Bytes value) {
    ASSERT(tx->state == TX_OPEN);
    ASSERT(value.count > 0);
    Table *table = store_find_table(tx->store, table_id);
    // Found first, deleted then: a table must not change under a scan.
    WordList found = {0};
    TableScan scan = table_scan(table);
    Row row;
    while (table_scan_next(&scan, &row)) {
        if (!bytes_equal(table_column(table, row.bytes, column), value)) continue;
        words_push(&found, &tx->arena, row.id);
    }
    WordCursor cursor = words_begin(&found);
    RowId id;
    while (words_next(&cursor, &id)) tx_delete(tx, table, id);
}

void catalog_delete_id(Tx *tx, SystemTable table, uint16_t column, uint32_t id) {
    uint8_t value[sizeof(uint32_t)];
    store_u32le(value, id);
    catalog_delete(tx, table, column, bytes_of(value, sizeof value));
}

void catalog_delete_name(Tx *tx, SystemTable table, uint16_t column, Bytes name) {
    Buffer *value = catalog_row(tx->store);
    buffer_string(value, name);
    catalog_delete(tx, table, column, buffer_bytes(value));
}

void catalog_update_table_row(Tx *tx, Table *table) {
    ASSERT(table->id >= USER_ID_MIN);
    const TableSchema *schema = table->box->schema;
    Table *tables = store_find_table(tx->store, ST_TABLE);
    TableRow row = {
        .id = schema->id,
        .name = schema->name,
        .origin = schema->origin,
        .access = schema->access,
        .primary_key = schema->primary_key,
    };
    Buffer *bytes = catalog_row(tx->store);
    table_row_write(bytes, &row);
    InsertResult result;
    UpdateOutcome outcome = tx_update(tx, tables->set_index, buffer_bytes(bytes), &result);
    ASSERT(outcome == UPDATE_DONE || outcome == UPDATE_UNCHANGED);
}

Status catalog_check_columns(Store *store, const TableSchema *schema, Error *error) {
    ASSERT(schema->column_count == schema->row_type->field_count);
    size_t bytes = 0;
    for (uint16_t i = 0; i < schema->column_count; i++) {
        const ColumnSchema *column = &schema->columns[i];
        Buffer *row = catalog_row(store);
        column_row_write(row, schema->id, i, column->name, column->type);
        bytes += row->failed ? STORE_ROW_BYTES_MAX : row->count;
    }
    if (bytes <= STORE_SCHEMA_ROWS_BYTES_MAX) return STATUS_OK;
    return error_set(error, STATUS_LIMIT, "its columns take more than %u bytes to describe",
                     STORE_SCHEMA_ROWS_BYTES_MAX);
}

Status catalog_write_columns(Tx *tx, TableId table, const TableSchema *schema, Error *error) {
    ASSERT(table >= USER_ID_MIN && schema->id == table);
    Table *columns = store_find_table(tx->store, ST_COLUMN);
    WordList surplus = {0};
    TableScan scan = table_scan(columns);
    Row row;
    ColumnRow column;
    while (table_scan_next(&scan, &row)) {
        if (!column_row_read(row.bytes, &column) || column.owner != table) continue;
        if (column.position >= schema->column_count) words_push(&surplus, &tx->arena, row.id);
    }
    WordCursor cursor = words_begin(&surplus);
    RowId id;
    while (words_next(&cursor, &id)) tx_delete(tx, columns, id);
    for (uint16_t i = 0; i < schema->column_count; i++) {
        Status status = write_column(tx, columns, table, i, &schema->columns[i], error);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

// A row that is there is changed in its place.
static Status write_column(Tx *tx, const Table *columns, TableId table, uint16_t position,
                           const ColumnSchema *column, Error *error) {
    ASSERT(columns->set_index != NULL);
    Buffer *row = catalog_row(tx->store);
    column_row_write(row, table, position, column->name, column->type);
    if (row->failed) return error_set(error, STATUS_LIMIT, "column type is too large");
    InsertResult result;
    UpdateOutcome outcome = tx_update(tx, columns->set_index, buffer_bytes(row), &result);
    if (outcome == UPDATE_NOT_FOUND) return catalog_insert(tx, ST_COLUMN, NULL, error);
    ASSERT(outcome == UPDATE_DONE || outcome == UPDATE_UNCHANGED);
    return STATUS_OK;
}

Status catalog_write_column_accessors(Tx *tx, const TableSchema *schema, Error *error) {
    ASSERT(schema->name.count > 0);
    catalog_delete_name(tx, ST_COLUMN_ACCESSOR, 0, schema->name);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const ColumnSchema *column = &schema->columns[i];
        if (column->accessor.data == NULL) continue;
        column_accessor_row_write(catalog_row(tx->store), schema->name, column->name,
                                  column->accessor);
        Status status = catalog_insert(tx, ST_COLUMN_ACCESSOR, NULL, error);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

Status catalog_write_sequence(Tx *tx, TableId table, const SequenceSchema *schema,
                              SequenceId *ret_id, Error *error) {
    ASSERT(ret_id != NULL);
    Status status = sequence_check(schema, error);
    if (status != STATUS_OK) return status;
    SequenceRow row = {
        .name = schema->name,
        .table = table,
        .column = schema->column,
        .increment = schema->increment,
        .start = schema->start,
        .min = schema->min,
        .max = schema->max,
        .allocated = schema->start,
    };
    sequence_row_write(catalog_row(tx->store), &row);
    return catalog_insert(tx, ST_SEQUENCE, ret_id, error);
}

static Status sequence_check(const SequenceSchema *schema, Error *error) {
    if (schema->increment == 0) {
        return error_set(error, STATUS_INVALID,
                         "Sequence `%.*s`: The increment is 0, and this means the sequence can't "
                         "advance.",
                         BYTES_FORMAT(schema->name));
    }
    if (schema->min >= schema->max) {
        return error_set(error, STATUS_INVALID,
                         "Sequence `%.*s`: The min_value must be below the max_value.",
                         BYTES_FORMAT(schema->name));
    }
    if (schema->start < schema->min || schema->start > schema->max) {
        return error_set(error, STATUS_INVALID,
                         "Sequence `%.*s`: The start must lie between min_value and max_value.",
                         BYTES_FORMAT(schema->name));
    }
    return STATUS_OK;
}

// ---- schemas and indexes ----

TableSchema *catalog_edit(Tx *tx, const Table *table) {
    ASSERT(table->box != NULL);
    TableSchema *schema = ARENA_NEW(&tx->arena, TableSchema);
    *schema = *table->box->schema;
    return schema;
}

Effect *catalog_set_schema(Tx *tx, Table *table, const TableSchema *schema) {
    ASSERT(schema->id == table->id);
    Effect *effect = tx_add_effect(tx, EFFECT_SCHEMA, table);
    effect->box = table_set_box(table, schema_box_create(schema));
    return effect;
}

Status catalog_replace_index(Tx *tx, Table *table, Index *index, bool is_unique, Error *error) {
    ASSERT(index->table == table);
    ASSERT(tx->state == TX_OPEN);
    ASSERT(index->is_unique != is_unique);
    Index *replacement = index_create(table, index->schema, is_unique);
    RowId first;
    RowId second;
    if (!index_build(replacement, &first, &second)) {
        index_free(replacement);
        return catalog_conflict_error(index, first, second, error);
    }
    table_detach_index(table, index);
    tx_add_effect(tx, EFFECT_INDEX_DROPPED, table)->index = index;
    table_attach_index(table, replacement);
    id_map_set(&tx->store->indexes, index->id, replacement);
    tx_add_effect(tx, EFFECT_INDEX_CREATED, table)->index = replacement;
    catalog_refresh_set(table);
    return STATUS_OK;
}

void catalog_refresh_set(Table *table) {
    table_refresh_set(table);
    // A row's old key may have been given away while no unique index kept it.
    if (table->tx != NULL) table->tx->moves_keys = true;
}

Status catalog_conflict_error(const Index *index, RowId first, RowId second, Error *error) {
    ASSERT(first != second);
    const Table *table = index->table;
    InsertResult result = {.row = table_row(table, first), .conflict = index};
    Buffer text;
    buffer_init(&text, ERROR_TEXT_MAX);
    store_conflict_text(&result, table_bytes_of(table, second), &text);
    Status status = error_set(error, STATUS_CONFLICT, "%.*s", BYTES_FORMAT(buffer_bytes(&text)));
    buffer_done(&text);
    return status;
}

bool columns_same_set(ColumnList a, ColumnList b) {
    ASSERT(a.items != NULL || a.count == 0);
    if (a.count != b.count) return false;
    for (uint32_t i = 0; i < a.count; i++) {
        bool is_found = false;
        for (uint32_t j = 0; j < b.count && !is_found; j++) is_found = a.items[i] == b.items[j];
        if (!is_found) return false;
    }
    return true;
}
