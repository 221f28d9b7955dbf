// data_dir.h - the data directory: who owns it, which version wrote it, where things are in it.
//
// Threads    opened and closed by the main thread; the path is constant meanwhile.
// Format     spec: http-api.md 10.4, storage.md 1.
#pragma once

#include "base/os.h"

typedef struct DataDir {
    Os *os;
    char *path;
    int lock;  // descriptor of spacetime.pid; -1: none
} DataDir;

// Creates what is missing, takes the lock, checks metadata.toml and writes the version back.
Status data_dir_open(Os *os, const char *path, DataDir *ret_dir, Error *error);
// Removes spacetime.pid and lets go of the lock.
void data_dir_close(DataDir *dir);
// PATH/name, in the arena.
char *data_dir_file(const DataDir *dir, const char *name, Arena *arena);
// replicas/<id>, in the arena.
char *data_dir_replica(const DataDir *dir, uint64_t replica, Arena *arena);

// True if a server of version `running` may use what one of version `stored` wrote; both "2.8.3" and the like.
bool version_may_open(Bytes stored, Bytes running);
