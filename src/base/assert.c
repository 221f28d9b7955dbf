// assert.c - the last words of a process that found itself wrong.
//
// Nothing here allocates on purpose or takes a lock: the heap may be what is broken.
#include "base/assert.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STACK_FRAMES_MAX 64

_Noreturn void assert_failed(const char *file, int line, const char *text) {
    void *frames[STACK_FRAMES_MAX];
    dprintf(STDERR_FILENO, "%s:%d: assertion failed: %s\n", file, line, text);
    backtrace_symbols_fd(frames, backtrace(frames, STACK_FRAMES_MAX), STDERR_FILENO);
    abort();
}
