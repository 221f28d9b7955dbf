// ws_frame.h - the head of one WebSocket frame, and masking. Pure functions over bytes.
//
// Threads    any.
// Format     RFC 6455, section 5.2; no extensions, so reserved bits are faults.
#pragma once

#include "base/bytes.h"

// The longest head a client sends (64-bit length and mask), and the longest we send.
#define WS_HEAD_BYTES_MAX 14u
#define WS_SENT_HEAD_BYTES_MAX 10u
// What a control frame can carry.
#define WS_CONTROL_BYTES_MAX 125u

typedef enum WsOpcode {
    WS_OP_CONTINUATION = 0,
    WS_OP_TEXT = 1,
    WS_OP_BINARY = 2,
    WS_OP_CLOSE = 8,
    WS_OP_PING = 9,
    WS_OP_PONG = 10,
} WsOpcode;

typedef struct WsHead {
    WsOpcode opcode;
    bool is_final;
    uint32_t head_bytes;
    uint64_t payload_bytes;
    uint32_t mask;  // the four mask bytes as they stand in the frame
} WsHead;

typedef enum WsHeadResult {
    WS_HEAD_OK,
    WS_HEAD_MORE,  // the head is not complete
    WS_HEAD_BAD,   // no client may send this, whatever follows
} WsHeadResult;

// Reads the head of a client's frame. Lengths in more bytes than needed are accepted, as upstream
// does.
WsHeadResult ws_head_read(const uint8_t *data, size_t count, WsHead *ret_head);
// Writes the head of a server's frame (no mask); returns its bytes. `to` has
// WS_SENT_HEAD_BYTES_MAX.
uint32_t ws_head_write(uint8_t *to, WsOpcode opcode, bool is_final, uint64_t payload_bytes);
static inline bool ws_opcode_is_control(WsOpcode opcode) {
    return opcode >= WS_OP_CLOSE;
}
// Applies the mask in place, starting with its first byte; masking twice restores.
void ws_mask(uint8_t *data, size_t count, uint32_t mask);
// The mask for what follows `count` masked bytes.
static inline uint32_t ws_mask_advance(uint32_t mask, size_t count) {
    uint32_t bits = (uint32_t)(count & 3u) * 8u;
    return bits == 0 ? mask : (mask >> bits) | (mask << (32u - bits));
}
// May this code stand in a close frame?
bool ws_close_code_is_valid(uint16_t code);
