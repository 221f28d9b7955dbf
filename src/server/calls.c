// calls.c - reducers, procedures, SQL and the schema over HTTP (http-api.md 6.3.6 to 6.3.8). The caller is
// connected, served and disconnected within one turn of the executor; but a procedure runs beside it.

#include "server/handlers.h"

// What upstream's budget counts in a second; we measure time (http-api.md 1.7).
#define ENERGY_PER_NANO 2u

static bool check_content_type(WebRequest *request);
static bool check_utf8(WebRequest *request);
static bool connect_caller(WebRequest *request, Database *database, Caller *ret_caller);
static void refuse_connect(WebRequest *request, Database *database, ConnectOutcome outcome,
                           const Error *error);
static void exec_call(Database *database, DbMessage *message);
static void call_ended(FunctionWaiter *waiter, Database *database, FunctionReport *report);
static void exec_call_durable(Database *database, DbMessage *message);
static void answer_call(WebRequest *request, const FunctionReport *report);
static void add_number(WebRequest *request, const char *name, uint64_t number);
static void exec_sql(Database *database, DbMessage *message);
static void exec_sql_durable(Database *database, DbMessage *message);
static void exec_schema(Database *database, DbMessage *message);

// ---- calls ----

// A procedure's goes on after its message.
typedef struct CallRequest {
    FunctionWaiter waiter;  // first: a waiter of ours is a CallRequest
    WebRequest *request;
    Bytes function;
    Caller caller;
    FunctionReport report;
} CallRequest;

void handle_call(WebRequest *request) {
    if (!web_running_database(request) || !check_content_type(request) || !check_utf8(request)) {
        return;
    }
    CallRequest *call = ARENA_NEW(request->arena, CallRequest);
    request->own = call;
    if (!web_param(request, 1, &call->function)) return;
    if (!web_query_flag(request, "confirmed", &call->waiter.is_confirmed)) return;
    call->waiter.done = call_ended;
    call->request = request;
    web_post(request, exec_call);
}

static bool check_content_type(WebRequest *request) {
    Bytes type = http_header(request->http, "content-type");
    if (type.data == NULL) {
        web_answer_text(request, 400, "Header of type `content-type` was missing");
    } else if (memchr(type.data, '/', type.count) == NULL) {
        web_answer_text(request, 400, "invalid HTTP header (content-type)");
    } else if (!bytes_equal_text(type, "application/json")) {
        web_answer_text(request, 415, "Expected request with `Content-Type: application/json`");
    } else {
        return true;
    }
    return false;
}

static bool check_utf8(WebRequest *request) {
    if (utf8_is_valid(request->http->body)) return true;
    web_answer_text(request, 400, "Request body didn't contain valid UTF-8");
    return false;
}

static bool connect_caller(WebRequest *request, Database *database, Caller *ret_caller) {
    *ret_caller = web_caller(request, database_new_connection_id(database));
    Error error;
    ConnectOutcome outcome = database_connect(database, ret_caller, &error);
    if (outcome == CONNECT_OK) return true;
    refuse_connect(request, database, outcome, &error);
    return false;
}

static void refuse_connect(WebRequest *request, Database *database, ConnectOutcome outcome,
                           const Error *error) {
    switch (outcome) {
    case CONNECT_OK: break;
    case CONNECT_REJECTED: web_answer_text(request, 403, "%s", error->text); return;
    case CONNECT_OUT_OF_ENERGY:
        web_answer_text(request, 503,
                        "Insufficient energy balance to run `client_connected` reducer");
        return;
    case CONNECT_FAILED:
        web_answer_text(request, database_is_stopped(database) ? 404 : 500, "%s", error->text);
        return;
    }
    UNREACHABLE();
}

static void exec_call(Database *database, DbMessage *message) {
    WebRequest *request = WEB_OF_MESSAGE(message);
    CallRequest *call = request->own;
    if (!connect_caller(request, database, &call->caller)) return;
    FunctionReport report;
    database_call_json(database, &call->caller, call->function, request->http->body, &call->waiter,
                       &report);
    if (report.outcome != FUNCTION_STARTED) call_ended(&call->waiter, database, &report);
}

// A database that has stopped disconnects its callers when it is opened again.
static void call_ended(FunctionWaiter *waiter, Database *database, FunctionReport *report) {
    CallRequest *call = (CallRequest *)(void *)waiter;
    call->report = *report;
    if (!database_is_stopped(database)) database_disconnect(database, &call->caller);
    DbMessage *message = &call->request->message;
    message->run = exec_call_durable;
    if (waiter->is_confirmed) {
        database_post_when_durable(database, call->report.ticket, message);
    } else {
        exec_call_durable(database, message);
    }
}

static void exec_call_durable(Database *database, DbMessage *message) {
    WebRequest *request = WEB_OF_MESSAGE(message);
    const CallRequest *call = request->own;
    FunctionReport report = call->report;  // the request goes with the answer
    Error error;
    if (call->waiter.is_confirmed && database_failure(database, &error)) {
        web_answer_text(request, 500, "%s", error.text);
    } else {
        answer_call(request, &report);
    }
    buffer_done(&report.text);
    buffer_done(&report.output);
}

static void answer_call(WebRequest *request, const FunctionReport *report) {
    static const uint32_t STATUSES[] = {
        [FUNCTION_COMMITTED] = 200,        [FUNCTION_RETURNED] = 200,
        [FUNCTION_USER_ERROR] = 530,       [FUNCTION_FATAL] = 530,
        [FUNCTION_OUT_OF_ENERGY] = 402,    [FUNCTION_NOT_FOUND] = 404,
        [FUNCTION_IS_LIFECYCLE] = 400,     [FUNCTION_BAD_ARGUMENTS] = 400,
        [FUNCTION_PROCEDURE_FAILED] = 500, [FUNCTION_PROCEDURE_OUT_OF_ENERGY] = 402,
    };
    bool has_run = report->outcome == FUNCTION_COMMITTED ||
                   report->outcome == FUNCTION_USER_ERROR || report->outcome == FUNCTION_FATAL ||
                   report->outcome == FUNCTION_OUT_OF_ENERGY;
    if (has_run) add_number(request, "spacetime-energy-used", report->nanos * ENERGY_PER_NANO);
    if (has_run || report->outcome == FUNCTION_RETURNED) {
        add_number(request, "spacetime-execution-duration-micros", report->nanos / 1000);
    }
    if (report->outcome == FUNCTION_RETURNED) {
        web_answer_json(request, 200, buffer_bytes(&report->output));
    } else {
        web_answer_bytes(request, STATUSES[report->outcome], buffer_bytes(&report->text));
    }
}

static void add_number(WebRequest *request, const char *name, uint64_t number) {
    web_add_header(request, name, arena_format(request->arena, "%llu", (unsigned long long)number));
}

// ---- SQL ----

typedef struct SqlRequest {
    bool confirmed;
    SqlReport report;
} SqlRequest;

void handle_sql(WebRequest *request) {
    SqlRequest *sql = ARENA_NEW(request->arena, SqlRequest);
    sql->confirmed = true;
    request->own = sql;
    if (!web_running_database(request)) return;
    if (!web_query_flag(request, "confirmed", &sql->confirmed) || !check_utf8(request)) return;
    web_post(request, exec_sql);
}

static void exec_sql(Database *database, DbMessage *message) {
    WebRequest *request = WEB_OF_MESSAGE(message);
    SqlRequest *sql = request->own;
    Caller caller;
    if (!connect_caller(request, database, &caller)) return;
    Error error;
    Status status = database_sql(database, &caller, request->http->body, &sql->report, &error);
    database_disconnect(database, &caller);
    if (status != STATUS_OK) {
        web_answer_text(request, status == STATUS_IO ? 500 : 400, "%s", error.text);
        return;
    }
    message->run = exec_sql_durable;
    if (sql->confirmed) {
        database_post_when_durable(database, sql->report.ticket, message);
    } else {
        exec_sql_durable(database, message);
    }
}

static void exec_sql_durable(Database *database, DbMessage *message) {
    WebRequest *request = WEB_OF_MESSAGE(message);
    SqlRequest *sql = request->own;
    Buffer json = sql->report.json;  // the request goes with the answer
    Error error;
    if (sql->confirmed && database_failure(database, &error)) {
        web_answer_text(request, 500, "%s", error.text);
    } else {
        add_number(request, "spacetime-execution-duration-micros", sql->report.micros);
        web_answer_json(request, 200, buffer_bytes(&json));
    }
    buffer_done(&json);
}

// ---- schema ----

void handle_schema(WebRequest *request) {
    if (!web_running_database(request)) return;
    Bytes version;
    if (!web_query(request, "version", &version)) return;
    bool is_nine = bytes_equal_text(version, "9");
    if (version.data == NULL) {
        web_refuse_query(request, "missing field `version`");
    } else if (!is_nine && !bytes_equal_text(version, "10")) {
        web_refuse_query(request, "unknown variant `%.*s`, expected `9` or `10`",
                         BYTES_FORMAT(version));
    } else {
        request->own = is_nine ? request : NULL;
        web_post(request, exec_schema);
    }
}

static void exec_schema(Database *database, DbMessage *message) {
    WebRequest *request = WEB_OF_MESSAGE(message);
    const ModuleDef *def = database_is_stopped(database) ? NULL : database_module(database);
    if (def == NULL) {
        web_answer_text(request, 500, "no such module");
        return;
    }
    Buffer json;
    buffer_init(&json, SERVER_TEXT_BYTES_MAX);
    if (request->own) {
        module_def_write_json_v9(def, &json);
    } else {
        module_def_write_json_v10(def, &json);
    }
    if (json.failed) {
        web_answer_text(request, 500, "the definition is too long");
    } else {
        web_answer_json(request, 200, buffer_bytes(&json));
    }
    buffer_done(&json);
}
