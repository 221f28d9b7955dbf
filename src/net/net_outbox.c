// net_outbox.c - the sender's side: items gathered per net thread, handed over in batches.
//
// Batches travel to the net thread as posts and come back through the pool's queue, so that sending
// allocates nothing once enough of them exist.
#include "base/limits.h"
#include "net/server.h"
#include "net/ws_conn.h"

// Batches kept for reuse; more are freed.
#define SPARE_BATCHES_MAX 64u

typedef struct BatchEntry {
    WsConn *conn;  // one reference
    SharedSlice slice;
    uint64_t ticket;
} BatchEntry;

typedef struct BatchPool BatchPool;

typedef struct Batch {
    Post post;
    struct Batch *next;  // while the sender has it
    BatchPool *pool;
    uint32_t count;
    BatchEntry entries[NET_BATCH_ITEMS];
} Batch;

// Outlives its outbox while batches are on their way.
struct BatchPool {
    Queue returned;  // net threads push, the sender takes
    _Atomic uint32_t
        refs;  // the sender's, and one for each batch on its way; relaxed up, acq_rel down
};

// What is to go to one net thread.
typedef struct Lane {
    Batch *first;
    Batch *last;
} Lane;

struct NetOutbox {
    NetServer *server;  // one reference
    BatchPool *pool;
    Batch *spare;
    Lane lanes[];
};

static Batch *outbox_new_batch(NetOutbox *outbox);
static void outbox_take_returned(NetOutbox *outbox);
static void lane_flush(Lane *lane, NetThread *thread);
static void net_run_batch(Post *post);
static void batches_free(Batch *batch);
static void pool_unref(BatchPool *pool);

NetOutbox *net_outbox_create(NetServer *server) {
    NetOutbox *outbox = mem_alloc_zero(sizeof *outbox + server->thread_count * sizeof(Lane));
    outbox->server = net_server_ref(server);
    outbox->pool = mem_alloc_zero(sizeof *outbox->pool);
    queue_init(&outbox->pool->returned);
    atomic_init(&outbox->pool->refs, 1);
    return outbox;
}

void net_outbox_free(NetOutbox *outbox) {
    NetServer *server = outbox->server;
    for (uint32_t i = 0; i < server->thread_count; i++) ASSERT(outbox->lanes[i].first == NULL);
    batches_free(outbox->spare);
    pool_unref(outbox->pool);
    mem_free(outbox);
    net_server_unref(server);
}

void net_outbox_add(NetOutbox *outbox, WsConn *conn, SharedSlice slice, uint64_t ticket) {
    ASSERT(slice.buf != NULL);
    Lane *lane = &outbox->lanes[conn->thread - outbox->server->threads];
    Batch *batch = lane->last;
    if (batch == NULL || batch->count == NET_BATCH_ITEMS) {
        batch = outbox_new_batch(outbox);
        if (lane->last != NULL) {
            lane->last->next = batch;
        } else {
            lane->first = batch;
        }
        lane->last = batch;
    }
    batch->entries[batch->count++] = (BatchEntry){ws_ref(conn), slice, ticket};
}

static Batch *outbox_new_batch(NetOutbox *outbox) {
    if (outbox->spare == NULL) outbox_take_returned(outbox);
    Batch *batch = outbox->spare;
    if (batch != NULL) {
        outbox->spare = batch->next;
    } else {
        batch = mem_alloc(sizeof *batch);
    }
    batch->post = (Post){.run = net_run_batch};
    batch->next = NULL;
    batch->pool = outbox->pool;
    batch->count = 0;
    return batch;
}

static void outbox_take_returned(NetOutbox *outbox) {
    QueueNode *node = queue_take_all(&outbox->pool->returned);
    for (uint32_t count = 0; node != NULL; count++) {
        QueueNode *next = node->next;
        Batch *batch = POST_OWNER(node, Batch, post.node);
        if (count < SPARE_BATCHES_MAX) {
            batch->next = outbox->spare;
            outbox->spare = batch;
        } else {
            mem_free(batch);
        }
        node = next;
    }
}

void net_outbox_flush(NetOutbox *outbox) {
    for (uint32_t i = 0; i < outbox->server->thread_count; i++) {
        lane_flush(&outbox->lanes[i], &outbox->server->threads[i]);
    }
}

static void lane_flush(Lane *lane, NetThread *thread) {
    Batch *batch = lane->first;
    *lane = (Lane){0};
    while (batch != NULL) {
        Batch *next = batch->next;  // the net thread may return it at once
        atomic_fetch_add_explicit(&batch->pool->refs, 1, memory_order_relaxed);
        net_thread_post(thread, &batch->post);
        batch = next;
    }
}

static void net_run_batch(Post *post) {
    Batch *batch = POST_OWNER(post, Batch, post);
    for (uint32_t i = 0; i < batch->count; i++) {
        BatchEntry *entry = &batch->entries[i];
        ws_conn_send(entry->conn, entry->slice, entry->ticket);
        ws_unref(entry->conn);
    }
    BatchPool *pool = batch->pool;
    (void)queue_push(&pool->returned, &batch->post.node);  // the sender looks when it needs one
    pool_unref(pool);
}

static void batches_free(Batch *batch) {
    while (batch != NULL) {
        Batch *next = batch->next;
        mem_free(batch);
        batch = next;
    }
}

static void pool_unref(BatchPool *pool) {
    if (atomic_fetch_sub_explicit(&pool->refs, 1, memory_order_acq_rel) != 1) return;
    QueueNode *node = queue_take_all(&pool->returned);
    while (node != NULL) {
        QueueNode *next = node->next;
        mem_free(POST_OWNER(node, Batch, post.node));
        node = next;
    }
    mem_free(pool);
}

void net_gates_opened(NetServer *server) {
    atomic_fetch_add_explicit(&server->gate_epoch, 1, memory_order_seq_cst);
    for (uint32_t i = 0; i < server->thread_count; i++) {
        NetThread *thread = &server->threads[i];
        atomic_thread_fence(memory_order_seq_cst);
        if (!atomic_load_explicit(&thread->asleep, memory_order_acquire)) continue;
        // Written before `asleep`, so it is at least as new.
        if (atomic_load_explicit(&thread->has_waiting, memory_order_relaxed))
            net_thread_wake(thread);
    }
}
