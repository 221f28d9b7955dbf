// compress.h - what is no longer written is made smaller: sealed segments and older snapshots, file by file.
//
// A file is replaced by its compressed form under the same name, after that is synced; readers tell by its first bytes.
// At any moment there is the one or the other.
//
// Threads    the worker.
// Errors     what could not be done is done another time; nothing is lost.
// Format     storage.md 9.8 (segments: zstd seekable) and 11.6 (objects: plain zstd).
#pragma once

#include "base/os.h"

// Asked now and then: false gives up, with STATUS_CONFLICT.
typedef bool (*CompressGoesOn)(void *user);

// All segments before the one that holds this transaction. Files that are compressed already stay.
Status compress_segments(Os *os, const char *directory, uint64_t tx_offset, CompressGoesOn goes_on,
                         void *user, Error *error);
// All snapshots before the one of this offset.
Status compress_snapshots(Os *os, const char *directory, uint64_t tx_offset, CompressGoesOn goes_on,
                          void *user, Error *error);
