// client.h - the inside of Sync: clients, their query sets, and the messages on their way out.
//
// Threads    the executor.
// Lifetime   what is "of the commit at hand" is empty between commits.
#pragma once

#include "sync/queries.h"
#include "sync/row_list.h"

// A part of one client's update: what one fragment says, for one query set (v1: for all of them).
typedef struct PendingRows {
    uint32_t query_set_id;
    const SharedFragment *fragment;
} PendingRows;
VEC(PendingVec, pending_vec, PendingRows)

struct SyncClient {
    SyncClientOptions options;
    Format format;
    SyncClient *previous;
    SyncClient *next;
    U64Map sets;                          // id -> QuerySet
    QuerySet *legacy;                     // v1 Subscribe; NULL: none
    U64Map counted;                       // v1: SharedQuery -> in how many sets with an id it is
    uint64_t query_count;                 // of all sets
    ClientCost *cost;                     // its own
    SharedBuf *laters[CLIENT_READS_MAX];  // messages to it that may not be whole yet; NULL: free
    // of the commit at hand
    PendingVec pending;
    uint64_t pending_bytes;
    const SharedFragment *delivered;  // v1: the last one, which each client gets once
    bool is_touched;                  // in Sync.touched
};
VEC(ClientVec, client_vec, SyncClient *)

typedef struct Reads Reads;  // reads.c

// One encoded update and for whom it was made: clients with equal pending rows share it.
typedef struct CachedUpdate {
    Format format;
    bool is_light;  // v1
    const PendingVec *pending;
    uint64_t hash;  // of these
    uint32_t next;  // of the same head: its place + 1; 0: none
    SharedSlice slice;
} CachedUpdate;
#define CACHE_HEADS 256u
VEC(CachedUpdateVec, cached_update_vec, CachedUpdate)

VEC(QuerySetVec, query_set_vec, QuerySet *)

struct Sync {
    Store *store;
    SyncOutput output;
    Queries *queries;
    SyncClient *first;
    uint32_t client_count;
    uint64_t set_serial;
    SharedBuf *slab;  // small messages, one after the other; NULL: none yet
    Buffer message;   // the one being written
    Buffer text;      // of a v1.json message
    RowList inserts;
    RowList deletes;
    Arena scratch;       // of one evaluation
    QuerySetVec failed;  // told to have ended, about to be dropped
    SyncNotices notices;
    Reads *reads;
    CostClock clock;
    // of the commit at hand
    SharedFragmentVec candidates;
    ClientVec touched;
    uint64_t encoded_bytes;  // of all fragments
    uint64_t written_bytes;  // of all messages
    CachedUpdateVec cache;
    uint32_t cache_heads[CACHE_HEADS];  // by hash, the newest one: its place + 1; 0: none
    SyncStats stats;
};

// ---- out.c ----

// The message that was written into sync->message, as a counted slice: copied into the slab or on its own.
SharedSlice sync_take_message(Sync *sync, Format format);
// Hands a slice to a client; the reference goes with it. The ticket counts only for confirmed clients.
void sync_send(Sync *sync, const SyncClient *client, SharedSlice slice, uint64_t ticket);
// sync_take_message and sync_send.
void sync_send_message(Sync *sync, const SyncClient *client, uint64_t ticket);
// Is what was written more than the output takes?
bool sync_is_too_large(const Sync *sync);
// Takes back what was written after the first `count` bytes.
void sync_rewind_message(Sync *sync, size_t count);

// ---- cost.c ----

// Times from here on belong to the deltas that are added.
void sync_cost_begin(Sync *sync);
// A delta of that query was computed and encoded: it looked at so many rows and has so many.
void sync_cost_add(Sync *sync, SharedQuery *shared, uint64_t scanned, uint64_t rows);
// Shares out the time since the clock was read last; nothing is added before it begins again.
void sync_cost_end(Sync *sync);

// ---- query_set.c ----

// An empty set that its client does not know yet. Ends with sync_drop_set, like a registered one.
QuerySet *sync_create_set(Sync *sync, SyncClient *client, uint32_t id);
void sync_drop_set(Sync *sync, QuerySet *set);
// Puts the queries of these texts into the set, "SELECT * FROM *" expanded. The set is of no use after an error.
Status sync_collect_queries(Sync *sync, QuerySet *set, const RequestSet *wanted, Error *error);
Status sync_collect_query(Sync *sync, QuerySet *set, Bytes text, Error *error);
// Would evaluating what nobody holds but this set exceed the row limit?
Status sync_check_row_limit(const Sync *sync, const QuerySet *set, Error *error);
Status sync_check_estimate(const Sync *sync, const SyncClient *client, uint64_t estimate,
                           Error *error);
// Gives the set to its client, by its id; STATUS_CONFLICT if the id is taken.
Status sync_register_set(Sync *sync, QuerySet *set, Error *error);
QuerySet *sync_find_set(const SyncClient *client, uint32_t id);
// v1: how many of the client's sets with an id hold the query.
uint32_t sync_count_query(const SyncClient *client, const SharedQuery *shared);
// "Subscription not found: ..."
void sync_set_missing(const SyncClient *client, uint32_t id, Error *error);
SqlContext sync_context_of(const Sync *sync, const SyncClient *client);
// Tells the client that the set ended, which is then dropped by sync_drop_failed. On v1 all sets of the
// client end. Does nothing more for a set that ended already.
void sync_fail_set(Sync *sync, QuerySet *set, Bytes text, uint64_t ticket);
void sync_drop_failed(Sync *sync);

// ---- rows.c: what queries yield now, into sync->inserts ----

// STATUS_LIMIT if it is more than a message may have, or than a query may look at.
Status sync_run_fragment(Sync *sync, const SharedFragment *fragment, Error *error);
Status sync_run_query(Sync *sync, const Query *query, Error *error);
// Do all tables that it reads have rows? Fragments without are left out of answers.
bool sync_has_rows(const Sync *sync, const SharedFragment *fragment);
// STATUS_LIMIT if what was written is more than a message may have.
Status sync_check_size(const Sync *sync, Error *error);
Status sync_too_large(const Sync *sync, Error *error);

// ---- reads.c: large first rows, read elsewhere ----

Reads *reads_create(void);
void reads_free(Reads *reads);                 // after sync_wait_reads
void reads_forget_client(SyncClient *client);  // what it still waits for goes nowhere
// Counts what it has begun to take in its cost.
void reads_settle(SyncClient *client);
// Sends the answer to a v2 subscription as a message that comes later. False if that is not worth it or could fail:
// then nothing was done.
bool sync_subscribe_apart(Sync *sync, SyncClient *client, const QuerySet *set, uint32_t request_id,
                          uint64_t ticket);
// The same for a one-off query, whose plan is in an arena: taken over if true.
bool sync_one_off_apart(Sync *sync, SyncClient *client, SharedPlan *plan, uint32_t request_id,
                        uint64_t ticket);

// ---- subscribe_v1.c ----

void sync_request_v1(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket);
