// uuid.c - uuids are u128 numbers, little-endian inside; their text is the big-endian bytes
// (sats.md 7.5).
#include "sats/sats.h"

#define UUID_BYTES 16u
#define UUID_SIMPLE_COUNT 32u
#define UUID_HYPHENATED_COUNT 36u
#define UUID_URN_PREFIX "urn:uuid:"

// A hyphen stands before these bytes.
static bool has_hyphen_before(uint32_t byte) {
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void uuid_write_text(Buffer *buffer, const uint8_t *at) {
    for (uint32_t i = 0; i < UUID_BYTES; i++) {
        if (has_hyphen_before(i)) buffer_u8(buffer, '-');
        buffer_append_hex(buffer, (Bytes){at + UUID_BYTES - 1 - i, 1});
    }
}

bool uuid_parse(Bytes text, uint8_t ret_bytes[16]) {
    const uint32_t prefix = sizeof UUID_URN_PREFIX - 1;
    if (text.count == UUID_HYPHENATED_COUNT + 2 && text.data[0] == '{' &&
        text.data[text.count - 1] == '}') {
        text = bytes_slice(text, 1, UUID_HYPHENATED_COUNT);
    } else if (text.count == UUID_HYPHENATED_COUNT + prefix &&
               memcmp(text.data, UUID_URN_PREFIX, prefix) == 0) {
        text = bytes_slice(text, prefix, UUID_HYPHENATED_COUNT);
    }
    bool is_hyphenated = text.count == UUID_HYPHENATED_COUNT;
    if (!is_hyphenated && text.count != UUID_SIMPLE_COUNT) return false;
    uint8_t bytes[UUID_BYTES];
    uint32_t at = 0;
    for (uint32_t i = 0; i < UUID_BYTES; i++) {
        if (is_hyphenated && has_hyphen_before(i) && text.data[at++] != '-') return false;
        if (!hex_decode(bytes_slice(text, at, 2), &bytes[UUID_BYTES - 1 - i], 1)) return false;
        at += 2;
    }
    memcpy(ret_bytes, bytes, UUID_BYTES);
    return true;
}
