// hostile_stack.c - overflows the engine's stack by recursion, and the module's own by large frames.
#include <spacetime/module.h>

static uint32_t (*volatile again)(uint32_t);

__attribute__((noinline)) static uint32_t recurse(uint32_t depth) {
    return depth == 0 ? 0 : again(depth - 1) + 1;
}

__attribute__((noinline)) static uint32_t fill_frames(uint32_t depth) {
    volatile uint8_t frame[4096];
    for (uint32_t i = 0; i < sizeof frame; i += 512) frame[i] = (uint8_t)depth;
    return depth == 0 ? 0 : again(depth - 1) + frame[512];
}

STDB_REDUCER(deep, ctx, (uint32_t, depth)) {
    again = recurse;
    return recurse(depth) == depth ? STDB_OK : stdb_fail("wrong depth");
}

STDB_REDUCER(large_frames, ctx, (uint32_t, depth)) {
    again = fill_frames;
    stdb_log_info("%u", fill_frames(depth));
    return STDB_OK;
}
