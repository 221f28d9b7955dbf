// load_conn.h - one connection of the load: keeps its window of calls full and checks what comes
// back.
//
// Threads    one, with all connections in one epoll set.
// Errors     anything the protocol does not allow ends the process; a failed call is counted in
//            Load.
#pragma once

#include "load_histogram.h"
#include "load_messages.h"

typedef enum LoadPhase {
    LOAD_CONNECTING,  // until every connection has its first message and, if it subscribes, its
                      // rows
    LOAD_WARMUP,
    LOAD_MEASURE,
    LOAD_DRAIN,  // nothing more is sent, what is on its way is awaited
} LoadPhase;

// What all connections share.
typedef struct Load {
    const LoadOptions *options;
    CallTemplate call;
    LoadPhase phase;
    int epoll;
    uint64_t now;  // of the current turn
    // ---- counted while measuring ----
    uint64_t calls;
    uint64_t updates;
    uint64_t row_bytes;
    uint64_t reads;
    uint64_t writes;
    Histogram latency;
    // ---- always ----
    uint64_t errors;
    uint64_t waiting;          // calls on their way
    uint64_t subscribe_nanos;  // that --sets took, from the first request to the last answer
    uint32_t ready;            // connections past LOAD_CONNECTING
    char error_text[256];      // of the first error
    uint8_t *read_buffer;
    Buffer out;
} Load;

typedef struct LoadConn {
    int socket;
    bool is_subscriber;
    uint32_t awaited;      // subscriptions that were not answered yet
    uint64_t asked_nanos;  // when --sets began; 0: it does not hold them
    bool is_ready;
    bool is_blocked;
    uint32_t sent;  // calls; also the last request id
    uint32_t answered;
    uint64_t random;
    uint64_t *sent_nanos;  // of the calls on their way: a ring of options->in_flight
    Buffer in;             // an incomplete frame
    Buffer message;        // fragments
    Buffer rest;           // what the socket did not take
} LoadConn;

// index: from 0; the one behind options->connections holds the query sets of --sets.
void load_conn_open(Load *load, LoadConn *conn, uint32_t index, const char *token);
void load_conn_close(LoadConn *conn);
// Fills the window, if there is one and nothing is blocked.
void load_conn_fill(Load *load, LoadConn *conn);
void load_conn_on_event(Load *load, LoadConn *conn, uint32_t events);
// Sends one binary message.
void load_conn_send(Load *load, LoadConn *conn, Bytes message);
