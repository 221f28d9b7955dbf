// backup.h - copies of a database's log and snapshots, up to a transaction or a time; and giving up what is damaged.
//
// A log only grows and a snapshot never changes, so a copy needs no stop: log_copy works beside a server that writes. The
// same call copies back.
//
// Threads    whoever calls; it may run beside a server only on what it copies from.
// Errors     what was copied is there under its name only when it is whole and synced; the same call goes on where an
//            earlier one ended.
#pragma once

#include "base/os.h"

typedef struct LogCopy {
    Os *os;
    const char *segments;   // from: clog/
    const char *snapshots;  // NULL: none
    const char *to_segments;
    const char *to_snapshots;
    uint64_t transactions;  // how many of them; UINT64_MAX: all
    int64_t micros;         // those up to this time, as far as they have one; INT64_MAX: all
    // Now and then; bytes of the files that are looked at. False gives up.
    bool (*progress)(void *user, uint64_t bytes_done, uint64_t bytes_total);
    void *user;
} LogCopy;

typedef struct LogCopied {
    uint64_t transactions;           // in the copy: the next one would have this offset
    uint64_t snapshot_transactions;  // of these in its snapshot; 0: it has none
    int64_t micros;  // the time of the last transaction that has one; INT64_MIN: none
    uint64_t bytes;  // written
} LogCopied;

// Copies the segments up to the limit and the newest snapshot within it. Everything is verified on the way: commits by
// checksum and order, objects by hash. STATUS_CORRUPT names what is damaged. A copy that is damaged itself, or not of
// this log, is not gone on with.
Status log_copy(const LogCopy *copy, LogCopied *ret_copied, Error *error);

// Keeps the first `transactions` of a log that refuses to open, and gives up all behind them. Files that change are kept
// beside the new ones, with ".damaged" at the end; snapshots that hold more are set aside. The database must not be
// open. What a snapshot holds need not be whole in the log, which then begins behind it. Else STATUS_CORRUPT if what is
// to be kept is damaged too: the text says how many are not.
Status log_repair(Os *os, const char *segments, const char *snapshots, uint64_t transactions,
                  Error *error);
