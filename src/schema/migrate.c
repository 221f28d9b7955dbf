// migrate.c - the plan from one definition to the next (http-api.md 8.1, 8.4).
//
// Tables and views are matched by canonical name, what hangs on a table by its name within that
// table. Functions, types and lifecycles are not compared. Steps are collected in any order and
// sorted by the order of application.
#include "schema/migrate.h"

#include "base/vec.h"

#include <stdlib.h>

VEC(MigrationStepVec, migration_step_vec, MigrationStep)

// Where things stand within one table, by name.
typedef struct TableNames {
    BytesMap columns, indexes, constraints, sequences;
} TableNames;

typedef struct Planner {
    const ModuleDef *from;
    const ModuleDef *to;
    Arena *arena;
    TableNames from_names, to_names;  // of the tables being compared
    MigrationStepVec steps;
    MigrationErrors errors;
    bool breaks_clients;
} Planner;

// What happened to the columns of one table.
typedef struct ColumnChanges {
    bool types_changed, columns_added, event_changed;
} ColumnChanges;

static void plan_views(Planner *planner);
static void plan_view(Planner *planner, const ViewDef *from, const ViewDef *to);
static bool view_columns_equal(const ViewDef *from, const ViewDef *to);
static bool view_params_equal(Planner *planner, const ViewDef *from, const ViewDef *to);
static void plan_tables(Planner *planner);
static void plan_table(Planner *planner, const TableSchema *from, const TableSchema *to);
static void plan_schedule(Planner *planner, const TableSchema *from, const TableSchema *to);
static bool schedules_equal(Planner *planner, const TableSchema *from, const TableSchema *to);
static void plan_columns(Planner *planner, const TableSchema *from, const TableSchema *to);
static void plan_column(Planner *planner, const TableSchema *from, const TableSchema *to,
                        uint16_t column, ColumnChanges *changes);
static void plan_added_columns(Planner *planner, const TableSchema *from, const TableSchema *to,
                               ColumnChanges *changes);
static void plan_indexes(Planner *planner, const TableSchema *from, const TableSchema *to);
static void plan_index(Planner *planner, const TableSchema *table, const IndexSchema *from,
                       const IndexSchema *to);
static void plan_constraints(Planner *planner, const TableSchema *from, const TableSchema *to);
static void plan_sequences(Planner *planner, const TableSchema *from, const TableSchema *to);
static void plan_row_level_security(Planner *planner);
static void add_step(Planner *planner, MigrationStepKind kind, Bytes table, Bytes object);
static void add_alias_step(Planner *planner, MigrationAlias alias, Bytes table, Bytes object);
static void table_names_init(TableNames *names, const TableSchema *table);
static void table_names_done(TableNames *names);
static bool columns_equal(ColumnList a, ColumnList b);
static bool names_equal(Bytes a, Bytes b);
static int step_compare(const void *left, const void *right);

Status migration_plan(const ModuleDef *from, const ModuleDef *to, Arena *arena,
                      MigrationPlan *ret_plan, Error *error) {
    Planner planner = {.from = from, .to = to, .arena = arena};
    buffer_init(&planner.errors.text, (size_t)ERROR_TEXT_MAX * 16);
    buffer_append_text(&planner.errors.text, "Errors occurred:\n");
    plan_views(&planner);
    plan_tables(&planner);
    plan_row_level_security(&planner);
    Status status = STATUS_OK;
    if (planner.errors.count > 0) {
        status = error_set(error, STATUS_CONFLICT, "%.*s",
                           BYTES_FORMAT(buffer_bytes(&planner.errors.text)));
    } else {
        uint32_t count = planner.steps.count;
        MigrationStep *steps = ARENA_ARRAY(arena, MigrationStep, count);
        if (count > 0) memcpy(steps, planner.steps.items, count * sizeof(MigrationStep));
        qsort(steps, count, sizeof(MigrationStep), step_compare);
        *ret_plan = (MigrationPlan){steps, count, planner.breaks_clients};
    }
    buffer_done(&planner.errors.text);
    migration_step_vec_done(&planner.steps);
    return status;
}

Buffer *migration_errors_add(MigrationErrors *errors) {
    errors->count++;
    return &errors->text;
}

const ModulePart *module_def_part(const ModuleDef *def, Bytes qualified_name) {
    Bytes path = name_path(qualified_name);
    const ModulePart *part = def->raw->root;
    while (part->path.count < path.count) {
        const ModulePart *next = NULL;
        for (uint32_t i = 0; i < part->submodule_count; i++) {
            Bytes below = part->submodules[i]->path;
            bool leads_there = below.count <= path.count &&
                               memcmp(below.data, path.data, below.count) == 0 &&
                               (below.count == path.count || path.data[below.count] == '.');
            if (leads_there) next = part->submodules[i];
        }
        ASSERT(next != NULL);  // the name is one of the definition's
        part = next;
    }
    return part;
}

static void plan_views(Planner *planner) {
    const ModuleDef *from = planner->from;
    const ModuleDef *to = planner->to;
    for (uint32_t i = 0; i < from->view_count; i++) {
        const ViewDef *next = module_def_find_view(to, from->views[i].name);
        if (next != NULL) {
            plan_view(planner, &from->views[i], next);
        } else {
            add_step(planner, MIGRATE_REMOVE_VIEW, from->views[i].name, BYTES_NONE);
            planner->breaks_clients = true;
        }
    }
    for (uint32_t i = 0; i < to->view_count; i++) {
        if (module_def_find_view(from, to->views[i].name) != NULL) continue;
        add_step(planner, MIGRATE_ADD_VIEW, to->views[i].name, BYTES_NONE);
    }
}

static void plan_view(Planner *planner, const ViewDef *from, const ViewDef *to) {
    if (from->is_public != to->is_public)
        add_step(planner, MIGRATE_CHANGE_ACCESS, to->name, BYTES_NONE);
    bool is_compatible = from->is_anonymous == to->is_anonymous &&
                         from->primary_key == to->primary_key && view_columns_equal(from, to) &&
                         view_params_equal(planner, from, to);
    if (is_compatible) {
        add_step(planner, MIGRATE_UPDATE_VIEW, to->name, BYTES_NONE);
        return;
    }
    add_step(planner, MIGRATE_REMOVE_VIEW, from->name, BYTES_NONE);
    add_step(planner, MIGRATE_ADD_VIEW, to->name, BYTES_NONE);
    planner->breaks_clients = true;
}

static bool view_columns_equal(const ViewDef *from, const ViewDef *to) {
    if (from->column_count != to->column_count) return false;
    for (uint32_t i = 0; i < from->column_count; i++) {
        if (!bytes_equal(from->columns[i].name, to->columns[i].name)) return false;
        if (!type_equal(from->columns[i].type, to->columns[i].type)) return false;
    }
    return true;
}

static bool view_params_equal(Planner *planner, const ViewDef *from, const ViewDef *to) {
    const Type *from_params = from->canonical_params;
    const Type *to_params = to->canonical_params;
    if (from_params->field_count != to_params->field_count) return false;
    for (uint32_t i = 0; i < from_params->field_count; i++) {
        if (!names_equal(from_params->fields[i].name, to_params->fields[i].name)) return false;
        const Type *before = from_params->fields[i].type;
        const Type *after = to_params->fields[i].type;
        // A recursive type cannot be written out; it is compared as it stands.
        Error ignored;
        const Type *before_whole = NULL;
        const Type *after_whole = NULL;
        bool is_whole = type_resolve(from->typespace, before, planner->arena, &before_whole,
                                     &ignored) == STATUS_OK &&
                        type_resolve(to->typespace, after, planner->arena, &after_whole,
                                     &ignored) == STATUS_OK;
        if (!(is_whole ? type_equal(before_whole, after_whole) : type_equal(before, after)))
            return false;
    }
    return true;
}

static void plan_tables(Planner *planner) {
    const ModuleDef *from = planner->from;
    const ModuleDef *to = planner->to;
    for (uint32_t i = 0; i < from->table_count; i++) {
        const TableSchema *next = module_def_find_table(to, from->tables[i].name);
        if (next != NULL) {
            plan_table(planner, &from->tables[i], next);
        } else {
            add_step(planner, MIGRATE_REMOVE_TABLE, from->tables[i].name, BYTES_NONE);
            planner->breaks_clients = true;
        }
    }
    for (uint32_t i = 0; i < to->table_count; i++) {
        if (module_def_find_table(from, to->tables[i].name) != NULL) continue;
        add_step(planner, MIGRATE_ADD_TABLE, to->tables[i].name, BYTES_NONE);
    }
}

static void plan_table(Planner *planner, const TableSchema *from, const TableSchema *to) {
    if (from->origin != to->origin) {
        static const char *const NAMES[] = {[TABLE_SYSTEM] = "System", [TABLE_USER] = "User"};
        buffer_append_format(
            migration_errors_add(&planner->errors),
            "Changing the table type of table %.*s from %s to %s requires a manual migration\n\n",
            BYTES_FORMAT(from->name), NAMES[from->origin], NAMES[to->origin]);
    }
    if (from->is_event != to->is_event) {
        buffer_append_format(
            migration_errors_add(&planner->errors),
            "Changing the event flag of table %.*s requires a manual migration\n\n",
            BYTES_FORMAT(from->name));
    }
    if (from->access != to->access) add_step(planner, MIGRATE_CHANGE_ACCESS, to->name, BYTES_NONE);
    if (from->primary_key != to->primary_key)
        add_step(planner, MIGRATE_CHANGE_PRIMARY_KEY, to->name, BYTES_NONE);
    if (!bytes_equal(from->accessor, to->accessor)) {
        add_alias_step(planner, ALIAS_OF_TABLE, to->name, BYTES_NONE);
    }
    plan_schedule(planner, from, to);
    table_names_init(&planner->from_names, from);
    table_names_init(&planner->to_names, to);
    plan_columns(planner, from, to);
    plan_indexes(planner, from, to);
    plan_constraints(planner, from, to);
    plan_sequences(planner, from, to);
    table_names_done(&planner->from_names);
    table_names_done(&planner->to_names);
}

static void plan_schedule(Planner *planner, const TableSchema *from, const TableSchema *to) {
    if (schedules_equal(planner, from, to)) return;
    if (from->has_schedule)
        add_step(planner, MIGRATE_REMOVE_SCHEDULE, from->name, from->schedule.name);
    if (to->has_schedule) add_step(planner, MIGRATE_ADD_SCHEDULE, to->name, to->schedule.name);
}

static bool schedules_equal(Planner *planner, const TableSchema *from, const TableSchema *to) {
    if (from->has_schedule != to->has_schedule) return false;
    if (!from->has_schedule) return true;
    bool was_reducer = module_def_find_reducer(planner->from, from->schedule.function) != NULL;
    bool is_reducer = module_def_find_reducer(planner->to, to->schedule.function) != NULL;
    return bytes_equal(from->schedule.name, to->schedule.name) &&
           bytes_equal(from->schedule.function, to->schedule.function) &&
           was_reducer == is_reducer && from->schedule.at_column == to->schedule.at_column &&
           from->primary_key == to->primary_key;
}

// Only the strongest change of a table becomes a step. Event tables hold no rows: there every
// change is one.
static void plan_columns(Planner *planner, const TableSchema *from, const TableSchema *to) {
    ColumnChanges changes = {0};
    for (uint16_t i = 0; i < from->column_count; i++) plan_column(planner, from, to, i, &changes);
    plan_added_columns(planner, from, to, &changes);
    if (changes.event_changed || changes.columns_added) planner->breaks_clients = true;
    if (changes.event_changed) {
        add_step(planner, MIGRATE_CHANGE_EVENT_TABLE, to->name, BYTES_NONE);
    } else if (changes.columns_added) {
        add_step(planner, MIGRATE_ADD_COLUMNS, to->name, BYTES_NONE);
    } else if (changes.types_changed) {
        add_step(planner, MIGRATE_CHANGE_COLUMNS, to->name, BYTES_NONE);
    }
}

static void plan_column(Planner *planner, const TableSchema *from, const TableSchema *to,
                        uint16_t column, ColumnChanges *changes) {
    const ColumnSchema *before = &from->columns[column];
    const ColumnSchema *after = bytes_map_find(&planner->to_names.columns, before->name);
    if (after == NULL) {
        changes->event_changed |= from->is_event;
        if (from->is_event) return;
        buffer_append_format(
            migration_errors_add(&planner->errors),
            "Removing a column %.*s from table %.*s requires a manual migration\n\n",
            BYTES_FORMAT(before->name), BYTES_FORMAT(from->name));
        return;
    }
    ptrdiff_t position = after - to->columns;
    if (!names_equal(before->accessor, after->accessor)) {
        add_alias_step(planner, ALIAS_OF_COLUMN, to->name, after->name);
    }
    if (from->is_event) {
        changes->event_changed |= position != column || !type_equal(before->type, after->type);
        return;
    }
    if (position != column) {
        buffer_append_format(migration_errors_add(&planner->errors),
                             "Reordering table %.*s requires a manual migration\n\n",
                             BYTES_FORMAT(from->name));
    }
    TypeChange change = migration_compare_types(&planner->errors, from->name, before, after);
    changes->types_changed |= change == TYPE_UPGRADED;
}

static void plan_added_columns(Planner *planner, const TableSchema *from, const TableSchema *to,
                               ColumnChanges *changes) {
    for (uint32_t i = 0; i < to->column_count; i++) {
        if (bytes_map_find(&planner->from_names.columns, to->columns[i].name) != NULL) continue;
        if (from->is_event) {
            changes->event_changed = true;
        } else if (to->columns[i].default_value.data != NULL) {
            changes->columns_added = true;
        } else {
            buffer_append_format(
                migration_errors_add(&planner->errors),
                "Adding a column %.*s to table %.*s requires a default value annotation\n\n",
                BYTES_FORMAT(to->columns[i].name), BYTES_FORMAT(to->name));
        }
    }
}

static void plan_indexes(Planner *planner, const TableSchema *from, const TableSchema *to) {
    for (uint32_t i = 0; i < from->index_count; i++) {
        const IndexSchema *next = bytes_map_find(&planner->to_names.indexes, from->indexes[i].name);
        if (next != NULL) {
            plan_index(planner, to, &from->indexes[i], next);
        } else {
            add_step(planner, MIGRATE_REMOVE_INDEX, from->name, from->indexes[i].name);
        }
    }
    for (uint32_t i = 0; i < to->index_count; i++) {
        if (bytes_map_find(&planner->from_names.indexes, to->indexes[i].name) != NULL) continue;
        add_step(planner, MIGRATE_ADD_INDEX, to->name, to->indexes[i].name);
    }
}

static void write_optional(Buffer *buffer, Bytes name) {
    if (name.data == NULL) {
        buffer_append_text(buffer, "None");
    } else {
        buffer_append_format(buffer, "Some(\"%.*s\")", BYTES_FORMAT(name));
    }
}

static void plan_index(Planner *planner, const TableSchema *table, const IndexSchema *from,
                       const IndexSchema *to) {
    if (!names_equal(from->codegen_name, to->codegen_name)) {
        Buffer *text = migration_errors_add(&planner->errors);
        buffer_append_format(text, "Changing the accessor name on index %.*s from ",
                             BYTES_FORMAT(from->name));
        write_optional(text, from->codegen_name);
        buffer_append_text(text, " to ");
        write_optional(text, to->codegen_name);
        buffer_append_text(text, " requires a manual migration\n\n");
    } else if (from->kind != to->kind || !columns_equal(from->columns, to->columns)) {
        add_step(planner, MIGRATE_REMOVE_INDEX, table->name, from->name);
        add_step(planner, MIGRATE_ADD_INDEX, table->name, to->name);
    } else if (!names_equal(from->accessor, to->accessor)) {
        add_alias_step(planner, ALIAS_OF_INDEX, table->name, to->name);
    }
}

static void plan_constraints(Planner *planner, const TableSchema *from, const TableSchema *to) {
    for (uint32_t i = 0; i < from->constraint_count; i++) {
        const ConstraintSchema *before = &from->constraints[i];
        const ConstraintSchema *after = bytes_map_find(&planner->to_names.constraints,
                                                       before->name);
        if (after == NULL) {
            add_step(planner, MIGRATE_REMOVE_CONSTRAINT, from->name, before->name);
        } else if (!columns_equal(before->columns, after->columns)) {
            buffer_append_format(
                migration_errors_add(&planner->errors),
                "Changing a unique constraint %.*s requires a manual migration\n\n",
                BYTES_FORMAT(before->name));
        }
    }
    for (uint32_t i = 0; i < to->constraint_count; i++) {
        if (bytes_map_find(&planner->from_names.constraints, to->constraints[i].name) != NULL)
            continue;
        add_step(planner, MIGRATE_ADD_CONSTRAINT, to->name, to->constraints[i].name);
    }
}

// All sequences run alike (since-2.8.md 1.2): only the column can differ.
static void plan_sequences(Planner *planner, const TableSchema *from, const TableSchema *to) {
    for (uint32_t i = 0; i < from->sequence_count; i++) {
        const SequenceSchema *after = bytes_map_find(&planner->to_names.sequences,
                                                     from->sequences[i].name);
        if (after != NULL && after->column == from->sequences[i].column) continue;
        add_step(planner, MIGRATE_REMOVE_SEQUENCE, from->name, from->sequences[i].name);
    }
    for (uint32_t i = 0; i < to->sequence_count; i++) {
        const SequenceSchema *before = bytes_map_find(&planner->from_names.sequences,
                                                      to->sequences[i].name);
        if (before != NULL && before->column == to->sequences[i].column) continue;
        add_step(planner, MIGRATE_ADD_SEQUENCE, to->name, to->sequences[i].name);
    }
}

// Every rule goes and comes: an unchanged one cancels out in the transaction.
static void plan_row_level_security(Planner *planner) {
    const ModuleDef *from = planner->from;
    const ModuleDef *to = planner->to;
    BytesMap before;
    bytes_map_init(&before);
    for (uint32_t i = 0; i < from->row_level_security_count; i++) {
        add_step(planner, MIGRATE_REMOVE_RLS, BYTES_LITERAL(""), from->row_level_security[i]);
        (void)bytes_map_set(&before, from->row_level_security[i], planner);
    }
    for (uint32_t i = 0; i < to->row_level_security_count; i++) {
        add_step(planner, MIGRATE_ADD_RLS, BYTES_LITERAL(""), to->row_level_security[i]);
        // What is left afterwards is not among the new ones.
        if (bytes_map_remove(&before, to->row_level_security[i]) == NULL)
            planner->breaks_clients = true;
    }
    if (before.count > 0) planner->breaks_clients = true;
    bytes_map_done(&before);
}

static void add_step(Planner *planner, MigrationStepKind kind, Bytes table, Bytes object) {
    migration_step_vec_push(&planner->steps,
                            (MigrationStep){.kind = kind, .table = table, .object = object});
}

static void add_alias_step(Planner *planner, MigrationAlias alias, Bytes table, Bytes object) {
    MigrationStep step = {
        .kind = MIGRATE_CHANGE_ACCESSOR, .alias = alias, .table = table, .object = object};
    migration_step_vec_push(&planner->steps, step);
}

static void table_names_init(TableNames *names, const TableSchema *table) {
    bytes_map_init(&names->columns);
    bytes_map_init(&names->indexes);
    bytes_map_init(&names->constraints);
    bytes_map_init(&names->sequences);
    for (uint32_t i = 0; i < table->column_count; i++) {
        const ColumnSchema *column = &table->columns[i];
        (void)bytes_map_set(&names->columns, column->name, (void *)(uintptr_t)column);
    }
    for (uint32_t i = 0; i < table->index_count; i++) {
        const IndexSchema *index = &table->indexes[i];
        (void)bytes_map_set(&names->indexes, index->name, (void *)(uintptr_t)index);
    }
    for (uint32_t i = 0; i < table->constraint_count; i++) {
        const ConstraintSchema *constraint = &table->constraints[i];
        (void)bytes_map_set(&names->constraints, constraint->name, (void *)(uintptr_t)constraint);
    }
    for (uint32_t i = 0; i < table->sequence_count; i++) {
        const SequenceSchema *sequence = &table->sequences[i];
        (void)bytes_map_set(&names->sequences, sequence->name, (void *)(uintptr_t)sequence);
    }
}

static void table_names_done(TableNames *names) {
    bytes_map_done(&names->columns);
    bytes_map_done(&names->indexes);
    bytes_map_done(&names->constraints);
    bytes_map_done(&names->sequences);
}

static bool columns_equal(ColumnList a, ColumnList b) {
    return a.count == b.count &&
           (a.count == 0 || memcmp(a.items, b.items, a.count * sizeof(uint16_t)) == 0);
}

static bool names_equal(Bytes a, Bytes b) {
    return (a.data == NULL) == (b.data == NULL) && bytes_equal(a, b);
}

// The order of application: what goes, what changes, what comes.
static int step_rank(const MigrationStep *step) {
    static const uint8_t RANKS[] = {
        [MIGRATE_REMOVE_INDEX] = 0,       [MIGRATE_REMOVE_CONSTRAINT] = 1,
        [MIGRATE_REMOVE_SEQUENCE] = 2,    [MIGRATE_REMOVE_SCHEDULE] = 3,
        [MIGRATE_REMOVE_VIEW] = 4,        [MIGRATE_REMOVE_RLS] = 5,
        [MIGRATE_REMOVE_TABLE] = 6,       [MIGRATE_CHANGE_COLUMNS] = 7,
        [MIGRATE_CHANGE_EVENT_TABLE] = 8, [MIGRATE_ADD_COLUMNS] = 9,
        [MIGRATE_CHANGE_ACCESSOR] = 10,   [MIGRATE_ADD_TABLE] = 13,
        [MIGRATE_ADD_INDEX] = 14,         [MIGRATE_ADD_CONSTRAINT] = 15,
        [MIGRATE_ADD_SEQUENCE] = 16,      [MIGRATE_ADD_SCHEDULE] = 17,
        [MIGRATE_ADD_VIEW] = 18,          [MIGRATE_ADD_RLS] = 19,
        [MIGRATE_CHANGE_ACCESS] = 20,     [MIGRATE_CHANGE_PRIMARY_KEY] = 21,
        [MIGRATE_UPDATE_VIEW] = 22,
    };
    static const uint8_t ALIASES[] = {
        [ALIAS_OF_INDEX] = 0, [ALIAS_OF_TABLE] = 1, [ALIAS_OF_COLUMN] = 2};
    return RANKS[step->kind] + (step->kind == MIGRATE_CHANGE_ACCESSOR ? ALIASES[step->alias] : 0);
}

// Then by namespace, then by the object's name or else the table's. A column goes by its table
// first.
static int step_compare(const void *left, const void *right) {
    const MigrationStep *a = left;
    const MigrationStep *b = right;
    int order = step_rank(a) - step_rank(b);
    if (order != 0) return order;
    order = bytes_compare(name_path(a->table), name_path(b->table));
    if (order != 0) return order;
    bool is_column = a->kind == MIGRATE_CHANGE_ACCESSOR && a->alias == ALIAS_OF_COLUMN;
    if (is_column || a->object.data == NULL) order = bytes_compare(a->table, b->table);
    if (order != 0 || a->object.data == NULL) return order;
    return bytes_compare(a->object, b->object);
}
