// snapshot_file.h - the file that says what a snapshot consists of.
//
// Threads    whoever calls.
// Lifetime   what was read lives in the arena.
// Format     storage.md 11.2: 32 bytes of BLAKE3, then BSATN.
#pragma once

#include "base/vec.h"
#include "sats/sats.h"

VEC(HashVec, hash_vec, Hash)

// A large object, stored once however often rows refer to it.
typedef struct SnapshotBlob {
    Hash hash;
    uint32_t uses;
} SnapshotBlob;
VEC(SnapshotBlobVec, snapshot_blob_vec, SnapshotBlob)

typedef struct SnapshotTable {
    uint32_t id;
    uint32_t page_count;
    const Hash *pages;  // all zero: an absent page
} SnapshotTable;
VEC(SnapshotTableVec, snapshot_table_vec, SnapshotTable)

typedef struct SnapshotFile {
    Identity database;
    uint64_t replica;
    uint64_t tx_offset;  // of the last transaction in it
    const SnapshotBlob *blobs;
    uint32_t blob_count;
    const SnapshotTable *tables;  // ours in ascending id; upstream's in any order
    uint32_t table_count;
} SnapshotFile;

void snapshot_file_write(const SnapshotFile *snapshot, Buffer *file);
// STATUS_CORRUPT: the hash is wrong or it is malformed; STATUS_UNSUPPORTED: a newer version.
Status snapshot_file_read(Bytes file, Arena *arena, SnapshotFile *ret_snapshot, Error *error);
