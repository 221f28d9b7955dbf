// memory.c - the memory of a call, and the C library's memory functions.
//
// One bump pointer over everything from the end of the module's data to the end of its linear
// memory. Every call from the host begins by setting it back; the host is asked for more pages when
// it runs out. Above the pointer memory is free to scribble in: buffers that nobody keeps are
// borrowed there (memory_borrow) and what turned out to be wanted is then kept.
#include "memory.h"

#include <spacetime/module.h>

#define PAGE_BYTES 65536u
// Asked for at once, so that small calls do not ask page by page.
#define GROW_PAGES 16u
#define ALIGNMENT 16u

extern uint8_t __heap_base;

static uintptr_t memory_top;
static uintptr_t memory_end;

static void memory_grow(size_t bytes);

void memory_reset(void) {
    memory_top = ((uintptr_t)&__heap_base + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memory_end = __builtin_wasm_memory_size(0) * PAGE_BYTES;
}

uint8_t *memory_borrow(size_t bytes) {
    if (memory_end - memory_top < bytes) memory_grow(bytes);
    return (uint8_t *)memory_top;
}

size_t memory_free(void) {
    return memory_end - memory_top;
}

void memory_keep(size_t bytes) {
    if (bytes > memory_end - memory_top) stdb_panic("kept %zu bytes that were not borrowed", bytes);
    size_t room = (ALIGNMENT - bytes % ALIGNMENT) % ALIGNMENT;
    if (memory_end - memory_top - bytes < room) memory_grow(bytes + room);
    memory_top += bytes + room;
}

void *stdb_alloc(size_t bytes) {
    void *memory = memory_borrow(bytes);
    memory_keep(bytes);
    return memset(memory, 0, bytes);
}

void *stdb_alloc_array(uint64_t count, size_t item_bytes) {
    size_t bytes;
    if (__builtin_mul_overflow(count, item_bytes, &bytes)) {
        stdb_panic("out of memory: %llu items of %zu bytes", (unsigned long long)count, item_bytes);
    }
    return stdb_alloc(bytes);
}

StdbMark stdb_mark(void) {
    return (StdbMark){memory_top};
}

void memory_release(uintptr_t top) {
    if (top > memory_top) stdb_panic("stdb_release: not a mark of this call, or released before");
    memory_top = top;
}

static void memory_grow(size_t bytes) {
    size_t wanted = (bytes - (memory_end - memory_top)) / PAGE_BYTES + 1;
    size_t pages = wanted < GROW_PAGES ? GROW_PAGES : wanted;
    if (__builtin_wasm_memory_grow(0, pages) == SIZE_MAX &&
        __builtin_wasm_memory_grow(0, wanted) == SIZE_MAX) {
        stdb_panic("out of memory: %zu bytes more", bytes);
    }
    memory_end = __builtin_wasm_memory_size(0) * PAGE_BYTES;
}

// With bulk memory the builtins are single instructions; without, the compiler would turn them into
// calls of these very functions.
#ifndef __wasm_bulk_memory__
#error "the module library needs -mbulk-memory"
#endif

void *memcpy(void *restrict target, const void *restrict source, size_t count) {
    return __builtin_memcpy(target, source, count);
}

void *memmove(void *target, const void *source, size_t count) {
    return __builtin_memmove(target, source, count);
}

void *memset(void *target, int byte, size_t count) {
    return __builtin_memset(target, byte, count);
}

int memcmp(const void *left, const void *right, size_t count) {
    const uint8_t *a = left;
    const uint8_t *b = right;
    for (size_t i = 0; i < count; i++) {
        if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
    }
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length] != 0) length++;
    return length;
}

int strcmp(const char *left, const char *right) {
    while (*left != 0 && *left == *right) {
        left++;
        right++;
    }
    return (int)(uint8_t)*left - (int)(uint8_t)*right;
}
