// catalog.c - lookups in the store's names and in the system tables about views and rules.
//
// A view is a table that st_view points to by its id; its first column, arg_hash, is nobody's
// business.

#include "sql/catalog.h"

#include "base/hash.h"

// Columns of the system tables read here (storage.md 7.1, since-2.8.md 5.1).
enum { ST_VIEW_ID = 0, ST_VIEW_NAME = 1, ST_VIEW_TABLE_ID = 2, ST_VIEW_IS_ANONYMOUS = 4 };
enum { ST_VIEW_PARAM_VIEW_ID = 0, ST_VIEW_PARAM_NAME = 2, ST_VIEW_PARAM_TYPE = 3 };
enum { ST_RLS_TABLE_ID = 0, ST_RLS_SQL = 1 };
enum { OPTION_SOME = 0 };

static const char VIEW_KEY_PREFIX[] =
    "spacetimedb::view::args::v1";  // its zero is part of what is hashed
static_assert(sizeof VIEW_KEY_PREFIX == 28, "sql.md 11.1");

static void catalog_add_view(const SqlContext *context, CatalogTable *table);
static bool catalog_scan_u32(Table *table, const uint16_t *columns, uint16_t count, uint32_t value,
                             IndexScan *ret_scan);
static Bytes column_string(const Table *table, Bytes row, uint16_t column);

Status catalog_find_table(const SqlContext *context, Bytes name, CatalogTable *ret_table,
                          Error *error) {
    Table *table = store_find_table_by_name(context->store, name);
    const TableSchema *schema = table == NULL ? NULL : table_schema(table);
    if (schema == NULL || (schema->access == TABLE_PRIVATE && !context->is_owner)) {
        return error_set(error, STATUS_NOT_FOUND,
                         "no such table: `%.*s`. If the table exists, it may be marked private.",
                         BYTES_FORMAT(name));
    }
    *ret_table = (CatalogTable){.table = table, .schema = schema};
    if (schema->origin == TABLE_USER) catalog_add_view(context, ret_table);
    return STATUS_OK;
}

// Fills in what st_view says, if the table backs a view.
static void catalog_add_view(const SqlContext *context, CatalogTable *table) {
    Table *views = store_find_table(context->store, ST_VIEW);
    ASSERT(views != NULL);
    Index *by_name = table_find_index(views, (ColumnList){(const uint16_t[]){ST_VIEW_NAME}, 1});
    ASSERT(by_name != NULL);
    Buffer key;
    buffer_init(&key, sizeof(uint32_t) + (size_t)table->schema->name.count);
    buffer_string(&key, table->schema->name);
    Row row;
    bool found = index_find(by_name, buffer_bytes(&key), &row);
    buffer_done(&key);
    if (!found) return;
    Bytes table_option = table_column(views, row.bytes, ST_VIEW_TABLE_ID);
    bool is_ours = table_option.count == 5 && table_option.data[0] == OPTION_SOME &&
                   load_u32le(table_option.data + 1) == table->schema->id;
    if (!is_ours || table->schema->column_count == 0) return;
    table->view_id = load_u32le(table_column(views, row.bytes, ST_VIEW_ID).data);
    table->is_per_sender = table_column(views, row.bytes, ST_VIEW_IS_ANONYMOUS).data[0] == 0;
    table->hidden_columns = 1;
    IndexScan scan;
    Table *parameters = store_find_table(context->store, ST_VIEW_PARAM);
    ASSERT(parameters != NULL);
    if (!catalog_scan_u32(parameters, (const uint16_t[]){0, 1}, 2, table->view_id, &scan)) return;
    while (table->parameter_count < UINT16_MAX && index_scan_next(&scan, &row))
        table->parameter_count++;
}

uint16_t catalog_find_column(const CatalogTable *table, Bytes name) {
    const TableSchema *schema = table->schema;
    for (uint16_t i = table->hidden_columns; i < schema->column_count; i++) {
        Bytes accessor = schema->columns[i].accessor;
        if (accessor.data != NULL && bytes_equal(accessor, name)) return i;
    }
    for (uint16_t i = table->hidden_columns; i < schema->column_count; i++) {
        if (bytes_equal(schema->columns[i].name, name)) return i;
    }
    return COLUMN_NONE;
}

const Type *catalog_column_type(const CatalogTable *table, uint16_t column) {
    ASSERT(column < table->schema->column_count);
    return table->schema->columns[column].type;
}

const Type *catalog_row_type(const CatalogTable *table, Arena *arena) {
    if (table->hidden_columns == 0) return table->schema->row_type;
    uint32_t count = table->schema->column_count - table->hidden_columns;
    TypeField *fields = ARENA_ARRAY(arena, TypeField, count);
    for (uint32_t i = 0; i < count; i++) {
        const ColumnSchema *column = &table->schema->columns[i + table->hidden_columns];
        fields[i] = (TypeField){column->name, column->type};
    }
    return type_product(arena, fields, count);
}

const CatalogParameter *catalog_parameters(const SqlContext *context, const CatalogTable *table,
                                           Arena *arena) {
    ASSERT(catalog_is_view(table));
    CatalogParameter *parameters = ARENA_ARRAY(arena, CatalogParameter, table->parameter_count);
    Table *store_table = store_find_table(context->store, ST_VIEW_PARAM);
    IndexScan scan;
    Row row;
    if (!catalog_scan_u32(store_table, (const uint16_t[]){0, 1}, 2, table->view_id, &scan))
        return parameters;
    for (uint16_t i = 0; i < table->parameter_count && index_scan_next(&scan, &row); i++) {
        parameters[i].name = arena_copy(arena,
                                        column_string(store_table, row.bytes, ST_VIEW_PARAM_NAME));
        Reader reader = reader_of(column_string(store_table, row.bytes, ST_VIEW_PARAM_TYPE));
        const Type *type = type_read(&reader, arena);
        parameters[i].type = reader_ok(&reader) && type != NULL ? type : type_unit();
    }
    return parameters;
}

Bytes catalog_view_key(const SqlContext *context, const CatalogTable *table, Bytes arguments,
                       Arena *arena) {
    ASSERT(catalog_is_view(table));
    Buffer text;
    buffer_init(&text, sizeof VIEW_KEY_PREFIX + sizeof context->sender.bytes + arguments.count);
    buffer_append(&text, VIEW_KEY_PREFIX, sizeof VIEW_KEY_PREFIX);
    if (table->is_per_sender)
        buffer_append(&text, context->sender.bytes, sizeof context->sender.bytes);
    buffer_append_bytes(&text, arguments);
    Hash hash = hash_blake3(buffer_bytes(&text));
    buffer_done(&text);
    static_assert(sizeof hash.bytes == VIEW_KEY_BYTES, "the hash is the key");
    return arena_copy(arena, bytes_of(hash.bytes, sizeof hash.bytes));
}

Status catalog_rules(const SqlContext *context, TableId table, Arena *arena,
                     const Bytes **ret_texts, uint32_t *ret_count, Error *error) {
    Table *rules = store_find_table(context->store, ST_ROW_LEVEL_SECURITY);
    ASSERT(rules != NULL);
    *ret_count = 0;
    *ret_texts = NULL;
    if (table_row_count(rules) == 0) return STATUS_OK;
    IndexScan scan;
    Row row;
    uint32_t count = 0;
    const uint16_t columns[] = {ST_RLS_TABLE_ID};
    if (!catalog_scan_u32(rules, columns, 1, table, &scan)) return STATUS_OK;
    while (count <= SQL_FRAGMENTS_MAX && index_scan_next(&scan, &row)) count++;
    if (count > SQL_FRAGMENTS_MAX) {
        return error_set(error, STATUS_LIMIT, "Too many row level security rules on table id `%u`",
                         table);
    }
    Bytes *texts = ARENA_ARRAY(arena, Bytes, count);
    (void)catalog_scan_u32(rules, columns, 1, table, &scan);  // it was possible above
    for (uint32_t i = 0; i < count && index_scan_next(&scan, &row); i++) {
        texts[i] = column_string(rules, row.bytes, ST_RLS_SQL);
    }
    *ret_texts = texts;
    *ret_count = count;
    return STATUS_OK;
}

bool catalog_is_outbox(const SqlContext *context, TableId table) {
    Table *outboxes = store_find_table(context->store, ST_OUTBOX);
    if (outboxes == NULL || table_row_count(outboxes) == 0) return false;
    IndexScan scan;
    Row row;
    return catalog_scan_u32(outboxes, (const uint16_t[]){0}, 1, table, &scan) &&
           index_scan_next(&scan, &row);
}

// The rows whose first of these index columns, a u32, has the value; false if there is no such
// index.
static bool catalog_scan_u32(Table *table, const uint16_t *columns, uint16_t count, uint32_t value,
                             IndexScan *ret_scan) {
    Index *index = table_find_index(table, (ColumnList){columns, count});
    if (index == NULL) return false;
    uint8_t key[4];  // a scan finds its place when it is opened and does not look at the key again
    store_u32le(key, value);
    if (count == 1) {
        index_scan_point(index, bytes_of(key, sizeof key), ret_scan);
        return true;
    }
    IndexRange range = {
        .prefix = bytes_of(key, sizeof key),
        .prefix_columns = 1,
        .lower = {.kind = BOUND_UNBOUNDED},
        .upper = {.kind = BOUND_UNBOUNDED},
    };
    index_scan_range(index, &range, ret_scan);
    return true;
}

static Bytes column_string(const Table *table, Bytes row, uint16_t column) {
    Bytes bytes = table_column(table, row, column);
    ASSERT(bytes.count >= sizeof(uint32_t));
    return bytes_slice(bytes, sizeof(uint32_t), bytes.count - (uint32_t)sizeof(uint32_t));
}
