// catalog.c - creating and dropping tables and views.
//
// A table comes into being in two halves: its rows in the system tables, in the order in which
// upstream writes them (ids are drawn in that order), and the Table itself, with the ids that were
// drawn. Both are undone by a rollback; after an error the caller is expected to roll back.
#include "store/catalog.h"

typedef struct TableCreation {
    Tx *tx;
    TableSchema *schema;  // a copy; ids are filled in
    const ViewDef *view;  // NULL: not a view
    ViewId view_id;
    Error *error;
} TableCreation;

static Status table_create_rows(TableCreation *creation);
static Status table_create_view_row(TableCreation *creation);
static Status table_create_schedule_row(TableCreation *creation);
static Status table_create_index_rows(TableCreation *creation);
static Status table_create_constraint_rows(TableCreation *creation);
static Status table_create_sequence_rows(TableCreation *creation);
static Status create(TableCreation *creation, Table **ret_table);
static Status view_create_rows(TableCreation *creation);

Status tx_create_table(Tx *tx, const TableSchema *schema, Table **ret_table, Error *error) {
    ASSERT(tx->state == TX_OPEN);
    ASSERT(schema->column_count == schema->row_type->field_count);
    Arena *arena = tx_arena(tx);
    TableCreation creation = {
        .tx = tx,
        .schema = table_schema_copy(schema, arena),
        .error = error,
    };
    Status status = create(&creation, ret_table);
    if (status != STATUS_OK) error_prefix(error, "table %.*s: ", BYTES_FORMAT(schema->name));
    return status;
}

Status tx_create_view(Tx *tx, const ViewDef *view, Table **ret_table, Error *error) {
    ASSERT(tx->state == TX_OPEN);
    ASSERT(view->params != NULL);
    TableCreation creation = {
        .tx = tx,
        .schema = table_schema_of_view(view, tx_arena(tx)),
        .view = view,
        .error = error,
    };
    Status status = create(&creation, ret_table);
    if (status == STATUS_OK) status = view_create_rows(&creation);
    if (status != STATUS_OK) error_prefix(error, "view %.*s: ", BYTES_FORMAT(view->name));
    return status;
}

Status tx_drop_table(Tx *tx, Table *table, Error *error) {
    ASSERT(table->store == tx->store);
    ASSERT(tx->state == TX_OPEN);
    if (table->is_dropped) return error_set(error, STATUS_NOT_FOUND, "table is dropped already");
    if (table->box->schema->origin == TABLE_SYSTEM) {
        return error_set(error, STATUS_DENIED, "system tables cannot be dropped");
    }
    const TableSchema *schema = table->box->schema;
    catalog_delete_id(tx, ST_INDEX, 1, table->id);
    for (uint32_t i = 0; i < schema->index_count; i++) {
        catalog_delete_name(tx, ST_INDEX_ACCESSOR, 0, schema->indexes[i].name);
    }
    catalog_delete_id(tx, ST_SEQUENCE, 2, table->id);
    catalog_delete_id(tx, ST_CONSTRAINT, 2, table->id);
    catalog_delete_name(tx, ST_TABLE_ACCESSOR, 0, schema->name);
    catalog_delete_name(tx, ST_COLUMN_ACCESSOR, 0, schema->name);
    catalog_delete_id(tx, ST_TABLE, 0, table->id);
    catalog_delete_id(tx, ST_COLUMN, 0, table->id);
    catalog_delete_id(tx, ST_SCHEDULED, 1, table->id);
    catalog_delete_id(tx, ST_EVENT_TABLE, 0, table->id);
    catalog_delete_id(tx, ST_OUTBOX, 0, table->id);
    tx_table(tx, table)->is_dropped = true;
    store_remove_names(tx->store, table);
    store_unlink_table(tx->store, table);
    table->is_dropped = true;
    (void)tx_add_effect(tx, EFFECT_TABLE_DROPPED, table);
    return STATUS_OK;
}

Status tx_drop_view(Tx *tx, Bytes name, Error *error) {
    ASSERT(tx->state == TX_OPEN);
    Table *views = store_find_table(tx->store, ST_VIEW);
    TableScan scan = table_scan(views);
    Row row;
    ViewRow view;
    bool is_found = false;
    while (!is_found && table_scan_next(&scan, &row)) {
        is_found = view_row_read(row.bytes, &view) && bytes_equal(view.name, name);
    }
    if (!is_found) {
        return error_set(error, STATUS_NOT_FOUND, "view '%.*s' not found", BYTES_FORMAT(name));
    }
    ViewId id = view.id;
    Table *table = view.has_table ? store_find_table(tx->store, view.table) : NULL;
    catalog_delete_id(tx, ST_VIEW, 0, id);
    catalog_delete_id(tx, ST_VIEW_PARAM, 0, id);
    catalog_delete_id(tx, ST_VIEW_COLUMN, 0, id);
    catalog_delete_id(tx, ST_VIEW_SUB, 0, id);
    return table != NULL ? tx_drop_table(tx, table, error) : STATUS_OK;
}

// ---- creation ----

static Status create(TableCreation *creation, Table **ret_table) {
    Tx *tx = creation->tx;
    ASSERT(tx->state == TX_OPEN);
    Status status = catalog_check_columns(tx->store, creation->schema, creation->error);
    if (status == STATUS_OK) status = table_create_rows(creation);
    if (status == STATUS_OK) status = table_create_index_rows(creation);
    if (status == STATUS_OK) status = table_create_constraint_rows(creation);
    if (status == STATUS_OK) status = table_create_sequence_rows(creation);
    if (status != STATUS_OK) return status;
    Table *table = table_create(tx->store, creation->schema);
    table->is_ephemeral = creation->view != NULL;
    catalog_attach_indexes(table);
    store_link_table(tx->store, table);
    store_add_names(tx->store, table);
    tx_table(tx, table)->is_created = true;
    (void)tx_add_effect(tx, EFFECT_TABLE_CREATED, table);
    *ret_table = table;
    return STATUS_OK;
}

static Status table_create_rows(TableCreation *creation) {
    ASSERT(creation->schema->name.count > 0);
    Tx *tx = creation->tx;
    TableSchema *schema = creation->schema;
    TableRow row = {
        .name = schema->name,
        .origin = TABLE_USER,
        .access = schema->access,
        .primary_key = schema->primary_key,
    };
    schema->origin = TABLE_USER;
    table_row_write(catalog_row(tx->store), &row);
    Status status = catalog_insert(tx, ST_TABLE, &schema->id, creation->error);
    if (status != STATUS_OK) return status;
    if (schema->accessor.data != NULL) {
        accessor_row_write(catalog_row(tx->store), schema->name, schema->accessor);
        status = catalog_insert(tx, ST_TABLE_ACCESSOR, NULL, creation->error);
    }
    if (status == STATUS_OK) status = table_create_view_row(creation);
    if (status != STATUS_OK) return status;
    status = catalog_write_columns(tx, schema->id, schema, creation->error);
    if (status == STATUS_OK) status = catalog_write_column_accessors(tx, schema, creation->error);
    if (status == STATUS_OK) status = table_create_schedule_row(creation);
    if (status == STATUS_OK && schema->is_event) {
        buffer_u32(catalog_row(tx->store), schema->id);
        status = catalog_insert(tx, ST_EVENT_TABLE, NULL, creation->error);
    }
    return status;
}

static Status table_create_view_row(TableCreation *creation) {
    ASSERT(creation->schema->id > 0);
    if (creation->view == NULL) return STATUS_OK;
    // Upstream writes true for every view; who may read it is the table's access.
    ViewRow row = {
        .name = creation->schema->name,
        .has_table = true,
        .table = creation->schema->id,
        .is_public = true,
        .is_anonymous = creation->view->is_anonymous,
    };
    view_row_write(catalog_row(creation->tx->store), &row);
    return catalog_insert(creation->tx, ST_VIEW, &creation->view_id, creation->error);
}

static Status table_create_schedule_row(TableCreation *creation) {
    ASSERT(creation->schema->id > 0);
    TableSchema *schema = creation->schema;
    if (!schema->has_schedule) return STATUS_OK;
    ScheduleRow row = {
        .table = schema->id,
        .function = schema->schedule.function,
        .name = schema->schedule.name,
        .at_column = schema->schedule.at_column,
    };
    schedule_row_write(catalog_row(creation->tx->store), &row);
    return catalog_insert(creation->tx, ST_SCHEDULED, &schema->schedule.id, creation->error);
}

static Status table_create_index_rows(TableCreation *creation) {
    ASSERT(creation->schema->id > 0);
    Tx *tx = creation->tx;
    TableSchema *schema = creation->schema;
    IndexSchema *indexes = ARENA_ARRAY(tx_arena(tx), IndexSchema, schema->index_count);
    for (uint32_t i = 0; i < schema->index_count; i++) {
        indexes[i] = schema->indexes[i];
        index_row_write(catalog_row(tx->store), 0, schema->id, &indexes[i]);
        Status status = catalog_insert(tx, ST_INDEX, &indexes[i].id, creation->error);
        if (status == STATUS_OK && indexes[i].accessor.data != NULL) {
            accessor_row_write(catalog_row(tx->store), indexes[i].name, indexes[i].accessor);
            status = catalog_insert(tx, ST_INDEX_ACCESSOR, NULL, creation->error);
        }
        if (status != STATUS_OK) return status;
    }
    schema->indexes = indexes;
    return STATUS_OK;
}

static Status table_create_constraint_rows(TableCreation *creation) {
    ASSERT(creation->schema->id > 0);
    Tx *tx = creation->tx;
    TableSchema *schema = creation->schema;
    uint32_t count = schema->constraint_count;
    ConstraintSchema *constraints = ARENA_ARRAY(tx_arena(tx), ConstraintSchema, count);
    for (uint32_t i = 0; i < count; i++) {
        constraints[i] = schema->constraints[i];
        constraint_row_write(catalog_row(tx->store), 0, schema->id, &constraints[i]);
        Status status = catalog_insert(tx, ST_CONSTRAINT, &constraints[i].id, creation->error);
        if (status != STATUS_OK) return status;
    }
    schema->constraints = constraints;
    return STATUS_OK;
}

static Status table_create_sequence_rows(TableCreation *creation) {
    ASSERT(creation->schema->id > 0);
    Tx *tx = creation->tx;
    TableSchema *schema = creation->schema;
    uint32_t count = schema->sequence_count;
    SequenceSchema *sequences = ARENA_ARRAY(tx_arena(tx), SequenceSchema, count);
    for (uint32_t i = 0; i < count; i++) {
        sequences[i] = schema->sequences[i];
        Status status = catalog_write_sequence(tx, schema->id, &sequences[i], &sequences[i].id,
                                               creation->error);
        if (status != STATUS_OK) return status;
    }
    schema->sequences = sequences;
    return STATUS_OK;
}

static Status view_create_rows(TableCreation *creation) {
    Tx *tx = creation->tx;
    const ViewDef *view = creation->view;
    ASSERT(creation->view_id != 0);
    for (uint32_t i = 0; i < view->params->field_count; i++) {
        const TypeField *param = &view->params->fields[i];
        const Type *type;
        Status status = type_resolve(view->typespace, param->type, tx_arena(tx), &type,
                                     creation->error);
        if (status != STATUS_OK) return status;
        column_row_write(catalog_row(tx->store), creation->view_id, (uint16_t)i, param->name, type);
        status = catalog_insert(tx, ST_VIEW_PARAM, NULL, creation->error);
        if (status != STATUS_OK) return status;
    }
    for (uint32_t i = 0; i < view->column_count; i++) {
        column_row_write(catalog_row(tx->store), creation->view_id, (uint16_t)i,
                         view->columns[i].name, view->columns[i].type);
        Status status = catalog_insert(tx, ST_VIEW_COLUMN, NULL, creation->error);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}
