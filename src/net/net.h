// net.h - sockets, event loops, HTTP/1.1 server and WebSocket. Knows no database.
//
// Threads    a few net threads (libuv loops) own the connections given to them; handler callbacks
//            run on the connection's thread. Functions marked "any thread" hand a message over and
//            return at once; what one thread hands over for a connection is done in that order.
// Lifetime   an HttpExchange lives until it was answered; a WsConn is counted (ws_ref/ws_unref),
//            its user's last callback is `closed`. Both, and a NetOutbox, may outlive
//            net_server_stop.
// Limits     HTTP_*, WS_*, CLIENT_MESSAGE_*, OUTBOX_*, NET_* in base/limits.h.
// Format     RFC 9112 (HTTP/1.1), RFC 6455 (WebSocket, no extensions); spec: websocket.md 1-2.
#pragma once

#include "base/arena.h"
#include "base/gate.h"
#include "base/shared_buf.h"
#include "base/status.h"

typedef struct NetServer NetServer;
typedef struct HttpExchange HttpExchange;
typedef struct WsConn WsConn;

// ---- HTTP ----

typedef struct HttpHeader {
    Bytes name;  // as received; compared without case
    Bytes value;
} HttpHeader;

// Borrowed until the exchange is answered.
typedef struct HttpRequest {
    Bytes method;
    Bytes path;   // without the query, still percent-encoded
    Bytes query;  // behind '?', still encoded; may be empty
    const HttpHeader *headers;
    uint32_t header_count;
    Bytes body;  // data == NULL: none
    uint32_t version_minor;
} HttpRequest;

// First value of that header; data == NULL if absent.
Bytes http_header(const HttpRequest *request, const char *name);
// Percent-decodes (plus as space if in a query) into the arena; false if malformed or not UTF-8.
typedef enum UrlPart { URL_PATH, URL_QUERY } UrlPart;
bool url_decode(Bytes text, UrlPart part, Arena *arena, Bytes *ret_text);
// The decoded value of one query parameter; false if malformed. data == NULL if absent.
bool url_query_find(Bytes query, const char *name, Arena *arena, Bytes *ret_value);

typedef struct HttpResponse {
    uint32_t status;
    Bytes content_type;  // data == NULL: no header
    // Further ones; content-length, date and connection are added. One that cannot stand in a head
    // (CR, LF or NUL in it) or that is among those added is left out.
    const HttpHeader *headers;
    uint32_t header_count;
    Bytes body;
} HttpResponse;

// Answers; everything is copied. Any thread, exactly once per exchange (or one of the two below).
void http_respond(HttpExchange *exchange, const HttpResponse *response);
// Answers with a body of unknown length (chunked). Then any number of writes and one end, any
// thread.
void http_stream_begin(HttpExchange *exchange, const HttpResponse *response);
// False if the client is gone or has OUTBOX_BYTES_MAX waiting: stop, and call http_stream_end.
// Copies.
bool http_stream_write(HttpExchange *exchange, Bytes bytes);
void http_stream_end(HttpExchange *exchange);
// Calls `gone` on the net thread once if the client closes before the exchange ends. Net thread, in
// `request`. The exchange must still be answered; the answer goes nowhere.
void http_on_gone(HttpExchange *exchange, void (*gone)(void *user), void *user);
// Memory that lives as long as the exchange; whoever holds the exchange may use it.
Arena *http_arena(HttpExchange *exchange);
const HttpRequest *http_request(HttpExchange *exchange);

typedef struct HttpHandler {
    void *user;
    // A complete request. Must answer exactly once, now or later, from any thread.
    void (*request)(void *user, HttpExchange *exchange);
    // Headers were read and a body is announced: how much may it have? 0 refuses with 413.
    size_t (*body_bytes_max)(void *user, const HttpRequest *head);
} HttpHandler;

// ---- WebSocket ----

typedef enum WsJoin {
    WS_SINGLE,  // one outgoing message per sent item
    WS_JOINED,  // all that is ready goes into one message, up to WS_JOINED_BYTES_MAX
} WsJoin;

typedef enum WsKind { WS_TEXT, WS_BINARY } WsKind;

typedef struct WsHandler {
    // One message, reassembled; `bytes` is borrowed for the call. Text was checked to be UTF-8.
    void (*message)(void *user, WsKind kind, Bytes bytes);
    // Everything that came with one read of the socket was delivered. May be NULL.
    void (*batch_end)(void *user);
    // The connection is gone, whatever the reason; called exactly once, last.
    void (*closed)(void *user);
} WsHandler;

// What becomes of messages of some length that are sent with a prefix; the values are the prefixes.
typedef enum WsCompression { WS_COMPRESS_NONE, WS_COMPRESS_BROTLI, WS_COMPRESS_GZIP } WsCompression;

typedef struct WsOptions {
    const HttpHeader *headers;  // of the 101, e.g. sec-websocket-protocol
    uint32_t header_count;
    WsKind kind;  // of what we send
    WsJoin join;
    bool
        has_prefix;  // each outgoing message starts with one byte, the compression tag: 0 if it is as it was
    WsCompression compression;  // only with a prefix
    Gate *gate;                 // for tickets; NULL: items never wait. Referenced.
    uint32_t ping_interval_ms;
    uint32_t idle_timeout_ms;
    uint32_t close_timeout_ms;
} WsOptions;

// Checks the upgrade headers (websocket.md 1.6, rows 5 to 7); on failure the response to send is in
// ret_response. Net thread.
bool ws_check_upgrade(const HttpRequest *request, HttpResponse *ret_response);
// Sends the 101 and takes the connection over; the exchange ends, also when NULL is returned. Does
// not read from the client until ws_start. Any thread; the caller gets one reference. NULL if the
// client is gone (no callback follows). On another than the net thread `closed` may come before
// this returns.
WsConn *ws_accept(HttpExchange *exchange, const WsOptions *options, const WsHandler *handler,
                  void *user);
WsConn *ws_ref(WsConn *conn);
void ws_unref(WsConn *conn);  // accepts NULL
// Starts reading, pinging and the idle clock. Any thread.
void ws_start(WsConn *conn);
// Finishes the message being written, sends the close frame, waits for the answer, drops. Any
// thread. What waits behind that message is not sent, and no message is delivered any more. The
// reason is cut to WS_CLOSE_REASON_BYTES_MAX on a UTF-8 boundary. Only the first call counts.
void ws_close(WsConn *conn, uint16_t code, Bytes reason);
// Drops the TCP connection without a close frame. Any thread.
void ws_abort(WsConn *conn);

// What one sender thread has to say, gathered and handed to the net threads in one step each. Items
// for one connection are sent in the order added, over all flushes of one NetOutbox. A connection
// whose queue exceeds OUTBOX_MESSAGES_MAX or OUTBOX_BYTES_MAX is aborted; a single item may have
// any size.
typedef struct NetOutbox NetOutbox;
NetOutbox *net_outbox_create(NetServer *server);
void net_outbox_free(NetOutbox *outbox);  // must be flushed
// Takes one reference of the slice. Waits behind what the connection already has, until the connection's
// gate has reached the ticket (TICKET_NONE: does not wait itself), and until the bytes of a slice that
// comes later (shared_buf.h) are there; who fills it calls net_gates_opened.
// Dropped if the connection is gone.
void net_outbox_add(NetOutbox *outbox, WsConn *conn, SharedSlice slice, uint64_t ticket);
void net_outbox_flush(NetOutbox *outbox);
// A gate was opened further: connections waiting on it are looked at. Any thread, as long as the
// server runs or the caller knows of a NetOutbox or WsConn that lives; one wake-up per sleeping net
// thread that has waiting connections.
void net_gates_opened(NetServer *server);

// ---- the server ----

typedef struct NetOptions {
    const char *address;  // "127.0.0.1:3000" or "[::1]:0"
    uint32_t threads;     // at least 1
    HttpHandler handler;
} NetOptions;

// Listens and starts the threads.
Status net_server_start(const NetOptions *options, NetServer **ret_server, Error *error);
// The port that is really listened on.
uint16_t net_server_port(const NetServer *server);
// Stops listening, drops WebSockets that are not closing, lets running exchanges and close
// handshakes finish for at most `grace_ms`, closes all, joins the threads.
void net_server_stop(NetServer *server, uint32_t grace_ms);

typedef struct NetStats {
    uint64_t connections;
    uint64_t requests;
    uint64_t messages_in;
    uint64_t messages_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
} NetStats;
NetStats net_server_stats(NetServer *server);  // any thread
