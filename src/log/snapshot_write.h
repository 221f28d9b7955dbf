// snapshot_write.h - from a database as it was to a snapshot on the disk, beside a writer that goes on.
//
// Threads    a source is made by the executor, between two transactions, without copying rows (microseconds a
//            table); any one thread writes and frees it.
// Errors     what could not be finished is removed again. A snapshot is complete or it is none.
// Format     storage.md 11.
#pragma once

#include "base/os.h"
#include "store/store.h"

typedef struct SnapshotSource SnapshotSource;

// tx_offset: of the last transaction that the store holds.
SnapshotSource *snapshot_source_create(Store *store, uint64_t tx_offset, const Identity *database,
                                       uint64_t replica);
void snapshot_source_free(SnapshotSource *source);  // accepts NULL
uint64_t snapshot_source_offset(const SnapshotSource *source);

typedef struct SnapshotWrite {
    Os *os;
    const char *directory;
    // Asked now and then: false gives up.
    bool (*goes_on)(void *user);
    // Waits until everything up to the source's offset is durable in the log; false gives up. Asked once, before the
    // snapshot becomes one: a snapshot is never ahead of the log.
    bool (*wait_durable)(void *user, uint64_t tx_offset);
    void *user;
} SnapshotWrite;

typedef struct SnapshotWritten {
    uint64_t rows;
    uint64_t objects;         // pages and blobs
    uint64_t objects_linked;  // of them shared with the snapshot before
    uint64_t bytes;           // written
} SnapshotWritten;

// Writes it; lets go of tables as soon as they are done. STATUS_CONFLICT: there is one of that offset.
Status snapshot_write(const SnapshotWrite *write, SnapshotSource *source,
                      SnapshotWritten *ret_written, Error *error);
