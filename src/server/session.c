// session.c - see session.h.
//
//   handler:   ws_accept (the 101 goes out) -> connect message
//   executor:  connect -> the module agrees: client, hello, ws_start; it refuses: ws_abort
//   net:       messages of one read -> one Batch -> executor: decoded and run in order
//   net:       closed -> closed message, the last one: client removed, disconnected, memory freed
//
// The connection may close before the connect message runs: then that one finds the session ended.
//
// A client may give its session a number (since-2.8.md 3.2). Who connects with one that is held is closed with 4000 and comes
// again; the holder, whose connection is probably dead, is dropped, and gives the number back once the module has heard of it.

#include "server/session.h"

// What a batch holds before each message: u32 length, u8 form.
#define ENTRY_HEAD_BYTES 5u
#define BATCH_BYTES_MIN 256u
#define SESSION_KEY_BYTES 48u  // identity, session id
// A batch begins with as much as the one before had, up to this: large ones are rare.
#define BATCH_GUESS_BYTES_MAX 65536u

typedef enum SessionState {
    SESSION_CONNECTING,
    SESSION_OPEN,  // the database knows the client
    SESSION_REFUSED,  // the module did not want it, or its number is held; the connection is being dropped
    SESSION_ENDED,  // the connection is closed
    SESSION_STATE_COUNT,
} SessionState;

static const bool SESSION_STEP[SESSION_STATE_COUNT][SESSION_STATE_COUNT] = {
    [SESSION_CONNECTING] =
        {[SESSION_OPEN] = true, [SESSION_REFUSED] = true, [SESSION_ENDED] = true},
    [SESSION_OPEN] = {[SESSION_ENDED] = true},
    [SESSION_REFUSED] = {[SESSION_ENDED] = true},
};

// Messages on their way to the executor, in one piece.
typedef struct Batch {
    DbMessage message;
    Session *session;
    uint32_t count;
    size_t used;
    size_t capacity;
    uint8_t bytes[];
} Batch;

struct Session {
    // ---- constant once the connect message is posted ----
    Hosted *hosted;  // a reference
    WsConn *conn;    // a reference
    SessionOptions options;
    Identity identity;
    Bytes token;
    Bytes payload;
    Arena arena;  // of the two texts
    // ---- shared ----
    _Atomic uint32_t
        refs;  // one of the net side, one of the connect message; relaxed up, acq-rel down
    _Atomic uint32_t
        waiting_messages;          // net adds, executor subtracts; relaxed: a bound, not a promise
    _Atomic size_t waiting_bytes;  // the same
    // ---- net thread ----
    Batch *batch;        // of the read that is being delivered
    size_t guess_bytes;  // what the next batch begins with
    bool is_flooded;     // closing because of too many messages: no more are taken
    // ---- executor ----
    SessionState state;
    SyncClient *client;
    bool is_closing;  // after an undecodable message
    bool holds_id;    // of the options, in hosted->session_ids
    DbMessage connect_message;
    DbMessage closed_message;
};

#define SESSION_OF(at, member) ((Session *)(void *)((char *)(at) - offsetof(Session, member)))

static Session *session_create(WebRequest *request, const SessionOptions *options);
static void session_unref(Session *session);
static WsConn *accept_upgrade(WebRequest *request, Session *session);
static void net_message(void *user, WsKind kind, Bytes bytes);
static Batch *batch_reserve(Session *session, size_t count);
static void net_batch_end(void *user);
static void net_closed(void *user);
static void exec_connect(Database *database, DbMessage *message);
static Bytes session_key(const Session *session, uint8_t key[SESSION_KEY_BYTES]);
static bool take_session_id(Session *session);
static void give_session_id(Session *session);
static bool connect_client(Session *session, Database *database);
static void exec_batch(Database *database, DbMessage *message);
static void run_message(Session *session, Database *database, MessageForm form, Bytes bytes);
static void exec_closed(Database *database, DbMessage *message);
static Caller caller_of(const Session *session);
static void set_state(Session *session, SessionState to);

static const WsHandler WS_HANDLER = {
    .message = net_message, .batch_end = net_batch_end, .closed = net_closed};

// ---- handler ----

void session_open(WebRequest *request, const SessionOptions *options) {
    Session *session = session_create(request, options);
    Hosted *hosted = session->hosted;
    session->conn = accept_upgrade(request, session);  // the request is gone from here on
    if (session->conn) {
        database_post(hosted->database, &session->connect_message);
        return;
    }
    session_unref(session);  // the net side's: no callback will follow
    session_unref(session);
}

// Takes the request's Hosted.
static Session *session_create(WebRequest *request, const SessionOptions *options) {
    Session *session = mem_alloc_zero(sizeof *session);
    session->refs = 2;
    session->hosted = request->hosted;
    request->hosted = NULL;
    session->options = *options;
    session->identity = request->claims.identity;
    arena_init(&session->arena, 4 * (size_t)HTTP_HEAD_BYTES_MAX);
    session->token = arena_copy(&session->arena, request->claims.token);
    session->payload = arena_copy(&session->arena, request->claims.payload);
    session->connect_message.run = exec_connect;
    session->closed_message.run = exec_closed;
    return session;
}

static void session_unref(Session *session) {
    if (atomic_fetch_sub_explicit(&session->refs, 1, memory_order_acq_rel) != 1) return;
    ASSERT(session->client == NULL);
    ws_unref(session->conn);
    Hosted *hosted = session->hosted;
    mem_free(session->batch);
    arena_done(&session->arena);
    mem_free(session);
    hosted_unref(hosted);
}

static WsConn *accept_upgrade(WebRequest *request, Session *session) {
    const Config *config = &request->server->config;
    Protocol protocol = session->options.protocol;
    web_add_header(request, "sec-websocket-protocol", bytes_of_text(protocol_name(protocol)));
    uint32_t header_count = 0;
    const HttpHeader *headers = web_headers(request, &header_count);
    bool is_compressed = config->websocket_compression && protocol != PROTOCOL_V1_JSON;
    WsOptions options = {
        .headers = headers,
        .header_count = header_count,
        .kind = protocol == PROTOCOL_V1_JSON ? WS_TEXT : WS_BINARY,
        .join = protocol == PROTOCOL_V3 ? WS_JOINED : WS_SINGLE,
        .has_prefix = protocol != PROTOCOL_V1_JSON,
        .compression = is_compressed ? session->options.compression : WS_COMPRESS_NONE,
        .gate = database_gate(session->hosted->database),
        .ping_interval_ms = config->ping_interval_ms,
        .idle_timeout_ms = config->idle_timeout_ms,
        .close_timeout_ms = config->close_timeout_ms,
    };
    return ws_accept(request->exchange, &options, &WS_HANDLER, session);
}

WsConn *session_connection(void *connection) {
    const Session *session = connection;
    return session->conn;
}

// ---- net thread ----

static void net_message(void *user, WsKind kind, Bytes bytes) {
    Session *session = user;
    if (session->is_flooded) return;
    Batch *batch = batch_reserve(session, ENTRY_HEAD_BYTES + (size_t)bytes.count);
    uint8_t *at = batch->bytes + batch->used;
    store_u32le(at, bytes.count);
    at[4] = kind == WS_TEXT ? MESSAGE_TEXT : MESSAGE_BINARY;
    if (bytes.count > 0) memcpy(at + ENTRY_HEAD_BYTES, bytes.data, bytes.count);
    batch->used += ENTRY_HEAD_BYTES + (size_t)bytes.count;
    batch->count++;
}

// The session's batch, with room for that many more bytes.
static Batch *batch_reserve(Session *session, size_t count) {
    Batch *batch = session->batch;
    size_t used = batch ? batch->used : 0;
    if (batch && batch->capacity - used >= count) return batch;
    size_t capacity = batch ? 2 * batch->capacity : session->guess_bytes;
    if (capacity < BATCH_BYTES_MIN) capacity = BATCH_BYTES_MIN;
    if (capacity < used + count) capacity = used + count;
    if (batch == NULL) {
        batch = mem_alloc(sizeof *batch + capacity);
        *batch = (Batch){.message = {.run = exec_batch}, .session = session};
    } else {
        batch = mem_realloc(batch, sizeof *batch + capacity);
    }
    batch->capacity = capacity;
    session->batch = batch;
    return batch;
}

static void net_batch_end(void *user) {
    Session *session = user;
    Batch *batch = session->batch;
    if (batch == NULL) return;
    session->batch = NULL;
    session->guess_bytes = batch->used < BATCH_GUESS_BYTES_MAX ? batch->used
                                                               : BATCH_GUESS_BYTES_MAX;
    uint32_t messages = atomic_fetch_add_explicit(&session->waiting_messages, batch->count,
                                                  memory_order_relaxed);
    size_t bytes = atomic_fetch_add_explicit(&session->waiting_bytes, batch->used,
                                             memory_order_relaxed);
    uint32_t messages_max = session->hosted->server->config.inbox_messages_max;
    bool is_full = messages + batch->count > messages_max || bytes > INBOX_BYTES_MAX;
    if (!is_full) {
        database_post(session->hosted->database, &batch->message);
        return;
    }
    mem_free(batch);
    session->is_flooded = true;
    ws_close(session->conn, 1013, BYTES_LITERAL("too many requests"));
}

static void net_closed(void *user) {
    Session *session = user;
    database_post(session->hosted->database, &session->closed_message);
}

// ---- executor ----

static void set_state(Session *session, SessionState to) {
    ASSERT(SESSION_STEP[session->state][to]);
    session->state = to;
}

static Caller caller_of(const Session *session) {
    return (Caller){.identity = session->identity,
                    .connection = session->options.connection_id,
                    .jwt_payload = session->payload};
}

static void exec_connect(Database *database, DbMessage *message) {
    Session *session = SESSION_OF(message, connect_message);
    if (session->state == SESSION_CONNECTING) {
        if (!take_session_id(session)) {
            set_state(session, SESSION_REFUSED);
            ws_start(session->conn);
            ws_close(session->conn, 4000, BYTES_LITERAL("session is held by another connection"));
        } else if (connect_client(session, database)) {
            set_state(session, SESSION_OPEN);
            ws_start(session->conn);
        } else {
            set_state(session, SESSION_REFUSED);
            give_session_id(session);
            ws_abort(session->conn);
        }
    }
    session_unref(session);
}

static Bytes session_key(const Session *session, uint8_t key[SESSION_KEY_BYTES]) {
    memcpy(key, session->identity.bytes, 32);
    memcpy(key + 32, session->options.session_id.bytes, 16);
    return bytes_of(key, SESSION_KEY_BYTES);
}

// False: somebody holds it, and is dropped for it.
static bool take_session_id(Session *session) {
    if (!session->options.has_session_id) return true;
    Hosted *hosted = session->hosted;
    uint8_t key[SESSION_KEY_BYTES];
    Bytes id = session_key(session, key);
    const Session *holder = hosted->session_ids ? bytes_map_find(hosted->session_ids, id) : NULL;
    if (holder) {
        ASSERT(holder->holds_id && holder != session);
        ws_abort(holder->conn);
        return false;
    }
    if (hosted->session_ids == NULL) {
        hosted->session_ids = mem_alloc_zero(sizeof *hosted->session_ids);
        bytes_map_init(hosted->session_ids);
    }
    (void)bytes_map_set(hosted->session_ids, id, session);
    session->holds_id = true;
    return true;
}

static void give_session_id(Session *session) {
    if (!session->holds_id) return;
    Hosted *hosted = session->hosted;
    uint8_t key[SESSION_KEY_BYTES];
    const Session *holder = bytes_map_remove(hosted->session_ids, session_key(session, key));
    ASSERT(holder == session);
    session->holds_id = false;
    if (hosted->session_ids->count > 0) return;
    bytes_map_done(hosted->session_ids);
    mem_free(hosted->session_ids);
    hosted->session_ids = NULL;
}

static bool connect_client(Session *session, Database *database) {
    Caller caller = caller_of(session);
    Error error;
    if (database_connect(database, &caller, &error) != CONNECT_OK) return false;
    (void)hosted_outbox(session->hosted);
    const DatabaseRecord *record = &session->hosted->record;
    SyncClientOptions options = {
        .protocol = session->options.protocol,
        .identity = session->identity,
        .connection_id = session->options.connection_id,
        .is_owner = identity_equal(&session->identity, &record->owner),
        .confirmed = session->options.confirmed,
        .light = session->options.light,
        .connection = session,
    };
    session->client = database_add_client(database, &options, session->token);
    return true;
}

static void exec_batch(Database *database, DbMessage *message) {
    Batch *batch = (Batch *)(void *)message;
    Session *session = batch->session;
    size_t at = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t count = load_u32le(batch->bytes + at);
        MessageForm form = (MessageForm)batch->bytes[at + 4];
        run_message(session, database, form, bytes_of(batch->bytes + at + ENTRY_HEAD_BYTES, count));
        at += ENTRY_HEAD_BYTES + (size_t)count;
    }
    ASSERT(at == batch->used);
    atomic_fetch_sub_explicit(&session->waiting_messages, batch->count, memory_order_relaxed);
    atomic_fetch_sub_explicit(&session->waiting_bytes, batch->used, memory_order_relaxed);
    mem_free(batch);
}

// A message may hold several requests (v3).
static void run_message(Session *session, Database *database, MessageForm form, Bytes bytes) {
    Arena *arena = &session->hosted->batch_arena;
    Reader reader = reader_of(bytes);
    bool is_last = false;
    while (!is_last && session->state == SESSION_OPEN && !session->is_closing &&
           !database_is_stopped(database)) {
        Request request;
        Error error;
        Status status = request_read(session->options.protocol, form, &reader, arena, &request,
                                     &is_last, &error);
        if (status == STATUS_OK) {
            database_client_request(database, session->client, &request);
        } else {
            session->is_closing = true;
            ws_close(session->conn, 1011, bytes_of_text(error.text));
        }
        arena_clear(arena);
    }
}

static void exec_closed(Database *database, DbMessage *message) {
    Session *session = SESSION_OF(message, closed_message);
    if (session->client) {
        Caller caller = caller_of(session);
        database_remove_client(database, session->client);
        session->client = NULL;
        database_disconnect(database, &caller);
    }
    give_session_id(session);
    set_state(session, SESSION_ENDED);
    session_unref(session);
}
