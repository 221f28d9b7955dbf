// call_text.h - what a call that cannot be says: which functions there are, which arguments they take.
//
// Threads    any.
// Lifetime   texts in cli->arena.
// Limits     CALL_TEXT_DEPTH_MAX.        Format  spec: cli.md 8.7.
#pragma once

#include "cli/remote.h"

// Types within types in a signature: deeper ones, and those that contain themselves, end in "...".
#define CALL_TEXT_DEPTH_MAX 16u

typedef struct CallContext {
    const Remote *remote;
    const ModuleInfo *module;
    const FunctionInfo *function;  // NULL: there is none of that name
    const char *name;
} CallContext;

// "No such reducer OR procedure ...", and what may have been meant.
const char *call_text_unknown(Cli *cli, const CallContext *context);
// "Invalid arguments provided for ...", and the function's signature.
const char *call_text_arguments(Cli *cli, const CallContext *context, Bytes answer);
