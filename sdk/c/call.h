// call.h - what the library remembers about the call from the host that is running.
//
// Threads    none.   Lifetime   from call_begin to call_end.
#pragma once

#include <spacetime/module.h>

// What a call that began within another has to put back.
typedef struct CallFrame {
    bool is_nested;
    StdbMark mark;
    StdbString fail_text;
    uint32_t open_iters;
} CallFrame;

// Forgets the previous call; within one that runs, remembers how it stood.
CallFrame call_begin(void);
// Ends the call: gives up the iterators that the module left half read, and the memory of a nested
// one.
void call_end(const CallFrame *frame);

// The host's iterators do not go away by themselves: what is opened and not exhausted is noted
// here.
void call_note_iter(uint32_t handle);
void call_forget_iter(uint32_t handle);

// Reads all of a byte source of the host; 0 is the empty one.
StdbReader call_read_source(uint32_t source);
// Writes all bytes to a sink of the host.
void call_write_sink(uint32_t sink, const void *bytes, uint32_t count);
