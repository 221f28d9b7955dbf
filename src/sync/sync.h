// sync.h - what clients send and what they get: request decoding, query sets, deltas, message encoding.
//
// One model of requests and results; one codec file per protocol version (v1 JSON, v1 BSATN, v2; v3 is v2 in
// batches) behind it.
//
// Threads    request_read is pure: any thread. Sync and SyncClient belong to the database's executor.
// Lifetime   a SyncClient lives from sync_add_client to sync_remove_client; slices handed to the output are
//            counted and go to other threads.
// Order      per client, messages leave in the order of the calls here (websocket.md 8.5, G1 to G7).
// Limits     CLIENT_QUERY_SETS_MAX, SQL_TEXT_BYTES_MAX.        Format  spec: websocket.md 4-9, since-2.8.md 3.
#pragma once

#include "base/shared_buf.h"
#include "sql/sql.h"

// ---- protocols ----

// In the server's order of preference.
typedef enum Protocol { PROTOCOL_V3, PROTOCOL_V2, PROTOCOL_V1_BSATN, PROTOCOL_V1_JSON, PROTOCOL_COUNT } Protocol;
// "v3.bsatn.spacetimedb" and so on.
const char *protocol_name(Protocol protocol);
// The preferred one that occurs in a Sec-WebSocket-Protocol list (may hold several, comma-separated).
bool protocol_choose(Bytes list, Protocol *ret_protocol);
static inline bool protocol_is_v1(Protocol protocol) {
    return protocol == PROTOCOL_V1_BSATN || protocol == PROTOCOL_V1_JSON;
}

// ---- requests ----

typedef enum RequestKind {
    REQUEST_SUBSCRIBE,         // v2: a query set
    REQUEST_UNSUBSCRIBE,       // v2
    REQUEST_SUBSCRIBE_BATCH,   // v2: several query sets in one transaction (since-2.8.md 3.1)
    REQUEST_SUBSCRIBE_LEGACY,  // v1 Subscribe
    REQUEST_SUBSCRIBE_SINGLE,  // v1
    REQUEST_SUBSCRIBE_MULTI,   // v1
    REQUEST_UNSUBSCRIBE_SINGLE,
    REQUEST_UNSUBSCRIBE_MULTI,
    REQUEST_ONE_OFF,
    REQUEST_CALL_REDUCER,
    REQUEST_CALL_PROCEDURE,
} RequestKind;

typedef struct RequestSet {
    uint32_t query_set_id;
    const Bytes *queries;
    uint32_t query_count;
} RequestSet;

typedef struct Request {
    RequestKind kind;
    uint32_t request_id;
    uint8_t flags;      // unsubscribe: 1 = send dropped rows; v1 call: 1 = no success notify
    bool args_are_json;
    const RequestSet *sets;  // subscriptions: one, or several of a batch; unsubscribe: one without queries
    uint32_t set_count;
    Bytes query;        // one-off
    Bytes message_id;   // v1 one-off
    Bytes function;     // calls
    Bytes args;         // calls: BSATN, or JSON text
} Request;

typedef enum MessageForm { MESSAGE_BINARY, MESSAGE_TEXT } MessageForm;

// Reads the next request of a WebSocket message. Names and bytes borrow from the message; lists are in the
// arena. `is_last` tells that nothing is left (v3 messages hold several). STATUS_INVALID: the text is the
// close reason (code 1011).
Status request_read(Protocol protocol, MessageForm form, Reader *message, Arena *arena, Request *ret_request,
                    bool *ret_is_last, Error *error);

// ---- the clients of one database ----

typedef struct Sync Sync;
typedef struct SyncClient SyncClient;

typedef struct SyncOutput {
    void *user;
    // Hands one message to a connection. Takes the slice's reference. The message may leave once the
    // database's gate has reached the ticket (TICKET_NONE: at once).
    void (*send)(void *user, void *connection, SharedSlice message, uint64_t ticket);
} SyncOutput;

Sync *sync_create(Store *store, const SyncOutput *output);
void sync_free(Sync *sync);  // no client may be left

typedef struct SyncClientOptions {
    Protocol protocol;
    Identity identity;
    ConnectionId connection_id;
    bool is_owner;
    bool confirmed;   // messages wait for their ticket
    bool light;       // v1
    void *connection; // given to the output
} SyncClientOptions;

SyncClient *sync_add_client(Sync *sync, const SyncClientOptions *options);
void sync_remove_client(Sync *sync, SyncClient *client);  // with all its query sets
uint32_t sync_client_count(const Sync *sync);
const SyncClientOptions *sync_client_options(const SyncClient *client);
SyncClient *sync_next_client(Sync *sync, SyncClient *after);  // NULL: the first; NULL at the end

// InitialConnection or IdentityToken.
void sync_send_hello(Sync *sync, SyncClient *client, Bytes token);

// Subscribe, unsubscribe and one-off requests; the answer (or its error) is sent. ticket: of the last commit.
void sync_request(Sync *sync, SyncClient *client, const Request *request, uint64_t ticket);

// ---- transactions and calls ----

typedef enum CallResult {
    RESULT_COMMITTED,
    RESULT_USER_ERROR,     // the module's own message
    RESULT_INTERNAL,       // trap, unknown name, bad arguments, ...
    RESULT_OUT_OF_ENERGY,
} CallResult;

// What a transaction came from. caller NULL: nobody on a WebSocket waits for it.
typedef struct SyncEvent {
    SyncClient *caller;
    const Request *request;  // of the caller
    CallResult result;
    Bytes text;              // of an error
    Identity caller_identity;
    ConnectionId caller_connection;
    Bytes reducer;           // canonical name; empty: none
    uint32_t reducer_id;     // UINT32_MAX: none
    Bytes args;              // BSATN
    const Type *args_type;   // product, for v1.json; may be NULL
    const Typespace *args_typespace;
    int64_t timestamp;       // micros
    int64_t duration_micros;
    uint64_t ticket;         // of the commit, or of the last one
    bool withhold_reducer;   // definition V10: v1 clients other than the caller get light updates
} SyncEvent;

// Tells everybody concerned about a commit that was not released yet; the caller gets its result in place.
void sync_commit(Sync *sync, const SyncEvent *event, const Commit *commit);
// The answer to a call that changed nothing (also when it could not be run): only the caller hears of it.
void sync_call_failed(Sync *sync, const SyncEvent *event);
// ProcedureResult with its BSATN value, or an error text.
void sync_procedure_result(Sync *sync, const SyncEvent *event, Bytes value);

// The schema changed: plans are compiled anew; query sets that no longer compile end with an error.
void sync_schema_changed(Sync *sync, uint64_t ticket);

typedef struct SyncStats {
    uint64_t query_sets;
    uint64_t queries;  // distinct
    uint64_t updates;  // messages about commits
    uint64_t rows;
} SyncStats;
SyncStats sync_stats(const Sync *sync);
