// migrate.c - one function a kind of step, in a table.

#include "db/migrate.h"

#include "db/duplicates.h"
#include "sql/sql.h"

typedef struct Migration {
    Database *database;
    Tx *tx;
    const ModuleDef *to;
    const MigrationStep *step;
    Table *table;               // of the step; NULL if it does not exist yet
    const TableSchema *schema;  // of the step in the new definition; NULL if it is gone there
} Migration;

static Status add_table(Migration *m, Error *error);
static Status remove_table(Migration *m, Error *error);
static Status add_index(Migration *m, Error *error);
static Status remove_index(Migration *m, Error *error);
static Status add_constraint(Migration *m, Error *error);
static Status remove_constraint(Migration *m, Error *error);
static Status add_sequence(Migration *m, Error *error);
static Status remove_sequence(Migration *m, Error *error);
static Status add_schedule(Migration *m, Error *error);
static Status remove_schedule(Migration *m, Error *error);
static Status change_access(Migration *m, Error *error);
static Status change_primary_key(Migration *m, Error *error);
static Status change_columns(Migration *m, Error *error);
static Status add_columns(Migration *m, Error *error);
static Status change_event_table(Migration *m, Error *error);
static Status change_accessor(Migration *m, Error *error);
static Status add_view(Migration *m, Error *error);
static Status remove_view(Migration *m, Error *error);
static Status update_view(Migration *m, Error *error);
static Status add_rls(Migration *m, Error *error);
static Status remove_rls(Migration *m, Error *error);

static Status (*const STEPS[])(Migration *, Error *) = {
    [MIGRATE_ADD_TABLE] = add_table,
    [MIGRATE_REMOVE_TABLE] = remove_table,
    [MIGRATE_ADD_INDEX] = add_index,
    [MIGRATE_REMOVE_INDEX] = remove_index,
    [MIGRATE_ADD_CONSTRAINT] = add_constraint,
    [MIGRATE_REMOVE_CONSTRAINT] = remove_constraint,
    [MIGRATE_ADD_SEQUENCE] = add_sequence,
    [MIGRATE_REMOVE_SEQUENCE] = remove_sequence,
    [MIGRATE_ADD_SCHEDULE] = add_schedule,
    [MIGRATE_REMOVE_SCHEDULE] = remove_schedule,
    [MIGRATE_CHANGE_ACCESS] = change_access,
    [MIGRATE_CHANGE_PRIMARY_KEY] = change_primary_key,
    [MIGRATE_CHANGE_COLUMNS] = change_columns,
    [MIGRATE_ADD_COLUMNS] = add_columns,
    [MIGRATE_CHANGE_EVENT_TABLE] = change_event_table,
    [MIGRATE_CHANGE_ACCESSOR] = change_accessor,
    [MIGRATE_ADD_VIEW] = add_view,
    [MIGRATE_REMOVE_VIEW] = remove_view,
    [MIGRATE_UPDATE_VIEW] = update_view,
    [MIGRATE_ADD_RLS] = add_rls,
    [MIGRATE_REMOVE_RLS] = remove_rls,
};

static void step_log(const Migration *m, const char *what, const char *where);

Status database_migrate(Database *database, Tx *tx, const ModuleDef *to, const MigrationPlan *plan,
                        Error *error) {
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const MigrationStep *step = &plan->steps[i];
        Migration m = {
            .database = database,
            .tx = tx,
            .to = to,
            .step = step,
            .table = store_find_table_by_name(database->store, step->table),
            .schema = module_def_find_table(to, step->table),
        };
        ASSERT((size_t)step->kind < sizeof STEPS / sizeof STEPS[0]);
        Status status = STEPS[step->kind](&m, error);
        if (status != STATUS_OK) return status;
    }
    if (plan->breaks_clients) {
        database_log(database, MODULE_LOG_INFO, BYTES_NONE, "Disconnecting all users");
    }
    return STATUS_OK;
}

// "Creating index `i` on table `t`"; without an object: "Creating table `t`".
static void step_log(const Migration *m, const char *what, const char *where) {
    if (m->step->object.data) {
        database_log(m->database, MODULE_LOG_INFO, BYTES_NONE, "%s `%.*s` %s `%.*s`", what,
                     BYTES_FORMAT(m->step->object), where, BYTES_FORMAT(m->step->table));
    } else {
        database_log(m->database, MODULE_LOG_INFO, BYTES_NONE, "%s `%.*s`", what,
                     BYTES_FORMAT(m->step->table));
    }
}

static Status add_table(Migration *m, Error *error) {
    ASSERT(m->schema != NULL);
    step_log(m, "Creating table", "");
    Table *table = NULL;
    Status status = tx_create_table(m->tx, m->schema, &table, error);
    if (status != STATUS_OK) {
        error_prefix(error, "failed to create table %.*s: ", BYTES_FORMAT(m->step->table));
    }
    return status;
}

static Status remove_table(Migration *m, Error *error) {
    ASSERT(m->table != NULL);
    if (table_row_count(m->table) > 0) {
        return error_set(
            error, STATUS_CONFLICT,
            "Cannot remove table `%.*s`: table contains data. Clear the table's rows (e.g. via a "
            "reducer) before removing it from your schema.",
            BYTES_FORMAT(m->step->table));
    }
    step_log(m, "Dropping table", "");
    return tx_drop_table(m->tx, m->table, error);
}

static Status add_index(Migration *m, Error *error) {
    ASSERT(m->schema != NULL && m->table != NULL);
    step_log(m, "Creating index", "on table");
    for (uint32_t i = 0; i < m->schema->index_count; i++) {
        if (!bytes_equal(m->schema->indexes[i].name, m->step->object)) continue;
        return tx_create_index(m->tx, m->table, &m->schema->indexes[i], error);
    }
    UNREACHABLE();
}

static Status remove_index(Migration *m, Error *error) {
    step_log(m, "Dropping index", "on table");
    Index *index = store_find_index_by_name(m->database->store, m->step->object);
    ASSERT(index != NULL);
    return tx_drop_index(m->tx, index, error);
}

static Status add_constraint(Migration *m, Error *error) {
    ASSERT(m->schema != NULL && m->table != NULL);
    step_log(m, "Adding constraint", "on table");
    for (uint32_t i = 0; i < m->schema->constraint_count; i++) {
        if (!bytes_equal(m->schema->constraints[i].name, m->step->object)) continue;
        const ConstraintSchema *constraint = &m->schema->constraints[i];
        Status status = tx_create_constraint(m->tx, m->table, constraint, error);
        if (status == STATUS_CONFLICT) duplicates_describe(m->table, constraint->columns, error);
        return status;
    }
    UNREACHABLE();
}

static Status remove_constraint(Migration *m, Error *error) {
    step_log(m, "Dropping constraint", "on table");
    return tx_drop_constraint(m->tx, m->table, m->step->object, error);
}

// Values that the sequence would hand out must not be there already (http-api.md 8.4, prechecks).
static Status check_sequence_range(const Migration *m, const SequenceSchema *sequence,
                                   Error *error) {
    const Type *type = m->schema->columns[sequence->column].type;
    uint8_t first[32] = {0};
    value_write_integer(type, sequence->min, first);
    TableScan scan = table_scan(m->table);
    Row row;
    while (table_scan_next(&scan, &row)) {
        Bytes value = table_column(m->table, row.bytes, sequence->column);
        if (value_compare(type, value.data, first) < 0) continue;
        return error_set(error, STATUS_CONFLICT,
                         "Precheck failed: added sequence %.*s already has values in range",
                         BYTES_FORMAT(sequence->name));
    }
    return STATUS_OK;
}

static Status add_sequence(Migration *m, Error *error) {
    ASSERT(m->schema != NULL && m->table != NULL);
    for (uint32_t i = 0; i < m->schema->sequence_count; i++) {
        const SequenceSchema *sequence = &m->schema->sequences[i];
        if (!bytes_equal(sequence->name, m->step->object)) continue;
        Status status = check_sequence_range(m, sequence, error);
        if (status != STATUS_OK) return status;
        step_log(m, "Adding sequence", "to table");
        return tx_create_sequence(m->tx, m->table, sequence, error);
    }
    UNREACHABLE();
}

static Status remove_sequence(Migration *m, Error *error) {
    step_log(m, "Dropping sequence", "from table");
    return tx_drop_sequence(m->tx, m->table, m->step->object, error);
}

static Status add_schedule(Migration *m, Error *error) {
    // Upstream plans this and always fails here; ours works: nothing but a catalogue row changes.
    ASSERT(m->schema != NULL && m->table != NULL && m->schema->has_schedule);
    return tx_set_schedule(m->tx, m->table, &m->schema->schedule, error);
}

static Status remove_schedule(Migration *m, Error *error) {
    return tx_set_schedule(m->tx, m->table, NULL, error);
}

static Status change_access(Migration *m, Error *error) {
    TableAccess access = TABLE_PUBLIC;
    if (m->schema) {
        access = m->schema->access;
    } else {
        const ViewDef *view = module_def_find_view(m->to, m->step->table);
        ASSERT(view != NULL);
        access = view->is_public ? TABLE_PUBLIC : TABLE_PRIVATE;
    }
    return tx_set_access(m->tx, m->table, access, error);
}

static Status change_primary_key(Migration *m, Error *error) {
    step_log(m, "Changing primary key for table", "");
    return tx_set_primary_key(m->tx, m->table, m->schema->primary_key, error);
}

static Status change_columns(Migration *m, Error *error) {
    step_log(m, "Changing columns of table", "");
    return tx_change_columns(m->tx, m->table, m->schema, error);
}

static Status add_columns(Migration *m, Error *error) {
    Table *table = NULL;
    return tx_add_columns(m->tx, m->table, m->schema, &table, error);
}

static Status change_event_table(Migration *m, Error *error) {
    step_log(m, "Changing schema of event table", "");
    return tx_change_columns(m->tx, m->table, m->schema, error);
}

static Status change_accessor(Migration *m, Error *error) {
    database_log(m->database, MODULE_LOG_INFO, BYTES_NONE,
                 "Changing table accessor name for `%.*s` to `%.*s`", BYTES_FORMAT(m->step->table),
                 BYTES_FORMAT(m->schema->accessor));
    return tx_set_accessors(m->tx, m->table, m->schema, error);
}

static Status add_view(Migration *m, Error *error) {
    const ViewDef *view = module_def_find_view(m->to, m->step->table);
    ASSERT(view != NULL);
    Table *table = NULL;
    return tx_create_view(m->tx, view, &table, error);
}

static Status remove_view(Migration *m, Error *error) {
    return tx_drop_view(m->tx, m->step->table, error);
}

static Status update_view(Migration *m, Error *error) {
    (void)m;
    (void)error;
    return STATUS_OK;  // its rows are computed when it is read
}

Status database_add_row_level_security(Database *database, Tx *tx, Bytes sql, Error *error) {
    SqlContext context = {
        .store = database->store, .sender = database->options.owner, .is_owner = true};
    TableId table = 0;
    Status status = sql_check_row_level_security(&context, sql, &table, error);
    if (status != STATUS_OK) return status;
    return tx_set_row_level_security(tx, table, sql, true, error);
}

static Status add_rls(Migration *m, Error *error) {
    database_log(m->database, MODULE_LOG_INFO, BYTES_NONE, "Adding row-level security `%.*s`",
                 BYTES_FORMAT(m->step->object));
    return database_add_row_level_security(m->database, m->tx, m->step->object, error);
}

static Status remove_rls(Migration *m, Error *error) {
    database_log(m->database, MODULE_LOG_INFO, BYTES_NONE, "Removing row-level security `%.*s`",
                 BYTES_FORMAT(m->step->object));
    return tx_set_row_level_security(m->tx, 0, m->step->object, false, error);
}
