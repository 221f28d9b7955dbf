// catalog_change.c - changes of a table that stays: indexes, constraints, sequences, schedule,
// access, columns.
//
// Each writes its rows, then puts a changed copy of the schema in place, then changes what the
// schema describes. After an error the caller is expected to roll back.
#include "store/catalog.h"

static void *array_without(Arena *arena, const void *items, uint32_t count, size_t item_bytes,
                           uint32_t at);
static void *array_with(Arena *arena, const void *items, uint32_t count, const void *item,
                        size_t item_bytes);
static bool constraint_covers(const TableSchema *schema, ColumnList columns);
static Status apply_uniqueness(Tx *tx, Table *table, ColumnList columns, Error *error);
static Status change_error(const Table *table, const TableSchema *schema, const char *reason,
                           Error *error);
static Status check_columns(const Table *table, const TableSchema *schema, Error *error);
static Status reindex(Table *table, Error *error);
static Status set_column_schema(Tx *tx, Table *table, const TableSchema *schema, Error *error);

// ---- indexes ----

Status tx_create_index(Tx *tx, Table *table, const IndexSchema *schema, Error *error) {
    ASSERT(tx->state == TX_OPEN && !table->is_dropped);
    IndexSchema index = *schema;
    if (schema->columns.count == 0) return error_set(error, STATUS_INVALID, "index of no column");
    for (uint32_t i = 0; i < schema->columns.count; i++) {
        if (schema->columns.items[i] < table->box->schema->column_count) continue;
        return error_set(error, STATUS_INVALID, "Column `%u` not found", schema->columns.items[i]);
    }
    index_row_write(catalog_row(tx->store), 0, table->id, &index);
    Status status = catalog_insert(tx, ST_INDEX, &index.id, error);
    if (status == STATUS_OK && index.accessor.data != NULL) {
        accessor_row_write(catalog_row(tx->store), index.name, index.accessor);
        status = catalog_insert(tx, ST_INDEX_ACCESSOR, NULL, error);
    }
    if (status != STATUS_OK) return status;
    TableSchema *edited = catalog_edit(tx, table);
    edited->indexes = array_with(&tx->arena, edited->indexes, edited->index_count++, &index,
                                 sizeof index);
    bool is_unique = table_schema_index_is_unique(edited, &index);
    (void)catalog_set_schema(tx, table, edited);
    const TableSchema *placed = table->box->schema;
    Index *created = index_create(table, &placed->indexes[placed->index_count - 1], is_unique);
    RowId first;
    RowId second;
    if (!index_build(created, &first, &second)) {
        status = catalog_conflict_error(created, first, second, error);
        index_free(created);
        return status;
    }
    table_attach_index(table, created);
    id_map_set(&tx->store->indexes, created->id, created);
    tx_add_effect(tx, EFFECT_INDEX_CREATED, table)->index = created;
    catalog_refresh_set(table);
    store_add_names(tx->store, table);
    return STATUS_OK;
}

Status tx_drop_index(Tx *tx, Index *index, Error *error) {
    ASSERT(tx->state == TX_OPEN && !index->table->is_dropped);
    Table *table = index->table;
    TableSchema *edited = catalog_edit(tx, table);
    uint32_t at = 0;
    while (at < edited->index_count && edited->indexes[at].id != index->id) at++;
    if (at == edited->index_count) {
        return error_set(error, STATUS_NOT_FOUND, "Index not found: IndexId(%u)", index->id);
    }
    catalog_delete_id(tx, ST_INDEX, 0, index->id);
    catalog_delete_name(tx, ST_INDEX_ACCESSOR, 0, index->schema->name);
    store_remove_names(tx->store, table);
    table_detach_index(table, index);
    id_map_set(&tx->store->indexes, index->id, NULL);
    tx_add_effect(tx, EFFECT_INDEX_DROPPED, table)->index = index;
    edited->indexes = array_without(&tx->arena, edited->indexes, edited->index_count--,
                                    sizeof *edited->indexes, at);
    (void)catalog_set_schema(tx, table, edited);
    catalog_refresh_set(table);
    store_add_names(tx->store, table);
    return STATUS_OK;
}

// ---- constraints ----

Status tx_create_constraint(Tx *tx, Table *table, const ConstraintSchema *schema, Error *error) {
    ASSERT(tx->state == TX_OPEN && !table->is_dropped);
    ConstraintSchema constraint = *schema;
    bool is_backed = false;
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        ColumnList columns = table->indexes.items[i]->schema->columns;
        is_backed = is_backed || columns_same_set(columns, constraint.columns);
    }
    if (!is_backed) {
        return error_set(error, STATUS_INVALID,
                         "constraint %.*s requires at least one backing index on those columns",
                         BYTES_FORMAT(constraint.name));
    }
    constraint_row_write(catalog_row(tx->store), 0, table->id, &constraint);
    Status status = catalog_insert(tx, ST_CONSTRAINT, &constraint.id, error);
    if (status != STATUS_OK) return status;
    TableSchema *edited = catalog_edit(tx, table);
    edited->constraints = array_with(&tx->arena, edited->constraints, edited->constraint_count++,
                                     &constraint, sizeof constraint);
    (void)catalog_set_schema(tx, table, edited);
    status = apply_uniqueness(tx, table, constraint.columns, error);
    store_add_names(tx->store, table);
    return status;
}

Status tx_drop_constraint(Tx *tx, Table *table, Bytes name, Error *error) {
    ASSERT(tx->state == TX_OPEN && !table->is_dropped);
    TableSchema *edited = catalog_edit(tx, table);
    uint32_t at = 0;
    while (at < edited->constraint_count && !bytes_equal(edited->constraints[at].name, name)) at++;
    if (at == edited->constraint_count) {
        return error_set(error, STATUS_NOT_FOUND, "Constraint `%.*s` not found",
                         BYTES_FORMAT(name));
    }
    catalog_delete_id(tx, ST_CONSTRAINT, 0, edited->constraints[at].id);
    ColumnList columns = edited->constraints[at].columns;  // in the box before, which stays
    edited->constraints = array_without(&tx->arena, edited->constraints, edited->constraint_count--,
                                        sizeof *edited->constraints, at);
    (void)catalog_set_schema(tx, table, edited);
    Status status = apply_uniqueness(tx, table, columns, error);
    store_add_names(tx->store, table);
    return status;
}

static bool constraint_covers(const TableSchema *schema, ColumnList columns) {
    for (uint32_t i = 0; i < schema->constraint_count; i++) {
        if (columns_same_set(schema->constraints[i].columns, columns)) return true;
    }
    return false;
}

// The indexes over these columns are unique if a constraint says so.
static Status apply_uniqueness(Tx *tx, Table *table, ColumnList columns, Error *error) {
    ASSERT(columns.count > 0);
    bool is_unique = constraint_covers(table->box->schema, columns);
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        Index *index = table->indexes.items[i];
        if (!columns_same_set(index->schema->columns, columns)) continue;
        if (index->is_unique == is_unique) continue;
        Status status = catalog_replace_index(tx, table, index, is_unique, error);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

// ---- sequences ----

Status tx_create_sequence(Tx *tx, Table *table, const SequenceSchema *schema, Error *error) {
    ASSERT(tx->state == TX_OPEN && !table->is_dropped);
    SequenceSchema sequence = *schema;
    const TableSchema *now = table->box->schema;
    bool is_integer = schema->column < now->column_count &&
                      type_is_integer(now->columns[schema->column].type);
    if (!is_integer) {
        return error_set(error, STATUS_INVALID, "sequence %.*s: column %u is no integer",
                         BYTES_FORMAT(schema->name), schema->column);
    }
    Status status = catalog_write_sequence(tx, table->id, &sequence, &sequence.id, error);
    if (status != STATUS_OK) return status;
    sequence.allocated = sequence.start;
    TableSchema *edited = catalog_edit(tx, table);
    edited->sequences = array_with(&tx->arena, edited->sequences, edited->sequence_count++,
                                   &sequence, sizeof sequence);
    (void)catalog_set_schema(tx, table, edited);
    ASSERT(table->sequence_count == edited->sequence_count);
    return STATUS_OK;
}

Status tx_drop_sequence(Tx *tx, Table *table, Bytes name, Error *error) {
    ASSERT(tx->state == TX_OPEN && !table->is_dropped);
    TableSchema *edited = catalog_edit(tx, table);
    uint32_t at = 0;
    while (at < edited->sequence_count && !bytes_equal(edited->sequences[at].name, name)) at++;
    if (at == edited->sequence_count) {
        return error_set(error, STATUS_NOT_FOUND, "Sequence `%.*s` not found", BYTES_FORMAT(name));
    }
    catalog_delete_id(tx, ST_SEQUENCE, 0, edited->sequences[at].id);
    edited->sequences = array_without(&tx->arena, edited->sequences, edited->sequence_count--,
                                      sizeof *edited->sequences, at);
    (void)catalog_set_schema(tx, table, edited);
    ASSERT(table->sequence_count == edited->sequence_count);
    return STATUS_OK;
}

// ---- properties of the table ----

Status tx_set_schedule(Tx *tx, Table *table, const ScheduleSchema *schedule, Error *error) {
    ASSERT(tx->state == TX_OPEN && !table->is_dropped);
    catalog_delete_id(tx, ST_SCHEDULED, 1, table->id);
    TableSchema *edited = catalog_edit(tx, table);
    edited->has_schedule = schedule != NULL;
    edited->schedule = (ScheduleSchema){0};
    if (schedule != NULL) {
        edited->schedule = *schedule;
        ScheduleRow row = {
            .table = table->id,
            .function = schedule->function,
            .name = schedule->name,
            .at_column = schedule->at_column,
        };
        schedule_row_write(catalog_row(tx->store), &row);
        Status status = catalog_insert(tx, ST_SCHEDULED, &edited->schedule.id, error);
        if (status != STATUS_OK) return status;
    }
    (void)catalog_set_schema(tx, table, edited);
    return STATUS_OK;
}

Status tx_set_access(Tx *tx, Table *table, TableAccess access, Error *error) {
    ASSERT(tx->state == TX_OPEN && !table->is_dropped);
    (void)error;
    TableSchema *edited = catalog_edit(tx, table);
    edited->access = access;
    (void)catalog_set_schema(tx, table, edited);
    catalog_update_table_row(tx, table);
    return STATUS_OK;
}

Status tx_set_primary_key(Tx *tx, Table *table, uint16_t column, Error *error) {
    ASSERT(tx->state == TX_OPEN && !table->is_dropped);
    if (column != COLUMN_NONE && column >= table->box->schema->column_count) {
        return error_set(error, STATUS_INVALID, "Column `%u` not found", column);
    }
    TableSchema *edited = catalog_edit(tx, table);
    edited->primary_key = column;
    (void)catalog_set_schema(tx, table, edited);
    catalog_update_table_row(tx, table);
    return STATUS_OK;
}

Status tx_set_accessors(Tx *tx, Table *table, const TableSchema *schema, Error *error) {
    ASSERT(tx->state == TX_OPEN && !table->is_dropped);
    TableSchema *edited = catalog_edit(tx, table);
    ASSERT(schema->column_count == edited->column_count);
    edited->accessor = schema->accessor;
    ColumnSchema *columns = ARENA_ARRAY(&tx->arena, ColumnSchema, edited->column_count);
    for (uint32_t i = 0; i < edited->column_count; i++) {
        columns[i] = edited->columns[i];
        columns[i].accessor = schema->columns[i].accessor;
    }
    edited->columns = columns;
    IndexSchema *indexes = ARENA_ARRAY(&tx->arena, IndexSchema, edited->index_count);
    for (uint32_t i = 0; i < edited->index_count; i++) {
        indexes[i] = edited->indexes[i];
        for (uint32_t j = 0; j < schema->index_count; j++) {
            if (!bytes_equal(schema->indexes[j].name, indexes[i].name)) continue;
            indexes[i].accessor = schema->indexes[j].accessor;
        }
    }
    edited->indexes = indexes;
    catalog_delete_name(tx, ST_TABLE_ACCESSOR, 0, edited->name);
    for (uint32_t i = 0; i < edited->index_count; i++) {
        catalog_delete_name(tx, ST_INDEX_ACCESSOR, 0, indexes[i].name);
    }
    Status status = catalog_write_column_accessors(tx, edited, error);
    if (status == STATUS_OK && edited->accessor.data != NULL) {
        accessor_row_write(catalog_row(tx->store), edited->name, edited->accessor);
        status = catalog_insert(tx, ST_TABLE_ACCESSOR, NULL, error);
    }
    for (uint32_t i = 0; i < edited->index_count && status == STATUS_OK; i++) {
        if (indexes[i].accessor.data == NULL) continue;
        accessor_row_write(catalog_row(tx->store), indexes[i].name, indexes[i].accessor);
        status = catalog_insert(tx, ST_INDEX_ACCESSOR, NULL, error);
    }
    if (status != STATUS_OK) return status;
    store_remove_names(tx->store, table);
    (void)catalog_set_schema(tx, table, edited);
    store_add_names(tx->store, table);
    return STATUS_OK;
}

Status tx_set_row_level_security(Tx *tx, TableId table, Bytes sql, bool present, Error *error) {
    ASSERT(tx->state == TX_OPEN);
    if (!present) {
        // By the text, which is unique: the table may have got another id since.
        catalog_delete_name(tx, ST_ROW_LEVEL_SECURITY, 1, sql);
        return STATUS_OK;
    }
    Buffer *row = catalog_row(tx->store);
    buffer_u32(row, table);
    buffer_string(row, sql);
    return catalog_insert(tx, ST_ROW_LEVEL_SECURITY, NULL, error);
}

// ---- columns ----

Status tx_change_columns(Tx *tx, Table *table, const TableSchema *schema, Error *error) {
    ASSERT(tx->state == TX_OPEN && !table->is_dropped);
    ASSERT(schema->column_count == schema->row_type->field_count);
    Status status = check_columns(table, schema, error);
    if (status == STATUS_OK) status = catalog_check_columns(tx->store, schema, error);
    if (status != STATUS_OK) return status;
    status = set_column_schema(tx, table, schema, error);
    if (status != STATUS_OK) return status;
    status = catalog_write_columns(tx, table->id, table->box->schema, error);
    if (status != STATUS_OK) return status;
    return catalog_write_column_accessors(tx, table->box->schema, error);
}

static Status set_column_schema(Tx *tx, Table *table, const TableSchema *schema, Error *error) {
    ASSERT(schema->row_type != NULL);
    TableSchema *edited = catalog_edit(tx, table);
    edited->columns = schema->columns;
    edited->column_count = schema->column_count;
    edited->row_type = schema->row_type;
    edited->product_type_ref = schema->product_type_ref;
    catalog_set_schema(tx, table, edited)->is_reindexed = true;
    uint32_t row_bytes = table_row_bytes(table->box->schema->row_type);
    if (row_bytes != table->rows.row_bytes) {
        ASSERT(table->rows.count == 0);
        tx_add_effect(tx, EFFECT_ROWS_RESET, table)->row_bytes_before = table->rows.row_bytes;
        table_reset_rows(table);
    }
    // Keys may be packed another way now.
    return reindex(table, error);
}

static Status reindex(Table *table, Error *error) {
    const Index *index = NULL;
    RowId first;
    RowId second;
    if (table_rebuild(table, &index, &first, &second)) return STATUS_OK;
    return catalog_conflict_error(index, first, second, error);
}

static Status check_columns(const Table *table, const TableSchema *schema, Error *error) {
    ASSERT(schema->column_count == schema->row_type->field_count);
    const TableSchema *now = table->box->schema;
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        ColumnList columns = table->indexes.items[i]->schema->columns;
        for (uint32_t c = 0; c < columns.count; c++) {
            if (columns.items[c] < schema->column_count) continue;
            return change_error(table, schema, "an indexed column is missing", error);
        }
    }
    for (uint32_t i = 0; i < table->sequence_count; i++) {
        uint16_t column = table->sequences[i].column;
        if (column < schema->column_count && type_is_integer(schema->columns[column].type))
            continue;
        return change_error(table, schema, "a sequence has no integer column any more", error);
    }
    if (now->is_event) {
        bool is_used = table->tx != NULL && table->tx->inserted.count > 0;
        if (table->rows.count == 0 && !is_used) return STATUS_OK;
        return error_set(error, STATUS_CONFLICT, "Event table with ID `%u` is not empty",
                         table->id);
    }
    if (schema->column_count != now->column_count) {
        return change_error(table, schema, "the number of columns differs", error);
    }
    if (!type_accepts(now->row_type, schema->row_type)) {
        return change_error(table, schema, "rows would not be valid any more", error);
    }
    if (table_row_bytes(now->row_type) != table_row_bytes(schema->row_type)) {
        return change_error(table, schema, "the layout of rows differs", error);
    }
    return STATUS_OK;
}

static Status change_error(const Table *table, const TableSchema *schema, const char *reason,
                           Error *error) {
    Buffer from;
    Buffer to;
    buffer_init(&from, ERROR_TEXT_MAX);
    buffer_init(&to, ERROR_TEXT_MAX);
    type_write_text(&from, table->box->schema->row_type);
    type_write_text(&to, schema->row_type);
    Status status = error_set(
        error, STATUS_CONFLICT,
        "Cannot change the columns of table `%.*s` with id %u from `%.*s` to `%.*s`: %s",
        BYTES_FORMAT(table->box->schema->name), table->id, BYTES_FORMAT(buffer_bytes(&from)),
        BYTES_FORMAT(buffer_bytes(&to)), reason);
    buffer_done(&from);
    buffer_done(&to);
    return status;
}

// ---- arrays of a schema ----

static void *array_with(Arena *arena, const void *items, uint32_t count, const void *item,
                        size_t item_bytes) {
    ASSERT(item != NULL && item_bytes > 0);
    uint8_t *copy = arena_alloc(arena, item_bytes * ((size_t)count + 1));
    if (count > 0) memcpy(copy, items, item_bytes * count);
    memcpy(copy + item_bytes * count, item, item_bytes);
    return copy;
}

static void *array_without(Arena *arena, const void *items, uint32_t count, size_t item_bytes,
                           uint32_t at) {
    ASSERT(items != NULL && item_bytes > 0);
    ASSERT(at < count);
    uint8_t *copy = arena_alloc(arena, item_bytes * count);
    const uint8_t *from = items;
    memcpy(copy, from, item_bytes * at);
    memcpy(copy + item_bytes * at, from + item_bytes * (at + 1), item_bytes * (count - at - 1));
    return copy;
}
