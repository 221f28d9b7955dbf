// log.c - appending: the executor encodes commits into memory, the log thread writes and syncs them.
//
// Group commit without a timer: while the log thread is inside one write and sync, the executor fills the
// other buffer; the next round takes all of it. A confirmed call waits for at most the rest of the running
// sync and one of its own.
//
// Invariants  segments hold whole commits with contiguous offsets; the gate never passes a commit that was
//             not covered by a successful sync; after a failure the gate never moves again.

#include "log/log.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/thread.h"
#include "log/recover.h"
#include "log/segment.h"

#include <stdio.h>

#define PATH_BYTES_MAX 4096u

struct Log {
    Os *os;
    char *directory;
    LogOptions options;
    Gate *gate;
    // ---- executor ----
    uint64_t next_offset;
    // ---- log thread; the executor before it starts and after it ended ----
    File segment;
    uint64_t segment_bytes;  // of whole commits and the header
    Buffer writing;
    uint64_t writing_ticket;  // of the last commit in it: the offset that comes next
    // ---- shared, under mutex ----
    Mutex mutex;
    Condition work;           // the log thread waits: something is pending, or stop
    Condition space;          // the executor waits: pending shrank
    Buffer pending;           // whole commits
    uint64_t pending_ticket;  // of the last commit in it
    bool is_idle;             // the log thread waits for work
    bool is_running;          // there is a log thread
    bool stop;
    Thread thread;
    // ---- set once by the log thread, under mutex; the flag is read without it ----
    _Atomic bool failed;
    Error failure;
};

static Status append_system_schema(Log *log, Store *store);
static void append_frame(Log *log, const LogInputs *inputs, const Commit *commit);
static void log_start_thread(Log *log);
static void log_run(void *user);
static bool log_take_work(Log *log);
static Status log_write(Log *log, Error *error);
static Status log_write_part(Log *log, Bytes part, Error *error);
static uint32_t log_part_bytes(const Log *log, Bytes commits);
static Status log_rotate(Log *log, uint64_t next_offset, Error *error);
static void log_fail(Log *log, const Error *error);

Status log_open(Os *os, const char *directory, const LogOptions *options, Store *store,
                Log **ret_log, LogReport *ret_report, Error *error) {
    Recovery recovery = {0};
    Status status = recover(os, directory, store, &recovery, error);
    if (status != STATUS_OK) return status;

    Log *log = mem_alloc_zero(sizeof *log);
    log->os = os;
    log->directory = mem_copy_text(bytes_of_text(directory));
    log->options = *options;
    if (log->options.segment_bytes_max == 0) log->options.segment_bytes_max = LOG_SEGMENT_BYTES_MAX;
    log->gate = gate_create();
    log->next_offset = recovery.next_offset;
    log->segment = recovery.segment;
    log->segment_bytes = recovery.segment_bytes;
    buffer_init(&log->writing, (size_t)LOG_RECORD_BYTES_MAX + LOG_PENDING_BYTES_MAX);
    buffer_init(&log->pending, (size_t)LOG_RECORD_BYTES_MAX + LOG_PENDING_BYTES_MAX);
    mutex_init(&log->mutex);
    condition_init(&log->work);
    condition_init(&log->space);
    log->pending_ticket = log->next_offset;
    gate_open(log->gate, log->next_offset);  // recover() synced what it found

    if (log->next_offset == 0) {
        status = append_system_schema(log, store);
    } else if (recovery.repairs && recovery.repairs->is_logged) {
        LogInputs none = {0};
        (void)log_append(log, &none, recovery.repairs);
    }
    if (recovery.repairs) tx_release(store_tx(store));
    log_wake(log);
    *ret_report = recovery.report;
    *ret_log = log;
    return status;
}

// A new log begins with the catalogue rows of the system tables, in ascending table id (since-2.8.md 5.2).
static Status append_system_schema(Log *log, Store *store) {
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
    return STATUS_OK;
}

uint64_t log_append(Log *log, const LogInputs *inputs, const Commit *commit) {
    ASSERT(commit->is_logged);
    mutex_lock(&log->mutex);
    while (log->pending.count > LOG_PENDING_BYTES_MAX && !log->failed) {
        if (!log->is_running) log_start_thread(log);
        condition_signal(&log->work);
        condition_wait(&log->space, &log->mutex);
    }
    if (!log->failed) append_frame(log, inputs, commit);
    uint64_t ticket = ++log->next_offset;
    log->pending_ticket = ticket;
    mutex_unlock(&log->mutex);
    return ticket;
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
    mutex_lock(&log->mutex);
    bool wake = log->pending.count > 0 && log->is_running && log->is_idle;
    if (wake) log->is_idle = false;
    if (log->pending.count > 0 && !log->is_running && !log->failed) log_start_thread(log);
    mutex_unlock(&log->mutex);
    if (wake) condition_signal(&log->work);
}

uint64_t log_ticket(const Log *log) {
    return log->next_offset;
}

Gate *log_gate(Log *log) {
    return log->gate;
}

bool log_failure(Log *log, Error *ret_error) {
    if (!atomic_load_explicit(&log->failed, memory_order_acquire)) return false;
    *ret_error = log->failure;
    return true;
}

void log_close(Log *log) {
    if (log == NULL) return;
    log_wake(log);
    mutex_lock(&log->mutex);
    log->stop = true;
    condition_signal(&log->work);
    mutex_unlock(&log->mutex);
    thread_join(&log->thread);
    os_file_close(log->os, log->segment);
    buffer_done(&log->pending);
    buffer_done(&log->writing);
    condition_done(&log->work);
    condition_done(&log->space);
    mutex_done(&log->mutex);
    gate_unref(log->gate);
    mem_free(log->directory);
    mem_free(log);
}

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
    while (log_take_work(log)) {
        Error error = {0};
        Status status = log_write(log, &error);
        if (status == STATUS_OK) {
            gate_open(log->gate, log->writing_ticket);
        } else {
            log_fail(log, &error);
        }
        buffer_clear(&log->writing);
        if (log->options.advanced) log->options.advanced(log->options.user);
    }
}

// Waits for work and swaps the buffers; false: the thread ends.
static bool log_take_work(Log *log) {
    mutex_lock(&log->mutex);
    while (log->pending.count == 0 && !log->stop && !log->failed) {
        log->is_idle = true;
        if (!condition_wait_ms(&log->work, &log->mutex, LOG_THREAD_IDLE_MS) &&
            log->pending.count == 0)
            break;
    }
    log->is_idle = false;
    bool has_work = log->pending.count > 0 && !log->failed;
    if (has_work) {
        Buffer taken = log->pending;
        log->pending = log->writing;
        log->writing = taken;
        log->writing_ticket = log->pending_ticket;
        condition_signal(&log->space);
    } else {
        log->is_running = false;
    }
    mutex_unlock(&log->mutex);
    return has_work;
}

// Writes everything in `writing`; a segment that is full is synced before the next one begins.
static Status log_write(Log *log, Error *error) {
    Bytes left = buffer_bytes(&log->writing);
    Status status = STATUS_OK;
    while (left.count > 0 && status == STATUS_OK) {
        uint32_t part = log_part_bytes(log, left);
        status = log_write_part(log, bytes_slice(left, 0, part), error);
        left = bytes_slice(left, part, left.count - part);
        bool is_full = log->segment_bytes >= log->options.segment_bytes_max;
        if (status == STATUS_OK && (is_full || left.count == 0)) {
            status = log->os->file_sync(log->os, log->segment, error);
        }
        if (status == STATUS_OK && is_full) {
            uint64_t next_offset = left.count > 0 ? load_u64le(left.data) : log->writing_ticket;
            status = log_rotate(log, next_offset, error);
        }
    }
    return status;
}

// Bytes of the leading commits that belong into the current segment: up to the one that fills it.
static uint32_t log_part_bytes(const Log *log, Bytes commits) {
    uint32_t at = 0;
    uint64_t segment_bytes = log->segment_bytes;
    while (at < commits.count && segment_bytes < log->options.segment_bytes_max) {
        uint32_t whole = load_u32le(commits.data + at + COMMIT_HEADER_BYTES - 4) +
                         COMMIT_FRAME_BYTES;
        at += whole;
        segment_bytes += whole;
    }
    ASSERT(at > 0 && at <= commits.count);
    return at;
}

static Status log_write_part(Log *log, Bytes part, Error *error) {
    Status status = log->os->file_write(log->os, log->segment, log->segment_bytes, part.data,
                                        part.count, error);
    if (status == STATUS_OK) log->segment_bytes += part.count;
    return status;
}

static Status log_rotate(Log *log, uint64_t next_offset, Error *error) {
    File next = FILE_NONE;
    Status status = segment_create(log->os, log->directory, next_offset, &next, error);
    if (status != STATUS_OK) return status;
    os_file_close(log->os, log->segment);
    log->segment = next;
    log->segment_bytes = SEGMENT_HEADER_BYTES;
    return STATUS_OK;
}

static void log_fail(Log *log, const Error *error) {
    mutex_lock(&log->mutex);
    log->failure = *error;
    error_prefix(&log->failure,
                 "the commitlog can no longer be written (%s); the database is read-only until "
                 "the server is restarted: ",
                 log->directory);
    atomic_store_explicit(&log->failed, true, memory_order_release);
    condition_broadcast(&log->space);
    mutex_unlock(&log->mutex);
    log_line(LOG_ERROR, "log", "%s", log->failure.text);
}
