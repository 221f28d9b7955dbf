// table_schema.c - table schemas on their own: copies, backing tables of views, lookups.
#include "schema/schema.h"

static const Type *type_copy(const Type *type, Arena *arena);
static Bytes name_copy(Bytes name, Arena *arena);
static ColumnList columns_copy(ColumnList columns, Arena *arena);
static const IndexSchema *indexes_copy(const TableSchema *schema, Arena *arena);
static const ConstraintSchema *constraints_copy(const TableSchema *schema, Arena *arena);
static const SequenceSchema *sequences_copy(const TableSchema *schema, Arena *arena);
static const Type *row_type_of(const ColumnSchema *columns, uint16_t count, Arena *arena);
static void add_view_key(TableSchema *table, const ViewDef *view, Arena *arena);

TableSchema *table_schema_copy(const TableSchema *schema, Arena *arena) {
    TableSchema *copy = ARENA_NEW(arena, TableSchema);
    *copy = *schema;
    copy->name = name_copy(schema->name, arena);
    copy->accessor = name_copy(schema->accessor, arena);
    ColumnSchema *columns = ARENA_ARRAY(arena, ColumnSchema, schema->column_count);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        columns[i] = (ColumnSchema){
            .name = name_copy(schema->columns[i].name, arena),
            .accessor = name_copy(schema->columns[i].accessor, arena),
            .type = type_copy(schema->columns[i].type, arena),
            .default_value = name_copy(schema->columns[i].default_value, arena),
        };
    }
    copy->columns = columns;
    copy->row_type = row_type_of(columns, copy->column_count, arena);
    copy->indexes = indexes_copy(schema, arena);
    copy->constraints = constraints_copy(schema, arena);
    copy->sequences = sequences_copy(schema, arena);
    copy->schedule.name = name_copy(schema->schedule.name, arena);
    copy->schedule.function = name_copy(schema->schedule.function, arena);
    return copy;
}

TableSchema *table_schema_of_view(const ViewDef *view, Arena *arena) {
    TableSchema *table = ARENA_NEW(arena, TableSchema);
    ColumnSchema *columns = ARENA_ARRAY(arena, ColumnSchema, view->column_count + 1u);
    columns[0] = (ColumnSchema){.name = BYTES_LITERAL("arg_hash"),
                                .type = type_primitive(TYPE_U256)};
    if (view->column_count > 0)
        memcpy(&columns[1], view->columns, view->column_count * sizeof(ColumnSchema));
    *table = (TableSchema){
        .name = view->name,
        .accessor = view->source_name,
        .columns = columns,
        .column_count = (uint16_t)(view->column_count + 1u),
        .primary_key = COLUMN_NONE,
        .origin = TABLE_USER,
        .access = view->is_public ? TABLE_PUBLIC : TABLE_PRIVATE,
    };
    table->row_type = row_type_of(columns, table->column_count, arena);
    IndexSchema *indexes = ARENA_ARRAY(arena, IndexSchema, 2);
    static const uint16_t ARG_HASH[] = {0};
    indexes[0] = (IndexSchema){
        .name = arena_format(arena, "%.*s_arg_hash_idx_btree", BYTES_FORMAT(view->name)),
        .kind = INDEX_BTREE,
        .columns = {ARG_HASH, 1},
    };
    table->indexes = indexes;
    table->index_count = 1;
    if (view->primary_key != COLUMN_NONE) add_view_key(table, view, arena);
    return table;
}

bool table_schema_index_is_unique(const TableSchema *table, const IndexSchema *index) {
    for (uint32_t i = 0; i < table->constraint_count; i++) {
        ColumnList unique = table->constraints[i].columns;
        if (unique.count != index->columns.count) continue;
        uint32_t found =
            0;  // the constraint is ascending and without duplicates, the index without duplicates
        for (uint32_t u = 0; u < unique.count; u++) {
            for (uint32_t c = 0; c < index->columns.count; c++)
                found += index->columns.items[c] == unique.items[u];
        }
        if (found == unique.count) return true;
    }
    return false;
}

int32_t table_schema_find_column(const TableSchema *table, Bytes name) {
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].accessor.data && bytes_equal(table->columns[i].accessor, name))
            return (int32_t)i;
    }
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (bytes_equal(table->columns[i].name, name)) return (int32_t)i;
    }
    return -1;
}

static const Type *type_copy(const Type *type, Arena *arena) {
    if (type->kind == TYPE_ARRAY) return type_array(arena, type_copy(type->element, arena));
    if (type->kind == TYPE_REF) return type_ref(arena, type->ref);
    if (type->kind != TYPE_PRODUCT && type->kind != TYPE_SUM) return type_primitive(type->kind);
    TypeField *fields = ARENA_ARRAY(arena, TypeField, type->field_count);
    for (uint32_t i = 0; i < type->field_count; i++) {
        fields[i] = (TypeField){name_copy(type->fields[i].name, arena),
                                type_copy(type->fields[i].type, arena)};
    }
    return type->kind == TYPE_SUM ? type_sum(arena, fields, type->field_count)
                                  : type_product(arena, fields, type->field_count);
}

static Bytes name_copy(Bytes name, Arena *arena) {
    return name.data == NULL ? name : arena_copy(arena, name);
}

static ColumnList columns_copy(ColumnList columns, Arena *arena) {
    uint16_t *items = ARENA_ARRAY(arena, uint16_t, columns.count);
    if (columns.count > 0) memcpy(items, columns.items, columns.count * sizeof(uint16_t));
    return (ColumnList){items, columns.count};
}

static const IndexSchema *indexes_copy(const TableSchema *schema, Arena *arena) {
    IndexSchema *indexes = ARENA_ARRAY(arena, IndexSchema, schema->index_count);
    for (uint32_t i = 0; i < schema->index_count; i++) {
        indexes[i] = schema->indexes[i];
        indexes[i].name = name_copy(indexes[i].name, arena);
        indexes[i].accessor = name_copy(indexes[i].accessor, arena);
        indexes[i].codegen_name = name_copy(indexes[i].codegen_name, arena);
        indexes[i].columns = columns_copy(indexes[i].columns, arena);
    }
    return indexes;
}

static const ConstraintSchema *constraints_copy(const TableSchema *schema, Arena *arena) {
    ConstraintSchema *constraints = ARENA_ARRAY(arena, ConstraintSchema, schema->constraint_count);
    for (uint32_t i = 0; i < schema->constraint_count; i++) {
        constraints[i] = schema->constraints[i];
        constraints[i].name = name_copy(constraints[i].name, arena);
        constraints[i].columns = columns_copy(constraints[i].columns, arena);
    }
    return constraints;
}

static const SequenceSchema *sequences_copy(const TableSchema *schema, Arena *arena) {
    SequenceSchema *sequences = ARENA_ARRAY(arena, SequenceSchema, schema->sequence_count);
    for (uint32_t i = 0; i < schema->sequence_count; i++) {
        sequences[i] = schema->sequences[i];
        sequences[i].name = name_copy(sequences[i].name, arena);
    }
    return sequences;
}

static const Type *row_type_of(const ColumnSchema *columns, uint16_t count, Arena *arena) {
    TypeField *fields = ARENA_ARRAY(arena, TypeField, count);
    for (uint32_t i = 0; i < count; i++) fields[i] = (TypeField){columns[i].name, columns[i].type};
    return type_product(arena, fields, count);
}

// (arg_hash, key) is unique; the table itself has no primary key, as upstream stores it.
static void add_view_key(TableSchema *table, const ViewDef *view, Arena *arena) {
    uint16_t key = (uint16_t)(view->primary_key + 1u);
    uint16_t *columns = ARENA_ARRAY(arena, uint16_t, 2);
    columns[1] = key;
    Bytes key_name = table->columns[key].name;
    IndexSchema *indexes = (IndexSchema *)(uintptr_t)
                               table->indexes;  // made by the caller, with room for two
    indexes[1] = (IndexSchema){
        .name = arena_format(arena, "%.*s_arg_hash_%.*s_idx_btree", BYTES_FORMAT(view->name),
                             BYTES_FORMAT(key_name)),
        .kind = INDEX_BTREE,
        .columns = {columns, 2},
    };
    table->index_count = 2;
    ConstraintSchema *constraint = ARENA_NEW(arena, ConstraintSchema);
    *constraint = (ConstraintSchema){
        .name = arena_format(arena, "%.*s_arg_hash_%.*s_key", BYTES_FORMAT(view->name),
                             BYTES_FORMAT(key_name)),
        .columns = {columns, 2},
    };
    table->constraints = constraint;
    table->constraint_count = 1;
}
