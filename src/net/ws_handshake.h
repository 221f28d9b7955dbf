// ws_handshake.h - the bytes of an upgrade. Pure.
//
// Threads    any.
// Format     RFC 6455, 4.2.2.
#pragma once

#include "net/net.h"

// base64 of SHA-1, and a zero.
#define WS_ACCEPT_TEXT_BYTES 29u

// The value of Sec-WebSocket-Accept for a client's key.
void ws_accept_text(Bytes key, char ret_text[WS_ACCEPT_TEXT_BYTES]);
// The head of the 101.
void ws_response_write(Buffer *out, Bytes key, const WsOptions *options);
