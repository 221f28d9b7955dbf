// table.c - a table's schema, its rows and the structures that find them.
//
// What depends on the schema (layout, sequences, keys) is derived once, when a SchemaBox is put in
// place, and lives in the box. A box that is replaced while a transaction runs stays until the
// transaction ends.
#include "store/table.h"

#include "store/inside.h"

static uint64_t table_hash_of_row(const void *user, uint64_t id);
static RowId row_set_find(const Table *table, Bytes row, uint64_t hash);
static void table_bind(Table *table);
static bool type_is_extensible(const Type *type);

// ---- life ----

Table *table_create(Store *store, const TableSchema *schema) {
    ASSERT(schema->row_type != NULL);
    Table *table = mem_alloc_zero(sizeof *table);
    table->store = store;
    table->id = schema->id;
    (void)table_set_box(table, schema_box_create(schema));
    rows_init(&table->rows, table_row_bytes(schema->row_type), &store->graveyard);
    table_use_row_set(table);
    return table;
}

void table_free(Table *table) {
    if (table == NULL) return;
    for (uint32_t i = 0; i < table->indexes.count; i++) index_free(table->indexes.items[i]);
    index_vec_done(&table->indexes);
    if (table->has_row_set) hash_index_done(&table->row_set);
    rows_done(&table->rows);
    schema_box_free(table->box);
    mem_free(table);
}

SchemaBox *schema_box_create(const TableSchema *schema) {
    ASSERT(schema->id > 0);
    SchemaBox *box = mem_alloc_zero(sizeof *box);
    arena_init(&box->arena, STORE_SCHEMA_BYTES_MAX);
    box->schema = table_schema_copy(schema, &box->arena);
    return box;
}

void schema_box_free(SchemaBox *box) {
    if (box == NULL) return;
    arena_done(&box->arena);
    mem_free(box);
}

SchemaBox *table_set_box(Table *table, SchemaBox *box) {
    SchemaBox *before = table->box;
    ASSERT(box != NULL && box != before);
    ASSERT(box->schema->id == table->id);
    table->box = box;
    table_bind(table);
    return before;
}

uint32_t table_row_bytes(const Type *row_type) {
    if (row_type->fixed_bytes > TABLE_FIXED_ROW_BYTES_MAX) return ROWS_VARIABLE;
    return type_is_extensible(row_type) ? ROWS_VARIABLE : row_type->fixed_bytes;
}

// ---- indexes ----

void table_attach_index(Table *table, Index *index) {
    ASSERT(index->id > 0);
    ASSERT(index->table == table);
    ASSERT(table_index_by_id(table, index->id) == NULL);
    index_vec_push(&table->indexes, index);
    for (uint32_t i = table->indexes.count - 1; i > 0; i--) {
        Index **items = table->indexes.items;
        if (items[i - 1]->id < items[i]->id) break;
        Index *moved = items[i];
        items[i] = items[i - 1];
        items[i - 1] = moved;
    }
}

void table_detach_index(Table *table, Index *index) {
    ASSERT(table->indexes.count > 0);
    uint32_t at = 0;
    while (at < table->indexes.count && table->indexes.items[at] != index) at++;
    ASSERT(at < table->indexes.count);
    Index **items = table->indexes.items;
    memmove(&items[at], &items[at + 1], sizeof(Index *) * (table->indexes.count - at - 1));
    table->indexes.count--;
    if (table->set_index == index) table->set_index = NULL;
}

Index *table_index_by_id(const Table *table, IndexId id) {
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        if (table->indexes.items[i]->id == id) return table->indexes.items[i];
    }
    return NULL;
}

void table_bind_index(const Table *table, Index *index) {
    ASSERT(index->table == table);
    const TableSchema *schema = table->box->schema;
    for (uint32_t i = 0; i < schema->index_count; i++) {
        if (schema->indexes[i].id == index->id) index_bind(index, &schema->indexes[i]);
    }
}

void table_refresh_set(Table *table) {
    ASSERT(!table->is_dropped);
    table->set_index = NULL;
    for (uint32_t i = table->indexes.count; i > 0; i--) {
        if (table->indexes.items[i - 1]->is_unique) table->set_index = table->indexes.items[i - 1];
    }
    if (table->set_index == NULL) {
        table_use_row_set(table);
    } else if (table->has_row_set) {
        hash_index_done(&table->row_set);
        table->has_row_set = false;
    }
}

void table_use_row_set(Table *table) {
    ASSERT(table->box != NULL);
    table->set_index = NULL;
    if (table->has_row_set) return;
    hash_index_init(&table->row_set, table_hash_of_row, table);
    table->has_row_set = true;
    uint64_t at = 0;
    RowId id;
    while (rows_next(table->rows.pool.array, &at, &id)) {
        hash_index_insert(&table->row_set, table_hash_of_row(table, id), id);
    }
}

bool table_rebuild(Table *table, const Index **ret_index, RowId *ret_first, RowId *ret_second) {
    ASSERT(!table->is_dropped);
    table_clear_indexes(table);
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        Index *index = table->indexes.items[i];
        if (index_build(index, ret_first, ret_second)) continue;
        *ret_index = index;
        return false;
    }
    if (table->has_row_set) {
        hash_index_done(&table->row_set);
        table->has_row_set = false;
    }
    table_refresh_set(table);
    return true;
}

PlaceOutcome table_place(const Table *table, Bytes row, Place *ret_place) {
    ASSERT(table->has_row_set || table->indexes.count > 0);
    if (table->has_row_set) {
        ret_place->row_hash = hash_bytes(row);
        ret_place->id = row_set_find(table, row, ret_place->row_hash);
        if (ret_place->id != ROW_ID_NONE) return PLACE_SAME;
    }
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        const Index *index = table->indexes.items[i];
        uint64_t token = index_token(index, row.data);
        if (i < PLACE_TOKENS_MAX) ret_place->tokens[i] = token;
        if (!index->is_unique) continue;
        RowId id = index_find_row(index, row.data, token);
        if (id == ROW_ID_NONE) continue;
        ret_place->id = id;
        ret_place->index = index;
        // An equal row has this key too, so it would be the one that was found.
        return bytes_equal(table_bytes_of(table, id), row) ? PLACE_SAME : PLACE_TAKEN;
    }
    return PLACE_FREE;
}

void table_index_row(Table *table, RowId id, Bytes row) {
    ASSERT(table->has_row_set || table->indexes.count > 0);
    ASSERT(id <= HASH_ID_MAX);
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        Index *index = table->indexes.items[i];
        index_add(index, id, row.data, index_token(index, row.data));
    }
    if (table->has_row_set) hash_index_insert(&table->row_set, hash_bytes(row), id);
}

void table_index_placed(Table *table, RowId id, Bytes row, const Place *place) {
    ASSERT(table->has_row_set || table->indexes.count > 0);
    ASSERT(id <= HASH_ID_MAX);
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        Index *index = table->indexes.items[i];
        bool is_known = i < PLACE_TOKENS_MAX;
        index_add(index, id, row.data, is_known ? place->tokens[i] : index_token(index, row.data));
    }
    if (table->has_row_set) hash_index_insert(&table->row_set, place->row_hash, id);
}

void table_unindex_row(Table *table, RowId id, Bytes row) {
    ASSERT(table->has_row_set || table->indexes.count > 0);
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        index_remove(table->indexes.items[i], id, row.data);
    }
    if (table->has_row_set) hash_index_remove(&table->row_set, hash_bytes(row), id);
}

void table_clear_indexes(Table *table) {
    for (uint32_t i = 0; i < table->indexes.count; i++) index_clear(table->indexes.items[i]);
    if (table->has_row_set) hash_index_clear(&table->row_set);
}

void table_reset_rows(Table *table) {
    ASSERT(table->store != NULL);
    ASSERT(table->rows.count == 0);
    uint32_t row_bytes = table_row_bytes(table->box->schema->row_type);
    rows_done(&table->rows);
    rows_init(&table->rows, row_bytes, &table->store->graveyard);
}

// ---- the public part ----

const TableSchema *table_schema(const Table *table) {
    return table->box->schema;
}

TableId table_id(const Table *table) {
    return table->id;
}

uint64_t table_row_count(const Table *table) {
    return table->rows.count;
}

uint64_t table_bytes(const Table *table) {
    return rows_memory(&table->rows);
}

bool table_is_ephemeral(const Table *table) {
    return table->is_ephemeral;
}

Index *table_find_index(Table *table, ColumnList columns) {
    ASSERT(columns.count > 0);
    Index *same_set = NULL;
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        Index *index = table->indexes.items[i];
        ColumnList has = index->schema->columns;
        if (has.count != columns.count) continue;
        if (memcmp(has.items, columns.items, sizeof(uint16_t) * has.count) == 0) return index;
        uint32_t matched = 0;
        for (uint32_t c = 0; c < columns.count; c++) {
            for (uint32_t h = 0; h < has.count; h++) matched += has.items[h] == columns.items[c];
        }
        if (matched == columns.count && same_set == NULL) same_set = index;
    }
    return same_set;
}

Index *table_next_index(Table *table, uint32_t *at) {
    ASSERT(table != NULL && at != NULL);
    return *at < table->indexes.count ? table->indexes.items[(*at)++] : NULL;
}

Row table_row(const Table *table, RowId id) {
    ASSERT_SLOW(rows_is_present(&table->rows, id));
    return (Row){id, table_bytes_of(table, id)};
}

Bytes table_column(const Table *table, Bytes row, uint16_t column) {
    ASSERT(column < table->layout.row_type->field_count);
    const uint8_t *at = row_column(&table->layout, row.data, column);
    uint32_t bytes = bsatn_size(table->layout.row_type->fields[column].type, at);
    ASSERT(bytes <= row.count && (size_t)(at - row.data) <= row.count - bytes);
    return (Bytes){at, bytes};
}

TableScan table_scan(const Table *table) {
    return (TableScan){table, 0};
}

bool table_scan_next(TableScan *scan, Row *ret_row) {
    const Rows *rows = &scan->table->rows;
    RowId id;
    if (!rows_next(rows->pool.array, &scan->at, &id)) return false;
    *ret_row = (Row){id, rows_get(rows, id)};
    return true;
}

bool table_find_row(const Table *table, Bytes row, RowId *ret_id) {
    ASSERT((table->set_index != NULL) != table->has_row_set);
    RowId id;
    if (table->set_index != NULL) {
        id = index_find_row(table->set_index, row.data, index_token(table->set_index, row.data));
        if (id == ROW_ID_NONE || !bytes_equal(table_bytes_of(table, id), row)) return false;
    } else {
        id = row_set_find(table, row, hash_bytes(row));
        if (id == ROW_ID_NONE) return false;
    }
    *ret_id = id;
    return true;
}

Status table_check_row(const Table *table, Bytes *row, Error *error) {
    ASSERT(row->data != NULL || row->count == 0);
    const Type *type = table->layout.row_type;
    if (row->count > STORE_ROW_BYTES_MAX) {
        return error_set(error, STATUS_LIMIT, "row of %u bytes is larger than %u", row->count,
                         STORE_ROW_BYTES_MAX);
    }
    bool is_fixed = type->fixed_bytes != TYPE_BYTES_VARIABLE;
    if (is_fixed && row->count != type->fixed_bytes) {
        return error_set(error, STATUS_INVALID, "unexpected data length: Expected %u, given %u",
                         type->fixed_bytes, row->count);
    }
    if (is_fixed && type->is_plain) return STATUS_OK;
    Reader reader = reader_of(*row);
    Status status = bsatn_check(TYPESPACE_NONE, type, &reader, error);
    if (status == STATUS_OK) row->count -= (uint32_t)reader_left(&reader);
    return status;
}

// ---- inside ----

static uint64_t table_hash_of_row(const void *user, uint64_t id) {
    const Table *table = user;
    return hash_bytes(table_bytes_of(table, id));
}

typedef struct RowTarget {
    const Table *table;
    Bytes row;
} RowTarget;

static inline bool match_bytes(const void *user, uint64_t id) {
    const RowTarget *target = user;
    return bytes_equal(table_bytes_of(target->table, id), target->row);
}

static RowId row_set_find(const Table *table, Bytes row, uint64_t hash) {
    ASSERT(table->has_row_set);
    RowTarget target = {table, row};
    return hash_index_find(&table->row_set, hash, match_bytes, &target);
}

static void table_bind(Table *table) {
    ASSERT(table->box != NULL);
    const TableSchema *schema = table->box->schema;
    const Type *row_type = schema->row_type;
    Arena *arena = &table->box->arena;
    ASSERT(row_type->field_count == schema->column_count);
    uint32_t *offsets = ARENA_ARRAY(arena, uint32_t, (size_t)schema->column_count + 1);
    uint32_t count = 0;
    for (uint32_t at = 0; count < schema->column_count; count++) {
        offsets[count] = at;
        uint32_t bytes = row_type->fields[count].type->fixed_bytes;
        if (bytes == TYPE_BYTES_VARIABLE) {
            count++;
            break;
        }
        at += bytes;
    }
    table->layout = (RowLayout){row_type, offsets, count};
    table->sequence_count = schema->sequence_count;
    table->sequences = ARENA_ARRAY(arena, Sequence, schema->sequence_count);
    for (uint32_t i = 0; i < schema->sequence_count; i++) {
        const SequenceSchema *sequence = &schema->sequences[i];
        table->sequences[i] = (Sequence){sequence->id, sequence->column, ROW_ID_NONE};
    }
    for (uint32_t i = 0; i < table->indexes.count; i++) {
        table_bind_index(table, table->indexes.items[i]);
    }
}

static bool type_is_extensible(const Type *type) {
    switch (type->kind) {
    case TYPE_STRING:
    case TYPE_ARRAY:
    case TYPE_REF: return true;
    case TYPE_SUM: return !type_is_simple_enum(type);
    case TYPE_PRODUCT:
        for (uint32_t i = 0; i < type->field_count; i++) {
            if (type_is_extensible(type->fields[i].type)) return true;
        }
        return false;
    default: return false;
    }
}
