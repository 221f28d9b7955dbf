// ws_conn.c - the life of a WebSocket connection.
//
//   OPENING -> HELD -> OPEN -> CLOSING -> CLOSE_SENT -> gone     ws_close
//                           -> ECHOING -> DRAINING -> gone       the client closes
//
// and from everywhere to gone: ws_abort, a protocol violation, the idle clock, a lost connection.
// Whatever is to be sent leaves in ws_flush, once per turn of the net thread.
#include "net/ws_conn.h"

#include "base/limits.h"
#include "base/os.h"
#include "net/http_conn.h"
#include "net/server.h"
#include "net/ws_handshake.h"

#define NEVER UINT64_MAX
#define RESPONSE_BYTES_MAX (1u << 20)
#define CLOSE_CODE_BYTES 2u
// Who let so much wait leaves a hole that the allocator would keep.
#define TRIM_BYTES_MIN (64ull << 20)

static const bool WS_STEP[WS_STATE_COUNT][WS_STATE_COUNT] = {
    [WS_OPENING] = {[WS_HELD] = true, [WS_GONE] = true},
    [WS_HELD] = {[WS_OPEN] = true, [WS_CLOSING] = true, [WS_GONE] = true},
    [WS_OPEN] = {[WS_CLOSING] = true, [WS_ECHOING] = true, [WS_GONE] = true},
    [WS_CLOSING] = {[WS_CLOSE_SENT] = true, [WS_ECHOING] = true, [WS_GONE] = true},
    [WS_CLOSE_SENT] = {[WS_DRAINING] = true, [WS_GONE] = true},
    [WS_ECHOING] = {[WS_DRAINING] = true, [WS_GONE] = true},
    [WS_DRAINING] = {[WS_GONE] = true},
};

static void ws_run_open(Post *post);
static void ws_run_start(Post *post);
static void ws_run_close(Post *post);
static void ws_run_abort(Post *post);
static void ws_start_reading(WsConn *ws);
static void ws_read(Conn *conn, uint8_t *data, size_t count);
static bool ws_on_message(void *user, WsKind kind, Bytes bytes);
static bool ws_on_control(void *user, WsOpcode opcode, Bytes payload);
static void ws_on_close_frame(WsConn *ws, Bytes payload);
static void ws_keep_control(WsConn *ws, Bytes payload);
static void ws_ended(Conn *conn);
static void ws_flush(Conn *conn);
static void ws_fill(WsConn *ws, WritePlan *plan);
static void ws_add_controls(WsConn *ws, WritePlan *plan);
static void ws_add_control(WritePlan *plan, WsOpcode opcode, const uint8_t *payload,
                           uint32_t count);
static void ws_all_written(WsConn *ws);
static void ws_expired(Conn *conn);
static void ws_stopping(Conn *conn);
static void ws_closed(Conn *conn);
static void ws_end(WsConn *ws);
static void ws_update_deadline(WsConn *ws);
static uint32_t ws_patience_ms(const WsConn *ws);
static bool ws_is_asked_to_end(WsConn *ws);
static void ws_set_state(WsConn *ws, WsState to);

static const ConnProtocol WS_PROTOCOL = {
    .read = ws_read,
    .ended = ws_ended,
    .flush = ws_flush,
    .expired = ws_expired,
    .stopping = ws_stopping,
    .closed = ws_closed,
};

// ---- any thread ----

WsConn *ws_accept(HttpExchange *exchange, const WsOptions *options, const WsHandler *handler,
                  void *user) {
    ASSERT(exchange->state == EXCHANGE_HELD);
    if (atomic_load_explicit(&exchange->is_gone, memory_order_relaxed)) {
        exchange_abandon(exchange);
        return NULL;
    }
    WsConn *ws = mem_alloc_zero(sizeof *ws);
    ws->thread = exchange->thread;
    ws->server = net_server_ref(exchange->server);
    ws->handler = *handler;
    ws->user = user;
    ws->options = *options;
    ws->options.headers = NULL;
    ws->options.header_count = 0;
    if (ws->options.gate != NULL) gate_ref(ws->options.gate);
    atomic_init(&ws->refs, 2);  // the caller's and the net thread's
    ws_reader_init(&ws->reader);
    ASSERT(options->has_prefix || options->compression == WS_COMPRESS_NONE);
    OutboxStyle style = {options->kind, options->join, options->has_prefix, options->compression,
                         &ws->thread->compressor};
    outbox_init(&ws->outbox, style, ws->options.gate);
    ws->close_ms = NEVER;

    buffer_init(&exchange->answer, RESPONSE_BYTES_MAX);
    ws_response_write(&exchange->answer, http_header(&exchange->head.request, "sec-websocket-key"),
                      options);
    ASSERT(!exchange->answer.failed);
    ws->exchange = exchange;
    exchange->state = EXCHANGE_ANSWERED;
    ws->open_post.run = ws_run_open;
    net_thread_post(ws->thread, &ws->open_post);
    return ws;
}

WsConn *ws_ref(WsConn *ws) {
    atomic_fetch_add_explicit(&ws->refs, 1, memory_order_relaxed);
    return ws;
}

void ws_unref(WsConn *ws) {
    if (ws == NULL) return;
    if (atomic_fetch_sub_explicit(&ws->refs, 1, memory_order_acq_rel) != 1) return;
    NetServer *server = ws->server;
    gate_unref(ws->options.gate);
    mem_free(ws);
    net_server_unref(server);
}

void ws_start(WsConn *ws) {
    if (atomic_exchange_explicit(&ws->asked_start, true, memory_order_relaxed)) return;
    ws->start_post.run = ws_run_start;
    net_thread_post(ws->thread, &ws_ref(ws)->start_post);
}

void ws_close(WsConn *ws, uint16_t code, Bytes reason) {
    if (atomic_exchange_explicit(&ws->asked_close, true, memory_order_relaxed)) return;
    uint32_t count = reason.count < WS_CLOSE_REASON_BYTES_MAX ? reason.count
                                                              : WS_CLOSE_REASON_BYTES_MAX;
    // Not within a character: continuation bytes are 10xxxxxx.
    while (count > 0 && count < reason.count && (reason.data[count] & 0xc0) == 0x80) count--;
    ws->close_payload[0] = (uint8_t)(code >> 8);
    ws->close_payload[1] = (uint8_t)code;
    if (count > 0) memcpy(ws->close_payload + CLOSE_CODE_BYTES, reason.data, count);
    ws->close_bytes = CLOSE_CODE_BYTES + count;
    ws->close_post.run = ws_run_close;
    net_thread_post(ws->thread, &ws_ref(ws)->close_post);
}

void ws_abort(WsConn *ws) {
    if (atomic_exchange_explicit(&ws->asked_abort, true, memory_order_relaxed)) return;
    ws->abort_post.run = ws_run_abort;
    net_thread_post(ws->thread, &ws_ref(ws)->abort_post);
}

// ---- posts ----

static void ws_run_open(Post *post) {
    WsConn *ws = POST_OWNER(post, WsConn, open_post);
    HttpExchange *exchange = ws->exchange;
    Conn *conn = exchange->conn;
    ws->exchange = NULL;
    if (conn == NULL) {
        exchange_free(exchange);
        ws_end(ws);
        return;
    }
    Buffer unsent;
    http_conn_release(conn, &ws->early, &unsent);
    buffer_append_bytes(&unsent, buffer_bytes(&exchange->answer));
    ASSERT(!unsent.failed);
    parked_add_bytes(&ws->parked, buffer_bytes(&unsent));
    buffer_done(&unsent);
    exchange_free(exchange);
    ws->conn = conn;
    conn_set_protocol(conn, &WS_PROTOCOL, ws);
    conn_set_reading(conn, false);
    ws_set_state(ws, WS_HELD);
    ws_update_deadline(ws);
    conn_mark(conn);
}

static void ws_run_start(Post *post) {
    WsConn *ws = POST_OWNER(post, WsConn, start_post);
    if (ws->conn != NULL && ws->state == WS_HELD) {
        ws_set_state(ws, WS_OPEN);
        ws->ping_due = true;
        ws->ping_ms = net_thread_now(ws->thread) + ws->options.ping_interval_ms;
        ws_start_reading(ws);
    }
    ws_unref(ws);
}

static void ws_start_reading(WsConn *ws) {
    Conn *conn = ws->conn;
    ws->received_ms = net_thread_now(ws->thread);
    conn_set_reading(conn, true);
    conn_mark(conn);
    Buffer early = ws->early;
    buffer_init(&ws->early, 0);
    if (early.count > 0) ws_read(conn, early.data, early.count);
    buffer_done(&early);
    if (ws->conn != NULL) ws_update_deadline(ws);
}

static void ws_run_close(Post *post) {
    WsConn *ws = POST_OWNER(post, WsConn, close_post);
    bool was_held = ws->state == WS_HELD;
    if (ws->conn != NULL && (was_held || ws->state == WS_OPEN)) {
        ws_set_state(ws, WS_CLOSING);
        ws->close_ms = net_thread_now(ws->thread) + ws_patience_ms(ws);
        if (was_held) ws_start_reading(ws);
    }
    if (ws->conn != NULL) {
        ws_update_deadline(ws);
        conn_mark(ws->conn);
    }
    ws_unref(ws);
}

static void ws_run_abort(Post *post) {
    WsConn *ws = POST_OWNER(post, WsConn, abort_post);
    // Right after ws_accept the 101 has not left yet: it goes out in any case (websocket.md 1.7).
    bool is_held = ws->conn != NULL && ws->state == WS_HELD;
    if (is_held && !ws->conn->is_blocked) ws_flush(ws->conn);
    if (ws->conn != NULL) conn_close(ws->conn);
    ws_unref(ws);
}

void ws_conn_send(WsConn *ws, SharedSlice slice, uint64_t ticket) {
    bool is_sending = ws->conn != NULL && (ws->state == WS_HELD || ws->state == WS_OPEN);
    if (is_sending && outbox_is_full(&ws->outbox, slice.count)) {
        // Perhaps only because we have not written since the last turn.
        if (!ws->conn->is_blocked) ws_flush(ws->conn);
        is_sending = ws->conn != NULL;
        if (is_sending && outbox_is_full(&ws->outbox, slice.count)) {
            conn_close(ws->conn);
            is_sending = false;
        }
    }
    if (!is_sending) {
        shared_buf_unref(slice.buf);
        return;
    }
    outbox_add(&ws->outbox, &ws->thread->items, slice, ticket);
    counter_add(&ws->thread->counters.messages_out, 1);
    conn_mark(ws->conn);
}

// ---- input ----

static void ws_read(Conn *conn, uint8_t *data, size_t count) {
    WsConn *ws = conn->part;
    ws->received_ms = net_thread_now(ws->thread);
    ws->has_delivered = false;
    WsSink sink = {.user = ws, .message = ws_on_message, .control = ws_on_control};
    WsFault fault = ws_reader_feed(&ws->reader, data, count, &sink);
    if (ws->has_delivered && ws->handler.batch_end != NULL) ws->handler.batch_end(ws->user);
    if (fault != WS_FAULT_NONE) conn_close(conn);
}

static bool ws_on_message(void *user, WsKind kind, Bytes bytes) {
    WsConn *ws = user;
    // Once a close was asked for, what comes is discarded; the client's close frame is still
    // awaited.
    if (ws->state != WS_OPEN || ws_is_asked_to_end(ws)) return true;
    ws->has_delivered = true;
    counter_add(&ws->thread->counters.messages_in, 1);
    ws->handler.message(ws->user, kind, bytes);
    return true;
}

static bool ws_on_control(void *user, WsOpcode opcode, Bytes payload) {
    WsConn *ws = user;
    if (opcode == WS_OP_CLOSE) {
        ws_on_close_frame(ws, payload);
        return false;
    }
    if (opcode == WS_OP_PONG) {
        ws->has_ponged = true;
    } else if (ws->state == WS_OPEN) {
        // Of several pings only the last must be answered, so one place is enough.
        ws_keep_control(ws, payload);
        ws->pong_due = true;
        conn_mark(ws->conn);
    }
    return true;
}

static void ws_on_close_frame(WsConn *ws, Bytes payload) {
    if (ws->state == WS_CLOSE_SENT) {
        ws_set_state(ws, WS_DRAINING);
    } else {
        // The echo carries the code only. If ws_close was called meanwhile, the echo answers that
        // as well.
        ws_keep_control(ws,
                        payload.count > 0 ? bytes_slice(payload, 0, CLOSE_CODE_BYTES) : payload);
        ws_set_state(ws, WS_ECHOING);
        ws->close_ms = net_thread_now(ws->thread) + ws_patience_ms(ws);
    }
    conn_set_reading(ws->conn, false);
    ws_update_deadline(ws);
    conn_mark(ws->conn);
}

static void ws_keep_control(WsConn *ws, Bytes payload) {
    ASSERT(payload.count <= sizeof ws->control);
    if (payload.count > 0) memcpy(ws->control, payload.data, payload.count);
    ws->control_bytes = payload.count;
}

static void ws_ended(Conn *conn) {
    conn_close(conn);
}

// ---- output ----

static void ws_flush(Conn *conn) {
    WsConn *ws = conn->part;
    WritePlan *plan = ws->thread->plan;
    for (uint32_t i = 0; i < NET_WRITES_MAX; i++) {
        plan_add_parked(plan, &ws->parked);
        ws_fill(ws, plan);
        if (plan->count == 0) break;
        size_t written = plan->bytes;
        Parked rest = {0};
        ConnWrite result = conn_write(conn, plan->pieces, plan->count, &written);
        plan_written(plan, written, &rest);
        if (result == CONN_WRITE_GONE) return;
        ws->parked = rest;
        if (result == CONN_WRITE_BLOCKED) return;
    }
    ASSERT(ws->parked.count == 0);
    ws_all_written(ws);
}

// Puts into the plan what the state allows, as far as there is room.
static void ws_fill(WsConn *ws, WritePlan *plan) {
    if (!plan_has_room(plan)) return;
    OutItemPool *pool = &ws->thread->items;
    switch (ws->state) {
    case WS_HELD:
    case WS_OPEN: {
        bool has_controls = ws->ping_due || ws->pong_due;
        if (has_controls && !outbox_frame(&ws->outbox, pool, OUTBOX_FRAME_END, plan)) return;
        ws_add_controls(ws, plan);
        (void)outbox_frame(&ws->outbox, pool, OUTBOX_ALL,
                           plan);  // the rest stays for the next plan
        break;
    }
    case WS_CLOSING:
        if (!outbox_frame(&ws->outbox, pool, OUTBOX_MESSAGE_END, plan)) return;
        ws_add_control(plan, WS_OP_CLOSE, ws->close_payload, ws->close_bytes);
        ws_set_state(ws, WS_CLOSE_SENT);
        break;
    case WS_ECHOING:
        if (!outbox_frame(&ws->outbox, pool, OUTBOX_FRAME_END, plan)) return;
        ws_add_control(plan, WS_OP_CLOSE, ws->control, ws->control_bytes);
        ws_set_state(ws, WS_DRAINING);
        break;
    case WS_OPENING:
    case WS_CLOSE_SENT:
    case WS_DRAINING:
    case WS_GONE:
    case WS_STATE_COUNT: break;
    }
}

static void ws_add_controls(WsConn *ws, WritePlan *plan) {
    if (ws->pong_due) ws_add_control(plan, WS_OP_PONG, ws->control, ws->control_bytes);
    if (ws->ping_due) ws_add_control(plan, WS_OP_PING, NULL, 0);
    ws->pong_due = false;
    ws->ping_due = false;
}

static void ws_add_control(WritePlan *plan, WsOpcode opcode, const uint8_t *payload,
                           uint32_t count) {
    uint8_t frame[WS_SENT_HEAD_BYTES_MAX + WS_CONTROL_BYTES_MAX];
    uint32_t head_bytes = ws_head_write(frame, opcode, true, count);
    if (count > 0) memcpy(frame + head_bytes, payload, count);
    plan_add_copy(plan, frame, head_bytes + count);
}

// The socket has taken everything that was planned.
static void ws_all_written(WsConn *ws) {
    if (ws->state == WS_DRAINING) {
        conn_close(ws->conn);
        return;
    }
    if (ws->state == WS_CLOSE_SENT) {
        uint64_t until_ms = net_thread_now(ws->thread) + ws->options.close_timeout_ms;
        if (until_ms < ws->close_ms) ws->close_ms = until_ms;
        ws_update_deadline(ws);
        conn_set_waiting(ws->conn, false);
        return;
    }
    bool is_sending = ws->state == WS_HELD || ws->state == WS_OPEN;
    bool is_gated = is_sending && outbox_is_gated(&ws->outbox);
    conn_set_waiting(ws->conn, is_gated);
    if (!is_gated && !outbox_is_empty(&ws->outbox))
        conn_mark(ws->conn);  // the others have their turn first
}

// ---- ends ----

static void ws_expired(Conn *conn) {
    WsConn *ws = conn->part;
    uint64_t now = net_thread_now(ws->thread);
    bool is_idle = ws->state != WS_HELD && ws->options.idle_timeout_ms > 0 &&
                   now >= ws->received_ms + ws->options.idle_timeout_ms;
    if (is_idle || now >= ws->close_ms) {
        conn_close(conn);
        return;
    }
    if (ws->state == WS_OPEN && now >= ws->ping_ms) {
        ws->ping_due = ws->has_ponged;  // one ping at a time
        ws->has_ponged = false;
        ws->ping_ms = now + ws->options.ping_interval_ms;
        conn_mark(conn);
    }
    ws_update_deadline(ws);
}

static void ws_stopping(Conn *conn) {
    WsConn *ws = conn->part;
    if (ws->state == WS_HELD || ws->state == WS_OPEN) conn_close(conn);
}

static void ws_closed(Conn *conn) {
    WsConn *ws = conn->part;
    ws->conn = NULL;
    ws_end(ws);
}

static void ws_end(WsConn *ws) {
    ws_set_state(ws, WS_GONE);
    ws_reader_done(&ws->reader);
    bool is_large = ws->outbox.bytes >= TRIM_BYTES_MIN;
    outbox_done(&ws->outbox, &ws->thread->items);
    if (is_large) os_trim_memory();
    parked_done(&ws->parked);
    buffer_done(&ws->early);
    ws->handler.closed(ws->user);
    ws_unref(ws);
}

// ---- helpers ----

static void ws_update_deadline(WsConn *ws) {
    uint64_t at = ws->close_ms;
    if (ws->state == WS_OPEN && ws->options.ping_interval_ms > 0 && ws->ping_ms < at)
        at = ws->ping_ms;
    uint64_t idle_ms = ws->received_ms + ws->options.idle_timeout_ms;
    if (ws->state != WS_HELD && ws->options.idle_timeout_ms > 0 && idle_ms < at) at = idle_ms;
    conn_set_deadline(ws->conn, at);
}

// How long a client may take for what comes before a close frame.
static uint32_t ws_patience_ms(const WsConn *ws) {
    uint32_t idle_ms = ws->options.idle_timeout_ms;
    return idle_ms > ws->options.close_timeout_ms ? idle_ms : ws->options.close_timeout_ms;
}

static bool ws_is_asked_to_end(WsConn *ws) {
    return atomic_load_explicit(&ws->asked_close, memory_order_relaxed) ||
           atomic_load_explicit(&ws->asked_abort, memory_order_relaxed);
}

static void ws_set_state(WsConn *ws, WsState to) {
    ASSERT(WS_STEP[ws->state][to]);
    ws->state = to;
}
