// ws_reader.h - turns what a client's socket yields into messages and control frames.
//
// Threads    the connection's.
// Lifetime   from ws_reader_init to ws_reader_done.
// Limits     CLIENT_MESSAGE_BYTES_MAX; a partial message takes what has arrived of it, not what was
//            announced.
#pragma once

#include "base/bytes.h"
#include "net/net.h"
#include "net/ws_frame.h"

typedef enum WsFault {
    WS_FAULT_NONE,
    WS_FAULT_PROTOCOL,  // RFC 6455 forbids it
    WS_FAULT_LIMIT,     // a message over CLIENT_MESSAGE_BYTES_MAX
} WsFault;

// Who is told. Each answers false to stop: nothing further is read from that connection.
typedef struct WsSink {
    void *user;
    bool (*message)(void *user, WsKind kind, Bytes bytes);
    // Ping, pong or close with its unmasked payload; a close was checked (code and UTF-8 reason, or
    // empty).
    bool (*control)(void *user, WsOpcode opcode, Bytes payload);
} WsSink;

typedef enum WsReaderState {
    WS_READ_HEAD,     // between frames, perhaps within a head
    WS_READ_DATA,     // within the payload of a data frame
    WS_READ_CONTROL,  // within the payload of a control frame
    WS_READ_STOPPED,  // the sink has said stop, or a fault was found
} WsReaderState;

typedef struct WsReader {
    WsReaderState state;
    uint32_t carried_bytes;  // of an incomplete head
    uint8_t carried[WS_HEAD_BYTES_MAX];
    bool in_message;  // a data frame without FIN came, its continuation is due
    bool is_final;    // of the current frame
    WsKind kind;      // of the current message
    WsOpcode opcode;  // of the current frame
    uint32_t mask;    // for the next payload byte
    uint64_t left;    // payload bytes of the current frame that have not come
    Buffer assembly;  // payload of the current message, unless it lies in one read
    uint32_t control_bytes;
    uint8_t control[WS_CONTROL_BYTES_MAX];
} WsReader;

void ws_reader_init(WsReader *reader);
void ws_reader_done(WsReader *reader);
// Takes what one read of the socket gave, unmasks it in place and tells the sink. After a fault the
// connection is to be dropped.
WsFault ws_reader_feed(WsReader *reader, uint8_t *data, size_t count, const WsSink *sink);
