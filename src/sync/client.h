// client.h - the inside of Sync: clients, their query sets, and the messages on their way out.
//
// Threads    the executor.
#pragma once

#include "sync/queries.h"
#include "sync/row_list.h"

// A part of one client's update: one fragment of one query set.
typedef struct PendingRows {
    uint32_t query_set_id;
    const SharedQuery *shared;
    const FragmentUpdate *update;
} PendingRows;
VEC(PendingVec, pending_vec, PendingRows)

VEC(SharedQueryVec, shared_query_vec, SharedQuery *)

struct QuerySet {
    SyncClient *client;
    uint32_t id;
    SharedQueryVec queries;  // distinct, in the order of the request
};

struct SyncClient {
    SyncClientOptions options;
    SyncClient *previous;
    SyncClient *next;
    U64Map sets;         // id -> QuerySet
    PendingVec pending;  // of the commit at hand
    bool is_touched;     // in Sync.touched
};
VEC(ClientVec, client_vec, SyncClient *)

// One encoded update and for whom it was made: clients with equal pending rows share it.
typedef struct CachedUpdate {
    const PendingVec *pending;
    SharedSlice slice;
} CachedUpdate;
VEC(CachedUpdateVec, cached_update_vec, CachedUpdate)

struct Sync {
    Store *store;
    SyncOutput output;
    Queries *queries;
    SyncClient *first;
    uint32_t client_count;
    SharedBuf *slab;     // small messages, one after the other; NULL: none yet
    Buffer message;      // the one being written
    RowList inserts;
    RowList deletes;
    // of the commit at hand
    FragmentRefVec candidates;
    ClientVec touched;
    CachedUpdateVec cache;
    uint32_t update_id;
    SyncStats stats;
};

// ---- out.c ----

// The message that was written into sync->message, as a counted slice: copied into the slab or on its own.
SharedSlice sync_take_message(Sync *sync);
// Hands a slice to a client; the reference goes with it. The ticket counts only for confirmed clients.
void sync_send(Sync *sync, const SyncClient *client, SharedSlice slice, uint64_t ticket);
// sync_take_message and sync_send.
void sync_send_message(Sync *sync, const SyncClient *client, uint64_t ticket);

// ---- message_v2.c: server messages of v2 and v3, appended to a buffer ----

void v2_initial_connection(Buffer *message, const SyncClientOptions *options, Bytes token);
void v2_subscribe_applied(Buffer *message, uint32_t request_id, uint32_t query_set_id);  // QueryRows follow
void v2_unsubscribe_applied(Buffer *message, uint32_t request_id, uint32_t query_set_id, bool with_rows);
void v2_subscribe_batch_applied(Buffer *message, uint32_t request_id, uint32_t set_count);
void v2_subscription_error(Buffer *message, const uint32_t *request_id, uint32_t query_set_id, Bytes text);
void v2_one_off_ok(Buffer *message, uint32_t request_id);  // QueryRows follow
void v2_one_off_error(Buffer *message, uint32_t request_id, Bytes text);
void v2_transaction_update(Buffer *message, const PendingVec *pending);
void v2_reducer_ok(Buffer *message, uint32_t request_id, int64_t timestamp, const PendingVec *pending);
void v2_reducer_error(Buffer *message, uint32_t request_id, int64_t timestamp, CallResult result, Bytes text);
void v2_procedure_returned(Buffer *message, const SyncEvent *event, Bytes value);
void v2_procedure_failed(Buffer *message, uint32_t request_id, Bytes text);
// TableUpdateRows of one fragment.
void v2_table_update_rows(Buffer *message, bool is_event, const RowList *inserts, const RowList *deletes);

// ---- subscribe.c ----

// Appends QueryRows of these queries: one entry per fragment whose tables all have rows.
void sync_write_query_rows(Sync *sync, const SharedQueryVec *queries);
QuerySet *sync_find_set(const SyncClient *client, uint32_t id);
void sync_drop_set(Sync *sync, QuerySet *set);
