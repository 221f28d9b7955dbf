// log.c - appending: the executor encodes commits into memory, the log thread writes and syncs them.
//
// Group commit without a timer: while the log thread is inside one write and sync, the executor fills the
// other buffer; the next round takes all of it. A confirmed call waits for at most the rest of the running
// sync and one of its own.
//
// A full disk: the log thread keeps what it could not write and tries again, from the same place, until there is
// room. Nothing is confirmed meanwhile. A sync is never tried again.
//
// Invariants  segments hold whole commits with contiguous offsets; the gate never passes a commit that was
//             not covered by a successful sync; after a failure the gate never moves again.

#include "log/log.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/thread.h"
#include "log/recover.h"
#include "log/worker.h"
#include "log/writer.h"

#include <stdlib.h>

#define BUFFER_BYTES_MAX ((size_t)LOG_RECORD_BYTES_MAX + LOG_PENDING_BYTES_MAX)

struct Log {
    Os *os;
    char *directory;
    LogOptions options;
    Gate *gate;
    // ---- executor ----
    uint64_t next_offset;
    Worker *worker;  // NULL: no snapshots
    bool is_snapshot_due;
    uint64_t snapshot_ticket;  // of the last one that was begun, or found
    // ---- log thread; the executor before it starts and after it ended ----
    Writer writer;
    Buffer writing;
    uint32_t written;         // bytes of it that are durable
    uint64_t writing_ticket;  // of the last commit in it: the offset that comes next
    // ---- shared, under mutex ----
    Mutex mutex;
    Condition work;           // the log thread waits: something is pending, or stop
    Condition space;          // the executor waits: pending shrank
    Condition moved;          // the worker waits: the gate was opened, or never will be
    Buffer pending;           // whole commits
    uint64_t pending_ticket;  // of the last commit in it
    bool is_idle;             // the log thread waits for work
    bool is_running;          // there is a log thread
    bool stop;
    Thread thread;
    Error problem;  // why the state is what it is
    // Set by the log thread, cleared by the executor; relaxed: seeing it a turn late makes a snapshot a turn late.
    _Atomic bool has_new_segment;
    // Written by the log thread under mutex; read without it, acquire: who sees it, asks under mutex.
    _Atomic LogState state;
};

static Status check_paths(const char *directory, const LogOptions *options, Error *error);
static void create_worker(Log *log, const LogReport *report);
static void append_system_schema(Log *log, Store *store);
static void append_frame(Log *log, const LogInputs *inputs, const Commit *commit);
static void wait_for_space(Log *log);
static uint64_t replica_of(const char *directory);
static bool worker_waits(void *user, uint64_t tx_offset);
static void close_worker(Log *log);
static void log_start_thread(Log *log);
static void log_run(void *user);
static bool log_take_work(Log *log);
static void take_pending(Log *log);
static bool log_write(Log *log);
static void log_write_group(Log *log);
static void log_problem(Log *log, const Error *error);
static void log_recovered(Log *log);
static void log_give_up(Log *log);
static bool has_unwritten(const Log *log);

Status log_open(Os *os, const char *directory, const LogOptions *options, Store *store,
                Log **ret_log, LogReport *ret_report, Error *error) {
    Recovery recovery = {0};
    Status status = check_paths(directory, options, error);
    if (status != STATUS_OK) return status;
    RecoverFrom from = {.os = os,
                        .directory = directory,
                        .snapshots = options->snapshots,
                        .database = identity_is_zero(&options->database) ? NULL
                                                                         : &options->database};
    status = recover(&from, store, &recovery, error);
    if (status != STATUS_OK) return status;

    Log *log = mem_alloc_zero(sizeof *log);
    log->os = os;
    log->directory = mem_copy_text(bytes_of_text(directory));
    log->options = *options;
    if (log->options.segment_bytes_max == 0) log->options.segment_bytes_max = LOG_SEGMENT_BYTES_MAX;
    if (log->options.snapshot_interval == 0) log->options.snapshot_interval = LOG_SNAPSHOT_INTERVAL;
    log->gate = gate_create();
    log->next_offset = recovery.next_offset;
    writer_init(&log->writer, os, log->directory, log->options.segment_bytes_max);
    writer_resume(&log->writer, recovery.segment_number, recovery.segment, recovery.segment_bytes);
    buffer_init(&log->writing, BUFFER_BYTES_MAX);
    buffer_init(&log->pending, BUFFER_BYTES_MAX);
    mutex_init(&log->mutex);
    condition_init(&log->work);
    condition_init(&log->space);
    condition_init(&log->moved);
    if (options->snapshots) create_worker(log, &recovery.report);
    log->pending_ticket = log->next_offset;
    gate_open(log->gate, log->next_offset);  // recover() synced what it found

    if (log->next_offset == 0) {
        append_system_schema(log, store);
    } else if (recovery.repairs && recovery.repairs->is_logged) {
        LogInputs none = {0};
        (void)log_append(log, &none, recovery.repairs);
    }
    if (recovery.repairs) tx_release(store_tx(store));
    log_wake(log);
    *ret_report = recovery.report;
    *ret_log = log;
    return STATUS_OK;
}

static Status check_paths(const char *directory, const LogOptions *options, Error *error) {
    const char *longest = directory;
    if (options->snapshots && strlen(options->snapshots) > strlen(directory)) {
        longest = options->snapshots;
    }
    if (strlen(longest) + LOG_NAME_BYTES_MAX < OS_PATH_BYTES_MAX) return STATUS_OK;
    return error_set(error, STATUS_LIMIT, "%.100s...: the path is too long", longest);
}

static void create_worker(Log *log, const LogReport *report) {
    log->options.snapshots = mem_copy_text(bytes_of_text(log->options.snapshots));
    WorkerOptions options = {.os = log->os,
                             .segments = log->directory,
                             .snapshots = log->options.snapshots,
                             .is_stepped = log->options.threads == LOG_STEPPED,
                             .wait_durable = worker_waits,
                             .user = log};
    log->worker = worker_create(&options);
    log->snapshot_ticket = report->snapshot_transactions;
    log->is_snapshot_due = report->transactions >= log->options.snapshot_interval;
}

// A new log begins with the catalogue rows of the system tables, in ascending table id (since-2.8.md 5.2).
static void append_system_schema(Log *log, Store *store) {
    static const TableId CATALOG[] = {ST_TABLE, ST_COLUMN, ST_SEQUENCE, ST_INDEX, ST_CONSTRAINT};
    enum { CATALOG_COUNT = sizeof CATALOG / sizeof CATALOG[0] };
    Arena arena;
    arena_init(&arena, 64u << 20);
    TableDelta deltas[CATALOG_COUNT];
    for (uint32_t i = 0; i < CATALOG_COUNT; i++) {
        Table *table = store_find_table(store, CATALOG[i]);
        ASSERT(table != NULL);
        uint32_t count = (uint32_t)table_row_count(table);
        Row *rows = ARENA_ARRAY(&arena, Row, count);
        TableScan scan = table_scan(table);
        for (uint32_t r = 0; r < count; r++) {
            bool found = table_scan_next(&scan, &rows[r]);
            ASSERT(found);
        }
        deltas[i] = (TableDelta){
            .table = table, .schema = table_schema(table), .inserted = {rows, count}};
    }
    Commit commit = {.tables = deltas, .table_count = CATALOG_COUNT, .is_logged = true};
    LogInputs none = {0};
    (void)log_append(log, &none, &commit);
    arena_done(&arena);
}

uint64_t log_append(Log *log, const LogInputs *inputs, const Commit *commit) {
    ASSERT(commit->is_logged);
    mutex_lock(&log->mutex);
    wait_for_space(log);
    if (log->state != LOG_STATE_FAILED) append_frame(log, inputs, commit);
    if (log->next_offset % log->options.snapshot_interval == 1) log->is_snapshot_due = true;
    uint64_t ticket = ++log->next_offset;
    log->pending_ticket = ticket;
    mutex_unlock(&log->mutex);
    return ticket;
}

// Under mutex. The disk is slower than the executor, or full.
static void wait_for_space(Log *log) {
    while (log->pending.count > LOG_PENDING_BYTES_MAX && log->state != LOG_STATE_FAILED) {
        if (log->options.threads == LOG_STEPPED) {
            mutex_unlock(&log->mutex);
            bool got_further = log_step(log);
            mutex_lock(&log->mutex);
            if (!got_further) return;
            continue;
        }
        if (!log->is_running) log_start_thread(log);
        condition_signal(&log->work);
        condition_wait(&log->space, &log->mutex);
    }
}

// header | record | crc32c, straight into the pending bytes.
static void append_frame(Log *log, const LogInputs *inputs, const Commit *commit) {
    Buffer *pending = &log->pending;
    size_t start = pending->count;
    buffer_u64(pending, log->next_offset);
    buffer_u64(pending, 0);  // epoch
    buffer_u16(pending, 1);  // one transaction a commit
    buffer_u32(pending, 0);  // bytes of the record, below
    txdata_write(pending, inputs, commit);
    ASSERT(
        !pending
             ->failed);  // STORE_ROW_BYTES_MAX and the pending limit keep it far from its maximum
    size_t record_bytes = pending->count - start - COMMIT_HEADER_BYTES;
    store_u32le(pending->data + start + COMMIT_HEADER_BYTES - 4, (uint32_t)record_bytes);
    uint32_t checksum = crc32c(0, bytes_of(pending->data + start, pending->count - start));
    buffer_u32(pending, checksum);
}

void log_wake(Log *log) {
    if (log->options.threads == LOG_STEPPED) return;
    mutex_lock(&log->mutex);
    bool wake = log->pending.count > 0 && log->is_running && log->is_idle;
    if (wake) log->is_idle = false;
    bool start = log->pending.count > 0 && !log->is_running && log->state != LOG_STATE_FAILED;
    if (start) log_start_thread(log);
    mutex_unlock(&log->mutex);
    if (wake) condition_signal(&log->work);
}

bool log_step(Log *log) {
    ASSERT(log->options.threads == LOG_STEPPED);
    if (log->state != LOG_STATE_FAILED) {
        if (!has_unwritten(log)) take_pending(log);
        if (has_unwritten(log)) return log_write(log);
    }
    return log->worker && worker_step(log->worker);
}

uint64_t log_ticket(const Log *log) {
    return log->next_offset;
}

Gate *log_gate(Log *log) {
    return log->gate;
}

LogState log_state(Log *log, Error *ret_error) {
    LogState state = atomic_load_explicit(&log->state, memory_order_acquire);
    if (state == LOG_STATE_OPEN || ret_error == NULL) return state;
    mutex_lock(&log->mutex);
    state = log->state;
    *ret_error = log->problem;
    mutex_unlock(&log->mutex);
    return state;
}

bool log_failure(Log *log, Error *ret_error) {
    if (log_state(log, NULL) != LOG_STATE_FAILED) return false;
    (void)log_state(log, ret_error);
    return true;
}

void log_snapshot_if_due(Log *log, Store *store) {
    if (log->worker == NULL) return;
    if (atomic_load_explicit(&log->has_new_segment, memory_order_relaxed)) {
        atomic_store_explicit(&log->has_new_segment, false, memory_order_relaxed);
        log->is_snapshot_due = true;
    }
    if (!log->is_snapshot_due || log_snapshot_is_running(log)) return;
    if (log_snapshot_begin(log, store)) log->is_snapshot_due = false;
}

bool log_snapshot_begin(Log *log, Store *store) {
    bool is_possible = log->worker && !worker_is_busy(log->worker) && store_tx(store) == NULL &&
                       log_state(log, NULL) == LOG_STATE_OPEN &&
                       log->snapshot_ticket != log->next_offset;
    if (!is_possible) return false;
    Identity database = log->options.database;
    ProgramInfo program;
    if (identity_is_zero(&database)) {
        if (!store_program(store, &program)) return false;  // nobody's yet
        database = program.database;
    }
    log->snapshot_ticket = log->next_offset;
    worker_begin(log->worker, snapshot_source_create(store, log->next_offset - 1, &database,
                                                     replica_of(log->directory)));
    return true;
}

bool log_snapshot_is_running(const Log *log) {
    return log->worker && worker_is_busy(log->worker);
}

// "replicas/12/clog" is replica 12's; a name without meaning is 0: no reader goes by it.
static uint64_t replica_of(const char *directory) {
    const char *end = strrchr(directory, '/');
    if (end == NULL) return 0;
    const char *at = end;
    while (at > directory && at[-1] != '/') at--;
    return strtoull(at, NULL, 10);
}

// WorkerOptions.wait_durable.
static bool worker_waits(void *user, uint64_t tx_offset) {
    Log *log = user;
    if (log->options.threads == LOG_STEPPED) return gate_is_open(log->gate, tx_offset + 1);
    mutex_lock(&log->mutex);
    while (!gate_is_open(log->gate, tx_offset + 1) && log->state != LOG_STATE_FAILED &&
           !worker_is_stopped(log->worker)) {
        condition_wait(&log->moved, &log->mutex);
    }
    mutex_unlock(&log->mutex);
    return gate_is_open(log->gate, tx_offset + 1);
}

static void close_worker(Log *log) {
    if (log->worker == NULL) return;
    mutex_lock(&log->mutex);
    worker_stop(log->worker);
    condition_broadcast(&log->moved);
    mutex_unlock(&log->mutex);
    worker_close(log->worker);
    mem_free((void *)log->options.snapshots);
}

void log_close(Log *log) {
    if (log == NULL) return;
    if (log->options.threads == LOG_STEPPED) {
        while (log_step(log)) {}
        if (has_unwritten(log)) log_give_up(log);
    } else {
        log_wake(log);
        mutex_lock(&log->mutex);
        log->stop = true;
        condition_signal(&log->work);
        mutex_unlock(&log->mutex);
        thread_join(&log->thread);
    }
    close_worker(log);
    writer_done(&log->writer);
    buffer_done(&log->pending);
    buffer_done(&log->writing);
    condition_done(&log->work);
    condition_done(&log->space);
    condition_done(&log->moved);
    mutex_done(&log->mutex);
    gate_unref(log->gate);
    mem_free(log->directory);
    mem_free(log);
}

// ---- the log thread ----

// Under mutex. An earlier thread may have ended for idleness: it is joined first, which takes no time.
static void log_start_thread(Log *log) {
    ASSERT(!log->is_running);
    thread_join(&log->thread);
    log->is_running = true;
    log->is_idle = false;
    thread_start(&log->thread, "log", log_run, log);
}

static void log_run(void *user) {
    Log *log = user;
    while (log_take_work(log)) (void)log_write(log);
}

// Waits for something to write; false: the thread ends.
static bool log_take_work(Log *log) {
    mutex_lock(&log->mutex);
    bool was_last_try = log->stop;
    if (has_unwritten(log) && !log->stop) {
        (void)condition_wait_ms(&log->work, &log->mutex, LOG_FULL_RETRY_MS);  // for room
    }
    while (!has_unwritten(log) && log->pending.count == 0 && !log->stop &&
           log->state != LOG_STATE_FAILED) {
        log->is_idle = true;
        bool woken = condition_wait_ms(&log->work, &log->mutex, LOG_THREAD_IDLE_MS);
        if (!woken && log->pending.count == 0) break;
    }
    log->is_idle = false;
    bool goes_on = log->state != LOG_STATE_FAILED;
    if (goes_on && !has_unwritten(log)) {
        take_pending(log);
        goes_on = has_unwritten(log);
    } else if (goes_on && was_last_try && log->state == LOG_STATE_FULL) {
        goes_on = false;
        log_give_up(log);
    }
    if (!goes_on) {
        log->is_running = false;
        buffer_done(&log->writing);
        buffer_init(&log->writing, BUFFER_BYTES_MAX);
    }
    mutex_unlock(&log->mutex);
    return goes_on;
}

// Under mutex, or stepped.
static void take_pending(Log *log) {
    ASSERT(!has_unwritten(log));
    buffer_clear(&log->writing);
    Buffer taken = log->pending;
    log->pending = log->writing;
    log->writing = taken;
    log->written = 0;
    log->writing_ticket = log->pending_ticket;
    condition_signal(&log->space);
}

static bool has_unwritten(const Log *log) {
    return log->written < log->writing.count;
}

// Writes what was taken, group by group, until it is durable or the disk refuses. False: nothing was written.
static bool log_write(Log *log) {
    uint32_t written_before = log->written;
    Bytes commits = buffer_bytes(&log->writing);
    Status status = STATUS_OK;
    while (has_unwritten(log) && status == STATUS_OK) {
        Error error;
        uint32_t count = 0;
        Bytes left = bytes_slice(commits, log->written, commits.count - log->written);
        status = writer_write(&log->writer, left, &count, &error);
        if (status == STATUS_OK) {
            log->written += count;
            log_write_group(log);
        } else {
            log_problem(log, &error);
        }
        if (log->options.advanced) log->options.advanced(log->options.user);
    }
    bool got_further = log->written > written_before;
    if (status != STATUS_OK && status != STATUS_FULL) log->written = (uint32_t)log->writing.count;
    return got_further;
}

// A group became durable.
static void log_write_group(Log *log) {
    uint64_t ticket = log->writing_ticket;
    if (has_unwritten(log)) ticket = load_u64le(log->writing.data + log->written);
    if (log->state == LOG_STATE_FULL) log_recovered(log);
    ASSERT(log->state == LOG_STATE_OPEN);
    gate_open(log->gate, ticket);
    if (log->worker == NULL) return;
    if (log->writer.segment_count > 0) {
        log->writer.segment_count = 0;
        atomic_store_explicit(&log->has_new_segment, true, memory_order_relaxed);
    }
    mutex_lock(&log->mutex);
    condition_broadcast(&log->moved);
    mutex_unlock(&log->mutex);
}

static void log_problem(Log *log, const Error *error) {
    bool is_full = error->status == STATUS_FULL;
    if (is_full && log->state == LOG_STATE_FULL) return;  // known
    Error problem = *error;
    if (is_full) {
        error_prefix(&problem,
                     "there is no room for the commitlog (%s); nothing was lost, but calls that "
                     "write are refused until there is room: ",
                     log->directory);
    } else {
        error_prefix(&problem,
                     "the commitlog can no longer be written (%s); the database is read-only until "
                     "the server is restarted: ",
                     log->directory);
    }
    mutex_lock(&log->mutex);
    log->problem = problem;
    atomic_store_explicit(&log->state, is_full ? LOG_STATE_FULL : LOG_STATE_FAILED,
                          memory_order_release);
    condition_broadcast(&log->space);
    condition_broadcast(&log->moved);
    mutex_unlock(&log->mutex);
    log_line(LOG_ERROR, "log", "%s", problem.text);
}

static void log_recovered(Log *log) {
    mutex_lock(&log->mutex);
    atomic_store_explicit(&log->state, LOG_STATE_OPEN, memory_order_release);
    mutex_unlock(&log->mutex);
    log_line(LOG_INFO, "log", "%s: there is room again; everything was written", log->directory);
}

// The log is closed while the disk is full.
static void log_give_up(Log *log) {
    log_line(LOG_ERROR, "log",
             "%s: closed while the disk was full: transactions from %llu on were never written or "
             "confirmed",
             log->directory, (unsigned long long)load_u64le(log->writing.data + log->written));
}
