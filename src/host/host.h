// host.h - runs modules: compile once, instantiate, describe, call. Every host call is implemented once, in
// abi/, against store/; wasm/ only translates calling conventions.
//
// Threads    an Engine and a Program may be shared by all threads; an Instance belongs to one thread at a time
//            (the executor that calls it).
// Lifetime   Instance < Program < Engine. Bytes of an outcome are valid until the instance's next call.
// Errors     what a module does wrong ends its call, never the server: CallOutcome says how. After
//            CALL_TRAPPED or CALL_OUT_OF_TIME the instance must be freed and replaced.
// Limits     MODULE_* in base/limits.h.        Format  spec: module-abi.md, since-2.8.md 2.
#pragma once

#include "base/os.h"
#include "store/store.h"

typedef struct HostEngine HostEngine;
typedef struct Program Program;
typedef struct Instance Instance;

typedef enum ProgramKind { PROGRAM_WASM = 0, PROGRAM_JS = 1 } ProgramKind;  // as in st_module

// cache_dir: compiled code by program hash, written atomically and checked when read; NULL: no cache.
Status host_engine_create(Os *os, const char *cache_dir, HostEngine **ret_engine, Error *error);
// Ends every call of every instance soon, now and from here on, as CALL_TRAPPED: the process ends. Any thread.
void host_engine_interrupt(HostEngine *engine);
void host_engine_free(HostEngine *engine);  // stops the epoch thread

// Compiles (or maps the cached code), negotiates the ABI version, links every import, checks exports. Error
// texts are upstream's (module-abi.md 1.2, 1.9). Safe to call on any thread; may take seconds.
Status program_create(HostEngine *engine, ProgramKind kind, Bytes program, const Hash *hash,
                      Program **ret_program, Error *error);
Program *program_ref(Program *program);
void program_unref(Program *program);  // accepts NULL

// ---- what an instance sees of its database ----

typedef enum ModuleLogLevel {
    MODULE_LOG_ERROR = 0,
    MODULE_LOG_WARN = 1,
    MODULE_LOG_INFO = 2,
    MODULE_LOG_DEBUG = 3,
    MODULE_LOG_TRACE = 4,
    MODULE_LOG_PANIC = 101,
} ModuleLogLevel;

typedef struct ModuleLogFrame {
    Bytes module_name;  // data == NULL: absent
    Bytes func_name;    // demangled
} ModuleLogFrame;

typedef struct ModuleLogRecord {
    ModuleLogLevel level;
    Bytes target;                 // data == NULL: absent
    Bytes filename;               // data == NULL: absent
    uint32_t line;                // UINT32_MAX: absent
    Bytes function;               // data == NULL: absent
    Bytes message;                // valid UTF-8
    const ModuleLogFrame *trace;  // panics
    uint32_t trace_count;
} ModuleLogRecord;

// What procedures and HTTP handlers may do besides: they run without a transaction, on threads that may wait, and
// share the store with the database's executor. `user` is HostEnv.user. An error ends the guest's call with its text.
typedef struct HostProcedures {
    // Waits until nobody else uses the store, and keeps it so until leave or commit.
    Status (*enter)(void *user, Error *error);
    void (*leave)(void *user);
    // Between enter and leave: commits HostEnv.tx (views are refreshed first, by calls into the same instance) and
    // leaves. On failure it is rolled back. HostEnv.tx is NULL afterwards.
    Status (*commit)(void *user, Error *error);
    // Waits until the wall clock shows this time.
    Status (*sleep)(void *user, int64_t until_micros, Error *error);
    // Whatever waits should give up. Called from within waits, by their thread.
    bool (*is_ending)(void *user);
} HostProcedures;

// Outbound HTTP (module-abi.md 7.5).
typedef struct HostHttp {
    bool is_disabled;
    bool allows_private;  // addresses that are not of the public internet: for tests and intranets
} HostHttp;

// Filled in by db/, read by the host calls. `tx` is set around each call that runs in a transaction.
typedef struct HostEnv {
    Os *os;
    Store *store;
    Tx *tx;  // NULL: table calls answer NOT_IN_TRANSACTION
    Identity database;
    // The module's definition, for env_get's declarations; NULL (before it was read): nothing is declared.
    const ModuleDef *def;
    void *user;
    // One record of console_log or a timer. Never fails.
    void (*log)(void *user, const ModuleLogRecord *record);
    // volatile_nonatomic_schedule_immediate: queue a call whatever becomes of the transaction. Name (valid UTF-8)
    // and arguments are borrowed for the call. NULL: such calls are dropped.
    void (*schedule_immediate)(void *user, Bytes function, Bytes args);
    // The JWT payload of a connection (st_connection_credentials) is read from the store by the host itself.
    const HostProcedures *procedures;  // of instances that run procedures; NULL for all others
    HostHttp http;                     // of such instances
    uint64_t memory_bytes_max;         // of an instance; 0: MODULE_MEMORY_BYTES_MAX
    uint32_t
        call_seconds;  // of CPU that one call, start-up included, may use; 0: MODULE_CALL_SECONDS_MAX
} HostEnv;

// Runs the start-up sequence (module-abi.md 1.10) including __describe_module__; on failure the text is
// upstream's. `env` must outlive the instance.
Status instance_create(Program *program, HostEnv *env, Instance **ret_instance, Error *error);
void instance_free(Instance *instance);  // accepts NULL
// The RawModuleDef bytes that the instance described itself with; valid as long as it.
Bytes instance_description(const Instance *instance);
// Linear memory now, for limits and metrics.
size_t instance_memory_bytes(const Instance *instance);

// ---- calls ----

typedef enum CallStatus {
    CALL_OK,
    CALL_USER_ERROR,  // `text`: the module's message, valid UTF-8
    CALL_FAILED,  // unknown return code, or the module does not export what is needed; instance is kept
    CALL_TRAPPED,      // `text`: the cause, for the server log
    CALL_OUT_OF_TIME,  // the CPU budget is used up ("energy" upstream)
} CallStatus;

typedef struct CallOutcome {
    CallStatus status;
    Bytes text;      // of an error
    Bytes output;    // CALL_OK: what the function wrote into its sink (views, procedures)
    int32_t code;    // what the export returned
    uint64_t nanos;  // host time of the call
} CallOutcome;

// Is told what a view reads while it runs (module-abi.md 7.4).
typedef struct ReadTracker {
    void *user;
    // index NULL: the whole table. Otherwise the rows with this key (BSATN of index_key_type), borrowed for the call.
    void (*read)(void *user, Table *table, const Index *index, Bytes key);
} ReadTracker;

typedef struct FunctionCall {
    uint32_t id;  // FunctionDef.id or ViewDef.index
    Bytes name;   // qualified canonical name, for log records; borrowed as long as the instance's
                  // next call
    Identity sender;
    ConnectionId connection;   // zero: none
    int64_t timestamp;         // micros
    Bytes args;                // BSATN product, checked
    const ReadTracker *reads;  // of a view: it cannot write then; NULL: nobody wants to know
} FunctionCall;

CallOutcome instance_call_reducer(Instance *instance, const FunctionCall *call);
typedef enum ViewKind { VIEW_SENDER, VIEW_ANONYMOUS } ViewKind;
// Also while the same instance runs a procedure: from within HostProcedures.commit. That call then shares the
// procedure's time, and its outcome is valid until the next one.
CallOutcome instance_call_view(Instance *instance, ViewKind kind, const FunctionCall *call);

// HostEnv.procedures must be set. A transaction that is still open at the end is rolled back, and the log says so. The
// output is not decoded. User errors do not occur: a return code that is not 0 is CALL_FAILED.
CallOutcome instance_call_procedure(Instance *instance, const FunctionCall *call);

typedef struct HandlerCall {
    FunctionCall
        call;  // id: of the handler; args: HttpRequest; sender: since-2.8.md 2.3; no connection
    Bytes sender_jwt;  // payload; empty: none
    Bytes body;
} HandlerCall;
// The same for an HTTP handler; on success the outcome's output is the HttpResponse.
CallOutcome instance_call_http_handler(Instance *instance, const HandlerCall *call,
                                       Bytes *ret_body);

// Ends the call that runs in the instance, soon, as CALL_TRAPPED, and every later one. Any thread.
void instance_interrupt(Instance *instance);

// Seconds of CPU one call may use from now on.
void instance_set_call_seconds(Instance *instance, uint32_t seconds);

// When a row of a scheduled table is due: its ScheduleAt at this time (module-abi.md 5.2). False if the delay
// is too long (errno 13 at the ABI).
bool schedule_due(const TableSchema *table, Bytes row, int64_t now_micros, int64_t *ret_due_micros);
