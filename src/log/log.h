// log.h - the commitlog of one database: recover a store from it, append transactions, tell what is durable.
//
// Threads    open, append, wake, step, snapshots and close belong to the database's executor. One log thread per log
//            owns the segment files; it starts with the first append and ends when idle. Another one writes a
//            snapshot and ends. State and gate: any thread.
// Lifetime   log_close drains and syncs everything that was appended.
// Errors     a failed write or sync is final: nothing more becomes durable, log_state says why, the database
//            turns read-only. There is no retry of a sync. A full disk is not final: what was appended is kept and
//            written as soon as there is room; until then the database refuses calls that write.
// Limits     LOG_* in base/limits.h.        Format  spec: storage.md 9, 10, 12, 13; docs/formats.md.
#pragma once

#include "base/gate.h"
#include "base/os.h"
#include "log/backup.h"
#include "store/store.h"

typedef struct Log Log;

typedef enum LogThreads {
    LOG_OWN_THREADS,
    LOG_STEPPED,  // none: log_step does what they would do. For simulations.
} LogThreads;

typedef struct LogOptions {
    uint64_t segment_bytes_max;  // 0: LOG_SEGMENT_BYTES_MAX
    const char *snapshots;       // directory of the snapshots; NULL: none are read or written
    uint64_t snapshot_interval;  // 0: LOG_SNAPSHOT_INTERVAL
    // Whose database it is: a snapshot of another one is refused. All zero: taken as it is found.
    Identity database;
    LogThreads threads;
    // Called on the log thread after the gate was opened further, or when the state changed.
    void (*advanced)(void *user);
    void *user;
} LogOptions;

typedef struct LogReport {
    uint64_t snapshot_transactions;  // that were in the snapshot; 0: none was used
    uint64_t snapshot_rows;
    uint64_t transactions;  // replayed
    uint64_t bytes;         // of segments read
    uint64_t torn_bytes;    // cut off behind the last whole commit
} LogReport;

// Restores the newest whole snapshot, replays the segments of `directory` (created if missing) behind it into a fresh
// store and gets ready to append. What was found is synced before it counts as durable. A new log gets the system
// schema as its transaction 0. A damaged snapshot is set aside for an older one or the whole log. STATUS_CORRUPT names
// file and byte of damage that is not a torn end, and how to give up what is behind it.
Status log_open(Os *os, const char *directory, const LogOptions *options, Store *store,
                Log **ret_log, LogReport *ret_report, Error *error);

// Who and what caused a transaction; for audit, never needed by replay.
typedef struct LogInputs {
    bool present;
    Bytes reducer;  // cut to 255 bytes
    Identity caller;
    ConnectionId connection;
    int64_t timestamp;
    Bytes args;
} LogInputs;

// Appends a commit that is_logged and returns its ticket (tx offset + 1). Encodes into memory; the disk is the
// log thread's business. Waits only when LOG_PENDING_BYTES_MAX are ahead of the disk.
uint64_t log_append(Log *log, const LogInputs *inputs, const Commit *commit);
// Lets the log thread begin; once per executor turn, after its appends.
void log_wake(Log *log);
// LOG_STEPPED: one round of work; false if there was none, or if it did not get further.
bool log_step(Log *log);
// The ticket of the last appended transaction: what a read of the current state must wait for.
uint64_t log_ticket(const Log *log);
// Tickets up to its value are durable.
Gate *log_gate(Log *log);

typedef enum LogState {
    LOG_STATE_OPEN,
    LOG_STATE_FULL,    // the disk is; what was appended waits. Refuse what would append more.
    LOG_STATE_FAILED,  // for good
} LogState;
// Any thread. Unless it is open, the text says what happened and what to do; ret_error may be NULL.
LogState log_state(Log *log, Error *ret_error);
// True once the disk failed for good.
bool log_failure(Log *log, Error *ret_error);
void log_close(Log *log);  // accepts NULL

// ---- snapshots: so that opening need not replay everything (storage.md 11) ----

// Begins a snapshot if one is due: after LOG_SNAPSHOT_INTERVAL transactions (the second one of a database counts), a
// new segment, or a long replay. Once per executor turn, between two transactions; costs nothing if none is due,
// else microseconds a table. Rows are not copied: the writer copies a page that it changes meanwhile.
void log_snapshot_if_due(Log *log, Store *store);
// Begins one now. False: one is being written, this state has one, or the log is not open.
bool log_snapshot_begin(Log *log, Store *store);
bool log_snapshot_is_running(const Log *log);

// ---- the transaction record, for tools and tests (storage.md 10) ----

// Appends the record of a commit (without the frame around it).
void txdata_write(Buffer *buffer, const LogInputs *inputs, const Commit *commit);
// Applies one record to a store between store_replay_begin and store_replay_end.
Status txdata_replay(Reader *reader, Store *store, Error *error);
