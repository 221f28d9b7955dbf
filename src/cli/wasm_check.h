// wasm_check.h - does a compiled Rust module need what only browsers have?
//
// Threads    any.
// Limits     MODULE_PROGRAM_BYTES_MAX.
// Format     WebAssembly 1.0, 5.5.5 (imports) and 5.5.10 (exports).
#pragma once

#include "cli/command.h"

// STATUS_INVALID if the file imports or exports names of wasm-bindgen, or getrandom's hook.
Status wasm_check(Cli *cli, const char *path);
