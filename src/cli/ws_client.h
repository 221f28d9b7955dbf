// ws_client.h - a WebSocket to a server.
//
// Threads    the main thread.
// Lifetime   a WsClient until ws_client_close; messages until the next receive.
// Limits     CLI_WS_*, CLI_CONNECT_MS_MAX.
// Format     RFC 6455. libcurl connects (TLS, proxies); the handshake and frames are ours, since its
//            own WebSocket is not built into every libcurl.
#pragma once

#include "cli/command.h"
#include "cli/ws_frames.h"

typedef struct WsClient WsClient;

typedef struct WsTarget {
    const char *url;       // "http://..." with path and query
    const char *protocol;  // that we offer and the server must choose
    const char *token;     // NULL: anonymous
} WsTarget;

Status ws_client_open(Cli *cli, const WsTarget *target, WsClient **ret_client);
// Says goodbye if that is possible without waiting. Accepts NULL.
void ws_client_close(WsClient *client);
Status ws_client_send(Cli *cli, WsClient *client, WsFrameKind kind, Bytes bytes);

typedef enum WsReceiveOutcome {
    WS_RECEIVED,
    WS_RECEIVE_TIMED_OUT,
    WS_RECEIVE_CLOSED,  // the server closed it as the protocol wants
} WsReceiveOutcome;

// The next message. Pings are answered meanwhile.
// until_nanos  of the monotonic clock; 0: without end
Status ws_client_receive(Cli *cli, WsClient *client, int64_t until_nanos,
                         WsReceiveOutcome *ret_outcome, WsFrameKind *ret_kind, Bytes *ret_bytes);
