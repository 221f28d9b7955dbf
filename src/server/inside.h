// inside.h - the server's own state, shared by the files of this room.
//
// Threads    by band.
#pragma once

#include "auth/auth.h"
#include "base/thread.h"
#include "server/config.h"
#include "server/data_dir.h"
#include "server/hosted.h"
#include "server/registry.h"
#include "server/server.h"

typedef struct Changes Changes;

struct Server {
    // ---- constant after start ----
    Os *os;
    Arena arena;  // texts of options and configuration
    ServerOptions options;
    Config config;
    DataDir dir;
    char *programs_dir;
    int log_file;  // -1: none
    Auth *auth;
    HostEngine *engine;
    ExecutorPool *executors;  // of the databases
    ExecutorPool *work;       // what takes long: compiling
    ExecutorPool *fetches;    // what waits for other machines: issuers' keys
    Registry *registry;
    Changes *changes;
    NetServer *net;
    NetOutbox *net_hold;  // never used: keeps `net` until the last log thread has ended
    // ---- any thread ----
    _Atomic bool is_ready;     // main sets it once `net` is there (release); net threads acquire
    _Atomic bool is_stopping;  // main sets it once; seq_cst, asked by the control thread
    _Atomic uint64_t next_follow;  // relaxed: only distinct
    Mutex mutex;
    Condition none_left;  // one of the two counts has become 0
    // ---- under mutex ----
    uint32_t hosted_count;  // with references
    uint32_t stop_count;    // databases that were told to stop and have not got there
    uint32_t making_count;  // databases that are being made; the control thread will hear of them
    Hosted *retired;        // without references; their Databases are closing or closed
};

// True once nothing long may be begun.
static inline bool server_is_stopping(struct Server *server) {
    return atomic_load(&server->is_stopping);
}
void server_add_making(struct Server *server);
void server_remove_making(struct Server *server);
// The next number for a Follow.
uint64_t server_new_follow(struct Server *server);
