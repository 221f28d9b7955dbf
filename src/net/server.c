// server.c - start, stop, and what is asked of the server as a whole.
//
// Stopping: the listener goes first, then every thread closes what is idle, waits for the rest
// until the grace is over, and ends when its last connection is freed. The object itself lives on
// while anybody holds an exchange, a WsConn or a NetOutbox; what they still post is run, and
// thereby released, where it is posted.
#include "net/server.h"

#include "net/listener.h"

Status net_server_start(const NetOptions *options, NetServer **ret_server, Error *error) {
    ASSERT(options->threads >= 1);
    NetServer *server = mem_alloc_zero(sizeof *server);
    server->handler = options->handler;
    server->thread_count = options->threads;
    server->threads = mem_alloc_zero(options->threads * sizeof *server->threads);
    atomic_init(&server->refs, 1);
    for (uint32_t i = 0; i < server->thread_count; i++)
        net_thread_init(&server->threads[i], server);
    Status status = listener_open(server, options->address, &server->listener, &server->port,
                                  error);
    if (status != STATUS_OK) {
        net_server_unref(server);
        return status;
    }
    for (uint32_t i = 0; i < server->thread_count; i++) net_thread_start(&server->threads[i], i);
    *ret_server = server;
    return STATUS_OK;
}

uint16_t net_server_port(const NetServer *server) {
    return server->port;
}

void net_server_stop(NetServer *server, uint32_t grace_ms) {
    atomic_store_explicit(&server->stopping, true, memory_order_relaxed);
    listener_close(server->listener);
    for (uint32_t i = 0; i < server->thread_count; i++) {
        server->threads[i].stop_grace_ms = grace_ms;
        net_thread_post(&server->threads[i], &server->threads[i].stop_post);
    }
    for (uint32_t i = 0; i < server->thread_count; i++) net_thread_join(&server->threads[i]);
    net_server_unref(server);
}

NetServer *net_server_ref(NetServer *server) {
    atomic_fetch_add_explicit(&server->refs, 1, memory_order_relaxed);
    return server;
}

void net_server_unref(NetServer *server) {
    if (atomic_fetch_sub_explicit(&server->refs, 1, memory_order_acq_rel) != 1) return;
    for (uint32_t i = 0; i < server->thread_count; i++) net_thread_done(&server->threads[i]);
    mem_free(server->threads);
    mem_free(server);
}

NetStats net_server_stats(NetServer *server) {
    NetStats stats = {0};
    for (uint32_t i = 0; i < server->thread_count; i++) {
        NetCounters *counters = &server->threads[i].counters;
        stats.connections += atomic_load_explicit(&counters->connections, memory_order_relaxed);
        stats.requests += atomic_load_explicit(&counters->requests, memory_order_relaxed);
        stats.messages_in += atomic_load_explicit(&counters->messages_in, memory_order_relaxed);
        stats.messages_out += atomic_load_explicit(&counters->messages_out, memory_order_relaxed);
        stats.bytes_in += atomic_load_explicit(&counters->bytes_in, memory_order_relaxed);
        stats.bytes_out += atomic_load_explicit(&counters->bytes_out, memory_order_relaxed);
    }
    return stats;
}
