// hosted.h - one database that the server runs: its connections to the outside, and those who follow its log.
//
// Threads    by band. Messages of a database run on its executor.
// Lifetime   counted: by views of the registry, by requests and sessions. The last reference lets go of the
//            Database; the Hosted itself stays until the server ends, because a Database that is closing
//            still calls back (hosted_sweep).
#pragma once

#include "base/map.h"
#include "db/db.h"
#include "net/net.h"
#include "server/control.h"

struct Server;

// One client that reads a log as it grows. On the executor's list.
typedef struct Follow {
    struct Follow *next;
    uint64_t id;
    HttpExchange *exchange;
    LogFollower *follower;
    bool is_broken;  // its client takes nothing any more: ended at the end of the turn
} Follow;

typedef struct Hosted {
    // ---- constant ----
    struct Server *server;
    DatabaseRecord record;
    Database *database;  // NULL: it could not be started, `failure` says why
    char *failure;
    const EnvironmentChange *environment;  // while it is made: its first; whoever makes it sets it
    // ---- any thread ----
    _Atomic uint32_t refs;  // relaxed up, acquire-release down
    // ---- executor ----
    NetOutbox *outbox;  // made for the first WebSocket
    Follow *follows;
    BytesMap *session_ids;  // which Session holds which id; NULL: none is held
    Arena batch_arena;      // of one batch of requests
    // ---- server, under its mutex ----
    struct Hosted *next_retired;
} Hosted;

// One reference; not started.
Hosted *hosted_create(struct Server *server, const DatabaseRecord *record);
Hosted *hosted_ref(Hosted *hosted);
void hosted_unref(Hosted *hosted);  // accepts NULL
// Once its Database is surely closed: frees the memory.
void hosted_sweep(Hosted *hosted);

// Opens what is on disk; a failure is kept as the reason why it does not run. Before others see it.
void hosted_open(Hosted *hosted);
// Makes a new database in a new directory; in memory if the server is. Before others see it. On failure the
// Hosted is not to be used.
Status hosted_make(Hosted *hosted, Bytes program, Error *error);
// Ends it: its clients are closed, its logs are no longer followed. Any thread; returns at once.
void hosted_stop(Hosted *hosted);

// Outbox for the session that starts. Executor.
NetOutbox *hosted_outbox(Hosted *hosted);
// Starts following for an exchange that streams. Executor.
void hosted_follow(Hosted *hosted, HttpExchange *exchange, uint64_t id);
// The client of that follow is gone. Any thread.
void hosted_unfollow(Hosted *hosted, uint64_t id);
