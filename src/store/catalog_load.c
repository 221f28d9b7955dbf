// catalog_load.c - one pass over each system table, sorted by table; a schema is then a slice of
// each list.
//
// The rows come from a disk: their types were checked when they were read, what they say is checked
// here.
#include "store/catalog_load.h"

#include <stdlib.h>

typedef bool (*EntryRead)(Bytes row, CatalogEntry *ret_entry);

static bool read_column(Bytes row, CatalogEntry *ret_entry);
static bool read_index(Bytes row, CatalogEntry *ret_entry);
static bool read_constraint(Bytes row, CatalogEntry *ret_entry);
static bool read_sequence(Bytes row, CatalogEntry *ret_entry);
static bool read_schedule(Bytes row, CatalogEntry *ret_entry);
static Status load_list(CatalogLoad *load, CatalogList list, Error *error);
static Status load_accessors(CatalogLoad *load, SystemTable table, BytesMap *map, Error *error);
static int entry_compare(const void *a, const void *b);
static const CatalogEntry *entries_of(const CatalogLoad *load, CatalogList list, TableId table,
                                      uint32_t *ret_count);
static Bytes accessor_find(const BytesMap *map, Bytes name);
static Bytes column_accessor_key(Arena *arena, Bytes table, Bytes column);
static Status check_rows_size(const CatalogLoad *load, const TableSchema *schema, Error *error);
static Status schema_indexes(CatalogLoad *load, TableSchema *schema, Error *error);
static Status schema_constraints(CatalogLoad *load, TableSchema *schema, Error *error);
static Status schema_sequences(CatalogLoad *load, TableSchema *schema, Error *error);
static Status schema_schedule(CatalogLoad *load, TableSchema *schema, Error *error);
static bool columns_read(const TableSchema *schema, ColumnBytes bytes, Arena *arena,
                         ColumnList *ret_columns);
static Status schema_error(const TableSchema *schema, const char *what, uint32_t id, Error *error);

static const struct {
    SystemTable table;
    EntryRead read;
} LISTS[LIST_COUNT] = {
    [LIST_COLUMNS] = {ST_COLUMN, read_column},
    [LIST_INDEXES] = {ST_INDEX, read_index},
    [LIST_CONSTRAINTS] = {ST_CONSTRAINT, read_constraint},
    [LIST_SEQUENCES] = {ST_SEQUENCE, read_sequence},
    [LIST_SCHEDULES] = {ST_SCHEDULED, read_schedule},
};

Status catalog_load_init(CatalogLoad *load, Store *store, Error *error) {
    ASSERT(store->replay != NULL);
    *load = (CatalogLoad){.store = store};
    arena_init(&load->arena, STORE_TX_BYTES_MAX);
    arena_init(&load->schema_arena, STORE_SCHEMA_BYTES_MAX);
    bytes_map_init(&load->table_accessors);
    bytes_map_init(&load->index_accessors);
    bytes_map_init(&load->column_accessors);
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < LIST_COUNT && status == STATUS_OK; i++) {
        status = load_list(load, (CatalogList)i, error);
    }
    if (status == STATUS_OK) {
        status = load_accessors(load, ST_TABLE_ACCESSOR, &load->table_accessors, error);
    }
    if (status == STATUS_OK) {
        status = load_accessors(load, ST_INDEX_ACCESSOR, &load->index_accessors, error);
    }
    if (status == STATUS_OK) {
        status = load_accessors(load, ST_COLUMN_ACCESSOR, &load->column_accessors, error);
    }
    return status;
}

void catalog_load_done(CatalogLoad *load) {
    for (uint32_t i = 0; i < LIST_COUNT; i++) catalog_entries_done(&load->lists[i]);
    bytes_map_done(&load->table_accessors);
    bytes_map_done(&load->index_accessors);
    bytes_map_done(&load->column_accessors);
    arena_done(&load->arena);
    arena_done(&load->schema_arena);
}

Status catalog_load_schema(CatalogLoad *load, const TableRow *table, TableSchema **ret_schema,
                           Error *error) {
    ASSERT(table->id > 0);
    arena_clear(&load->schema_arena);
    TableSchema *schema = ARENA_NEW(&load->schema_arena, TableSchema);
    schema->id = table->id;
    schema->name = table->name;
    schema->accessor = accessor_find(&load->table_accessors, table->name);
    schema->origin = table->origin;
    schema->access = table->access;
    schema->primary_key = table->primary_key;
    uint32_t count;
    const CatalogEntry *columns = entries_of(load, LIST_COLUMNS, table->id, &count);
    Status status = catalog_load_columns(columns, count, &load->schema_arena, schema, error);
    if (status != STATUS_OK) return status;
    ColumnSchema *schema_columns = (ColumnSchema *)(uintptr_t)schema->columns;  // just made
    for (uint32_t i = 0; i < count; i++) {
        Bytes key = column_accessor_key(&load->schema_arena, table->name, schema_columns[i].name);
        schema_columns[i].accessor = accessor_find(&load->column_accessors, key);
    }
    if (schema->primary_key != COLUMN_NONE && schema->primary_key >= count) {
        return schema_error(schema, "primary key column", schema->primary_key, error);
    }
    status = check_rows_size(load, schema, error);
    if (status == STATUS_OK) status = schema_indexes(load, schema, error);
    if (status == STATUS_OK) status = schema_constraints(load, schema, error);
    if (status == STATUS_OK) status = schema_sequences(load, schema, error);
    if (status == STATUS_OK) status = schema_schedule(load, schema, error);
    *ret_schema = schema;
    return status;
}

Status catalog_load_columns(const CatalogEntry *rows, uint32_t count, Arena *arena,
                            TableSchema *schema, Error *error) {
    ASSERT(rows != NULL || count == 0);
    if (count > COLUMN_NONE - 1) return schema_error(schema, "number of columns", count, error);
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) bytes += rows[i].row.count;
    if (bytes > STORE_SCHEMA_ROWS_BYTES_MAX) {
        return schema_error(schema, "size of columns:", (uint32_t)(bytes >> 20), error);
    }
    ColumnSchema *columns = ARENA_ARRAY(arena, ColumnSchema, count);
    TypeField *fields = ARENA_ARRAY(arena, TypeField, count);
    for (uint32_t i = 0; i < count; i++) {
        ColumnRow row;
        if (!column_row_read(rows[i].row, &row) || row.position != i) {
            return schema_error(schema, "column", i, error);
        }
        Reader reader = reader_of(row.type);
        const Type *type = type_read(&reader, arena);
        if (!reader_finish(&reader)) return schema_error(schema, "type of column", i, error);
        Error why;
        if (type_resolve(TYPESPACE_NONE, type, arena, &type, &why) != STATUS_OK) {
            return schema_error(schema, "type of column", i, error);
        }
        columns[i] = (ColumnSchema){.name = arena_copy(arena, row.name), .type = type};
        fields[i] = (TypeField){columns[i].name, type};
    }
    schema->columns = columns;
    schema->column_count = (uint16_t)count;
    schema->row_type = type_product(arena, fields, count);
    return STATUS_OK;
}

// ---- lists ----

static Status load_list(CatalogLoad *load, CatalogList list, Error *error) {
    ASSERT(list < LIST_COUNT);
    ASSERT(load->lists[list].count == 0);
    const Table *table = store_find_table(load->store, LISTS[list].table);
    CatalogEntries *entries = &load->lists[list];
    catalog_entries_reserve(entries, (uint32_t)table->rows.count);
    TableScan scan = table_scan(table);
    Row row;
    while (table_scan_next(&scan, &row)) {
        CatalogEntry entry = {.row = row.bytes};
        if (!LISTS[list].read(row.bytes, &entry)) {
            return error_set(error, STATUS_CORRUPT, "table %.*s: unexpected row",
                             BYTES_FORMAT(table->box->schema->name));
        }
        catalog_entries_push(entries, entry);
    }
    if (entries->count > 0) {
        qsort(entries->items, entries->count, sizeof *entries->items, entry_compare);
    }
    return STATUS_OK;
}

static Status load_accessors(CatalogLoad *load, SystemTable table_id, BytesMap *map, Error *error) {
    ASSERT(map->count == 0);
    const Table *table = store_find_table(load->store, table_id);
    TableScan scan = table_scan(table);
    Row row;
    while (table_scan_next(&scan, &row)) {
        AccessorRow accessor;
        bool is_column = table_id == ST_COLUMN_ACCESSOR;
        bool is_read = is_column ? column_accessor_row_read(row.bytes, &accessor)
                                 : accessor_row_read(row.bytes, &accessor);
        if (!is_read) {
            return error_set(error, STATUS_CORRUPT, "table %.*s: unexpected row",
                             BYTES_FORMAT(table->box->schema->name));
        }
        Bytes *value = ARENA_NEW(&load->arena, Bytes);
        *value = accessor.accessor;
        Bytes key = accessor.name;
        if (is_column) key = column_accessor_key(&load->arena, accessor.name, accessor.column);
        (void)bytes_map_set(map, key, value);
    }
    return STATUS_OK;
}

static int entry_compare(const void *a, const void *b) {
    const CatalogEntry *left = a;
    const CatalogEntry *right = b;
    if (left->table != right->table) return left->table < right->table ? -1 : 1;
    return left->order < right->order ? -1 : left->order > right->order;
}

static const CatalogEntry *entries_of(const CatalogLoad *load, CatalogList list, TableId table,
                                      uint32_t *ret_count) {
    ASSERT(list < LIST_COUNT);
    const CatalogEntries *entries = &load->lists[list];
    uint32_t low = 0;
    uint32_t high = entries->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (entries->items[middle].table < table) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    uint32_t end = low;
    while (end < entries->count && entries->items[end].table == table) end++;
    *ret_count = end - low;
    return entries->items == NULL ? NULL : &entries->items[low];
}

static bool read_column(Bytes row, CatalogEntry *ret_entry) {
    ColumnRow column;
    if (!column_row_read(row, &column)) return false;
    *ret_entry = (CatalogEntry){column.owner, column.position, row};
    return true;
}

static bool read_index(Bytes row, CatalogEntry *ret_entry) {
    IndexRow index;
    if (!index_row_read(row, &index)) return false;
    *ret_entry = (CatalogEntry){index.table, index.id, row};
    return true;
}

static bool read_constraint(Bytes row, CatalogEntry *ret_entry) {
    ConstraintRow constraint;
    if (!constraint_row_read(row, &constraint)) return false;
    *ret_entry = (CatalogEntry){constraint.table, constraint.id, row};
    return true;
}

static bool read_sequence(Bytes row, CatalogEntry *ret_entry) {
    SequenceRow sequence;
    if (!sequence_row_read(row, &sequence)) return false;
    *ret_entry = (CatalogEntry){sequence.table, sequence.id, row};
    return true;
}

static bool read_schedule(Bytes row, CatalogEntry *ret_entry) {
    ScheduleRow schedule;
    if (!schedule_row_read(row, &schedule)) return false;
    *ret_entry = (CatalogEntry){schedule.table, schedule.id, row};
    return true;
}

static Bytes accessor_find(const BytesMap *map, Bytes name) {
    const Bytes *accessor = bytes_map_find(map, name);
    return accessor != NULL ? *accessor : BYTES_NONE;
}

static Bytes column_accessor_key(Arena *arena, Bytes table, Bytes column) {
    uint32_t count = table.count + 1 + column.count;
    uint8_t *key = arena_alloc_zero(arena, count);
    if (table.count > 0) memcpy(key, table.data, table.count);
    if (column.count > 0) memcpy(key + table.count + 1, column.data, column.count);
    return (Bytes){key, count};
}

// ---- parts of a schema ----

// What a table's columns may take is checked where they are read; this is all else.
static Status check_rows_size(const CatalogLoad *load, const TableSchema *schema, Error *error) {
    ASSERT(schema->row_type != NULL);
    size_t bytes = (size_t)schema->name.count + schema->accessor.count;
    for (uint32_t i = 0; i < schema->column_count; i++) bytes += schema->columns[i].accessor.count;
    for (uint32_t list = LIST_COLUMNS + 1; list < LIST_COUNT; list++) {
        uint32_t count;
        const CatalogEntry *rows = entries_of(load, (CatalogList)list, schema->id, &count);
        for (uint32_t i = 0; i < count; i++) {
            bytes += rows[i].row.count;
            IndexRow index;
            if (list != LIST_INDEXES || !index_row_read(rows[i].row, &index)) continue;
            bytes += accessor_find(&load->index_accessors, index.name).count;
        }
    }
    if (bytes <= STORE_SCHEMA_ROWS_BYTES_MAX) return STATUS_OK;
    return schema_error(schema, "size of catalog rows:", (uint32_t)(bytes >> 20), error);
}

static Status schema_indexes(CatalogLoad *load, TableSchema *schema, Error *error) {
    ASSERT(schema->row_type != NULL);
    uint32_t count;
    const CatalogEntry *rows = entries_of(load, LIST_INDEXES, schema->id, &count);
    IndexSchema *indexes = ARENA_ARRAY(&load->schema_arena, IndexSchema, count);
    for (uint32_t i = 0; i < count; i++) {
        IndexRow row;
        if (!index_row_read(rows[i].row, &row)) return schema_error(schema, "index", i, error);
        ColumnList columns;
        if (!columns_read(schema, row.columns, &load->schema_arena, &columns) ||
            row.columns.count == 0) {
            return schema_error(schema, "columns of index", row.id, error);
        }
        indexes[i] = (IndexSchema){
            .id = row.id,
            .name = row.name,
            .accessor = accessor_find(&load->index_accessors, row.name),
            .kind = row.kind,
            .columns = columns,
        };
    }
    schema->indexes = indexes;
    schema->index_count = count;
    return STATUS_OK;
}

static Status schema_constraints(CatalogLoad *load, TableSchema *schema, Error *error) {
    ASSERT(schema->row_type != NULL);
    uint32_t count;
    const CatalogEntry *rows = entries_of(load, LIST_CONSTRAINTS, schema->id, &count);
    ConstraintSchema *constraints = ARENA_ARRAY(&load->schema_arena, ConstraintSchema, count);
    for (uint32_t i = 0; i < count; i++) {
        ConstraintRow row;
        ColumnList columns;
        if (!constraint_row_read(rows[i].row, &row) ||
            !columns_read(schema, row.columns, &load->schema_arena, &columns)) {
            return schema_error(schema, "constraint", rows[i].order, error);
        }
        constraints[i] = (ConstraintSchema){.id = row.id, .name = row.name, .columns = columns};
    }
    schema->constraints = constraints;
    schema->constraint_count = count;
    return STATUS_OK;
}

static Status schema_sequences(CatalogLoad *load, TableSchema *schema, Error *error) {
    ASSERT(schema->row_type != NULL);
    uint32_t count;
    const CatalogEntry *rows = entries_of(load, LIST_SEQUENCES, schema->id, &count);
    SequenceSchema *sequences = ARENA_ARRAY(&load->schema_arena, SequenceSchema, count);
    for (uint32_t i = 0; i < count; i++) {
        SequenceRow row;
        bool is_read = sequence_row_read(rows[i].row, &row) && row.column < schema->column_count &&
                       type_is_integer(schema->columns[row.column].type);
        if (!is_read) return schema_error(schema, "sequence", rows[i].order, error);
        sequences[i] = (SequenceSchema){
            .id = row.id,
            .name = row.name,
            .column = row.column,
            .start = row.start,
            .min = row.min,
            .max = row.max,
            .increment = row.increment,
            .allocated = row.allocated,
        };
    }
    schema->sequences = sequences;
    schema->sequence_count = count;
    return STATUS_OK;
}

static Status schema_schedule(CatalogLoad *load, TableSchema *schema, Error *error) {
    ASSERT(schema->row_type != NULL && !schema->has_schedule);
    uint32_t count;
    const CatalogEntry *rows = entries_of(load, LIST_SCHEDULES, schema->id, &count);
    if (count == 0) return STATUS_OK;
    ScheduleRow row;
    if (!schedule_row_read(rows[0].row, &row) || row.at_column >= schema->column_count) {
        return schema_error(schema, "schedule", rows[0].order, error);
    }
    schema->has_schedule = true;
    schema->schedule = (ScheduleSchema){row.id, row.name, row.function, row.at_column};
    return STATUS_OK;
}

static bool columns_read(const TableSchema *schema, ColumnBytes bytes, Arena *arena,
                         ColumnList *ret_columns) {
    ASSERT(bytes.data != NULL || bytes.count == 0);
    uint16_t *columns = ARENA_ARRAY(arena, uint16_t, bytes.count);
    for (uint32_t i = 0; i < bytes.count; i++) {
        columns[i] = column_bytes_get(bytes, i);
        if (columns[i] >= schema->column_count) return false;
    }
    *ret_columns = (ColumnList){columns, bytes.count};
    return true;
}

static Status schema_error(const TableSchema *schema, const char *what, uint32_t id, Error *error) {
    return error_set(error, STATUS_CORRUPT, "table %.*s (%u): damaged %s %u",
                     BYTES_FORMAT(schema->name), schema->id, what, id);
}
