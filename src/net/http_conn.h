// http_conn.h - one connection that speaks HTTP: requests in, answers out, one at a time.
//
// Threads    its net thread.
// Lifetime   from http_conn_open until the connection closes or becomes a WebSocket.
#pragma once

#include "net/http_exchange.h"

// Takes the socket; closes it if there is no way to use it.
void http_conn_open(NetThread *thread, int socket);

typedef enum HttpAnswer { HTTP_ANSWER_WHOLE, HTTP_ANSWER_BEGIN } HttpAnswer;

// Takes exchange->answer. With HTTP_ANSWER_WHOLE the exchange is over for the connection.
void http_conn_answer(Conn *conn, HttpExchange *exchange, HttpAnswer answer);
void http_conn_stream(Conn *conn, HttpExchange *exchange, Bytes bytes);
void http_conn_stream_end(Conn *conn, HttpExchange *exchange);
// The connection becomes something else: moves out what was received behind the request, and what
// is to be sent before anything else.
void http_conn_release(Conn *conn, Buffer *ret_received, Buffer *ret_unsent);
