// session.h - one WebSocket client of a database.
//
// Threads    by band, in session.c.
// Lifetime   counted; the net side holds a reference until the connection is closed, messages hold one each.
#pragma once

#include "server/web.h"

typedef struct Session Session;

// Accepts the upgrade of a request whose database runs and whose checks are done, and connects: the module's
// client_connected decides on the executor whether the client gets anything. Ends the request.
typedef struct SessionOptions {
    Protocol protocol;
    ConnectionId connection_id;
    bool confirmed;
    bool light;
    WsCompression compression;  // what the client asks for
    bool has_session_id;
    ConnectionId
        session_id;  // the client's own number: one connection at a time has it (since-2.8.md 3.2)
} SessionOptions;
void session_open(WebRequest *request, const SessionOptions *options);

// What the database knows a client by (SyncClientOptions.connection) leads here.
WsConn *session_connection(void *connection);
