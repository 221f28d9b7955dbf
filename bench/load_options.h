// load_options.h - the command line of the load generator.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HOST_BYTES_MAX 256u

typedef enum Workload {
    WORKLOAD_TRANSFER,  // transfer(from u32, to u32, amount i64) between random accounts
    WORKLOAD_EMPTY,     // empty()
    WORKLOAD_FANOUT,    // some connections transfer, all others subscribe and count what arrives
} Workload;

typedef struct LoadOptions {
    char host[HOST_BYTES_MAX];  // empty: no server was named
    const char *port;
    const char *database;
    const char *token;  // NULL: an identity is made
    const char *query;  // of the subscribers
    const char *sync_directory;
    Workload workload;
    uint32_t connections;
    uint32_t writers;    // of them, in a fan-out
    uint32_t sets;       // query sets `WHERE id = k` of one more connection
    uint32_t sets_from;  // the first k
    uint32_t in_flight;
    uint32_t batch;  // calls per WebSocket message
    uint32_t accounts;
    int64_t balance;
    double seconds;
    double warmup_seconds;
    int server_process;  // 0: not told
    bool is_confirmed;
    bool is_sequential;
    bool seeds_first;
    bool prints_json;
} LoadOptions;

// Prints what is wrong, or the usage, and ends the process.
LoadOptions load_options_parse(int argument_count, char **arguments);
const char *workload_name(Workload workload);
