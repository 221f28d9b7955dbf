// shared_buf.h - immutable, counted bytes that threads hand to each other.
//
// Threads    ref and unref from any thread; the bytes are written before the first hand-over and never after.
// Lifetime   until the last shared_buf_unref.
#pragma once

#include "base/bytes.h"

#include <stdatomic.h>

// What a SharedBuf holds: bytes, or the place of a slice that comes later.
typedef enum SharedLater { SHARED_BYTES, SHARED_AWAITED, SHARED_THERE, SHARED_TAKEN } SharedLater;

typedef struct SharedBuf {
    _Atomic uint32_t refs;  // relaxed up, acquire-release down: the last holder frees
    uint32_t count;  // bytes written so far; only the creator appends, before or between hand-overs
    uint32_t capacity;
    // SharedLater. Who fills stores with release, who takes loads with acquire and passes it on with release: whoever
    // sees that the slice is there, or was, sees the slice.
    _Atomic uint32_t later;
    uint8_t data[];
} SharedBuf;

// One reference, count 0, room for `capacity` bytes.
SharedBuf *shared_buf_create(uint32_t capacity);
// A copy of the bytes.
SharedBuf *shared_buf_of(Bytes bytes);
static inline SharedBuf *shared_buf_ref(SharedBuf *buf) {
    atomic_fetch_add_explicit(&buf->refs, 1, memory_order_relaxed);
    return buf;
}
void shared_buf_unref(SharedBuf *buf);  // accepts NULL

// A counted slice: what an outbox holds. The slice owns one reference. count == 0: its bytes come later, see below.
typedef struct SharedSlice {
    SharedBuf *buf;
    uint32_t at;
    uint32_t count;
} SharedSlice;

static inline Bytes shared_slice_bytes(SharedSlice slice) {
    return (Bytes){slice.buf->data + slice.at, slice.count};
}

// ---- slices that come later ----
//
// A place in a queue that is taken before its bytes are there: a slice without bytes, whose buffer somebody fills once
// with the real one. Nobody is told; who waits for it looks again when it is told of something else (net_gates_opened).

SharedSlice shared_later_create(void);
// Takes the slice's reference; it is not empty. Any thread, once.
void shared_later_fill(SharedBuf *later, SharedSlice slice);
static inline bool shared_slice_is_later(SharedSlice slice) {
    return slice.count == 0;
}
// False while it is not there; else the slice, with its reference. One thread, once.
bool shared_later_take(SharedSlice later, SharedSlice *ret_slice);
// How many bytes it has; 0: they are not there yet. Any thread that holds a reference.
uint32_t shared_later_bytes(const SharedBuf *later);
// Whether somebody else still waits for it, or has not taken it: whoever asks holds one reference. Any thread.
bool shared_later_is_open(const SharedBuf *later);
