// snapshot_dir.h - the directory of snapshots: names, which there are, which may be used.
//
//   snapshots/<20 digits>.snapshot_dir/<20 digits>.snapshot_bsatn
//                                     /objects/<2 hex>/<62 hex>
//   snapshots/<20 digits>.lock              while it is being written
//   snapshots/<20 digits>.invalid_snapshot  set aside
//
// Threads    the executor that opens the database, then the worker.
// Format     storage.md 11.1, 11.4 and 11.7.
#pragma once

#include "base/hash.h"
#include "base/os.h"
#include "base/vec.h"

VEC(SnapshotOffsets, snapshot_offsets, uint64_t)

void snapshot_lock_path(const char *directory, uint64_t offset, char ret_path[OS_PATH_BYTES_MAX]);
// "DIRECTORY/<offset>.snapshot_dir"
void snapshot_path(const char *directory, uint64_t offset, char ret_path[OS_PATH_BYTES_MAX]);
void snapshot_file_path(const char *directory, uint64_t offset, char ret_path[OS_PATH_BYTES_MAX]);
void snapshot_objects_path(const char *directory, uint64_t offset,
                           char ret_path[OS_PATH_BYTES_MAX]);
// The folder of an object, without its name.
void snapshot_object_folder(const char *directory, uint64_t offset, const Hash *hash,
                            char ret_path[OS_PATH_BYTES_MAX]);
void snapshot_object_path(const char *directory, uint64_t offset, const Hash *hash,
                          char ret_path[OS_PATH_BYTES_MAX]);

// Offsets of the snapshots that are complete, ascending. A directory that is missing has none.
Status snapshot_list(Os *os, const char *directory, SnapshotOffsets *offsets, Error *error);
// Removes what an earlier process did not finish: locks, and the snapshots they belong to. Nobody else may be writing.
Status snapshot_remove_unfinished(Os *os, const char *directory, Error *error);
// Removes one, and its lock last.
Status snapshot_remove(Os *os, const char *directory, uint64_t offset, Error *error);
// Renames one so that it is never used again; durable.
Status snapshot_invalidate(Os *os, const char *directory, uint64_t offset, Error *error);

// A file that may be compressed (plain zstd): its content. STATUS_LIMIT past bytes_max.
Status snapshot_read_file(Os *os, const char *path, size_t bytes_max, Buffer *content,
                          Error *error);
