// trap.h - what Wasmtime reports, as text. Private to host/wasm/.
//
// Threads    that of the call.
#pragma once

#include "host/instance.h"

#include <wasmtime.h>

// Appends "<cause>\nwasm backtrace:\n<frames>" (names demangled), or just the cause. Frees whichever is not NULL.
// cause: if the caller knows it (it may be needed), or data == NULL
void trap_take_text(wasmtime_error_t *error, wasm_trap_t *trap, Bytes cause, Buffer *text);
// The frames of a trap but the innermost `skip`, names demangled and copied into the arena.
uint32_t trap_frames(const wasm_trap_t *trap, uint32_t skip, Arena *arena, ModuleLogFrame *frames,
                     uint32_t frame_max);
