// database.h - the inside of one database, shared by the files of db/.
//
// Threads    everything belongs to the executor unless its band says otherwise.
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "db/executor.h"
#include "db/module_log.h"
#include "db/procedures.h"
#include "db/views.h"

// A row of a scheduled table that waits for its time.
typedef struct ScheduleEntry {
    int64_t due;       // wall clock, micros
    int64_t intended;  // the tick this run stands for
    TableId table;
    uint64_t row_key;   // the u64 primary key
    uint64_t row_hash;  // of the row's bytes when it was queued: another row means another entry
} ScheduleEntry;
VEC(ScheduleVec, schedule_vec, ScheduleEntry)

typedef struct DurableWaiter {
    uint64_t ticket;
    DbMessage *message;
} DurableWaiter;
VEC(WaiterVec, waiter_vec, DurableWaiter)

// A program with its definition, shared by the database and the procedures that run it.
typedef struct ModuleVersion {
    _Atomic uint32_t refs;  // up relaxed; down acquire-release, the last holder frees
    Program *program;
    ModuleDef *def;
} ModuleVersion;

// Held to put another instance in place, and to interrupt the one that is.
typedef struct InstanceGuard {
    Mutex mutex;
    bool is_interrupted;  // under mutex: whatever runs from here on ends
} InstanceGuard;

// What the database has to do some time, each at most once at a time.
typedef struct Errands {
    DbMessage durable;
    DbMessage timer;
    PoolJob close;
    PoolJob read;
} Errands;

typedef struct RunningCall {
    Bytes function;     // what runs now, for log records
    bool has_panicked;  // it left a record with a trace
} RunningCall;

struct Database {
    Actor actor;  // first: an Actor of ours is a Database
    // ---- any thread ----
    _Atomic uint32_t refs;
    _Atomic bool has_waiters;  // executor sets and clears, log thread reads: seq_cst with the gate
    _Atomic bool durable_posted;  // errands.durable is on its way
    _Atomic bool timer_posted;    // errands.timer is on its way
    _Atomic uint32_t
        immediate_count;      // calls that wait; whoever adds and the executor; relaxed: a bound
    DatabaseOptions options;  // constant; `directory` is ours
    char *directory;
    Gate *gate;  // constant; NULL: in memory
    InstanceGuard guard;
    Errands errands;
    // ---- executor, or the procedure that borrowed its turn ----
    ProcedureRun *borrower;  // takes the turn over once this message is done
    QueueNode *backlog;      // taken from the inbox, not yet run
    Store *store;
    Log *log;  // NULL: in memory
    uint64_t memory_ticket;
    Sync *sync;
    ModuleLog module_log;
    Arena call_arena;  // of one request
    // the program
    ModuleVersion *version;  // NULL before the first one
    ModuleDef *def;          // of the version
    HostEnv env;
    Instance *instance;  // NULL after a failed restart
    BytesMap reducers;   // canonical name -> FunctionDef
    ProgramInfo info;    // without the program's bytes
    RunningCall running;
    // clients of the log, waiters for the disk, rows that wait for their time
    WaiterVec waiters;
    ScheduleVec schedule;  // a heap by due
    Views views;
    Procedures procedures;
    bool is_stopped;
    DatabaseStats stats;
};

static inline Database *database_of_actor(Actor *actor) {
    return (Database *)(void *)actor;
}

static inline bool database_is_owner(const Database *database, const Identity *identity) {
    return identity_equal(identity, &database->options.owner);
}

int64_t database_now(const Database *database);  // wall clock, micros

// ---- program.c ----

// Takes the program, an instance and its definition over; the old ones go.
void database_set_program(Database *database, Program *program, Instance *instance, ModuleDef *def,
                          const ProgramInfo *info);
ModuleVersion *module_version_ref(ModuleVersion *version);
void module_version_unref(ModuleVersion *version);  // any thread; accepts NULL
// Puts the instance (which may be NULL) in place of the one that is; the caller frees that.
Instance *database_swap_instance(Database *database, Instance *instance);
// A fresh instance after a trap; without one, calls answer "no such module".
void database_restart_instance(Database *database);
// The limits of calls and instances: the server's, or what the owner set below them (docs/sql.md).
void database_take_limits(Database *database);
// Compiles, instantiates against the database's environment and validates.
typedef struct LoadedProgram {
    Program *program;
    Instance *instance;
    ModuleDef *def;
    Hash hash;
} LoadedProgram;
Status database_load_program(Database *database, ProgramKind kind, Bytes program,
                             LoadedProgram *ret_loaded, Error *error);
void loaded_program_done(LoadedProgram *loaded);  // what was not taken

// ---- call.c ----

// What a transaction is for: the log's inputs and the subscribers' event.
typedef struct TxCause {
    LogInputs inputs;
    SyncEvent event;
} TxCause;

// Commits the open transaction: log, schedule, subscribers; releases it. Returns the ticket that a reader of
// the new state must wait for. Views are to be refreshed before (views.h).
uint64_t database_commit(Database *database, TxCause *cause);
// The same for what must happen whatever a module's views do: a view that fails is empty from then on.
uint64_t database_commit_surely(Database *database, TxCause *cause);

typedef struct ReducerCall {
    const FunctionDef *reducer;
    Caller caller;
    int64_t timestamp;
    Bytes args;
    SyncClient *client;      // NULL: nobody on a WebSocket waits
    const Request *request;  // of the client
} ReducerCall;

typedef struct ReducerReport {
    CallResult result;
    Bytes text;  // of an error; until the next call
    uint64_t nanos;
    uint64_t ticket;
} ReducerReport;
// Begins a transaction, runs, commits or rolls back, tells subscribers and the caller.
ReducerReport database_run_reducer(Database *database, const ReducerCall *call);
// The same inside the open transaction, which it neither commits nor rolls back. For init and lifecycle.
CallOutcome database_invoke(Database *database, Tx *tx, const ReducerCall *call);

// BSATN of a client's arguments, checked; in the call arena if they came as JSON. kind: "reducer", "procedure".
Status call_check_args(Database *database, const FunctionDef *def, const char *kind,
                       const Request *request, Bytes *ret_args, Error *error);
// The record of a call that a trap or a limit ended: the cause and the module's own backtrace. The text is borrowed.
ModuleLogRecord call_failure_record(Bytes function, Bytes text);
// Writes into the module's log that somebody called what is not there, or wrongly.
void call_log_bad(Database *database, const char *kind, Bytes name, bool exists);
bool call_is_visible(const Database *database, const Caller *caller, const FunctionDef *def);

// ---- procedure_calls.c ----

void procedure_call_client(Database *database, SyncClient *client, const Request *request);
// Checked already. Fills in the report: FUNCTION_STARTED, or why not.
void procedure_call_http(Database *database, const Caller *caller, const FunctionDef *def,
                         Bytes args, FunctionWaiter *waiter, FunctionReport *report);
// The database's own call. entry NULL: it came from no row.
void procedure_call_scheduled(Database *database, const FunctionDef *def, Bytes args,
                              int64_t timestamp, const ScheduleEntry *entry);
// The client goes: nobody waits for what it called any more.
void procedure_forget_client(Database *database, const SyncClient *client);

// ---- scheduler.c ----

// Queues the scheduled rows that a commit brought.
void database_schedule_commit(Database *database, const Commit *commit);
// Queues every row of every scheduled table anew (start, update).
void database_schedule_all(Database *database);
void database_run_due(Database *database);  // what is due now
// HostEnv.schedule_immediate: a call that runs soon, whatever becomes of the transaction at hand. Any thread.
void database_schedule_immediate(void *user, Bytes function, Bytes args);
// A scheduled procedure has ended: queues the next run of an interval.
void database_schedule_done(Database *database, const ScheduleEntry *entry);
// Sets the timer to whatever is due next.
void database_arm_timer(Database *database);

// ---- costs.c ----

// A clock, and the module's log for what is worth a warning.
SyncNotices notices_for_sync(Database *database);
