// unicode.c - binary search in the tables of unicode_tables.h; ASCII without them.
#include "schema/unicode.h"

#include "schema/unicode_tables.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool ranges_contain(const UnicodeRange *ranges, size_t count, uint32_t character);
static uint32_t runs_apply(const CaseRun *runs, size_t count, uint32_t character);
static bool ascii_is_letter(uint32_t character);

uint32_t unicode_next(Bytes text, uint32_t *at) {
    ASSERT(*at < text.count);
    const uint8_t *bytes = text.data + *at;
    uint32_t count = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    ASSERT(count <= text.count - *at);
    uint32_t character = count == 1 ? bytes[0] : bytes[0] & (0x7fu >> count);
    for (uint32_t i = 1; i < count; i++) character = character << 6 | (bytes[i] & 0x3f);
    *at += count;
    return character;
}

void unicode_append(Buffer *buffer, uint32_t character) {
    if (character < 0x80) {
        buffer_u8(buffer, (uint8_t)character);
    } else if (character < 0x800) {
        buffer_u8(buffer, (uint8_t)(0xc0 | character >> 6));
        buffer_u8(buffer, (uint8_t)(0x80 | (character & 0x3f)));
    } else if (character < 0x10000) {
        buffer_u8(buffer, (uint8_t)(0xe0 | character >> 12));
        buffer_u8(buffer, (uint8_t)(0x80 | (character >> 6 & 0x3f)));
        buffer_u8(buffer, (uint8_t)(0x80 | (character & 0x3f)));
    } else {
        buffer_u8(buffer, (uint8_t)(0xf0 | character >> 18));
        buffer_u8(buffer, (uint8_t)(0x80 | (character >> 12 & 0x3f)));
        buffer_u8(buffer, (uint8_t)(0x80 | (character >> 6 & 0x3f)));
        buffer_u8(buffer, (uint8_t)(0x80 | (character & 0x3f)));
    }
}

bool unicode_is_xid_start(uint32_t character) {
    if (character < 0x80) return ascii_is_letter(character);
    return ranges_contain(XID_START, COUNT_OF(XID_START), character);
}

bool unicode_is_xid_continue(uint32_t character) {
    if (character < 0x80) {
        return ascii_is_letter(character) || character == '_' ||
               (character >= '0' && character <= '9');
    }
    return ranges_contain(XID_START, COUNT_OF(XID_START), character) ||
           ranges_contain(XID_CONTINUE_ONLY, COUNT_OF(XID_CONTINUE_ONLY), character);
}

uint32_t unicode_to_upper(uint32_t character) {
    if (character < 0x80) return character >= 'a' && character <= 'z' ? character - 32 : character;
    return runs_apply(TO_UPPER, COUNT_OF(TO_UPPER), character);
}

uint32_t unicode_to_lower(uint32_t character) {
    if (character < 0x80) return character >= 'A' && character <= 'Z' ? character + 32 : character;
    return runs_apply(TO_LOWER, COUNT_OF(TO_LOWER), character);
}

static bool ascii_is_letter(uint32_t character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

static bool ranges_contain(const UnicodeRange *ranges, size_t count, uint32_t character) {
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges[middle].last < character) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && ranges[low].first <= character;
}

// Runs may interleave (two alphabets in alternation), so they are not searched but walked.
static uint32_t runs_apply(const CaseRun *runs, size_t count, uint32_t character) {
    for (size_t i = 0; i < count && runs[i].first <= character; i++) {
        if (character > runs[i].last) continue;
        if ((character - runs[i].first) % (uint32_t)runs[i].step != 0) continue;
        return (uint32_t)((int32_t)character + runs[i].delta);
    }
    return character;
}
