// sync.c - clients: coming, going, and the answers to their calls. Subscriptions are in subscribe.c, what a
// commit means to them in update.c.

#include "base/gate.h"
#include "sync/client.h"

Sync *sync_create(Store *store, const SyncOutput *output) {
    Sync *sync = mem_alloc_zero(sizeof *sync);
    sync->store = store;
    sync->output = *output;
    sync->queries = queries_create(store);
    buffer_init(&sync->message, UINT32_MAX);
    row_list_init(&sync->inserts);
    row_list_init(&sync->deletes);
    return sync;
}

void sync_free(Sync *sync) {
    while (sync->first) sync_remove_client(sync, sync->first);
    queries_free(sync->queries);
    shared_buf_unref(sync->slab);
    buffer_done(&sync->message);
    row_list_done(&sync->inserts);
    row_list_done(&sync->deletes);
    fragment_ref_vec_done(&sync->candidates);
    client_vec_done(&sync->touched);
    cached_update_vec_done(&sync->cache);
    mem_free(sync);
}

SyncClient *sync_add_client(Sync *sync, const SyncClientOptions *options) {
    ASSERT(!protocol_is_v1(options->protocol));
    SyncClient *client = mem_alloc_zero(sizeof *client);
    client->options = *options;
    u64_map_init(&client->sets);
    client->next = sync->first;
    if (sync->first) sync->first->previous = client;
    sync->first = client;
    sync->client_count++;
    return client;
}

void sync_remove_client(Sync *sync, SyncClient *client) {
    uint32_t at = 0;
    uint64_t id = 0;
    void *set = NULL;
    while (at = 0, u64_map_next(&client->sets, &at, &id, &set)) sync_drop_set(sync, set);
    if (client->previous) client->previous->next = client->next;
    if (client->next) client->next->previous = client->previous;
    if (sync->first == client) sync->first = client->next;
    sync->client_count--;
    u64_map_done(&client->sets);
    pending_vec_done(&client->pending);
    mem_free(client);
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
    v2_initial_connection(&sync->message, &client->options, token);
    sync_send_message(sync, client, TICKET_NONE);
}

void sync_call_failed(Sync *sync, const SyncEvent *event) {
    ASSERT(event->result != RESULT_COMMITTED);
    if (event->caller == NULL) return;
    v2_reducer_error(&sync->message, event->request->request_id, event->timestamp, event->result, event->text);
    sync_send_message(sync, event->caller, TICKET_NONE);
}

void sync_procedure_result(Sync *sync, const SyncEvent *event, Bytes value) {
    if (event->caller == NULL) return;
    if (event->result == RESULT_COMMITTED) {
        v2_procedure_returned(&sync->message, event, value);
    } else {
        v2_procedure_failed(&sync->message, event->request->request_id, event->text);
    }
    sync_send_message(sync, event->caller, event->ticket);
}

SyncStats sync_stats(const Sync *sync) {
    SyncStats stats = sync->stats;
    stats.queries = queries_count(sync->queries);
    return stats;
}
