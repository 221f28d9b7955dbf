// hostile_loop.c - a reducer that never returns, and one that takes long but does.
#include <spacetime/module.h>

STDB_REDUCER(spin, ctx) {
    for (volatile uint32_t i = 0;; i++) continue;
}

STDB_REDUCER(count_to, ctx, (uint64_t, limit)) {
    volatile uint64_t at = 0;
    while (at < limit) at = at + 1;
    return STDB_OK;
}
