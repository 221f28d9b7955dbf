// text.c - UTF-8 repair and Rust's debug formats.
#include "host/text.h"

static uint32_t sequence_count(const uint8_t *at, uint32_t left, bool *ret_valid);
static uint32_t debug_escape(Buffer *buffer, const uint8_t *at);

void text_write_lossy(Buffer *buffer, Bytes bytes) {
    uint32_t start = 0;  // of the valid run that has not been appended
    for (uint32_t at = 0; at < bytes.count;) {
        bool valid = false;
        uint32_t count = sequence_count(bytes.data + at, bytes.count - at, &valid);
        if (!valid) {
            buffer_append(buffer, bytes.data + start, at - start);
            buffer_append_text(buffer, "\xEF\xBF\xBD");
            start = at + count;
        }
        at += count;
    }
    if (bytes.count > start) buffer_append(buffer, bytes.data + start, bytes.count - start);
}

void text_write_debug(Buffer *buffer, Bytes text) {
    buffer_u8(buffer, '"');
    for (uint32_t at = 0; at < text.count;) at += debug_escape(buffer, text.data + at);
    buffer_u8(buffer, '"');
}

void text_write_duration(Buffer *buffer, uint64_t nanos) {
    static const struct {
        uint64_t nanos;
        int digits;
        const char *unit;
    } UNITS[] = {{1000000000, 9, "s"}, {1000000, 6, "ms"}, {1000, 3, "\xC2\xB5s"}, {1, 0, "ns"}};
    uint32_t unit = 0;
    while (unit < 3 && nanos < UNITS[unit].nanos) unit++;
    uint64_t rest = nanos % UNITS[unit].nanos;
    int digits = UNITS[unit].digits;
    while (digits > 0 && rest % 10 == 0) {
        rest /= 10;
        digits--;
    }
    buffer_append_format(buffer, "%llu", (unsigned long long)(nanos / UNITS[unit].nanos));
    if (digits > 0) buffer_append_format(buffer, ".%0*llu", digits, (unsigned long long)rest);
    buffer_append_text(buffer, UNITS[unit].unit);
}

// Bytes of the character at `at`, or of the invalid part there (at least 1) with *ret_valid false.
static uint32_t sequence_count(const uint8_t *at, uint32_t left, bool *ret_valid) {
    uint8_t lead = at[0];
    *ret_valid = lead < 0x80;
    if (lead < 0xC2 || lead > 0xF4) return 1;
    uint32_t wanted = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    // The second byte's range excludes overlong forms, surrogates and what lies past U+10FFFF.
    uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    for (uint32_t i = 1; i < wanted; i++) {
        if (i == left || at[i] < low || at[i] > high) return i;
        low = 0x80;
        high = 0xBF;
    }
    *ret_valid = true;
    return wanted;
}

// Appends the character at `at` of a valid text, escaped, and returns its bytes.
static uint32_t debug_escape(Buffer *buffer, const uint8_t *at) {
    static const char ESCAPES[][2] = {{'\t', 't'}, {'\n', 'n'}, {'\r', 'r'},
                                      {'\0', '0'}, {'"', '"'},  {'\\', '\\'}};
    for (uint32_t i = 0; i < sizeof ESCAPES / sizeof *ESCAPES; i++) {
        if (at[0] != (uint8_t)ESCAPES[i][0]) continue;
        buffer_u8(buffer, '\\');
        buffer_u8(buffer, (uint8_t)ESCAPES[i][1]);
        return 1;
    }
    if (at[0] < 0x20 || at[0] == 0x7F) {
        buffer_append_format(buffer, "\\u{%x}", at[0]);
        return 1;
    }
    if (at[0] == 0xC2 && at[1] < 0xA0) {  // U+0080 to U+009F
        buffer_append_format(buffer, "\\u{%x}", at[1]);
        return 2;
    }
    uint32_t count = at[0] < 0x80 ? 1 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    buffer_append(buffer, at, count);
    return count;
}
