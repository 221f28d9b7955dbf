// change.c - the typing of statements that change rows.
//
// INSERT insists on a list of columns of the right length and then ignores the names in it: values
// go by position.

#include "sql/change.h"

#include "sql/literal.h"

// The system variables, and the tag of their type in st_var's value (sql.md 21).
static const struct {
    const char *name;
    TypeKind type;
    uint8_t tag;
} VARIABLES[] = {
    {"row_limit", TYPE_U64, 8},           {"join_tables_max", TYPE_U64, 8},  // ours, as those below
    {"join_without_index", TYPE_BOOL, 0}, {"call_seconds", TYPE_U64, 8},
    {"memory_bytes", TYPE_U64, 8},
};
#define VARIABLE_COUNT (sizeof VARIABLES / sizeof VARIABLES[0])
#define VARIABLE_BYTES_MAX (1 + sizeof(uint64_t))

static Status change_insert_row(Typing *typing, const SyntaxRow *row, Arena *arena, Bytes *ret_row);
static Status change_filter(Typing *typing, const Syntax *filter, DmlSpec *spec);
static Status change_variable_value(Typing *typing, const Syntax *literal, const Type *type,
                                    Bytes *ret_value);
static uint32_t variable_find(Bytes name);

Status change_insert(Typing *typing, const SyntaxStatement *statement, Arena *arena,
                     const Dml **ret_dml) {
    Status status = typing_add_table(typing, statement->name);
    if (status != STATUS_OK) return status;
    const TableSchema *schema = typing->tables[0].schema;
    if (statement->column_count != schema->column_count) {
        return error_set(
            typing->error, STATUS_INVALID,
            "The number of fields (%u) in the INSERT does not match the number of columns (%u) of "
            "the table `%.*s`",
            statement->column_count, schema->column_count, BYTES_FORMAT(schema->name));
    }
    const SyntaxQuery *query = statement->query;
    Bytes *rows = ARENA_ARRAY(typing->arena, Bytes, query->row_count);
    for (uint32_t i = 0; i < query->row_count && status == STATUS_OK; i++) {
        status = change_insert_row(typing, &query->rows[i], typing->arena, &rows[i]);
    }
    if (status != STATUS_OK) return status;
    DmlSpec spec = {
        .kind = DML_INSERT, .table = schema->id, .rows = rows, .row_count = query->row_count};
    *ret_dml = dml_build(typing->context->store, &spec, arena);
    return STATUS_OK;
}

static Status change_insert_row(Typing *typing, const SyntaxRow *row, Arena *arena,
                                Bytes *ret_row) {
    const TableSchema *schema = typing->tables[0].schema;
    if (row->count != schema->column_count) {
        return error_set(typing->error, STATUS_INVALID,
                         "Inserting a row with %u values into `%.*s` which has %u fields",
                         row->count, BYTES_FORMAT(schema->name), schema->column_count);
    }
    Buffer bytes;
    buffer_init(&bytes, 64 * SQL_TEXT_BYTES_MAX);
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < row->count && status == STATUS_OK; i++) {
        Bytes value = BYTES_NONE;
        status = typing_value(typing, row->values[i], schema->columns[i].type, &value);
        buffer_append_bytes(&bytes, value);
    }
    ASSERT(!bytes.failed);  // a literal of one digit becomes 32 bytes at most
    if (status == STATUS_OK) *ret_row = arena_copy(arena, buffer_bytes(&bytes));
    buffer_done(&bytes);
    return status;
}

Status change_update(Typing *typing, const SyntaxStatement *statement, Arena *arena,
                     const Dml **ret_dml) {
    Status status = typing_add_table(typing, statement->tables.items[0].name);
    if (status != STATUS_OK) return status;
    const TableSchema *schema = typing->tables[0].schema;
    DmlColumn *columns = ARENA_ARRAY(typing->arena, DmlColumn, statement->assignment_count);
    bool *is_assigned = ARENA_ARRAY(typing->arena, bool, schema->column_count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < statement->assignment_count; i++) {
        const SyntaxAssignment *assignment = &statement->assignments[i];
        uint16_t column = catalog_find_column(&typing->tables[0], assignment->name);
        if (column == COLUMN_NONE) {
            return error_set(typing->error, STATUS_INVALID, "`%.*s` does not have a field `%.*s`",
                             BYTES_FORMAT(schema->name), BYTES_FORMAT(assignment->name));
        }
        Bytes value;
        status = typing_value(typing, assignment->value, schema->columns[column].type, &value);
        if (status != STATUS_OK) return status;
        if (!is_assigned[column])
            columns[count++] = (DmlColumn){column, value};  // the first one counts
        is_assigned[column] = true;
    }
    DmlSpec spec = {
        .kind = DML_UPDATE, .table = schema->id, .columns = columns, .column_count = count};
    status = change_filter(typing, statement->filter, &spec);
    if (status == STATUS_OK) *ret_dml = dml_build(typing->context->store, &spec, arena);
    return status;
}

Status change_delete(Typing *typing, const SyntaxStatement *statement, Arena *arena,
                     const Dml **ret_dml) {
    Status status = typing_add_table(typing, statement->tables.items[0].name);
    if (status != STATUS_OK) return status;
    DmlSpec spec = {.kind = DML_DELETE, .table = typing->tables[0].schema->id};
    status = change_filter(typing, statement->filter, &spec);
    if (status == STATUS_OK) *ret_dml = dml_build(typing->context->store, &spec, arena);
    return status;
}

static Status change_filter(Typing *typing, const Syntax *filter, DmlSpec *spec) {
    Conjuncts conjuncts;
    Status status = typing_filter(typing, filter, &conjuncts);
    if (status != STATUS_OK) return status;
    spec->conjuncts = conjuncts.items;
    spec->conjunct_count = conjuncts.count;
    return STATUS_OK;
}

Status change_set(Typing *typing, const SyntaxStatement *statement, Arena *arena,
                  const Dml **ret_dml, Bytes *ret_value) {
    Status status = change_check_variable(typing, statement->name);
    if (status != STATUS_OK) return status;
    uint32_t variable = variable_find(statement->name);
    const Type *type = type_primitive(VARIABLES[variable].type);
    Bytes literal;
    status = change_variable_value(typing, statement->assignments[0].value, type, &literal);
    if (status != STATUS_OK) return status;
    uint8_t value[VARIABLE_BYTES_MAX] = {VARIABLES[variable].tag};
    uint32_t value_count = 1 + literal.count;
    ASSERT(value_count <= sizeof value);
    memcpy(value + 1, literal.data, literal.count);
    Buffer row;
    buffer_init(&row, sizeof(uint32_t) + statement->name.count + value_count);
    buffer_string(&row, statement->name);
    buffer_append(&row, value, value_count);
    Bytes bytes = buffer_bytes(&row);
    DmlSpec spec = {.kind = DML_INSERT, .table = ST_VAR, .rows = &bytes, .row_count = 1};
    *ret_dml = dml_build(typing->context->store, &spec, arena);
    *ret_value = arena_copy(arena, bytes_of(value, value_count));
    buffer_done(&row);
    return STATUS_OK;
}

// Every literal has its own type here; a number is read as the one that is wanted.
static Status change_variable_value(Typing *typing, const Syntax *literal, const Type *type,
                                    Bytes *ret_value) {
    switch (literal->kind) {
    case SYNTAX_BOOL:
        if (type->kind == TYPE_BOOL) return typing_value(typing, literal, type, ret_value);
        return typing_fail_type(typing, type, type_primitive(TYPE_BOOL));
    case SYNTAX_STRING: return typing_fail_type(typing, type, type_primitive(TYPE_STRING));
    case SYNTAX_HEX:
        return typing_fail_type(typing, type, type_array(typing->arena, type_primitive(TYPE_U8)));
    default: break;
    }
    if (literal_read(literal->text, type, typing->arena, ret_value)) return STATUS_OK;
    return typing_fail_literal(typing, literal->text, type);
}

Status change_check_rights(Typing *typing, const Dml *dml) {
    const SqlContext *context = typing->context;
    if (!context->is_owner) {
        char hex[IDENTITY_HEX_COUNT + 1];
        identity_to_hex(&context->sender, hex);
        return error_set(typing->error, STATUS_DENIED,
                         "Caller %s is not authorized to run SQL DML statements", hex);
    }
    TableId table = dml_table(dml);
    if (table == ST_ENV) {
        return error_set(typing->error, STATUS_INVALID,
                         "Database environment variables can only be changed by publishing");
    }
    const TableSchema *schema = table_schema(store_find_table(context->store, table));
    if (schema->origin == TABLE_SYSTEM && table != ST_VAR && table != ST_MODULE) {
        // Ours: upstream lets the owner damage the catalog, which the next start does not survive.
        return error_set(typing->error, STATUS_INVALID,
                         "System table `%.*s` can only be changed by publishing",
                         BYTES_FORMAT(schema->name));
    }
    if (schema->has_schedule) {
        return error_set(typing->error, STATUS_INVALID,
                         "SQL writes to scheduled tables are not supported");
    }
    if (catalog_is_outbox(context, table)) {
        return error_set(typing->error, STATUS_INVALID,
                         "SQL writes to outbox tables are not supported");
    }
    return STATUS_OK;
}

Status change_check_variable(Typing *typing, Bytes name) {
    if (variable_find(name) < VARIABLE_COUNT) return STATUS_OK;
    return error_set(typing->error, STATUS_INVALID, "%.*s is not a valid system variable",
                     BYTES_FORMAT(name));
}

// VARIABLE_COUNT if there is none of that name.
static uint32_t variable_find(Bytes name) {
    uint32_t at = 0;
    while (at < VARIABLE_COUNT && !bytes_equal_text(name, VARIABLES[at].name)) at++;
    return at;
}
