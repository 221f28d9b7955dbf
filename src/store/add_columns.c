// add_columns.c - a table with more columns is a new table: new ids, every row copied (storage.md
// 8).
#include "store/catalog.h"

static Status check_added(const Table *table, const TableSchema *schema, Error *error);
static Bytes added_defaults(Tx *tx, const TableSchema *schema, uint16_t from);
static Status copy_rows(Tx *tx, const Table *from, Table *to, Bytes defaults, Error *error);
static void copy_sequences(Tx *tx, const TableSchema *before, const Table *table,
                           const __int128 *allocated);
static bool sequence_find(Store *store, SequenceId id, Row *ret_row, SequenceRow *ret_sequence);

Status tx_add_columns(Tx *tx, Table *table, const TableSchema *schema, Table **ret_table,
                      Error *error) {
    ASSERT(tx->state == TX_OPEN && !table->is_dropped);
    ASSERT(schema->column_count == schema->row_type->field_count);
    Status status = check_added(table, schema, error);
    if (status != STATUS_OK) return status;
    const TableSchema *before = table->box->schema;  // the box stays until the release
    TableSchema *after = catalog_edit(tx, table);
    after->columns = schema->columns;
    after->column_count = schema->column_count;
    after->row_type = schema->row_type;
    after->product_type_ref = schema->product_type_ref;
    __int128 *allocated = ARENA_ARRAY(&tx->arena, __int128, before->sequence_count);
    for (uint32_t i = 0; i < before->sequence_count; i++) {
        Row row;
        SequenceRow sequence;
        bool is_found = sequence_find(tx->store, before->sequences[i].id, &row, &sequence);
        ASSERT(is_found);
        allocated[i] = sequence.allocated;
    }
    status = tx_drop_table(tx, table, error);
    if (status != STATUS_OK) return status;
    Table *created = NULL;
    status = tx_create_table(tx, after, &created, error);
    if (status != STATUS_OK) return status;
    copy_sequences(tx, before, created, allocated);
    status = copy_rows(tx, table, created, added_defaults(tx, schema, before->column_count), error);
    if (status == STATUS_OK) *ret_table = created;
    return status;
}

static Status check_added(const Table *table, const TableSchema *schema, Error *error) {
    ASSERT(table->box != NULL);
    const TableSchema *now = table->box->schema;
    if (schema->column_count < now->column_count) {
        return error_set(error, STATUS_CONFLICT, "table %.*s would lose columns",
                         BYTES_FORMAT(now->name));
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const ColumnSchema *column = &schema->columns[i];
        if (i < now->column_count) {
            if (type_accepts(now->columns[i].type, column->type)) continue;
            return error_set(error, STATUS_CONFLICT, "column %.*s of table %.*s changes its type",
                             BYTES_FORMAT(column->name), BYTES_FORMAT(now->name));
        }
        Reader reader = reader_of(column->default_value);
        Error why;
        if (column->default_value.data == NULL ||
            bsatn_check(TYPESPACE_NONE, column->type, &reader, &why) != STATUS_OK) {
            return error_set(error, STATUS_INVALID, "column %.*s of table %.*s needs a default",
                             BYTES_FORMAT(column->name), BYTES_FORMAT(now->name));
        }
    }
    return STATUS_OK;
}

static Bytes added_defaults(Tx *tx, const TableSchema *schema, uint16_t from) {
    ASSERT(from <= schema->column_count);
    Buffer defaults;
    buffer_init(&defaults, STORE_ROW_BYTES_MAX);
    for (uint32_t i = from; i < schema->column_count; i++) {
        const ColumnSchema *column = &schema->columns[i];
        uint32_t bytes = bsatn_size(column->type, column->default_value.data);
        buffer_append(&defaults, column->default_value.data, bytes);
    }
    ASSERT(!defaults.failed);
    Bytes copy = arena_copy(&tx->arena, buffer_bytes(&defaults));
    buffer_done(&defaults);
    return copy;
}

// Rows keep their keys, so none can be in another's way.
static Status copy_rows(Tx *tx, const Table *from, Table *to, Bytes defaults, Error *error) {
    ASSERT(from->is_dropped && to->rows.count == 0);
    Status status = STATUS_OK;
    Buffer row;
    buffer_init(&row, STORE_ROW_BYTES_MAX);
    TableScan scan = table_scan(from);
    Row old;
    while (status == STATUS_OK && table_scan_next(&scan, &old)) {
        buffer_clear(&row);
        buffer_append_bytes(&row, old.bytes);
        buffer_append_bytes(&row, defaults);
        if (row.failed) {
            status = error_set(error, STATUS_LIMIT, "a row would be larger than %u bytes",
                               STORE_ROW_BYTES_MAX);
        } else {
            (void)tx_add_row(tx, to, buffer_bytes(&row));
        }
    }
    if (status == STATUS_OK) ASSERT(to->rows.count == from->rows.count);
    buffer_done(&row);
    return status;
}

// By name: the new sequences have ids of their own.
static void copy_sequences(Tx *tx, const TableSchema *before, const Table *table,
                           const __int128 *allocated) {
    ASSERT(allocated != NULL);
    Table *sequences = store_find_table(tx->store, ST_SEQUENCE);
    const TableSchema *after = table->box->schema;
    for (uint32_t i = 0; i < after->sequence_count; i++) {
        for (uint32_t j = 0; j < before->sequence_count; j++) {
            if (!bytes_equal(after->sequences[i].name, before->sequences[j].name)) continue;
            Row row;
            SequenceRow sequence;
            bool is_found = sequence_find(tx->store, after->sequences[i].id, &row, &sequence);
            ASSERT(is_found);
            sequence.allocated = allocated[j];
            Buffer *bytes = catalog_row(tx->store);
            sequence_row_write(bytes, &sequence);
            InsertResult result;
            (void)tx_update(tx, sequences->set_index, buffer_bytes(bytes), &result);
        }
    }
}

static bool sequence_find(Store *store, SequenceId id, Row *ret_row, SequenceRow *ret_sequence) {
    ASSERT(id > 0);
    const Table *sequences = store_find_table(store, ST_SEQUENCE);
    uint8_t key[sizeof(uint32_t)];
    store_u32le(key, id);
    if (!index_find(sequences->set_index, bytes_of(key, sizeof key), ret_row)) return false;
    return sequence_row_read(ret_row->bytes, ret_sequence);
}
