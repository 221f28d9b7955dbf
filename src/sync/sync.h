// sync.h - what clients send and what they get: request decoding, query sets, deltas, message encoding.
//
// One model of requests and results; thin codecs for the protocol versions (v1 JSON, v1 BSATN, v2; v3 is
// v2 in batches) behind it.
//
// Threads    request_read is pure: any thread. Sync and SyncClient belong to the database's executor.
// Lifetime   a SyncClient lives from sync_add_client to sync_remove_client; slices handed to the output
//            are counted and go to other threads.
// Order      per client, messages leave in the order of the calls here (websocket.md 8.5, G1 to G7).
// Limits     CLIENT_QUERY_SETS_MAX, CLIENT_QUERIES_MAX, SERVER_MESSAGE_BYTES_MAX, SYNC_COMMIT_BYTES_MAX,
//            SQL_TEXT_BYTES_MAX.
// Format     spec: websocket.md 4-9, since-2.8.md 3.
#pragma once

#include "base/shared_buf.h"
#include "sql/sql.h"

// ---- protocols ----

// In the server's order of preference.
typedef enum Protocol {
    PROTOCOL_V3,
    PROTOCOL_V2,
    PROTOCOL_V1_BSATN,
    PROTOCOL_V1_JSON,
    PROTOCOL_COUNT,
} Protocol;
// "v3.bsatn.spacetimedb" and so on.
const char *protocol_name(Protocol protocol);
// The preferred one that occurs in a Sec-WebSocket-Protocol list (may hold several, comma-separated).
bool protocol_choose(Bytes list, Protocol *ret_protocol);
static inline bool protocol_is_v1(Protocol protocol) {
    return protocol == PROTOCOL_V1_BSATN || protocol == PROTOCOL_V1_JSON;
}

// ---- requests ----

typedef enum RequestKind {
    REQUEST_SUBSCRIBE,           // v2: a query set
    REQUEST_UNSUBSCRIBE,         // v2
    REQUEST_SUBSCRIBE_BATCH,     // v2: several query sets in one transaction (since-2.8.md 3.1)
    REQUEST_SUBSCRIBE_LEGACY,    // v1 Subscribe
    REQUEST_SUBSCRIBE_SINGLE,    // v1
    REQUEST_SUBSCRIBE_MULTI,     // v1
    REQUEST_UNSUBSCRIBE_SINGLE,  // v1 Unsubscribe
    REQUEST_UNSUBSCRIBE_MULTI,   // v1
    REQUEST_ONE_OFF,
    REQUEST_CALL_REDUCER,
    REQUEST_CALL_PROCEDURE,
} RequestKind;

typedef struct RequestSet {
    uint32_t query_set_id;  // v1: the query id; of the legacy Subscribe: 0
    const Bytes *queries;
    uint32_t query_count;
} RequestSet;

typedef struct Request {
    RequestKind kind;
    uint32_t request_id;
    uint8_t flags;  // v2 unsubscribe: 1 = send dropped rows; v1 call: 1 = no success notify
    bool args_are_json;
    const RequestSet
        *sets;  // subscriptions: one, or several of a batch; unsubscribe: one, no queries
    uint32_t set_count;
    Bytes query;       // one-off
    Bytes message_id;  // v1 one-off
    Bytes function;    // calls
    Bytes args;        // calls: BSATN, or JSON text
} Request;

typedef enum MessageForm { MESSAGE_BINARY, MESSAGE_TEXT } MessageForm;

// Reads the next request of a WebSocket message. On v1 connections a text is JSON and anything else BSATN,
// whatever was negotiated. Names and bytes borrow from the message, or from the arena if that was JSON;
// lists are in the arena. *ret_is_last tells that nothing is left: v3 messages hold several requests, of
// other ones the rest is ignored. STATUS_INVALID: the text is the close reason (code 1011).
Status request_read(Protocol protocol, MessageForm form, Reader *message, Arena *arena,
                    Request *ret_request, bool *ret_is_last, Error *error);

// ---- the clients of one database ----

typedef struct Sync Sync;
typedef struct SyncClient SyncClient;

typedef struct SyncOutput {
    void *user;
    // Hands one message, without a compression tag, to a connection. Takes the slice's reference. The message
    // may leave once the database's gate has reached the ticket (TICKET_NONE: at once).
    void (*send)(void *user, void *connection, SharedSlice message, uint64_t ticket);
    // Rows that would make a message larger are an error of their query; 0: SERVER_MESSAGE_BYTES_MAX.
    uint32_t message_bytes_max;
    uint32_t commit_bytes_max;  // 0: SYNC_COMMIT_BYTES_MAX
    // Messages may be slices that come later (shared_buf.h): then large first rows are read elsewhere (SyncApart).
    bool takes_later;
} SyncOutput;

Sync *sync_create(Store *store, const SyncOutput *output);
// Views that subscriptions read (query_views): somebody else keeps them (sql.md 11.2). May be called between and
// within transactions, never from within these calls.
typedef struct SyncViews {
    void *user;
    // A query is about to be evaluated for the first time; on failure it is refused, with the error's text.
    Status (*hold)(void *user, const Identity *sender, const Query *query, Error *error);
    // It is not evaluated any more.
    void (*release)(void *user, const Query *query);
} SyncViews;
void sync_set_views(Sync *sync, const SyncViews *views);  // before the first client
void sync_free(Sync *sync);                               // no client may be left

typedef struct SyncClientOptions {
    Protocol protocol;
    Identity identity;
    ConnectionId connection_id;
    bool is_owner;
    bool confirmed;    // messages wait for their ticket
    bool light;        // v1: others' transactions without their reducer
    void *connection;  // given to the output
} SyncClientOptions;

SyncClient *sync_add_client(Sync *sync, const SyncClientOptions *options);
void sync_remove_client(Sync *sync, SyncClient *client);  // with all its query sets
uint32_t sync_client_count(const Sync *sync);
const SyncClientOptions *sync_client_options(const SyncClient *client);
SyncClient *sync_next_client(Sync *sync, SyncClient *after);  // NULL: the first; NULL at the end

// InitialConnection or IdentityToken.
void sync_send_hello(Sync *sync, SyncClient *client, Bytes token);

// Subscribe, unsubscribe and one-off requests of the client's protocol; the answer (or its error) is sent.
//
// ticket  of the last commit
void sync_request(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket);

// ---- transactions and calls ----

typedef enum CallResult {
    RESULT_COMMITTED,
    RESULT_USER_ERROR,  // the module's own message
    RESULT_INTERNAL,    // trap, unknown name, bad arguments, ...
    RESULT_OUT_OF_ENERGY,
} CallResult;

// What a transaction came from. caller NULL: nobody on a WebSocket waits for it.
typedef struct SyncEvent {
    SyncClient *caller;
    const Request *request;  // of the caller
    CallResult result;
    Bytes text;  // of an error
    Identity caller_identity;
    ConnectionId caller_connection;
    Bytes reducer;        // canonical name; empty: none
    uint32_t reducer_id;  // UINT32_MAX: none
    Bytes args;           // BSATN
    const Type
        *args_type;  // product; NULL: no arguments, and if the call failed: it could not be run
    const Type *value_type;           // of a procedure's value
    const Typespace *args_typespace;  // of both
    int64_t timestamp;                // micros
    int64_t duration_micros;
    uint64_t ticket;        // of the commit, or of the last one
    bool withhold_reducer;  // definition V10: v1 clients other than the caller get light updates
} SyncEvent;

// Tells everybody concerned about a commit that was not released yet; the caller gets its result in place.
void sync_commit(Sync *sync, const SyncEvent *event, const Commit *commit);
// The answer to a call that changed nothing (also when it could not be run): only the caller hears of it.
void sync_call_failed(Sync *sync, const SyncEvent *event);
// ProcedureResult with its BSATN value, or an error text.
void sync_procedure_result(Sync *sync, const SyncEvent *event, Bytes value);

// The schema may have changed: plans are compiled anew. Query sets end with an error if one of their queries
// does not compile any more, reads other tables now, or if rules of row-level security changed and the client
// is not the owner. sync_commit and sync_request do this on their own where it is due.
void sync_schema_changed(Sync *sync, uint64_t ticket);

typedef struct SyncStats {
    uint64_t query_sets;   // now, of all clients
    uint64_t queries;      // now, distinct
    uint64_t updates;      // messages about commits, callers' results left out
    uint64_t rows;         // in and out of distinct queries, by commits
    uint64_t evaluations;  // how often a commit's effect on a query's fragment was computed
} SyncStats;
SyncStats sync_stats(const Sync *sync);

// ---- costs ----

typedef struct SyncNotices {
    void *user;
    int64_t (*nanos)(void *user);  // a clock for durations; NULL: times are not counted
    // A query that somebody subscribes to joins without an index: once per text. NULL: nobody wants to know.
    void (*warn)(void *user, Bytes text);
} SyncNotices;
void sync_set_notices(Sync *sync, const SyncNotices *notices);  // before the first client
// Where large first rows are read, over snapshots of their tables, while the executor goes on.
typedef struct SyncApart {
    void *user;
    // sync_run_reads is to be called soon, once, on another thread.
    void (*start)(void *user);
    // The bytes of a message that was handed over are there. That thread.
    void (*ready)(void *user);
} SyncApart;
// Before the first client; without it the executor reads everything.
void sync_set_apart(Sync *sync, const SyncApart *apart);
void sync_run_reads(Sync *sync);  // the Sync must outlive the call
// Returns when nothing is being read any more: before the schema changes, and at the end. Executor.
void sync_wait_reads(Sync *sync);
// What each distinct query and each client has cost since it came, as JSON; of both the most expensive ones, at
// most `limit` (docs/sql.md).
void sync_write_costs(const Sync *sync, uint32_t limit, Buffer *json);
