// shared_buf.h - immutable, counted bytes that threads hand to each other.
//
// Threads    ref and unref from any thread; the bytes are written before the first hand-over and never after.
// Lifetime   until the last shared_buf_unref.
#pragma once

#include "base/bytes.h"

#include <stdatomic.h>

typedef struct SharedBuf {
    _Atomic uint32_t refs;  // relaxed up, acquire-release down: the last holder frees
    uint32_t count;  // bytes written so far; only the creator appends, before or between hand-overs
    uint32_t capacity;
    uint32_t reserved;
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

// A counted slice: what an outbox holds. The slice owns one reference.
typedef struct SharedSlice {
    SharedBuf *buf;
    uint32_t at;
    uint32_t count;
} SharedSlice;

static inline Bytes shared_slice_bytes(SharedSlice slice) {
    return (Bytes){slice.buf->data + slice.at, slice.count};
}
