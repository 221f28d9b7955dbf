// arena.h - memory that goes all at once: a chain of blocks, bumped.
//
// Threads    one owner at a time.
// Lifetime   until arena_clear or arena_done; pointers into it do not move.
// Limits     `max` bytes given at init; past it the process aborts (a caller that takes outside sizes
//            checks them first: §10 of STYLE, limits keep us from getting there).
#pragma once

#include "base/bytes.h"

typedef struct ArenaBlock ArenaBlock;

typedef struct Arena {
    uint8_t *at;
    uint8_t *end;
    ArenaBlock *blocks;  // newest first
    size_t used;         // bytes in older blocks, for `max`
    size_t max;
} Arena;

void arena_init(Arena *arena, size_t max);
void arena_done(Arena *arena);  // accepts a zeroed Arena
// Forgets everything, keeps one block for reuse. Poisons it in sanitizer builds.
void arena_clear(Arena *arena);
// 16-byte aligned, not zeroed. count may be 0.
void *arena_alloc(Arena *arena, size_t count);
void *arena_alloc_zero(Arena *arena, size_t count);
// A copy; the result borrows from the arena.
Bytes arena_copy(Arena *arena, Bytes bytes);
// A zero-terminated copy.
char *arena_copy_text(Arena *arena, Bytes bytes);
// A formatted, zero-terminated text.
Bytes arena_format(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(arena, Type) ((Type *)arena_alloc_zero((arena), sizeof(Type)))
#define ARENA_ARRAY(arena, Type, count) \
    ((Type *)arena_alloc_zero((arena), sizeof(Type) * (size_t)(count)))
