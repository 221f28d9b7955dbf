// thread.c - the loop of a net thread.
//
// All work but reading happens in the prepare step, directly before the loop sleeps: posts are run,
// and then every connection that got something is flushed once, so that all that is ready for a
// socket leaves in one writev. Waking a thread costs a system call on both sides, so it is done
// only for one that sleeps:
//
//   thread:  asleep = true; fence; look at inbox and gate_epoch -> nothing: sleep
//   others:  push (or raise gate_epoch); fence; asleep? -> exchange it to false, and signal
//
// One of the two sees the other, whatever the interleaving.
#include "net/thread.h"

#include "net/conn.h"
#include "net/server.h"

#include <stdio.h>

static void thread_run(void *user);
static void thread_on_wake(uv_async_t *wake);
static void thread_on_prepare(uv_prepare_t *prepare);
static bool thread_turn(NetThread *thread);
static void thread_look_at_gates(NetThread *thread);
static void thread_flush_dirty(NetThread *thread);
static void thread_on_check(uv_check_t *check);
static void thread_on_busy(uv_idle_t *busy);
static void thread_run_posts(NetThread *thread);
static void thread_stop(Post *post);
static void thread_on_grace(uv_timer_t *timer);

void net_thread_init(NetThread *thread, NetServer *server) {
    *thread = (NetThread){.server = server};
    queue_init(&thread->inbox);
    int failure = uv_loop_init(&thread->loop);
    failure |= uv_async_init(&thread->loop, &thread->wake, thread_on_wake);
    failure |= uv_prepare_init(&thread->loop, &thread->prepare);
    failure |= uv_check_init(&thread->loop, &thread->check);
    failure |= uv_idle_init(&thread->loop, &thread->busy);
    failure |= uv_timer_init(&thread->loop, &thread->grace_timer);
    ASSERT(failure == 0);  // no descriptors left at start-up
    thread->prepare.data = thread;
    thread->check.data = thread;
    thread->grace_timer.data = thread;
    failure = uv_prepare_start(&thread->prepare, thread_on_prepare);
    failure |= uv_check_start(&thread->check, thread_on_check);
    ASSERT(failure == 0);
    thread->stop_post.run = thread_stop;
    thread->plan = mem_alloc(sizeof *thread->plan);
    plan_clear(thread->plan);
    thread->read_buffer = mem_alloc(NET_READ_BYTES);
}

void net_thread_start(NetThread *thread, uint32_t index) {
    char name[16];
    (void)snprintf(name, sizeof name, "net-%u", index % 1000);
    thread_start(&thread->thread, name, thread_run, thread);
}

void net_thread_join(NetThread *thread) {
    thread_join(&thread->thread);
}

void net_thread_done(NetThread *thread) {
    uv_close((uv_handle_t *)&thread->wake, NULL);
    uv_close((uv_handle_t *)&thread->prepare, NULL);
    uv_close((uv_handle_t *)&thread->check, NULL);
    uv_close((uv_handle_t *)&thread->busy, NULL);
    uv_close((uv_handle_t *)&thread->grace_timer, NULL);
    (void)uv_run(&thread->loop, UV_RUN_NOWAIT);  // lets the closes finish
    int failure = uv_loop_close(&thread->loop);
    ASSERT(failure == 0);  // a handle was forgotten
    ASSERT(queue_is_empty(&thread->inbox));
    out_item_pool_done(&thread->items);
    compressor_done(&thread->compressor);
    mem_free(thread->plan);
    mem_free(thread->read_buffer);
}

void net_thread_post(NetThread *thread, Post *post) {
    // Once pushed, the post and what it holds may be gone at any moment, and the thread with it.
    NetServer *server = net_server_ref(thread->server);
    // A queue that was not empty has a waker already.
    if (queue_push(&thread->inbox, &post->node)) {
        net_thread_wake(thread);
        if (atomic_load_explicit(&thread->stopped, memory_order_seq_cst)) thread_run_posts(thread);
    }
    net_server_unref(server);
}

void net_thread_wake(NetThread *thread) {
    atomic_thread_fence(memory_order_seq_cst);
    if (!atomic_load_explicit(&thread->asleep, memory_order_relaxed)) return;
    if (atomic_exchange_explicit(&thread->asleep, false, memory_order_seq_cst)) {
        int failure = uv_async_send(&thread->wake);
        ASSERT(failure == 0);
    }
}

void net_thread_unassign(NetThread *thread) {
    atomic_fetch_sub_explicit(&thread->assigned, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&thread->server->connections, 1, memory_order_relaxed);
}

static void thread_run(void *user) {
    NetThread *thread = user;
    (void)uv_run(&thread->loop, UV_RUN_DEFAULT);  // says whether handles are left, and they are
    ASSERT(thread->open_count == 0);
    thread_flush_dirty(thread);
    atomic_store_explicit(&thread->stopped, true, memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
    thread_run_posts(thread);
}

// The wake-up itself is all; the work is found in the prepare step.
static void thread_on_wake(uv_async_t *wake) {
    (void)wake;
}

static void thread_on_prepare(uv_prepare_t *prepare) {
    NetThread *thread = prepare->data;
    for (uint32_t turn = 0; turn < NET_TURNS_MAX; turn++) {
        if (!thread_turn(thread)) continue;
        if (thread->is_stopping && thread->open_count == 0) uv_stop(&thread->loop);
        return;
    }
    // Senders are faster than we: let the sockets have their turn, without sleeping.
    int failure = uv_idle_start(&thread->busy, thread_on_busy);
    ASSERT(failure == 0);
}

// One look at everything; true if there is nothing left and the thread has been declared asleep.
static bool thread_turn(NetThread *thread) {
    thread_look_at_gates(thread);
    thread_run_posts(thread);
    thread_flush_dirty(thread);
    bool has_waiting = thread->waiting != NULL;
    atomic_store_explicit(&thread->has_waiting, has_waiting, memory_order_relaxed);
    atomic_store_explicit(&thread->asleep, true, memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
    uint64_t epoch = atomic_load_explicit(&thread->server->gate_epoch, memory_order_seq_cst);
    bool is_idle = queue_is_empty(&thread->inbox) &&
                   !(has_waiting && epoch != thread->epoch_seen) && thread->dirty == NULL;
    if (is_idle) return true;
    atomic_store_explicit(&thread->asleep, false, memory_order_relaxed);
    return false;
}

// The epoch is read before the gates are: what opens afterwards has a higher one.
static void thread_look_at_gates(NetThread *thread) {
    uint64_t epoch = atomic_load_explicit(&thread->server->gate_epoch, memory_order_acquire);
    if (epoch == thread->epoch_seen) return;
    thread->epoch_seen = epoch;
    for (Conn *conn = thread->waiting; conn != NULL; conn = conn->waiting_next) conn_mark(conn);
}

static void thread_flush_dirty(NetThread *thread) {
    // What is marked while we flush waits for the next turn.
    Conn *conn = thread->dirty;
    thread->dirty = NULL;
    while (conn != NULL) {
        Conn *next = conn->dirty_next;
        conn->is_dirty = false;
        if (conn->handles == 0) {
            mem_free(conn);  // closed since it was marked
        } else if (!conn->is_closed && !conn->is_blocked) {
            conn->protocol->flush(conn);
        }
        conn = next;
    }
}

static void thread_on_check(uv_check_t *check) {
    NetThread *thread = check->data;
    atomic_store_explicit(&thread->asleep, false, memory_order_relaxed);
    (void)uv_idle_stop(&thread->busy);
}

static void thread_on_busy(uv_idle_t *busy) {
    (void)busy;
}

static void thread_run_posts(NetThread *thread) {
    QueueNode *node = queue_take_all(&thread->inbox);
    while (node != NULL) {
        QueueNode *next = node->next;  // the post may be freed by its run
        Post *post = POST_OWNER(node, Post, node);
        post->run(post);
        node = next;
    }
}

static void thread_stop(Post *post) {
    NetThread *thread = POST_OWNER(post, NetThread, stop_post);
    thread->is_stopping = true;
    Conn *conn = thread->conns;
    while (conn != NULL) {
        Conn *next = conn->next;  // stays readable: memory is freed at the end of the loop turn
        conn->protocol->stopping(conn);
        conn = next;
    }
    int failure = uv_timer_start(&thread->grace_timer, thread_on_grace, thread->stop_grace_ms, 0);
    ASSERT(failure == 0);
}

static void thread_on_grace(uv_timer_t *timer) {
    NetThread *thread = timer->data;
    while (thread->conns != NULL) conn_close(thread->conns);
}
