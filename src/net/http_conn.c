// http_conn.c - the life of an HTTP connection.
//
//   HEAD -> [BODY] -> HANDLER -> SENDING -> HEAD ...            keep-alive
//                                        -> LINGER -> closed    an answer before the request was
//                                        read
//
// One exchange at a time; what a client sends ahead (pipelining) waits in `in`. A refusal (400,
// 408, 413 ...) is answered here, without the handler, and always closes.
#include "net/http_conn.h"

#include "base/limits.h"
#include "net/http_body.h"
#include "net/server.h"

#define OUT_BYTES_MAX (1ull << 33)  // one answer, or a stream bounded by http_stream_write
#define NEVER UINT64_MAX
// Heads are tried before their end has come when they reach this size, then at each doubling:
// garbage is refused early, and slow senders cannot make us parse often.
#define PARTIAL_PARSE_BYTES 16u

typedef enum HttpState {
    HTTP_HEAD,     // between requests, or within a head
    HTTP_BODY,     // within a body
    HTTP_HANDLER,  // the handler has the exchange
    HTTP_SENDING,  // the answer is complete and being written
    HTTP_LINGER,   // answered and closed for writing; input is discarded
    HTTP_STATE_COUNT,
} HttpState;

static const bool HTTP_STEP[HTTP_STATE_COUNT][HTTP_STATE_COUNT] = {
    [HTTP_HEAD] = {[HTTP_BODY] = true, [HTTP_HANDLER] = true, [HTTP_SENDING] = true},
    [HTTP_BODY] = {[HTTP_HANDLER] = true, [HTTP_SENDING] = true},
    [HTTP_HANDLER] = {[HTTP_SENDING] = true},
    [HTTP_SENDING] = {[HTTP_HEAD] = true, [HTTP_LINGER] = true},
};

typedef struct HttpConn {
    Conn *conn;
    HttpState state;
    Buffer in;  // received and not consumed, from in_at on
    size_t in_at;
    uint32_t scanned;        // of what is in `in`: no head ends before
    uint32_t partial_at;     // a head of this size is tried before its end has come
    bool is_partial;         // a head has begun
    HttpExchange *exchange;  // in BODY and HANDLER
    HttpBody body;
    Buffer out;
    size_t out_at;
    bool will_close;          // after this answer
    bool has_unread;          // ... and the client may still be sending: linger
    bool has_ended;           // the client has sent its last byte
    uint64_t started_ms;      // first byte of the head, or of the body; or end of the last answer
    uint64_t received_ms;     // last byte of the body
    uint64_t write_stall_ms;  // when a blocked answer has taken too long; NEVER: not blocked
    uint64_t linger_bytes;
} HttpConn;

static void http_read(Conn *conn, uint8_t *data, size_t count);
static void http_ended(Conn *conn);
static void http_flush(Conn *conn);
static void http_expired(Conn *conn);
static void http_stopping(Conn *conn);
static void http_closed(Conn *conn);
static void http_take_input(HttpConn *http, const uint8_t *data, size_t count);
static void http_compact(HttpConn *http);
static void http_advance(HttpConn *http);
static bool http_take_head(HttpConn *http);
static bool http_wait_for_head(HttpConn *http, Bytes input);
static bool http_head_complete(HttpConn *http, Bytes bytes);
static bool http_begin_body(HttpConn *http);
static bool http_take_body(HttpConn *http);
static HttpBodyResult http_feed_body(HttpConn *http, Bytes input, size_t *ret_used);
static bool http_body_result(HttpConn *http, HttpBodyResult result);
static void http_deliver(HttpConn *http);
static void http_refuse(HttpConn *http, uint32_t status);
static void http_sent(HttpConn *http);
static Bytes http_pending_in(const HttpConn *http);
static void http_consume(HttpConn *http, size_t count);
static void http_update(HttpConn *http);
static uint64_t http_deadline(const HttpConn *http);
static void http_set_state(HttpConn *http, HttpState to);

static const ConnProtocol HTTP_PROTOCOL = {
    .read = http_read,
    .ended = http_ended,
    .flush = http_flush,
    .expired = http_expired,
    .stopping = http_stopping,
    .closed = http_closed,
};

void http_conn_open(NetThread *thread, int socket) {
    HttpConn *http = mem_alloc_zero(sizeof *http);
    buffer_init(&http->in, HTTP_HEAD_BYTES_MAX + HTTP_EARLY_BYTES_MAX + NET_READ_BYTES);
    buffer_init(&http->out, OUT_BYTES_MAX);
    http->started_ms = net_thread_now(thread);
    http->write_stall_ms = NEVER;
    http->partial_at = PARTIAL_PARSE_BYTES;
    http->conn = conn_create(thread, socket, &HTTP_PROTOCOL, http);
    if (http->conn == NULL) {
        mem_free(http);
        return;
    }
    http_update(http);
}

// ---- input ----

static void http_read(Conn *conn, uint8_t *data, size_t count) {
    HttpConn *http = conn->part;
    if (http->state == HTTP_LINGER) {
        http->linger_bytes += count;
        if (http->linger_bytes > HTTP_LINGER_BYTES_MAX) conn_close(conn);
        return;
    }
    http_take_input(http, data, count);
    if (!conn->is_closed) http_update(http);
}

// A body is taken directly from the read buffer; what is behind it waits in `in`.
static void http_take_input(HttpConn *http, const uint8_t *data, size_t count) {
    size_t used = 0;
    if (http->state == HTTP_BODY && http_pending_in(http).count == 0) {
        HttpBodyResult result = http_feed_body(http, bytes_of(data, count), &used);
        (void)http_body_result(http, result);  // the state says whether to go on
    }
    bool is_rest_wanted = !(http->state == HTTP_SENDING && http->will_close);
    if (used < count && is_rest_wanted) {
        http_compact(http);
        buffer_append(&http->in, data + used, count - used);
        ASSERT(
            !http->in
                 .failed);  // reading stops at HTTP_EARLY_BYTES_MAX, heads at HTTP_HEAD_BYTES_MAX
    }
    http_advance(http);
}

// Moves what is left to the front, so that the buffer holds no more than is pending.
static void http_compact(HttpConn *http) {
    if (http->in_at == 0) return;
    memmove(http->in.data, http->in.data + http->in_at, http->in.count - http->in_at);
    http->in.count -= http->in_at;
    http->in_at = 0;
}

static void http_advance(HttpConn *http) {
    bool goes_on = true;
    while (goes_on && http_pending_in(http).count > 0) {
        if (http->state == HTTP_HEAD) {
            goes_on = http_take_head(http);
        } else if (http->state == HTTP_BODY) {
            goes_on = http_take_body(http);
        } else {
            goes_on = false;
        }
    }
}

// True if a head was consumed.
static bool http_take_head(HttpConn *http) {
    Bytes input = http_pending_in(http);
    while (http->scanned == 0 && input.count > 0 &&
           (input.data[0] == '\r' || input.data[0] == '\n')) {
        http_consume(http, 1);  // empty lines before a request are to be ignored
        input = http_pending_in(http);
    }
    if (input.count == 0) return false;
    uint32_t head_bytes = http_head_find_end(input, &http->scanned);
    if (head_bytes == 0) return http_wait_for_head(http, input);
    return http_head_complete(http, bytes_slice(input, 0, head_bytes));
}

static bool http_wait_for_head(HttpConn *http, Bytes input) {
    if (!http->is_partial) http->started_ms = net_thread_now(http->conn->thread);
    http->is_partial = true;
    if (input.count >= http->partial_at) {
        while (http->partial_at <= input.count) http->partial_at *= 2;
        HttpHeadStatus status = http_head_check_partial(input);
        if (status != HTTP_HEAD_OK) http_refuse(http, (uint32_t)status);
    } else if (input.count > HTTP_HEAD_BYTES_MAX) {
        http_refuse(http, HTTP_HEAD_LARGE);
    }
    return false;
}

static bool http_head_complete(HttpConn *http, Bytes bytes) {
    NetThread *thread = http->conn->thread;
    HttpExchange *exchange = exchange_create(thread, http->conn);
    Bytes copy = arena_copy(&exchange->arena, bytes);
    http_consume(http, bytes.count);
    http->scanned = 0;
    http->partial_at = PARTIAL_PARSE_BYTES;
    http->is_partial = false;
    http->exchange = exchange;
    HttpHeadStatus status = http_head_parse(copy, &exchange->arena, &exchange->head);
    if (status != HTTP_HEAD_OK) {
        http_refuse(http, (uint32_t)status);
        return false;
    }
    counter_add(&thread->counters.requests, 1);
    if (exchange->head.framing != HTTP_BODY_NONE) return http_begin_body(http);
    http_deliver(http);
    return true;
}

static bool http_begin_body(HttpConn *http) {
    HttpExchange *exchange = http->exchange;
    const HttpHandler *handler = &exchange->server->handler;
    size_t max = handler->body_bytes_max(handler->user, &exchange->head.request);
    if (max > HTTP_BODY_BYTES_MAX) max = HTTP_BODY_BYTES_MAX;
    if (max == 0 || !http_body_init(&http->body, &exchange->head, max)) {
        http_refuse(http, 413);
        return false;
    }
    buffer_init(&exchange->body, max);
    http->started_ms = net_thread_now(http->conn->thread);
    http->received_ms = http->started_ms;
    http_set_state(http, HTTP_BODY);
    if (exchange->head.expects_continue) {
        buffer_append_text(&http->out, "HTTP/1.1 100 Continue\r\n\r\n");
        conn_mark(http->conn);
    }
    return true;
}

static bool http_take_body(HttpConn *http) {
    size_t used = 0;
    HttpBodyResult result = http_feed_body(http, http_pending_in(http), &used);
    http_consume(http, used);
    return http_body_result(http, result);
}

static HttpBodyResult http_feed_body(HttpConn *http, Bytes input, size_t *ret_used) {
    HttpExchange *exchange = http->exchange;
    http->received_ms = net_thread_now(http->conn->thread);
    HttpBodyResult result = http_body_feed(&http->body, input, &exchange->body, ret_used);
    uint64_t grown = exchange->body.count - exchange->body_counted;
    exchange->body_counted += grown;
    atomic_fetch_add_explicit(&exchange->server->body_bytes, grown, memory_order_relaxed);
    return result;
}

static bool http_body_result(HttpConn *http, HttpBodyResult result) {
    uint64_t all = atomic_load_explicit(&http->exchange->server->body_bytes, memory_order_relaxed);
    if (result == HTTP_BODY_BAD) {
        http_refuse(http, 400);
    } else if (result == HTTP_BODY_TOO_LARGE) {
        http_refuse(http, 413);
    } else if (all > HTTP_BODIES_BYTES_MAX) {
        http_refuse(http, 503);
    } else if (result == HTTP_BODY_DONE) {
        http_deliver(http);
    }
    return http->state == HTTP_HEAD || http->state == HTTP_BODY;
}

static void http_deliver(HttpConn *http) {
    HttpExchange *exchange = http->exchange;
    exchange->head.request.body = buffer_bytes(&exchange->body);
    exchange->state = EXCHANGE_HELD;
    http_set_state(http, HTTP_HANDLER);
    const HttpHandler *handler = &exchange->server->handler;
    handler->request(handler->user, exchange);  // answers come back as posts, never from within
}

// ---- output ----

static void http_refuse(HttpConn *http, uint32_t status) {
    static const struct {
        uint32_t status;
        const char *text;
    } TEXTS[] = {
        {413, "Failed to buffer the request body: length limit exceeded"},
        {503, "Failed to buffer the request body: the server holds too many bodies"},
    };
    if (http->exchange != NULL) exchange_free(http->exchange);
    http->exchange = NULL;
    HttpResponse response = {.status = status};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        if (TEXTS[i].status != status) continue;
        response.content_type = BYTES_LITERAL("text/plain; charset=utf-8");
        response.body = bytes_of_text(TEXTS[i].text);
    }
    HttpResponseStyle style = {.length = HTTP_LENGTH_KNOWN, .will_close = true};
    http_response_write(&http->out, &response, &style);
    http->will_close = true;
    http->has_unread = true;
    http_consume(http, http_pending_in(http).count);
    http_set_state(http, HTTP_SENDING);
    conn_mark(http->conn);
}

void http_conn_answer(Conn *conn, HttpExchange *exchange, HttpAnswer answer) {
    HttpConn *http = conn->part;
    ASSERT(http->state == HTTP_HANDLER && http->exchange == exchange);
    if (http->out.count == 0) {
        buffer_done(&http->out);
        http->out = exchange->answer;  // moved: large bodies are not copied again
        http->out.max = OUT_BYTES_MAX;
        buffer_init(&exchange->answer, 0);
    } else {
        buffer_append_bytes(&http->out, buffer_bytes(&exchange->answer));
    }
    http->will_close = exchange->will_close;
    if (answer == HTTP_ANSWER_WHOLE) {
        http->exchange = NULL;
        http_set_state(http, HTTP_SENDING);
    }
    conn_mark(conn);
}

void http_conn_stream(Conn *conn, HttpExchange *exchange, Bytes bytes) {
    HttpConn *http = conn->part;
    ASSERT(http->state == HTTP_HANDLER && http->exchange == exchange);
    if (exchange->head.request.version_minor == 0) {
        buffer_append_bytes(&http->out, bytes);
    } else {
        http_chunk_write(&http->out, bytes);
    }
    atomic_store_explicit(&exchange->queued_bytes, http->out.count - http->out_at,
                          memory_order_relaxed);
    conn_mark(conn);
}

void http_conn_stream_end(Conn *conn, HttpExchange *exchange) {
    HttpConn *http = conn->part;
    ASSERT(http->state == HTTP_HANDLER && http->exchange == exchange);
    bool has_chunks = exchange->head.request.version_minor > 0 && !exchange->head.is_head;
    if (has_chunks) http_chunk_write_end(&http->out);
    http->exchange = NULL;
    http_set_state(http, HTTP_SENDING);
    conn_mark(conn);
}

static void http_flush(Conn *conn) {
    HttpConn *http = conn->part;
    ASSERT(!http->out.failed);
    size_t pending = http->out.count - http->out_at;
    if (pending > 0) {
        struct iovec piece = {.iov_base = http->out.data + http->out_at, .iov_len = pending};
        size_t written = 0;
        ConnWrite result = conn_write(conn, &piece, 1, &written);
        if (result == CONN_WRITE_GONE) return;
        http->out_at += written;
        pending -= written;
        http->write_stall_ms = pending > 0 ? net_thread_now(conn->thread) + HTTP_WRITE_STALL_MS
                                           : NEVER;
    }
    if (http->exchange != NULL) {
        atomic_store_explicit(&http->exchange->queued_bytes, pending, memory_order_relaxed);
    }
    if (pending == 0) {
        http->out_at = 0;
        if (http->out.capacity > HTTP_EARLY_BYTES_MAX) buffer_done(&http->out);
        buffer_clear(&http->out);
        if (http->state == HTTP_SENDING) http_sent(http);
    }
    if (!conn->is_closed) http_update(http);
}

static void http_sent(HttpConn *http) {
    Conn *conn = http->conn;
    if (http->has_unread && !http->has_ended) {
        http_set_state(http, HTTP_LINGER);
        http->started_ms = net_thread_now(conn->thread);
        conn_end_writing(conn);
        return;
    }
    if (http->will_close || http->has_ended || conn->thread->is_stopping) {
        conn_close(conn);
        return;
    }
    http_set_state(http, HTTP_HEAD);
    http->started_ms = net_thread_now(conn->thread);
    http_advance(http);
}

void http_conn_release(Conn *conn, Buffer *ret_received, Buffer *ret_unsent) {
    HttpConn *http = conn->part;
    ASSERT(http->state == HTTP_HANDLER);
    buffer_init(ret_received, NET_READ_BYTES + HTTP_HEAD_BYTES_MAX + HTTP_EARLY_BYTES_MAX);
    buffer_init(ret_unsent, OUT_BYTES_MAX);
    buffer_append_bytes(ret_received, http_pending_in(http));
    if (http->out_at < http->out.count) {
        buffer_append(ret_unsent, http->out.data + http->out_at, http->out.count - http->out_at);
    }
    buffer_done(&http->in);
    buffer_done(&http->out);
    mem_free(http);
}

// ---- ends ----

static void http_ended(Conn *conn) {
    HttpConn *http = conn->part;
    if (http->state == HTTP_SENDING) {
        http->has_ended = true;  // it may still read its answer
        conn_set_reading(conn, false);
        return;
    }
    conn_close(conn);
}

static void http_expired(Conn *conn) {
    HttpConn *http = conn->part;
    bool is_stalled = http->write_stall_ms <= net_thread_now(conn->thread);
    bool is_receiving = http->state == HTTP_BODY || (http->state == HTTP_HEAD && http->is_partial);
    if (is_stalled || !is_receiving) {
        conn_close(conn);
        return;
    }
    http_refuse(http, 408);
    http_update(http);
}

static void http_stopping(Conn *conn) {
    HttpConn *http = conn->part;
    bool is_idle = http->state == HTTP_HEAD && http_pending_in(http).count == 0;
    if (is_idle || http->state == HTTP_LINGER) conn_close(conn);
}

static void http_closed(Conn *conn) {
    HttpConn *http = conn->part;
    if (http->state == HTTP_BODY) {
        exchange_free(http->exchange);
    } else if (http->exchange != NULL) {
        exchange_lose_conn(http->exchange);
    }
    buffer_done(&http->in);
    buffer_done(&http->out);
    mem_free(http);
}

// ---- helpers ----

static Bytes http_pending_in(const HttpConn *http) {
    if (http->in.count == http->in_at) return BYTES_NONE;
    return bytes_of(http->in.data + http->in_at, http->in.count - http->in_at);
}

static void http_consume(HttpConn *http, size_t count) {
    http->in_at += count;
    ASSERT(http->in_at <= http->in.count);
    if (http->in_at < http->in.count) return;
    http->in_at = 0;
    if (http->in.capacity > HTTP_EARLY_BYTES_MAX) buffer_done(&http->in);
    buffer_clear(&http->in);
}

// What may have changed with any event: whether we want input, and until when we wait.
static void http_update(HttpConn *http) {
    bool is_full = http_pending_in(http).count >= HTTP_EARLY_BYTES_MAX;
    bool is_busy = http->state == HTTP_HANDLER || http->state == HTTP_SENDING;
    conn_set_reading(http->conn, !(is_full && is_busy) && !http->has_ended);
    conn_set_deadline(http->conn, http_deadline(http));
}

static uint64_t http_deadline(const HttpConn *http) {
    uint64_t at = NEVER;
    switch (http->state) {
    case HTTP_HEAD:
        at = http->started_ms + (http->is_partial ? HTTP_HEAD_TIMEOUT_MS : HTTP_IDLE_TIMEOUT_MS);
        break;
    case HTTP_BODY: {
        uint64_t slow = http->started_ms + HTTP_BODY_GRACE_MS + http->exchange->body.count;
        at = http->received_ms + HTTP_BODY_STALL_MS;
        if (slow < at) at = slow;
        break;
    }
    case HTTP_LINGER: at = http->started_ms + HTTP_LINGER_MS; break;
    case HTTP_HANDLER:
    case HTTP_SENDING:
    case HTTP_STATE_COUNT: break;
    }
    return http->write_stall_ms < at ? http->write_stall_ms : at;
}

static void http_set_state(HttpConn *http, HttpState to) {
    ASSERT(HTTP_STEP[http->state][to]);
    http->state = to;
}
