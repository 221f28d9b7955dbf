// arena.c - blocks that double, newest first; allocation moves a pointer.
//
//   blocks -> | previous, bytes | ....used.... at | ....free.... end |
//
// What lies between `at` and `end`, and the gap that rounds an allocation up to 16 bytes, is poisoned in
// sanitizer builds. Since blocks double, an arena that is cleared and filled alike soon allocates nothing.
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#define ARENA_ALIGNMENT 16u
#define ARENA_BLOCK_BYTES_MIN 4096u
// Larger blocks are not made ahead of need.
#define ARENA_BLOCK_BYTES_MAX (64u << 20)
// A block larger than this is given back by arena_clear: idle arenas should cost little.
#define ARENA_KEPT_BYTES_MAX (1u << 20)

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define ARENA_POISONS
#endif

#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, count) ((void)(at), (void)(count))
#define ASAN_UNPOISON_MEMORY_REGION(at, count) ((void)(at), (void)(count))
#endif

struct ArenaBlock {
    ArenaBlock *previous;
    size_t bytes;  // of `data`
    _Alignas(ARENA_ALIGNMENT) uint8_t data[];
};

static void arena_grow(Arena *arena, size_t count);
static void block_free(ArenaBlock *block);

void arena_init(Arena *arena, size_t max) {
    // Rounded up, so that one allocation of `max` bytes fits.
    size_t rounded = max > SIZE_MAX - ARENA_ALIGNMENT ? max : max + ARENA_ALIGNMENT - 1;
    *arena = (Arena){.max = rounded & ~(size_t)(ARENA_ALIGNMENT - 1)};
}

void arena_done(Arena *arena) {
    for (ArenaBlock *block = arena->blocks; block != NULL;) {
        ArenaBlock *previous = block->previous;
        block_free(block);
        block = previous;
    }
    *arena = (Arena){.max = arena->max};
}

void arena_clear(Arena *arena) {
    ArenaBlock *kept = arena->blocks;  // the newest is the largest, or made for one large request
    if (kept == NULL) return;
    for (ArenaBlock *block = kept->previous; block != NULL;) {
        ArenaBlock *previous = block->previous;
        block_free(block);
        block = previous;
    }
    kept->previous = NULL;
    if (kept->bytes > ARENA_KEPT_BYTES_MAX) {
        block_free(kept);
        *arena = (Arena){.max = arena->max};
        return;
    }
    ASAN_POISON_MEMORY_REGION(kept->data, kept->bytes);
    *arena = (Arena){kept->data, kept->data + kept->bytes, kept, 0, arena->max};
}

void *arena_alloc(Arena *arena, size_t count) {
    ASSERT(count <= SIZE_MAX - ARENA_ALIGNMENT);
    size_t rounded = (count + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    size_t left = (size_t)(arena->end - arena->at);
    if (arena->blocks == NULL || left < rounded) arena_grow(arena, rounded);
    uint8_t *memory = arena->at;
    arena->at += rounded;
    ASAN_UNPOISON_MEMORY_REGION(memory, count);
    return memory;
}

static void arena_grow(Arena *arena, size_t count) {
    size_t newest_bytes = 0;
    if (arena->blocks != NULL) {
        newest_bytes = arena->blocks->bytes;
        arena->used += (size_t)(arena->at - arena->blocks->data);
    }
    size_t left = arena->max - arena->used;
    if (count > left) assert_failed(__FILE__, __LINE__, "arena past its maximum");
    size_t bytes = newest_bytes * 2;
    if (bytes > ARENA_BLOCK_BYTES_MAX) bytes = ARENA_BLOCK_BYTES_MAX;
    if (bytes < ARENA_BLOCK_BYTES_MIN) bytes = ARENA_BLOCK_BYTES_MIN;
    if (bytes > left) bytes = left;
    if (bytes < count) bytes = count;
    ArenaBlock *block = mem_alloc(sizeof(ArenaBlock) + bytes);
    block->previous = arena->blocks;
    block->bytes = bytes;
    ASAN_POISON_MEMORY_REGION(block->data, bytes);
    arena->blocks = block;
    arena->at = block->data;
    arena->end = block->data + bytes;
}

static void block_free(ArenaBlock *block) {
    ASAN_UNPOISON_MEMORY_REGION(block->data, block->bytes);
    mem_free(block);
}

void *arena_alloc_zero(Arena *arena, size_t count) {
    return memset(arena_alloc(arena, count), 0, count);
}

Bytes arena_copy(Arena *arena, Bytes bytes) {
    uint8_t *copy = arena_alloc(arena, bytes.count);
    if (bytes.count > 0) memcpy(copy, bytes.data, bytes.count);
    return (Bytes){copy, bytes.count};
}

char *arena_copy_text(Arena *arena, Bytes bytes) {
    char *copy = arena_alloc(arena, (size_t)bytes.count + 1);
    if (bytes.count > 0) memcpy(copy, bytes.data, bytes.count);
    copy[bytes.count] = 0;
    return copy;
}

Bytes arena_format(Arena *arena, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ASSERT(count >= 0);
    char *copy = arena_alloc(arena, (size_t)count + 1);
    if ((size_t)count < sizeof text) {
        memcpy(copy, text, (size_t)count + 1);
    } else {
        va_start(arguments, format);
        vsnprintf(copy, (size_t)count + 1, format, arguments);
        va_end(arguments);
    }
    return bytes_of(copy, (size_t)count);
}
