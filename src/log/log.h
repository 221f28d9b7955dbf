// log.h - the commitlog of one database: recover a store from it, append transactions, tell what is durable.
//
// Threads    open, append, wake and close belong to the database's executor. One log thread per log owns the
//            segment files; it starts with the first append and ends when idle. Status and gate: any thread.
// Lifetime   log_close drains and syncs everything that was appended.
// Errors     a failed write or sync is final: nothing more becomes durable, log_failure says why, the database
//            turns read-only. There is no retry of a sync.
// Limits     LOG_* in base/limits.h.        Format  spec: storage.md 9, 10, 12, 13; docs/formats.md.
#pragma once

#include "base/gate.h"
#include "base/os.h"
#include "store/store.h"

typedef struct Log Log;

typedef struct LogOptions {
    uint64_t segment_bytes_max;  // 0: LOG_SEGMENT_BYTES_MAX
    // Called on the log thread after the gate was opened further, or after a failure.
    void (*advanced)(void *user);
    void *user;
} LogOptions;

typedef struct LogReport {
    uint64_t transactions;  // replayed
    uint64_t bytes;         // of segments read
    uint64_t torn_bytes;    // cut off behind the last whole commit
} LogReport;

// Replays the segments of `directory` (created if missing) into a fresh store and gets ready to append. What
// was found is synced before it counts as durable. A new log gets the system schema as its transaction 0.
// STATUS_CORRUPT names file and byte of damage that is not a torn end.
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
// The ticket of the last appended transaction: what a read of the current state must wait for.
uint64_t log_ticket(const Log *log);
// Tickets up to its value are durable.
Gate *log_gate(Log *log);
// True once the disk failed; the text says what to do.
bool log_failure(Log *log, Error *ret_error);
void log_close(Log *log);  // accepts NULL

// ---- the transaction record, for tools and tests (storage.md 10) ----

// Appends the record of a commit (without the frame around it).
void txdata_write(Buffer *buffer, const LogInputs *inputs, const Commit *commit);
// Applies one record to a store between store_replay_begin and store_replay_end.
Status txdata_replay(Reader *reader, Store *store, Error *error);
