// update.c - what a commit means to subscribers: candidates, deltas encoded once, one message per client.
//
// 1. queries_candidates finds the fragments that the commit may concern, by bytes.
// 2. Each fragment's delta is computed and encoded once, into the transaction's arena.
// 3. Each client that holds one of them collects references to the encoded parts, sorted by set and table.
// 4. Clients whose collections are equal share one encoded message.
//
// The caller's ReducerResult carries its update and takes its place in the same pass.

#include "base/gate.h"
#include "sync/client.h"

#include <stdlib.h>

static void collect_updates(Sync *sync, const Commit *commit);
static bool encode_fragment(Sync *sync, const FragmentRef *ref, const Commit *commit);
static bool add_insert(void *user, Bytes row);
static bool add_delete(void *user, Bytes row);
static void distribute(Sync *sync, SharedQuery *shared);
static int compare_pending(const void *a, const void *b);
static void send_updates(Sync *sync, const SyncEvent *event);
static SharedSlice shared_update(Sync *sync, const PendingVec *pending);
static bool pending_equal(const PendingVec *a, const PendingVec *b);
static void forget_commit(Sync *sync);
static void end_sets(void *user, SharedQuery *shared, const Error *error);

void sync_commit(Sync *sync, const SyncEvent *event, const Commit *commit) {
    if (queries_count(sync->queries) > 0 && commit->table_count > 0) collect_updates(sync, commit);
    if (event->caller) {
        static const PendingVec NOTHING = {0};
        SyncClient *caller = event->caller;
        const PendingVec *pending = caller->is_touched ? &caller->pending : &NOTHING;
        v2_reducer_ok(&sync->message, event->request->request_id, event->timestamp, pending);
        sync_send_message(sync, caller, event->ticket);
    }
    if (sync->touched.count > 0) send_updates(sync, event);
    forget_commit(sync);
}

static void collect_updates(Sync *sync, const Commit *commit) {
    fragment_ref_vec_clear(&sync->candidates);
    queries_candidates(sync->queries, commit, &sync->candidates);
    for (uint32_t i = 0; i < sync->candidates.count; i++) {
        (void)encode_fragment(sync, &sync->candidates.items[i], commit);
    }
    for (uint32_t i = 0; i < sync->candidates.count; i++) {
        const FragmentRef *ref = &sync->candidates.items[i];
        if (ref->fragment == 0 && ref->shared->updates.count > 0) distribute(sync, ref->shared);
    }
    for (uint32_t i = 0; i < sync->touched.count; i++) {
        PendingVec *pending = &sync->touched.items[i]->pending;
        if (pending->count > 1) qsort(pending->items, pending->count, sizeof(PendingRows), compare_pending);
    }
}

// False if the fragment's result did not change.
static bool encode_fragment(Sync *sync, const FragmentRef *ref, const Commit *commit) {
    row_list_clear(&sync->inserts);
    row_list_clear(&sync->deletes);
    fragment_delta(query_fragment(ref->shared->query, ref->fragment), sync->store, commit, add_insert,
                   add_delete, sync);
    uint64_t rows = sync->inserts.count + sync->deletes.count;
    if (rows == 0) return false;
    sync->stats.rows += rows;
    ASSERT(sync->message.count == 0);
    v2_table_update_rows(&sync->message, ref->shared->is_event, &sync->inserts, &sync->deletes);
    FragmentUpdate *update = fragment_update_vec_add(&ref->shared->updates);
    update->id = sync->update_id++;
    update->rows = arena_copy(tx_arena(store_tx(sync->store)), buffer_bytes(&sync->message));
    buffer_clear(&sync->message);
    return true;
}

static bool add_insert(void *user, Bytes row) {
    row_list_add(&((Sync *)user)->inserts, row);
    return true;
}

static bool add_delete(void *user, Bytes row) {
    row_list_add(&((Sync *)user)->deletes, row);
    return true;
}

static void distribute(Sync *sync, SharedQuery *shared) {
    for (uint32_t s = 0; s < shared->sets.count; s++) {
        QuerySet *set = shared->sets.items[s];
        SyncClient *client = set->client;
        if (!client->is_touched) {
            client->is_touched = true;
            client_vec_push(&sync->touched, client);
        }
        for (uint32_t u = 0; u < shared->updates.count; u++) {
            pending_vec_push(&client->pending, (PendingRows){set->id, shared, &shared->updates.items[u]});
        }
    }
}

// By set, then by table name; fragments of one table in the order they were computed.
static int compare_pending(const void *a, const void *b) {
    const PendingRows *left = a;
    const PendingRows *right = b;
    if (left->query_set_id != right->query_set_id) return left->query_set_id < right->query_set_id ? -1 : 1;
    int names = bytes_compare(left->shared->table_name, right->shared->table_name);
    if (names != 0) return names;
    return left->update->id < right->update->id ? -1 : left->update->id > right->update->id;
}

static void send_updates(Sync *sync, const SyncEvent *event) {
    for (uint32_t i = 0; i < sync->touched.count; i++) {
        SyncClient *client = sync->touched.items[i];
        if (client == event->caller) continue;
        sync_send(sync, client, shared_update(sync, &client->pending), event->ticket);
        sync->stats.updates++;
    }
}

// The message for these rows, from the cache or written now; one reference for the receiver.
static SharedSlice shared_update(Sync *sync, const PendingVec *pending) {
    // Newest first: clients of one kind tend to stand together. A handful of kinds is the normal case, and
    // looking further would cost more than writing the message again.
    enum { LOOK_BACK_MAX = 8 };
    uint32_t looked = 0;
    for (uint32_t i = sync->cache.count; i > 0 && looked < LOOK_BACK_MAX; i--, looked++) {
        const CachedUpdate *cached = &sync->cache.items[i - 1];
        if (!pending_equal(cached->pending, pending)) continue;
        (void)shared_buf_ref(cached->slice.buf);
        return cached->slice;
    }
    v2_transaction_update(&sync->message, pending);
    SharedSlice slice = sync_take_message(sync);
    (void)shared_buf_ref(slice.buf);
    cached_update_vec_push(&sync->cache, (CachedUpdate){pending, slice});
    return slice;
}

static bool pending_equal(const PendingVec *a, const PendingVec *b) {
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->items[i].query_set_id != b->items[i].query_set_id) return false;
        if (a->items[i].update != b->items[i].update) return false;
    }
    return true;
}

static void forget_commit(Sync *sync) {
    for (uint32_t i = 0; i < sync->touched.count; i++) {
        sync->touched.items[i]->is_touched = false;
        pending_vec_clear(&sync->touched.items[i]->pending);
    }
    client_vec_clear(&sync->touched);
    for (uint32_t i = 0; i < sync->cache.count; i++) shared_buf_unref(sync->cache.items[i].slice.buf);
    cached_update_vec_clear(&sync->cache);
    sync->update_id = 0;
}

// ---- schema changes ----

typedef struct EndContext {
    Sync *sync;
    uint64_t ticket;
} EndContext;

void sync_schema_changed(Sync *sync, uint64_t ticket) {
    EndContext context = {sync, ticket};
    queries_recompile(sync->queries, end_sets, &context);
}

// The query is no more: every set that holds it ends, and its client is told.
static void end_sets(void *user, SharedQuery *shared, const Error *error) {
    EndContext *context = user;
    // Dropping the last set frees the query: count down by hand.
    uint32_t count = shared->sets.count;
    for (uint32_t i = 0; i < count; i++) {
        QuerySet *set = shared->sets.items[0];
        SyncClient *client = set->client;
        v2_subscription_error(&context->sync->message, NULL, set->id, bytes_of_text(error->text));
        sync_send_message(context->sync, client, context->ticket);
        sync_drop_set(context->sync, set);
    }
}
