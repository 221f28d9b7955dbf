// snapshot_read.h - a snapshot's tables into a store.
//
// Threads    the executor that opens the database.
// Format     storage.md 11 and 12.2.
#pragma once

#include "base/os.h"
#include "store/store.h"

typedef struct SnapshotLoaded {
    uint64_t rows;
    uint64_t pages;
} SnapshotLoaded;

// Puts the snapshot in the place of everything that is in a store between store_replay_begin and store_replay_end. All
// of it is verified by hash. After an error the store holds a part of it.
//
// database  whose it must be; NULL: anybody's
// Errors    STATUS_CORRUPT, STATUS_UNSUPPORTED: it is damaged or not for us, and will be; STATUS_INVALID: it is another
//           database's; else it could not be read
Status snapshot_load(Os *os, const char *directory, uint64_t offset, const Identity *database,
                     Store *store, SnapshotLoaded *ret_loaded, Error *error);
