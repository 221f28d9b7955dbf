// url.c - percent decoding of paths and query strings (application/x-www-form-urlencoded).
#include "net/net.h"

static bool percent_decode(const uint8_t *at, uint8_t *ret_byte);
static uint32_t find_byte(Bytes bytes, uint32_t from, uint8_t byte);

bool url_decode(Bytes text, UrlPart part, Arena *arena, Bytes *ret_text) {
    uint8_t *to = arena_alloc(arena, text.count);
    uint32_t count = 0;
    for (uint32_t at = 0; at < text.count; at++) {
        uint8_t byte = text.data[at];
        if (byte == '+' && part == URL_QUERY) {
            byte = ' ';
        } else if (byte == '%') {
            if (text.count - at < 3 || !percent_decode(text.data + at + 1, &byte)) return false;
            at += 2;
        }
        to[count++] = byte;
    }
    Bytes decoded = bytes_of(to, count);
    if (!utf8_is_valid(decoded)) return false;
    *ret_text = decoded;
    return true;
}

static bool percent_decode(const uint8_t *at, uint8_t *ret_byte) {
    return hex_decode(bytes_of(at, 2), ret_byte, 1);
}

bool url_query_find(Bytes query, const char *name, Arena *arena, Bytes *ret_value) {
    uint32_t at = 0;
    while (at < query.count) {
        uint32_t end = find_byte(query, at, '&');
        Bytes pair = bytes_slice(query, at, end - at);
        at = end + 1;
        uint32_t equals = find_byte(pair, 0, '=');
        Bytes key;
        if (!url_decode(bytes_slice(pair, 0, equals), URL_QUERY, arena, &key)) return false;
        if (!bytes_equal_text(key, name)) continue;
        Bytes value = BYTES_LITERAL("");
        if (equals < pair.count) value = bytes_slice(pair, equals + 1, pair.count - equals - 1);
        return url_decode(value, URL_QUERY, arena, ret_value);
    }
    *ret_value = BYTES_NONE;
    return true;
}

// The place of that byte, or the end.
static uint32_t find_byte(Bytes bytes, uint32_t from, uint8_t byte) {
    if (from == bytes.count) return from;
    const uint8_t *found = memchr(bytes.data + from, byte, bytes.count - from);
    return found ? (uint32_t)(found - bytes.data) : bytes.count;
}
