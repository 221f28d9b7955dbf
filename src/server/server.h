// server.h - the standalone server: databases, names, routes, start and stop.
//
// Threads    start, stop and run belong to the main thread, before which no other thread exists.
// Lifetime   one Server per data directory at a time; the directory is locked.
// Limits     SERVER_*, HTTP_*, INBOX_* in base/limits.h.
// Format     spec: http-api.md 1-11, websocket.md 1, since-2.8.md 6; docs/http.md.
#pragma once

#include "base/status.h"
#include "server/adopt.h"

#include <stdbool.h>
#include <stdint.h>

// What we present ourselves as: the upstream release whose behaviour this is.
#define SERVER_VERSION "2.14.0"

typedef struct Server Server;

typedef struct ServerOptions {
    const char *data_dir;          // created if missing
    const char *listen_address;    // "0.0.0.0:3000"; port 0: any free one
    const char *key_dir;           // of id_ecdsa and id_ecdsa.pub; NULL: not given
    const char *private_key_path;  // both or neither; win over key_dir and config.toml
    const char *public_key_path;
    // Only users of this issuer may create databases; NULL or empty: everybody
    // (TEMP_SPACETIMEAUTH_ISSUER_REQUIRED_TO_PUBLISH).
    const char *publish_issuer;
    bool in_memory;             // databases only; names and programs stay on disk
    bool without_log_file;      // SPACETIMEDB_DISABLE_DISK_LOGGING
    uint32_t net_threads;       // 0: a default for this machine
    uint32_t executor_threads;  // 0: a default
} ServerOptions;

// Locks the directory, opens every database, listens. A database that cannot be opened does not stop the
// others: it answers with the reason.
Status server_start(const ServerOptions *options, Server **ret_server, Error *error);
// The port that is really listened on.
uint16_t server_port(const Server *server);
// Stops listening, closes WebSockets with 1001, lets running requests finish, drains the logs, frees all.
void server_stop(Server *server);

// The whole life: start, say so on standard output, wait for SIGINT or SIGTERM, stop.
Status server_run(const ServerOptions *options, Error *error);
