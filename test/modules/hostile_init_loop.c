// hostile_init_loop.c - never gets through its init.
#include <spacetime/module.h>

STDB_INIT(ctx) {
    for (volatile uint32_t i = 0;; i++) continue;
}
