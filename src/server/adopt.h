// adopt.h - the data directory of a server that does not run: where a database is in it, and taking one in that comes
// from elsewhere: a backup, or a data directory of upstream's.
//
// Threads    the main thread of a tool.
// Errors     what was begun is gone on with by the same call; until it is done the directory has nothing new in it.
// Format     docs/operations.md.
#pragma once

#include "log/log.h"

typedef struct AdoptOptions {
    const char *data_dir;   // created if missing; STATUS_CONFLICT while a server has it
    const char *replica;    // what is taken in: a directory with clog/ and snapshots/; only read
    Bytes name;             // it gets; empty: none
    const Identity *owner;  // it gets; NULL: the one in it
    uint64_t transactions;  // how many of them; UINT64_MAX: all
    int64_t micros;         // those up to this time; INT64_MAX: all
    // In the place of a database of the same identity, whose files stay where they are, unused.
    bool is_replacing;
    bool (*progress)(void *user, uint64_t bytes_done, uint64_t bytes_total);
    void *user;
} AdoptOptions;

typedef struct Adopted {
    LogCopied copied;
    Identity identity;
    Identity owner;
    uint64_t replica;   // its directory below replicas/
    uint64_t replaced;  // the one that was used before; 0: none
} Adopted;

// Copies, verifies by opening the copy, and enters it into the control database, in this order.
Status database_adopt(Os *os, const AdoptOptions *options, Adopted *ret_adopted, Error *error);

// Where a database is, by its name or its identity; and its name, which may be empty. A server may run there.
Status database_locate(Os *os, const char *data_dir, Bytes which, Arena *arena,
                       const char **ret_replica, Bytes *ret_name, Error *error);

// ---- so that nobody else works on a directory ----

typedef struct DirectoryLock {
    int data_dir;  // descriptors; -1: none
    int replica;
} DirectoryLock;
// Of a replica, and of the data directory that it lies in, if it does. STATUS_CONFLICT while a server has it.
Status directory_lock(const char *replica, DirectoryLock *ret_lock, Error *error);
void directory_unlock(DirectoryLock *lock);
