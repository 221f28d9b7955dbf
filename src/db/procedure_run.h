// procedure_run.h - one run, as its two sides see it: procedures.c on the executor, procedure_run.c on its thread.
// Private to db/.
#pragma once

#include "db/database.h"

// An instance for procedures. Belongs to the run that uses it, otherwise to the executor.
struct ProcedureInstance {
    Instance *instance;
    HostEnv env;
    ModuleVersion *version;   // a reference
    ProcedureRun *run;        // that uses it
    ProcedureInstance *next;  // in the idle list
};

typedef enum RunKind { RUN_PROCEDURE, RUN_HANDLER } RunKind;

typedef enum TurnState {
    TURN_NONE,
    TURN_WANTED,
    TURN_HELD,
    TURN_REFUSED,  // the database has stopped
} TurnState;

struct ProcedureRun {
    // ---- constant once it is submitted ----
    Database *database;  // a reference
    RunKind kind;
    ProcedureOptions options;  // texts in the arena
    Bytes body;                // of a handler's request
    Arena arena;
    // ---- executor ----
    ProcedureRun *previous;  // in the list of running or waiting ones
    ProcedureRun *next;
    bool is_running;
    // ---- the executor, then the run's thread, then the executor again ----
    ModuleVersion *version;  // a reference; NULL until it is started
    const FunctionDef *def;
    ProcedureInstance *instance;  // NULL: to be made
    uint32_t call_seconds;        // of an instance: these two
    uint64_t memory_bytes_max;
    PoolJob job;
    DbMessage done_message;
    ProcedureResult result;
    Buffer output;
    Buffer reply_body;
    Buffer text;
    bool is_instance_lost;  // it must not be used again
    // ---- the run's thread ----
    bool has_panicked;   // the module left a record with a trace
    uint64_t log_bytes;  // of lines that were posted since the last turn
    PoolSleeper sleeper;
    // ---- shared, under mutex ----
    Mutex mutex;
    Condition changed;
    TurnState turn;
    Instance *interruptible;  // NULL while there is none
    _Atomic bool is_ending;   // also read outside; relaxed
    DbMessage turn_message;
};

void procedure_run_job(PoolJob *job);  // on its thread
extern const HostProcedures PROCEDURE_CALLS;
