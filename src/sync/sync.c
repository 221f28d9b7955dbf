// sync.c - clients: coming, going, and the answers to their calls. Subscriptions are in subscribe.c and
// subscribe_v1.c, what a commit means to them in update.c.

#include "base/gate.h"
#include "sync/client.h"
#include "sync/message_v1.h"
#include "sync/message_v2.h"

static Format format_of(Protocol protocol);
static void drop_all_sets(Sync *sync, SyncClient *client);
static void call_failed_v1(Sync *sync, const SyncEvent *event);

Sync *sync_create(Store *store, const SyncOutput *output) {
    Sync *sync = mem_alloc_zero(sizeof *sync);
    sync->store = store;
    sync->output = *output;
    if (output->message_bytes_max == 0) sync->output.message_bytes_max = SERVER_MESSAGE_BYTES_MAX;
    if (output->commit_bytes_max == 0) sync->output.commit_bytes_max = SYNC_COMMIT_BYTES_MAX;
    sync->queries = queries_create(store);
    buffer_init(&sync->message, UINT32_MAX);
    buffer_init(&sync->text, UINT32_MAX);
    row_list_init(&sync->inserts, sync->output.message_bytes_max);
    row_list_init(&sync->deletes, sync->output.message_bytes_max);
    arena_init(&sync->scratch, STORE_TX_BYTES_MAX);
    sync->reads = reads_create();
    return sync;
}

void sync_set_views(Sync *sync, const SyncViews *views) {
    ASSERT(sync->first == NULL);
    queries_set_views(sync->queries, views);
}

void sync_set_notices(Sync *sync, const SyncNotices *notices) {
    ASSERT(sync->first == NULL);
    sync->notices = *notices;
    queries_set_notices(sync->queries, notices);
}

void sync_free(Sync *sync) {
    ASSERT(sync->first == NULL);
    sync_wait_reads(sync);
    reads_free(sync->reads);
    queries_free(sync->queries);
    shared_buf_unref(sync->slab);
    buffer_done(&sync->message);
    buffer_done(&sync->text);
    row_list_done(&sync->inserts);
    row_list_done(&sync->deletes);
    arena_done(&sync->scratch);
    query_set_vec_done(&sync->failed);
    shared_fragment_vec_done(&sync->candidates);
    client_vec_done(&sync->touched);
    cached_update_vec_done(&sync->cache);
    mem_free(sync);
}

// ---- clients ----

SyncClient *sync_add_client(Sync *sync, const SyncClientOptions *options) {
    SyncClient *client = mem_alloc_zero(sizeof *client);
    client->options = *options;
    client->format = format_of(options->protocol);
    client->cost = mem_alloc_zero(sizeof *client->cost);
    u64_map_init(&client->sets);
    u64_map_init(&client->counted);
    client->next = sync->first;
    if (sync->first) sync->first->previous = client;
    sync->first = client;
    sync->client_count++;
    return client;
}

static Format format_of(Protocol protocol) {
    switch (protocol) {
    case PROTOCOL_V3:
    case PROTOCOL_V2: return FORMAT_V2;
    case PROTOCOL_V1_BSATN: return FORMAT_V1_BSATN;
    case PROTOCOL_V1_JSON: return FORMAT_V1_JSON;
    case PROTOCOL_COUNT: break;
    }
    UNREACHABLE();
}

void sync_remove_client(Sync *sync, SyncClient *client) {
    ASSERT(!client->is_touched && client->pending.count == 0);
    ASSERT(sync->client_count > 0);
    drop_all_sets(sync, client);
    reads_forget_client(client);
    ASSERT(client->counted.count == 0 && client->query_count == 0);
    ASSERT(client->sets.count == 0 && client->legacy == NULL);
    if (client->previous) client->previous->next = client->next;
    if (client->next) client->next->previous = client->previous;
    if (sync->first == client) sync->first = client->next;
    sync->client_count--;
    u64_map_done(&client->sets);
    u64_map_done(&client->counted);
    pending_vec_done(&client->pending);
    mem_free(client->cost);
    mem_free(client);
}

// A removal from the map moves what follows it: the sets are taken out of it first.
static void drop_all_sets(Sync *sync, SyncClient *client) {
    QuerySetVec *sets = &sync->failed;
    ASSERT(sets->count == 0);
    if (client->legacy) query_set_vec_push(sets, client->legacy);
    uint32_t at = 0;
    uint64_t id = 0;
    void *set = NULL;
    while (u64_map_next(&client->sets, &at, &id, &set)) query_set_vec_push(sets, set);
    sync_drop_failed(sync);
}

uint32_t sync_client_count(const Sync *sync) {
    return sync->client_count;
}

const SyncClientOptions *sync_client_options(const SyncClient *client) {
    return &client->options;
}

SyncClient *sync_next_client(Sync *sync, SyncClient *after) {
    return after ? after->next : sync->first;
}

void sync_send_hello(Sync *sync, SyncClient *client, Bytes token) {
    if (client->format == FORMAT_V2) {
        v2_initial_connection(&sync->message, &client->options, token);
    } else {
        v1_identity_token(&sync->message, &client->options, token);
    }
    sync_send_message(sync, client, TICKET_NONE);
}

// ---- calls that changed nothing ----

void sync_call_failed(Sync *sync, const SyncEvent *event) {
    ASSERT(event->result != RESULT_COMMITTED);
    if (event->caller == NULL) return;
    ASSERT(event->request != NULL && sync->message.count == 0);
    if (event->caller->format != FORMAT_V2) {
        call_failed_v1(sync, event);
        return;
    }
    v2_reducer_error(&sync->message, event);
    sync_send_message(sync, event->caller, TICKET_NONE);
}

static void call_failed_v1(Sync *sync, const SyncEvent *event) {
    enum { NO_SUCCESS_NOTIFY = 1 };
    // It keeps quiet about failures, too, unless the call could not even be run.
    bool was_run = event->args_type != NULL;
    if (was_run && event->request->flags == NO_SUCCESS_NOTIFY) return;
    v1_transaction_update(&sync->message, event->caller->format, event, NULL);
    sync_send_message(sync, event->caller, event->ticket);
}

void sync_procedure_result(Sync *sync, const SyncEvent *event, Bytes value) {
    if (event->caller == NULL) return;
    ASSERT(event->request != NULL && sync->message.count == 0);
    if (event->caller->format == FORMAT_V2) {
        v2_procedure_result(&sync->message, event, value);
    } else {
        v1_procedure_result(&sync->message, event->caller->format, event, value);
    }
    sync_send_message(sync, event->caller, event->ticket);
}

SyncStats sync_stats(const Sync *sync) {
    SyncStats stats = sync->stats;
    stats.queries = queries_count(sync->queries);
    return stats;
}
