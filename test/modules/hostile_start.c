// hostile_start.c - never gets through a function that the host runs before it asks for the
// description. The name of a preinit puts it first.
#include <spacetime/module.h>

__attribute__((export_name("__preinit__00_spin"))) void preinit_spin(void);

void preinit_spin(void) {
    for (volatile uint32_t i = 0;; i++) continue;
}

STDB_REDUCER(nothing, ctx) {
    return STDB_OK;
}
