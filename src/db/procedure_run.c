// procedure_run.c - a run on its own thread: the call, and what the module asks for meanwhile.
//
// Between enter and leave the thread holds the database's turn: everything that belongs to the executor belongs to it.
// Messages that this thread posts before it asks for the turn are handled before it gets it: so log lines keep their
// order.

#include "db/procedure_run.h"

#include "base/log.h"

#define FATAL_PREFIX "The module instance encountered a fatal error: "
#define STOPPED_TEXT "the module is being stopped"

static bool make_instance(ProcedureRun *run);
static void set_interruptible(ProcedureRun *run, Instance *instance);
static CallOutcome call(ProcedureRun *run, Bytes *ret_body);
static void keep_result(ProcedureRun *run, const CallOutcome *outcome, Bytes body);
static void fail(ProcedureRun *run, Bytes cause);
static Bytes first_line(Bytes text);
static Status proc_enter(void *user, Error *error);
static void proc_leave(void *user);
static Status proc_commit(void *user, Error *error);
static uint64_t commit_tx(ProcedureInstance *instance);
static Status proc_sleep(void *user, int64_t until_micros, Error *error);
static bool proc_is_ending(void *user);
static Status want_turn(ProcedureRun *run, Error *error);
static void give_turn_back(ProcedureRun *run);
static void proc_log(void *user, const ModuleLogRecord *record);
static void post_line(ProcedureRun *run, Bytes line, int64_t now);
static void proc_schedule_immediate(void *user, Bytes function, Bytes args);

const HostProcedures PROCEDURE_CALLS = {
    .enter = proc_enter,
    .leave = proc_leave,
    .commit = proc_commit,
    .sleep = proc_sleep,
    .is_ending = proc_is_ending,
};

void procedure_run_job(PoolJob *job) {
    ProcedureRun *run = (ProcedureRun *)(void *)((char *)job - offsetof(ProcedureRun, job));
    Database *database = run->database;
    if (run->instance || make_instance(run)) {
        run->instance->run = run;
        instance_set_call_seconds(run->instance->instance, run->call_seconds);
        set_interruptible(run, run->instance->instance);
        Bytes body = BYTES_NONE;
        CallOutcome outcome = call(run, &body);
        set_interruptible(run, NULL);
        keep_result(run, &outcome, body);
    }
    // The run is the executor's again, and with it the reference that kept the database while it is posted to.
    (void)database_ref(database);
    database_post(database, &run->done_message);
    database_unref(database);
}

static bool make_instance(ProcedureRun *run) {
    Database *database = run->database;
    ProcedureInstance *made = mem_alloc_zero(sizeof *made);
    made->run = run;
    made->version = module_version_ref(run->version);
    made->env = (HostEnv){.os = database->options.os,
                          .store = database->store,
                          .database = database->options.identity,
                          .def = run->version->def,
                          .user = made,
                          .log = proc_log,
                          .schedule_immediate = proc_schedule_immediate,
                          .procedures = &PROCEDURE_CALLS,
                          .http = database->options.http,
                          .call_seconds = run->call_seconds,
                          .memory_bytes_max = run->memory_bytes_max};
    Error error;
    Status status = instance_create(run->version->program, &made->env, &made->instance, &error);
    if (status == STATUS_OK) {
        run->instance = made;
        return true;
    }
    fail(run, bytes_of_text(error.text));
    module_version_unref(made->version);
    mem_free(made);
    return false;
}

static void set_interruptible(ProcedureRun *run, Instance *instance) {
    mutex_lock(&run->mutex);
    run->interruptible = instance;
    // Stopped before there was something to interrupt.
    if (instance && atomic_load_explicit(&run->is_ending, memory_order_relaxed))
        instance_interrupt(instance);
    mutex_unlock(&run->mutex);
}

static CallOutcome call(ProcedureRun *run, Bytes *ret_body) {
    const ProcedureOptions *options = &run->options;
    FunctionCall function = {.id = run->def->id,
                             .name = run->def->name,
                             .sender = options->caller.identity,
                             .connection = options->caller.connection,
                             .timestamp = options->timestamp,
                             .args = options->args};
    if (run->kind == RUN_PROCEDURE)
        return instance_call_procedure(run->instance->instance, &function);
    HandlerCall handler = {
        .call = function, .sender_jwt = options->caller.jwt_payload, .body = run->body};
    return instance_call_http_handler(run->instance->instance, &handler, ret_body);
}

// ---- the result ----

static void keep_result(ProcedureRun *run, const CallOutcome *outcome, Bytes body) {
    const FunctionDef *def = run->def;
    run->result.def = def;
    run->result.nanos = outcome->nanos;
    run->is_instance_lost = outcome->status != CALL_OK;
    bool is_ended = outcome->status == CALL_TRAPPED || outcome->status == CALL_OUT_OF_TIME;
    if (is_ended && !run->has_panicked) {
        ModuleLogRecord record = call_failure_record(def->name, outcome->text);
        proc_log(run->instance, &record);
    }
    if (outcome->status == CALL_OUT_OF_TIME) {
        run->result.outcome = RUN_OUT_OF_ENERGY;
        run->result.text = BYTES_LITERAL("Procedure terminated due to insufficient budget");
        return;
    }
    if (outcome->status != CALL_OK) {
        log_line(LOG_INFO, "db", "procedure %.*s: %.*s", BYTES_FORMAT(def->name),
                 BYTES_FORMAT(outcome->text));
        fail(run, first_line(outcome->text));
        return;
    }
    Reader reader = reader_of(outcome->output);
    Error error;
    if (run->kind == RUN_PROCEDURE &&
        bsatn_check(def->typespace, def->return_type, &reader, &error) != STATUS_OK) {
        fail(run, bytes_of_text(error.text));
        return;
    }
    uint32_t left = run->kind == RUN_PROCEDURE ? (uint32_t)reader_left(&reader) : 0;
    buffer_append(&run->output, outcome->output.data, outcome->output.count - left);
    buffer_append_bytes(&run->reply_body, body);
    ASSERT(!run->output.failed && !run->reply_body.failed);
    run->result.outcome = RUN_RETURNED;
    run->result.output = buffer_bytes(&run->output);
    run->result.body = buffer_bytes(&run->reply_body);
}

// A handler's client gets the cause alone.
static void fail(ProcedureRun *run, Bytes cause) {
    run->result.outcome = RUN_FAILED;
    if (run->kind == RUN_PROCEDURE) buffer_append_text(&run->text, FATAL_PREFIX);
    buffer_append_bytes(&run->text, cause);
    run->result.text = buffer_bytes(&run->text);
}

// The backtrace behind it is for the server's log.
static Bytes first_line(Bytes text) {
    const uint8_t *end = text.count > 0 ? memchr(text.data, '\n', text.count) : NULL;
    return end ? bytes_of(text.data, (size_t)(end - text.data)) : text;
}

// ---- the turn ----

static ProcedureRun *run_of(void *user) {
    return ((ProcedureInstance *)user)->run;
}

static Status want_turn(ProcedureRun *run, Error *error) {
    mutex_lock(&run->mutex);
    ASSERT(run->turn == TURN_NONE);
    run->turn = TURN_WANTED;
    mutex_unlock(&run->mutex);
    database_post(run->database, &run->turn_message);
    mutex_lock(&run->mutex);
    while (run->turn == TURN_WANTED) condition_wait(&run->changed, &run->mutex);
    bool is_held = run->turn == TURN_HELD;
    if (!is_held) run->turn = TURN_NONE;
    mutex_unlock(&run->mutex);
    run->log_bytes = 0;
    if (!is_held) return error_set(error, STATUS_CONFLICT, STOPPED_TEXT);
    return STATUS_OK;
}

static void give_turn_back(ProcedureRun *run) {
    Database *database = run->database;
    run->result.ticket = database_ticket(database);  // what was read may be no older
    mutex_lock(&run->mutex);
    ASSERT(run->turn == TURN_HELD);
    run->turn = TURN_NONE;
    mutex_unlock(&run->mutex);
    actor_return(&database->actor);
}

static Status proc_enter(void *user, Error *error) {
    const ProcedureInstance *instance = user;
    ProcedureRun *run = instance->run;
    Status status = want_turn(run, error);
    if (status != STATUS_OK) return status;
    if (instance->version == run->database->version) return STATUS_OK;
    give_turn_back(run);
    return error_set(error, STATUS_CONFLICT, "module was replaced while this function was running");
}

static void proc_leave(void *user) {
    give_turn_back(run_of(user));
}

// ---- commit ----

// Without the turn.
static Status confirm(DurableWait *wait, Error *error) {
    switch (durable_end(wait, PROCEDURE_CONFIRMATION_MS_MAX)) {
    case DURABLE_YES: return STATUS_OK;
    case DURABLE_LATE:
        return error_set(error, STATUS_IO,
                         "durability confirmation timed out; outcome unknown, do not retry without "
                         "deduplication");
    case DURABLE_FAILED:
        return error_set(error, STATUS_IO,
                         "transaction committed, but durability could not be confirmed; outcome "
                         "unknown, do not retry without deduplication");
    }
    UNREACHABLE();
}

static Status proc_commit(void *user, Error *error) {
    ProcedureInstance *instance = user;
    ProcedureRun *run = instance->run;
    Database *database = run->database;
    Status status = STATUS_OK;
    if (database_failure(database, error)) {
        status = STATUS_IO;
    } else {
        CallOutcome refreshed = views_refresh(database, instance);
        if (refreshed.status != CALL_OK) {
            status = error_set(error, STATUS_INVALID, "%.*s", BYTES_FORMAT(refreshed.text));
        }
    }
    if (status != STATUS_OK) {
        tx_rollback(instance->env.tx);
        instance->env.tx = NULL;
        give_turn_back(run);
        return status;
    }
    uint64_t ticket = commit_tx(instance);
    DurableWait *wait = run->options.is_confirmed ? durable_begin(database, ticket) : NULL;
    if (database->log) log_wake(database->log);
    give_turn_back(run);
    return confirm(wait, error);
}

// Subscribers see a transaction of the database's own.
static uint64_t commit_tx(ProcedureInstance *instance) {
    Database *database = instance->run->database;
    TxCause cause = {.event = {.result = RESULT_COMMITTED,
                               .caller_identity = database->options.identity,
                               .reducer_id = UINT32_MAX,
                               .timestamp = database_now(database)}};
    instance->env.tx = NULL;
    return database_commit(database, &cause);
}

// ---- waiting ----

static Status proc_sleep(void *user, int64_t until_micros, Error *error) {
    ProcedureRun *run = run_of(user);
    ASSERT(run->turn != TURN_HELD);  // refused within transactions
    ExecutorPool *pool = run->database->options.pool;
    if (executor_pool_sleep(pool, &run->sleeper, until_micros)) return STATUS_OK;
    ASSERT(proc_is_ending(user));
    return error_set(error, STATUS_CONFLICT, STOPPED_TEXT);
}

static bool proc_is_ending(void *user) {
    return atomic_load_explicit(&run_of(user)->is_ending, memory_order_relaxed);
}

// ---- the log ----

typedef struct LogLine {
    DbMessage message;
    int64_t now;
    uint32_t count;
    uint8_t bytes[];
} LogLine;

static void line_run(Database *database, DbMessage *message) {
    LogLine *line = (LogLine *)(void *)message;
    module_log_append_line(&database->module_log, bytes_of(line->bytes, line->count), line->now);
    mem_free(line);
}

// With the turn, straight into the log; without it, to the executor, which has the log.
static void proc_log(void *user, const ModuleLogRecord *record) {
    ProcedureRun *run = run_of(user);
    Database *database = run->database;
    if (record->level == MODULE_LOG_PANIC) run->has_panicked = true;
    int64_t now = database_now(database);
    if (run->turn == TURN_HELD) {  // only this thread leaves that state
        module_log_append(&database->module_log, record, now);
        return;
    }
    Buffer line;
    buffer_init(&line, MODULE_LOG_LINE_BYTES_MAX);
    module_log_write(&line, record, now);
    post_line(run, buffer_bytes(&line), now);
    buffer_done(&line);
}

static void post_line(ProcedureRun *run, Bytes bytes, int64_t now) {
    LogLine *line = mem_alloc(sizeof *line + bytes.count);
    *line = (LogLine){.message.run = line_run, .now = now, .count = bytes.count};
    memcpy(line->bytes, bytes.data, bytes.count);
    database_post(run->database, &line->message);
    run->log_bytes += bytes.count;
    if (run->log_bytes < PROCEDURE_LOG_BYTES_MAX) return;
    // Whoever logs faster than the database writes waits for it: with the turn all lines are written.
    Error error;
    if (want_turn(run, &error) == STATUS_OK) give_turn_back(run);
}

static void proc_schedule_immediate(void *user, Bytes function, Bytes args) {
    database_schedule_immediate(run_of(user)->database, function, args);
}
