// server.h - the server object: its threads, and what they share.
//
// Threads    fields are set before the threads start; the atomics say who writes.
// Lifetime   counted: by net_server_start's caller, every exchange, WsConn and NetOutbox. The last
//            one frees.
#pragma once

#include "net/net.h"
#include "net/thread.h"

struct NetServer {
    HttpHandler handler;
    NetThread *threads;
    uint32_t thread_count;
    struct Listener *listener;  // on the first thread
    uint16_t port;
    // Raised by net_gates_opened; read by threads before they sleep. Sequentially consistent on
    // both sides: either the opener sees a thread asleep with waiting connections, or that thread
    // sees the new number.
    _Atomic uint64_t gate_epoch;
    _Atomic uint32_t refs;         // relaxed up, acquire-release down
    _Atomic uint32_t connections;  // open ones; relaxed, compared with NET_CONNECTIONS_MAX
    _Atomic uint64_t
        body_bytes;         // of all request bodies; relaxed, compared with HTTP_BODIES_BYTES_MAX
    _Atomic bool stopping;  // set once; relaxed: answers then close their connection
};

NetServer *net_server_ref(NetServer *server);
void net_server_unref(NetServer *server);
