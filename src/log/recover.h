// recover.h - from a snapshot and segment files to a store, and a file to go on with.
//
// Threads    the executor that opens the database; nobody else may use the directories.
#pragma once

#include "log/log.h"

typedef struct RecoverFrom {
    Os *os;
    const char *directory;     // of the segments
    const char *snapshots;     // NULL: none are looked for
    const Identity *database;  // whose the snapshots must be; NULL: anybody's
} RecoverFrom;

typedef struct Recovery {
    uint64_t next_offset;
    uint64_t segment_number;
    File segment;            // open for writing, positioned by segment_bytes
    uint64_t segment_bytes;  // whole commits and the header
    const Commit
        *repairs;  // system tables that were missing; the caller appends it and releases the tx
    LogReport report;
} Recovery;

// Restores, replays and resumes; everything found is synced. Creates the directory and the first segment if needed.
Status recover(const RecoverFrom *from, Store *store, Recovery *ret_recovery, Error *error);
