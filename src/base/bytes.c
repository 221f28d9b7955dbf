// bytes.c - growing buffers, hex, UTF-8, and the process's only calls of malloc.
//
// A Buffer doubles until its maximum. `failed` is set by the write that did not fit; from then on every
// write is a no-op, so that a writer looks at it once, at the end.
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUFFER_BYTES_MIN 64u

static const char HEX_DIGITS[] = "0123456789abcdef";

static void *mem_checked(void *memory);
static int hex_digit(uint8_t digit);
static uint32_t utf8_sequence(const uint8_t *at, const uint8_t *end);

int bytes_compare(Bytes a, Bytes b) {
    uint32_t common = a.count < b.count ? a.count : b.count;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0) return order;
    return (a.count > b.count) - (a.count < b.count);
}

void buffer_init(Buffer *buffer, size_t max) {
    *buffer = (Buffer){.max = max};
}

void buffer_done(Buffer *buffer) {
    mem_free(buffer->data);
    *buffer = (Buffer){.max = buffer->max};
}

void buffer_clear(Buffer *buffer) {
    buffer->count = 0;
    buffer->failed = false;
}

uint8_t *buffer_grow(Buffer *buffer, size_t count) {
    ASSERT(buffer->count <= buffer->max);
    if (count > buffer->max - buffer->count) buffer->failed = true;
    if (buffer->failed) return NULL;
    size_t needed = buffer->count + count;
    size_t capacity = buffer->capacity > buffer->max / 2 ? buffer->max : buffer->capacity * 2;
    if (capacity < BUFFER_BYTES_MIN) capacity = BUFFER_BYTES_MIN;
    if (capacity > buffer->max) capacity = buffer->max;
    if (capacity < needed) capacity = needed;
    buffer->data = mem_realloc(buffer->data, capacity);
    buffer->capacity = capacity;
    return buffer->data + buffer->count;
}

void buffer_append_text(Buffer *buffer, const char *text) {
    buffer_append(buffer, text, strlen(text));
}

void buffer_append_format(Buffer *buffer, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ASSERT(count >= 0);
    if ((size_t)count < sizeof text) {
        buffer_append(buffer, text, (size_t)count);
        return;
    }
    if (buffer_reserve(buffer, (size_t)count) == NULL) return;
    // A second buffer, because vsnprintf's terminating zero may not fit below `max`.
    char *long_text = mem_alloc((size_t)count + 1);
    va_start(arguments, format);
    vsnprintf(long_text, (size_t)count + 1, format, arguments);
    va_end(arguments);
    buffer_append(buffer, long_text, (size_t)count);
    mem_free(long_text);
}

void buffer_varint(Buffer *buffer, uint64_t value) {
    while (value >= 0x80) {
        buffer_u8(buffer, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    buffer_u8(buffer, (uint8_t)value);
}

void buffer_append_hex(Buffer *buffer, Bytes bytes) {
    uint8_t *at = buffer_reserve(buffer, (size_t)bytes.count * 2);
    if (at == NULL) return;
    for (uint32_t i = 0; i < bytes.count; i++) {
        *at++ = (uint8_t)HEX_DIGITS[bytes.data[i] >> 4];
        *at++ = (uint8_t)HEX_DIGITS[bytes.data[i] & 15];
    }
    buffer_advance(buffer, (size_t)bytes.count * 2);
}

uint8_t *buffer_take(Buffer *buffer, size_t *ret_count) {
    uint8_t *data = buffer->data;
    *ret_count = buffer->count;
    *buffer = (Buffer){.max = buffer->max};
    return data;
}

void *mem_alloc(size_t count) {
    return mem_checked(malloc(count > 0 ? count : 1));
}

void *mem_alloc_zero(size_t count) {
    return mem_checked(calloc(1, count > 0 ? count : 1));
}

void *mem_realloc(void *memory, size_t count) {
    return mem_checked(realloc(memory, count > 0 ? count : 1));
}

void *mem_alloc_aligned(size_t alignment, size_t count) {
    ASSERT(alignment > 0 && (alignment & (alignment - 1)) == 0);
    void *memory = NULL;
    if (alignment < sizeof(void *)) alignment = sizeof(void *);
    int failure = posix_memalign(&memory, alignment, count > 0 ? count : 1);
    return mem_checked(failure ? NULL : memory);
}

void mem_free(void *memory) {
    free(memory);
}

char *mem_copy_text(Bytes bytes) {
    char *text = mem_alloc((size_t)bytes.count + 1);
    if (bytes.count > 0) memcpy(text, bytes.data, bytes.count);
    text[bytes.count] = 0;
    return text;
}

static void *mem_checked(void *memory) {
    if (memory == NULL) assert_failed(__FILE__, __LINE__, "out of memory");
    return memory;
}

bool hex_decode(Bytes text, uint8_t *ret_bytes, size_t count) {
    if (text.count % 2 != 0 || text.count / 2 != count) return false;
    for (uint32_t i = 0; i < text.count; i++) {
        if (hex_digit(text.data[i]) < 0) return false;
    }
    for (size_t i = 0; i < count; i++) {
        int high = hex_digit(text.data[2 * i]);
        int low = hex_digit(text.data[2 * i + 1]);
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int hex_digit(uint8_t digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

bool utf8_is_valid(Bytes bytes) {
    if (bytes.count == 0) return true;
    const uint8_t *at = bytes.data;
    const uint8_t *end = at + bytes.count;
    while (at < end) {
        // Eight ASCII bytes at a time: nearly all text is ASCII.
        while (end - at >= 8 && (load_u64le(at) & 0x8080808080808080u) == 0) at += 8;
        if (at == end) break;
        uint32_t count = utf8_sequence(at, end);
        if (count == 0) return false;
        at += count;
    }
    return true;
}

// Bytes of the sequence at `at`, 0 if it is malformed (Unicode 15, table 3-7).
static uint32_t utf8_sequence(const uint8_t *at, const uint8_t *end) {
    uint8_t lead = *at;
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    uint32_t count = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if ((size_t)(end - at) < count) return 0;
    uint8_t second_min = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t second_max = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < second_min || at[1] > second_max) return 0;
    for (uint32_t i = 2; i < count; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
    }
    return count;
}

uint32_t utf8_cut(Bytes bytes, uint32_t count_max) {
    if (bytes.count <= count_max) return bytes.count;
    uint32_t count = count_max;
    while (count > 0 && count_max - count < 3 && (bytes.data[count] & 0xc0) == 0x80) count--;
    // Not UTF-8 at all: any place is as good as another.
    return (bytes.data[count] & 0xc0) == 0x80 ? count_max : count;
}
