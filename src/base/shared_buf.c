// shared_buf.c - header and bytes in one allocation.
#include "base/shared_buf.h"

#include <stddef.h>

static SharedSlice later_slice(const SharedBuf *later);

SharedBuf *shared_buf_create(uint32_t capacity) {
    SharedBuf *buf = mem_alloc(offsetof(SharedBuf, data) + (size_t)capacity);
    atomic_init(&buf->refs, 1);
    buf->count = 0;
    buf->capacity = capacity;
    atomic_init(&buf->later, SHARED_BYTES);
    return buf;
}

SharedBuf *shared_buf_of(Bytes bytes) {
    SharedBuf *buf = shared_buf_create(bytes.count);
    if (bytes.count > 0) memcpy(buf->data, bytes.data, bytes.count);
    buf->count = bytes.count;
    return buf;
}

void shared_buf_unref(SharedBuf *buf) {
    if (buf == NULL) return;
    // Release: our reads of the bytes come before the free. Acquire: so do everybody else's.
    uint32_t before = atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before > 1) return;
    if (atomic_load_explicit(&buf->later, memory_order_relaxed) == SHARED_THERE) {
        shared_buf_unref(later_slice(buf).buf);
    }
    mem_free(buf);
}

// ---- slices that come later ----

static SharedSlice later_slice(const SharedBuf *later) {
    SharedSlice slice;
    ASSERT(later->count == sizeof slice);
    memcpy(&slice, later->data, sizeof slice);
    return slice;
}

SharedSlice shared_later_create(void) {
    SharedBuf *later = shared_buf_create(sizeof(SharedSlice));
    atomic_init(&later->later, SHARED_AWAITED);
    return (SharedSlice){.buf = later};
}

void shared_later_fill(SharedBuf *later, SharedSlice slice) {
    ASSERT(slice.count > 0 && slice.buf != NULL);
    ASSERT(atomic_load_explicit(&later->later, memory_order_relaxed) == SHARED_AWAITED);
    memcpy(later->data, &slice, sizeof slice);
    later->count = sizeof slice;
    atomic_store_explicit(&later->later, SHARED_THERE, memory_order_release);
}

bool shared_later_take(SharedSlice later, SharedSlice *ret_slice) {
    SharedBuf *buf = later.buf;
    ASSERT(shared_slice_is_later(later) && buf != NULL);
    uint32_t state = atomic_load_explicit(&buf->later, memory_order_acquire);
    ASSERT(state == SHARED_AWAITED || state == SHARED_THERE);
    if (state == SHARED_AWAITED) return false;
    *ret_slice = later_slice(buf);
    atomic_store_explicit(&buf->later, SHARED_TAKEN, memory_order_release);
    return true;
}

uint32_t shared_later_bytes(const SharedBuf *later) {
    uint32_t state = atomic_load_explicit(&later->later, memory_order_acquire);
    ASSERT(state != SHARED_BYTES);
    return state == SHARED_AWAITED ? 0 : later_slice(later).count;
}

bool shared_later_is_open(const SharedBuf *later) {
    return atomic_load_explicit(&later->refs, memory_order_relaxed) > 1 &&
           atomic_load_explicit(&later->later, memory_order_relaxed) != SHARED_TAKEN;
}
