// db.h - one database: its executor, lifecycle, publish and update, calls, SQL, scheduler, module log.
//
// Threads    a pool of threads runs the executors: each database's messages run one at a time, in the order
//            posted. Functions below belong to the executor (call them from a message's `run`) unless they
//            say "any thread".
// Lifetime   Databases are counted; the last reference closes: log drained and synced, module dropped. One that
//            was opened or created must be stopped (database_stop) before its last reference goes.
// Errors     whatever a client or module does wrong ends its call only. A failed disk makes the database
//            read-only: calls answer with the reason, reads go on.
// Limits     EXECUTOR_*, MODULE_*, LOG_* in base/limits.h.        Format  spec: module-abi.md 2-5, http-api.md 7-9.
#pragma once

#include "base/queue.h"
#include "host/host.h"
#include "log/log.h"
#include "sync/sync.h"

// ---- threads that run executors ----

typedef struct ExecutorPool ExecutorPool;
typedef struct Database Database;

ExecutorPool *executor_pool_create(Os *os, uint32_t threads);  // 0: a default for this machine
void executor_pool_free(ExecutorPool *pool);                   // all databases are closed
// Runs a job once on some pool thread; for what takes long and belongs to no database. Any thread.
typedef struct PoolJob {
    QueueNode node;
    void (*run)(struct PoolJob *job);
} PoolJob;
void executor_pool_run(ExecutorPool *pool, PoolJob *job);
// The same on a thread that may wait as long as it likes, started for it if none is free. Jobs beyond WAIT_THREADS_MAX at
// a time wait for a thread. Any thread.
void executor_pool_run_waiting(ExecutorPool *pool, PoolJob *job);

// ---- a clock that tests move ----

// Stands still until it is moved. Whoever reads the time through its Os (a pool, databases) lives by it: schedules,
// sleeping procedures, timestamps, what the module log is dated. Files and randomness are those of the Os below. CPU
// budgets and outbound HTTP go by the machine's clock.
typedef struct VirtualClock VirtualClock;
VirtualClock *virtual_clock_create(Os *below, int64_t now_micros);  // since 1970, positive
void virtual_clock_free(VirtualClock *clock);  // whatever was created with its Os is gone
Os *virtual_clock_os(VirtualClock *clock);
int64_t virtual_clock_now(const VirtualClock *clock);  // any thread
// Moves the clock on by `micros`, stopping wherever something of the pool is due until all that it brings about is
// done: schedules run at their time, in their order. With 0 it runs what is due now and waits for messages, calls and
// procedures under way (but not for those that sleep, or a disk). Not on a thread of the pool's; one caller at a time.
void virtual_clock_advance(VirtualClock *clock, ExecutorPool *pool, int64_t micros);
// Moves it on at once, as if the machine had been asleep; what is due finds itself late. Any thread.
void virtual_clock_jump(VirtualClock *clock, ExecutorPool *pool, int64_t micros);

// ---- messages ----

// Embed at the start of a message; `run` owns it from then on.
typedef struct DbMessage {
    QueueNode node;
    void (*run)(Database *database, struct DbMessage *message);
} DbMessage;

void database_post(Database *database, DbMessage *message);  // any thread
// Posts the message once the ticket is durable; at once if it is, or if the database is in memory. If the disk
// fails meanwhile it is posted too: database_failure tells. Executor.
void database_post_when_durable(Database *database, uint64_t ticket, DbMessage *message);

// ---- life ----

// What the owner gives the module to read (env_get).
typedef struct EnvironmentEntry {
    Bytes key;
    Bytes value;  // valid UTF-8
} EnvironmentEntry;

// The stored values, less what is removed, and what is set.
typedef struct EnvironmentChange {
    const EnvironmentEntry *set;
    uint32_t set_count;
    const Bytes *removed;
    uint32_t removed_count;
    bool removes_all;
} EnvironmentChange;

typedef struct DatabaseOptions {
    Os *os;
    HostEngine *engine;
    ExecutorPool *pool;
    const char
        *directory;  // replicas/<id>: clog/, module_logs/; NULL: wholly in memory, gone at the end
    Identity identity;
    Identity owner;
    uint64_t segment_bytes_max;  // 0: default
    SyncOutput output;
    // Called at the end of each executor turn, after sends: hand over what was gathered. Executor.
    void (*turn_end)(void *user);
    // The log's gate was opened further, the log failed, or a message that comes later (shared_buf.h) is there. The
    // log's thread, or one that reads.
    void (*durable)(void *user);
    // Instances for procedures and HTTP handlers; 0: PROCEDURE_INSTANCES_DEFAULT.
    uint32_t procedure_instances;
    uint64_t memory_bytes_max;  // of each instance; 0: MODULE_MEMORY_BYTES_MAX
    uint32_t call_seconds;      // that a call may run; 0: MODULE_CALL_SECONDS_MAX
    HostHttp http;              // outbound, of procedures
    // Of database_create alone, and only until it returns; NULL: none.
    const EnvironmentChange *environment;
    uint64_t log_day_bytes_max;  // of the module's log; 0: MODULE_LOG_DAY_BYTES_MAX
    // Close this client's connection (websocket.md 2.4). Executor.
    void (*close_connection)(void *user, void *connection, uint16_t code, Bytes reason);
    void *user;  // of the three above
} DatabaseOptions;

// Opens what is stored: replays the log, starts the module, runs client_disconnected for clients that were
// connected, starts the scheduler. Any thread; takes as long as the log is long.
Status database_open(const DatabaseOptions *options, Database **ret_database, Error *error);
// A new database with this program: tried in memory first (tables, init), then for real in an empty directory.
// Any thread; compiles. On failure nothing is left behind. STATUS_DENIED: the environment does not suit the module, the
// text is the whole body of a 400 (since-2.8.md 6.1).
Status database_create(const DatabaseOptions *options, ProgramKind kind, Bytes program,
                       Database **ret_database, Error *error);
Database *database_ref(Database *database);  // any thread
void database_unref(Database *database);     // any thread; accepts NULL; the last one closes
// Ends it: clients are closed with 1001 "module exited", later messages find it stopped. Executor.
void database_stop(Database *database);
// What its reducers and views do ends soon, now and from here on, as a fatal error: the database is to be stopped for
// good and nobody wants to wait for an endless loop. Any thread.
void database_interrupt(Database *database);
bool database_is_stopped(const Database *database);
const DatabaseOptions *database_options(const Database *database);  // any thread
Gate *database_gate(const Database *database);                      // any thread; NULL: in memory
uint64_t database_ticket(const Database *database);                 // of the last commit

// For a thread that may wait until a commit is on the disk. NULL: there is nothing to wait for. Executor; whoever began
// ends it.
typedef struct DurableWait DurableWait;
typedef enum DurableOutcome { DURABLE_YES, DURABLE_FAILED, DURABLE_LATE } DurableOutcome;
DurableWait *durable_begin(Database *database, uint64_t ticket);
DurableOutcome durable_end(DurableWait *wait, uint32_t timeout_ms);  // accepts NULL
// True once the disk failed; the text says why.
bool database_failure(const Database *database, Error *ret_error);
// True while nothing may be written: the disk failed for good, or is full. The text says which, and what to do.
bool database_is_refusing(const Database *database, Error *ret_error);

// ---- program ----

const ModuleDef *database_module(const Database *database);
Hash database_program_hash(const Database *database);

typedef enum UpdatePolicy { UPDATE_COMPATIBLE, UPDATE_BREAK_CLIENTS } UpdatePolicy;
typedef struct UpdateRequest {
    ProgramKind kind;
    Bytes program;
    UpdatePolicy policy;
    Hash token;                            // with UPDATE_BREAK_CLIENTS
    const EnvironmentChange *environment;  // NULL: none
} UpdateRequest;
typedef enum PublishOutcome {
    PUBLISH_DONE,                 // also when the program was the same
    PUBLISH_REJECTED,             // 400: the text is the whole body
    PUBLISH_BAD_MODULE,           // 500: it does not compile, instantiate or validate
    PUBLISH_MISSING_ENVIRONMENT,  // 400: values that it requires; the text is a JSON array of their keys
    PUBLISH_OUTDATED,             // 409: another program runs
} PublishOutcome;
// Replaces the program: migration plan, policy, one transaction, new instance (http-api.md 7.4).
PublishOutcome database_update(Database *database, const UpdateRequest *request,
                               uint64_t *ret_ticket, Error *error);

// Changes the environment of the program that runs, if it is the expected one.
PublishOutcome database_set_environment(Database *database, const Hash *expected,
                                        const EnvironmentChange *change, uint64_t *ret_ticket,
                                        Error *error);
// Declarations and stored keys, never values (since-2.8.md 6.1). There must be a module.
void database_write_environment(Database *database, Buffer *json);

typedef struct PlanReport {
    bool is_manual;  // `text` says why
    bool breaks_clients;
    bool major_version_upgrade;
    Hash token;
    Buffer text;  // buffer_done by the caller
} PlanReport;
// What an update would do (http-api.md 7.7). STATUS_INVALID: bad module.
Status database_plan(Database *database, ProgramKind kind, Bytes program, PlanStyle style,
                     PlanReport *ret_report, Error *error);
// Keccak-256 of the three hex texts (http-api.md 7.4).
Hash migration_token(const Identity *database, const Hash *from, const Hash *to);

// ---- callers ----

typedef struct Caller {
    Identity identity;
    ConnectionId connection;
    Bytes jwt_payload;  // empty: none
} Caller;

typedef enum ConnectOutcome {
    CONNECT_OK,
    CONNECT_REJECTED,  // the module's message
    CONNECT_OUT_OF_ENERGY,
    CONNECT_FAILED,  // stopped, disk failed, ...
} ConnectOutcome;
// st_client row and client_connected in one transaction (module-abi.md 4.4).
ConnectOutcome database_connect(Database *database, const Caller *caller, Error *error);
// client_disconnected; never fails (module-abi.md 4.5).
void database_disconnect(Database *database, const Caller *caller);
ConnectionId database_new_connection_id(Database *database);  // random, not zero; any thread

// A WebSocket client after database_connect: registered for updates, says hello.
SyncClient *database_add_client(Database *database, const SyncClientOptions *options, Bytes token);
void database_remove_client(Database *database, SyncClient *client);  // then database_disconnect
// One request of a WebSocket client; every answer goes through the output.
void database_client_request(Database *database, SyncClient *client, const Request *request);

typedef enum FunctionOutcome {
    FUNCTION_COMMITTED,  // a reducer
    FUNCTION_RETURNED,   // a procedure; `output` is its JSON
    FUNCTION_STARTED,    // a procedure: the waiter hears the rest
    FUNCTION_USER_ERROR,
    FUNCTION_FATAL,  // trap; or the disk failed: `text` says what
    FUNCTION_OUT_OF_ENERGY,
    FUNCTION_PROCEDURE_FAILED,
    FUNCTION_PROCEDURE_OUT_OF_ENERGY,
    FUNCTION_NOT_FOUND,  // also private ones, for others than the owner
    FUNCTION_IS_LIFECYCLE,
    FUNCTION_BAD_ARGUMENTS,
} FunctionOutcome;

typedef struct FunctionReport {
    FunctionOutcome outcome;
    Buffer text;    // of an error: the whole body of the HTTP answer; buffer_done by the caller
    Buffer output;  // buffer_done by the caller
    uint64_t nanos;
    uint64_t ticket;
} FunctionReport;
// Hears of a procedure that ended: on the executor, once, also when the database stops. The report's buffers are its own
// then. It lies in memory that stays until then.
typedef struct FunctionWaiter {
    bool is_confirmed;  // the procedure's commits wait for the disk
    void (*done)(struct FunctionWaiter *waiter, Database *database, FunctionReport *report);
} FunctionWaiter;

// A reducer or procedure by name with JSON arguments, for HTTP. A procedure answers FUNCTION_STARTED first.
void database_call_json(Database *database, const Caller *caller, Bytes name, Bytes json,
                        FunctionWaiter *waiter, FunctionReport *ret_report);

// ---- HTTP handlers of the module (module-abi.md 7.6) ----

typedef struct RouteField {
    Bytes name;
    Bytes value;
} RouteField;

typedef struct RouteRequest {
    Bytes method;
    Bytes path;  // decoded, as routes are declared: "", "/" or "/rest"
    Bytes uri;   // as the client sees it
    const RouteField *fields;
    uint32_t field_count;
    uint8_t version_minor;  // of HTTP/1
    Bytes body;
    Identity sender;  // for this request
    Bytes jwt_payload;
} RouteRequest;

typedef struct RouteReply {
    bool is_failed;  // `text` is the cause; nothing else is set
    Bytes text;
    uint32_t status;  // 200 ... 999
    const RouteField *fields;
    uint32_t field_count;
    Bytes body;
} RouteReply;

// Hears the reply: on the executor, once. It is valid for the call.
typedef struct RouteWaiter {
    void (*done)(struct RouteWaiter *waiter, Database *database, const RouteReply *reply);
} RouteWaiter;

typedef enum RouteOutcome {
    ROUTE_STARTED,  // the waiter hears the rest
    ROUTE_NONE,     // the module has no handler for it
    ROUTE_BUSY,     // too many calls wait already
} RouteOutcome;
RouteOutcome database_call_route(Database *database, const RouteRequest *request,
                                 RouteWaiter *waiter);

// ---- SQL over HTTP ----

typedef struct SqlReport {
    Buffer json;  // the body of a 200; buffer_done by the caller
    uint64_t micros;
    uint64_t ticket;
} SqlReport;
// One statement (http-api.md 6.3.8). On failure the text is the body of a 400.
Status database_sql(Database *database, const Caller *caller, Bytes text, SqlReport *ret_report,
                    Error *error);

// ---- module log ----

// Where a log ends.
typedef struct LogPosition {
    int64_t day;     // of the current file, since 1970
    uint64_t bytes;  // of whole lines in it; in memory: that were ever logged
} LogPosition;

typedef struct LogFollower LogFollower;
// The last `lines` lines (UINT32_MAX: the whole current file), appended to `text`, and where they end. Any thread, also
// while a reducer runs.
Status database_log_tail(Database *database, uint32_t lines, Buffer *text, LogPosition *ret_end,
                         Error *error);
// What was logged since, as far as it is kept; at most the last MODULE_LOG_TAIL_BYTES_MAX of a file. Executor.
Status database_log_since(Database *database, const LogPosition *since, Buffer *text, Error *error);
// From now on `line` is called with whole lines, on the executor, until it answers false, the follower is
// removed, or the database stops (then once with no bytes).
LogFollower *database_log_follow(Database *database, bool (*line)(void *user, Bytes text),
                                 void *user);
void database_log_unfollow(Database *database, LogFollower *follower);
// A record of the server itself ("__spacetimedb__").
void database_log(Database *database, ModuleLogLevel level, Bytes function, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// ---- numbers ----

typedef struct DatabaseStats {
    uint64_t transactions;
    uint64_t calls;
    uint64_t call_nanos;
    uint64_t clients;
    uint64_t tables;
    uint64_t rows;
    uint64_t row_bytes;
    size_t module_memory_bytes;
    bool is_disk_full;     // calls that write are refused until there is room
    bool has_disk_failed;  // for good
    SyncStats sync;
} DatabaseStats;
DatabaseStats database_stats(Database *database);
// sync_write_costs, for owners; the database is not stopped.
void database_write_costs(Database *database, uint32_t limit, Buffer *json);
