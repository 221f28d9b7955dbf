// database.c - a database's life: its memory, its turn on a pool thread, opening, stopping, closing.

#include "db/database.h"

#include "base/log.h"
#include "db/publish.h"

#include <stdio.h>

#define PATH_BYTES_MAX 4096u

static Database *database_alloc(const DatabaseOptions *options);
static Status open_log(Database *database, Error *error);
static Status start_module(Database *database, Error *error);
static void disconnect_leftovers(Database *database);
static void clear_table(Database *database, Tx *tx, TableId id);
static ActorTurn database_turn(Actor *actor);
static void run_messages(Database *database, uint32_t count_max);
static void database_timer(Actor *actor);
static void database_retain(Actor *actor);
static void database_release(Actor *actor);
static void close_job(PoolJob *job);
static void database_close(Database *database);
static void log_advanced(void *user);
static void run_durable_message(Database *database, DbMessage *message);
static void run_timer_message(Database *database, DbMessage *message);
static void start_reads(void *user);
static void run_reads(PoolJob *job);
static void reads_ready(void *user);
static void post_ready_waiters(Database *database);
static void module_wrote_log(void *user, const ModuleLogRecord *record);

static Database *database_alloc(const DatabaseOptions *options) {
    Database *database = mem_alloc_zero(sizeof *database);
    actor_init(&database->actor, options->pool);
    database->actor.turn = database_turn;
    database->actor.timer = database_timer;
    database->actor.retain = database_retain;
    database->actor.release = database_release;
    database->refs = 1;
    mutex_init(&database->guard.mutex);
    database->options = *options;
    if (options->directory) database->directory = mem_copy_text(bytes_of_text(options->directory));
    database->options.directory = database->directory;
    database->errands.durable.run = run_durable_message;
    database->errands.timer.run = run_timer_message;
    database->store = store_create();
    database->sync = sync_create(database->store, &options->output);
    database->env = (HostEnv){.os = options->os,
                              .store = database->store,
                              .database = options->identity,
                              .user = database,
                              .log = module_wrote_log,
                              .call_seconds = options->call_seconds,
                              .memory_bytes_max = options->memory_bytes_max,
                              .schedule_immediate = database_schedule_immediate};
    arena_init(&database->call_arena, CALL_ARENA_BYTES_MAX);
    bytes_map_init(&database->reducers);
    views_init(database);
    SyncViews views = views_for_sync(database);
    sync_set_views(database->sync, &views);
    sync_set_apart(database->sync, &(SyncApart){database, start_reads, reads_ready});
    SyncNotices notices = notices_for_sync(database);
    sync_set_notices(database->sync, &notices);
    char path[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof path, "%s/module_logs",
                   options->directory ? options->directory : "");
    module_log_init(&database->module_log, options->os, options->directory ? path : NULL,
                    options->log_day_bytes_max);
    return database;
}

Database *database_create_empty(const DatabaseOptions *options, Error *error) {
    Database *database = database_alloc(options);
    if (options->directory && open_log(database, error) != STATUS_OK) {
        database_close(database);
        return NULL;
    }
    return database;
}

void database_discard(Database *database) {
    database->is_stopped = true;
    actor_set_timer(&database->actor, 0);  // what init scheduled would keep it until then
    database_unref(database);
}

Status database_open(const DatabaseOptions *options, Database **ret_database, Error *error) {
    ASSERT(options->directory != NULL);
    Database *database = database_create_empty(options, error);
    if (database == NULL) return error->status;
    Status status = start_module(database, error);
    if (status != STATUS_OK) {
        database_discard(database);
        return status;
    }
    disconnect_leftovers(database);
    database_schedule_all(database);
    log_wake(database->log);
    actor_start(&database->actor);
    *ret_database = database;
    return STATUS_OK;
}

static Status open_log(Database *database, Error *error) {
    char path[PATH_BYTES_MAX];
    char snapshots[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof path, "%s/clog", database->directory);
    (void)snprintf(snapshots, sizeof snapshots, "%s/snapshots", database->directory);
    LogOptions options = {.segment_bytes_max = database->options.segment_bytes_max,
                          .snapshots = snapshots,
                          .database = database->options.identity,
                          .advanced = log_advanced,
                          .user = database};
    LogReport report;
    Status status = log_open(database->options.os, path, &options, database->store, &database->log,
                             &report, error);
    if (status == STATUS_OK) database->gate = gate_ref(log_gate(database->log));
    return status;
}

static Status start_module(Database *database, Error *error) {
    ProgramInfo info;
    if (!store_program(database->store, &info)) {
        return error_set(error, STATUS_NOT_FOUND,
                         "%s: no program is stored; the first publish did not finish",
                         database->directory);
    }
    if (!identity_equal(&info.database, &database->options.identity)) {
        char stored[IDENTITY_HEX_COUNT + 1];
        char expected[IDENTITY_HEX_COUNT + 1];
        identity_to_hex(&info.database, stored);
        identity_to_hex(&database->options.identity, expected);
        return error_set(error, STATUS_CORRUPT, "mismatched database identity: %s != %s", stored,
                         expected);
    }
    LoadedProgram loaded;
    Status status = database_load_program(database, (ProgramKind)info.kind, info.program, &loaded,
                                          error);
    if (status != STATUS_OK) return status;
    database_set_program(database, loaded.program, loaded.instance, loaded.def, &info);
    return STATUS_OK;
}

// Whoever was connected when the server went away is disconnected now (module-abi.md 4.3).
static void disconnect_leftovers(Database *database) {
    Table *clients = store_find_table(database->store, ST_CLIENT);
    uint32_t count = (uint32_t)table_row_count(clients);
    Caller *callers = ARENA_ARRAY(&database->call_arena, Caller, count);
    TableScan scan = table_scan(clients);
    Row row;
    for (uint32_t i = 0; i < count && table_scan_next(&scan, &row); i++) {
        memcpy(callers[i].identity.bytes, row.bytes.data, 32);
        memcpy(callers[i].connection.bytes, row.bytes.data + 32, 16);
    }
    for (uint32_t i = 0; i < count; i++) database_disconnect(database, &callers[i]);
    arena_clear(&database->call_arena);

    Tx *tx = tx_begin(database->store);
    clear_table(database, tx, ST_CLIENT);
    clear_table(database, tx, ST_CONNECTION_CREDENTIALS);
    TxCause cause = {.event = {.result = RESULT_COMMITTED, .reducer_id = UINT32_MAX}};
    (void)database_commit(database, &cause);
}

static void clear_table(Database *database, Tx *tx, TableId id) {
    Table *table = store_find_table(database->store, id);
    if (table_row_count(table) > 0) (void)tx_clear(tx, table);
}

void database_stop(Database *database) {
    if (database->is_stopped) return;
    database->is_stopped = true;
    actor_set_timer(&database->actor, 0);
    procedures_stop(database);
    Bytes reason = BYTES_LITERAL("module exited");
    for (SyncClient *client = sync_next_client(database->sync, NULL); client;
         client = sync_next_client(database->sync, client)) {
        database->options.close_connection(database->options.user,
                                           sync_client_options(client)->connection, 1001, reason);
    }
    sync_wait_reads(database->sync);
}

// ---- first rows that are read elsewhere ----

static void start_reads(void *user) {
    Database *database = database_ref(user);
    database->errands.read = (PoolJob){.run = run_reads};
    executor_pool_run_waiting(database->options.pool, &database->errands.read);
}

static void run_reads(PoolJob *job) {
    Database *database = (Database *)((char *)job - offsetof(Database, errands.read));
    sync_run_reads(database->sync);
    database_unref(database);
}

// Who waits for bytes is looked at like who waits for the disk.
static void reads_ready(void *user) {
    const Database *database = user;
    if (database->options.durable) database->options.durable(database->options.user);
}

bool database_is_stopped(const Database *database) {
    return database->is_stopped;
}

// ---- references ----

Database *database_ref(Database *database) {
    uint32_t before = atomic_fetch_add_explicit(&database->refs, 1, memory_order_relaxed);
    ASSERT(before > 0);
    return database;
}

void database_unref(Database *database) {
    if (database == NULL) return;
    uint32_t before = atomic_fetch_sub_explicit(&database->refs, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before > 1) return;
    // Closing drains the log: not on whatever thread (net, log) let go last.
    database->errands.close.run = close_job;
    executor_pool_run(database->options.pool, &database->errands.close);
}

static void database_retain(Actor *actor) {
    (void)database_ref(database_of_actor(actor));
}

static void database_release(Actor *actor) {
    database_unref(database_of_actor(actor));
}

static void close_job(PoolJob *job) {
    Database *database = (Database *)(void *)((char *)job - offsetof(Database, errands.close));
    database_close(database);
}

static void database_close(Database *database) {
    // Messages that nobody ran find a stopped database and free themselves.
    database->is_stopped = true;
    run_messages(database, UINT32_MAX);
    ASSERT(database->waiters.count == 0);
    log_close(database->log);
    // Whoever is still registered (a client whose connection outlived the database) goes with it.
    while (sync_next_client(database->sync, NULL)) {
        sync_remove_client(database->sync, sync_next_client(database->sync, NULL));
    }
    sync_free(database->sync);
    views_done(database);
    procedures_done(database);
    instance_free(database_swap_instance(database, NULL));
    module_version_unref(database->version);
    bytes_map_done(&database->reducers);
    module_log_done(&database->module_log);
    store_free(database->store);
    waiter_vec_done(&database->waiters);
    schedule_vec_done(&database->schedule);
    arena_done(&database->call_arena);
    gate_unref(database->gate);
    mutex_done(&database->guard.mutex);
    mem_free(database->directory);
    mem_free(database);
}

// ---- turns ----

void database_post(Database *database, DbMessage *message) {
    actor_post(&database->actor, &message->node);
}

// Runs what has gathered, at most a batch. The log thread starts after each message, so that the disk works
// while the rest of the batch runs; connections hear once, at the end.
static ActorTurn database_turn(Actor *actor) {
    Database *database = database_of_actor(actor);
    run_messages(database, EXECUTOR_BATCH_MAX);
    if (database->options.turn_end) database->options.turn_end(database->options.user);
    ProcedureRun *borrower = database->borrower;
    if (borrower) {
        database->borrower = NULL;
        procedure_take_turn(borrower);  // from here on everything is its
        return TURN_LENT;
    }
    return database->backlog != NULL || !queue_is_empty(&actor->inbox) ? TURN_MORE : TURN_DONE;
}

static void run_messages(Database *database, uint32_t count_max) {
    QueueNode *at = database->backlog ? database->backlog : queue_take_all(&database->actor.inbox);
    uint32_t count = 0;
    while (at && count < count_max && !database->borrower) {
        DbMessage *message = (DbMessage *)(void *)at;
        at = at->next;
        message->run(database, message);
        arena_clear(&database->call_arena);
        if (database->log) {
            log_wake(database->log);
            log_snapshot_if_due(database->log, database->store);
        }
        count++;
    }
    database->backlog = at;
}

// ---- the disk ----

Gate *database_gate(const Database *database) {
    return database->gate;
}

const DatabaseOptions *database_options(const Database *database) {
    return &database->options;
}

uint64_t database_ticket(const Database *database) {
    return database->log ? log_ticket(database->log) : TICKET_NONE;
}

bool database_failure(const Database *database, Error *ret_error) {
    return database->log && log_failure(database->log, ret_error);
}

bool database_is_refusing(const Database *database, Error *ret_error) {
    return database->log && log_state(database->log, ret_error) != LOG_STATE_OPEN;
}

static void log_advanced(void *user) {
    Database *database = user;
    if (database->options.durable) database->options.durable(database->options.user);
    atomic_thread_fence(memory_order_seq_cst);
    if (!atomic_load(&database->has_waiters)) return;
    if (atomic_exchange(&database->durable_posted, true)) return;
    database_post(database, &database->errands.durable);
}

void database_post_when_durable(Database *database, uint64_t ticket, DbMessage *message) {
    Error failure;
    if (database->gate == NULL || gate_is_open(database->gate, ticket) ||
        database_failure(database, &failure)) {
        database_post(database, message);
        return;
    }
    waiter_vec_push(&database->waiters, (DurableWaiter){ticket, message});
    atomic_store(&database->has_waiters, true);
    atomic_thread_fence(memory_order_seq_cst);
    post_ready_waiters(database);  // the gate may have opened before the flag was seen
    log_wake(database->log);
}

static void run_durable_message(Database *database, DbMessage *message) {
    (void)message;
    atomic_store(&database->durable_posted, false);
    post_ready_waiters(database);
}

static void post_ready_waiters(Database *database) {
    Error failure;
    bool failed = database_failure(database, &failure);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < database->waiters.count; i++) {
        DurableWaiter waiter = database->waiters.items[i];
        if (failed || gate_is_open(database->gate, waiter.ticket)) {
            database_post(database, waiter.message);
        } else {
            database->waiters.items[kept++] = waiter;
        }
    }
    database->waiters.count = kept;
    if (kept == 0) atomic_store(&database->has_waiters, false);
}

// ---- the clock ----

static void database_timer(Actor *actor) {
    Database *database = database_of_actor(actor);
    if (atomic_exchange(&database->timer_posted, true)) return;
    database_post(database, &database->errands.timer);
}

static void run_timer_message(Database *database, DbMessage *message) {
    (void)message;
    atomic_store(&database->timer_posted, false);
    database_run_due(database);
    views_expire(database);
}

// ---- what the module says ----

static void module_wrote_log(void *user, const ModuleLogRecord *record) {
    Database *database = user;
    if (record->level == MODULE_LOG_PANIC) database->running.has_panicked = true;
    ModuleLogRecord with_function = *record;
    if (with_function.function.data == NULL && database->running.function.count > 0) {
        with_function.function = database->running.function;
    }
    module_log_append(&database->module_log, &with_function, database_now(database));
}

DatabaseStats database_stats(Database *database) {
    DatabaseStats stats = database->stats;
    stats.clients = sync_client_count(database->sync);
    stats.sync = sync_stats(database->sync);
    if (database->instance) stats.module_memory_bytes = instance_memory_bytes(database->instance);
    LogState state = database->log ? log_state(database->log, NULL) : LOG_STATE_OPEN;
    stats.is_disk_full = state == LOG_STATE_FULL;
    stats.has_disk_failed = state == LOG_STATE_FAILED;
    TableId at = 0;
    for (Table *table = store_next_table(database->store, &at); table;
         table = store_next_table(database->store, &at)) {
        stats.tables++;
        stats.rows += table_row_count(table);
        stats.row_bytes += table_bytes(table);
    }
    return stats;
}
