// shared_buf.c - header and bytes in one allocation.
#include "base/shared_buf.h"

#include <stddef.h>

SharedBuf *shared_buf_create(uint32_t capacity) {
    SharedBuf *buf = mem_alloc(offsetof(SharedBuf, data) + (size_t)capacity);
    atomic_init(&buf->refs, 1);
    buf->count = 0;
    buf->capacity = capacity;
    buf->reserved = 0;
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
    if (before == 1) mem_free(buf);
}
