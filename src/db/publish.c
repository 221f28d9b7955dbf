// publish.c - programs coming in: the first one makes the tables and runs init, later ones migrate.
//
// Everything a publish does to the data is one transaction: it happens or it does not.

#include "db/publish.h"

#include "base/log.h"
#include "db/environment.h"
#include "db/migrate.h"
#include "sql/sql.h"

#include <stdio.h>

#define PATH_BYTES_MAX 4096u

// What an update is to do, all of it checked.
typedef struct Change {
    const UpdateRequest *request;
    const MigrationPlan *plan;
    const EnvironmentPlan *environment;
} Change;

static Status initialize(Database *database, ProgramKind kind, Bytes program, Error *error);
static Status create_schema(Database *database, Tx *tx, const ModuleDef *def, Error *error);
static Status run_init(Database *database, Tx *tx, Error *error);
static Status plan_first_environment(Database *database, EnvironmentPlan *ret_plan, Error *error);
static ProgramInfo program_info(const Database *database, ProgramKind kind, const Hash *hash,
                                Bytes program);
static Status try_in_memory(const DatabaseOptions *options, ProgramKind kind, Bytes program,
                            Error *error);
static void remove_directory(Os *os, const char *directory);
static PublishOutcome apply_update(Database *database, const Change *change, LoadedProgram *loaded,
                                   uint64_t *ret_ticket, Error *error);
static void disconnect_everyone(Database *database);

Status database_create(const DatabaseOptions *options, ProgramKind kind, Bytes program,
                       Database **ret_database, Error *error) {
    Status status = try_in_memory(options, kind, program, error);
    if (status != STATUS_OK) return status;
    Database *database = database_create_empty(options, error);
    if (database == NULL) return error->status;
    status = initialize(database, kind, program, error);
    if (status != STATUS_OK) {
        database_discard(database);
        if (options->directory) remove_directory(options->os, options->directory);
        return status;
    }
    database_schedule_all(database);
    if (database->log) log_wake(database->log);
    actor_start(&database->actor);
    *ret_database = database;
    return STATUS_OK;
}

// The whole initialisation in a database that nobody sees: a program that fails leaves nothing behind.
static Status try_in_memory(const DatabaseOptions *options, ProgramKind kind, Bytes program,
                            Error *error) {
    DatabaseOptions trial_options = *options;
    trial_options.directory = NULL;
    Database *trial = database_create_empty(&trial_options, error);
    ASSERT(trial != NULL);  // nothing on a disk
    Status status = initialize(trial, kind, program, error);
    database_discard(trial);
    return status;
}

static Status initialize(Database *database, ProgramKind kind, Bytes program, Error *error) {
    LoadedProgram loaded;
    Status status = database_load_program(database, kind, program, &loaded, error);
    if (status != STATUS_OK) return status;
    ProgramInfo info = program_info(database, kind, &loaded.hash, program);
    database_set_program(database, loaded.program, loaded.instance, loaded.def, &info);
    EnvironmentPlan environment;
    status = plan_first_environment(database, &environment, error);
    if (status != STATUS_OK) return status;

    Tx *tx = tx_begin(database->store);
    status = create_schema(database, tx, database->def, error);
    if (status == STATUS_OK) {
        tx_set_program(tx, &info);
        environment_write(database, tx, &environment);
        status = run_init(database, tx, error);
    }
    if (status != STATUS_OK) {
        tx_rollback(tx);
        return status;
    }
    TxCause cause = {.event = {.result = RESULT_COMMITTED, .reducer_id = UINT32_MAX}};
    (void)database_commit(database, &cause);
    database_log(database, MODULE_LOG_INFO, BYTES_NONE, "Database initialized");
    return STATUS_OK;
}

static Status plan_first_environment(Database *database, EnvironmentPlan *ret_plan, Error *error) {
    Status status = environment_plan(database, database->def, database->options.environment,
                                     &database->call_arena, ret_plan, error);
    database->options.environment = NULL;  // the caller's
    if (status == STATUS_OK) return STATUS_OK;
    if (status == STATUS_NOT_FOUND) {
        error_prefix(error, "{\"EnvironmentError\":{\"MissingRequiredEnvironment\":{\"keys\":");
        size_t count = strlen(error->text);
        (void)snprintf(error->text + count, sizeof error->text - count, "}}}");
    }
    return error->status = STATUS_DENIED;
}

static ProgramInfo program_info(const Database *database, ProgramKind kind, const Hash *hash,
                                Bytes program) {
    return (ProgramInfo){.database = database->options.identity,
                         .owner = database->options.owner,
                         .kind = (uint8_t)kind,
                         .hash = *hash,
                         .program = program};
}

static Status create_schema(Database *database, Tx *tx, const ModuleDef *def, Error *error) {
    Status status = STATUS_OK;
    for (uint32_t i = 0; i < def->table_count && status == STATUS_OK; i++) {
        Table *table = NULL;
        database_log(database, MODULE_LOG_INFO, BYTES_NONE, "Creating table `%.*s`",
                     BYTES_FORMAT(def->tables[i].name));
        status = tx_create_table(tx, &def->tables[i], &table, error);
    }
    for (uint32_t i = 0; i < def->view_count && status == STATUS_OK; i++) {
        Table *table = NULL;
        database_log(database, MODULE_LOG_INFO, BYTES_NONE, "Creating table for view `%.*s`",
                     BYTES_FORMAT(def->views[i].name));
        status = tx_create_view(tx, &def->views[i], &table, error);
    }
    for (uint32_t i = 0; i < def->row_level_security_count && status == STATUS_OK; i++) {
        Bytes sql = def->row_level_security[i];
        database_log(database, MODULE_LOG_INFO, BYTES_NONE, "Creating row level security `%.*s`",
                     BYTES_FORMAT(sql));
        status = database_add_row_level_security(database, tx, sql, error);
    }
    return status;
}

static Status run_init(Database *database, Tx *tx, Error *error) {
    const FunctionDef *reducer = module_def_find_lifecycle(database->def, LIFECYCLE_INIT);
    if (reducer == NULL) return STATUS_OK;
    database_log(database, MODULE_LOG_INFO, BYTES_NONE, "Invoking `init` reducer");
    ReducerCall call = {.reducer = reducer,
                        .caller = {.identity = database->options.owner},
                        .timestamp = database_now(database)};
    CallOutcome outcome = database_invoke(database, tx, &call);
    if (outcome.status == CALL_OK) return STATUS_OK;
    if (outcome.status == CALL_USER_ERROR) {
        return error_set(error, STATUS_INVALID, "%.*s", BYTES_FORMAT(outcome.text));
    }
    log_line(LOG_WARN, "db", "init: %.*s", BYTES_FORMAT(outcome.text));
    return error_set(error, STATUS_INVALID, "The instance encountered a fatal error.");
}

static void remove_entry(void *user, const char *name, bool is_directory);

typedef struct RemoveWalk {
    Os *os;
    const char *directory;
} RemoveWalk;

// Only what a create that failed has made: two levels.
static void remove_directory(Os *os, const char *directory) {
    Error ignored;
    RemoveWalk walk = {os, directory};
    (void)os->directory_list(os, directory, remove_entry, &walk, &ignored);
    (void)os->remove(os, directory, &ignored);
}

static void remove_entry(void *user, const char *name, bool is_directory) {
    RemoveWalk *walk = user;
    char path[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", walk->directory, name);
    Error ignored;
    if (is_directory) {
        RemoveWalk inner = {walk->os, path};
        (void)walk->os->directory_list(walk->os, path, remove_entry, &inner, &ignored);
    }
    (void)walk->os->remove(walk->os, path, &ignored);
}

// ---- update ----

PublishOutcome database_update(Database *database, const UpdateRequest *request,
                               uint64_t *ret_ticket, Error *error) {
    LoadedProgram loaded;
    if (database_load_program(database, request->kind, request->program, &loaded, error) !=
        STATUS_OK) {
        return PUBLISH_BAD_MODULE;
    }
    *ret_ticket = database_ticket(database);
    EnvironmentPlan environment;
    Status planned = environment_plan(database, loaded.def, request->environment,
                                      &database->call_arena, &environment, error);
    if (planned != STATUS_OK) {
        loaded_program_done(&loaded);
        return planned == STATUS_NOT_FOUND ? PUBLISH_MISSING_ENVIRONMENT : PUBLISH_REJECTED;
    }
    if (hash_equal(&loaded.hash, &database->info.hash)) {
        if (environment.is_changed) {  // the module stays as it is
            loaded_program_done(&loaded);
            return environment_apply(database, &environment, ret_ticket, error);
        }
        // No migration, but the instance is replaced and the scheduler starts anew.
        ProgramInfo info = database->info;
        database_set_program(database, loaded.program, loaded.instance, loaded.def, &info);
        database_schedule_all(database);
        return PUBLISH_DONE;
    }
    MigrationPlan plan;
    if (migration_plan(database->def, loaded.def, &database->call_arena, &plan, error) !=
        STATUS_OK) {
        error_prefix(error, "Database update rejected: ");
        loaded_program_done(&loaded);
        return PUBLISH_REJECTED;
    }
    Status status = STATUS_OK;
    if (request->policy == UPDATE_COMPATIBLE && plan.breaks_clients) {
        status = error_set(
            error, STATUS_CONFLICT,
            "Migration plan contains a client-breaking change which is disallowed under current "
            "policy");
    }
    if (request->policy == UPDATE_BREAK_CLIENTS) {
        Hash expected = migration_token(&database->options.identity, &database->info.hash,
                                        &loaded.hash);
        if (!hash_equal(&expected, &request->token)) {
            status = error_set(error, STATUS_CONFLICT,
                               "Token provided is invalid or does not match expected hash");
        }
    }
    if (status == STATUS_OK && database_failure(database, error)) status = error->status;
    if (status != STATUS_OK) {
        error_prefix(error, "Failed to create or update the database: ");
        loaded_program_done(&loaded);
        return PUBLISH_REJECTED;
    }
    Change change = {.request = request, .plan = &plan, .environment = &environment};
    return apply_update(database, &change, &loaded, ret_ticket, error);
}

static PublishOutcome apply_update(Database *database, const Change *change, LoadedProgram *loaded,
                                   uint64_t *ret_ticket, Error *error) {
    const UpdateRequest *request = change->request;
    const MigrationPlan *plan = change->plan;
    ProgramInfo info = program_info(database, request->kind, &loaded->hash, request->program);
    char hex[65];
    hash_to_hex(&loaded->hash, hex);
    sync_wait_reads(database->sync);  // their plans use the types that are about to go
    Tx *tx = tx_begin(database->store);
    tx_set_program(tx, &info);
    if (change->environment->is_changed) environment_write(database, tx, change->environment);
    database_log(database, MODULE_LOG_INFO, BYTES_NONE, "Updated program to %s", hex);
    Status status = database_migrate(database, tx, loaded->def, plan, error);
    if (status == STATUS_OK && views_exist(database)) {
        status = views_refresh_all(database, loaded->instance, loaded->def, error);
    }
    if (status != STATUS_OK) {
        tx_rollback(tx);
        database_log(database, MODULE_LOG_WARN, BYTES_NONE, "Database update failed: %s",
                     error->text);
        error_prefix(error, "Failed to create or update the database: ");
        loaded_program_done(loaded);
        return PUBLISH_REJECTED;
    }
    TxCause cause = {.event = {.result = RESULT_COMMITTED,
                               .caller_identity = database->options.owner,
                               .reducer_id = UINT32_MAX,
                               .timestamp = database_now(database)}};
    // Subscribers' queries are compiled anew at the end of the commit: against the new program.
    database_set_program(database, loaded->program, loaded->instance, loaded->def, &info);
    *ret_ticket = database_commit(database, &cause);
    database_log(database, MODULE_LOG_INFO, BYTES_NONE, "Database updated");
    if (plan->breaks_clients) disconnect_everyone(database);
    database_schedule_all(database);
    return PUBLISH_DONE;
}

// client_disconnected of the new module for everyone, then the connections go (module-abi.md 4.2).
static void disconnect_everyone(Database *database) {
    for (SyncClient *client = sync_next_client(database->sync, NULL); client;
         client = sync_next_client(database->sync, client)) {
        const SyncClientOptions *options = sync_client_options(client);
        Caller caller = {.identity = options->identity, .connection = options->connection_id};
        database_disconnect(database, &caller);
        database->options.close_connection(database->options.user, options->connection, 1001,
                                           BYTES_LITERAL("module exited"));
    }
}

// ---- plan ----

Hash migration_token(const Identity *database, const Hash *from, const Hash *to) {
    char text[IDENTITY_HEX_COUNT + 64 + 64 + 1];
    identity_to_hex(database, text);
    hash_to_hex(from, text + IDENTITY_HEX_COUNT);
    hash_to_hex(to, text + IDENTITY_HEX_COUNT + 64);
    return hash_keccak256(bytes_of(text, sizeof text - 1));
}

Status database_plan(Database *database, ProgramKind kind, Bytes program, PlanStyle style,
                     PlanReport *ret_report, Error *error) {
    LoadedProgram loaded;
    Status status = database_load_program(database, kind, program, &loaded, error);
    if (status != STATUS_OK) return status;
    *ret_report = (PlanReport){
        .major_version_upgrade = database->def->version < 10 && loaded.def->version >= 10,
        .token = migration_token(&database->options.identity, &database->info.hash, &loaded.hash),
    };
    buffer_init(&ret_report->text, CLIENT_MESSAGE_BYTES_MAX);
    MigrationPlan plan;
    if (migration_plan(database->def, loaded.def, &database->call_arena, &plan, error) ==
        STATUS_OK) {
        ret_report->breaks_clients = plan.breaks_clients;
        migration_plan_write(&plan, database->def, loaded.def, style, &ret_report->text);
    } else {
        ret_report->is_manual = true;
        buffer_append_text(&ret_report->text, error->text);
    }
    loaded_program_done(&loaded);
    return STATUS_OK;
}
