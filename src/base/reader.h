// reader.h - reads untrusted bytes; a failure sticks and is checked once, at the end.
//
// Threads    a Reader belongs to its function.
// Lifetime   what it returns borrows from the input.
#pragma once

#include "base/bytes.h"

typedef struct Reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
} Reader;

static inline Reader reader_of(Bytes bytes) {
    // Never NULL: NULL + 0 is undefined, and reader_take's NULL means failure.
    const uint8_t *at = bytes.data ? bytes.data : (const uint8_t *)"";
    return (Reader){at, at + bytes.count, false};
}

static inline size_t reader_left(const Reader *reader) {
    return (size_t)(reader->end - reader->at);
}

static inline const uint8_t *reader_take(Reader *reader, size_t count) {
    if (reader_left(reader) < count) reader->failed = true;
    if (reader->failed) return NULL;
    reader->at += count;
    return reader->at - count;
}

// All of these return 0 after a failure.
static inline uint8_t reader_u8(Reader *reader) {
    const uint8_t *at = reader_take(reader, 1);
    return at ? *at : 0;
}
static inline uint16_t reader_u16(Reader *reader) {
    const uint8_t *at = reader_take(reader, 2);
    return at ? load_u16le(at) : 0;
}
static inline uint32_t reader_u32(Reader *reader) {
    const uint8_t *at = reader_take(reader, 4);
    return at ? load_u32le(at) : 0;
}
static inline uint64_t reader_u64(Reader *reader) {
    const uint8_t *at = reader_take(reader, 8);
    return at ? load_u64le(at) : 0;
}

// u32 length and that many bytes.
static inline Bytes reader_bytes(Reader *reader) {
    uint32_t count = reader_u32(reader);
    const uint8_t *at = reader_take(reader, count);
    return at ? (Bytes){at, count} : BYTES_NONE;
}

// The same, and it must be valid UTF-8.
Bytes reader_string(Reader *reader);
// Unsigned LEB128 of at most 64 bits.
uint64_t reader_varint(Reader *reader);

// An element count is believed only if the rest of the input could hold that many.
static inline uint32_t reader_count(Reader *reader, uint32_t element_bytes_min) {
    ASSERT(element_bytes_min > 0);  // arrays of empty products go through reader_count_limited
    uint32_t count = reader_u32(reader);
    if (count > reader_left(reader) / element_bytes_min) reader->failed = true;
    return reader->failed ? 0 : count;
}
static inline uint32_t reader_count_limited(Reader *reader, uint32_t count_max) {
    uint32_t count = reader_u32(reader);
    if (count > count_max) reader->failed = true;
    return reader->failed ? 0 : count;
}

// True if nothing failed. Trailing bytes are the caller's business (reader_left).
static inline bool reader_ok(const Reader *reader) {
    return !reader->failed;
}
// True if nothing failed and everything was read.
static inline bool reader_finish(const Reader *reader) {
    return !reader->failed && reader->at == reader->end;
}
