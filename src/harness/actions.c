// actions.c - what steps do to a database: each posts a message, lets everything due happen, and
// replies.
//
// Calls are as over HTTP: whoever is not connected is so for the call. A procedure that sleeps has
// not ended when its step has; it is `asleep` until the clock has been moved far enough.
#include "harness/trial.h"

typedef struct Action {
    DbMessage message;
    void (*run)(Database *database, void *user);
    void *user;
    _Atomic bool is_done;  // the executor writes, who posted reads; sequentially consistent
} Action;

static void action_run(Database *database, DbMessage *message);
static void on_executor(Trial *trial, void (*run)(Database *, void *), void *user);
static TrialCall *call_create(Trial *trial);
static void exec_call(Database *database, void *user);
static void call_ended(FunctionWaiter *waiter, Database *database, FunctionReport *report);
static bool connect_person(Database *database, Person *person, Buffer *ret_text);
static StepReply call_report(Trial *trial, TrialCall *call);
static void exec_route(Database *database, void *user);
static void route_ended(RouteWaiter *waiter, Database *database, const RouteReply *reply);

static void action_run(Database *database, DbMessage *message) {
    Action *action = (Action *)(void *)message;
    action->run(database, action->user);
    action->is_done = true;
}

static void on_executor(Trial *trial, void (*run)(Database *, void *), void *user) {
    Action action = {.message.run = action_run, .run = run, .user = user};
    database_post(trial->database, &action.message);
    trial_settle(trial);
    ASSERT(action.is_done);
}

// ---- calls ----

static TrialCall *call_create(Trial *trial) {
    TrialCall *call = ARENA_NEW(&trial->arena, TrialCall);
    call->waiter.done = call_ended;
    call->route.done = route_ended;
    call->person = trial->acting;
    buffer_init(&call->text, SQL_RESULT_BYTES_MAX);
    return call;
}

StepReply trial_call(Trial *trial, Bytes name, Bytes json) {
    if (trial->asleep != NULL && !trial->asleep->is_done)
        return reply_error(trial, "a procedure sleeps: advance the clock, then ask for its result");
    if (!trial_needs_database(trial)) return (StepReply){true, buffer_bytes(&trial->reply)};
    TrialCall *call = call_create(trial);
    call->name = name;
    call->json = json;
    on_executor(trial, exec_call, call);
    if (call->is_done) return call_report(trial, call);
    if (trial->asleep != NULL) buffer_done(&trial->asleep->text);
    trial->asleep = call;
    return reply_ok(trial, BYTES_LITERAL("asleep"));
}

StepReply trial_result(Trial *trial) {
    if (trial->asleep == NULL) return reply_error(trial, "no procedure slept");
    if (!trial->asleep->is_done) return reply_ok(trial, BYTES_LITERAL("asleep"));
    TrialCall *call = trial->asleep;
    trial->asleep = NULL;
    return call_report(trial, call);
}

static StepReply call_report(Trial *trial, TrialCall *call) {
    StepReply reply = reply_ok(trial, buffer_bytes(&call->text));
    reply.is_error = call->is_error;
    buffer_done(&call->text);
    return reply;
}

static void exec_call(Database *database, void *user) {
    TrialCall *call = user;
    if (!call->person->is_connected) {
        if (!connect_person(database, call->person, &call->text)) {
            call->is_error = true;
            call->is_done = true;
            return;
        }
        call->disconnects = true;
    }
    FunctionReport report;
    database_call_json(database, &call->person->caller, call->name, call->json, &call->waiter,
                       &report);
    if (report.outcome != FUNCTION_STARTED) {
        call_ended(&call->waiter, database, &report);
    } else {
        buffer_done(&report.text);
        buffer_done(&report.output);
    }
}

static void call_ended(FunctionWaiter *waiter, Database *database, FunctionReport *report) {
    TrialCall *call = (TrialCall *)(void *)waiter;
    bool is_ok = report->outcome == FUNCTION_COMMITTED || report->outcome == FUNCTION_RETURNED;
    call->is_error = !is_ok;
    buffer_append_bytes(&call->text, buffer_bytes(is_ok ? &report->output : &report->text));
    buffer_done(&report->text);
    buffer_done(&report->output);
    if (call->disconnects && !database_is_stopped(database)) {
        database_disconnect(database, &call->person->caller);
        call->person->caller.connection = (ConnectionId){0};
    }
    call->is_done = true;
}

// ---- connections ----

static bool connect_person(Database *database, Person *person, Buffer *ret_text) {
    person->caller.connection = database_new_connection_id(database);
    Error error = {0};
    if (database_connect(database, &person->caller, &error) == CONNECT_OK) return true;
    person->caller.connection = (ConnectionId){0};
    buffer_append_format(ret_text, "refused to connect: %s", error.text);
    return false;
}

static void exec_connect(Database *database, void *user) {
    Trial *trial = user;
    buffer_clear(&trial->reply);
    trial->acting->is_connected = connect_person(database, trial->acting, &trial->reply);
}

StepReply trial_connect(Trial *trial) {
    if (!trial_needs_database(trial)) return (StepReply){true, buffer_bytes(&trial->reply)};
    if (trial->acting->is_connected) return reply_error(trial, "is connected already");
    on_executor(trial, exec_connect, trial);
    return (StepReply){!trial->acting->is_connected, buffer_bytes(&trial->reply)};
}

static void exec_disconnect(Database *database, void *user) {
    Trial *trial = user;
    if (trial->acting->client != NULL) database_remove_client(database, trial->acting->client);
    trial->acting->client = NULL;
    database_disconnect(database, &trial->acting->caller);
}

StepReply trial_disconnect(Trial *trial) {
    if (!trial->acting->is_connected) return reply_error(trial, "is not connected");
    on_executor(trial, exec_disconnect, trial);
    trial->acting->is_connected = false;
    trial->acting->caller.connection = (ConnectionId){0};
    return reply_ok(trial, BYTES_NONE);
}

// ---- subscriptions: as clients of the JSON protocol have them ----

typedef struct SubscribeAction {
    Trial *trial;
    Bytes query;
} SubscribeAction;

static void exec_subscribe(Database *database, void *user) {
    SubscribeAction *action = user;
    Person *person = action->trial->acting;
    if (person->client == NULL) {
        const SyncClientOptions options = {
            .protocol = PROTOCOL_V1_JSON,
            .identity = person->caller.identity,
            .connection_id = person->caller.connection,
            .is_owner = person == &action->trial->persons[0],
            .light = true,
            .connection = person,
        };
        person->client = database_add_client(database, &options, BYTES_LITERAL("token"));
    }
    const RequestSet set = {
        .query_set_id = ++action->trial->query_count, .queries = &action->query, .query_count = 1};
    const Request request = {.kind = REQUEST_SUBSCRIBE_MULTI,
                             .request_id = set.query_set_id,
                             .sets = &set,
                             .set_count = 1};
    database_client_request(database, person->client, &request);
}

StepReply trial_subscribe(Trial *trial, Bytes query) {
    if (!trial->acting->is_connected) {
        StepReply reply = trial_connect(trial);
        if (reply.is_error) return reply;
    }
    SubscribeAction action = {.trial = trial, .query = query};
    on_executor(trial, exec_subscribe, &action);
    // What came is the rows at first, or why there are none.
    StepReply reply = trial_updates(trial);
    reply.is_error = text_contains(reply.text, BYTES_LITERAL("{\"SubscriptionError\":"));
    return reply;
}

StepReply trial_updates(Trial *trial) {
    Buffer *received = &trial->acting->received;
    Bytes messages = buffer_bytes(received);
    if (messages.count > 0) messages.count--;  // the last comma
    StepReply reply = reply_ok(trial,
                               arena_format(&trial->arena, "[%.*s]", BYTES_FORMAT(messages)));
    buffer_clear(received);
    return reply;
}

// ---- SQL ----

typedef struct SqlAction {
    Trial *trial;
    Bytes text;
    SqlReport report;
    Status status;
    Error error;
} SqlAction;

static void exec_sql(Database *database, void *user) {
    SqlAction *action = user;
    action->status = database_sql(database, &action->trial->acting->caller, action->text,
                                  &action->report, &action->error);
}

StepReply trial_sql(Trial *trial, Bytes text) {
    if (!trial_needs_database(trial)) return (StepReply){true, buffer_bytes(&trial->reply)};
    SqlAction action = {.trial = trial, .text = text};
    on_executor(trial, exec_sql, &action);
    StepReply reply = action.status == STATUS_OK
                          ? reply_ok(trial, json_rows(buffer_bytes(&action.report.json)))
                          : reply_error(trial, "%s", action.error.text);
    if (action.status == STATUS_OK) buffer_done(&action.report.json);
    return reply;
}

// ---- HTTP handlers ----

typedef struct RouteAction {
    TrialCall *call;
    RouteRequest request;
    RouteOutcome outcome;
} RouteAction;

static void exec_route(Database *database, void *user) {
    RouteAction *action = user;
    action->outcome = database_call_route(database, &action->request, &action->call->route);
}

static void route_ended(RouteWaiter *waiter, Database *database, const RouteReply *reply) {
    (void)database;
    TrialCall *call = (TrialCall *)(void *)((char *)waiter - offsetof(TrialCall, route));
    call->is_error = reply->is_failed;
    if (reply->is_failed) {
        buffer_append_bytes(&call->text, reply->text);
    } else {
        buffer_append_format(&call->text, "%u ", reply->status);
        buffer_append_bytes(&call->text, reply->body);
    }
    call->is_done = true;
}

StepReply trial_http(Trial *trial, Bytes method, Bytes path, Bytes body) {
    if (!trial_needs_database(trial)) return (StepReply){true, buffer_bytes(&trial->reply)};
    RouteAction action = {
        .call = call_create(trial),
        .request =
            {
                .method = method,
                .path = path,
                .uri = arena_format(&trial->arena, "http://localhost/v1/database/test/route%.*s",
                                    BYTES_FORMAT(path)),
                .fields = trial->fields,
                .field_count = trial->field_count,
                .version_minor = 1,
                .body = body,
            },
    };
    on_executor(trial, exec_route, &action);
    trial->field_count = 0;
    if (action.outcome == ROUTE_STARTED && action.call->is_done)
        return call_report(trial, action.call);
    if (action.outcome == ROUTE_STARTED) {
        // It sleeps. Its reply comes like a procedure's.
        if (trial->asleep != NULL && trial->asleep->is_done) buffer_done(&trial->asleep->text);
        trial->asleep = action.call;
        return reply_ok(trial, BYTES_LITERAL("asleep"));
    }
    buffer_done(&action.call->text);
    return action.outcome == ROUTE_NONE ? reply_error(trial, "404 no handler for %.*s %.*s",
                                                      BYTES_FORMAT(method), BYTES_FORMAT(path))
                                        : reply_error(trial, "too many calls wait already");
}
