// procedures.h - calls that run beside the executor: procedures and HTTP handlers (module-abi.md 7.1 to 7.3, 7.6).
// Private to db/.
//
// A run is made on the executor, waits there for one of the database's procedure instances, goes to a thread that may
// wait, and comes back to the executor with its result. Inside a transaction its thread holds the executor's turn: it is
// the executor then, and messages wait.
//
//   executor                                         thread of the run
//   procedure_submit -> start, or the waiting list
//                                    job ----------> run_job: instance, call
//   run_turn: the turn is lent  <---- message ------ enter: waits
//                                    turn ---------> transaction: store, log, sync are its own
//                               <---- turn --------- commit, abort, leave
//   run_done: result, next one  <---- message ------ the call has ended
//
// Threads    by band in ProcedureRun. Procedures belongs to the executor.
// Lifetime   a run holds a reference to its database until it is done.
// Limits     PROCEDURE* in base/limits.h.
#pragma once

#include "base/thread.h"
#include "db/db.h"

typedef struct ProcedureRun ProcedureRun;
typedef struct ProcedureInstance ProcedureInstance;
typedef struct ViewRunner ViewRunner;

typedef struct Procedures {
    ProcedureInstance *idle;
    ProcedureRun *running;  // a list
    uint32_t running_count;
    ProcedureRun *waiting_first;
    ProcedureRun *waiting_last;
    uint32_t waiting_count;
    uint64_t waiting_bytes;
} Procedures;

typedef enum RunOutcome {
    RUN_RETURNED,
    RUN_FAILED,  // the text says why
    RUN_OUT_OF_ENERGY,
    RUN_NO_MODULE,  // it never ran: the database stopped, or has other functions now
} RunOutcome;

typedef struct ProcedureOptions {
    Bytes name;  // copied, like the arguments
    Bytes args;  // BSATN, checked against the definition
    Caller caller;
    int64_t timestamp;
    bool is_confirmed;  // commits wait for the disk
    // Executor. The run is gone afterwards.
    void (*done)(ProcedureRun *run);
    void *user;  // of `done`
} ProcedureOptions;

// What `done` finds.
typedef struct ProcedureResult {
    RunOutcome outcome;
    Bytes text;              // of a failure
    Bytes output;            // BSATN of a procedure's value, or the HttpResponse of a handler
    Bytes body;              // of a handler
    const FunctionDef *def;  // that ran; NULL: RUN_NO_MODULE
    uint64_t nanos;
    uint64_t ticket;  // what a reader of the result must wait for
} ProcedureResult;

// A run of a procedure. NULL: too many are waiting.
ProcedureRun *procedure_create(Database *database, const ProcedureOptions *options);
// A run of an HTTP handler: options.args is the HttpRequest, options.name the handler's, the caller its sender.
ProcedureRun *handler_create(Database *database, const ProcedureOptions *options, Bytes body);
// Starts it, now or when its turn comes. The run may be over when it returns.
void procedure_submit(ProcedureRun *run);

Database *procedure_database(const ProcedureRun *run);
Arena *procedure_arena(ProcedureRun *run);  // for the owner's own data; goes with the run
const ProcedureOptions *procedure_options(const ProcedureRun *run);
const ProcedureResult *procedure_result(const ProcedureRun *run);
void procedure_set_user(ProcedureRun *run, void *user);
void *procedure_user(const ProcedureRun *run);

// Walks all runs that are not done: NULL begins and ends it.
ProcedureRun *procedures_next(Database *database, ProcedureRun *after);
// The program was replaced: instances of the one before go.
void procedures_replaced(Database *database);
// Those that wait end now, those that run soon.
void procedures_stop(Database *database);
void procedures_done(Database *database);  // none may be left

// For database.c: the turn goes to its borrower. The last thing the executor does with the database.
void procedure_take_turn(ProcedureRun *run);
// For views: the instance whose commit runs views.
ViewRunner procedure_runner(ProcedureInstance *instance);
