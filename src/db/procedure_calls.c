// procedure_calls.c - who calls procedures, and how each hears of the result: WebSocket clients, HTTP requests, the
// scheduler.

#include "db/procedures.h"

#include "base/log.h"
#include "db/database.h"

static const Bytes BUSY_TEXT = {(const uint8_t *)"too many calls of procedures are waiting", 40};

// A client's call, while it runs.
typedef struct ClientCall {
    SyncClient *client;  // NULL once it is gone
    Request request;
} ClientCall;

static void client_done(ProcedureRun *run);
static void refuse_client(Database *database, SyncClient *client, const Request *request,
                          Bytes text);
static void http_done(ProcedureRun *run);
static void scheduled_done(ProcedureRun *run);

// ---- WebSocket ----

void procedure_call_client(Database *database, SyncClient *client, const Request *request) {
    const SyncClientOptions *options = sync_client_options(client);
    Caller caller = {.identity = options->identity, .connection = options->connection_id};
    const FunctionDef *def = database->def
                                 ? module_def_find_procedure(database->def, request->function)
                                 : NULL;
    if (def == NULL || !call_is_visible(database, &caller, def)) {
        call_log_bad(database, "procedure", request->function, false);
        refuse_client(database, client, request, BYTES_LITERAL("No such procedure"));
        return;
    }
    Bytes args = BYTES_NONE;
    Error error;
    if (call_check_args(database, def, "procedure", request, &args, &error) != STATUS_OK) {
        call_log_bad(database, "procedure", request->function, true);
        refuse_client(database, client, request, bytes_of_text(error.text));
        return;
    }
    ProcedureOptions run_options = {.name = def->name,
                                    .args = args,
                                    .caller = caller,
                                    .timestamp = database_now(database),
                                    .is_confirmed = options->confirmed,
                                    .done = client_done};
    ProcedureRun *run = procedure_create(database, &run_options);
    if (run == NULL) {
        refuse_client(database, client, request, BUSY_TEXT);
        return;
    }
    ClientCall *call = ARENA_NEW(procedure_arena(run), ClientCall);
    call->client = client;
    call->request = (Request){
        .kind = request->kind, .request_id = request->request_id, .flags = request->flags};
    call->request.function = procedure_options(run)->name;
    procedure_set_user(run, call);
    procedure_submit(run);
}

static void refuse_client(Database *database, SyncClient *client, const Request *request,
                          Bytes text) {
    SyncEvent event = {
        .caller = client, .request = request, .result = RESULT_INTERNAL, .text = text};
    sync_procedure_result(database->sync, &event, BYTES_NONE);
}

static void client_done(ProcedureRun *run) {
    const ClientCall *call = procedure_user(run);
    if (call->client == NULL) return;
    const ProcedureResult *result = procedure_result(run);
    SyncEvent event = {.caller = call->client, .request = &call->request, .ticket = result->ticket};
    switch (result->outcome) {
    case RUN_RETURNED:
        event.result = RESULT_COMMITTED;
        event.value_type = result->def->return_type;
        event.args_typespace = result->def->typespace;
        event.timestamp = procedure_options(run)->timestamp;
        event.duration_micros = (int64_t)(result->nanos / 1000u);
        break;
    case RUN_OUT_OF_ENERGY: event.result = RESULT_OUT_OF_ENERGY; break;
    case RUN_FAILED:
    case RUN_NO_MODULE: event.result = RESULT_INTERNAL; break;
    }
    event.text = result->text;
    sync_procedure_result(procedure_database(run)->sync, &event, result->output);
}

void procedure_forget_client(Database *database, const SyncClient *client) {
    for (ProcedureRun *run = procedures_next(database, NULL); run;
         run = procedures_next(database, run)) {
        if (procedure_options(run)->done != client_done) continue;
        ClientCall *call = procedure_user(run);
        if (call->client == client) call->client = NULL;
    }
}

// ---- HTTP calls ----

void procedure_call_http(Database *database, const Caller *caller, const FunctionDef *def,
                         Bytes args, FunctionWaiter *waiter, FunctionReport *report) {
    ProcedureOptions options = {.name = def->name,
                                .args = args,
                                .caller = *caller,
                                .timestamp = database_now(database),
                                .is_confirmed = waiter->is_confirmed,
                                .done = http_done,
                                .user = waiter};
    ProcedureRun *run = procedure_create(database, &options);
    if (run == NULL) {
        report->outcome = FUNCTION_PROCEDURE_FAILED;
        buffer_append_bytes(&report->text, BUSY_TEXT);
        return;
    }
    report->outcome = FUNCTION_STARTED;
    procedure_submit(run);
}

static void http_done(ProcedureRun *run) {
    static const FunctionOutcome OUTCOMES[] = {
        [RUN_RETURNED] = FUNCTION_RETURNED,
        [RUN_FAILED] = FUNCTION_PROCEDURE_FAILED,
        [RUN_OUT_OF_ENERGY] = FUNCTION_PROCEDURE_OUT_OF_ENERGY,
        [RUN_NO_MODULE] = FUNCTION_PROCEDURE_FAILED,
    };
    const ProcedureResult *result = procedure_result(run);
    FunctionReport report = {
        .outcome = OUTCOMES[result->outcome], .nanos = result->nanos, .ticket = result->ticket};
    buffer_init(&report.text, MODULE_SINK_BYTES_MAX);
    buffer_init(&report.output, SQL_RESULT_BYTES_MAX);
    buffer_append_bytes(&report.text, result->text);
    if (result->outcome == RUN_RETURNED) {
        const FunctionDef *def = result->def;
        (void)json_write_value(&report.output, def->typespace, def->return_type,
                               result->output.data, JSON_UNTYPED);
        if (report.output.failed) {
            report.outcome = FUNCTION_PROCEDURE_FAILED;
            buffer_append_format(&report.text, "the result is larger than %u bytes",
                                 SQL_RESULT_BYTES_MAX);
        }
    }
    FunctionWaiter *waiter = procedure_user(run);
    waiter->done(waiter, procedure_database(run), &report);
}

// ---- the scheduler ----

void procedure_call_scheduled(Database *database, const FunctionDef *def, Bytes args,
                              int64_t timestamp, const ScheduleEntry *entry) {
    ProcedureOptions options = {.name = def->name,
                                .args = args,
                                .caller = {.identity = database->options.identity},
                                .timestamp = timestamp,
                                .is_confirmed = true,
                                .done = scheduled_done};
    ProcedureRun *run = procedure_create(database, &options);
    if (run == NULL) {
        log_line(LOG_WARN, "db", "scheduled procedure %.*s: %.*s", BYTES_FORMAT(def->name),
                 BYTES_FORMAT(BUSY_TEXT));
        if (entry) database_schedule_done(database, entry);
        return;
    }
    if (entry) {
        ScheduleEntry *copy = ARENA_NEW(procedure_arena(run), ScheduleEntry);
        *copy = *entry;
        procedure_set_user(run, copy);
    }
    procedure_submit(run);
}

// Nobody waits for the value; why it failed is in the server's log.
static void scheduled_done(ProcedureRun *run) {
    Database *database = procedure_database(run);
    const ScheduleEntry *entry = procedure_user(run);
    if (entry && !database->is_stopped) database_schedule_done(database, entry);
}
