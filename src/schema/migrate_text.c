// migrate_text.c - the plan as people read it before they publish (http-api.md 8.5).
//
// A Sheet knows whether pieces are wrapped in ANSI codes; one function a kind of step, in a table.
#include "schema/migrate.h"

#include <stdlib.h>

typedef struct Sheet {
    Buffer *buffer;
    PlanStyle style;
    const ModuleDef *from;
    const ModuleDef *to;
} Sheet;

// What stands between ESC[0m and the text.
#define COLOR_TITLE "\x1b[1m\x1b[34m"
#define COLOR_CREATED "\x1b[1m\x1b[32m"
#define COLOR_REMOVED "\x1b[1m\x1b[31m"
#define COLOR_CHANGED "\x1b[1m\x1b[33m"
#define COLOR_TABLE "\x1b[1m\x1b[36m"
#define COLOR_TYPE "\x1b[35m"
#define COLOR_COLUMN "\x1b[1m\x1b[35m"
#define COLOR_ACCESS "\x1b[32m"
#define COLOR_POLICY "\x1b[34m"
#define COLOR_WARNING "\x1b[1m\x1b[41m"

#define PLAN_LINE_CHARACTERS 60u

static void write_step(const Sheet *sheet, const MigrationStep *step);
static void write_add_table(const Sheet *sheet, const MigrationStep *step);
static void write_add_view(const Sheet *sheet, const MigrationStep *step);
static void write_remove_view(const Sheet *sheet, const MigrationStep *step);
static void write_view(const Sheet *sheet, const ViewDef *view);
static void write_index(const Sheet *sheet, const MigrationStep *step);
static void write_constraint(const Sheet *sheet, const MigrationStep *step);
static void write_sequence(const Sheet *sheet, const MigrationStep *step);
static void write_schedule(const Sheet *sheet, const MigrationStep *step);
static void write_access(const Sheet *sheet, const MigrationStep *step);
static void write_primary_key(const Sheet *sheet, const MigrationStep *step);
static void write_changed_columns(const Sheet *sheet, const MigrationStep *step);
static void write_added_columns(const Sheet *sheet, const MigrationStep *step);
static void write_alias(const Sheet *sheet, const MigrationStep *step);
static void write_row_level_security(const Sheet *sheet, const MigrationStep *step);
static void write_table_name(const Sheet *sheet, const MigrationStep *step);
static void write_colored(const Sheet *sheet, const char *color, Bytes text);
static void write_type(const Sheet *sheet, const Type *type);
static void write_columns(const Sheet *sheet, const TableSchema *table, ColumnList columns);
static const char *function_kind(const ModuleDef *def, Bytes function);

typedef enum Side { SIDE_FROM, SIDE_TO } Side;

typedef struct StepText {
    const char *color, *action;  // NULL: the step is not shown by an action word
    const char *what;            // between the action and the rest
    void (*write_rest)(const Sheet *sheet, const MigrationStep *step);
    Side side;  // of the definition that holds the object
} StepText;

static const StepText STEP_TEXTS[] = {
    [MIGRATE_ADD_TABLE] = {COLOR_CREATED, "Created", " ", write_add_table, SIDE_TO},
    [MIGRATE_REMOVE_TABLE] = {COLOR_REMOVED, "Removed", " table: ", write_table_name, SIDE_FROM},
    [MIGRATE_ADD_INDEX] = {COLOR_CREATED, "Created", " index ", write_index, SIDE_TO},
    [MIGRATE_REMOVE_INDEX] = {COLOR_REMOVED, "Removed", " index ", write_index, SIDE_FROM},
    [MIGRATE_ADD_CONSTRAINT] = {COLOR_CREATED, "Created", " unique constraint ", write_constraint,
                                SIDE_TO},
    [MIGRATE_REMOVE_CONSTRAINT] = {COLOR_REMOVED, "Removed", " unique constraint ",
                                   write_constraint, SIDE_FROM},
    [MIGRATE_ADD_SEQUENCE] = {COLOR_CREATED, "Created", " auto-increment constraint ",
                              write_sequence, SIDE_TO},
    [MIGRATE_REMOVE_SEQUENCE] = {COLOR_REMOVED, "Removed", " auto-increment constraint ",
                                 write_sequence, SIDE_FROM},
    [MIGRATE_ADD_SCHEDULE] = {COLOR_CREATED, "Created", " schedule for table ", write_schedule,
                              SIDE_TO},
    [MIGRATE_REMOVE_SCHEDULE] = {COLOR_REMOVED, "Removed", " schedule for table ", write_schedule,
                                 SIDE_FROM},
    [MIGRATE_CHANGE_ACCESS] = {COLOR_CHANGED, "Changed", " access for table ", write_access,
                               SIDE_TO},
    [MIGRATE_CHANGE_PRIMARY_KEY] = {COLOR_CHANGED, "Changed", " primary key on table ",
                                    write_primary_key, SIDE_TO},
    [MIGRATE_CHANGE_COLUMNS] = {COLOR_CHANGED, "Changed", " columns for table ",
                                write_changed_columns, SIDE_TO},
    [MIGRATE_ADD_COLUMNS] = {COLOR_CREATED, "Created", " column", write_added_columns, SIDE_TO},
    [MIGRATE_CHANGE_EVENT_TABLE] = {COLOR_CHANGED, "Changed", " schema of event table ",
                                    write_table_name, SIDE_TO},
    [MIGRATE_CHANGE_ACCESSOR] = {COLOR_CHANGED, "Changed", " ", write_alias, SIDE_TO},
    [MIGRATE_ADD_VIEW] = {COLOR_CREATED, "Created", "", write_add_view, SIDE_TO},
    [MIGRATE_REMOVE_VIEW] = {COLOR_REMOVED, "Removed", "", write_remove_view, SIDE_FROM},
    [MIGRATE_UPDATE_VIEW] = {NULL, NULL, NULL, NULL, SIDE_TO},
    [MIGRATE_ADD_RLS] = {COLOR_CREATED, "Created", " row level security policy:\n",
                         write_row_level_security, SIDE_TO},
    [MIGRATE_REMOVE_RLS] = {COLOR_REMOVED, "Removed", " row level security policy:\n",
                            write_row_level_security, SIDE_FROM},
};

void migration_plan_write(const MigrationPlan *plan, const ModuleDef *from, const ModuleDef *to,
                          PlanStyle style, Buffer *buffer) {
    Sheet sheet = {buffer, style, from, to};
    for (uint32_t i = 0; i < PLAN_LINE_CHARACTERS; i++) buffer_append_text(buffer, "━");
    buffer_u8(buffer, '\n');
    write_colored(&sheet, COLOR_TITLE, BYTES_LITERAL("Database Migration Plan"));
    buffer_u8(buffer, '\n');
    for (uint32_t i = 0; i < PLAN_LINE_CHARACTERS; i++) buffer_append_text(buffer, "━");
    buffer_append_text(buffer, "\n\n");
    for (uint32_t i = 0; i < plan->step_count; i++) write_step(&sheet, &plan->steps[i]);
    if (!plan->breaks_clients) return;
    write_colored(
        &sheet, COLOR_WARNING,
        BYTES_LITERAL(
            "!!! Warning: All clients will be disconnected due to breaking schema changes"));
    buffer_u8(buffer, '\n');
}

static bool rules_contain(const ModuleDef *def, Bytes sql) {
    for (uint32_t i = 0; i < def->row_level_security_count; i++) {
        if (bytes_equal(def->row_level_security[i], sql)) return true;
    }
    return false;
}

static void write_step(const Sheet *sheet, const MigrationStep *step) {
    const StepText *text = &STEP_TEXTS[step->kind];
    if (text->action == NULL) return;
    bool is_rule = step->kind == MIGRATE_ADD_RLS || step->kind == MIGRATE_REMOVE_RLS;
    if (is_rule && rules_contain(sheet->from, step->object) &&
        rules_contain(sheet->to, step->object))
        return;
    bool is_view = step->kind == MIGRATE_ADD_VIEW || step->kind == MIGRATE_REMOVE_VIEW;
    buffer_append_text(sheet->buffer,
                       is_view ? "▸ ▸ " : "▸ ");  // upstream's clients know the doubled one
    write_colored(sheet, text->color, bytes_of_text(text->action));
    buffer_append_text(sheet->buffer, text->what);
    text->write_rest(sheet, step);
    buffer_u8(sheet->buffer, '\n');
    if (step->kind == MIGRATE_REMOVE_TABLE) buffer_u8(sheet->buffer, '\n');
}

static const ModuleDef *step_def(const Sheet *sheet, const MigrationStep *step) {
    return STEP_TEXTS[step->kind].side == SIDE_FROM ? sheet->from : sheet->to;
}

static const TableSchema *step_table(const Sheet *sheet, const MigrationStep *step) {
    const TableSchema *table = module_def_find_table(step_def(sheet, step), step->table);
    ASSERT(table != NULL);
    return table;
}

// Objects are shown without the namespace that their table is shown with.
static Bytes local_name(Bytes table, Bytes name) {
    return part_local_name(name_path(table), name);
}

static void write_heading(const Sheet *sheet, const char *text) {
    buffer_append_text(sheet->buffer, "    ");
    write_colored(sheet, COLOR_TITLE, bytes_of_text(text));
    buffer_u8(sheet->buffer, '\n');
}

static void write_typed_name(const Sheet *sheet, Bytes name, const Type *type) {
    buffer_append_format(sheet->buffer, "        • %.*s: ", BYTES_FORMAT(name));
    write_type(sheet, type);
    buffer_u8(sheet->buffer, '\n');
}

typedef struct NamedLine {
    Bytes name;
    ColumnList columns;
} NamedLine;

static int line_compare(const void *left, const void *right) {
    return bytes_compare(((const NamedLine *)left)->name, ((const NamedLine *)right)->name);
}

// "name on [columns]" each, by name; frees the lines.
static void write_lines(const Sheet *sheet, const TableSchema *table, NamedLine *lines,
                        uint32_t count) {
    qsort(lines, count, sizeof(NamedLine), line_compare);
    for (uint32_t i = 0; i < count; i++) {
        buffer_append_format(sheet->buffer, "        • %.*s on ",
                             BYTES_FORMAT(local_name(table->name, lines[i].name)));
        write_columns(sheet, table, lines[i].columns);
        buffer_u8(sheet->buffer, '\n');
    }
    mem_free(lines);
}

static void write_table_keys(const Sheet *sheet, const TableSchema *table) {
    if (table->constraint_count > 0) {
        write_heading(sheet, "Unique constraints:");
        NamedLine *lines = mem_alloc(sizeof(NamedLine) * table->constraint_count);
        for (uint32_t i = 0; i < table->constraint_count; i++) {
            lines[i] = (NamedLine){table->constraints[i].name, table->constraints[i].columns};
        }
        write_lines(sheet, table, lines, table->constraint_count);
    }
    if (table->index_count > 0) {
        write_heading(sheet, "Indexes:");
        NamedLine *lines = mem_alloc(sizeof(NamedLine) * table->index_count);
        for (uint32_t i = 0; i < table->index_count; i++) {
            lines[i] = (NamedLine){table->indexes[i].name, table->indexes[i].columns};
        }
        write_lines(sheet, table, lines, table->index_count);
    }
}

static int sequence_compare(const void *left, const void *right) {
    return bytes_compare((*(const SequenceSchema *const *)left)->name,
                         (*(const SequenceSchema *const *)right)->name);
}

static void write_table_sequences(const Sheet *sheet, const TableSchema *table) {
    if (table->sequence_count == 0) return;
    write_heading(sheet, "Auto-increment constraints:");
    const SequenceSchema **sequences = mem_alloc(sizeof(SequenceSchema *) * table->sequence_count);
    for (uint32_t i = 0; i < table->sequence_count; i++) sequences[i] = &table->sequences[i];
    qsort(sequences, table->sequence_count, sizeof *sequences, sequence_compare);
    for (uint32_t i = 0; i < table->sequence_count; i++) {
        buffer_append_format(sheet->buffer, "        • %.*s on %.*s\n",
                             BYTES_FORMAT(local_name(table->name, sequences[i]->name)),
                             BYTES_FORMAT(table->columns[sequences[i]->column].name));
    }
    mem_free(sequences);
}

static void write_add_table(const Sheet *sheet, const MigrationStep *step) {
    const TableSchema *table = step_table(sheet, step);
    buffer_append_text(sheet->buffer,
                       table->origin == TABLE_SYSTEM ? "system table: " : "user table: ");
    write_colored(sheet, COLOR_TABLE, table->name);
    buffer_append_text(sheet->buffer, " (");
    write_colored(sheet, COLOR_ACCESS,
                  bytes_of_text(table->access == TABLE_PUBLIC ? "public" : "private"));
    buffer_append_text(sheet->buffer, ")\n");
    if (table->column_count > 0) write_heading(sheet, "Columns:");
    for (uint32_t i = 0; i < table->column_count; i++) {
        write_typed_name(sheet, table->columns[i].name, table->columns[i].type);
    }
    write_table_keys(sheet, table);
    write_table_sequences(sheet, table);
    if (!table->has_schedule) return;
    Bytes function = table->schedule.function;
    write_heading(sheet, "Schedule:");
    buffer_append_format(sheet->buffer, "        • Calls %s: %.*s\n",
                         function_kind(sheet->to, function),
                         BYTES_FORMAT(local_name(table->name, function)));
}

static void write_add_view(const Sheet *sheet, const MigrationStep *step) {
    write_view(sheet, module_def_find_view(sheet->to, step->table));
}

static void write_remove_view(const Sheet *sheet, const MigrationStep *step) {
    write_view(sheet, module_def_find_view(sheet->from, step->table));
}

static void write_view(const Sheet *sheet, const ViewDef *view) {
    ASSERT(view != NULL);
    buffer_append_text(sheet->buffer, view->is_anonymous ? " anonymous view: " : " view: ");
    write_colored(sheet, COLOR_TABLE, view->name);
    buffer_u8(sheet->buffer, '\n');
    const Type *params = view->canonical_params;
    Arena arena;
    arena_init(&arena, MODULE_DEF_ARENA_BYTES_MAX);
    if (params->field_count > 0) write_heading(sheet, "Parameters:");
    for (uint32_t i = 0; i < params->field_count; i++) {
        const Type *type = params->fields[i].type;
        Error ignored;  // a recursive type is shown as it stands
        if (type_resolve(view->typespace, type, &arena, &type, &ignored) != STATUS_OK)
            type = params->fields[i].type;
        write_typed_name(sheet, params->fields[i].name, type);
    }
    arena_done(&arena);
    if (view->column_count > 0) write_heading(sheet, "Columns:");
    for (uint32_t i = 0; i < view->column_count; i++) {
        write_typed_name(sheet, view->columns[i].name, view->columns[i].type);
    }
}

// "name on [columns] of table t"
static void write_keyed(const Sheet *sheet, const TableSchema *table, Bytes name,
                        ColumnList columns) {
    buffer_append_format(sheet->buffer, "%.*s on ", BYTES_FORMAT(local_name(table->name, name)));
    write_columns(sheet, table, columns);
    buffer_append_text(sheet->buffer, " of table ");
    write_colored(sheet, COLOR_TABLE, table->name);
}

static void write_index(const Sheet *sheet, const MigrationStep *step) {
    const TableSchema *table = step_table(sheet, step);
    for (uint32_t i = 0; i < table->index_count; i++) {
        const IndexSchema *index = &table->indexes[i];
        if (bytes_equal(index->name, step->object))
            write_keyed(sheet, table, index->name, index->columns);
    }
}

static void write_constraint(const Sheet *sheet, const MigrationStep *step) {
    const TableSchema *table = step_table(sheet, step);
    for (uint32_t i = 0; i < table->constraint_count; i++) {
        const ConstraintSchema *constraint = &table->constraints[i];
        if (!bytes_equal(constraint->name, step->object)) continue;
        write_keyed(sheet, table, constraint->name, constraint->columns);
    }
}

static void write_sequence(const Sheet *sheet, const MigrationStep *step) {
    const TableSchema *table = step_table(sheet, step);
    for (uint32_t i = 0; i < table->sequence_count; i++) {
        const SequenceSchema *sequence = &table->sequences[i];
        if (!bytes_equal(sequence->name, step->object)) continue;
        buffer_append_format(sheet->buffer, "%.*s on column %.*s of table ",
                             BYTES_FORMAT(local_name(table->name, sequence->name)),
                             BYTES_FORMAT(table->columns[sequence->column].name));
        write_colored(sheet, COLOR_TABLE, table->name);
    }
}

static void write_schedule(const Sheet *sheet, const MigrationStep *step) {
    const TableSchema *table = step_table(sheet, step);
    Bytes function = table->schedule.function;
    write_colored(sheet, COLOR_TABLE, table->name);
    buffer_append_format(sheet->buffer, " calling %s %.*s",
                         function_kind(step_def(sheet, step), function),
                         BYTES_FORMAT(local_name(table->name, function)));
}

// Upstream cannot print a view's access; it is shown like a table's.
static void write_access(const Sheet *sheet, const MigrationStep *step) {
    const TableSchema *table = module_def_find_table(sheet->to, step->table);
    const ViewDef *view = table ? NULL : module_def_find_view(sheet->to, step->table);
    ASSERT(table != NULL || view != NULL);
    bool is_public = table ? table->access == TABLE_PUBLIC : view->is_public;
    write_colored(sheet, COLOR_TABLE, step->table);
    buffer_append_text(sheet->buffer, " (");
    write_colored(sheet, COLOR_ACCESS,
                  bytes_of_text(is_public ? "private → public" : "public → private"));
    buffer_u8(sheet->buffer, ')');
}

static void write_primary_key(const Sheet *sheet, const MigrationStep *step) {
    const TableSchema *before = module_def_find_table(sheet->from, step->table);
    const TableSchema *after = step_table(sheet, step);
    ASSERT(before != NULL);
    write_colored(sheet, COLOR_TABLE, step->table);
    if (after->primary_key == COLUMN_NONE) {
        buffer_append_text(sheet->buffer, " (removed)");
    } else {
        buffer_append_format(sheet->buffer, " (%s column %u)",
                             before->primary_key == COLUMN_NONE ? "added on" : "changed to",
                             after->primary_key);
    }
}

// A column's type as the row type in the typespace has it, Refs and all.
static const Type *written_type(const ModuleDef *def, const TableSchema *table, uint32_t column) {
    const Typespace *typespace = module_def_part(def, table->name)->typespace;
    return typespace->types[table->product_type_ref]->fields[column].type;
}

// Only what differs on the face of it: a change inside a named type shows just the heading.
static void write_changed_columns(const Sheet *sheet, const MigrationStep *step) {
    const TableSchema *before = module_def_find_table(sheet->from, step->table);
    const TableSchema *after = step_table(sheet, step);
    ASSERT(before != NULL && before->column_count == after->column_count);
    write_colored(sheet, COLOR_TABLE, step->table);
    for (uint32_t i = 0; i < after->column_count; i++) {
        if (type_equal(written_type(sheet->from, before, i), written_type(sheet->to, after, i)))
            continue;
        buffer_append_format(sheet->buffer, "\n    ~ Modified: %.*s (",
                             BYTES_FORMAT(after->columns[i].name));
        write_type(sheet, before->columns[i].type);
        buffer_append_text(sheet->buffer, " → ");
        write_type(sheet, after->columns[i].type);
        buffer_u8(sheet->buffer, ')');
    }
}

static void write_added_columns(const Sheet *sheet, const MigrationStep *step) {
    const TableSchema *before = module_def_find_table(sheet->from, step->table);
    const TableSchema *after = step_table(sheet, step);
    ASSERT(before != NULL && before->column_count < after->column_count);
    if (after->column_count - before->column_count > 1) buffer_u8(sheet->buffer, 's');
    buffer_append_text(sheet->buffer, " in table ");
    write_colored(sheet, COLOR_TABLE, step->table);
    for (uint32_t i = before->column_count; i < after->column_count; i++) {
        const ColumnSchema *column = &after->columns[i];
        buffer_append_format(sheet->buffer, "\n    + %.*s: ", BYTES_FORMAT(column->name));
        write_type(sheet, column->type);
        buffer_append_text(sheet->buffer, " (default: ");
        (void)migration_write_default(sheet->buffer, column->type, column->default_value.data, 0);
        buffer_u8(sheet->buffer, ')');
    }
}

static void write_alias(const Sheet *sheet, const MigrationStep *step) {
    switch (step->alias) {
    case ALIAS_OF_TABLE:
        buffer_append_text(sheet->buffer, "table accessor name for ");
        write_colored(sheet, COLOR_TABLE, step->table);
        break;
    case ALIAS_OF_COLUMN:
        buffer_append_text(sheet->buffer, "column accessor name for ");
        write_colored(sheet, COLOR_TABLE, step->table);
        buffer_u8(sheet->buffer, '.');
        write_colored(sheet, COLOR_COLUMN, step->object);
        break;
    case ALIAS_OF_INDEX:
        buffer_append_text(sheet->buffer, "index ");
        write_index(sheet, step);
        break;
    }
}

static void write_row_level_security(const Sheet *sheet, const MigrationStep *step) {
    buffer_append_text(sheet->buffer, "    `");
    write_colored(sheet, COLOR_POLICY, step->object);
    buffer_u8(sheet->buffer, '`');
}

static void write_table_name(const Sheet *sheet, const MigrationStep *step) {
    write_colored(sheet, COLOR_TABLE, step->table);
}

static void write_colored(const Sheet *sheet, const char *color, Bytes text) {
    if (sheet->style == PLAN_COLOR) buffer_append_format(sheet->buffer, "\x1b[0m%s", color);
    buffer_append_bytes(sheet->buffer, text);
    if (sheet->style == PLAN_COLOR) buffer_append_text(sheet->buffer, "\x1b[0m");
}

static void write_type(const Sheet *sheet, const Type *type) {
    if (sheet->style == PLAN_COLOR) buffer_append_text(sheet->buffer, "\x1b[0m" COLOR_TYPE);
    type_write_text(sheet->buffer, type);
    if (sheet->style == PLAN_COLOR) buffer_append_text(sheet->buffer, "\x1b[0m");
}

static void write_columns(const Sheet *sheet, const TableSchema *table, ColumnList columns) {
    buffer_u8(sheet->buffer, '[');
    for (uint32_t i = 0; i < columns.count; i++) {
        buffer_append_format(sheet->buffer, "%s%.*s", i > 0 ? ", " : "",
                             BYTES_FORMAT(table->columns[columns.items[i]].name));
    }
    buffer_u8(sheet->buffer, ']');
}

static const char *function_kind(const ModuleDef *def, Bytes function) {
    if (module_def_find_reducer(def, function) != NULL) return "reducer";
    return module_def_find_procedure(def, function) != NULL ? "procedure" : "exported function";
}
