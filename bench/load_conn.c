// load_conn.c - frames and windows.
//
// Answers to calls come in the order of the calls, so a ring of send times is all that is kept per
// call. What one read brought is worked off, then as many new calls as were answered leave in one
// write. Frames are masked with zero: the server has its work, we have none.
#include "load_conn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load_http.h"
#include "load_system.h"

#define READ_BYTES (256u << 10)
#define OUT_BYTES_MAX (64u << 20)
#define IN_BYTES_MAX (512u << 20)
#define QUERY_SET_ID 7u
#define SUBSCRIBE_ID 0xffff0000u

static void conn_write(Load *load, LoadConn *conn);
static void conn_set_events(Load *load, LoadConn *conn, uint32_t events);
static void conn_read(Load *load, LoadConn *conn);
static void conn_keep(LoadConn *conn, Bytes input, uint32_t used);
static uint32_t conn_frames(Load *load, LoadConn *conn, Bytes input);
static void conn_frame(Load *load, LoadConn *conn, uint8_t first, Bytes payload);
static void conn_payload(Load *load, LoadConn *conn, Bytes payload);
static void conn_message(Load *load, LoadConn *conn, const ServerMessage *message);
static void conn_result(Load *load, LoadConn *conn, const ServerMessage *message);
static void conn_ready(Load *load, LoadConn *conn);
static void conn_subscribe(Load *load, LoadConn *conn);
static void conn_subscribe_sets(Load *load, LoadConn *conn);
static void conn_applied(Load *load, LoadConn *conn);
static void frame_head(Buffer *out, uint8_t first, size_t count);
static uint64_t random_next(LoadConn *conn);
static void call_append(Load *load, LoadConn *conn);

void load_conn_open(Load *load, LoadConn *conn, uint32_t index, const char *token) {
    const LoadOptions *options = load->options;
    *conn = (LoadConn){.random = 0x9e3779b97f4a7c15u * (index + 1)};
    bool holds_sets = index == options->connections;
    conn->is_subscriber = holds_sets ||
                          (options->workload == WORKLOAD_FANOUT && index >= options->writers);
    conn->sent_nanos = mem_alloc(options->in_flight * sizeof *conn->sent_nanos);
    buffer_init(&conn->in, IN_BYTES_MAX);
    buffer_init(&conn->message, IN_BYTES_MAX);
    buffer_init(&conn->rest, OUT_BYTES_MAX);
    conn->socket = load_connect(options);
    load_upgrade(conn->socket, options, token, &conn->in);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, conn->socket, &event) != 0)
        load_fail("epoll: %s", strerror(errno));
    conn_keep(conn, buffer_bytes(&conn->in), conn_frames(load, conn, buffer_bytes(&conn->in)));
    if (holds_sets) {
        conn_subscribe_sets(load, conn);
    } else if (conn->is_subscriber) {
        conn_subscribe(load, conn);
    }
}

static void conn_subscribe(Load *load, LoadConn *conn) {
    Buffer subscribe;
    buffer_init(&subscribe, OUT_BYTES_MAX);
    conn->awaited = 1;
    subscribe_write(&subscribe, SUBSCRIBE_ID, QUERY_SET_ID, load->options->query);
    load_conn_send(load, conn, buffer_bytes(&subscribe));
    buffer_done(&subscribe);
}

// Each set in a message of its own, as a client would ask for them.
static void conn_subscribe_sets(Load *load, LoadConn *conn) {
    const LoadOptions *options = load->options;
    Buffer subscribe;
    buffer_init(&subscribe, OUT_BYTES_MAX);
    conn->awaited = options->sets;
    conn->asked_nanos = system_nanos();
    for (uint32_t i = 0; i < options->sets; i++) {
        char query[96];
        (void)snprintf(query, sizeof query, "SELECT * FROM accounts WHERE id = %u",
                       options->sets_from + i);
        buffer_clear(&subscribe);
        subscribe_write(&subscribe, SUBSCRIBE_ID, i, query);
        frame_head(&load->out, 0x82, subscribe.count);
        buffer_append_bytes(&load->out, buffer_bytes(&subscribe));
    }
    conn_write(load, conn);
    buffer_done(&subscribe);
}

void load_conn_close(LoadConn *conn) {
    close(conn->socket);
    mem_free(conn->sent_nanos);
    buffer_done(&conn->in);
    buffer_done(&conn->message);
    buffer_done(&conn->rest);
}

void load_conn_send(Load *load, LoadConn *conn, Bytes message) {
    frame_head(&load->out, 0x82, message.count);
    buffer_append_bytes(&load->out, message);
    conn_write(load, conn);
}

static void frame_head(Buffer *out, uint8_t first, size_t count) {
    buffer_u8(out, first);
    if (count < 126) {
        buffer_u8(out, (uint8_t)(0x80 | count));
    } else if (count <= UINT16_MAX) {
        buffer_u8(out, 0x80 | 126);
        buffer_u8(out, (uint8_t)(count >> 8));
        buffer_u8(out, (uint8_t)count);
    } else {
        buffer_u8(out, 0x80 | 127);
        for (int shift = 56; shift >= 0; shift -= 8)
            buffer_u8(out, (uint8_t)((uint64_t)count >> shift));
    }
    buffer_u32(out, 0);  // the mask
}

void load_conn_fill(Load *load, LoadConn *conn) {
    bool is_sending = load->phase == LOAD_WARMUP || load->phase == LOAD_MEASURE;
    if (!is_sending || conn->is_subscriber || conn->is_blocked) return;
    uint32_t room = load->options->in_flight - (conn->sent - conn->answered);
    while (room > 0) {
        uint32_t count = room < load->options->batch ? room : load->options->batch;
        frame_head(&load->out, 0x82, (size_t)count * load->call.count);
        for (uint32_t i = 0; i < count; i++) call_append(load, conn);
        room -= count;
    }
    conn_write(load, conn);
}

static void call_append(Load *load, LoadConn *conn) {
    const CallTemplate *call = &load->call;
    uint8_t *to = buffer_reserve(&load->out, call->count);
    ASSERT(to != NULL);
    memcpy(to, call->bytes, call->count);
    conn->sent_nanos[conn->sent % load->options->in_flight] = load->now;
    conn->sent++;
    load->waiting++;
    store_u32le(to + 1, conn->sent);
    if (call->from_at > 0) {
        uint64_t random = random_next(conn);
        uint32_t accounts = load->options->accounts;
        uint32_t from = (uint32_t)((random >> 32) * accounts >> 32);
        uint32_t other = (uint32_t)((random & UINT32_MAX) * (accounts - 1) >> 32);
        store_u32le(to + call->from_at, from);
        store_u32le(to + call->from_at + 4, other >= from ? other + 1 : other);  // never to itself
    }
    buffer_advance(&load->out, call->count);
}

static uint64_t random_next(LoadConn *conn) {
    conn->random ^= conn->random << 13;
    conn->random ^= conn->random >> 7;
    conn->random ^= conn->random << 17;
    return conn->random;
}

// Sends load->out, behind what is left from before.
static void conn_write(Load *load, LoadConn *conn) {
    Bytes bytes = buffer_bytes(&load->out);
    if (bytes.count == 0) return;
    ssize_t sent = 0;
    if (!conn->is_blocked) {
        sent = send(conn->socket, bytes.data, bytes.count, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) load_fail("send: %s", strerror(errno));
        if (sent < 0) sent = 0;
        load->writes++;
    }
    if ((size_t)sent < bytes.count) {
        buffer_append(&conn->rest, bytes.data + sent, bytes.count - (size_t)sent);
        if (conn->rest.failed) load_fail("the server does not read");
        if (!conn->is_blocked) conn_set_events(load, conn, EPOLLIN | EPOLLOUT);
        conn->is_blocked = true;
    }
    buffer_clear(&load->out);
}

static void conn_set_events(Load *load, LoadConn *conn, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = conn};
    if (epoll_ctl(load->epoll, EPOLL_CTL_MOD, conn->socket, &event) != 0)
        load_fail("epoll: %s", strerror(errno));
}

void load_conn_on_event(Load *load, LoadConn *conn, uint32_t events) {
    if (events & EPOLLOUT) {
        conn->is_blocked = false;
        conn_set_events(load, conn, EPOLLIN);
        buffer_append_bytes(&load->out, buffer_bytes(&conn->rest));
        buffer_clear(&conn->rest);
        conn_write(load, conn);
    }
    if (events & ~(uint32_t)EPOLLOUT) conn_read(load, conn);
    load_conn_fill(load, conn);
}

static void conn_read(Load *load, LoadConn *conn) {
    ssize_t count = recv(conn->socket, load->read_buffer, READ_BYTES, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0)
        load_fail("a connection was closed: %s", count < 0 ? strerror(errno) : "end of stream");
    load->reads++;
    Bytes input = bytes_of(load->read_buffer, (size_t)count);
    if (conn->in.count > 0) {
        buffer_append_bytes(&conn->in, input);
        if (conn->in.failed) load_fail("a frame is too long");
        input = buffer_bytes(&conn->in);
    }
    conn_keep(conn, input, conn_frames(load, conn, input));
    if (load->out.count > 0) conn_write(load, conn);  // pongs
}

// Keeps what was not used in `in`, where it may lie already.
static void conn_keep(LoadConn *conn, Bytes input, uint32_t used) {
    if (input.count == 0) return;
    Bytes left = bytes_slice(input, used, input.count - used);
    if (input.data == conn->in.data) {
        memmove(conn->in.data, left.data, left.count);
        conn->in.count = left.count;
    } else {
        buffer_append_bytes(&conn->in, left);
    }
}

// Works off whole frames; returns their bytes.
static uint32_t conn_frames(Load *load, LoadConn *conn, Bytes input) {
    uint32_t at = 0;
    while (input.count - at >= 2) {
        const uint8_t *head = input.data + at;
        uint32_t length_bytes = head[1] < 126 ? 0 : head[1] == 126 ? 2 : 8;
        if (head[1] & 0x80) load_fail("a masked frame");
        if (input.count - at < 2 + length_bytes) break;
        uint64_t count = head[1];
        if (length_bytes > 0) count = 0;
        for (uint32_t i = 0; i < length_bytes; i++) count = count << 8 | head[2 + i];
        if (input.count - at - 2 - length_bytes < count) break;
        at += 2 + length_bytes;
        conn_frame(load, conn, head[0], bytes_slice(input, at, (uint32_t)count));
        at += (uint32_t)count;
    }
    return at;
}

static void conn_frame(Load *load, LoadConn *conn, uint8_t first, Bytes payload) {
    uint8_t opcode = first & 0x0f;
    bool is_final = (first & 0x80) != 0;
    switch (opcode) {
    case 0:
    case 2:
        if (opcode == 2 && is_final) {
            conn_payload(load, conn, payload);
            break;
        }
        buffer_append_bytes(&conn->message, payload);
        if (conn->message.failed) load_fail("a message is too long");
        if (!is_final) break;
        conn_payload(load, conn, buffer_bytes(&conn->message));
        buffer_clear(&conn->message);
        break;
    case 8:
        load_fail("the server closes: %.*s", payload.count > 2 ? (int)payload.count - 2 : 0,
                  payload.count > 2 ? (const char *)payload.data + 2 : "");
    case 9:
        frame_head(&load->out, 0x8a, payload.count);
        buffer_append_bytes(&load->out, payload);
        break;
    case 10: break;
    default: load_fail("opcode %u", opcode);
    }
}

static void conn_payload(Load *load, LoadConn *conn, Bytes payload) {
    Reader reader = reader_of(payload);
    if (reader_u8(&reader) != 0) load_fail("a compressed message, though compression=None");
    do {
        ServerMessage message = server_message_read(&reader);
        if (!reader_ok(&reader)) load_fail("a malformed message, kind %u", (unsigned)message.kind);
        conn_message(load, conn, &message);
    } while (reader_left(&reader) > 0);
}

static void conn_message(Load *load, LoadConn *conn, const ServerMessage *message) {
    load->row_bytes += message->row_bytes;
    switch (message->kind) {
    case SERVER_INITIAL_CONNECTION:
        if (!conn->is_subscriber) conn_ready(load, conn);
        break;
    case SERVER_SUBSCRIBE_APPLIED: conn_applied(load, conn); break;
    case SERVER_SUBSCRIPTION_ERROR: load_fail("subscribe: %.*s", BYTES_FORMAT(message->text));
    case SERVER_TRANSACTION_UPDATE: load->updates++; break;
    case SERVER_REDUCER_RESULT: conn_result(load, conn, message); break;
    }
}

static void conn_applied(Load *load, LoadConn *conn) {
    if (conn->awaited == 0) load_fail("an answer to no subscription");
    if (--conn->awaited > 0) return;
    if (conn->asked_nanos > 0) load->subscribe_nanos = system_nanos() - conn->asked_nanos;
    conn_ready(load, conn);
}

static void conn_ready(Load *load, LoadConn *conn) {
    if (conn->is_ready) load_fail("a second first message");
    conn->is_ready = true;
    load->ready++;
}

static void conn_result(Load *load, LoadConn *conn, const ServerMessage *message) {
    if (conn->answered == conn->sent) load_fail("an answer without a call");
    uint64_t sent_nanos = conn->sent_nanos[conn->answered % load->options->in_flight];
    conn->answered++;
    load->waiting--;
    if (message->request_id != conn->answered) {
        load_fail("request %u answered, %u is due", message->request_id, conn->answered);
    }
    if (!message->is_good && load->errors++ == 0) {
        (void)snprintf(load->error_text, sizeof load->error_text, "%.*s",
                       BYTES_FORMAT(message->text));
    }
    load->calls++;
    histogram_add(&load->latency, load->now - sent_nanos);
}
