// schema_def_fuzz.c - can any bytes of a module description hurt us?
//
// Each input is read as a definition. What is accepted must export, copy, and migrate to itself
// without a change; what is refused must say why.
#include "schema/schema.h"

static void use_tables(const ModuleDef *def) {
    Arena arena;
    arena_init(&arena, 1u << 30);
    for (uint32_t i = 0; i < def->table_count; i++) {
        const TableSchema *table = &def->tables[i];
        const TableSchema *copy = table_schema_copy(table, &arena);
        ASSERT(type_equal(copy->row_type, table->row_type));
        ASSERT(module_def_find_table(def, table->name) == table);
        for (uint32_t k = 0; k < table->index_count; k++) {
            (void)table_schema_index_is_unique(table, &table->indexes[k]);
        }
        for (uint32_t c = 0; c < table->column_count; c++) {
            ASSERT(table_schema_find_column(table, table->columns[c].name) >= 0);
        }
    }
    for (uint32_t i = 0; i < def->view_count; i++) {
        const TableSchema *table = table_schema_of_view(&def->views[i], &arena);
        ASSERT(table->column_count == def->views[i].column_count + 1);
    }
    arena_done(&arena);
}

static void plan_to_itself(const ModuleDef *def, Buffer *buffer) {
    Arena arena;
    Error error;
    MigrationPlan plan;
    arena_init(&arena, 1u << 30);
    Status status = migration_plan(def, def, &arena, &plan, &error);
    ASSERT(status == STATUS_OK);
    ASSERT(!plan.breaks_clients);
    for (uint32_t i = 0; i < plan.step_count; i++) {
        MigrationStepKind kind = plan.steps[i].kind;
        ASSERT(kind == MIGRATE_UPDATE_VIEW || kind == MIGRATE_ADD_RLS ||
               kind == MIGRATE_REMOVE_RLS);
    }
    migration_plan_write(&plan, def, def, PLAN_COLOR, buffer);
    arena_done(&arena);
}

// From nothing, so that all the texts of added objects are written.
static void plan_from_nothing(const ModuleDef *def, Buffer *buffer) {
    static const uint8_t EMPTY[] = {2, 0, 0, 0, 0};
    Arena arena;
    Error error;
    MigrationPlan plan;
    ModuleDef *empty = NULL;
    arena_init(&arena, 1u << 30);
    Status status = module_def_read(bytes_of(EMPTY, sizeof EMPTY), &empty, &error);
    ASSERT(status == STATUS_OK);
    status = migration_plan(empty, def, &arena, &plan, &error);
    ASSERT(status == STATUS_OK);
    migration_plan_write(&plan, empty, def, PLAN_NO_COLOR, buffer);
    status = migration_plan(def, empty, &arena, &plan, &error);
    ASSERT(status == STATUS_OK);
    migration_plan_write(&plan, def, empty, PLAN_NO_COLOR, buffer);
    module_def_free(empty);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    ModuleDef *def = NULL;
    Error error = {0};
    Status status = module_def_read(bytes_of(data, count), &def, &error);
    if (status != STATUS_OK) {
        ASSERT(error.status == status && error.text[0] != 0);
        return 0;
    }
    Buffer buffer;
    buffer_init(&buffer, 256u << 20);
    module_def_write_json_v9(def, &buffer);
    module_def_write_json_v10(def, &buffer);
    use_tables(def);
    plan_to_itself(def, &buffer);
    plan_from_nothing(def, &buffer);
    buffer_done(&buffer);
    module_def_free(def);
    return 0;
}
