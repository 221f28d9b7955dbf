// ws_conn.h - one WebSocket connection.
//
// Threads    banded below.
// Lifetime   counted: one for ws_accept's caller, one for the net thread until `closed` was called,
//            one for each post and each item on its way.
#pragma once

#include "net/conn.h"
#include "net/http_exchange.h"
#include "net/outbox.h"
#include "net/ws_reader.h"

typedef enum WsState {
    WS_OPENING,  // the net thread has not seen it yet
    WS_HELD,     // accepted; sends, but does not read until ws_start
    WS_OPEN,
    WS_CLOSING,     // ws_close: what is left of the current message, then our close frame
    WS_CLOSE_SENT,  // our close frame is on its way: the client's is awaited, all else discarded
    WS_ECHOING,     // the client has sent a close: what is left of the current frame, then the echo
    WS_DRAINING,    // the echo is on its way, then the connection is closed
    WS_GONE,
    WS_STATE_COUNT,
} WsState;

struct WsConn {
    // ---- set at creation ----
    NetThread *thread;
    NetServer *server;  // one reference
    WsHandler handler;
    void *user;
    WsOptions options;       // without its headers; the gate is referenced
    HttpExchange *exchange;  // until the net thread has opened it
    // ---- net thread ----
    Conn *conn;  // NULL before it is opened and once it is gone
    WsState state;
    WsReader reader;
    Outbox outbox;
    Parked parked;
    Buffer early;  // received before ws_start
    bool ping_due, pong_due;
    bool has_ponged;     // since our last ping
    bool has_delivered;  // in the current read
    uint32_t control_bytes;
    uint8_t control[WS_CONTROL_BYTES_MAX];  // payload of the pong or echo that is due
    uint64_t received_ms, ping_ms, close_ms;
    // ---- who asks first ----
    uint8_t close_payload[WS_CONTROL_BYTES_MAX];
    uint32_t close_bytes;
    Post open_post, start_post, close_post, abort_post;
    // ---- shared ----
    _Atomic uint32_t refs;  // relaxed up, acquire-release down
    // Set once by any thread, by exchange; the net thread stops delivering when it sees one of the
    // first two.
    _Atomic bool asked_close, asked_abort, asked_start;
};

// Takes one reference of the slice. Net thread; after the server has stopped any thread.
void ws_conn_send(WsConn *conn, SharedSlice slice, uint64_t ticket);
