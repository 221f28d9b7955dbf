// thread.h - one net thread: its loop, its inbox, and what it looks at before it sleeps.
//
// Threads    banded below; net_thread_post and net_thread_wake from any thread.
// Lifetime   part of the server. After it has stopped, whoever posts runs the post: all connections
//            are gone by then, so it only releases things.
#pragma once

#include "base/queue.h"
#include "base/thread.h"
#include "net/outbox.h"

#include <uv.h>

typedef struct NetThread NetThread;
typedef struct Conn Conn;

// Work handed to a net thread, embedded in what it is about.
typedef struct Post {
    QueueNode node;
    void (*run)(struct Post *post);
} Post;

// The object a post is embedded in.
#define POST_OWNER(post, Type, member) \
    ((Type *)(void *)((uint8_t *)(post) - offsetof(Type, member)))

// Counters of one thread: written by it, read by net_server_stats; relaxed, they order nothing.
typedef struct NetCounters {
    _Atomic uint64_t connections;
    _Atomic uint64_t requests;
    _Atomic uint64_t messages_in;
    _Atomic uint64_t messages_out;
    _Atomic uint64_t bytes_in;
    _Atomic uint64_t bytes_out;
} NetCounters;

struct NetThread {
    // ---- set before it starts ----
    NetServer *server;
    Thread thread;
    uv_loop_t loop;
    uv_async_t wake;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t busy;          // runs while there is more to do than one prepare step wanted
    uv_timer_t grace_timer;  // when stopping: all connections are closed when it fires
    Post stop_post;
    uint32_t stop_grace_ms;
    // ---- net thread ----
    Conn *conns;          // all open ones
    Conn *dirty;          // to be flushed before sleeping
    Conn *waiting;        // with something that waits for a gate
    uint32_t open_count;  // connections and listener, until their memory is freed
    bool is_stopping;
    uint64_t epoch_seen;  // of the server's gates, from before they were last looked at
    OutItemPool items;
    Compressor compressor;
    WritePlan *plan;
    uint8_t *read_buffer;  // NET_READ_BYTES
    // ---- shared ----
    Queue inbox;
    // The thread: true (seq_cst) when it is about to sleep and has looked at inbox and gates after
    // that; who wakes it: exchanges it to false and then signals. So a thread with work never gets
    // a signal.
    _Atomic bool asleep;
    _Atomic bool has_waiting;   // written by the thread before `asleep`, read after it
    _Atomic uint32_t assigned;  // connections given to it; relaxed, only compared
    _Atomic bool
        stopped;  // written once by the thread at its end, before its last look at the inbox
    NetCounters counters;
};

void net_thread_init(NetThread *thread, NetServer *server);
void net_thread_start(NetThread *thread, uint32_t index);
void net_thread_join(NetThread *thread);
// Closes the loop; the thread was joined or never started.
void net_thread_done(NetThread *thread);

// Hands over; `run` is called on the net thread, soon. Any thread.
void net_thread_post(NetThread *thread, Post *post);
// Ends its sleep if it sleeps. Any thread.
void net_thread_wake(NetThread *thread);
// A connection that was assigned to it is no more.
void net_thread_unassign(NetThread *thread);
// Milliseconds of the loop's clock.
static inline uint64_t net_thread_now(const NetThread *thread) {
    return uv_now(&thread->loop);
}
static inline void counter_add(_Atomic uint64_t *counter, uint64_t count) {
    // One writer: a load and a store are enough, and cheaper than a locked addition.
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + count, memory_order_relaxed);
}
