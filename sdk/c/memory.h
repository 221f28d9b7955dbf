// memory.h - the memory of a call, as the library's own sources use it; modules use stdb_alloc and
// stdb_mark.
//
// Threads    none.   Lifetime   until memory_reset, with which every call from the host begins.
// Limits     the host's; running out ends the call with a panic.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Forgets everything, and takes note of how much memory there is.
void memory_reset(void);

// At least this many bytes, which belong to nobody: good until the next allocation.
uint8_t *memory_borrow(size_t bytes);

// How much can be borrowed without asking the host.
size_t memory_free(void);

// Makes the first bytes of what was last borrowed part of the call's memory.
void memory_keep(size_t bytes);

// Gives up everything above `top`, which stdb_mark returned.
void memory_release(uintptr_t top);
