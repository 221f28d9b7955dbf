// http_exchange.h - one request and its answer, between the net thread and whoever answers.
//
// Threads    banded below.
// Lifetime   created by the connection with a head; handed to the handler when the body is
//            complete; freed on the net thread when its last post has run.
#pragma once

#include "net/conn.h"
#include "net/http_head.h"
#include "net/http_response.h"

typedef enum ExchangeState {
    EXCHANGE_RECEIVING,  // the body is not complete; net thread
    EXCHANGE_HELD,       // the handler has it
    EXCHANGE_STREAMING,  // http_stream_begin was called
    EXCHANGE_ANSWERED,   // nobody outside may use it any more
} ExchangeState;

struct HttpExchange {
    // ---- net thread until it is held, then whoever holds it ----
    NetThread *thread;
    NetServer *server;  // one reference
    ExchangeState state;
    Arena arena;
    HttpHead head;
    Buffer body;
    uint64_t body_counted;  // of it, in the server's sum
    Buffer answer;          // moved to the connection by the post
    bool will_close;        // decided with the answer's head
    Post answer_post;
    Post end_post;
    // ---- net thread ----
    Conn *conn;  // NULL: the client is gone
    void (*gone)(void *user);
    void *gone_user;
    // ---- shared ----
    _Atomic bool is_gone;  // net thread sets it once; relaxed: learning late only wastes work
    _Atomic uint64_t
        posted_bytes;  // of stream writes: the holder adds, the net thread subtracts; relaxed
    _Atomic uint64_t
        queued_bytes;  // what the socket has not taken: net thread only writes; relaxed
};

HttpExchange *exchange_create(NetThread *thread, Conn *conn);
void exchange_free(HttpExchange *exchange);
// The connection is closed: tells the handler if it has asked.
void exchange_lose_conn(HttpExchange *exchange);
// The client is gone and nobody will answer: frees it on the net thread. Whoever holds it.
void exchange_abandon(HttpExchange *exchange);
