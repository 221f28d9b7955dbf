// validate_table.c - tables: columns, keys, indexes, constraints, sequences, defaults (sats.md 11.2
// to 11.5).
#include "schema/validate.h"

#include <stdlib.h>

typedef struct TableCheck {
    Validator *v;
    const RawTable *raw;
    const Type *row;     // product with canonical names
    Bytes name;          // canonical, local
    TableSchema *table;  // being built; its names stay local until qualify_part
} TableCheck;

static bool validate_table(Validator *v, const RawTable *raw, TableSchema *table);
static bool validate_column(Validator *v, Bytes owner, const TypeField *field,
                            TypeLocation location, ColumnSchema *column);
static bool check_column_names(Validator *v, Bytes owner, const ColumnSchema *columns,
                               uint16_t count);
static void validate_indexes(TableCheck *check);
static bool validate_index(TableCheck *check, const RawIndex *raw, IndexSchema *index);
static bool validate_index_name(TableCheck *check, const RawIndex *raw, IndexSchema *index);
static bool validate_direct_index(TableCheck *check, const IndexSchema *index);
static bool validate_constraints(TableCheck *check);
static bool validate_constraint(TableCheck *check, const RawConstraint *raw,
                                ConstraintSchema *constraint);
static void validate_primary_key(TableCheck *check);
static void validate_constraint_support(TableCheck *check);
static void validate_sequences(TableCheck *check);
static void validate_sequence(TableCheck *check, const RawSequence *raw, bool *has_sequence,
                              SequenceSchema *sequence);
static void validate_sequence_options(TableCheck *check, const RawSequence *raw, Bytes name);
static bool validate_table_name(TableCheck *check);
static void validate_defaults(TableCheck *check);
static bool validate_default(Validator *v, Bytes owner, const TableSchema *table,
                             const RawDefault *raw);
static bool check_column_exists(TableCheck *check, Bytes def, uint16_t column);
static bool check_columns(TableCheck *check, Bytes def, ColumnList columns);
static ColumnList columns_sorted(Arena *arena, ColumnList columns);
static Bytes columns_key(ColumnList columns);
static Bytes column_label(TableCheck *check, uint16_t column);
static Bytes generate_name(TableCheck *check, ColumnList columns, const char *suffix);
static Bytes text_of_i128(Validator *v, __int128 value);
static void build_row_type(Validator *v, TableSchema *table);

void validate_tables(Validator *v) {
    uint32_t count = v->raw->table_count;
    uint32_t errors_before = error_count(v);
    v->part->tables = ARENA_ARRAY(v->arena, TableSchema, count);
    for (uint32_t i = 0; i < count; i++) {
        if (validate_table(v, &v->raw->tables[i], &v->part->tables[v->part->table_count]))
            v->part->table_count++;
    }
    if (error_count(v) != errors_before) return;
    for (uint32_t i = 0; i < count; i++) {
        TableSchema *table = &v->part->tables[i];
        build_row_type(v, table);
        (void)bytes_map_set(&v->tables, table->name, table);
    }
}

bool validate_columns(Validator *v, Bytes owner, uint32_t ref, const ColumnSchema **ret_columns,
                      uint16_t *ret_count) {
    const Type *source = product_at(v->source, ref);
    ASSERT(source != NULL);
    if (source->field_count > UINT16_MAX) {
        report(v, ERROR_PRODUCT_TYPE_REF, (ErrorFields){{owner, text_of_number(v, ref)}});
        return false;
    }
    ColumnSchema *columns = ARENA_ARRAY(v->arena, ColumnSchema, source->field_count);
    bool is_fine = true;
    for (uint32_t i = 0; i < source->field_count; i++) {
        TypeLocation location = {PLACE_TYPESPACE, BYTES_NONE, ref, BYTES_NONE};
        if (source->fields[i].name.data == NULL) {
            report(v, ERROR_UNNAMED_COLUMN, (ErrorFields){{owner, text_of_number(v, i)}});
            (void)validate_type_use(v, source->fields[i].type, location);
            is_fine = false;
            continue;
        }
        is_fine = validate_column(v, owner, &source->fields[i], location, &columns[i]) && is_fine;
    }
    *ret_columns = columns;
    *ret_count = (uint16_t)source->field_count;
    return is_fine && check_column_names(v, owner, columns, *ret_count);
}

void validate_loose_defaults(Validator *v) {
    for (uint32_t i = 0; i < v->raw->default_count; i++) {
        const RawDefault *raw = &v->raw->defaults[i];
        const TableSchema *table = bytes_map_find(&v->tables,
                                                  raw->table);  // V9: the name is the name
        if (table == NULL) {
            report(v, ERROR_TABLE_NOT_FOUND, (ErrorFields){{raw->table}});
        } else if (raw->column < table->column_count &&
                   table->columns[raw->column].default_value.data != NULL) {
            ErrorFields fields = {{raw->table, text_of_number(v, raw->column)}};
            report(v, ERROR_DEFAULT_REPEATED, fields);
        } else {
            (void)validate_default(v, raw->table, table, raw);
        }
    }
}

static bool validate_table(Validator *v, const RawTable *raw, TableSchema *table) {
    uint32_t errors_before = error_count(v);
    TableCheck check = {.v = v, .raw = raw, .table = table};
    check.row = product_at(v->canonical, raw->product_type_ref);
    if (check.row == NULL) {
        report(v, ERROR_PRODUCT_TYPE_REF,
               (ErrorFields){{raw->name, text_of_number(v, raw->product_type_ref)}});
        return false;
    }
    if (!resolve_name(v, EXPLICIT_TABLE, raw->name, &check.name)) return false;
    *table = (TableSchema){
        .name = check.name,
        .accessor = raw->name,
        .product_type_ref = raw->product_type_ref,
        .primary_key = COLUMN_NONE,
        .origin = raw->origin,
        .access = raw->access,
        .is_event = raw->is_event,
    };
    bool columns_fine = validate_columns(v, raw->name, raw->product_type_ref, &table->columns,
                                         &table->column_count);
    if (!columns_fine) return false;
    uint32_t errors_before_keys = error_count(v);
    validate_indexes(&check);
    if (validate_constraints(&check)) validate_primary_key(&check);
    if (error_count(v) == errors_before_keys) validate_constraint_support(&check);
    validate_sequences(&check);
    if (!validate_table_name(&check)) {
        // A second table of this name: what else is wrong with it says nothing.
        error_list_truncate(&v->run->errors, errors_before);
        report(v, ERROR_DUPLICATE_NAME, (ErrorFields){{raw->name}});
        return false;
    }
    validate_defaults(&check);
    return error_count(v) == errors_before;
}

// Upstream finds two columns of one name only when it creates the table.
static bool check_column_names(Validator *v, Bytes owner, const ColumnSchema *columns,
                               uint16_t count) {
    BytesMap names;
    bytes_map_init(&names);
    bool is_fine = true;
    for (uint16_t i = 0; i < count; i++) {
        const ColumnSchema *first = bytes_map_set(&names, columns[i].name,
                                                  (void *)(uintptr_t)&columns[i]);
        if (first == NULL) continue;
        uint16_t both[] = {(uint16_t)(first - columns), i};
        report(v, ERROR_DUPLICATE_COLUMNS,
               (ErrorFields){{owner, text_of_columns(v, (ColumnList){both, 2})}});
        is_fine = false;
    }
    bytes_map_done(&names);
    return is_fine;
}

static bool validate_column(Validator *v, Bytes owner, const TypeField *field,
                            TypeLocation location, ColumnSchema *column) {
    if (!validate_type_use(v, field->type, location)) return false;
    *column = (ColumnSchema){.name = convert_name(v, field->name), .accessor = field->name};
    if (!check_identifier(v, field->name) || !check_identifier(v, column->name)) return false;
    Bytes what = arena_format(v->scratch, "type of table `%.*s` column `%.*s`", BYTES_FORMAT(owner),
                              BYTES_FORMAT(field->name));
    uint32_t nodes = validate_type_size(v, field->type, what);
    if (nodes == 0) return false;
    v->run->column_nodes += nodes;
    if (v->run->column_nodes > MODULE_DEF_COLUMN_NODES_MAX) {
        report(v, ERROR_TYPE_TOO_LARGE, (ErrorFields){{BYTES_LITERAL("the sum of all columns")}});
        return false;
    }
    Error error;
    if (type_resolve(v->canonical, field->type, v->arena, &column->type, &error) == STATUS_OK)
        return true;
    Bytes text = arena_copy(v->scratch, bytes_of_text(error.text));
    report(v, ERROR_COLUMN_TYPE, (ErrorFields){{owner, field->name, text}});
    return false;
}

static void validate_indexes(TableCheck *check) {
    uint32_t count = check->raw->index_count;
    IndexSchema *indexes = ARENA_ARRAY(check->v->arena, IndexSchema, count);
    for (uint32_t i = 0; i < count; i++)
        (void)validate_index(check, &check->raw->indexes[i], &indexes[i]);
    check->table->indexes = indexes;
    check->table->index_count = count;
}

static bool validate_index(TableCheck *check, const RawIndex *raw, IndexSchema *index) {
    *index = (IndexSchema){
        .kind = raw->kind, .columns = raw->columns, .codegen_name = raw->accessor};
    if (!validate_index_name(check, raw, index)) return false;
    if (!check_columns(check, index->name, raw->columns)) return false;
    if (raw->kind == INDEX_DIRECT && !validate_direct_index(check, index)) return false;
    return raw->accessor.data == NULL || check_identifier(check->v, raw->accessor);
}

// V10 keeps the source name as an alias and takes an explicit or the generated name; before, a name
// is a name.
static bool validate_index_name(TableCheck *check, const RawIndex *raw, IndexSchema *index) {
    static const char *const SUFFIXES[] = {
        [INDEX_BTREE] = "_idx_btree", [INDEX_HASH] = "_idx_hash", [INDEX_DIRECT] = "_idx_direct"};
    Validator *v = check->v;
    if (v->raw->version < 10) {
        index->name = raw->name.data ? raw->name
                                     : generate_name(check, raw->columns, SUFFIXES[raw->kind]);
        index->accessor = index->name;
        return claim_name(v, index->name);
    }
    if (raw->name.data == NULL) {
        report(v, ERROR_INDEX_WITHOUT_NAME, (ErrorFields){{check->raw->name}});
        return false;
    }
    index->accessor = raw->name;
    if (!claim_name(v, raw->name)) return false;
    const RawExplicitName *explicit_name = bytes_map_find(&v->explicit_names[EXPLICIT_INDEX],
                                                          raw->name);
    index->name = explicit_name ? explicit_name->canonical
                                : generate_name(check, raw->columns, SUFFIXES[raw->kind]);
    if (!check_identifier(v, index->name)) return false;
    return bytes_equal(index->name, raw->name) || claim_name(v, index->name);
}

// Unsigned integers up to 64 bits and simple enums, these also through one Ref.
static bool validate_direct_index(TableCheck *check, const IndexSchema *index) {
    Validator *v = check->v;
    const TypeField *field = &check->row->fields[index->columns.items[0]];
    const Type *type = field->type;
    bool is_fine = type->kind == TYPE_U8 || type->kind == TYPE_U16 || type->kind == TYPE_U32 ||
                   type->kind == TYPE_U64 || type_is_simple_enum(type);
    if (type->kind == TYPE_REF && type->ref < v->canonical->count) {
        is_fine = type_is_simple_enum(v->canonical->types[type->ref]);
    }
    if (is_fine) return true;
    ErrorFields fields = {
        {index->name, column_label(check, index->columns.items[0]), text_of_type(v, type)}};
    report(v, ERROR_DIRECT_INDEX_TYPE, fields);
    return false;
}

static bool validate_constraints(TableCheck *check) {
    uint32_t count = check->raw->constraint_count;
    ConstraintSchema *constraints = ARENA_ARRAY(check->v->arena, ConstraintSchema, count);
    bool is_fine = true;
    for (uint32_t i = 0; i < count; i++) {
        is_fine = validate_constraint(check, &check->raw->constraints[i], &constraints[i]) &&
                  is_fine;
    }
    check->table->constraints = constraints;
    check->table->constraint_count = count;
    return is_fine;
}

static bool validate_constraint(TableCheck *check, const RawConstraint *raw,
                                ConstraintSchema *constraint) {
    bool is_given = check->v->raw->version < 10 && raw->name.data != NULL;
    constraint->name = is_given ? raw->name : generate_name(check, raw->columns, "_key");
    constraint->columns = columns_sorted(check->v->arena, raw->columns);
    bool columns_fine = check_columns(check, constraint->name, raw->columns);
    return claim_name(check->v, constraint->name) && columns_fine;
}

static void validate_primary_key(TableCheck *check) {
    Validator *v = check->v;
    const TableSchema *table = check->table;
    ColumnList key = check->raw->primary_key;
    if (key.count == 0) return;
    if (key.count > 1) {
        report(v, ERROR_REPEATED_PRIMARY_KEY, (ErrorFields){{check->raw->name}});
        return;
    }
    if (!check_column_exists(check, check->raw->name, key.items[0])) return;
    for (uint32_t i = 0; i < table->constraint_count; i++) {
        ColumnList columns = table->constraints[i].columns;
        if (columns.count != 1 || columns.items[0] != key.items[0]) continue;
        check->table->primary_key = key.items[0];
        return;
    }
    report(v, ERROR_PRIMARY_KEY_NOT_UNIQUE,
           (ErrorFields){{check->raw->name, column_label(check, key.items[0])}});
}

// Each unique constraint needs an index over the same set of columns, in any order.
static void validate_constraint_support(TableCheck *check) {
    Validator *v = check->v;
    const TableSchema *table = check->table;
    BytesMap indexed;
    bytes_map_init(&indexed);
    for (uint32_t i = 0; i < table->index_count; i++) {
        ColumnList columns = columns_sorted(v->scratch, table->indexes[i].columns);
        (void)bytes_map_set(&indexed, columns_key(columns), v);
    }
    for (uint32_t i = 0; i < table->constraint_count; i++) {
        const ConstraintSchema *constraint = &table->constraints[i];
        if (bytes_map_find(&indexed, columns_key(constraint->columns)) != NULL) continue;
        ErrorFields fields = {{constraint->name, text_of_columns(v, constraint->columns)}};
        report(v, ERROR_UNIQUE_WITHOUT_INDEX, fields);
    }
    bytes_map_done(&indexed);
}

static void validate_sequences(TableCheck *check) {
    uint32_t count = check->raw->sequence_count;
    SequenceSchema *sequences = ARENA_ARRAY(check->v->arena, SequenceSchema, count);
    bool *has_sequence = ARENA_ARRAY(check->v->scratch, bool, check->row->field_count);
    for (uint32_t i = 0; i < count; i++) {
        validate_sequence(check, &check->raw->sequences[i], has_sequence, &sequences[i]);
    }
    check->table->sequences = sequences;
    check->table->sequence_count = count;
}

static void validate_sequence(TableCheck *check, const RawSequence *raw, bool *has_sequence,
                              SequenceSchema *sequence) {
    Validator *v = check->v;
    ColumnList column = {&raw->column, 1};
    Bytes name = raw->name.data ? raw->name : generate_name(check, column, "_seq");
    if (check_column_exists(check, name, raw->column)) {
        const Type *type = check->row->fields[raw->column].type;
        if (!type_is_integer(type)) {
            ErrorFields fields = {
                {name, check->raw->name, column_label(check, raw->column), text_of_type(v, type)}};
            report(v, ERROR_SEQUENCE_TYPE, fields);
        } else if (has_sequence[raw->column]) {
            report(v, ERROR_ONE_AUTO_INC,
                   (ErrorFields){{check->raw->name, column_label(check, raw->column)}});
        }
        has_sequence[raw->column] = true;
    }
    validate_sequence_options(check, raw, name);
    (void)claim_name(v, name);
    *sequence = (SequenceSchema){
        .name = name,
        .column = raw->column,
        .start = 1,
        .min = 1,
        .max = (__int128)(((unsigned __int128)1 << 127) - 1),
        .increment = 1,
        .allocated = 1,  // the next value to give out
    };
}

static void validate_sequence_options(TableCheck *check, const RawSequence *raw, Bytes name) {
    Validator *v = check->v;
    const struct {
        const char *option;
        bool is_bad;
        __int128 value;
        const char *wanted;
    } options[] = {
        {"start", raw->has_start, raw->start, "None"},
        {"min_value", raw->has_min, raw->min, "None"},
        {"max_value", raw->has_max, raw->max, "None"},
        {"increment", raw->increment != 1, raw->increment, "1"},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (!options[i].is_bad) continue;
        ErrorFields fields = {{name, bytes_of_text(options[i].option),
                               text_of_i128(v, options[i].value),
                               bytes_of_text(options[i].wanted)}};
        report(v, ERROR_SEQUENCE_OPTION, fields);
    }
}

// False: the name as written is taken.
static bool validate_table_name(TableCheck *check) {
    Validator *v = check->v;
    if (bytes_map_set(&v->global_names, check->raw->name, v) != NULL) return false;
    bool is_reserved = check->name.count >= 3 && memcmp(check->name.data, "st_", 3) == 0;
    if (is_reserved && check->raw->origin != TABLE_SYSTEM) {
        report(v, ERROR_TABLE_NAME_RESERVED, (ErrorFields){{check->name}});
    } else if (!bytes_equal(check->name, check->raw->name)) {
        (void)claim_name(v, check->name);
    }
    return true;
}

// Of several for one column the last wins.
static void validate_defaults(TableCheck *check) {
    for (uint32_t i = 0; i < check->raw->default_count; i++) {
        (void)validate_default(check->v, check->raw->name, check->table, &check->raw->defaults[i]);
    }
}

static bool validate_default(Validator *v, Bytes owner, const TableSchema *table,
                             const RawDefault *raw) {
    Bytes number = text_of_number(v, raw->column);
    if (raw->column >= table->column_count) {
        report(v, ERROR_COLUMN_NOT_FOUND, (ErrorFields){{owner, owner, number}});
        return false;
    }
    // The columns are ours until the part is done.
    ColumnSchema *column = (ColumnSchema *)(uintptr_t)&table->columns[raw->column];
    Reader reader = reader_of(raw->value);
    Error error;
    if (bsatn_check(TYPESPACE_NONE, column->type, &reader, &error) != STATUS_OK) {
        Bytes text = arena_copy(v->scratch, bytes_of_text(error.text));
        report(v, ERROR_DEFAULT_MALFORMED, (ErrorFields){{owner, number, text}});
        return false;
    }
    column->default_value = bytes_slice(raw->value, 0, (uint32_t)(reader.at - raw->value.data));
    return true;
}

static bool check_column_exists(TableCheck *check, Bytes def, uint16_t column) {
    if (column < check->row->field_count) return true;
    ErrorFields fields = {{check->raw->name, def, text_of_number(check->v, column)}};
    report(check->v, ERROR_COLUMN_NOT_FOUND, fields);
    return false;
}

static bool check_columns(TableCheck *check, Bytes def, ColumnList columns) {
    bool is_fine = true;
    for (uint32_t i = 0; i < columns.count; i++) {
        is_fine = check_column_exists(check, def, columns.items[i]) && is_fine;
    }
    if (!is_fine) return false;
    ColumnList sorted = columns_sorted(check->v->scratch, columns);
    for (uint32_t i = 1; i < sorted.count; i++) {
        if (sorted.items[i - 1] != sorted.items[i]) continue;
        report(check->v, ERROR_DUPLICATE_COLUMNS,
               (ErrorFields){{def, text_of_columns(check->v, columns)}});
        return false;
    }
    return true;
}

static int column_compare(const void *left, const void *right) {
    return (int)*(const uint16_t *)left - (int)*(const uint16_t *)right;
}

static ColumnList columns_sorted(Arena *arena, ColumnList columns) {
    uint16_t *items = ARENA_ARRAY(arena, uint16_t, columns.count);
    if (columns.count > 0) memcpy(items, columns.items, columns.count * sizeof(uint16_t));
    qsort(items, columns.count, sizeof(uint16_t), column_compare);
    return (ColumnList){items, columns.count};
}

static Bytes columns_key(ColumnList columns) {
    return bytes_of(columns.items, columns.count * sizeof(uint16_t));
}

// The column's name for error texts, its number if it has none.
static Bytes column_label(TableCheck *check, uint16_t column) {
    Bytes name = column < check->row->field_count ? check->row->fields[column].name : BYTES_NONE;
    return name.data ? name : text_of_number(check->v, column);
}

// table "_" columns suffix (sats.md 12.4).
static Bytes generate_name(TableCheck *check, ColumnList columns, const char *suffix) {
    Buffer buffer;
    buffer_init(&buffer, MODULE_DEF_BYTES_MAX);
    buffer_append_bytes(&buffer, check->name);
    for (uint32_t i = 0; i < columns.count; i++) {
        uint16_t column = columns.items[i];
        Bytes name = column < check->row->field_count ? check->row->fields[column].name
                                                      : BYTES_NONE;
        buffer_u8(&buffer, '_');
        if (name.data) {
            buffer_append_bytes(&buffer, name);
        } else {
            buffer_append_format(&buffer, "col_%u", column);
        }
    }
    if (columns.count == 0) buffer_u8(&buffer, '_');
    buffer_append_text(&buffer, suffix);
    Bytes name = arena_copy(check->v->arena, buffer_bytes(&buffer));
    buffer_done(&buffer);
    return name;
}

static Bytes text_of_i128(Validator *v, __int128 value) {
    Buffer buffer;
    buffer_init(&buffer, 64);
    json_write_i128(&buffer, value);
    Bytes text = arena_copy(v->scratch, buffer_bytes(&buffer));
    buffer_done(&buffer);
    return text;
}

static void build_row_type(Validator *v, TableSchema *table) {
    TypeField *fields = ARENA_ARRAY(v->scratch, TypeField, table->column_count);
    for (uint32_t i = 0; i < table->column_count; i++) {
        fields[i] = (TypeField){table->columns[i].name, table->columns[i].type};
    }
    table->row_type = type_product(v->arena, fields, table->column_count);
}
