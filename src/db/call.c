// call.c - reducers: look up, check arguments, run in a transaction, commit or undo, tell.
//
// The hot path is database_client_request -> run_reducer -> database_commit. It allocates nothing: arguments
// stay in the message, the transaction has its arena, results go into sync's slabs.

#include "db/database.h"

#include "base/log.h"

static const Bytes FATAL_TEXT = {(const uint8_t *)"The instance encountered a fatal error.", 39};
static const Bytes ENERGY_TEXT = {(const uint8_t *)"reducer ran out of energy", 25};
static const Bytes HTTP_ENERGY_TEXT = {(const uint8_t *)"Module energy budget exhausted.", 31};
static const Bytes NO_MODULE_TEXT = {(const uint8_t *)"no such module", 14};

typedef enum Lookup {
    LOOKUP_REDUCER,
    LOOKUP_PROCEDURE,
    LOOKUP_NONE,
    LOOKUP_LIFECYCLE,
} Lookup;

static Lookup look_up(const Database *database, const Caller *caller, Bytes name,
                      const FunctionDef **ret_def);
static const char *lifecycle_name(Lifecycle lifecycle);
static void client_call(Database *database, SyncClient *client, const Request *request);
static void client_refuse(Database *database, SyncClient *client, const Request *request,
                          const FunctionDef *def, Bytes text);
static Status read_json_args(Database *database, const FunctionDef *def, Bytes json,
                             const char *kind, Bytes *ret_args, Error *error);
static CallOutcome invoke(Database *database, Tx *tx, const FunctionCall *call);
static ReducerReport refuse_failed_disk(Database *database, const Error *failure);
static ReducerReport finish_failed(Database *database, const ReducerCall *call,
                                   const CallOutcome *outcome, Bytes told);
static void fill_cause(const ReducerCall *call, TxCause *cause);
static void report_function(Database *database, const ReducerReport *report,
                            FunctionReport *ret_report);

int64_t database_now(const Database *database) {
    return database->options.os->time_micros(database->options.os);
}

// ---- WebSocket ----

void database_client_request(Database *database, SyncClient *client, const Request *request) {
    switch (request->kind) {
    case REQUEST_CALL_REDUCER: client_call(database, client, request); return;
    case REQUEST_CALL_PROCEDURE: procedure_call_client(database, client, request); return;
    case REQUEST_SUBSCRIBE:
    case REQUEST_UNSUBSCRIBE:
    case REQUEST_SUBSCRIBE_BATCH:
    case REQUEST_SUBSCRIBE_LEGACY:
    case REQUEST_SUBSCRIBE_SINGLE:
    case REQUEST_SUBSCRIBE_MULTI:
    case REQUEST_UNSUBSCRIBE_SINGLE:
    case REQUEST_UNSUBSCRIBE_MULTI:
    case REQUEST_ONE_OFF:
        sync_request(database->sync, client, request, database_ticket(database));
        return;
    }
    UNREACHABLE();
}

static void client_call(Database *database, SyncClient *client, const Request *request) {
    const SyncClientOptions *options = sync_client_options(client);
    Caller caller = {.identity = options->identity, .connection = options->connection_id};
    const FunctionDef *def = NULL;
    Lookup lookup = look_up(database, &caller, request->function, &def);
    Error error;
    if (lookup == LOOKUP_LIFECYCLE) {
        (void)error_set(&error, STATUS_INVALID, "can't directly call special %s lifecycle reducer",
                        lifecycle_name(def->lifecycle));
        client_refuse(database, client, request, def, bytes_of_text(error.text));
        return;
    }
    if (lookup != LOOKUP_REDUCER) {
        call_log_bad(database, "reducer", request->function, false);
        client_refuse(database, client, request, NULL, BYTES_LITERAL("no such reducer"));
        return;
    }
    Bytes args = BYTES_NONE;
    if (call_check_args(database, def, "reducer", request, &args, &error) != STATUS_OK) {
        call_log_bad(database, "reducer", request->function, true);
        client_refuse(database, client, request, def, bytes_of_text(error.text));
        return;
    }
    ReducerCall call = {
        .reducer = def,
        .caller = caller,
        .timestamp = database_now(database),
        .args = args,
        .client = client,
        .request = request,
    };
    (void)database_run_reducer(database, &call);
}

// A call that could not be run: only the caller hears of it.
static void client_refuse(Database *database, SyncClient *client, const Request *request,
                          const FunctionDef *def, Bytes text) {
    const SyncClientOptions *options = sync_client_options(client);
    SyncEvent event = {
        .caller = client,
        .request = request,
        .result = RESULT_INTERNAL,
        .text = text,
        .caller_identity = options->identity,
        .caller_connection = options->connection_id,
        .reducer = request->function,
        .reducer_id = def ? def->id : UINT32_MAX,
        .timestamp = database_now(database),
    };
    sync_call_failed(database->sync, &event);
}

Status call_check_args(Database *database, const FunctionDef *def, const char *kind,
                       const Request *request, Bytes *ret_args, Error *error) {
    if (request->args_are_json)
        return read_json_args(database, def, request->args, kind, ret_args, error);
    *ret_args = request->args;
    if (def->params->is_plain && request->args.count >= def->params->fixed_bytes) return STATUS_OK;
    Reader reader = reader_of(request->args);
    Status status = bsatn_check(def->typespace, def->params, &reader, error);
    if (status != STATUS_OK) {
        error_prefix(error, "invalid arguments for %s %.*s: ", kind, BYTES_FORMAT(def->name));
    }
    return status;
}

// JSON to BSATN, in the call arena. The text is upstream's, repetition included (sats.md 4.6).
static Status read_json_args(Database *database, const FunctionDef *def, Bytes json,
                             const char *kind, Bytes *ret_args, Error *error) {
    Buffer bsatn;
    Buffer path;
    buffer_init(&bsatn, CLIENT_MESSAGE_BYTES_MAX);
    buffer_init(&path, ERROR_TEXT_MAX / 4);
    JsonReadOptions options = {.names = JSON_NAMES_ARGUMENTS, .function = def->source_name};
    Status status = json_read_value(json, def->typespace, def->params, options, &bsatn, &path,
                                    error);
    if (status == STATUS_OK && bsatn.failed) {
        status = error_set(error, STATUS_LIMIT, "arguments are larger than %u bytes",
                           CLIENT_MESSAGE_BYTES_MAX);
    }
    if (status == STATUS_OK) {
        *ret_args = arena_copy(&database->call_arena, buffer_bytes(&bsatn));
    } else {
        Error cause = *error;
        Bytes place = path.count > 0 ? buffer_bytes(&path) : bytes_of_text(cause.text);
        // The chain as upstream prints it; without a path the cause stands in its place.
        (void)error_set(
            error, status,
            "invalid arguments for %s %.*s: %.*s: invalid arguments for function %.*s: %.*s: ",
            kind, BYTES_FORMAT(def->name), BYTES_FORMAT(place), BYTES_FORMAT(def->name),
            BYTES_FORMAT(place));
        if (path.count > 0) error_prefix(&cause, "%.*s: ", BYTES_FORMAT(place));
        error_prefix(&cause, "%s", error->text);
        *error = cause;
    }
    buffer_done(&bsatn);
    buffer_done(&path);
    return status;
}

void call_log_bad(Database *database, const char *kind, Bytes name, bool exists) {
    if (exists) {
        database_log(
            database, MODULE_LOG_ERROR, name,
            "External attempt to call %s \"%.*s\" failed, invalid arguments.\n"
            "This is likely due to a mismatched client schema, have you run `spacetime generate` "
            "recently?",
            kind, BYTES_FORMAT(name));
    } else {
        database_log(
            database, MODULE_LOG_ERROR, name,
            "External attempt to call nonexistent %s \"%.*s\" failed. Have you run `spacetime "
            "generate` recently?",
            kind, BYTES_FORMAT(name));
    }
}

bool call_is_visible(const Database *database, const Caller *caller, const FunctionDef *def) {
    return !def->is_private || database_is_owner(database, &caller->identity);
}

static Lookup look_up(const Database *database, const Caller *caller, Bytes name,
                      const FunctionDef **ret_def) {
    const FunctionDef *def = bytes_map_find(&database->reducers, name);
    if (def && def->lifecycle != LIFECYCLE_NONE) {
        *ret_def = def;
        return LOOKUP_LIFECYCLE;
    }
    if (def && call_is_visible(database, caller, def)) {
        *ret_def = def;
        return LOOKUP_REDUCER;
    }
    def = database->def ? module_def_find_procedure(database->def, name) : NULL;
    if (def && call_is_visible(database, caller, def)) {
        *ret_def = def;
        return LOOKUP_PROCEDURE;
    }
    return LOOKUP_NONE;
}

static const char *lifecycle_name(Lifecycle lifecycle) {
    switch (lifecycle) {
    case LIFECYCLE_INIT: return "Init";
    case LIFECYCLE_CONNECT: return "OnConnect";
    case LIFECYCLE_DISCONNECT: return "OnDisconnect";
    case LIFECYCLE_NONE: break;
    }
    UNREACHABLE();
}

// ---- running ----

CallOutcome database_invoke(Database *database, Tx *tx, const ReducerCall *call) {
    FunctionCall function = {
        .id = call->reducer->id,
        .name = call->reducer->name,
        .sender = call->caller.identity,
        .connection = call->caller.connection,
        .timestamp = call->timestamp,
        .args = call->args,
    };
    return invoke(database, tx, &function);
}

static CallOutcome invoke(Database *database, Tx *tx, const FunctionCall *call) {
    if (database->instance == NULL) {
        return (CallOutcome){.status = CALL_FAILED, .text = NO_MODULE_TEXT};
    }
    ASSERT(database->env.tx == NULL);
    database->env.tx = tx;
    database->running.function = call->name;
    database->running.has_panicked = false;
    CallOutcome outcome = instance_call_reducer(database->instance, call);
    database->env.tx = NULL;
    database->stats.calls++;
    database->stats.call_nanos += outcome.nanos;
    return outcome;
}

ReducerReport database_run_reducer(Database *database, const ReducerCall *call) {
    Error failure;
    if (database_is_refusing(database, &failure)) {
        ReducerReport refused = refuse_failed_disk(database, &failure);
        if (call->client)
            client_refuse(database, call->client, call->request, call->reducer, refused.text);
        return refused;
    }
    Tx *tx = tx_begin(database->store);
    CallOutcome outcome = database_invoke(database, tx, call);
    if (outcome.status != CALL_OK) {
        tx_rollback(tx);
        return finish_failed(database, call, &outcome,
                             database->instance ? FATAL_TEXT : NO_MODULE_TEXT);
    }
    if (views_exist(database)) {
        CallOutcome refreshed = views_refresh(database, NULL);
        if (refreshed.status != CALL_OK) {
            tx_rollback(tx);
            return finish_failed(database, call, &refreshed, refreshed.text);
        }
    }
    TxCause cause;
    fill_cause(call, &cause);
    cause.event.duration_micros = (int64_t)(outcome.nanos / 1000u);
    uint64_t ticket = database_commit(database, &cause);
    return (ReducerReport){.result = RESULT_COMMITTED, .nanos = outcome.nanos, .ticket = ticket};
}

static ReducerReport refuse_failed_disk(Database *database, const Error *failure) {
    Bytes text = arena_copy(&database->call_arena, bytes_of_text(failure->text));
    // Nothing was read: there is nothing that must be durable first, and maybe it will not be soon.
    return (ReducerReport){.result = RESULT_INTERNAL, .text = text, .ticket = TICKET_NONE};
}

static void fill_cause(const ReducerCall *call, TxCause *cause) {
    const FunctionDef *def = call->reducer;
    *cause = (TxCause){
        .inputs = {.present = true,
                   .reducer = def->name,
                   .caller = call->caller.identity,
                   .connection = call->caller.connection,
                   .timestamp = call->timestamp,
                   .args = call->args},
        .event = {.caller = call->client,
                  .request = call->request,
                  .result = RESULT_COMMITTED,
                  .caller_identity = call->caller.identity,
                  .caller_connection = call->caller.connection,
                  .reducer = def->name,
                  .reducer_id = def->id,
                  .args = call->args,
                  .args_type = def->params,
                  .args_typespace = def->typespace,
                  .timestamp = call->timestamp},
    };
}

// After the rollback: replaces the instance if need be, writes the log record, answers the caller.
//
// told  what the caller hears of a failure that is not the module's own message
static ReducerReport finish_failed(Database *database, const ReducerCall *call,
                                   const CallOutcome *outcome, Bytes told) {
    TxCause cause;
    fill_cause(call, &cause);
    SyncEvent *event = &cause.event;
    Bytes text = arena_copy(&database->call_arena, outcome->text);
    event->duration_micros = (int64_t)(outcome->nanos / 1000u);
    event->ticket = database_ticket(database);
    if (outcome->status == CALL_USER_ERROR) {
        event->result = RESULT_USER_ERROR;
        event->text = text;
        ModuleLogRecord record = call_failure_record(call->reducer->name, text);
        module_log_append(&database->module_log, &record, call->timestamp);
    } else if (outcome->status == CALL_OUT_OF_TIME) {
        event->result = RESULT_OUT_OF_ENERGY;
        event->text = ENERGY_TEXT;
    } else {
        event->result = RESULT_INTERNAL;
        event->text = told;
        log_line(LOG_INFO, "db", "reducer %.*s: %.*s", BYTES_FORMAT(call->reducer->name),
                 BYTES_FORMAT(text));
    }
    if (outcome->status == CALL_TRAPPED || outcome->status == CALL_OUT_OF_TIME) {
        ModuleLogRecord record = call_failure_record(call->reducer->name, text);
        // A panic has said it all already, with a trace of its own.
        if (!database->running.has_panicked)
            module_log_append(&database->module_log, &record, database_now(database));
        database_restart_instance(database);
    }
    if (call->client) sync_call_failed(database->sync, event);
    return (ReducerReport){.result = event->result,
                           .text = event->text,
                           .nanos = outcome->nanos,
                           .ticket = event->ticket};
}

ModuleLogRecord call_failure_record(Bytes function, Bytes text) {
    return (ModuleLogRecord){
        .level = MODULE_LOG_ERROR,
        .target = BYTES_LITERAL("__spacetimedb__"),
        .filename = BYTES_LITERAL("__spacetimedb__"),
        .line = UINT32_MAX,
        .function = function,
        .message = text,
    };
}

uint64_t database_commit(Database *database, TxCause *cause) {
    Tx *tx = store_tx(database->store);
    ASSERT(tx != NULL);
    const Commit *commit = tx_commit(tx);
    if (commit->is_logged) {
        database->stats.transactions++;
        if (database->log) {
            (void)log_append(database->log, &cause->inputs, commit);
        } else {
            database->memory_ticket++;
        }
    }
    uint64_t ticket = database_ticket(database);
    cause->event.ticket = ticket;
    cause->event.withhold_reducer = database->def && database->def->version >= 10;
    database_schedule_commit(database, commit);
    bool changes_schema = commit->changes_schema;
    sync_commit(database->sync, &cause->event, commit);
    tx_release(tx);
    if (changes_schema) sync_schema_changed(database->sync, ticket);
    return ticket;
}

uint64_t database_commit_surely(Database *database, TxCause *cause) {
    if (views_exist(database)) views_refresh_surely(database);
    return database_commit(database, cause);
}

// ---- HTTP ----

void database_call_json(Database *database, const Caller *caller, Bytes name, Bytes json,
                        FunctionWaiter *waiter, FunctionReport *ret_report) {
    *ret_report = (FunctionReport){0};
    buffer_init(&ret_report->text, CLIENT_MESSAGE_BYTES_MAX);
    buffer_init(&ret_report->output, CLIENT_MESSAGE_BYTES_MAX);
    ret_report->ticket = database_ticket(database);
    const FunctionDef *def = NULL;
    Lookup lookup = look_up(database, caller, name, &def);
    if (lookup == LOOKUP_LIFECYCLE) {
        ret_report->outcome = FUNCTION_IS_LIFECYCLE;
        buffer_append_format(&ret_report->text, "can't directly call special %s lifecycle reducer",
                             lifecycle_name(def->lifecycle));
        return;
    }
    if (lookup != LOOKUP_REDUCER) call_log_bad(database, "reducer", name, false);
    if (lookup == LOOKUP_NONE) {
        call_log_bad(database, "procedure", name, false);
        ret_report->outcome = FUNCTION_NOT_FOUND;
        buffer_append_text(&ret_report->text, "No such procedure");
        return;
    }
    const char *kind = lookup == LOOKUP_REDUCER ? "reducer" : "procedure";
    Bytes args = BYTES_NONE;
    Error error;
    if (read_json_args(database, def, json, kind, &args, &error) != STATUS_OK) {
        call_log_bad(database, kind, name, true);
        ret_report->outcome = FUNCTION_BAD_ARGUMENTS;
        buffer_append_text(&ret_report->text, error.text);
        return;
    }
    if (lookup == LOOKUP_PROCEDURE) {
        procedure_call_http(database, caller, def, args, waiter, ret_report);
        return;
    }
    ReducerCall call = {
        .reducer = def, .caller = *caller, .timestamp = database_now(database), .args = args};
    ReducerReport report = database_run_reducer(database, &call);
    report_function(database, &report, ret_report);
}

static void report_function(Database *database, const ReducerReport *report,
                            FunctionReport *ret_report) {
    (void)database;
    ret_report->nanos = report->nanos;
    ret_report->ticket = report->ticket;
    bool is_out_of_energy = report->result == RESULT_OUT_OF_ENERGY;
    buffer_append_bytes(&ret_report->text, is_out_of_energy ? HTTP_ENERGY_TEXT : report->text);
    switch (report->result) {
    case RESULT_COMMITTED: ret_report->outcome = FUNCTION_COMMITTED; return;
    case RESULT_USER_ERROR: ret_report->outcome = FUNCTION_USER_ERROR; return;
    case RESULT_INTERNAL: ret_report->outcome = FUNCTION_FATAL; return;
    case RESULT_OUT_OF_ENERGY: ret_report->outcome = FUNCTION_OUT_OF_ENERGY; return;
    }
    UNREACHABLE();
}
