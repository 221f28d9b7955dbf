// system_tables.c - three lists in the order in which a new database has their rows: tables by
// creation, what belongs to a table by name.
#include "store/system_tables.h"

#define COLUMNS_MAX 9u
#define KEY_MAX 3u

typedef enum ColumnType {
    C_END,
    C_BOOL,
    C_U8,
    C_U16,
    C_U32,
    C_U64,
    C_I64,
    C_U128,
    C_I128,
    C_U256,
    C_STRING,
    C_BYTES,
    C_U16S,
    C_OPTION_U8,
    C_OPTION_U32,
    C_OPTION_U16S,
    C_OPTION_STRING,
    C_OPTION_BYTES,
    C_INDEX_ALGORITHM,
    C_CONSTRAINT_DATA,
    C_VAR_VALUE,
} ColumnType;

typedef struct SystemColumn {
    const char *name;
    ColumnType type;
} SystemColumn;

typedef struct SystemTableDef {
    SystemTable id;
    const char *name;
    uint16_t primary_key;
    TableAccess access;
    SystemColumn columns[COLUMNS_MAX + 1];
} SystemTableDef;

typedef struct SystemIndexDef {
    IndexId id;
    SystemTable table;
    ConstraintId constraint;  // 0: not unique
    uint16_t columns[KEY_MAX];
    uint16_t count;
} SystemIndexDef;

typedef struct SystemSequenceDef {
    SequenceId id;
    SystemTable table;
} SystemSequenceDef;

// clang-format off
static const SystemTableDef TABLES[ST_COUNT] = {
    {ST_TABLE, "st_table", 0, TABLE_PUBLIC,
     {{"table_id", C_U32}, {"table_name", C_STRING}, {"table_type", C_STRING},
      {"table_access", C_STRING}, {"table_primary_key", C_OPTION_U16S}}},
    {ST_COLUMN, "st_column", COLUMN_NONE, TABLE_PUBLIC,
     {{"table_id", C_U32}, {"col_pos", C_U16}, {"col_name", C_STRING}, {"col_type", C_BYTES}}},
    {ST_INDEX, "st_index", 0, TABLE_PUBLIC,
     {{"index_id", C_U32}, {"table_id", C_U32}, {"index_name", C_STRING},
      {"index_algorithm", C_INDEX_ALGORITHM}}},
    {ST_CONSTRAINT, "st_constraint", 0, TABLE_PUBLIC,
     {{"constraint_id", C_U32}, {"constraint_name", C_STRING}, {"table_id", C_U32},
      {"constraint_data", C_CONSTRAINT_DATA}}},
    {ST_MODULE, "st_module", COLUMN_NONE, TABLE_PUBLIC,
     {{"database_identity", C_U256}, {"owner_identity", C_U256}, {"program_kind", C_U8},
      {"program_hash", C_U256}, {"program_bytes", C_BYTES}, {"module_version", C_STRING}}},
    {ST_CLIENT, "st_client", COLUMN_NONE, TABLE_PUBLIC,
     {{"identity", C_U256}, {"connection_id", C_U128}}},
    {ST_VAR, "st_var", 0, TABLE_PUBLIC, {{"name", C_STRING}, {"value", C_VAR_VALUE}}},
    {ST_SCHEDULED, "st_scheduled", 0, TABLE_PUBLIC,
     {{"schedule_id", C_U32}, {"table_id", C_U32}, {"reducer_name", C_STRING},
      {"schedule_name", C_STRING}, {"at_column", C_U16}}},
    {ST_ROW_LEVEL_SECURITY, "st_row_level_security", 1, TABLE_PUBLIC,
     {{"table_id", C_U32}, {"sql", C_STRING}}},
    {ST_SEQUENCE, "st_sequence", 0, TABLE_PUBLIC,
     {{"sequence_id", C_U32}, {"sequence_name", C_STRING}, {"table_id", C_U32}, {"col_pos", C_U16},
      {"increment", C_I128}, {"start", C_I128}, {"min_value", C_I128}, {"max_value", C_I128},
      {"allocated", C_I128}}},
    {ST_CONNECTION_CREDENTIALS, "st_connection_credentials", 0, TABLE_PRIVATE,
     {{"connection_id", C_U128}, {"jwt_payload", C_STRING}}},
    {ST_VIEW, "st_view", 0, TABLE_PUBLIC,
     {{"view_id", C_U32}, {"view_name", C_STRING}, {"table_id", C_OPTION_U32},
      {"is_public", C_BOOL}, {"is_anonymous", C_BOOL}}},
    {ST_VIEW_PARAM, "st_view_param", COLUMN_NONE, TABLE_PUBLIC,
     {{"view_id", C_U32}, {"param_pos", C_U16}, {"param_name", C_STRING}, {"param_type", C_BYTES}}},
    {ST_VIEW_COLUMN, "st_view_column", COLUMN_NONE, TABLE_PUBLIC,
     {{"view_id", C_U32}, {"col_pos", C_U16}, {"col_name", C_STRING}, {"col_type", C_BYTES}}},
    {ST_VIEW_SUB, "st_view_sub", COLUMN_NONE, TABLE_PUBLIC,
     {{"view_id", C_U32}, {"arg_id", C_U64}, {"identity", C_U256}, {"num_subscribers", C_U64},
      {"has_subscribers", C_BOOL}, {"last_called", C_I64}}},
    {ST_VIEW_ARG, "st_view_arg", 0, TABLE_PUBLIC, {{"id", C_U64}, {"bytes", C_BYTES}}},
    {ST_EVENT_TABLE, "st_event_table", 0, TABLE_PUBLIC, {{"table_id", C_U32}}},
    {ST_TABLE_ACCESSOR, "st_table_accessor", COLUMN_NONE, TABLE_PUBLIC,
     {{"table_name", C_STRING}, {"accessor_name", C_STRING}}},
    {ST_INDEX_ACCESSOR, "st_index_accessor", COLUMN_NONE, TABLE_PUBLIC,
     {{"index_name", C_STRING}, {"accessor_name", C_STRING}}},
    {ST_COLUMN_ACCESSOR, "st_column_accessor", COLUMN_NONE, TABLE_PUBLIC,
     {{"table_name", C_STRING}, {"col_name", C_STRING}, {"accessor_name", C_STRING}}},
    {ST_ENV, "st_env", 0, TABLE_PRIVATE, {{"key", C_STRING}, {"value", C_STRING}}},
    {ST_OUTBOUND_STREAM, "st_outbound_stream", 0, TABLE_PRIVATE,
     {{"stream_id", C_U64}, {"outbox_table_id", C_U32}, {"target_identity", C_U256},
      {"next_seq", C_U64}, {"ack_prefix", C_U64}}},
    {ST_OUTBOUND_MSG, "st_outbound_msg", COLUMN_NONE, TABLE_PRIVATE,
     {{"stream_id", C_U64}, {"msg_id", C_U64}, {"seq", C_U64}, {"retry_count", C_U32},
      {"last_transport_error", C_OPTION_STRING}, {"result_status", C_OPTION_U8},
      {"result_payload", C_OPTION_BYTES}}},
    {ST_INBOUND_STREAM, "st_inbound_stream", COLUMN_NONE, TABLE_PRIVATE,
     {{"sender_identity", C_U256}, {"stream_id", C_U64}, {"applied_prefix", C_U64}}},
    {ST_INBOUND_MSG, "st_inbound_msg", COLUMN_NONE, TABLE_PRIVATE,
     {{"sender_identity", C_U256}, {"stream_id", C_U64}, {"seq", C_U64}, {"result_status", C_U8},
      {"result_payload", C_BYTES}}},
    {ST_OUTBOX, "st_outbox", 0, TABLE_PRIVATE,
     {{"table_id", C_U32}, {"remote_reducer", C_STRING}, {"target_column", C_U16},
      {"arg_columns", C_U16S}, {"on_result_reducer", C_OPTION_STRING},
      {"signature_hash", C_STRING}}},
};
// clang-format on

static const SystemIndexDef INDEXES[] = {
    {1, ST_TABLE, 1, {0}, 1},
    {2, ST_TABLE, 2, {1}, 1},
    {3, ST_COLUMN, 3, {0, 1}, 2},
    {5, ST_INDEX, 5, {0}, 1},
    {6, ST_CONSTRAINT, 6, {0}, 1},
    {7, ST_CLIENT, 7, {0, 1}, 2},
    {8, ST_VAR, 8, {0}, 1},
    {9, ST_SCHEDULED, 9, {0}, 1},
    {10, ST_SCHEDULED, 10, {1}, 1},
    {12, ST_ROW_LEVEL_SECURITY, 11, {1}, 1},
    {11, ST_ROW_LEVEL_SECURITY, 0, {0}, 1},
    {4, ST_SEQUENCE, 4, {0}, 1},
    {13, ST_CONNECTION_CREDENTIALS, 12, {0}, 1},
    {14, ST_VIEW, 13, {0}, 1},
    {15, ST_VIEW, 14, {1}, 1},
    {16, ST_VIEW_PARAM, 15, {0, 1}, 2},
    {17, ST_VIEW_COLUMN, 16, {0, 1}, 2},
    {19, ST_VIEW_SUB, 0, {4}, 1},
    {18, ST_VIEW_SUB, 0, {2}, 1},
    {20, ST_VIEW_SUB, 0, {0, 1, 2}, 3},
    {22, ST_VIEW_ARG, 18, {1}, 1},
    {21, ST_VIEW_ARG, 17, {0}, 1},
    {23, ST_EVENT_TABLE, 19, {0}, 1},
    {25, ST_TABLE_ACCESSOR, 21, {1}, 1},
    {24, ST_TABLE_ACCESSOR, 20, {0}, 1},
    {27, ST_INDEX_ACCESSOR, 23, {1}, 1},
    {26, ST_INDEX_ACCESSOR, 22, {0}, 1},
    {29, ST_COLUMN_ACCESSOR, 25, {0, 2}, 2},
    {28, ST_COLUMN_ACCESSOR, 24, {0, 1}, 2},
    {30, ST_ENV, 26, {0}, 1},
    {32, ST_OUTBOUND_STREAM, 28, {1, 2}, 2},
    {31, ST_OUTBOUND_STREAM, 27, {0}, 1},
    {36, ST_OUTBOUND_MSG, 32, {0, 1}, 2},
    {33, ST_OUTBOUND_MSG, 29, {0, 2}, 2},
    {34, ST_INBOUND_STREAM, 30, {0, 1}, 2},
    {35, ST_INBOUND_MSG, 31, {0, 1, 2}, 3},
    {37, ST_OUTBOX, 33, {0}, 1},
};
#define INDEX_COUNT (sizeof INDEXES / sizeof INDEXES[0])

// All of them count the first column.
static const SystemSequenceDef SEQUENCES[] = {
    {1, ST_TABLE},    {2, ST_INDEX}, {3, ST_CONSTRAINT}, {4, ST_SCHEDULED},
    {5, ST_SEQUENCE}, {6, ST_VIEW},  {7, ST_VIEW_ARG},   {8, ST_OUTBOUND_STREAM},
};
#define SEQUENCE_COUNT (sizeof SEQUENCES / sizeof SEQUENCES[0])

static const Type *column_type(ColumnType type, Arena *arena);
static void schema_add_columns(TableSchema *schema, const SystemTableDef *def, Arena *arena);
static void schema_add_indexes(TableSchema *schema, const SystemTableDef *def, Arena *arena);
static void schema_add_sequences(TableSchema *schema, const SystemTableDef *def, Arena *arena);

const TableSchema *system_table_schema(uint32_t at, Arena *arena) {
    ASSERT(at < ST_COUNT);
    const SystemTableDef *def = &TABLES[at];
    TableSchema *schema = ARENA_NEW(arena, TableSchema);
    schema->id = def->id;
    schema->name = bytes_of_text(def->name);
    schema->primary_key = def->primary_key;
    schema->origin = TABLE_SYSTEM;
    schema->access = def->access;
    schema_add_columns(schema, def, arena);
    schema_add_indexes(schema, def, arena);
    schema_add_sequences(schema, def, arena);
    ASSERT(schema->column_count > 0);
    return schema;
}

static void schema_add_columns(TableSchema *schema, const SystemTableDef *def, Arena *arena) {
    ColumnSchema *columns = ARENA_ARRAY(arena, ColumnSchema, COLUMNS_MAX);
    TypeField *fields = ARENA_ARRAY(arena, TypeField, COLUMNS_MAX);
    uint16_t count = 0;
    for (; def->columns[count].type != C_END; count++) {
        ASSERT(count < COLUMNS_MAX);
        columns[count].name = bytes_of_text(def->columns[count].name);
        columns[count].type = column_type(def->columns[count].type, arena);
        fields[count] = (TypeField){columns[count].name, columns[count].type};
    }
    schema->columns = columns;
    schema->column_count = count;
    schema->row_type = type_product(arena, fields, count);
}

// Indexes "TABLE_COLUMNS_idx_btree", constraints "TABLE_COLUMNS_key".
static void schema_add_indexes(TableSchema *schema, const SystemTableDef *def, Arena *arena) {
    IndexSchema *indexes = ARENA_ARRAY(arena, IndexSchema, INDEX_COUNT);
    ConstraintSchema *constraints = ARENA_ARRAY(arena, ConstraintSchema, INDEX_COUNT);
    for (size_t i = 0; i < INDEX_COUNT; i++) {
        const SystemIndexDef *index = &INDEXES[i];
        if (index->table != def->id) continue;
        Bytes name = schema->name;
        for (uint32_t c = 0; c < index->count; c++) {
            Bytes column = schema->columns[index->columns[c]].name;
            name = arena_format(arena, "%.*s_%.*s", BYTES_FORMAT(name), BYTES_FORMAT(column));
        }
        ColumnList columns = {index->columns, index->count};
        indexes[schema->index_count++] = (IndexSchema){
            .id = index->id,
            .name = arena_format(arena, "%.*s_idx_btree", BYTES_FORMAT(name)),
            .kind = INDEX_BTREE,
            .columns = columns,
        };
        if (index->constraint == 0) continue;
        constraints[schema->constraint_count++] = (ConstraintSchema){
            .id = index->constraint,
            .name = arena_format(arena, "%.*s_key", BYTES_FORMAT(name)),
            .columns = columns,
        };
    }
    schema->indexes = indexes;
    schema->constraints = constraints;
}

static void schema_add_sequences(TableSchema *schema, const SystemTableDef *def, Arena *arena) {
    SequenceSchema *sequences = ARENA_ARRAY(arena, SequenceSchema, 1);
    for (size_t i = 0; i < SEQUENCE_COUNT; i++) {
        if (SEQUENCES[i].table != def->id) continue;
        ASSERT(schema->sequence_count == 0);
        Bytes column = schema->columns[0].name;
        sequences[schema->sequence_count++] = (SequenceSchema){
            .id = SEQUENCES[i].id,
            .name = arena_format(arena, "%s_%.*s_seq", def->name, BYTES_FORMAT(column)),
            .column = 0,
            .start = SYSTEM_SEQUENCE_START,
            .min = 1,
            .max = SEQUENCE_VALUE_MAX,
            .increment = 1,
            .allocated = SYSTEM_SEQUENCE_ALLOCATED,
        };
    }
    schema->sequences = sequences;
}

// ---- types ----

#define FIELD(text, type_of_it) {BYTES_LITERAL(text), type_of_it}

static const Type *column_type(ColumnType type, Arena *arena) {
    const Type *u16s = type_array(arena, type_primitive(TYPE_U16));
    const Type *bytes = type_array(arena, type_primitive(TYPE_U8));
    switch (type) {
    case C_BOOL: return type_primitive(TYPE_BOOL);
    case C_U8: return type_primitive(TYPE_U8);
    case C_U16: return type_primitive(TYPE_U16);
    case C_U32: return type_primitive(TYPE_U32);
    case C_U64: return type_primitive(TYPE_U64);
    case C_I64: return type_primitive(TYPE_I64);
    case C_U128: return type_primitive(TYPE_U128);
    case C_I128: return type_primitive(TYPE_I128);
    case C_U256: return type_primitive(TYPE_U256);
    case C_STRING: return type_primitive(TYPE_STRING);
    case C_BYTES: return bytes;
    case C_U16S: return u16s;
    case C_OPTION_U8: return type_option(arena, type_primitive(TYPE_U8));
    case C_OPTION_U32: return type_option(arena, type_primitive(TYPE_U32));
    case C_OPTION_U16S: return type_option(arena, u16s);
    case C_OPTION_STRING: return type_option(arena, type_primitive(TYPE_STRING));
    case C_OPTION_BYTES: return type_option(arena, bytes);
    case C_INDEX_ALGORITHM: {
        TypeField fields[] = {FIELD("Unused", type_primitive(TYPE_U128)), FIELD("BTree", u16s),
                              FIELD("Direct", type_primitive(TYPE_U16)), FIELD("Hash", u16s)};
        return type_sum(arena, fields, 4);
    }
    case C_CONSTRAINT_DATA: {
        TypeField fields[] = {FIELD("Unused", type_primitive(TYPE_U128)), FIELD("Unique", u16s)};
        return type_sum(arena, fields, 2);
    }
    case C_VAR_VALUE: {
        TypeField fields[] = {
            FIELD("Bool", type_primitive(TYPE_BOOL)), FIELD("I8", type_primitive(TYPE_I8)),
            FIELD("U8", type_primitive(TYPE_U8)),     FIELD("I16", type_primitive(TYPE_I16)),
            FIELD("U16", type_primitive(TYPE_U16)),   FIELD("I32", type_primitive(TYPE_I32)),
            FIELD("U32", type_primitive(TYPE_U32)),   FIELD("I64", type_primitive(TYPE_I64)),
            FIELD("U64", type_primitive(TYPE_U64)),   FIELD("I128", type_primitive(TYPE_I128)),
            FIELD("U128", type_primitive(TYPE_U128)), FIELD("F32", type_primitive(TYPE_F32)),
            FIELD("F64", type_primitive(TYPE_F64)),   FIELD("String", type_primitive(TYPE_STRING)),
        };
        return type_sum(arena, fields, 14);
    }
    case C_END: break;
    }
    UNREACHABLE();
}
