// update.c - what a commit means to subscribers: candidates, deltas encoded once, one message per client.
//
// 1. queries_candidates finds the fragments that the commit may concern, by bytes.
// 2. Each fragment's delta is computed and encoded once per format, into the transaction's arena.
// 3. Each client that holds one of them collects references to the encoded parts, sorted by set and table.
// 4. Clients whose collections are equal share one encoded message.
//
// The caller's result carries its update and takes its place in the same pass. Rows that no message could
// carry, or that are too many with those of other queries, end the sets that hold their query, which the client hears
// before the update.

#include "base/gate.h"
#include "sync/client.h"
#include "sync/message_v1.h"
#include "sync/message_v2.h"

#include <stdlib.h>

// Among thousands of distinct messages it is cheaper to write one again than to look for it any longer.
#define CACHE_LOOKS_MAX 8u
// What names and counts around one fragment's rows take, besides the table's name.
#define PENDING_HEAD_BYTES 64u

static void refresh(Sync *sync, const Commit *commit, uint64_t ticket);
static void end_holders(void *user, SharedQuery *shared, const Error *error);
static void collect_updates(Sync *sync, const SyncEvent *event, const Commit *commit);
static Status update_fragment(Sync *sync, SharedFragment *fragment, Error *error);
static Status evaluate_fragment(Sync *sync, const SharedFragment *fragment, uint64_t *ret_scanned,
                                Error *error);
static Status encode_fragment(Sync *sync, SharedFragment *fragment, Error *error);
static Status keep_encoded(Sync *sync, SharedFragment *fragment, Format format, Error *error);
static void encode_rows(Sync *sync, const SharedFragment *fragment, Format format);
static bool add_insert(void *user, Bytes row);
static bool add_delete(void *user, Bytes row);
static uint32_t holder_count(const SharedFragment *fragment, Format format);
static void distribute(Sync *sync, const SharedFragment *fragment, SharedQuery *held);
static void add_pending(Sync *sync, const Holder *holder, const SharedFragment *fragment);
static int compare_pending(const void *a, const void *b);
static void end_pending(Sync *sync, SyncClient *client, const Error *error, uint64_t ticket);
static bool wants_result(const SyncEvent *event, const SyncClient *client);
static void answer_caller(Sync *sync, const SyncEvent *event);
static void send_updates(Sync *sync, const SyncEvent *event);
static Status shared_update(Sync *sync, const SyncEvent *event, const SyncClient *client,
                            SharedSlice *ret_slice, Error *error);
static Status check_written(const Sync *sync, const SyncClient *client, Error *error);
static void write_update(Sync *sync, const SyncEvent *event, const CachedUpdate *update);
static uint64_t update_hash(const CachedUpdate *update);
static bool pending_equal(const PendingVec *a, const PendingVec *b);
static void forget_commit(Sync *sync);

void sync_commit(Sync *sync, const SyncEvent *event, const Commit *commit) {
    ASSERT(event->result == RESULT_COMMITTED);
    ASSERT(sync->message.count == 0 && sync->touched.count == 0);
    refresh(sync, commit, event->ticket);
    if (queries_count(sync->queries) > 0) collect_updates(sync, event, commit);
    if (event->caller && wants_result(event, event->caller)) answer_caller(sync, event);
    if (sync->touched.count > 0) send_updates(sync, event);
    forget_commit(sync);
    sync_drop_failed(sync);
}

// ---- plans that are out of date ----

typedef struct EndContext {
    Sync *sync;
    uint64_t ticket;
} EndContext;

void sync_schema_changed(Sync *sync, uint64_t ticket) {
    ASSERT(sync->touched.count == 0 && sync->failed.count == 0);
    refresh(sync, NULL, ticket);
}

static void refresh(Sync *sync, const Commit *commit, uint64_t ticket) {
    if (!queries_are_stale(sync->queries, commit)) return;
    EndContext context = {sync, ticket};
    queries_refresh(sync->queries, commit, end_holders, &context);
    sync_drop_failed(sync);
    ASSERT(!queries_are_stale(sync->queries, NULL));
}

// The query is no more: every set that holds it ends.
static void end_holders(void *user, SharedQuery *shared, const Error *error) {
    const EndContext *context = user;
    ASSERT(error->text[0] != 0);
    for (uint32_t i = 0; i < shared->holders.count; i++) {
        sync_fail_set(context->sync, shared->holders.items[i].set, bytes_of_text(error->text),
                      context->ticket);
    }
}

// ---- collecting ----

static void collect_updates(Sync *sync, const SyncEvent *event, const Commit *commit) {
    SharedFragmentVec *candidates = &sync->candidates;
    ASSERT(sync->encoded_bytes == 0 && sync->cache.count == 0);
    shared_fragment_vec_clear(candidates);
    queries_candidates(sync->queries, commit, candidates);
    sync_cost_begin(sync);
    for (uint32_t i = 0; i < candidates->count; i++) {
        Error error;
        SharedFragment *fragment = candidates->items[i], *twin = fragment->twin;
        if (!fragment_leads(fragment)) continue;
        if (update_fragment(sync, fragment, &error) == STATUS_OK) continue;
        EndContext context = {sync, event->ticket};
        end_holders(&context, fragment->shared, &error);
        if (twin) end_holders(&context, twin->shared, &error);
    }
    sync_cost_end(sync);
    for (uint32_t i = 0; i < candidates->count; i++) {
        const SharedFragment *fragment = candidates->items[i];
        if (!fragment_leads(fragment)) continue;
        distribute(sync, fragment, fragment->shared);
        if (fragment->twin) distribute(sync, fragment, fragment->twin->shared);
    }
    for (uint32_t i = 0; i < sync->touched.count; i++) {
        SyncClient *client = sync->touched.items[i];
        PendingVec *pending = &client->pending;
        if (client->pending_bytes > sync->output.message_bytes_max) {
            Error error;
            (void)sync_too_large(sync, &error);
            end_pending(sync, client, &error, event->ticket);
        } else if (pending->count > 1) {
            qsort(pending->items, pending->count, sizeof(PendingRows), compare_pending);
        }
    }
}

// Nothing of the query can be told if one of its fragments cannot.
static Status update_fragment(Sync *sync, SharedFragment *fragment, Error *error) {
    ASSERT(fragment->shared->holders.count > 0);  // what nobody holds is not watched
    if (fragment->twin) ASSERT(fragment->twin->stamp == fragment->stamp);  // found alike
    fragment->update = (FragmentUpdate){0};
    Error cause;
    uint64_t scanned = 0;
    Status status = evaluate_fragment(sync, fragment, &scanned, &cause);
    uint64_t row_count = sync->inserts.count + sync->deletes.count;
    if (status == STATUS_OK && row_count > 0) status = encode_fragment(sync, fragment, &cause);
    sync_cost_add(sync, fragment->shared, scanned, row_count);
    if (status != STATUS_OK) {
        return error_set(error, status, "%s, executing: `%.*s`", cause.text,
                         BYTES_FORMAT(fragment->shared->plan.text));
    }
    fragment->update.row_count = row_count;
    sync->stats.rows += row_count;
    return STATUS_OK;
}

static Status evaluate_fragment(Sync *sync, const SharedFragment *fragment, uint64_t *ret_scanned,
                                Error *error) {
    DeltaRows tables[SQL_LIVE_RELATIONS_MAX];
    DeltaInput input = {.store = sync->store, .tables = tables, .scratch = &sync->scratch};
    row_list_clear(&sync->inserts);
    row_list_clear(&sync->deletes);
    input.table_count = queries_delta_rows(sync->queries, fragment, tables);
    QueryOutcome outcome = fragment_delta_rows(fragment->plan, &input, add_insert, add_delete,
                                               sync);
    arena_clear(&sync->scratch);
    sync->stats.evaluations++;
    *ret_scanned = outcome.touched;
    Status status = query_check_outcome(&outcome, error);
    if (status != STATUS_OK) return status;
    bool fits = !sync->inserts.is_full && !sync->deletes.is_full;
    return fits ? STATUS_OK : sync_too_large(sync, error);
}

// In each format that somebody wants.
static Status encode_fragment(Sync *sync, SharedFragment *fragment, Error *error) {
    ASSERT(sync->message.count == 0);
    for (Format format = 0; format < FORMAT_COUNT; format++) {
        if (holder_count(fragment, format) == 0) continue;
        encode_rows(sync, fragment, format);
        Status status = sync_check_size(sync, error);
        if (status == STATUS_OK) status = keep_encoded(sync, fragment, format, error);
        sync_rewind_message(sync, 0);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

static uint32_t holder_count(const SharedFragment *fragment, Format format) {
    uint32_t count = fragment->shared->holders_by_format[format];
    return fragment->twin ? count + fragment->twin->shared->holders_by_format[format] : count;
}

// All that was encoded stays until the commit is told: many queries with many rows each would fill the memory.
static Status keep_encoded(Sync *sync, SharedFragment *fragment, Format format, Error *error) {
    Bytes rows = buffer_bytes(&sync->message);
    ASSERT(sync->encoded_bytes <= sync->output.commit_bytes_max);
    if (rows.count > sync->output.commit_bytes_max - sync->encoded_bytes) {
        return error_set(error, STATUS_LIMIT,
                         "what the transaction changed for all queries is more than %u bytes",
                         sync->output.commit_bytes_max);
    }
    sync->encoded_bytes += rows.count;
    fragment->update.rows[format] = arena_copy(tx_arena(store_tx(sync->store)), rows);
    return STATUS_OK;
}

static void encode_rows(Sync *sync, const SharedFragment *fragment, Format format) {
    const SharedPlan *plan = &fragment->shared->plan;
    ASSERT(sync->inserts.count + sync->deletes.count > 0);
    if (format == FORMAT_V2) {
        v2_table_update_rows(&sync->message, plan->is_event, &sync->inserts, &sync->deletes);
    } else {
        V1Rows form = v1_delta_rows(format, plan);
        v1_query_update(&sync->message, &form, &sync->deletes, &sync->inserts);
    }
}

static bool add_insert(void *user, Bytes row) {
    return row_list_add(&((Sync *)user)->inserts, row);
}

static bool add_delete(void *user, Bytes row) {
    return row_list_add(&((Sync *)user)->deletes, row);
}

// To those who hold the fragment's query, or its twin.
static void distribute(Sync *sync, const SharedFragment *fragment, SharedQuery *held) {
    if (fragment->update.row_count == 0) return;
    const HolderVec *holders = &held->holders;
    QueryCost *cost = &held->cost;
    ASSERT(held == fragment->shared || held == fragment->twin->shared);
    for (uint32_t i = 0; i < holders->count; i++) {
        const Holder *holder = &holders->items[i];
        SyncClient *client = holder->client;
        if (sync->failed.count > 0 && holder->set->is_failed) continue;
        if (client->format != FORMAT_V2 && !holder->set->is_legacy) {
            if (client->delivered == fragment) continue;
            client->delivered = fragment;
        }
        add_pending(sync, holder, fragment);
        cost->rows_sent += fragment->update.row_count;
        cost->bytes_sent += fragment->update.rows[client->format].count;
    }
}

static void add_pending(Sync *sync, const Holder *holder, const SharedFragment *fragment) {
    SyncClient *client = holder->client;
    ASSERT(fragment->update.rows[client->format].count > 0);
    ASSERT(client->is_touched || client->pending.count == 0);
    if (!client->is_touched) {
        client->is_touched = true;
        client_vec_push(&sync->touched, client);
    }
    client->cost->rows += fragment->update.row_count;
    uint32_t id = client->format == FORMAT_V2 ? holder->query_set_id : 0;
    pending_vec_push(&client->pending, (PendingRows){id, fragment});
    client->pending_bytes += fragment->update.rows[client->format].count;
    client->pending_bytes += fragment->shared->plan.table_name.count + PENDING_HEAD_BYTES;
}

// By set, then by table name; fragments of one table in the order of registration.
static int compare_pending(const void *a, const void *b) {
    const PendingRows *left = a;
    const PendingRows *right = b;
    if (left->query_set_id != right->query_set_id) {
        return left->query_set_id < right->query_set_id ? -1 : 1;
    }
    int order = bytes_compare(left->fragment->shared->plan.table_name,
                              right->fragment->shared->plan.table_name);
    if (order != 0) return order;
    uint64_t left_serial = left->fragment->serial, right_serial = right->fragment->serial;
    return left_serial < right_serial ? -1 : left_serial > right_serial;
}

// Each part fits, all of them do not: every set of the client that has a part ends.
static void end_pending(Sync *sync, SyncClient *client, const Error *error, uint64_t ticket) {
    ASSERT(client->is_touched && client->pending.count > 0);
    for (uint32_t i = 0; i < client->pending.count; i++) {
        const PendingRows *rows = &client->pending.items[i];
        const SharedQuery *held = rows->fragment->shared;
        if (held->context.is_owner != client->options.is_owner) held = rows->fragment->twin->shared;
        const HolderVec *holders = &held->holders;
        for (uint32_t h = 0; h < holders->count; h++) {
            QuerySet *set = holders->items[h].set;
            if (set->client != client) continue;
            sync_fail_set(sync, set, bytes_of_text(error->text), ticket);
        }
    }
    pending_vec_clear(&client->pending);
}

// ---- sending ----

// A v1 client that wants no notice of success is told like the others.
static bool wants_result(const SyncEvent *event, const SyncClient *client) {
    enum { NO_SUCCESS_NOTIFY = 1 };
    if (client != event->caller) return false;
    ASSERT(event->request != NULL);
    return client->format == FORMAT_V2 || event->request->flags != NO_SUCCESS_NOTIFY;
}

static void answer_caller(Sync *sync, const SyncEvent *event) {
    const SyncClient *caller = event->caller;
    ASSERT(event->request != NULL);
    ASSERT(caller->is_touched || caller->pending.count == 0);
    if (caller->format == FORMAT_V2) {
        v2_reducer_ok(&sync->message, event->request->request_id, event->timestamp,
                      &caller->pending);
    } else {
        v1_transaction_update(&sync->message, caller->format, event, &caller->pending);
    }
    sync_send_message(sync, caller, event->ticket);
}

static void send_updates(Sync *sync, const SyncEvent *event) {
    for (uint32_t i = 0; i < sync->touched.count; i++) {
        SyncClient *client = sync->touched.items[i];
        if (client->pending.count == 0 || wants_result(event, client)) continue;
        SharedSlice slice;
        Error error;
        if (shared_update(sync, event, client, &slice, &error) != STATUS_OK) {
            end_pending(sync, client, &error, event->ticket);
            continue;
        }
        sync_send(sync, client, slice, event->ticket);
        sync->stats.updates++;
    }
}

// The message for this client, from the cache or written now; one reference for the receiver.
static Status shared_update(Sync *sync, const SyncEvent *event, const SyncClient *client,
                            SharedSlice *ret_slice, Error *error) {
    CachedUpdate update = {
        .format = client->format,
        .is_light = client->format != FORMAT_V2 &&
                    (event->withhold_reducer || client->options.light),
        .pending = &client->pending,
    };
    update.hash = update_hash(&update);
    uint32_t *head = &sync->cache_heads[update.hash % CACHE_HEADS], looks = 0;
    const CachedUpdate *cached = NULL;
    for (uint32_t at = *head; at != 0 && looks < CACHE_LOOKS_MAX; at = cached->next, looks++) {
        ASSERT(at <= sync->cache.count);
        cached = &sync->cache.items[at - 1];
        if (cached->hash != update.hash || cached->format != update.format) continue;
        if (cached->is_light != update.is_light) continue;
        if (!pending_equal(cached->pending, update.pending)) continue;
        (void)shared_buf_ref(cached->slice.buf);
        *ret_slice = cached->slice;
        return STATUS_OK;
    }
    Status status = check_written(sync, client, error);
    if (status != STATUS_OK) return status;
    write_update(sync, event, &update);
    update.slice = sync_take_message(sync, update.format);
    (void)shared_buf_ref(update.slice.buf);
    update.next = *head;
    cached_update_vec_push(&sync->cache, update);
    *head = sync->cache.count;
    sync->written_bytes += client->pending_bytes;
    *ret_slice = update.slice;
    return STATUS_OK;
}

// All messages stay until the commit is told; clients of many kinds with large updates would fill the memory.
static Status check_written(const Sync *sync, const SyncClient *client, Error *error) {
    uint64_t max = sync->output.commit_bytes_max, written = sync->written_bytes;
    bool is_first = written == 0;  // never more than a message may have
    if (is_first || (written < max && client->pending_bytes <= max - written)) return STATUS_OK;
    return error_set(error, STATUS_LIMIT,
                     "what the transaction changed for all clients is more than %u bytes",
                     sync->output.commit_bytes_max);
}

// Differs from process to process, which nobody sees: equal updates share a message, whatever the hash.
static uint64_t update_hash(const CachedUpdate *update) {
    uint64_t hash = (uint64_t)update->format * 2 + update->is_light;
    ASSERT(update->format < FORMAT_COUNT && update->pending->count > 0);
    for (uint32_t i = 0; i < update->pending->count; i++) {
        const PendingRows *rows = &update->pending->items[i];
        hash = hash_u64(hash ^ rows->fragment->serial << 32 ^ rows->query_set_id);
    }
    return hash;
}

static void write_update(Sync *sync, const SyncEvent *event, const CachedUpdate *update) {
    ASSERT(update->pending->count > 0);  // who has nothing to hear gets no message
    ASSERT(sync->message.count == 0);
    if (update->format == FORMAT_V2) {
        v2_transaction_update(&sync->message, update->pending);
    } else if (update->is_light) {
        v1_transaction_update_light(&sync->message, update->format, event, update->pending);
    } else {
        v1_transaction_update(&sync->message, update->format, event, update->pending);
    }
}

static bool pending_equal(const PendingVec *a, const PendingVec *b) {
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->items[i].query_set_id != b->items[i].query_set_id) return false;
        if (a->items[i].fragment != b->items[i].fragment) return false;
    }
    return true;
}

static void forget_commit(Sync *sync) {
    ASSERT(sync->message.count == 0);
    for (uint32_t i = 0; i < sync->touched.count; i++) {
        SyncClient *client = sync->touched.items[i];
        ASSERT(client->is_touched);
        client->is_touched = false;
        client->delivered = NULL;
        client->pending_bytes = 0;
        pending_vec_clear(&client->pending);
    }
    client_vec_clear(&sync->touched);
    for (uint32_t i = 0; i < sync->cache.count; i++)
        shared_buf_unref(sync->cache.items[i].slice.buf);
    if (sync->cache.count > 0) memset(sync->cache_heads, 0, sizeof sync->cache_heads);
    cached_update_vec_clear(&sync->cache);
    sync->encoded_bytes = sync->written_bytes = 0;
}
