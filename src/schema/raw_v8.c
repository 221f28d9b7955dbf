// raw_v8.c - RawModuleDefV8, from before 1.0, lifted the way upstream lifts it (sats.md 9.2).
//
// V8 says with flags of constraints what later versions say with indexes, unique constraints and
// sequences: what is missing is generated under V8's own names. Column lists, which repeat the row
// type, are checked against it and dropped; a difference becomes a RawProblem.
#include "base/vec.h"
#include "schema/raw_reader.h"

VEC(RawIndexVec, raw_index_vec, RawIndex)
VEC(RawConstraintVec, raw_constraint_vec, RawConstraint)
VEC(RawSequenceVec, raw_sequence_vec, RawSequence)
VEC(RawScheduleVec, raw_schedule_vec, RawSchedule)
VEC(RawProblemVec, raw_problem_vec, RawProblem)

// Flags of a constraint; the stronger ones hold the weaker.
#define FLAGS_INDEXED 1u
#define FLAGS_AUTO_INC 2u
#define FLAGS_UNIQUE 5u
#define FLAGS_PRIMARY_KEY 13u
#define FLAGS_ALL 15u

typedef struct V8Column {
    Bytes name;
    const Type *type;
} V8Column;

typedef struct V8Index {
    RawIndex index;
    bool is_unique;
} V8Index;

typedef struct V8Constraint {
    RawConstraint constraint;
    uint8_t flags;
} V8Constraint;

// A table as it was read, and what becomes of it.
typedef struct V8Table {
    Bytes name;
    V8Column *columns;
    uint32_t column_count;
    V8Index *indexes;
    uint32_t index_count;
    V8Constraint *constraints;
    uint32_t constraint_count;
    RawSequence *sequences;
    uint32_t sequence_count;
    Bytes scheduled;
    RawTable table;
} V8Table;

// What the whole module collects.
typedef struct V8Lift {
    RawReader *reader;
    const Typespace *typespace;
    RawScheduleVec schedules;
    RawProblemVec problems;
} V8Lift;

static void read_table(RawReader *reader, V8Table *table);
static void lift_table(V8Lift *lift, V8Table *table);
static void check_columns(V8Lift *lift, const V8Table *table);
static void check_column(V8Lift *lift, const V8Table *table, uint32_t position, const Type *row);
static void lift_indexes(V8Lift *lift, V8Table *table);
static void lift_constraints(V8Lift *lift, V8Table *table);
static void lift_constraint(V8Lift *lift, V8Table *table, const V8Constraint *constraint,
                            RawConstraintVec *constraints);
static void lift_sequences(V8Lift *lift, V8Table *table);
static void lift_schedule(V8Lift *lift, const V8Table *table);
static void read_reducers(RawReader *reader, RawModule *module);
static void read_alias(RawReader *reader, void *item);
static Bytes without_prefix(RawReader *reader, Bytes name, const char *prefix, Bytes table);
static bool ends_with(Bytes text, Bytes end);
static bool columns_equal(ColumnList a, ColumnList b);

void raw_v8_read(RawReader *reader, RawModule *ret_module) {
    ret_module->version = 8;
    ret_module->policy = CASE_VERBATIM;
    raw_read_typespace(reader, &ret_module->typespace);
    V8Lift lift = {.reader = reader, .typespace = &ret_module->typespace};
    uint32_t count = raw_read_count(reader, 35);
    RawTable *tables = ARENA_ARRAY(reader->arena, RawTable, count);
    for (uint32_t i = 0; i < count && !reader->bytes.failed; i++) {
        V8Table table = {0};
        read_table(reader, &table);
        if (!reader->bytes.failed) lift_table(&lift, &table);
        tables[i] = table.table;
    }
    ret_module->tables = tables;
    ret_module->table_count = count;
    read_reducers(reader, ret_module);
    ret_module->types = raw_read_list(reader, (RawList){sizeof(RawType), 9, read_alias},
                                      &ret_module->type_count);
    ret_module->schedules = raw_take_items(reader, lift.schedules.items,
                                           lift.schedules.count * sizeof(RawSchedule));
    ret_module->schedule_count = lift.schedules.count;
    ret_module->problems = raw_take_items(reader, lift.problems.items,
                                          lift.problems.count * sizeof(RawProblem));
    ret_module->problem_count = lift.problems.count;
    raw_schedule_vec_done(&lift.schedules);
    raw_problem_vec_done(&lift.problems);
}

static void read_column(RawReader *reader, void *item) {
    V8Column *ret_column = item;
    ret_column->name = reader_string(&reader->bytes);
    ret_column->type = raw_read_type(reader);
}

static void read_index(RawReader *reader, void *item) {
    V8Index *ret_index = item;
    ret_index->index.name = reader_string(&reader->bytes);
    ret_index->index.accessor = ret_index->index.name;
    ret_index->is_unique = raw_read_bool(reader);
    ret_index->index.kind = raw_read_tag(reader, 2, "IndexType") == 0 ? INDEX_BTREE : INDEX_HASH;
    ret_index->index.columns = raw_read_columns(reader);
}

static void read_constraint(RawReader *reader, void *item) {
    V8Constraint *ret_constraint = item;
    ret_constraint->constraint.name = reader_string(&reader->bytes);
    ret_constraint->flags = reader_u8(&reader->bytes);
    if (ret_constraint->flags > FLAGS_ALL) raw_fail(reader, "constraint with unknown flags");
    ret_constraint->constraint.columns = raw_read_columns(reader);
}

static void read_sequence(RawReader *reader, void *item) {
    RawSequence *ret_sequence = item;
    ret_sequence->name = reader_string(&reader->bytes);
    ret_sequence->column = reader_u16(&reader->bytes);
    ret_sequence->increment = raw_read_i128(reader);
    ret_sequence->has_start = raw_read_optional_i128(reader, &ret_sequence->start);
    ret_sequence->has_min = raw_read_optional_i128(reader, &ret_sequence->min);
    ret_sequence->has_max = raw_read_optional_i128(reader, &ret_sequence->max);
    (void)raw_read_i128(reader);  // allocated
}

static void read_table(RawReader *reader, V8Table *table) {
    table->name = reader_string(&reader->bytes);
    table->columns = raw_read_list(reader, (RawList){sizeof(V8Column), 5, read_column},
                                   &table->column_count);
    table->indexes = raw_read_list(reader, (RawList){sizeof(V8Index), 10, read_index},
                                   &table->index_count);
    table->constraints = raw_read_list(reader, (RawList){sizeof(V8Constraint), 9, read_constraint},
                                       &table->constraint_count);
    table->sequences = raw_read_list(reader, (RawList){sizeof(RawSequence), 41, read_sequence},
                                     &table->sequence_count);
    Bytes origin = reader_string(&reader->bytes);
    Bytes access = reader_string(&reader->bytes);
    table->scheduled = raw_read_optional_string(reader);
    table->table.name = table->name;
    table->table.product_type_ref = reader_u32(&reader->bytes);
    table->table.origin = bytes_equal_text(origin, "system") ? TABLE_SYSTEM : TABLE_USER;
    table->table.access = bytes_equal_text(access, "public") ? TABLE_PUBLIC : TABLE_PRIVATE;
    bool is_known = (bytes_equal_text(origin, "system") || bytes_equal_text(origin, "user")) &&
                    (bytes_equal_text(access, "public") || bytes_equal_text(access, "private"));
    if (!is_known) raw_fail(reader, "table with an unknown type or access");
}

static void lift_table(V8Lift *lift, V8Table *table) {
    check_columns(lift, table);
    lift_indexes(lift, table);
    lift_constraints(lift, table);
    lift_sequences(lift, table);
    lift_schedule(lift, table);
}

static void add_problem(V8Lift *lift, ErrorKind kind, ErrorFields fields) {
    if (lift->problems.count == MODULE_DEF_ERRORS_MAX) return;
    raw_problem_vec_push(&lift->problems, (RawProblem){kind, fields});
}

static Bytes type_text(RawReader *reader, const Type *type) {
    Buffer buffer;
    buffer_init(&buffer, ERROR_TEXT_MAX);
    type_write_text(&buffer, type);
    Bytes text = arena_copy(reader->arena, buffer_bytes(&buffer));
    buffer_done(&buffer);
    return text;
}

static void check_columns(V8Lift *lift, const V8Table *table) {
    uint32_t ref = table->table.product_type_ref;
    const Type *row = NULL;
    if (ref < lift->typespace->count && lift->typespace->types[ref]->kind == TYPE_PRODUCT) {
        Error ignored;
        const Type *type = lift->typespace->types[ref];
        if (type_resolve(lift->typespace, type, lift->reader->arena, &row, &ignored) != STATUS_OK)
            row = NULL;
    }
    if (row == NULL) {
        Bytes number = arena_format(lift->reader->arena, "%u", ref);
        add_problem(lift, ERROR_PRODUCT_TYPE_REF, (ErrorFields){{table->name, number}});
        return;
    }
    for (uint32_t i = 0; i < table->column_count; i++) check_column(lift, table, i, row);
}

static void check_column(V8Lift *lift, const V8Table *table, uint32_t position, const Type *row) {
    RawReader *reader = lift->reader;
    const V8Column *column = &table->columns[position];
    const Type *type = column->type;
    Error ignored;
    if (position < row->field_count &&
        type_resolve(lift->typespace, column->type, reader->arena, &type, &ignored) == STATUS_OK) {
        const TypeField *field = &row->fields[position];
        bool has_name = field->name.data != NULL && bytes_equal(field->name, column->name);
        if (has_name && type_equal(field->type, type)) return;
    }
    Bytes label = arena_format(reader->arena, "table `%.*s` column `%.*s`",
                               BYTES_FORMAT(table->name), BYTES_FORMAT(column->name));
    Bytes number = arena_format(reader->arena, "%u", position);
    ErrorFields fields = {{label, type_text(reader, type), number, type_text(reader, row)}};
    add_problem(lift, ERROR_COLUMN_MALFORMED, fields);
}

// The given ones, and one for each indexed constraint unless there is one of that name.
static void lift_indexes(V8Lift *lift, V8Table *table) {
    RawReader *reader = lift->reader;
    RawIndexVec indexes = {0};
    for (uint32_t i = 0; i < table->index_count; i++)
        raw_index_vec_push(&indexes, table->indexes[i].index);
    for (uint32_t i = 0; i < table->constraint_count; i++) {
        const V8Constraint *constraint = &table->constraints[i];
        if ((constraint->flags & FLAGS_INDEXED) == 0) continue;
        bool is_unique = (constraint->flags & FLAGS_UNIQUE) == FLAGS_UNIQUE;
        Bytes kind = is_unique ? BYTES_LITERAL("unique") : BYTES_LITERAL("non_unique");
        Bytes name = without_prefix(reader, constraint->constraint.name, "ct_", table->name);
        name = ends_with(name, kind)
                   ? arena_format(reader->arena, "idx_%.*s_%.*s", BYTES_FORMAT(table->name),
                                  BYTES_FORMAT(name))
                   : arena_format(reader->arena, "idx_%.*s_%.*s_%.*s", BYTES_FORMAT(table->name),
                                  BYTES_FORMAT(name), BYTES_FORMAT(kind));
        bool is_there = false;
        for (uint32_t k = 0; k < table->index_count; k++)
            is_there |= bytes_equal(indexes.items[k].name, name);
        if (is_there) continue;
        RawIndex index = {name, name, INDEX_BTREE, constraint->constraint.columns};
        raw_index_vec_push(&indexes, index);
    }
    table->table.indexes = raw_take_items(reader, indexes.items, indexes.count * sizeof(RawIndex));
    table->table.index_count = indexes.count;
    raw_index_vec_done(&indexes);
}

static Bytes columns_text(RawReader *reader, const V8Table *table, ColumnList columns) {
    Buffer buffer;
    buffer_init(&buffer, MODULE_DEF_BYTES_MAX);
    for (uint32_t i = 0; i < columns.count; i++) {
        if (columns.items[i] >= table->column_count) continue;
        if (buffer.count > 0) buffer_u8(&buffer, '_');
        buffer_append_bytes(&buffer, table->columns[columns.items[i]].name);
    }
    Bytes text = arena_copy(reader->arena, buffer_bytes(&buffer));
    buffer_done(&buffer);
    return text;
}

// The unique ones of the given constraints, and one for each unique index whose columns no
// constraint mentions.
static void lift_constraints(V8Lift *lift, V8Table *table) {
    RawReader *reader = lift->reader;
    RawConstraintVec constraints = {0};
    for (uint32_t i = 0; i < table->constraint_count; i++) {
        lift_constraint(lift, table, &table->constraints[i], &constraints);
    }
    for (uint32_t i = 0; i < table->index_count; i++) {
        const V8Index *index = &table->indexes[i];
        bool is_constrained = !index->is_unique;
        for (uint32_t k = 0; k < table->constraint_count; k++) {
            const V8Constraint *constraint = &table->constraints[k];
            is_constrained |= constraint->flags != 0 &&
                              columns_equal(constraint->constraint.columns, index->index.columns);
        }
        if (is_constrained) continue;
        Bytes columns = columns_text(reader, table, index->index.columns);
        Bytes stem = without_prefix(reader, columns, "idx_", table->name);
        const char *kind = ends_with(stem, BYTES_LITERAL("unique")) ? "" : "_unique";
        Bytes name = arena_format(reader->arena, "ct_%.*s_%.*s%s", BYTES_FORMAT(table->name),
                                  BYTES_FORMAT(stem), kind);
        raw_constraint_vec_push(&constraints, (RawConstraint){name, index->index.columns});
    }
    table->table.constraints = raw_take_items(reader, constraints.items,
                                              constraints.count * sizeof(RawConstraint));
    table->table.constraint_count = constraints.count;
    raw_constraint_vec_done(&constraints);
}

// The primary key is the one constraint that says so, of one column.
static void lift_constraint(V8Lift *lift, V8Table *table, const V8Constraint *constraint,
                            RawConstraintVec *constraints) {
    if ((constraint->flags & FLAGS_PRIMARY_KEY) == FLAGS_PRIMARY_KEY) {
        bool is_repeated = constraint->constraint.columns.count != 1 ||
                           table->table.primary_key.count > 0;
        if (is_repeated)
            add_problem(lift, ERROR_REPEATED_PRIMARY_KEY, (ErrorFields){{table->name}});
        if (constraint->constraint.columns.count == 1)
            table->table.primary_key = constraint->constraint.columns;
    }
    if ((constraint->flags & FLAGS_UNIQUE) == FLAGS_UNIQUE) {
        raw_constraint_vec_push(constraints, constraint->constraint);
    }
}

static void lift_sequences(V8Lift *lift, V8Table *table) {
    RawReader *reader = lift->reader;
    RawSequenceVec sequences = {0};
    for (uint32_t i = 0; i < table->sequence_count; i++)
        raw_sequence_vec_push(&sequences, table->sequences[i]);
    for (uint32_t i = 0; i < table->constraint_count; i++) {
        const V8Constraint *constraint = &table->constraints[i];
        ColumnList columns = constraint->constraint.columns;
        if ((constraint->flags & FLAGS_AUTO_INC) == 0 || columns.count == 0) continue;
        Bytes stem = without_prefix(reader, constraint->constraint.name, "ct_", table->name);
        Bytes name = arena_format(reader->arena, "seq_%.*s_%.*s", BYTES_FORMAT(table->name),
                                  BYTES_FORMAT(stem));
        bool is_there = false;
        for (uint32_t k = 0; k < table->sequence_count; k++) {
            is_there |= (columns.count == 1 && table->sequences[k].column == columns.items[0]) ||
                        bytes_equal(table->sequences[k].name, name);
        }
        if (is_there) continue;
        raw_sequence_vec_push(
            &sequences, (RawSequence){.name = name, .column = columns.items[0], .increment = 1});
    }
    table->table.sequences = raw_take_items(reader, sequences.items,
                                            sequences.count * sizeof(RawSequence));
    table->table.sequence_count = sequences.count;
    raw_sequence_vec_done(&sequences);
}

static void lift_schedule(V8Lift *lift, const V8Table *table) {
    if (table->scheduled.data == NULL) return;
    for (uint32_t i = 0; i < table->column_count && i <= UINT16_MAX; i++) {
        if (!bytes_equal_text(table->columns[i].name, "scheduled_at")) continue;
        RawSchedule schedule = {BYTES_NONE, table->name, (uint16_t)i, table->scheduled};
        raw_schedule_vec_push(&lift->schedules, schedule);
        return;
    }
}

// Lifecycle reducers are known by their names.
static void read_reducers(RawReader *reader, RawModule *module) {
    static const char *const LIFECYCLES[LIFECYCLE_COUNT] = {"__init__", "__identity_connected__",
                                                            "__identity_disconnected__"};
    uint32_t count = raw_read_count(reader, 8);
    RawFunction *reducers = ARENA_ARRAY(reader->arena, RawFunction, count);
    RawLifecycle *lifecycles = ARENA_ARRAY(reader->arena, RawLifecycle, count);
    for (uint32_t i = 0; i < count && !reader->bytes.failed; i++) {
        reducers[i].name = reader_string(&reader->bytes);
        reducers[i].params = raw_read_product(reader);
        reducers[i].return_type = type_unit();
        reducers[i].error_type = type_primitive(TYPE_STRING);
        for (uint32_t event = 0; event < LIFECYCLE_COUNT; event++) {
            if (!bytes_equal_text(reducers[i].name, LIFECYCLES[event])) continue;
            lifecycles[module->lifecycle_count++] = (RawLifecycle){(Lifecycle)event,
                                                                   reducers[i].name};
        }
    }
    module->reducers = reducers;
    module->reducer_count = count;
    module->lifecycles = lifecycles;
}

// "a::b.c" is the type c in the scope a, b.
static void read_alias(RawReader *reader, void *item) {
    RawType *ret_type = item;
    (void)raw_read_tag(reader, 1, "MiscModuleExport");
    Bytes name = reader_string(&reader->bytes);
    ret_type->ref = reader_u32(&reader->bytes);
    ret_type->custom_ordering = true;
    Bytes *scope = ARENA_ARRAY(reader->arena, Bytes, name.count + 1u);
    uint32_t start = 0;
    for (uint32_t i = 0; i < name.count; i++) {
        bool is_colons = name.data[i] == ':' && i + 1 < name.count && name.data[i + 1] == ':';
        if (!is_colons && name.data[i] != '.') continue;
        scope[ret_type->scope_count++] = bytes_slice(name, start, i - start);
        i += is_colons;
        start = i + 1;
    }
    ret_type->name = bytes_slice(name, start, name.count - start);
    ret_type->scope = scope;
}

// Takes "PREFIXtable_" off, as often as it is there.
static Bytes without_prefix(RawReader *reader, Bytes name, const char *prefix, Bytes table) {
    Bytes start = arena_format(reader->arena, "%s%.*s_", prefix, BYTES_FORMAT(table));
    while (name.count >= start.count && memcmp(name.data, start.data, start.count) == 0) {
        name = bytes_slice(name, start.count, name.count - start.count);
    }
    return name;
}

static bool ends_with(Bytes text, Bytes end) {
    return text.count >= end.count &&
           memcmp(text.data + text.count - end.count, end.data, end.count) == 0;
}

static bool columns_equal(ColumnList a, ColumnList b) {
    return a.count == b.count &&
           (a.count == 0 || memcmp(a.items, b.items, a.count * sizeof(uint16_t)) == 0);
}
