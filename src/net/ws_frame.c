// ws_frame.c - frame heads and masking.
//
//   0              1              2             2, 4 or 10     +4 (client only)
//   | FIN RSV op   | MASK len7    | len16/len64 | mask         | payload
//
// Lengths are big-endian. Masking is the one loop that touches every byte a client sends: it works
// on eight-byte words in a loop that compilers turn into vector instructions.
#include "net/ws_frame.h"

#define WORD_BYTES sizeof(uint64_t)
#define BLOCK_WORDS 8u

static bool opcode_is_known(uint8_t opcode);

WsHeadResult ws_head_read(const uint8_t *data, size_t count, WsHead *ret_head) {
    if (count < 2) return WS_HEAD_MORE;
    uint8_t opcode = data[0] & 0x0f;
    bool is_final = (data[0] & 0x80) != 0;
    if ((data[0] & 0x70) != 0 || !opcode_is_known(opcode)) return WS_HEAD_BAD;
    if ((data[1] & 0x80) == 0) return WS_HEAD_BAD;  // clients must mask
    uint64_t payload_bytes = data[1] & 0x7f;
    bool is_control = ws_opcode_is_control((WsOpcode)opcode);
    if (is_control && (!is_final || payload_bytes > WS_CONTROL_BYTES_MAX)) return WS_HEAD_BAD;

    uint32_t length_bytes = payload_bytes == 126 ? 2 : payload_bytes == 127 ? 8 : 0;
    uint32_t head_bytes = 2 + length_bytes + 4;
    if (count < head_bytes) return WS_HEAD_MORE;
    if (length_bytes > 0) {
        payload_bytes = 0;
        for (uint32_t i = 0; i < length_bytes; i++)
            payload_bytes = payload_bytes << 8 | data[2 + i];
    }
    if (payload_bytes >> 63 != 0) return WS_HEAD_BAD;
    *ret_head = (WsHead){
        .opcode = (WsOpcode)opcode,
        .is_final = is_final,
        .head_bytes = head_bytes,
        .payload_bytes = payload_bytes,
        .mask = load_u32le(data + 2 + length_bytes),
    };
    return WS_HEAD_OK;
}

static bool opcode_is_known(uint8_t opcode) {
    return opcode <= WS_OP_BINARY || (opcode >= WS_OP_CLOSE && opcode <= WS_OP_PONG);
}

uint32_t ws_head_write(uint8_t *to, WsOpcode opcode, bool is_final, uint64_t payload_bytes) {
    to[0] = (uint8_t)((is_final ? 0x80 : 0) | (uint8_t)opcode);
    if (payload_bytes < 126) {
        to[1] = (uint8_t)payload_bytes;
        return 2;
    }
    uint32_t length_bytes = payload_bytes <= UINT16_MAX ? 2 : 8;
    to[1] = length_bytes == 2 ? 126 : 127;
    for (uint32_t i = 0; i < length_bytes; i++) {
        to[2 + i] = (uint8_t)(payload_bytes >> 8 * (length_bytes - 1 - i));
    }
    return 2 + length_bytes;
}

void ws_mask(uint8_t *data, size_t count, uint32_t mask) {
    uint64_t wide = (uint64_t)mask << 32 | mask;
    size_t at = 0;
    for (; count - at >= BLOCK_WORDS * WORD_BYTES; at += BLOCK_WORDS * WORD_BYTES) {
        uint64_t words[BLOCK_WORDS];
        memcpy(words, data + at, sizeof words);
        for (uint32_t i = 0; i < BLOCK_WORDS; i++) words[i] ^= wide;
        memcpy(data + at, words, sizeof words);
    }
    for (; count - at >= WORD_BYTES; at += WORD_BYTES) {
        store_u64le(data + at, load_u64le(data + at) ^ wide);
    }
    for (; at < count; at++) {
        data[at] ^= (uint8_t)wide;
        wide >>= 8;
    }
}

bool ws_close_code_is_valid(uint16_t code) {
    if (code >= 3000 && code <= 4999) return true;
    if (code < 1000 || code > 1014) return false;
    return code != 1004 && code != 1005 && code != 1006;
}
