// procedures.c - the executor's side of procedures: who runs, who waits, and what becomes of the result.

#include "db/procedure_run.h"

#include "base/log.h"
#include "db/view_run.h"

static ProcedureRun *create_run(Database *database, const ProcedureOptions *options, RunKind kind,
                                Bytes body);
static void free_run(ProcedureRun *run);
static uint32_t instances_max(const Database *database);
static uint64_t run_bytes(const ProcedureRun *run);
static void list_add(ProcedureRun **first, ProcedureRun *run);
static void list_remove(ProcedureRun **first, ProcedureRun *run);
static void wait_in_line(ProcedureRun *run);
static ProcedureRun *next_in_line(Database *database);
static void start(ProcedureRun *run);
static const FunctionDef *find_function(const ModuleDef *def, const ProcedureRun *run);
static ProcedureInstance *take_instance(Database *database);
static void free_instance(ProcedureInstance *instance);
static void end_without_running(ProcedureRun *run);
static void run_turn(Database *database, DbMessage *message);
static void run_done(Database *database, DbMessage *message);
static void finish(ProcedureRun *run);

// ---- runs ----

ProcedureRun *procedure_create(Database *database, const ProcedureOptions *options) {
    return create_run(database, options, RUN_PROCEDURE, BYTES_NONE);
}

ProcedureRun *handler_create(Database *database, const ProcedureOptions *options, Bytes body) {
    return create_run(database, options, RUN_HANDLER, body);
}

static ProcedureRun *create_run(Database *database, const ProcedureOptions *options, RunKind kind,
                                Bytes body) {
    const Procedures *procedures = &database->procedures;
    uint64_t bytes = (uint64_t)options->args.count + body.count + options->name.count;
    if (procedures->waiting_count >= PROCEDURES_WAITING_MAX) return NULL;
    if (procedures->waiting_bytes + bytes > PROCEDURES_WAITING_BYTES_MAX &&
        procedures->waiting_count > 0)
        return NULL;
    ProcedureRun *run = mem_alloc_zero(sizeof *run);
    run->database = database_ref(database);
    run->kind = kind;
    arena_init(&run->arena, CALL_ARENA_BYTES_MAX);
    run->options = *options;
    run->options.name = arena_copy(&run->arena, options->name);
    run->options.args = arena_copy(&run->arena, options->args);
    run->options.caller.jwt_payload = arena_copy(&run->arena, options->caller.jwt_payload);
    run->body = arena_copy(&run->arena, body);
    buffer_init(&run->output, MODULE_SINK_BYTES_MAX);
    buffer_init(&run->reply_body, MODULE_SINK_BYTES_MAX);
    buffer_init(&run->text, MODULE_SINK_BYTES_MAX);
    mutex_init(&run->mutex);
    condition_init(&run->changed);
    pool_sleeper_init(&run->sleeper);
    run->job.run = procedure_run_job;
    run->turn_message.run = run_turn;
    run->done_message.run = run_done;
    return run;
}

static void free_run(ProcedureRun *run) {
    ASSERT(run->instance == NULL);
    Database *database = run->database;
    module_version_unref(run->version);
    pool_sleeper_done(&run->sleeper);
    condition_done(&run->changed);
    mutex_done(&run->mutex);
    buffer_done(&run->output);
    buffer_done(&run->reply_body);
    buffer_done(&run->text);
    arena_done(&run->arena);
    mem_free(run);
    database_unref(database);
}

Database *procedure_database(const ProcedureRun *run) {
    return run->database;
}

Arena *procedure_arena(ProcedureRun *run) {
    return &run->arena;
}

const ProcedureOptions *procedure_options(const ProcedureRun *run) {
    return &run->options;
}

const ProcedureResult *procedure_result(const ProcedureRun *run) {
    return &run->result;
}

void procedure_set_user(ProcedureRun *run, void *user) {
    run->options.user = user;
}

void *procedure_user(const ProcedureRun *run) {
    return run->options.user;
}

ProcedureRun *procedures_next(Database *database, ProcedureRun *after) {
    Procedures *procedures = &database->procedures;
    if (after && after->next) return after->next;
    if (after == NULL && procedures->running) return procedures->running;
    return after == NULL || after->is_running ? procedures->waiting_first : NULL;
}

// ---- waiting ----

static uint32_t instances_max(const Database *database) {
    uint32_t set = database->options.procedure_instances;
    return set > 0 ? set : PROCEDURE_INSTANCES_DEFAULT;
}

static uint64_t run_bytes(const ProcedureRun *run) {
    return (uint64_t)run->options.args.count + run->body.count + run->options.name.count;
}

static void list_add(ProcedureRun **first, ProcedureRun *run) {
    run->previous = NULL;
    run->next = *first;
    if (*first) (*first)->previous = run;
    *first = run;
}

static void list_remove(ProcedureRun **first, ProcedureRun *run) {
    if (run->previous) {
        run->previous->next = run->next;
    } else {
        ASSERT(*first == run);
        *first = run->next;
    }
    if (run->next) run->next->previous = run->previous;
    run->previous = NULL;
    run->next = NULL;
}

static void wait_in_line(ProcedureRun *run) {
    Procedures *procedures = &run->database->procedures;
    run->previous = procedures->waiting_last;
    run->next = NULL;
    if (procedures->waiting_last) {
        procedures->waiting_last->next = run;
    } else {
        procedures->waiting_first = run;
    }
    procedures->waiting_last = run;
    procedures->waiting_count++;
    procedures->waiting_bytes += run_bytes(run);
}

static ProcedureRun *next_in_line(Database *database) {
    Procedures *procedures = &database->procedures;
    ProcedureRun *run = procedures->waiting_first;
    if (run == NULL) return NULL;
    list_remove(&procedures->waiting_first, run);
    if (procedures->waiting_first == NULL) procedures->waiting_last = NULL;
    procedures->waiting_count--;
    procedures->waiting_bytes -= run_bytes(run);
    return run;
}

// ---- starting ----

void procedure_submit(ProcedureRun *run) {
    Database *database = run->database;
    if (database->is_stopped || database->version == NULL) {
        end_without_running(run);
    } else if (database->procedures.running_count >= instances_max(database)) {
        wait_in_line(run);
    } else {
        start(run);
    }
}

// The program may have been replaced since the call was checked.
static void start(ProcedureRun *run) {
    Database *database = run->database;
    const FunctionDef *def = find_function(database->def, run);
    if (def == NULL) {
        end_without_running(run);
        return;
    }
    run->def = def;
    run->version = module_version_ref(database->version);
    run->instance = take_instance(database);
    run->call_seconds = database->env.call_seconds;
    run->memory_bytes_max = database->env.memory_bytes_max;
    run->is_running = true;
    list_add(&database->procedures.running, run);
    database->procedures.running_count++;
    database->stats.calls++;
    executor_pool_run_waiting(database->options.pool, &run->job);
}

static const FunctionDef *find_function(const ModuleDef *def, const ProcedureRun *run) {
    if (run->kind == RUN_HANDLER) {
        for (uint32_t i = 0; i < def->http_handler_count; i++) {
            if (bytes_equal(def->http_handlers[i].name, run->options.name))
                return &def->http_handlers[i];
        }
        return NULL;
    }
    const FunctionDef *found = module_def_find_procedure(def, run->options.name);
    if (found == NULL) return NULL;
    Reader reader = reader_of(run->options.args);
    Error error;
    return bsatn_check(found->typespace, found->params, &reader, &error) == STATUS_OK ? found
                                                                                      : NULL;
}

// Nobody hears more than that: a database that goes has no words of its own.
static void end_without_running(ProcedureRun *run) {
    run->result = (ProcedureResult){.outcome = RUN_NO_MODULE,
                                    .text = BYTES_LITERAL("no such module")};
    run->options.done(run);
    free_run(run);
}

// ---- instances ----

// NULL: the run's thread makes one.
static ProcedureInstance *take_instance(Database *database) {
    ProcedureInstance *instance = database->procedures.idle;
    if (instance) database->procedures.idle = instance->next;
    return instance;
}

static void free_instance(ProcedureInstance *instance) {
    instance_free(instance->instance);
    module_version_unref(instance->version);
    mem_free(instance);
}

ViewRunner procedure_runner(ProcedureInstance *instance) {
    return (ViewRunner){
        .instance = instance->instance, .env = &instance->env, .def = instance->version->def};
}

void procedures_replaced(Database *database) {
    ProcedureInstance *instance = NULL;
    while ((instance = take_instance(database))) free_instance(instance);
}

// ---- the turn ----

static void run_turn(Database *database, DbMessage *message) {
    ProcedureRun *run = (ProcedureRun *)(void *)((char *)message -
                                                 offsetof(ProcedureRun, turn_message));
    ASSERT(database->borrower == NULL);
    if (!database->is_stopped) {
        database->borrower = run;  // database_turn lends the turn when it has put everything down
        return;
    }
    mutex_lock(&run->mutex);
    run->turn = TURN_REFUSED;
    condition_signal(&run->changed);
    mutex_unlock(&run->mutex);
}

void procedure_take_turn(ProcedureRun *run) {
    mutex_lock(&run->mutex);
    ASSERT(run->turn == TURN_WANTED);
    run->turn = TURN_HELD;
    condition_signal(&run->changed);
    mutex_unlock(&run->mutex);
}

// ---- ending ----

static void run_done(Database *database, DbMessage *message) {
    ProcedureRun *run = (ProcedureRun *)(void *)((char *)message -
                                                 offsetof(ProcedureRun, done_message));
    Procedures *procedures = &database->procedures;
    ProcedureInstance *instance = run->instance;
    run->instance = NULL;
    bool is_current = instance && instance->version == database->version && !database->is_stopped;
    if (is_current && !run->is_instance_lost) {
        instance->run = NULL;
        instance->next = procedures->idle;
        procedures->idle = instance;
    } else if (instance) {
        free_instance(instance);
    }
    database->stats.call_nanos += run->result.nanos;
    list_remove(&procedures->running, run);
    ASSERT(procedures->running_count > 0);
    procedures->running_count--;
    finish(run);
    ProcedureRun *next = NULL;
    while (procedures->running_count < instances_max(database) && (next = next_in_line(database)))
        start(next);
}

static void finish(ProcedureRun *run) {
    run->options.done(run);
    free_run(run);
}

void procedures_stop(Database *database) {
    ASSERT(database->is_stopped);
    ProcedureRun *waiting = NULL;
    while ((waiting = next_in_line(database))) end_without_running(waiting);
    for (ProcedureRun *run = database->procedures.running; run; run = run->next) {
        mutex_lock(&run->mutex);
        atomic_store_explicit(&run->is_ending, true, memory_order_relaxed);
        if (run->interruptible) instance_interrupt(run->interruptible);
        condition_signal(&run->changed);
        mutex_unlock(&run->mutex);
        executor_pool_end_sleep(database->options.pool, &run->sleeper);
    }
    procedures_replaced(database);
}

void procedures_done(Database *database) {
    ASSERT(database->procedures.running_count == 0);
    ASSERT(database->procedures.waiting_count == 0);
    procedures_replaced(database);
}
