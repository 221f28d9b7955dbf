// ws_frames.h - a WebSocket client's frames. Pure: bytes in, messages out.
//
// Threads    one owner.
// Lifetime   what a FrameReader gives out is borrowed until the next call.
// Limits     CLI_WS_FRAME_BYTES_MAX, CLI_WS_MESSAGE_BYTES_MAX.
// Format     RFC 6455, 5; no extensions.
#pragma once

#include "base/bytes.h"

typedef enum WsFrameKind {
    WS_FRAME_CONTINUATION = 0x0,
    WS_FRAME_TEXT = 0x1,
    WS_FRAME_BINARY = 0x2,
    WS_FRAME_CLOSE = 0x8,
    WS_FRAME_PING = 0x9,
    WS_FRAME_PONG = 0xa,
} WsFrameKind;

typedef struct FrameReader {
    Buffer input;  // not yet read, from `at` on
    size_t at;
    Buffer message;  // fragments so far
    WsFrameKind message_kind;
    bool is_in_message;
} FrameReader;

typedef enum FrameReadOutcome {
    FRAME_READ_NOTHING,  // feed it more
    FRAME_READ_FRAME,    // a whole message, or a control frame
    FRAME_READ_BROKEN,   // against the protocol or a limit: close the connection
} FrameReadOutcome;

void frame_reader_init(FrameReader *reader);
void frame_reader_done(FrameReader *reader);
// False: more than a frame may have is waiting.
bool frame_reader_feed(FrameReader *reader, Bytes bytes);
FrameReadOutcome frame_reader_next(FrameReader *reader, WsFrameKind *ret_kind, Bytes *ret_bytes);

// One whole frame, masked.
void ws_frame_write(Buffer *buffer, WsFrameKind kind, Bytes payload, const uint8_t mask[4]);
