// bytes.h - borrowed bytes, growing buffers, little-endian loads and stores.
//
// Threads    none of it is shared.
// Lifetime   Bytes borrow; a Buffer owns its memory until buffer_done.
// Limits     a Buffer has a maximum given at init; going past it sets `failed`, it never allocates more.
#pragma once

#include "base/assert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct Bytes {
    const uint8_t *data;
    uint32_t count;
} Bytes;

#define BYTES_NONE ((Bytes){NULL, 0})
// Bytes of a string literal, without its terminating zero.
#define BYTES_LITERAL(text) ((Bytes){(const uint8_t *)("" text), (uint32_t)(sizeof(text) - 1)})
// For printf's "%.*s".
#define BYTES_FORMAT(bytes) (int)(bytes).count, (const char *)(bytes).data

static inline Bytes bytes_of(const void *data, size_t count) {
    ASSERT(count <= UINT32_MAX);
    return (Bytes){(const uint8_t *)data, (uint32_t)count};
}

static inline Bytes bytes_of_text(const char *text) {
    return bytes_of(text, strlen(text));
}

static inline bool bytes_equal(Bytes a, Bytes b) {
    return a.count == b.count && (a.count == 0 || memcmp(a.data, b.data, a.count) == 0);
}

static inline bool bytes_equal_text(Bytes a, const char *text) {
    return bytes_equal(a, bytes_of_text(text));
}

// Lexicographic, shorter first; <0, 0, >0.
int bytes_compare(Bytes a, Bytes b);

// A part of `bytes`; the range must lie inside.
static inline Bytes bytes_slice(Bytes bytes, uint32_t at, uint32_t count) {
    ASSERT(at <= bytes.count && count <= bytes.count - at);
    return (Bytes){at == 0 ? bytes.data : bytes.data + at, count};
}

// ---- little-endian ----

#define LOAD_STORE(bits)                                                   \
    static inline uint##bits##_t load_u##bits##le(const void *at) {        \
        uint##bits##_t value;                                              \
        memcpy(&value, at, sizeof value);                                  \
        return value;                                                      \
    }                                                                      \
    static inline void store_u##bits##le(void *at, uint##bits##_t value) { \
        memcpy(at, &value, sizeof value);                                  \
    }
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "loads and stores are plain copies");
LOAD_STORE(16)
LOAD_STORE(32)
LOAD_STORE(64)
#undef LOAD_STORE

// ---- Buffer ----

typedef struct Buffer {
    uint8_t *data;
    size_t count;
    size_t capacity;
    size_t max;   // bytes; a write past it sets failed
    bool failed;  // sticky; check once at the end
} Buffer;

void buffer_init(Buffer *buffer, size_t max);
void buffer_done(Buffer *buffer);  // accepts a zeroed Buffer
// Empties it for reuse, keeping the memory; clears `failed`.
void buffer_clear(Buffer *buffer);
// The slow path of buffer_reserve; nobody else calls it.
uint8_t *buffer_grow(Buffer *buffer, size_t count);
// Makes room for `count` more bytes and returns where they go, or NULL (failed). Does not advance count.
static inline uint8_t *buffer_reserve(Buffer *buffer, size_t count) {
    if (buffer->failed || buffer->capacity - buffer->count < count || buffer->data == NULL) {
        return buffer_grow(buffer, count);
    }
    return buffer->data + buffer->count;
}
// Advances over `count` bytes written at buffer_reserve's place.
static inline void buffer_advance(Buffer *buffer, size_t count) {
    ASSERT(count <= buffer->capacity - buffer->count);
    buffer->count += count;
}
// data may be NULL if count is 0; it must not lie in the buffer itself.
static inline void buffer_append(Buffer *buffer, const void *data, size_t count) {
    uint8_t *at = buffer_reserve(buffer, count);
    if (at == NULL || count == 0) return;
    memcpy(at, data, count);
    buffer->count += count;
}
static inline void buffer_append_bytes(Buffer *buffer, Bytes bytes) {
    buffer_append(buffer, bytes.data, bytes.count);
}
void buffer_append_text(Buffer *buffer, const char *text);
void buffer_append_format(Buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline void buffer_u8(Buffer *buffer, uint8_t value) {
    buffer_append(buffer, &value, sizeof value);
}
static inline void buffer_u16(Buffer *buffer, uint16_t value) {
    buffer_append(buffer, &value, sizeof value);  // little-endian: asserted above
}
static inline void buffer_u32(Buffer *buffer, uint32_t value) {
    buffer_append(buffer, &value, sizeof value);
}
static inline void buffer_u64(Buffer *buffer, uint64_t value) {
    buffer_append(buffer, &value, sizeof value);
}
// u32 length, then the bytes: a BSATN string or byte array.
static inline void buffer_string(Buffer *buffer, Bytes bytes) {
    buffer_u32(buffer, bytes.count);
    buffer_append_bytes(buffer, bytes);
}
// Unsigned LEB128.
void buffer_varint(Buffer *buffer, uint64_t value);
// Lower-case hex of the bytes, most significant first as stored.
void buffer_append_hex(Buffer *buffer, Bytes bytes);
// What is in it; valid until the next write.
static inline Bytes buffer_bytes(const Buffer *buffer) {
    return bytes_of(buffer->data, buffer->count);
}
// Moves the memory out (the caller frees it with mem_free) and leaves the buffer empty.
uint8_t *buffer_take(Buffer *buffer, size_t *ret_count);

// ---- memory: the only callers of malloc are in base/ ----

// Abort when there is no memory left; count may be 0.
void *mem_alloc(size_t count);
void *mem_alloc_zero(size_t count);
void *mem_realloc(void *memory, size_t count);
// `alignment` is a power of two.
void *mem_alloc_aligned(size_t alignment, size_t count);
// Also what a C library's malloc made and gave us to free.
void mem_free(void *memory);
// A zero-terminated copy, freed with mem_free.
char *mem_copy_text(Bytes bytes);

// ---- checked arithmetic ----

// True when it fits; *ret is written only then.
static inline bool checked_add(size_t a, size_t b, size_t *ret) {
    return !__builtin_add_overflow(a, b, ret);
}
static inline bool checked_mul(size_t a, size_t b, size_t *ret) {
    return !__builtin_mul_overflow(a, b, ret);
}

// Decodes hex of either case; false if a digit is wrong or the length is not 2 * count.
bool hex_decode(Bytes text, uint8_t *ret_bytes, size_t count);
// Strict UTF-8 (no surrogates, no overlong forms).
bool utf8_is_valid(Bytes bytes);
// The largest count <= count_max at which `bytes` can be cut without splitting a UTF-8 sequence.
uint32_t utf8_cut(Bytes bytes, uint32_t count_max);
