// restore.h - which snapshot a database begins with, and what happens to those that cannot be used.
//
// Threads    the executor that opens the database; nobody else may use the directory.
// Format     storage.md 11.7 and 12.2.
#pragma once

#include "base/os.h"
#include "store/store.h"

typedef struct Restore {
    Os *os;
    const char *directory;     // of the snapshots
    const Identity *database;  // whose they must be; NULL: anybody's
    Store *store;              // between store_replay_begin and store_replay_end, as it was created
    bool has_log;              // there is a commitlog
    uint64_t log_begin;        // its first transaction
    uint64_t log_end;          // behind its last
} Restore;

typedef struct Restored {
    uint64_t
        next_offset;  // the first transaction that the store does not hold; 0: no snapshot was loaded
    uint64_t rows;
    uint32_t refused;  // snapshots that were tried in vain
} Restored;

// Loads the newest snapshot that is whole and within the log; sets aside what is damaged, or ahead of the log: that holds
// transactions which never became durable. What an earlier process did not finish is removed. STATUS_CORRUPT if
// there is no snapshot to begin with and the log does not begin at 0, or if there are snapshots but no log.
Status restore(const Restore *restore, Restored *ret_restored, Error *error);
